#include "protocol/error.h"

#include <system_error>

namespace fob {

void throw_system_error(const std::string& what, int error_number) {
  throw Error(Errc::system, what + ": " + std::generic_category().message(error_number));
}

}  // namespace fob
