#include "cli/plain_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/descriptor.h"
#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

[[noreturn]] void throw_no_file(const std::string& path) {
  throw Error(Errc::refused, printable(path) + " is no regular file");
}

}  // namespace

PlainFile read_plain_file(const std::string& path, std::size_t max_bytes) {
  PlainFile out;
  // Opening a device may do something; opening a FIFO would wait for a writer but for O_NONBLOCK.
  if (stat(path.c_str(), &out.status) == 0 && !S_ISREG(out.status.st_mode)) throw_no_file(path);
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0 || fstat(file.get(), &out.status) != 0)
    throw_system_error("cannot read " + printable(path), errno);
  if (!S_ISREG(out.status.st_mode)) throw_no_file(path);
  if (static_cast<std::uint64_t>(out.status.st_size) > max_bytes) {
    throw Error(Errc::too_large, printable(path) + " has " + std::to_string(out.status.st_size) + " bytes, at most " +
                                     std::to_string(max_bytes) + " are read");
  }
  out.text.resize(static_cast<std::size_t>(out.status.st_size));
  std::size_t size = 0;
  while (size < out.text.size()) {
    const ssize_t got = read(file.get(), out.text.data() + size, out.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error("cannot read " + printable(path), errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  out.text.resize(size);
  return out;
}

}  // namespace fob::cli
