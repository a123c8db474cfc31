#include "cli/ssh.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "cli/run_program.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::cli {
namespace {

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Beside those: of host names, addresses and user names. None of them means anything to a shell or to ssh's %.
constexpr std::string_view host_signs = "._-:[]";
constexpr std::string_view user_signs = "._-+@";
/// ssh(1)'s options that have a value, and those that have none.
constexpr std::string_view options_with_value = "BbcDEeFIiJLlmOopPQRSWw";
constexpr std::string_view options_without_value = "46AaCfGgKkMNnqsTtVvXxYy";
/// Those of both by which there is no login, or none whose command, input, output and log are fob's.
constexpr std::string_view options_in_the_way = "EfGNnOQqsVWy";
constexpr const char* ssh_port = "22";
/// `Match exec` of the person's own may take its time.
constexpr std::chrono::seconds settings_deadline{20};

bool has_only(std::string_view text, std::string_view signs) {
  return !text.empty() && text[0] != '-' &&
         text.find_first_not_of(std::string(letters_and_digits) + std::string(signs)) == std::string_view::npos;
}

/// The letters of a word that are options; the last one has a value if any has: what follows it, or the next word.
std::string_view letters_of(std::string_view word) {
  if (word.size() < 2 || word[0] != '-') return {};
  for (std::size_t i = 1; i < word.size(); ++i) {
    if (options_with_value.find(word[i]) != std::string_view::npos) return word.substr(1, i);
    if (options_without_value.find(word[i]) == std::string_view::npos) return {};
  }
  return word.substr(1);
}

/// Whether the value of a word's last letter is the next word.
bool wants_next_word(std::string_view word) {
  const std::string_view letters = letters_of(word);
  return !letters.empty() && letters.size() + 1 == word.size() &&
         options_with_value.find(letters.back()) != std::string_view::npos;
}

std::string shell_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += " " + shell_word(word);
  return out;
}

/// "[user@]host[:port]", the host in brackets where it is an address, as ssh -G shows a jump host.
Destination parse_jump_host(const std::string& text) {
  Destination out;
  const std::size_t at = text.rfind('@');
  const std::string user = at == std::string::npos ? "" : text.substr(0, at + 1);
  std::string host = text.substr(user.size());
  const std::size_t colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    out.port = static_cast<unsigned>(strtoul(host.c_str() + colon + 1, nullptr, 10));
    host.resize(colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.name = user + host;
  return out;
}

}  // namespace

std::string check_destination(const std::string& name) {
  const std::size_t at = name.rfind('@');
  const std::string host = at == std::string::npos ? name : name.substr(at + 1);
  if (at != std::string::npos && !has_only(name.substr(0, at), user_signs)) {
    return "a user name has letters, digits and ._-+@, and does not begin with -: " + shown(name);
  }
  if (has_only(host, host_signs)) return {};
  return "a host is named by letters, digits and ._-:[], and does not begin with -: " + shown(name);
}

std::string check_ssh_options(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view letters = letters_of(words[i]);
    if (letters.empty()) return shown(words[i]) + " is no option of ssh; only those may stand behind --";
    const std::size_t in_the_way = letters.find_first_of(options_in_the_way);
    if (in_the_way != std::string_view::npos) {
      return std::string("the option -") + letters[in_the_way] +
             " of ssh cannot be used here: fob runs a command there, and reads what ssh says of it";
    }
    if (wants_next_word(words[i]) && ++i == words.size()) {
      return "the option " + shown(words[i - 1]) + " of ssh wants a value";
    }
  }
  return {};
}

void add_destination(Command command, Destination& destination, bool required) {
  command.add_option("HOST", destination.name, "where to: [user@]host, as for ssh")
      .required(required)
      .check(check_destination);
  command.add_option("-p,--port", destination.port, "its port, as for ssh").range(1, 65535);
  command.add_option("SSH-OPTION", destination.options, "behind --: options for ssh itself");
  command.when_parsed([&destination] {
    const std::string fault = check_ssh_options(destination.options);
    if (!fault.empty()) throw UsageError(fault);
  });
}

