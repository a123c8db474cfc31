// Control's requests for the vault, and for keys that are in it.

#include "agent/control.h"
#include "agent/log.h"
#include "agent/software_key.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

constexpr std::uint32_t default_rsa_bits = 3072;

control::Slot describe(const Keyslot& slot) {
  control::Slot out;
  out.id = slot.id;
  out.kind = slot.kind;
  out.name = slot.name;
  out.created = slot.created;
  if (slot.kind == KeyslotKind::fido) out.pin = FidoParameters::read(slot.parameters).verify;
  if (slot.kind == KeyslotKind::pkcs11) out.uri = Pkcs11Parameters::read(slot.parameters).uri;
  return out;
}

control::AddSlot passphrase_slot() {
  control::AddSlot out;
  out.kind = KeyslotKind::passphrase;
  return out;
}

/// "a new RSA key of 4096 bits"
std::string description(KeyKind kind, std::uint32_t rsa_bits) {
  const unsigned bits = kind == KeyKind::rsa ? rsa_bits : traits(kind).bits;
  return "a new " + std::string(traits(kind).display_name) + " key of " + std::to_string(bits) + " bits";
}

}  // namespace

Awaitable<NewKeyslot::First> Control::open_or_make_vault(std::string purpose, Asker& asker) {
  NewKeyslot::First out;
  if (!parts_.vault.has_key()) {
    control::AddSlot slot = passphrase_slot();
    out = co_await new_keyslot_.make_first(std::move(slot), asker);
  } else if (!parts_.vault_lock.is_open()) {
    co_await parts_.vault_opener.open(std::move(purpose), std::nullopt, asker);
  }
  co_return std::move(out);
}

/// Unless something has locked it meanwhile: it is made all the same, and opens with what was just set.
void Control::open_new_vault(VaultLock::Key key, unsigned epoch) {
  if (epoch == parts_.vault_lock.epoch()) parts_.vault_lock.open(std::move(key), epoch);
}

Awaitable<control::Reply> Control::new_vault_key(control::NewKey wanted, Asker& asker) {
  const KeyKind kind = *wanted.kind;
  const std::uint32_t bits = kind == KeyKind::rsa && wanted.rsa_bits == 0 ? default_rsa_bits : wanted.rsa_bits;
  const std::shared_ptr<void> reservation = co_await parts_.vault.reserve(wanted.name);
  // RSA takes seconds: `fob` shows that it goes on.
  std::shared_ptr<void> notice = asker.announce("Making " + description(kind, bits));
  std::function<PrivateKey()> make = [kind, bits] { return make_software_key(kind, bits); };
  PrivateKey made = co_await parts_.workers.run(std::move(make));
  notice.reset();
  control::Reply reply = co_await keep_in_vault(wanted_key(wanted), std::move(made), asker);
  co_return reply;
}

Awaitable<control::Reply> Control::import_to_vault(control::ImportKey wanted, Asker& asker) {
  const std::shared_ptr<void> reservation = co_await parts_.vault.reserve(wanted.name);
  const Vault::Kept same = parts_.vault.find_blob(wanted.key.public_key.blob);
  if (same) throw Error(Errc::refused, "this key is kept already, as " + same->name);
  control::Reply reply = co_await keep_in_vault(wanted_key(wanted), std::move(wanted.key), asker);
  co_return reply;
}

/// The first key makes the vault: nothing of it is on disk before the key is.
Awaitable<control::Reply> Control::keep_in_vault(StoredKey key, PrivateKey private_key, Asker& asker) {
  const unsigned epoch = parts_.vault_lock.epoch();
  NewKeyslot::First first = co_await open_or_make_vault("to add " + key.name, asker);
  const VaultLock::Key vault_key = first.key ? first.key : parts_.vault_lock.key();
  key.holder = StoredKey::Holder::vault;
  key.public_key = std::move(private_key.public_key);
  key.sealed = vault_key->seal(key, private_key.secret);
  const Vault::Kept kept = co_await keep(std::move(key), std::move(first.slots));
  if (first.key) open_new_vault(std::move(first.key), epoch);
  control::Kept out;
  out.key = describe_kept(*kept);
  out.recovery_code = std::move(first.recovery_code);
  co_return std::move(out);
}

/// An open vault is not enough: whoever gets at the control socket could carry the keys away.
Awaitable<control::Reply> Control::export_from_vault(Vault::Kept key, Asker& asker) {
  const VaultLock::Key vault_key = co_await parts_.vault_opener.ask_anew("to export " + key->name, asker);
  control::Exported out;
  out.key.public_key = key->public_key;
  out.key.secret = vault_key->open(*key);
  out.comment = key->comment;
  log_info("the private key " + key->name + " was exported");
  co_return std::move(out);
}

