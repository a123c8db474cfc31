#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/command_line.h"

namespace fob::cli {

/// Where ssh is to go, as the person typed it.
struct Destination {
  std::string name;                  ///< "[user@]host"; an alias of ssh_config(5), perhaps
  unsigned port = 0;                 ///< 0: not said
  std::vector<std::string> options;  ///< of ssh itself, from behind "--"
};

/// Adds HOST, -p and what may follow "--" to a command; what could be anything but a destination and options is refused
/// while the command line is parsed.
void add_destination(Command command, Destination& destination, bool required);

/// Empty for "[user@]host" that nothing takes for an option, a second word or something for a shell; else why not.
std::string check_destination(const std::string& name);
/// Empty if each word is an option of ssh or its value, and none of those by which no command would be run there, or
/// its input, output or log would not be fob's; else why not.
std::string check_ssh_options(const std::vector<std::string>& words);

/// The arguments of ssh: `more` come before the person's own, so that they prevail; `command` goes to the host.
std::vector<std::string> ssh_arguments(const Destination& destination, const std::vector<std::string>& more,
                                       const std::string& command);

/// The same login as a person types it in a shell: "ssh -p 2222 alice@host". `more` come before the
/// person's own options.
std::string ssh_command(const Destination& destination, const std::vector<std::string>& more = {});
/// The host as a command of fob takes it, in a shell: "alice@host -p 2222 -- -F other_config".
std::string fob_words(const Destination& destination);
/// The file that the person named in place of ~/.ssh/config (-F); empty: none.
std::string named_config(const Destination& destination);

/// What ssh would do (ssh -G): the values of each keyword, which is in lower case. Throws refused, with what ssh says.
using SshSettings = std::map<std::string, std::vector<std::string>>;
SshSettings ssh_settings(const Destination& destination);
/// Options against those settings by which ssh would run no command, or not in the foreground with fob's input: of
/// them, those that this ssh knows (OpenSSH 8.7 has them first).
std::vector<std::string> session_options(const SshSettings& settings);
/// The first value of a keyword; empty where there is none.
std::string setting(const SshSettings& settings, const std::string& keyword);

/// The host by which ssh gets to the destination (ProxyJump), with those on the way to that one as its own; nothing: it
/// goes there itself, or by a ProxyCommand.
std::optional<Destination> jump_host(const Destination& destination, const SshSettings& settings);
/// As known_hosts names the host: "[build-host]:2222".
std::string known_hosts_name(const SshSettings& settings);

/// How the host is noted with a key that was given to it: "alice@build-host", "alice@build-host:2222" with a port of
/// the person's own.
std::string place_of(const Destination& destination, const SshSettings& settings);

}  // namespace fob::cli
