#pragma once

#include <variant>

#include "protocol/constraints.h"
#include "protocol/private_key.h"

namespace fob {

/// Message numbers (RFC 9987 §7.1; SSH-1's from OpenSSH's authfd.h).
enum class MessageType : std::uint8_t {
  remove_all_rsa1 = 9,
  failure = 5,
  success = 6,
  request_identities = 11,
  identities_answer = 12,
  sign_request = 13,
  sign_response = 14,
  add_identity = 17,
  remove_identity = 18,
  remove_all_identities = 19,
  add_smartcard_key = 20,
  remove_smartcard_key = 21,
  lock = 22,
  unlock = 23,
  add_id_constrained = 25,
  add_smartcard_key_constrained = 26,
  extension = 27,
  extension_failure = 28,
  extension_response = 29,
};

/// The requests of RFC 9987 §4, each with its read and its write side: the body after the type byte. Views point into
/// the message that was read.
struct RequestIdentities {
  static RequestIdentities read(Reader&) { return {}; }
  void write(Writer& out) const;
};

/// §4.6. Flags: 1 is SSH-1's old form and ignored, others must be 0.
struct SignRequest {
  static constexpr std::uint32_t flag_old = 1;
  static constexpr std::uint32_t flag_rsa_sha2_256 = 2;
  static constexpr std::uint32_t flag_rsa_sha2_512 = 4;

  ByteView key_blob;
  ByteView data;
  std::uint32_t flags = 0;

  static SignRequest read(Reader& in);
  void write(Writer& out) const;
};

/// §4.2, with constraints in either form.
struct AddIdentity {
  PrivateKey key;
  std::string comment;
  Constraints constraints;

  static AddIdentity read(Reader& in);
  void write(Writer& out) const;
};

/// §4.3.
struct RemoveIdentity {
  ByteView key_blob;

  static RemoveIdentity read(Reader& in);
  void write(Writer& out) const;
};

/// §4.3, also in SSH-1's form, which clients still send first.
struct RemoveAllIdentities {
  static RemoveAllIdentities read(Reader&) { return {}; }
  void write(Writer& out) const;
};

/// §4.2.5: keys of the token behind a PKCS#11 module.
struct AddSmartcardKey {
  std::string provider;
  ByteView pin;
  Constraints constraints;

  static AddSmartcardKey read(Reader& in);
  void write(Writer& out) const;
};

struct RemoveSmartcardKey {
  std::string provider;
  ByteView pin;

  static RemoveSmartcardKey read(Reader& in);
  void write(Writer& out) const;
};

/// §4.7.
struct Lock {
  ByteView passphrase;

  static Lock read(Reader& in);
  void write(Writer& out) const;
};

struct Unlock {
  ByteView passphrase;

  static Unlock read(Reader& in);
  void write(Writer& out) const;
};

/// §4.8.
struct Extension {
  std::string_view name;
  ByteView contents;

  static Extension read(Reader& in);
  void write(Writer& out) const;
};

using Request = std::variant<RequestIdentities, SignRequest, AddIdentity, RemoveIdentity, RemoveAllIdentities,
                             AddSmartcardKey, RemoveSmartcardKey, Lock, Unlock, Extension>;

/// From a whole message without its length word. Trailing bytes are refused. Errors: malformed, unsupported (an
/// unknown message type among them), invalid_key.
Request parse_request(ByteView message);

/// A whole message with its length word. For clients and tests.
Bytes frame_request(const Request& request);

}  // namespace fob
