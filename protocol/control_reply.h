#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/control_activity.h"
#include "protocol/control_vault_requests.h"
#include "protocol/error.h"
#include "protocol/pkcs11_info.h"
#include "protocol/private_key.h"
#include "protocol/token_info.h"

namespace fob::control {

/// The agent's side of the control socket: see control_request.h.

/// The request failed.
struct Failed {
  Errc code = Errc::system;
  std::string text;  ///< for people

  static Failed read(Reader& in);
  void write(Writer& out) const;
};
struct Done {
  static Done read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// What is waited for ("touch the token …"); replaces the notice before. Empty: nothing any more.
struct Notice {
  std::string text;

  static Notice read(Reader& in);
  void write(Writer& out) const;
};
/// The person is to type something; the client answers with Answer.
struct Question {
  enum class Kind : std::uint8_t {
    pin,             ///< not echoed
    new_pin,         ///< not echoed, typed twice
    text,            ///< echoed: "yes", a token's name
    passphrase,      ///< not echoed
    new_passphrase,  ///< not echoed, typed twice
  };
  Kind kind = Kind::pin;
  std::string text;

  static Question read(Reader& in);
  void write(Writer& out) const;
};

/// A token that is plugged in.
struct Token {
  std::string id;                         ///< "fido:SERIAL", "fido:hidraw3" without serial, or a URI: as TokenName
  std::string product;                    ///< "Yubico YubiKey OTP+FIDO+CCID"
  std::string serial;                     ///< empty: none that the token shows
  std::string path;                       ///< device node, socket or module
  std::string fault;                      ///< why it cannot be used now, with a remedy; then `info` says nothing
  TokenInfo info;                         ///< of a FIDO2 token
  std::optional<Pkcs11TokenInfo> pkcs11;  ///< there for a PKCS#11 token; its `id` is its URI, its `path` the module
};
struct Tokens {
  std::vector<Token> tokens;

  static Tokens read(Reader& in);
  void write(Writer& out) const;
};

/// A key that the agent holds or has kept.
struct Key {
  std::string name;   ///< empty: not kept, added by ssh-add
  std::string where;  ///< "vault", "fido", "pkcs11", "memory", or an SK middleware's path
  std::string token;  ///< which one, as far as known: product and serial at generation
  std::string comment;
  PublicKey public_key;
  std::string uri;                    ///< of a key on a PKCS#11 token (RFC 7512)
  std::uint8_t sk_flags = 0;          ///< of sk keys: 0x01 touch, 0x04 PIN, 0x20 resident (PROTOCOL.u2f)
  std::uint64_t created = 0;          ///< seconds since 1970; 0: unknown
  bool confirm = false;               ///< each use is confirmed (ssh-add -c)
  bool loaded = true;                 ///< offered to ssh now
  std::vector<std::string> services;  ///< where its public key was given
};
struct Keys {
  bool vault_locked = false;  ///< there is a vault, and keys in it wait for it to be opened
  std::vector<Key> keys;

  static Keys read(Reader& in);
  void write(Writer& out) const;
};

/// Of NewKey and ImportKey; the attestation is empty but for NewKey on a token that attests.
struct Kept {
  Key key;
  Bytes challenge;
  Bytes attestation_certificate;
  Bytes attestation_signature;
  Bytes authenticator_data;
  SecretBytes recovery_code;  ///< of a vault that was made for this key, to be shown once; else empty

  static Kept read(Reader& in);
  void write(Writer& out) const;
};
/// Of AttestKey.
struct Attested {
  std::vector<Bytes> certificates;  ///< X.509, DER; the key's first, then its issuers'

  static Attested read(Reader& in);
  void write(Writer& out) const;
};
/// Of ExportKey.
struct Exported {
  PrivateKey key;
  std::string comment;

  static Exported read(Reader& in);
  void write(Writer& out) const;
};

struct Resident {
  PublicKey public_key;  ///< application included
  Bytes key_handle;      ///< of a PKCS#11 token: the key's URI
  std::uint8_t sk_flags = 0;
  std::string user;  ///< of a PKCS#11 token: the label
};
struct Residents {
  std::vector<Resident> keys;

  static Residents read(Reader& in);
  void write(Writer& out) const;
};

using Reply = std::variant<Failed, Done, Notice, Question, Tokens, Keys, Kept, Exported, Residents, Attested, Slots,
                           SlotAdded, BackedUp, Activity>;

Reply parse_reply(ByteView message);
Bytes frame_reply(const Reply& reply);

}  // namespace fob::control
