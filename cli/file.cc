#include "cli/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "cli/descriptor.h"
#include "cli/key_file.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob::cli {
namespace {

constexpr std::size_t read_chunk_bytes = 64 * 1024;
constexpr unsigned private_mode = 0600;
constexpr unsigned public_mode = 0644;

[[noreturn]] void throw_exists(const std::string& path) {
  throw Error(Errc::refused, printable(path) + " is there already, and is not overwritten: remove it, or name another");
}

std::filesystem::path folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

/// The same for all paths of one file that is yet to be created.
std::filesystem::path place_of(const std::string& path) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(folder_of(path), error);
  if (error) throw_system_error("cannot create " + printable(path), error.value());
  return folder / std::filesystem::path(path).filename();
}

void write_all(int file, ByteView contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = write(file, contents.data(), contents.size());
    if (written < 0 && errno != EINTR) throw_system_error("cannot write " + printable(path), errno);
    if (written > 0) contents = contents.subspan(static_cast<std::size_t>(written));
  }
  if (fsync(file) != 0 && errno != EINVAL) throw_system_error("cannot write " + printable(path), errno);
}

}  // namespace

Bytes read_file(const std::string& path, std::size_t max_bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) throw_system_error("cannot read " + printable(path), errno);
  Bytes out;
  for (;;) {
    const std::size_t before = out.size();
    out.resize(before + read_chunk_bytes);
    const ssize_t got = read(file.get(), out.data() + before, read_chunk_bytes);
    const int error = errno;
    out.resize(before + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got < 0 && error != EINTR) throw_system_error("cannot read " + printable(path), error);
    if (got == 0) return out;
    if (out.size() > max_bytes) {
      throw Error(Errc::too_large, printable(path) + " has more than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

void create_file(const std::string& path, ByteView contents, unsigned mode) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (file.get() < 0 && errno == EEXIST) throw_exists(path);
  if (file.get() < 0) throw_system_error("cannot create " + printable(path), errno);
  try {
    write_all(file.get(), contents, path);
  } catch (const Error&) {
    unlink(path.c_str());
    throw;
  }
}

void check_can_create(const std::vector<std::string>& paths) {
  std::set<std::filesystem::path> places;
  for (const std::string& path : paths) {
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0) throw_exists(path);
    if (access(folder_of(path).c_str(), W_OK | X_OK) != 0) {
      throw_system_error("cannot create " + printable(path), errno);
    }
    if (!places.insert(place_of(path)).second) {
      throw Error(Errc::refused, printable(path) + " cannot hold two things: name another file for one of them");
    }
  }
}

void write_key_pair(const std::string& path, const PrivateKey& key, std::string_view comment,
                    const SecretBytes& passphrase) {
  check_can_create({path, path + ".pub"});
  create_file(path, format_key_file(key, comment, passphrase), private_mode);
  try {
    create_file(path + ".pub", as_bytes(public_key_line(key.public_key, comment) + "\n"), public_mode);
  } catch (const Error&) {
    unlink(path.c_str());
    throw;
  }
}

}  // namespace fob::cli
