#include "agent/command_line.h"

#include <strings.h>
#include <unistd.h>

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

FingerprintHash parse_hash(std::string_view name) {
  const std::string text(name);
  if (strcasecmp(text.c_str(), "md5") == 0) return FingerprintHash::md5;
  if (strcasecmp(text.c_str(), "sha256") == 0) return FingerprintHash::sha256;
  fail("unknown fingerprint hash \"" + text + "\": md5 and sha256 are known");
}

void parse_option(std::string_view text, CommandLine& out, Seen& seen) {
  constexpr std::string_view websafe_allow = "websafe-allow=";
  if (text == "allow-remote-pkcs11") {
    out.agent.providers.allow_remote = true;
  } else if (text == "allow-remote-management") {
    out.agent.allow_remote_management = true;
  } else if (text.starts_with(websafe_allow)) {
    // Taken, so that command lines of ssh-agent work; it rules signing with FIDO keys, which is refused as yet.
    if (seen.websafe_list) fail("websafe-allow is given twice");
    seen.websafe_list = true;
  } else if (text != "no-restrict-websafe") {
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

bool shell_is_csh() {
  const char* shell = getenv("SHELL");
  return shell != nullptr && std::string_view(shell).ends_with("csh");
}

}  // namespace

std::uint32_t parse_seconds(std::string_view text) {
  std::uint64_t total = 0;
  if (text.empty()) fail_with_usage("invalid lifetime: it is empty\n");
  while (!text.empty()) {
    std::uint64_t number = 0;
    std::size_t digits = 0;
    while (digits < text.size() && digits < 12 && text[digits] >= '0' && text[digits] <= '9') {
      number = number * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
    }
    std::uint64_t unit = 1;
    std::size_t used = digits;
    if (used < text.size()) {
      switch (text[used++]) {
        case 's':
        case 'S': unit = 1; break;
        case 'm':
        case 'M': unit = 60; break;
        case 'h':
        case 'H': unit = 60 * 60; break;
        case 'd':
        case 'D': unit = 24 * 60 * 60; break;
        case 'w':
        case 'W': unit = 7 * 24 * 60 * 60; break;
        default: digits = 0;
      }
    }
    total += number * unit;
    if (digits == 0 || total > INT32_MAX) {
      fail_with_usage("invalid lifetime: wanted seconds or a time such as 10m or 1h30m, 68 years at most\n");
    }
    text.remove_prefix(used);
  }
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
