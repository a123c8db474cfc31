#include "tokens/random.h"

#include <sys/random.h>

#include <cerrno>

#include "protocol/error.h"

namespace fob {

Bytes random_bytes(std::size_t count) {
  Bytes out(count);
  // Up to 256 bytes come whole (getrandom(2)).
  if (getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(count)) throw_system_error("getrandom", errno);
  return out;
}

}  // namespace fob