Awaitable<control::Reply> Control::handle(control::UnlockVault request, Asker& asker) {
  // The other agent that had it may have ended.
  co_await parts_.vault.try_again();
  if (!parts_.vault.has_key() || !parts_.vault_lock.is_open()) {
    co_await parts_.vault_opener.open("to open it", request.kind, asker);
  }
  offer_kept_keys();
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::LockVault, Asker&) {
  // Whatever the file's state: what is in memory goes.
  parts_.vault_lock.lock("fob lock");
  parts_.vault.check();
  if (!parts_.vault.has_key()) throw Error(Errc::not_found, "there is no vault yet; make its first key with: fob new");
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::ListSlots, Asker&) {
  parts_.vault.check();
  control::Slots out;
  out.exists = parts_.vault.has_key();
  out.locked = !parts_.vault_lock.is_open();
  out.path = parts_.vault.path();
  for (const Keyslot& slot : parts_.vault.slots()) out.slots.push_back(describe(slot));
  co_return std::move(out);
}

/// Also where the vault is open somebody has to open it anew: what opens it is not for every program to change.
Awaitable<control::Reply> Control::handle(control::AddSlot request, Asker& asker) {
  const std::shared_ptr<void> held = co_await parts_.vault.hold();
  if (parts_.vault.slots().size() >= limits::keyslots) {
    throw Error(Errc::too_large, "a vault has at most " + std::to_string(limits::keyslots) +
                                     " keyslots; remove one first: fob slot remove");
  }
  control::SlotAdded out;
  std::vector<Keyslot> slots;
  const unsigned epoch = parts_.vault_lock.epoch();
  const bool is_first = !parts_.vault.has_key();
  NewKeyslot::First first;
  if (is_first) {
    first = co_await new_keyslot_.make_first(std::move(request), asker);
    slots = std::move(first.slots);
    out.recovery_code = std::move(first.recovery_code);
  } else if (request.kind == KeyslotKind::recovery) {
    const VaultLock::Key key = co_await parts_.vault_opener.ask_anew("to add a keyslot", asker);
    NewKeyslot::Recovery made = new_keyslot_.make_recovery(*key);
    slots.push_back(std::move(made.slot));
    out.recovery_code = std::move(made.code);
  } else {
    const NewKeyslot::Draft draft = co_await new_keyslot_.draft(std::move(request), asker);
    const VaultLock::Key key = co_await parts_.vault_opener.ask_anew("to add a keyslot", asker);
    slots.push_back(draft.wrap(*key));
  }
  const Keyslot added = co_await parts_.vault.add_slots(std::move(slots), is_first);
  if (is_first) open_new_vault(std::move(first.key), epoch);
  out.slot = describe(added);
  co_return std::move(out);
}

Awaitable<control::Reply> Control::handle(control::RemoveSlot request, Asker& asker) {
  parts_.vault.check();
  const std::vector<Keyslot>& slots = parts_.vault.slots();
  const auto has_id = [&request](const Keyslot& slot) { return slot.id == request.id; };
  if (std::none_of(slots.begin(), slots.end(), has_id)) {
    throw Error(Errc::not_found, "the vault has no keyslot " + std::to_string(request.id) + "; see: fob slot");
  }
  if (slots.size() == 1) throw Error(Errc::refused, "this is the last keyslot: without it nothing opens the vault");
  const std::shared_ptr<void> held = co_await parts_.vault.hold();
  co_await parts_.vault_opener.ask_anew("to remove a keyslot", asker);
  co_await parts_.vault.remove_slot(request.id);
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::BackUp, Asker&) {
  control::BackedUp out;
  out.file = co_await parts_.vault.image();
  out.key_count = static_cast<std::uint32_t>(parts_.vault.keys().size());
  co_return std::move(out);
}

/// Who may open the vault decides on what takes its place. One that cannot be read nobody can open.
Awaitable<control::Reply> Control::handle(control::Restore request, Asker& asker) {
  co_await parts_.vault.try_again();
  if (parts_.vault.has_key() && request.replace) {
    co_await parts_.vault_opener.ask_anew("to put a backup in its place", asker);
  }
  co_await parts_.vault.restore(std::move(request.path), request.replace);
  control::Keys out;
  for (const Vault::Kept& key : parts_.vault.keys()) out.keys.push_back(describe_kept(*key));
  out.vault_locked = parts_.vault.has_key();
  co_return std::move(out);
}

}  // namespace fob
