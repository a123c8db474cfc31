#include "cli/login.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "cli/agent_signer.h"
#include "cli/agent_socket.h"
#include "cli/file.h"
#include "cli/run_program.h"
#include "cli/text.h"
#include "protocol/fingerprint.h"
#include "protocol/key_file/public_key_file.h"

namespace fob::cli {
namespace {

/// Time to find and touch a token, and for a server that thinks: a little more than the agent waits for a touch (120
/// s), so that its own word on that comes first.
constexpr std::chrono::seconds login_deadline{130};

/// A folder of our own with the public key: ssh takes the key to use by the file that holds its public half.
class PublicKeyFile {
 public:
  explicit PublicKeyFile(const PublicKey& key) : folder_(std::filesystem::temp_directory_path() / "fob-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) throw_system_error("cannot create a folder for a public key", errno);
    create_file(path(), as_bytes(public_key_line(key, "") + "\n"), public_mode);
  }
  ~PublicKeyFile() {
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }
  PublicKeyFile(const PublicKeyFile&) = delete;
  PublicKeyFile& operator=(const PublicKeyFile&) = delete;

  std::string path() const { return folder_ + "/key.pub"; }

 private:
  std::string folder_;
};

/// As one word of ssh's configuration, in which % begins something.
std::string config_word(const std::string& path) {
  std::string out = "\"";
  for (const char c : path) out += c == '%' ? "%%" : std::string(1, c);
  return out + '"';
}

std::string fault_of(const LoginTrial& trial, const SshLog::Key* ours, std::uint64_t started) {
  const SshLog& log = trial.log;
  if (trial.hangs()) return "the login does not come to an end: perhaps a PIN or a touch was not given in time";
  const SshLog::Key* last = log.accepted();
  const bool opened = log.logged_in() && last != nullptr && ours != nullptr && last->fingerprint == ours->fingerprint;
  if (opened || (ours != nullptr && ours->passed)) return "";
  if (ours != nullptr && ours->refused) {
    const std::string why = last_refusal(started);
    return "the server takes the key, and the agent refused to sign" + (why.empty() ? "" : ": " + why);
  }
  if (ours != nullptr && ours->rejected) return "the server knows the key, but does not let you in by it";
  if (log.logged_in()) return "the server does not take the key, though another one opens the door";
  if (log.end != SshLog::End::denied) return log.reason.empty() ? "ssh does not say why" : shown(log.reason);
  if (std::find(log.methods.begin(), log.methods.end(), "publickey") == log.methods.end()) {
    return "the server takes no key, or not at first; it wants " + wish_of(log.methods);
  }
  if (ours == nullptr) return "ssh's own configuration keeps it from using the key";
  return "the server does not take the key";
}

}  // namespace

LoginTrial try_login(const Destination& destination, const SshSettings& settings, const std::vector<std::string>& more,
                     const std::vector<std::string>& environment) {
  // A connection that is open already would show nothing of the key. The log goes where nobody else writes before the
  // login is done: standard error has the server's banner, and what ssh at jump hosts says. That one would be told of
  // -v, too, but not of a LogLevel.
  std::vector<std::string> options{"-E/dev/stdout",
                                   "-oBatchMode=yes",
                                   "-oConnectTimeout=10",
                                   "-oControlMaster=no",
                                   "-T",
                                   "-oControlPath=none",
                                   "-oForwardAgent=no",
                                   "-oForwardX11=no",
                                   "-oRemoteCommand=none",
                                   "-oLogLevel=DEBUG2",
                                   "-oClearAllForwardings=yes"};
  const std::vector<std::string> session = session_options(settings);
  options.insert(options.end(), session.begin(), session.end());
  options.insert(options.end(), more.begin(), more.end());
  Program ssh;
  ssh.arguments = ssh_arguments(destination, options, "true");
  ssh.environment = environment;
  ssh.deadline = login_deadline;
  const ProgramOutcome outcome = run_program(ssh);
  // What ssh says of its options comes before it knows of its log.
  LoginTrial out{parse_ssh_log(outcome.out.empty() ? outcome.err : outcome.out), outcome.err, outcome.timed_out};
  // The command may end with that status, too.
  out.session_ends = out.log.logged_in() && outcome.status == ssh_failed && !out.log.answered;
  return out;
}

KeyLogin try_key(const Destination& destination, const SshSettings& settings, const PublicKey& key) {
  const PublicKeyFile file(key);
  const auto started = static_cast<std::uint64_t>(time(nullptr));
  const LoginTrial trial = try_login(
      destination, settings,
      {"-oIdentitiesOnly=yes", "-oIdentityFile=" + config_word(file.path()), "-oPreferredAuthentications=publickey",
       "-oPasswordAuthentication=no", "-oIdentityAgent=SSH_AUTH_SOCK"},
      {"SSH_AUTH_SOCK=" + agent_socket_path()});
  const auto& offered = trial.log.offered;
  const auto ours = std::find_if(offered.begin(), offered.end(), [wanted = fingerprint(key)](const SshLog::Key& each) {
    return each.fingerprint == wanted;
  });
  const SshLog::Key* found = ours == offered.end() ? nullptr : &*ours;
  KeyLogin out{fault_of(trial, found, started), found != nullptr && found->accepted, {}};
  if (out.fault.empty() && !trial.log.logged_in()) out.also_wants = trial.log.methods;
  return out;
}

std::string wish_of(const std::vector<std::string>& methods) {
  static const std::map<std::string, std::string> wishes{
      {"publickey", "a second key"},
      {"password", "a password"},
      {"keyboard-interactive", "an answer typed in, such as a password or a one-time code"}};
  std::string out;
  for (const std::string& method : methods) {
    const auto found = wishes.find(method);
    out += (out.empty() ? "" : " or ") + (found == wishes.end() ? shown(method) : found->second);
  }
  return out.empty() ? "something else" : out;
}

}  // namespace fob::cli
