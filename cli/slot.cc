#include <iostream>

#include "cli/agent_connection.h"
#include "cli/command.h"
#include "cli/pkcs11_uri.h"
#include "cli/recovery_code.h"
#include "cli/table.h"
#include "cli/text.h"
#include "protocol/pkcs11_info.h"

namespace fob::cli {
namespace {

struct ListOptions {
  bool json = false;
};

struct AddOptions {
  bool json = false;
  std::string kind;  ///< of a slot without a token
  std::string on;
  bool pin = false;
  bool no_pin = false;
  control::AddSlot request;
};

struct RemoveOptions {
  bool json = false;
  std::uint32_t id = 0;
};

std::string wants_of(const control::Slot& slot) {
  switch (slot.kind) {
    case KeyslotKind::passphrase: return "passphrase";
    case KeyslotKind::recovery: return "recovery code";
    case KeyslotKind::fido: return slot.pin ? "PIN and touch" : "touch";
    case KeyslotKind::pkcs11: return "what its token asks";
  }
  throw Error(Errc::unsupported, "a keyslot of a kind that this fob does not know");
}

std::string name_for_people(const control::Slot& slot) {
  return shown(slot.name.empty() && !slot.uri.empty() ? short_key_uri(slot.uri) : slot.name);
}

void print(const control::Slots& vault) {
  if (!vault.exists) {
    std::cerr << "There is no vault yet: fob new NAME --on vault makes it, at " << shown(vault.path) << '\n';
    return;
  }
  Table table({"ID", "KIND", "NAME", "WANTS", "CREATED"});
  for (const control::Slot& slot : vault.slots) {
    table.add({std::to_string(slot.id), std::string(name_of(slot.kind)), name_for_people(slot), wants_of(slot),
               day_of(slot.created)});
  }
  table.print(std::cout);
  std::cout << "\nThe vault is " << (vault.locked ? "locked" : "open") << "; its file is " << shown(vault.path) << '\n';
}

void run_list(const ListOptions& options) {
  const auto vault = ask_agent_for<control::Slots>(control::ListSlots{});
  if (options.json) {
    std::cout << json_of(vault);
  } else {
    print(vault);
  }
}

void refuse(const char* why) { throw UsageError(why); }

/// Sets the request, or refuses what does not fit together.
void finish_add(AddOptions& options) {
  if (options.kind.empty() == options.on.empty()) {
    refuse("say what is to open the vault: fob slot add passphrase, fob slot add recovery, or fob slot add --on TOKEN");
  }
  const bool is_pkcs11 = is_pkcs11_uri(options.on);
  const bool is_fido = !options.on.empty() && !is_pkcs11;
  if (is_fido && !options.on.starts_with("fido")) {
    refuse("--on takes fido, an id that fob tokens shows, or a PKCS#11 URI");
  }
  if ((options.pin || options.no_pin) && !is_fido) refuse("--pin and --no-pin are for FIDO2 tokens");
  if (options.pin && options.no_pin) refuse("--pin and --no-pin exclude each other");
  control::AddSlot& request = options.request;
  request.on = options.on;
  request.kind = is_fido ? KeyslotKind::fido : is_pkcs11 ? KeyslotKind::pkcs11 : KeyslotKind::passphrase;
  if (options.kind == name_of(KeyslotKind::recovery)) request.kind = KeyslotKind::recovery;
  if (options.pin) request.pin = control::AddSlot::Pin::always;
  if (options.no_pin) request.pin = control::AddSlot::Pin::never;
}

void define_add(Command command, AddOptions& options) {
  add_json(command, options.json);
  command.add_option("KIND", options.kind, "passphrase, or recovery: a code to keep on paper")
      .words({std::string(name_of(KeyslotKind::passphrase)), std::string(name_of(KeyslotKind::recovery))});
  command
      .add_option("--on", options.on,
                  "a token instead: fido (the only FIDO2 token), an id that fob tokens shows, a PKCS#11 URI of a token "
                  "(a key is made on it) or of a key on one")
      .type_name("TOKEN")
      .check(check_on_option);
  command.add_flag("--pin", options.pin,
                   "a FIDO2 token wants its PIN each time, beside the touch; the default if it has one");
  command.add_flag("--no-pin", options.no_pin, "a FIDO2 token wants the touch only");
  command.when_parsed([&options] { finish_add(options); });
}

void run_add(const AddOptions& options) {
  const auto added = ask_agent_for<control::SlotAdded>(options.request);
  if (options.json) {
    print_json(json_of(added), {&added.recovery_code});
    return;
  }
  const std::string name = name_for_people(added.slot);
  std::cout << "Slot " << added.slot.id << " opens the vault now: " << name_of(added.slot.kind)
            << (name.empty() ? "" : ", " + name) << ".\n";
  print_recovery_code(added.recovery_code);
}

void define_list(Command command, ListOptions& options) { add_json(command, options.json); }

/// "" would be taken for 0.
std::string check_id(const std::string& id) {
  if (!id.empty() && id.find_first_not_of("0123456789") == std::string::npos) return {};
  return "the ID of a slot is a number, which fob slot shows";
}

void define_remove(Command command, RemoveOptions& options) {
  add_json(command, options.json);
  command.add_option("ID", options.id, "its number, as fob slot shows it").required().check(check_id);
}

void run_remove(const RemoveOptions& options) {
  ask_agent_for<control::Done>(control::RemoveSlot{options.id});
  const std::string id = std::to_string(options.id);
  std::cout << (options.json ? json_of_done("removed", id) : "Slot " + id + " does not open the vault any more.\n");
}

}  // namespace

void add_slot(Command fob, Action& chosen) {
  const Command slot = add_command<ListOptions>(
      fob, chosen, "slot", "show what opens the vault, add to it or take from it", define_list, run_list);
  slot.require_subcommand(0, 1);
  add_command<AddOptions>(slot, chosen, "add", "have something more open the vault", define_add, run_add);
  add_command<RemoveOptions>(slot, chosen, "remove", "have something open the vault no more", define_remove,
                             run_remove);
}

}  // namespace fob::cli
