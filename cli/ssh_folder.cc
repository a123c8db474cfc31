#include "cli/ssh_folder.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>

#include "cli/file_mode.h"
#include "cli/home.h"
#include "cli/plain_file.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/key_file/armour.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

constexpr std::size_t max_files = 1000;
constexpr mode_t for_others = 077;
constexpr std::string_view public_suffix = ".pub";
constexpr std::string_view certificate_suffix = "-cert.pub";

bool holds_any(std::string_view text, const std::vector<std::string_view>& marks) {
  return std::any_of(marks.begin(), marks.end(),
                     [&](std::string_view mark) { return text.find(mark) != std::string_view::npos; });
}

bool is_private_text(std::string_view text) {
  return holds_any(text, {"PRIVATE KEY-----", "PuTTY-User-Key-File-", "PRIVATE KEY ----", "SSH PRIVATE KEY FILE"});
}
bool is_public_text(std::string_view text) { return holds_any(text, {"PUBLIC KEY-----", "SSH2 PUBLIC KEY ----"}); }

/// Those of OpenSSH that hold public keys, and are no key files.
bool is_no_key_file(std::string_view name) {
  constexpr std::array<std::string_view, 6> begins{"known_hosts", "authorized_keys", "config",
                                                   "environment", "allowed_signers", "rc"};
  return !name.ends_with(public_suffix) &&
         std::any_of(begins.begin(), begins.end(), [&](std::string_view begin) { return name.starts_with(begin); });
}
bool is_called_like_a_key(std::string_view name) { return name.starts_with("id_") || name.ends_with(public_suffix); }

/// `path`, or one with a number behind it where something has that name.
std::string free_name(const std::string& path) {
  std::string out = path;
  struct stat status {};
  for (unsigned i = 1; lstat(out.c_str(), &status) == 0; ++i) out = path + "." + std::to_string(i);
  return out;
}

struct Advice {
  std::string fault;
  std::string remedy;
};

/// Of a file that fob cannot read, and another program can. By the form that its text has: nothing else of the text,
/// nor of errors, which quote it, may come into a command.
std::optional<Advice> advice_for(std::string_view text, const std::string& path) {
  text = without_mark(text);
  const std::string_view first_line = text.substr(0, text.find_first_of("\r\n"));
  const std::string puttygen = "puttygen " + shell_word(path);
  const std::string output = " -o " + shell_word(free_name(path + ".new"));
  if (text.starts_with("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----")) {
    return Advice{"this is a private key of ssh.com's", puttygen + " -O private-openssh-new" + output};
  }
  if (first_line.starts_with("PuTTY-User-Key-File-1:")) {
    return Advice{"this is a PuTTY key file of version 1, and fob knows 2 and 3",
                  puttygen + " -O private-openssh" + output};
  }
  if (first_line.starts_with("PuTTY-User-Key-File-") && first_line.ends_with("-cert-v01@openssh.com")) {
    return Advice{"it holds a certificate with the key", puttygen + " --remove-certificate" + output};
  }
  if (!is_private_text(text) && text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    return Advice{"this is an X.509 certificate", "openssl x509 -in " + shell_word(path) + " -noout -pubkey"};
  }
  return std::nullopt;
}

std::string take_over(const std::string& path) {
  return "sudo chown " + std::to_string(geteuid()) + " " + shell_word(path);
}

/// What prints the public key.
std::string public_half(const FolderKey& key) {
  if (key.private_format == KeyFileFormat::ppk) return "puttygen -L " + shell_word(key.path);
  return "ssh-keygen -y -f " + shell_word(key.path);
}

/// A look at the folder, file after file.
class Look {
 public:
  explicit Look(std::string path) { out_.path = std::move(path); }

  SshFolder take(const std::function<bool(const PublicKey&)>& agent_has) {
    if (!list()) return std::move(out_);
    for (const std::string& name : names_) look_at(name);
    join_pairs(agent_has);
    return std::move(out_);
  }

 private:
  void problem(const std::string& path, std::string fault, std::string remedy) {
    out_.problems.push_back({shown(path), std::move(fault), std::move(remedy)});
  }
  std::string path_of(const std::string& name) const { return out_.path + "/" + name; }
  std::string put_aside(const std::string& path) const;

