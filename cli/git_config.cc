#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "cli/agent_socket.h"
#include "cli/file.h"
#include "cli/git.h"
#include "cli/run_program.h"
#include "cli/text.h"
#include "protocol/allowed_signers.h"
#include "protocol/error.h"
#include "protocol/key_file/public_key_file.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

constexpr const char* signature_namespace = "git";

std::string without_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

ProgramOutcome run_git(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "git");
  Program git;
  git.arguments = std::move(arguments);
  git.environment = {"SSH_AUTH_SOCK=" + agent_socket_path(), "GIT_TERMINAL_PROMPT=0"};
  return run_program(git);
}

/// A repository that ends with this object.
class TrialRepository {
 public:
  TrialRepository() : folder_(std::filesystem::temp_directory_path() / "fob-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) throw_system_error("cannot create a folder to try git in", errno);
  }
  ~TrialRepository() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TrialRepository(const TrialRepository&) = delete;
  TrialRepository& operator=(const TrialRepository&) = delete;

  std::string file(const char* name) const { return folder_ + "/" + name; }

  /// What git prints. Throws refused, with what it says, where it fails.
  std::string git(const std::vector<std::string>& settings, const std::vector<std::string>& command) const {
    std::vector<std::string> arguments{"--git-dir=" + file("repository")};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"-c", setting});
    arguments.insert(arguments.end(), command.begin(), command.end());
    const ProgramOutcome outcome = run_git(std::move(arguments));
    if (outcome.succeeded()) return without_end(outcome.out);
    throw Error(Errc::refused,
                "git " + command[0] + ": " + first_line(outcome.err.empty() ? outcome.out : outcome.err));
  }

 private:
  std::string folder_;
};

/// All of it, or nothing: ssh-keygen stumbles over a part of a line.
void append(const std::string& path, std::string_view text) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  struct stat before {};
  if (file.get() < 0 || fstat(file.get(), &before) != 0) throw_system_error("cannot write " + shown(path), errno);
  while (!text.empty()) {
    const ssize_t written = write(file.get(), text.data(), text.size());
    const int error = errno;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    if (written >= 0 || error == EINTR) continue;
    if (ftruncate(file.get(), before.st_size) != 0) {
      throw_system_error("a part of a line stays at the end of " + shown(path), errno);
    }
    throw_system_error("cannot write " + shown(path), error);
  }
}

bool lets_in(std::string_view signers, const GitSigner& signer) {
  try {
    check_allowed_signer(signers, signer.key, signer.email, signature_namespace,
                         static_cast<std::uint64_t>(time(nullptr)));
    return true;
  } catch (const Error& error) {
    if (error.code() != Errc::refused) throw;
    return false;
  }
}

}  // namespace

GitConfig::GitConfig(std::string scope) : scope_(std::move(scope)) {
  const ProgramOutcome here = run_git({"rev-parse", "--git-dir"});
  if (scope_ != "--local" || here.succeeded()) return;
  throw Error(Errc::refused, "--local is for the repository here, and there is none: go to one, or leave --local away");
}

std::string GitConfig::value(const std::string& name, bool is_path) const {
  return without_end(run_git({"config", scope_, is_path ? "--type=path" : "--no-type", "--get", name}).out);
}

std::string GitConfig::effective(const std::string& name, bool is_path) const {
  return without_end(run_git({"config", is_path ? "--type=path" : "--no-type", "--get", name}).out);
}

std::vector<std::string> GitConfig::values(const std::string& name) const {
  constexpr int is_not_set = 1;
  const ProgramOutcome outcome = run_git({"config", scope_, "--null", "--get-all", name});
  if (!outcome.succeeded() && outcome.status != is_not_set) {
    throw Error(Errc::refused, "git cannot say what " + name + " is: " + first_line(outcome.err));
  }
  std::vector<std::string> out;
  for (std::size_t at = 0, end = 0; (end = outcome.out.find('\0', at)) != std::string::npos; at = end + 1) {
    out.push_back(outcome.out.substr(at, end - at));
  }
  return out;
}

/// `arguments`: what git is to do, the setting's name, and perhaps its value.
void GitConfig::change(const std::vector<std::string>& arguments) const {
  std::vector<std::string> line{"config", scope_};
  line.insert(line.end(), arguments.begin(), arguments.end());
  const ProgramOutcome outcome = run_git(std::move(line));
  if (!outcome.succeeded())
    throw Error(Errc::refused, "git cannot set " + arguments[1] + ": " + first_line(outcome.err));
}

void GitConfig::set(const std::string& name, const std::string& value) const { change({"--replace-all", name, value}); }

void GitConfig::set_all(const std::string& name, const std::vector<std::string>& values) const {
  if (values.empty()) return change({"--unset-all", name});
  set(name, values[0]);
  for (std::size_t i = 1; i < values.size(); ++i) change({"--add", name, values[i]});
}

std::string GitSigner::signing_key() const { return "key::" + public_key_line(key, ""); }

std::string GitSigner::allowed_line() const {
  return email + " namespaces=\"" + signature_namespace + "\" " + public_key_line(key, "");
}

void try_git_signing(const GitSigner& signer) {
  const TrialRepository repository;
  create_file(repository.file("signers"), as_bytes(signer.allowed_line() + "\n"), public_mode);
  const std::vector<std::string> settings{"gpg.format=ssh", "user.signingkey=" + signer.signing_key(),
                                          "gpg.ssh.allowedSignersFile=" + repository.file("signers"), "user.name=fob",
                                          "user.email=" + signer.email};
  repository.git({}, {"init", "-q", "--bare", "--template="});
  const std::string tree = repository.git({}, {"hash-object", "-t", "tree", "-w", "--stdin"});
  const std::string commit = repository.git(settings, {"commit-tree", "-S", "-m", "fob git setup", tree});
  repository.git(settings, {"verify-commit", commit});
}

bool add_allowed_signer(const std::string& path, const GitSigner& signer) {
  const std::string line = signer.allowed_line() + "\n";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error) throw_system_error("cannot create the folder of " + shown(path), error.value());
    create_file(path, as_bytes(line), public_mode);
    return true;
  }
  const Bytes before = read_file(path, limits::allowed_signers_bytes);
  if (lets_in(as_text(before), signer)) return false;
  const bool ended = before.empty() || before.back() == '\n';
  append(path, (ended ? "" : "\n") + line);
  return true;
}

}  // namespace fob::cli
