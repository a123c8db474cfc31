#include "protocol/control_request.h"

#include <algorithm>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

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

std::string read_key_name(Reader& in) {
  const std::string_view name = in.text(limits::key_name_bytes);
  check_key_name(name);
  return std::string(name);
}

std::string read_token_name(Reader& in) { return std::string(in.text(limits::token_id_bytes)); }

KeyKind read_kind(Reader& in) {
  const std::string_view name = in.text(limits::name_bytes);
  const std::optional<KeyTypeName> type = key_type_from_name(name);
  if (!type || type->is_certificate) throw Error(Errc::unsupported, "unknown key type " + printable(name));
  return type->kind;
}

bool may_stand_in_name(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' || character == '-';
}

}  // namespace

void check_key_name(std::string_view name) {
  const auto refuse = [&](const std::string& fault) {
    throw Error(Errc::malformed, "\"" + printable(name) + "\" cannot name a key: " + fault);
  };
  if (name.empty()) refuse("it is empty");
  if (name.size() > limits::key_name_bytes) {
    refuse("it has " + std::to_string(name.size()) + " bytes, at most " + std::to_string(limits::key_name_bytes) +
           " are allowed");
  }
  if (!std::all_of(name.begin(), name.end(), may_stand_in_name)) {
    refuse("only letters, digits, \".\", \"_\" and \"-\" are allowed");
  }
  if (name[0] == '-' || name[0] == '.') refuse("it must begin with a letter, a digit or \"_\"");
}

NewKey NewKey::read(Reader& in) {
  NewKey out;
  out.name = read_key_name(in);
  out.on = read_token_name(in);
  out.kind = read_kind(in);
  out.application = in.text(limits::name_bytes);
  out.user = in.text(limits::credential_user_bytes);
  out.comment = in.text(limits::comment_bytes);
  out.challenge = to_bytes(in.string(limits::challenge_bytes));
  out.resident = in.boolean();
  out.verify_required = in.boolean();
  out.no_touch = in.boolean();
  out.replace_resident = in.boolean();
  return out;
}

void NewKey::write(Writer& out) const {
  out.string(name).string(on).string(traits(kind).name).string(application).string(user).string(comment);
  out.string(challenge).boolean(resident).boolean(verify_required).boolean(no_touch).boolean(replace_resident);
}

ImportKey ImportKey::read(Reader& in) {
  ImportKey out;
  out.name = read_key_name(in);
  out.comment = in.text(limits::comment_bytes);
  out.key = PrivateKey::read(in);
  if (!is_sk(out.key.public_key.kind) || out.key.public_key.is_certificate()) {
    throw Error(Errc::unsupported, out.key.public_key.display_type() + " cannot be imported: only sk keys can");
  }
  return out;
}

void ImportKey::write(Writer& out) const {
  out.string(name).string(comment);
  key.write(out);
}

ExportKey ExportKey::read(Reader& in) { return {read_key_name(in)}; }
void ExportKey::write(Writer& out) const { out.string(name); }

RemoveKey RemoveKey::read(Reader& in) {
  RemoveKey out;
  out.name = read_key_name(in);
  out.from_token = in.boolean();
  return out;
}

void RemoveKey::write(Writer& out) const { out.string(name).boolean(from_token); }

SetPin SetPin::read(Reader& in) { return {read_token_name(in)}; }
void SetPin::write(Writer& out) const { out.string(on); }

ChangePin ChangePin::read(Reader& in) { return {read_token_name(in)}; }
void ChangePin::write(Writer& out) const { out.string(on); }

ListResident ListResident::read(Reader& in) { return {read_token_name(in)}; }
void ListResident::write(Writer& out) const { out.string(on); }

RemoveResident RemoveResident::read(Reader& in) {
  RemoveResident out;
  out.on = read_token_name(in);
  out.key_handle = to_bytes(in.string(limits::key_handle_bytes));
  return out;
}

void RemoveResident::write(Writer& out) const { out.string(on).string(key_handle); }

RenameResident RenameResident::read(Reader& in) {
  RenameResident out;
  out.on = read_token_name(in);
  out.key_handle = to_bytes(in.string(limits::key_handle_bytes));
  out.user = in.text(limits::credential_user_bytes);
  return out;
}

void RenameResident::write(Writer& out) const { out.string(on).string(key_handle).string(user); }

ResetToken ResetToken::read(Reader& in) { return {read_token_name(in)}; }
void ResetToken::write(Writer& out) const { out.string(on); }

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
