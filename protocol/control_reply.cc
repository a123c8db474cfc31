#include "protocol/control_reply.h"

#include <algorithm>
#include <array>

#include "protocol/control_key_requests.h"
#include "protocol/limits.h"

namespace fob::control {
namespace {

/// Numbers on the wire (docs/control-protocol.md). They stay as they are; new replies take new ones.
enum class Type : std::uint8_t {
  failed = 128,
  done = 129,
  notice = 130,
  question = 131,
  tokens = 132,
  keys = 133,
  kept = 134,
  exported = 135,
  residents = 136,
  attested = 137,
  slots = 138,
  slot_added = 139,
  backed_up = 140,
  activity = 141,
};

Type type_of(const Failed&) { return Type::failed; }
Type type_of(const Done&) { return Type::done; }
Type type_of(const Notice&) { return Type::notice; }
Type type_of(const Question&) { return Type::question; }
Type type_of(const Tokens&) { return Type::tokens; }
Type type_of(const Keys&) { return Type::keys; }
Type type_of(const Kept&) { return Type::kept; }
Type type_of(const Exported&) { return Type::exported; }
Type type_of(const Residents&) { return Type::residents; }
Type type_of(const Attested&) { return Type::attested; }
Type type_of(const Slots&) { return Type::slots; }
Type type_of(const SlotAdded&) { return Type::slot_added; }
Type type_of(const BackedUp&) { return Type::backed_up; }
Type type_of(const Activity&) { return Type::activity; }

/// The place of a code is its number on the wire: append only.
constexpr std::array failure_codes{
    Errc::system,      Errc::malformed, Errc::too_large, Errc::unsupported,   Errc::invalid_key,
    Errc::refused,     Errc::not_found, Errc::cancelled, Errc::pin_required,  Errc::wrong_pin,
    Errc::pin_blocked, Errc::timed_out, Errc::removed,   Errc::bad_signature,
};

std::uint8_t number_of(Errc code) {
  const auto* const found = std::find(failure_codes.begin(), failure_codes.end(), code);
  return found == failure_codes.end() ? 0 : static_cast<std::uint8_t>(found - failure_codes.begin());
}

/// A code that this build does not know is a failure all the same: its text says which.
Errc code_of(std::uint8_t number) { return number < failure_codes.size() ? failure_codes[number] : Errc::system; }

/// A sentence that is too long loses its end rather than the whole message.
std::string_view cut(std::string_view sentence) { return sentence.substr(0, limits::sentence_bytes); }

std::string read_sentence(Reader& in) { return std::string(as_text(in.string(limits::sentence_bytes))); }

/// Room is made for entries of this size at least. Every key takes more; lists of smaller things are short, and grow.
constexpr std::size_t reserved_entry_bytes = 64;

template <class Entry>
std::vector<Entry> read_list(Reader& in, std::size_t most, Entry (*read_entry)(Reader&)) {
  const std::size_t count = in.u32();
  if (count > most) {
    throw Error(Errc::malformed,
                "list of " + std::to_string(count) + " entries, at most " + std::to_string(most) + " allowed");
  }
  std::vector<Entry> out;
  out.reserve(std::min(count, in.remaining() / reserved_entry_bytes));  // for what is there, not for what is said to be
  for (std::size_t i = 0; i < count; ++i) out.push_back(read_entry(in));
  return out;
}

void write_count(Writer& out, std::size_t count) { out.u32(static_cast<std::uint32_t>(count)); }

std::string read_uri(Reader& in) {
  const std::string_view uri = in.text(limits::uri_bytes);
  if (!uri.empty()) check_pkcs11_uri(uri);
  return std::string(uri);
}

Token read_token(Reader& in) {
  Token out;
  out.id = read_token_name(in);
  out.product = in.text(limits::name_bytes);
  out.serial = in.text(limits::token_id_bytes);
  out.path = in.text(limits::path_bytes);
  out.fault = read_sentence(in);
  out.info = TokenInfo::read(in);
  if (in.boolean()) out.pkcs11 = Pkcs11TokenInfo::read(in);
  return out;
}

void write_token(const Token& token, Writer& out) {
  out.string(token.id).string(token.product).string(token.serial).string(token.path).string(cut(token.fault));
  token.info.write(out);
  out.boolean(token.pkcs11.has_value());
  if (token.pkcs11) token.pkcs11->write(out);
}

Key read_key(Reader& in) {
  Key out;
  out.name = in.text(limits::key_name_bytes);
  out.where = in.text(limits::path_bytes);
  out.token = in.text(limits::name_bytes);
  out.comment = in.text(limits::message_bytes);  // ssh-add may give any
  out.public_key = PublicKey::parse(in.string());
  out.uri = read_uri(in);
  out.sk_flags = in.u8();
  out.created = in.u64();
  out.confirm = in.boolean();
  out.loaded = in.boolean();
  out.services = read_services(in);
  return out;
}

void write_key(const Key& key, Writer& out) {
  out.string(key.name).string(key.where).string(key.token).string(key.comment).string(key.public_key.blob);
  out.string(key.uri).u8(key.sk_flags).u64(key.created).boolean(key.confirm).boolean(key.loaded);
  write_services(key.services, out);
}

Bytes read_certificate(Reader& in) { return to_bytes(in.string(limits::certificate_bytes)); }

Resident read_resident(Reader& in) {
  Resident out;
  out.public_key = PublicKey::parse_plain(in.string());
  out.key_handle = to_bytes(in.string(limits::key_handle_bytes));
  out.sk_flags = in.u8();
  out.user = in.text(limits::name_bytes);
  return out;
}

void write_resident(const Resident& key, Writer& out) {
  out.string(key.public_key.blob).string(key.key_handle).u8(key.sk_flags).string(key.user);
}

}  // namespace

Failed Failed::read(Reader& in) {
  Failed out;
  out.code = code_of(in.u8());
  out.text = read_sentence(in);
  return out;
}

void Failed::write(Writer& out) const { out.u8(number_of(code)).string(cut(text)); }

Notice Notice::read(Reader& in) { return {read_sentence(in)}; }
void Notice::write(Writer& out) const { out.string(cut(text)); }

Question Question::read(Reader& in) {
  Question out;
  const std::uint8_t kind = in.u8();
  if (kind > static_cast<std::uint8_t>(Kind::new_passphrase)) {
    throw Error(Errc::unsupported, "unknown kind of question " + std::to_string(kind));
  }
  out.kind = static_cast<Kind>(kind);
  out.text = read_sentence(in);
  return out;
}

void Question::write(Writer& out) const { out.u8(static_cast<std::uint8_t>(kind)).string(cut(text)); }

Tokens Tokens::read(Reader& in) { return {read_list(in, limits::listed_tokens, read_token)}; }

void Tokens::write(Writer& out) const {
  write_count(out, tokens.size());
  for (const Token& token : tokens) write_token(token, out);
}

Keys Keys::read(Reader& in) {
  Keys out;
  out.vault_locked = in.boolean();
  out.keys = read_list(in, limits::control_listed_keys, read_key);
  return out;
}

void Keys::write(Writer& out) const {
  out.boolean(vault_locked);
  write_count(out, keys.size());
  for (const Key& key : keys) write_key(key, out);
}

Kept Kept::read(Reader& in) {
  Kept out;
  out.key = read_key(in);
  out.challenge = to_bytes(in.string(limits::challenge_bytes));
  out.attestation_certificate = to_bytes(in.string(limits::attestation_bytes));
  out.attestation_signature = to_bytes(in.string(limits::attestation_bytes));
  out.authenticator_data = to_bytes(in.string(limits::attestation_bytes));
  out.recovery_code = SecretBytes(in.string(limits::recovery_code_bytes));
  return out;
}

void Kept::write(Writer& out) const {
  write_key(key, out);
  out.string(challenge).string(attestation_certificate).string(attestation_signature).string(authenticator_data);
  out.string(recovery_code.view());
}

Exported Exported::read(Reader& in) {
  Exported out;
  out.key = PrivateKey::read(in);
  out.comment = in.text(limits::message_bytes);
  return out;
}

void Exported::write(Writer& out) const {
  key.write(out);
  out.string(comment);
}

Residents Residents::read(Reader& in) { return {read_list(in, limits::pkcs11_keys, read_resident)}; }

void Residents::write(Writer& out) const {
  write_count(out, keys.size());
  for (const Resident& key : keys) write_resident(key, out);
}

Attested Attested::read(Reader& in) { return {read_list(in, limits::attestation_chain, read_certificate)}; }

void Attested::write(Writer& out) const {
  write_count(out, certificates.size());
  for (const Bytes& certificate : certificates) out.string(certificate);
}

Reply parse_reply(ByteView message) {
  if (message.size() > limits::control_reply_bytes) {
    throw Error(Errc::too_large, "reply of " + std::to_string(message.size()) + " bytes, at most " +
                                     std::to_string(limits::control_reply_bytes) + " allowed");
  }
  Reader in(message);
  const std::uint8_t number = in.u8();
  const auto whole = [&in](auto reply) -> Reply {
    in.done();
    return reply;
  };
  switch (static_cast<Type>(number)) {
    case Type::failed: return whole(Failed::read(in));
    case Type::done: return whole(Done::read(in));
    case Type::notice: return whole(Notice::read(in));
    case Type::question: return whole(Question::read(in));
    case Type::tokens: return whole(Tokens::read(in));
    case Type::keys: return whole(Keys::read(in));
    case Type::kept: return whole(Kept::read(in));
    case Type::exported: return whole(Exported::read(in));
    case Type::residents: return whole(Residents::read(in));
    case Type::attested: return whole(Attested::read(in));
    case Type::slots: return whole(Slots::read(in));
    case Type::slot_added: return whole(SlotAdded::read(in));
    case Type::backed_up: return whole(BackedUp::read(in));
    case Type::activity: return whole(Activity::read(in));
  }
  throw Error(Errc::unsupported, "unknown control reply " + std::to_string(number));
}

Bytes frame_reply(const Reply& reply) {
  Writer out;
  const std::size_t mark = out.begin_string();
  std::visit(
      [&out](const auto& message) {
        out.u8(static_cast<std::uint8_t>(type_of(message)));
        message.write(out);
      },
      reply);
  out.end_string(mark);
  return out.take();
}

}  // namespace fob::control