  bool list();
  void check_folder(int descriptor);
  void check_owner(const std::string& path, const struct stat& status);
  void look_at(const std::string& name);
  void look_at_text(const std::string& name, const PlainFile& file);
  void look_at_unread(const std::string& name, const Error& error);
  void look_at_dangling(const std::string& path, int reason);
  void look_at_malformed(const std::string& path, std::string_view text, const Error& error);
  void look_at_private(const std::string& name, const PlainFile& file);
  void look_at_public(const std::string& name, const PlainFile& file);
  void join_pairs(const std::function<bool(const PublicKey&)>& agent_has);
  void join_pair(FolderKey& private_key, const std::string& public_name);

  SshFolder out_;
  std::vector<std::string> names_;
  std::map<std::string, FolderKey> private_;  ///< by name
  std::map<std::string, FolderKey> public_;
};

/// Has a file moved out of sight, over no other: `mv -n` says nothing where it leaves a file in its place.
std::string Look::put_aside(const std::string& path) const {
  const std::string folder = out_.path + "/unused/";
  const std::string wanted = folder + path.substr(out_.path.size() + 1);
  const std::string free = free_name(wanted);
  return "mkdir -p -m 700 " + shell_word(folder) + " && mv -n " + shell_word(path) + " " +
         shell_word(free == wanted ? folder : free);
}

/// Whether there is one that can be read.
bool Look::list() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(out_.path.c_str()), closedir);
  if (!folder && errno == ENOENT) return false;
  out_.exists = true;
  if (!folder || access(out_.path.c_str(), X_OK) != 0) {
    problem(out_.path, std::string("it cannot be read: ") + std::strerror(errno), "chmod 700 " + shell_word(out_.path));
    return false;
  }
  check_folder(dirfd(folder.get()));
  while (const dirent* entry = readdir(folder.get())) {
    if (std::string_view(entry->d_name) == "." || std::string_view(entry->d_name) == "..") continue;
    if (names_.size() == max_files) {
      problem(out_.path,
              "it holds more than " + std::to_string(max_files) +
                  " files, and only as many were looked at; put elsewhere what is no key",
              "grep -Ls -e KEY -e ssh- " + shell_word(out_.path) + "/*");
      break;
    }
    names_.emplace_back(entry->d_name);
  }
  std::sort(names_.begin(), names_.end());
  return true;
}

void Look::check_folder(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return;
  check_owner(out_.path, status);
  const std::string writer = foreign_writer(status);
  if (writer.empty()) return;
  problem(out_.path, writer + " can write to it: they can let themselves in, and servers refuse it for that",
          "chmod 700 " + shell_word(out_.path));
}

void Look::check_owner(const std::string& path, const struct stat& status) {
  if (status.st_uid == geteuid() || status.st_uid == 0) return;
  problem(path, "it belongs to another user, of number " + std::to_string(status.st_uid), take_over(path));
}

void Look::look_at(const std::string& name) {
  const std::string path = path_of(name);
  PlainFile file;
  try {
    file = read_plain_file(path, limits::key_file_bytes);
  } catch (const Error& error) {
    return look_at_unread(name, error);
  }
  try {
    look_at_text(name, file);
  } catch (const Error& error) {
    if (is_called_like_a_key(name)) look_at_malformed(path, as_text(file.text), error);
  }
}

void Look::look_at_text(const std::string& name, const PlainFile& file) {
  const std::string_view text = as_text(file.text);
  if (is_private_text(text)) {
    look_at_private(name, file);
  } else if (is_no_key_file(name)) {
    return;
  } else if (is_public_text(text) || name.ends_with(public_suffix)) {
    look_at_public(name, file);
  } else if (name.starts_with("id_")) {
    problem(path_of(name), "it is called like a key, and holds none", put_aside(path_of(name)));
  }
}

/// What is no regular file is no key, whatever it is called; nor is what is large, unless it is called like one.
void Look::look_at_unread(const std::string& name, const Error& error) {
  const std::string path = path_of(name);
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (is_called_like_a_key(name)) look_at_dangling(path, errno);
    return;
  }
  if (!S_ISREG(status.st_mode)) return;
  const bool is_closed = access(path.c_str(), R_OK) != 0;
  if (is_closed ? is_no_key_file(name) : !is_called_like_a_key(name)) return;
  std::string remedy = put_aside(path);
  if (is_closed) remedy = status.st_uid == geteuid() ? "chmod 600 " + shell_word(path) : take_over(path);
  problem(path, shown(error.what()), std::move(remedy));
}

