#include "protocol/control_request.h"

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob::control {
namespace {

/// Numbers on the wire (docs/control-protocol.md). They stay as they are; new requests take new ones.
enum class Type : std::uint8_t {
  list_tokens = 1,
  list_keys = 2,
  new_key = 3,
  import_key = 4,
  export_key = 5,
  remove_key = 6,
  set_pin = 7,
  change_pin = 8,
  list_resident = 9,
  remove_resident = 10,
  rename_resident = 11,
  reset_token = 12,
  answer = 13,
  adopt_key = 14,
  unblock_pin = 15,
  attest_key = 16,
  unlock_vault = 17,
  lock_vault = 18,
  list_slots = 19,
  add_slot = 20,
  remove_slot = 21,
  back_up = 22,
  restore = 23,
  change_key = 24,
  watch = 25,
};

Type type_of(const ListTokens&) { return Type::list_tokens; }
Type type_of(const ListKeys&) { return Type::list_keys; }
Type type_of(const NewKey&) { return Type::new_key; }
Type type_of(const ImportKey&) { return Type::import_key; }
Type type_of(const ExportKey&) { return Type::export_key; }
Type type_of(const RemoveKey&) { return Type::remove_key; }
Type type_of(const SetPin&) { return Type::set_pin; }
Type type_of(const ChangePin&) { return Type::change_pin; }
Type type_of(const ListResident&) { return Type::list_resident; }
Type type_of(const RemoveResident&) { return Type::remove_resident; }
Type type_of(const RenameResident&) { return Type::rename_resident; }
Type type_of(const ResetToken&) { return Type::reset_token; }
Type type_of(const Answer&) { return Type::answer; }
Type type_of(const AdoptKey&) { return Type::adopt_key; }
Type type_of(const UnblockPin&) { return Type::unblock_pin; }
Type type_of(const AttestKey&) { return Type::attest_key; }
Type type_of(const UnlockVault&) { return Type::unlock_vault; }
Type type_of(const LockVault&) { return Type::lock_vault; }
Type type_of(const ListSlots&) { return Type::list_slots; }
Type type_of(const AddSlot&) { return Type::add_slot; }
Type type_of(const RemoveSlot&) { return Type::remove_slot; }
Type type_of(const BackUp&) { return Type::back_up; }
Type type_of(const Restore&) { return Type::restore; }
Type type_of(const ChangeKey&) { return Type::change_key; }
Type type_of(const Watch&) { return Type::watch; }

}  // namespace

Answer Answer::read(Reader& in) {
  Answer out;
  out.given = in.boolean();
  out.text = SecretBytes(as_bytes(in.text(limits::typed_bytes)));
  if (!out.given && !out.text.empty()) throw Error(Errc::malformed, "an answer that was declined has a text");
  return out;
}

void Answer::write(Writer& out) const { out.boolean(given).string(text.view()); }

Request parse_request(ByteView message) {
  if (message.size() > limits::message_bytes) {
    throw Error(Errc::too_large, "request of " + std::to_string(message.size()) + " bytes, at most " +
                                     std::to_string(limits::message_bytes) + " allowed");
  }
  Reader in(message);
  const std::uint8_t number = in.u8();
  const auto whole = [&in](auto request) -> Request {
    in.done();
    return request;
  };
  switch (static_cast<Type>(number)) {
    case Type::list_tokens: return whole(ListTokens::read(in));
    case Type::list_keys: return whole(ListKeys::read(in));
    case Type::new_key: return whole(NewKey::read(in));
    case Type::import_key: return whole(ImportKey::read(in));
    case Type::export_key: return whole(ExportKey::read(in));
    case Type::remove_key: return whole(RemoveKey::read(in));
    case Type::set_pin: return whole(SetPin::read(in));
    case Type::change_pin: return whole(ChangePin::read(in));
    case Type::list_resident: return whole(ListResident::read(in));
    case Type::remove_resident: return whole(RemoveResident::read(in));
    case Type::rename_resident: return whole(RenameResident::read(in));
    case Type::reset_token: return whole(ResetToken::read(in));
    case Type::answer: return whole(Answer::read(in));
    case Type::adopt_key: return whole(AdoptKey::read(in));
    case Type::unblock_pin: return whole(UnblockPin::read(in));
    case Type::attest_key: return whole(AttestKey::read(in));
    case Type::unlock_vault: return whole(UnlockVault::read(in));
    case Type::lock_vault: return whole(LockVault::read(in));
    case Type::list_slots: return whole(ListSlots::read(in));
    case Type::add_slot: return whole(AddSlot::read(in));
    case Type::remove_slot: return whole(RemoveSlot::read(in));
    case Type::back_up: return whole(BackUp::read(in));
    case Type::restore: return whole(Restore::read(in));
    case Type::change_key: return whole(ChangeKey::read(in));
    case Type::watch: return whole(Watch::read(in));
  }
  throw Error(Errc::unsupported, "unknown control request " + std::to_string(number));
}

Bytes frame_request(const Request& request) {
  Writer out;
  const std::size_t mark = out.begin_string();
  std::visit(
      [&out](const auto& message) {
        out.u8(static_cast<std::uint8_t>(type_of(message)));
        message.write(out);
      },
      request);
  out.end_string(mark);
  return out.take();
}

}  // namespace fob::control
