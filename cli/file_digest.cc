#include "cli/file_digest.h"

#include <fcntl.h>

#include <array>
#include <cerrno>

#include "cli/descriptor.h"
#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr std::size_t read_chunk_bytes = 64 * 1024;

Bytes digest_of(int file, const std::string& path, Hash hash) {
  DigestStream out(hash);
  std::array<std::uint8_t, read_chunk_bytes> chunk{};
  for (;;) {
    const ssize_t got = read(file, chunk.data(), chunk.size());
    if (got < 0 && errno != EINTR) throw_system_error("cannot read " + printable(path), errno);
    if (got == 0) return out.finish();
    if (got > 0) out.add(ByteView(chunk).first(static_cast<std::size_t>(got)));
  }
}

}  // namespace

Bytes digest_of_file(const std::string& path, Hash hash) {
  if (path == "-") return digest_of(STDIN_FILENO, "standard input", hash);
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) throw_system_error("cannot read " + printable(path), errno);
  return digest_of(file.get(), path, hash);
}

}  // namespace fob::cli