std::vector<std::string> ssh_arguments(const Destination& destination, const std::vector<std::string>& more,
                                       const std::string& command) {
  std::vector<std::string> out{"ssh"};
  out.insert(out.end(), more.begin(), more.end());
  if (destination.port != 0) out.insert(out.end(), {"-p", std::to_string(destination.port)});
  out.insert(out.end(), destination.options.begin(), destination.options.end());
  out.insert(out.end(), {"--", destination.name});
  if (!command.empty()) out.push_back(command);
  return out;
}

std::string ssh_command(const Destination& destination, const std::vector<std::string>& more) {
  std::vector<std::string> words = more;
  if (destination.port != 0) words.insert(words.end(), {"-p", std::to_string(destination.port)});
  words.insert(words.end(), destination.options.begin(), destination.options.end());
  words.push_back(destination.name);
  return "ssh" + shell_words(words);
}

std::string fob_words(const Destination& destination) {
  return shell_word(destination.name) + (destination.port == 0 ? "" : " -p " + std::to_string(destination.port)) +
         (destination.options.empty() ? "" : " --" + shell_words(destination.options));
}

std::string named_config(const Destination& destination) {
  const std::vector<std::string>& words = destination.options;
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view letters = letters_of(words[i]);
    const bool next = wants_next_word(words[i]) && i + 1 < words.size();
    if (letters.ends_with('F')) out = next ? words[i + 1] : words[i].substr(letters.size() + 1);
    if (next) ++i;
  }
  return out;
}

SshSettings ssh_settings(const Destination& destination) {
  Program ssh;
  // With the command that a login has, which some settings want (ForkAfterAuthentication), and some do not want.
  ssh.arguments = ssh_arguments(destination, {"-G", "-oRemoteCommand=none"}, "true");
  ssh.deadline = settings_deadline;
  const ProgramOutcome outcome = run_program(ssh);
  if (!outcome.succeeded()) {
    throw Error(Errc::refused, "ssh cannot read its configuration: " +
                                   (outcome.timed_out ? "it does not end" : first_line(outcome.err)));
  }
  SshSettings out;
  std::string_view rest = outcome.out;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      out[std::string(line.substr(0, space))].emplace_back(line.substr(space + 1));
    }
  }
  return out;
}

std::vector<std::string> session_options(const SshSettings& settings) {
  std::vector<std::string> out;
  for (const auto& [keyword, value] : {std::pair("sessiontype", "default"), std::pair("stdinnull", "no"),
                                       std::pair("forkafterauthentication", "no")}) {
    if (settings.contains(keyword)) out.push_back(std::string("-o") + keyword + "=" + value);
  }
  return out;
}

std::string setting(const SshSettings& settings, const std::string& keyword) {
  const auto found = settings.find(keyword);
  return found == settings.end() ? "" : found->second.front();
}

std::optional<Destination> jump_host(const Destination& destination, const SshSettings& settings) {
  const std::string all = setting(settings, "proxyjump");
  if (all.empty() || all == "none") return std::nullopt;
  const std::size_t comma = all.rfind(',');
  Destination out = parse_jump_host(all.substr(comma == std::string::npos ? 0 : comma + 1));
  // As ssh does it: nothing else of its own options is for the jump host.
  const std::string config = named_config(destination);
  if (!config.empty()) out.options = {"-F", config};
  if (comma != std::string::npos) out.options.insert(out.options.end(), {"-J", all.substr(0, comma)});
  return out;
}

std::string known_hosts_name(const SshSettings& settings) {
  std::string alias = setting(settings, "hostkeyalias");
  if (!alias.empty() && alias != "none") return alias;
  const std::string port = setting(settings, "port");
  const std::string name = setting(settings, "hostname");
  return port.empty() || port == ssh_port ? name : "[" + name + "]:" + port;
}

std::string place_of(const Destination& destination, const SshSettings& settings) {
  std::string out = destination.name;
  if (out.find('@') == std::string::npos) {
    const std::string user = setting(settings, "user");
    if (!user.empty()) out = shown(user) + "@" + out;
  }
  if (destination.port != 0) out += ":" + std::to_string(destination.port);
  return out.substr(0, limits::name_bytes);
}

}  // namespace fob::cli
