#include "protocol/control_vault_requests.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pkcs11_info.h"

namespace fob::control {
namespace {

KeyslotKind read_kind(Reader& in) {
  const std::uint8_t number = in.u8();
  const std::optional<KeyslotKind> kind = keyslot_kind(number);
  if (!kind) throw Error(Errc::unsupported, "unknown kind of keyslot " + std::to_string(number));
  return *kind;
}

void write_kind(KeyslotKind kind, Writer& out) { out.u8(static_cast<std::uint8_t>(kind)); }

Slot read_slot(Reader& in) {
  Slot out;
  out.id = in.u32();
  out.kind = read_kind(in);
  out.name = in.text(limits::name_bytes);
  out.uri = in.text(limits::uri_bytes);
  if (!out.uri.empty()) check_pkcs11_uri(out.uri);
  out.pin = in.boolean();
  out.created = in.u64();
  return out;
}

void write_slot(const Slot& slot, Writer& out) {
  out.u32(slot.id);
  write_kind(slot.kind, out);
  out.string(slot.name).string(slot.uri).boolean(slot.pin).u64(slot.created);
}

}  // namespace

UnlockVault UnlockVault::read(Reader& in) {
  UnlockVault out;
  if (in.boolean()) out.kind = read_kind(in);
  return out;
}

void UnlockVault::write(Writer& out) const {
  out.boolean(kind.has_value());
  if (kind) write_kind(*kind, out);
}

AddSlot AddSlot::read(Reader& in) {
  AddSlot out;
  out.kind = read_kind(in);
  out.on = read_token_name(in);
  const std::uint8_t pin = in.u8();
  if (pin > static_cast<std::uint8_t>(Pin::never)) throw Error(Errc::malformed, "unknown wish for a PIN");
  out.pin = static_cast<Pin>(pin);
  return out;
}

void AddSlot::write(Writer& out) const {
  write_kind(kind, out);
  out.string(on).u8(static_cast<std::uint8_t>(pin));
}

RemoveSlot RemoveSlot::read(Reader& in) { return {in.u32()}; }
void RemoveSlot::write(Writer& out) const { out.u32(id); }

Restore Restore::read(Reader& in) {
  Restore out;
  out.path = in.text(limits::path_bytes);
  if (!out.path.starts_with('/')) throw Error(Errc::malformed, "the path of a backup is not absolute");
  out.replace = in.boolean();
  return out;
}

void Restore::write(Writer& out) const { out.string(path).boolean(replace); }

Slots Slots::read(Reader& in) {
  Slots out;
  out.exists = in.boolean();
  out.locked = in.boolean();
  out.path = in.text(limits::path_bytes);
  const std::size_t count = in.u32();
  if (count > limits::keyslots) throw Error(Errc::malformed, "a list of " + std::to_string(count) + " keyslots");
  for (std::size_t i = 0; i < count; ++i) out.slots.push_back(read_slot(in));
  return out;
}

void Slots::write(Writer& out) const {
  out.boolean(exists).boolean(locked).string(path).u32(static_cast<std::uint32_t>(slots.size()));
  for (const Slot& slot : slots) write_slot(slot, out);
}

SlotAdded SlotAdded::read(Reader& in) {
  SlotAdded out;
  out.slot = read_slot(in);
  out.recovery_code = SecretBytes(in.string(limits::recovery_code_bytes));
  return out;
}

void SlotAdded::write(Writer& out) const {
  write_slot(slot, out);
  out.string(recovery_code.view());
}

BackedUp BackedUp::read(Reader& in) {
  BackedUp out;
  out.key_count = in.u32();
  out.file = to_bytes(in.string(limits::vault_file_bytes));
  return out;
}

void BackedUp::write(Writer& out) const { out.u32(key_count).string(file); }

}  // namespace fob::control
