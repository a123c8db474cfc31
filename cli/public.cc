#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/clipboard.h"
#include "cli/command.h"
#include "cli/hand_over.h"
#include "cli/services.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "protocol/error.h"
#include "protocol/key_file/public_key_file.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  bool copy = false;
  bool yes = false;
  std::string name;
  std::string format = "openssh";
  std::string service;
  std::string account;
};

struct Format {
  const char* word;
  PublicKeyFormat format;
};
constexpr std::array<Format, 3> formats{
    {{"openssh", PublicKeyFormat::openssh}, {"rfc4716", PublicKeyFormat::rfc4716}, {"pem", PublicKeyFormat::pem}}};

PublicKeyFormat format_of(const std::string& word) {
  return std::find_if(formats.begin(), formats.end(), [&](const Format& format) { return word == format.word; })
      ->format;
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key").required().check(check_name_option);
  const Option format = command.add_option("--format", options.format, "openssh (the default), rfc4716 or pem");
  std::vector<std::string> words;
  for (const Format& known : formats) words.emplace_back(known.word);
  format.type_name("FORMAT").words(words);
  const Option service = command.add_option("--for", options.service,
                                            "as this service wants it: github, gitlab, ...; fob(1) lists them all");
  service.type_name("SERVICE").excludes(format);
  command.add_option("--account", options.account, "the account there, as a note").type_name("WHO").needs(service);
  command.add_flag("--copy", options.copy, "put it on the clipboard, too");
  command.add_flag("-y,--yes", options.yes, "do not ask whether a key goes to another account, too");
}

/// Some services refuse a key that another account there has.
void check_account(const Options& options, const Service& service, const control::Key& key) {
  const std::string other = place_of_other_account(key, service, options.account);
  if (other.empty()) return;
  const std::string warning = service.title + " takes a key for one account only, and this one was given to " +
                              shown(other) + "; fob new NAME --for " + service.name + " makes another key";
  if (options.account.empty() || options.yes) {
    std::cerr << "Note: " << warning << ".\n";
    return;
  }
  if (options.json || isatty(STDIN_FILENO) != 1) {
    throw Error(Errc::refused, warning + "; --yes gives it all the same");
  }
  if (!Terminal().confirms(warning + ". Give it to " + shown(options.account) + " all the same? Type yes")) {
    throw Error(Errc::refused, "not given to " + shown(options.account) + ": nothing has changed");
  }
}

/// Nothing where it is noted already.
control::Key note_place(control::Key key, const std::string& place) {
  if (std::find(key.services.begin(), key.services.end(), place) != key.services.end()) return key;
  control::ChangeKey request;
  request.name = key.name;
  request.given_to = {place};
  control::Keys changed = ask_agent_for<control::Keys>(std::move(request));
  return changed.keys.empty() ? std::move(key) : std::move(changed.keys[0]);
}

void run_for_service(const Options& options, control::Key key) {
  const Service service = service_named(options.service);
  const std::string place = place_at(service, options.account);
  check_accepted(service, key.public_key.kind, key.public_key.bits());
  const std::string text = format_public_key(key.public_key, key.comment, service.public_format);
  check_account(options, service, key);
  key = note_place(std::move(key), place);
  std::cout << (options.json ? json_of(key) : text) << std::flush;
  if (!options.json) print_next_steps(std::cerr, service, key, nullptr);
  if (options.copy) copy_to_clipboard(text);
}

void run(const Options& options) {
  control::Key key = key_named(options.name);
  if (!options.service.empty()) return run_for_service(options, std::move(key));
  const std::string text = format_public_key(key.public_key, key.comment, format_of(options.format));
  std::cout << (options.json ? json_of(key) : text) << std::flush;
  if (options.copy) copy_to_clipboard(text);
}

}  // namespace

void add_public(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "public", "print a public key, as for authorized_keys", define, run);
}

}  // namespace fob::cli
