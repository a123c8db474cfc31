#include <ctime>
#include <exception>
#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/piv_options.h"
#include "cli/recovery_code.h"
#include "cli/rotated_key.h"
#include "cli/rotated_place.h"
#include "cli/text.h"

namespace fob::cli {
namespace {

struct Options {
  bool json = false;
  std::string name;
  std::string type;
  RotationWishes wishes;
};

/// The types that `fob new` makes.
std::vector<KeyKind> makeable() {
  std::vector<KeyKind> out;
  for (const KeyKindTraits& each : key_kinds) {
    if (each.kind != KeyKind::mldsa44_ed25519) out.push_back(each.kind);
  }
  return out;
}

void finish(Options& options) {
  for (const KeyKind kind : makeable()) {
    if (type_word(kind) == options.type) options.wishes.kind = kind;
  }
}

void define(Command command, Options& options) {
  add_json(command, options.json);
  command.add_option("NAME", options.name, "the key").required().check(check_name_option);
  command.add_option("-t,--type", options.type, "the new key's type; by default that of the old one")
      .words(type_words(makeable()));
  command
      .add_option("--on", options.wishes.on, "where the new key goes, as with fob new; by default where the old one is")
      .type_name("PLACE")
      .check(check_on_option);
  add_piv_options(command, options.wishes.piv);
  command.when_parsed([&options] { finish(options); });
}

/// The new key under another name, beside the old one. Tokens go on to call it so.
RotatedKey make_new(const Options& options, const control::Keys& keys, const std::string& since) {
  RotatedKey out;
  out.old = key_named(keys, options.name);
  const std::string name = free_name(keys, options.name, "-since-" + since);
  out.fresh = ask_agent_for<control::Kept>(request_in_place_of(out.old, name, options.wishes));
  return out;
}

void rename(control::Key& key, const std::string& name) {
  control::ChangeKey request;
  request.name = key.name;
  request.new_name = name;
  changed_key(std::move(request));
  key.name = name;
}

/// First the old one, then the new one: whenever it fails, both are there, and `rotated` has their names.
std::exception_ptr take_names(RotatedKey& rotated, const std::string& name, const std::string& old_name) {
  try {
    rename(rotated.old, old_name);
    rename(rotated.fresh.key, name);
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

void print(const Options& options, const RotatedKey& rotated) {
  const SecretBytes& code = rotated.fresh.recovery_code;
  if (options.json) return print_json(json_of(rotated), {&code});
  print(rotated);
  print_recovery_code(code);
}

/// What is left to do, when both keys are there under other names than they should have.
std::string remedy(const RotatedKey& rotated, const std::string& name, const std::string& old_name) {
  std::string out;
  if (rotated.old.name == name) out = "fob rename " + name + ' ' + old_name + ", then ";
  return out + "fob rename " + rotated.fresh.key.name + ' ' + name;
}

void run(const Options& options) {
  const auto keys = ask_agent_for<control::Keys>(control::ListKeys{});
  const std::string date = day_of(static_cast<std::uint64_t>(time(nullptr)));
  const std::string old_name = free_name(keys, options.name, "-" + date);
  // With the number, if there is one: then this is not the first time today.
  RotatedKey rotated = make_new(options, keys, old_name.substr(old_name.rfind(date)));
  const std::exception_ptr fault = take_names(rotated, options.name, old_name);
  rotated.places = known_places(rotated.old, rotated.fresh.key.name);
  print(options, rotated);
  if (!fault) return;
  std::cout.flush();
  std::cerr << "The new key is called " << rotated.fresh.key.name << ", the old one " << rotated.old.name
            << ", for they could not be renamed; to end it: " << remedy(rotated, options.name, old_name) << '\n';
  std::rethrow_exception(fault);
}

}  // namespace

void add_rotate(Command fob, Action& chosen) {
  add_command<Options>(fob, chosen, "rotate", "make a new key in the place of one, which stays until it is removed",
                       define, run);
}

}  // namespace fob::cli
