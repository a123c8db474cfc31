#include "cli/ssh_log.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fob::cli {
namespace {

using End = SshLog::End;

/// What a line holds that tells how it ended. The first such line counts, but for those that a later one explains.
constexpr std::array<std::pair<std::string_view, End>, 17> signs{{
    {"Bad owner or permissions on ", End::bad_configuration},
    {"Bad configuration option", End::bad_configuration},
    {"terminating, ", End::bad_configuration},
    {"Could not resolve hostname ", End::unresolved},
    {"ssh: connect to host ", End::unreachable},
    {"Connection timed out during banner exchange", End::unreachable},
    {"Unable to negotiate with ", End::no_common_algorithm},
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", End::host_key_changed},
    {"Host key verification failed", End::host_key_unknown},
    {"Too many authentication failures", End::too_many_failures},
    {"Permission denied (", End::denied},
    {"No supported authentication methods available", End::denied},
    {"Connection closed by ", End::hung_up},
    {"Connection reset by ", End::hung_up},
    {"closed by remote host", End::hung_up},
    {"Received disconnect from ", End::hung_up},
    {"Disconnected from ", End::hung_up},
}};

std::string_view after(std::string_view line, std::string_view sign) {
  const std::size_t at = line.find(sign);
  return at == std::string_view::npos ? std::string_view() : line.substr(at + sign.size());
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (!part.empty()) out.emplace_back(part);
  }
  return out;
}

/// "PATH TYPE SHA256:… explicit agent": the path may have spaces.
SshLog::Key key_in(std::string_view text) {
  SshLog::Key out;
  const std::size_t at = text.find(" SHA256:");
  if (at == std::string_view::npos) return out;
  const std::string_view before = text.substr(0, at);
  const std::vector<std::string> words = split(text.substr(at + 1), ' ');
  const std::size_t space = before.rfind(' ');
  out.type = before.substr(space + 1);
  if (space != std::string_view::npos) out.name = before.substr(0, space);
  out.fingerprint = words[0];
  out.of_agent = std::find(words.begin(), words.end(), "agent") != words.end();
  return out;
}

/// Of "Authentications that can continue: a,b" and "Permission denied (a,b)."
std::vector<std::string> methods_in(std::string_view text) {
  return split(text.substr(0, text.find_first_of(").")), ',');
}

class Parser {
 public:
  void read(std::string_view line) {
    if (log_.logged_in()) return read_session(line);
    if (read_key(line) || read_answer(line) || read_server(line)) return;
    if (line.starts_with("Authenticated to ") || line.starts_with("debug1: Authentication succeeded")) {
      log_.end = End::logged_in;
      log_.reason = line;
    } else if (!line.starts_with("debug")) {
      read_end(line);
    }
  }
  SshLog take() { return std::move(log_); }

 private:
  /// What is run there may say anything, and may leave its last line without an end.
  void read_session(std::string_view line) {
    constexpr std::array<std::string_view, 3> answers{" rtype exit-status ", " rtype exit-signal ",
                                                      "exec request failed on channel "};
    const auto is_in = [&](std::string_view answer) { return line.find(answer) != std::string_view::npos; };
    if (std::any_of(answers.begin(), answers.end(), is_in)) log_.answered = true;
  }

  /// Which key is tried.
  bool read_key(std::string_view line) {
    if (const auto offered = after(line, "Offering public key: "); !offered.empty()) {
      begin_another();
      log_.offered.push_back(key_in(offered));
      return true;
    }
    if (const auto tried = after(line, "debug1: Trying private key: "); !tried.empty()) {
      begin_another();
      tried_ = tried;
      return true;
    }
    if (const auto skipped = after(line, "debug1: Skipping "); !skipped.empty()) {
      log_.skipped.emplace_back(skipped);
      return true;
    }
    if (line.find("No more authentication methods") != std::string_view::npos) begin_another();
    return false;
  }

  /// What comes of it.
  bool read_answer(std::string_view line) {
    if (const auto accepted = after(line, "Server accepts key: "); !accepted.empty()) {
      accept(key_in(accepted).fingerprint);
      return true;
    }
    if (line.find("no mutual signature algorithm") != std::string_view::npos) {
      if (!log_.offered.empty()) log_.offered.back().unusable = true;
      return true;
    }
    if (line.starts_with("sign_and_send_pubkey: signing failed") || line.starts_with("Load key \"")) {
      const std::string_view why = line.substr(line.rfind(": ") + 2);
      if (waits_) note_failure(log_.offered.back(), why);
      if (!tried_.empty()) log_.unreadable.push_back({std::exchange(tried_, {}), std::string(why)});
      waits_ = false;
      return true;
    }
    if (line.starts_with("Authenticated using ")) {
      if (waits_) log_.offered.back().passed = true;
      waits_ = false;
      return true;
    }
    return false;
  }

  bool read_server(std::string_view line) {
    if (const auto algorithms = after(line, "server-sig-algs=<"); !algorithms.empty()) {
      log_.server_algorithms = split(algorithms.substr(0, algorithms.find('>')), ',');
      return true;
    }
    if (const auto methods = after(line, "Authentications that can continue: "); !methods.empty()) {
      log_.methods = methods_in(methods);
      if (waits_) log_.offered.back().rejected = true;
      waits_ = false;
      tried_.clear();
      return true;
    }
    if (line.starts_with("debug1: Remote protocol version ")) log_.greeted = true;
    if (line.starts_with("Offending ")) {
      const std::string_view place = after(line, " in ");
      log_.known_in = place.substr(0, place.rfind(':'));
    }
    return false;
  }

  /// The last one that was offered has the server's word now, and its signature is waited for.
  void accept(const std::string& fingerprint) {
    if (log_.offered.empty() || log_.offered.back().fingerprint != fingerprint) return;
    log_.offered.back().accepted = true;
    waits_ = true;
  }

  static void note_failure(SshLog::Key& key, std::string_view why) {
    if (key.of_agent) {
      key.refused = true;
    } else {
      key.fault = why;
    }
  }

  /// What was tried before has had no answer, then: nothing of it was sent.
  void begin_another() {
    if (!tried_.empty()) log_.untried.push_back(std::exchange(tried_, {}));
    waits_ = false;
  }

  void read_end(std::string_view line) {
    for (const auto& [sign, end] : signs) {
      if (line.find(sign) == std::string_view::npos) continue;
      const bool settled = log_.end != End::unknown && log_.end != End::hung_up;
      if (settled) return;
      log_.end = end;
      log_.reason = line;
      if (end == End::denied) log_.methods = methods_in(after(line, "("));
      return;
    }
  }

  SshLog log_;
  std::string tried_;   ///< a private key without a public one beside it: nothing is offered before it signs
  bool waits_ = false;  ///< for the signature of the last key
};

}  // namespace

const SshLog::Key* SshLog::accepted() const {
  const auto found = std::find_if(offered.rbegin(), offered.rend(), [](const Key& key) { return key.accepted; });
  return found == offered.rend() ? nullptr : &*found;
}

SshLog parse_ssh_log(std::string_view text) {
  Parser parser;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    while (line.ends_with('\r')) line.remove_suffix(1);
    parser.read(line);
  }
  return parser.take();
}

}  // namespace fob::cli
