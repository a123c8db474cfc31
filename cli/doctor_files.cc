#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <filesystem>

#include "cli/descriptor.h"
#include "cli/doctor.h"
#include "cli/file_mode.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

namespace fs = std::filesystem;

constexpr unsigned others_anything = 077;
/// Of a key file: enough for its first line.
constexpr std::size_t beginning_bytes = 64;

constexpr const char* sshd_minds = "sshd lets nobody in here by its authorized_keys (StrictModes)";

/// A file or folder that ssh or sshd believes only where nobody else could have written it.
Findings check_trusted(const std::string& path, const std::string& who_minds) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return {};
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    return {
        {"file-owner",
         shown(path) + " belongs to another user (uid " + std::to_string(status.st_uid) + "), so " + who_minds + ".",
         "Have root give it to you: sudo chown " + std::to_string(geteuid()) + " " + shell_word(path)}};
  }
  std::string writer = foreign_writer(status);
  if (writer.empty()) return {};
  writer[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(writer[0])));
  return {{"file-mode", writer + " may write to " + shown(path) + ", so " + who_minds + ".",
           "Type: chmod go-w " + shell_word(path)}};
}

/// ssh minds the modes of its user's own key files only (OpenSSH's sshkey_perm_ok).
Findings check_private_key(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || status.st_uid != geteuid()) return {};
  if ((status.st_mode & others_anything) == 0) return {};
  return {{"file-mode", "Others may read or write " + shown(path) + ", so ssh and ssh-add do not use the key in it.",
           "Type: chmod 600 " + shell_word(path)}};
}

/// By its first line; pipes and devices are not opened.
bool is_private_key(const fs::directory_entry& entry) {
  std::error_code error;
  if (!entry.is_regular_file(error) || entry.path().extension() == ".pub") return false;
  const Descriptor file(open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  std::array<char, beginning_bytes> beginning{};
  const ssize_t got = file.get() < 0 ? -1 : read(file.get(), beginning.data(), beginning.size());
  if (got <= 0) return false;
  const std::string_view text(beginning.data(), static_cast<std::size_t>(got));
  return text.starts_with("-----BEGIN ") && text.find("PRIVATE KEY-----") != std::string_view::npos;
}

}  // namespace

Findings check_files(const std::string& home) {
  Findings out;
  const auto add = [&](Findings more) {
    for (Finding& finding : more) out.push_back(std::move(finding));
  };
  const std::string folder = home + "/.ssh";
  const std::string login_file = folder + "/authorized_keys";
  // It stands in nobody's way where nobody logs in.
  if (access(login_file.c_str(), F_OK) == 0) add(check_trusted(home, sshd_minds));
  add(check_trusted(folder, sshd_minds));
  add(check_trusted(login_file, sshd_minds));
  add(check_trusted(folder + "/config", "ssh refuses to run with it"));
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (is_private_key(entry)) add(check_private_key(entry.path()));
  }
  return out;
}

}  // namespace fob::cli
