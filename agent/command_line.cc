#include "agent/command_line.h"

#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace fob {
namespace {

constexpr char usage_text[] =
    "usage: fob-agent [-c | -s] [-DdTU] [-a bind_address] [-E fingerprint_hash]\n"
    "                 [-O option] [-P allowed_providers] [-t life]\n"
    "       fob-agent [-TU] [-a bind_address] [-E fingerprint_hash] [-O option]\n"
    "                 [-P allowed_providers] [-t life] command [arg ...]\n"
    "       fob-agent [-c | -s] -k\n"
    "       fob-agent -u\n"
    "       fob-agent -V\n";

[[noreturn]] void fail(const std::string& message) { throw UsageError("fob-agent: " + message + "\n"); }
[[noreturn]] void fail_with_usage(const std::string& message = {}) { throw UsageError(message + usage_text); }

/// Which options were seen, for those that exclude each other.
struct Seen {
  bool c = false;
  bool s = false;
  bool k = false;
  bool d = false;
  bool D = false;  // NOLINT: the option's name
  int u = 0;
  bool allowed = false;
  bool websafe_list = false;
};

Hash parse_hash(const char* name) {
  for (std::size_t i = 0; i < hash_names.size(); ++i) {
    if (strcasecmp(name, hash_names[i].data()) == 0) return static_cast<Hash>(i);
  }
  fail("unknown fingerprint hash \"" + std::string(name) + "\": md5, sha1, sha256, sha384 and sha512 are known");
}

void parse_option(std::string_view text, CommandLine& out, Seen& seen) {
  constexpr std::string_view websafe_allow = "websafe-allow=";
  constexpr std::string_view config_file = "config=";
  if (text == "allow-remote-pkcs11") {
    out.agent.providers.allow_remote = true;
  } else if (text == "allow-remote-management") {
    out.agent.allow_remote_management = true;
  } else if (text.starts_with(websafe_allow)) {
    if (seen.websafe_list) fail("websafe-allow is given twice");
    seen.websafe_list = true;
    out.agent.websafe_allow = text.substr(websafe_allow.size());
  } else if (text == "no-restrict-websafe") {
    out.agent.restrict_websafe = false;
  } else if (text.starts_with(config_file)) {
    out.config_path = text.substr(config_file.size());
  } else {
    fail("unknown -O option \"" + std::string(text) + "\"");
  }
}

void set_providers(const char* patterns, CommandLine& out, Seen& seen) {
  if (seen.allowed) fail("-P is given twice");
  seen.allowed = true;
  out.agent.providers.allowed = patterns;
}

void set_lifetime(const char* text, CommandLine& out) {
  const std::uint32_t seconds = parse_seconds(text);
  out.agent.default_lifetime_seconds.reset();
  if (seconds != 0) out.agent.default_lifetime_seconds = seconds;
}

void apply(int option, CommandLine& out, Seen& seen) {
  switch (option) {
    case 'a': out.socket_path = optarg; break;
    case 'c': seen.c = true; break;
    case 's': seen.s = true; break;
    case 'k': seen.k = true; break;
    case 'D':
    case 'd':
      if (seen.d || seen.D) fail_with_usage();
      (option == 'd' ? seen.d : seen.D) = true;
      break;
    case 'E': out.agent.fingerprint_hash = parse_hash(optarg); break;
    case 'O': parse_option(optarg, out, seen); break;
    case 'P': set_providers(optarg, out, seen); break;
    case 't': set_lifetime(optarg, out); break;
    case 'T': out.socket_in_tmp = true; break;
    case 'u': ++seen.u; break;
    case 'U': out.keep_stale_sockets = true; break;
    case 'V': out.action = CommandLine::Action::print_version; break;
    default: fail_with_usage();
  }
  if (seen.c && seen.s) fail_with_usage();
}

/// 0 for a letter that is no unit of time.
std::uint64_t seconds_in(char unit) {
  switch (unit) {
    case 's':
    case 'S': return 1;
    case 'm':
    case 'M': return 60;
    case 'h':
    case 'H': return 60 * 60;
    case 'd':
    case 'D': return 24 * 60 * 60;
    case 'w':
    case 'W': return 7 * 24 * 60 * 60;
    default: return 0;
  }
}

bool shell_is_csh() {
  const char* shell = getenv("SHELL");
  return shell != nullptr && std::string_view(shell).ends_with("csh");
}

}  // namespace

/// As OpenSSH's convtime: terms of a number and a unit; only seconds, at most once, may have a decimal part, which
/// is dropped.
std::uint32_t parse_seconds(std::string_view text) {
  std::uint64_t total = 0;
  bool valid = !text.empty();
  bool seen_seconds = false;
  while (valid && !text.empty()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    valid = error == std::errc() && number <= INT32_MAX;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const bool decimal = text.starts_with('.');
    if (decimal) {
      const std::size_t digits = std::min(text.find_first_not_of("0123456789", 1), text.size());
      valid = valid && digits > 1;
      text.remove_prefix(digits);
    }
    const std::uint64_t unit = text.empty() ? 1 : seconds_in(text[0]);
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
    valid = valid && unit != 0 && !(decimal && unit != 1) && !(seen_seconds && unit == 1);
    seen_seconds = seen_seconds || unit == 1;
    total += number * unit;
    valid = valid && total <= INT32_MAX;
  }
  if (!valid) fail_with_usage("invalid lifetime: wanted seconds or a time such as 10m or 1h30m, 68 years at most\n");
  return static_cast<std::uint32_t>(total);
}

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine out;
  Seen seen;
  opterr = 0;
  // '+': options end at the command, whose own options follow.
  for (int option = 0; (option = getopt(argc, argv, "+a:cDdE:kO:P:st:TuUV")) != -1;) {
    apply(option, out, seen);
    if (out.action == CommandLine::Action::print_version) return out;
  }
  out.command.assign(argv + optind, argv + argc);
  if (!out.command.empty() && (seen.c || seen.k || seen.s || seen.d || seen.D || seen.u > 0)) fail_with_usage();
  out.csh_output = seen.c || (!seen.s && out.command.empty() && shell_is_csh());
  out.foreground = seen.d || seen.D;
  out.debug = seen.d;
  out.clean_up_other_hosts = seen.u > 1;
  if (seen.u > 0) out.action = CommandLine::Action::clean_up;
  if (seen.k) out.action = CommandLine::Action::kill;
  return out;
}

}  // namespace fob