/// Perhaps what it leads to is not mounted now: such a link is no rubbish.
void Look::look_at_dangling(const std::string& path, int reason) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(path, error);
  if (error) return;  // it has just gone
  problem(path, "it is a link to " + shown(target.string()) + ", which cannot be read: " + std::strerror(reason),
          "ls -l " + shell_word((std::filesystem::path(out_.path) / target).string()));
}

void Look::look_at_malformed(const std::string& path, std::string_view text, const Error& error) {
  const auto advice = error.code() == Errc::unsupported ? advice_for(text, path) : std::nullopt;
  if (advice) return problem(path, advice->fault, advice->remedy);
  problem(path, shown(error.what()), put_aside(path));
}

void Look::look_at_private(const std::string& name, const PlainFile& file) {
  const std::string path = path_of(name);
  check_owner(path, file.status);
  // ssh minds the modes of its user's own files only (OpenSSH's sshkey_perm_ok).
  if (file.status.st_uid == geteuid() && (file.status.st_mode & for_others) != 0) {
    problem(path, "others can read or write this private key, and ssh does not use it for that",
            "chmod 600 " + shell_word(path));
  }
  const KeyFileInfo info = inspect_key_file(as_text(file.text));
  FolderKey& out = private_[name];
  out.path = path;
  out.private_format = info.format;
  out.encrypted = info.encrypted;
  out.key = info.public_key;
  out.comment = info.comment;
}

void Look::look_at_public(const std::string& name, const PlainFile& file) {
  PublicKeyFile content = parse_public_key_file(as_text(file.text));
  FolderKey& out = public_[name];
  out.path = path_of(name);
  out.public_format = content.format;
  out.key = std::move(content.key);
  out.comment = std::move(content.comment);
}

/// The private key's file says which key it is, or else the public one beside it.
void Look::join_pair(FolderKey& private_key, const std::string& public_name) {
  const auto found = public_.find(public_name);
  if (found == public_.end()) return;
  const FolderKey& beside = found->second;
  if (private_key.key && private_key.key->blob != beside.key->blob) {
    // The new one is whole before the old one goes, and where that has not gone it does not come.
    const std::string fresh = shell_word(free_name(beside.path + ".new"));
    problem(beside.path, "it is the public key of another private key than the one beside it",
            public_half(private_key) + " >" + fresh + " && " + put_aside(beside.path) + " && mv -n " + fresh + " " +
                shell_word(beside.path));
    return;
  }
  if (!private_key.key) private_key.key = beside.key;
  if (private_key.comment.empty()) private_key.comment = beside.comment;
  public_.erase(found);
}

void Look::join_pairs(const std::function<bool(const PublicKey&)>& agent_has) {
  for (auto& [name, key] : private_) join_pair(key, name + std::string(public_suffix));
  // As PuTTYgen and openssl name them: put.ppk and put.pub.
  for (auto& [name, key] : private_) {
    if (name.find('.') != std::string::npos)
      join_pair(key, name.substr(0, name.rfind('.')) + std::string(public_suffix));
  }
  for (const auto& [name, key] : public_) {
    if (name.ends_with(certificate_suffix) || private_.contains(name.substr(0, name.rfind(public_suffix)))) continue;
    if (agent_has(*key.key)) continue;
    problem(key.path, "there is no private key for it, neither in a file beside it nor in the agent",
            put_aside(key.path));
  }
  private_.merge(public_);
  for (auto& [name, key] : private_) out_.keys.push_back(std::move(key));
}

}  // namespace

std::string FolderKey::format_name() const {
  if (private_format) return std::string(name_of(*private_format));
  switch (public_format) {
    case PublicKeyFormat::openssh: return "OpenSSH";
    case PublicKeyFormat::rfc4716: return "RFC 4716";
    case PublicKeyFormat::pem: return "PEM";
  }
  return "";
}

SshFolder look_into_ssh_folder(const std::function<bool(const PublicKey&)>& agent_has) {
  return Look(home_directory() + "/.ssh").take(agent_has);
}

}  // namespace fob::cli
