#pragma once

#include "protocol/secret_bytes.h"
#include "protocol/wire.h"
#include "tokens/token.h"

/// What fob-agent and the host of a FIDO2 token or an SK middleware say to each other; see tokens/message.h.
namespace fob::host {

/// The requests: the verbs of Token. A PIN that is empty is none.
struct Describe {
  static Describe read(Reader&) { return {}; }
  void write(Writer&) const {}
};
struct HasKey {
  KeyRef key;
  static HasKey read(Reader& in);
  void write(Writer& out) const;
};
struct Generate {
  NewKeyRequest key;
  SecretBytes pin;
  static Generate read(Reader& in);
  void write(Writer& out) const;
};
struct Sign {
  KeyRef key;
  ByteView data;  ///< a view into the message
  SecretBytes pin;
  static Sign read(Reader& in);
  void write(Writer& out) const;
};
struct ListResident {
  SecretBytes pin;
  static ListResident read(Reader& in);
  void write(Writer& out) const;
};
struct RemoveResident {
  Bytes key_handle;
  SecretBytes pin;
  static RemoveResident read(Reader& in);
  void write(Writer& out) const;
};
struct RenameResident {
  Bytes key_handle;
  std::string user;
  SecretBytes pin;
  static RenameResident read(Reader& in);
  void write(Writer& out) const;
};
struct SetPin {
  SecretBytes new_pin;
  static SetPin read(Reader& in);
  void write(Writer& out) const;
};
struct ChangePin {
  SecretBytes old_pin;
  SecretBytes new_pin;
  static ChangePin read(Reader& in);
  void write(Writer& out) const;
};
/// A credential that is not resident, for DeriveSecret (hmac-secret, CTAP 2.1 §12.5).
struct MakeSecretCredential {
  std::string application;
  SecretBytes pin;
  static MakeSecretCredential read(Reader& in);
  void write(Writer& out) const;
};
/// The 32 bytes that a credential makes of `salt`; others with `verify`, which wants the PIN, than without.
struct DeriveSecret {
  std::string application;
  Bytes key_handle;
  Bytes salt;  ///< limits::fido_salt_bytes
  bool verify = false;
  SecretBytes pin;
  static DeriveSecret read(Reader& in);
  void write(Writer& out) const;
};
struct Reset {
  static Reset read(Reader&) { return {}; }
  void write(Writer&) const {}
};

struct Described {
  TokenInfo info;
  static Described read(Reader& in);
  void write(Writer& out) const;
};
struct Found {  ///< of HasKey
  bool found = false;
  static Found read(Reader& in);
  void write(Writer& out) const;
};
struct Generated {
  NewKey key;
  static Generated read(Reader& in);
  void write(Writer& out) const;
};
struct SecretCredential {  ///< of MakeSecretCredential
  Bytes key_handle;
  static SecretCredential read(Reader& in);
  void write(Writer& out) const;
};
struct Secret {  ///< of DeriveSecret and OpenSecret
  SecretBytes secret;
  static Secret read(Reader& in);
  void write(Writer& out) const;
};
struct ResidentKeys {
  std::vector<ResidentKey> keys;
  static ResidentKeys read(Reader& in);
  void write(Writer& out) const;
};

}  // namespace fob::host
