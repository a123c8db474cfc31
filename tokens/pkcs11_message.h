#pragma once

#include <string>
#include <vector>

#include "protocol/pkcs11_info.h"
#include "protocol/private_key.h"
#include "protocol/secret_bytes.h"
#include "tokens/pkcs11_token.h"

/// What fob-agent and the host of a PKCS#11 module say to each other; see tokens/message.h.
///
/// Tokens and keys are named by URI (RFC 7512) as TokenList and KeyList give them, or as a person wrote them. A PIN
/// that is empty is none; with a pin pad none is ever sent, and C_Login gets a null pointer.
namespace fob::host {

/// Of the host `modules`: what p11-kit's configuration registers, trust modules left out. Nothing is initialised.
struct ListModules {
  static ListModules read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// Of the host `readers`: the smartcard readers, as pcscd sees them.
struct ListReaders {
  static ListReaders read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// The tokens that `uri` matches; what it says of objects does not count. Without login.
struct ListTokens {
  std::string uri;
  static ListTokens read(Reader& in);
  void write(Writer& out) const;
};
/// The keys that `uri` matches, on every token that it matches; `pin` only where it matches one token. Keys that SSH
/// has no use for are left out, as far as the token shows that they sign nothing; with `opening`, those that OpenSecret
/// has no use for.
struct ListKeys {
  std::string uri;
  SecretBytes pin;
  bool stay_logged_in = false;
  bool opening = false;
  static ListKeys read(Reader& in);
  void write(Writer& out) const;
};
struct SignWithKey {
  std::string uri;
  ByteView key_blob;        ///< plain; what the URI names must be this key; a view into the message, as `data`
  std::uint32_t flags = 0;  ///< of SIGN_REQUEST: 2 = rsa-sha2-256, 4 = rsa-sha2-512
  ByteView data;            ///< unhashed
  SecretBytes pin;
  bool stay_logged_in = false;  ///< else the token is logged out when the signature is made
  static SignWithKey read(Reader& in);
  void write(Writer& out) const;
};
struct GenerateKey {
  Pkcs11NewKey key;
  Pkcs11Secrets secrets;
  static GenerateKey read(Reader& in);
  void write(Writer& out) const;
};
/// Puts an existing private key on a token.
struct StoreKey {
  Pkcs11NewKey key;  ///< its kind is that of `private_key`
  PrivateKey private_key;
  Pkcs11Secrets secrets;
  static StoreKey read(Reader& in);
  void write(Writer& out) const;
};
/// Deletes the private key, and the public key and certificate of the same CKA_ID.
struct DeleteKey {
  std::string uri;
  Bytes key_blob;  ///< plain; refused where the URI names another key
  Pkcs11Secrets secrets;
  static DeleteKey read(Reader& in);
  void write(Writer& out) const;
};
struct AttestKey {
  std::string uri;
  Bytes key_blob;  ///< as in DeleteKey
  static AttestKey read(Reader& in);
  void write(Writer& out) const;
};
/// What a key opens. RSA: `sealed` is a ciphertext of RSAES-OAEP with SHA-1, and the secret its plaintext
/// (CKM_RSA_PKCS_OAEP). EC: `sealed` is an uncompressed point of its curve, and the secret the x coordinate of their
/// shared point (CKM_ECDH1_DERIVE without KDF).
struct OpenSecret {
  std::string uri;
  Bytes key_blob;  ///< as in DeleteKey
  Bytes sealed;
  SecretBytes pin;
  static OpenSecret read(Reader& in);
  void write(Writer& out) const;
};
struct ChangeTokenPin {
  std::string uri;
  SecretBytes old_pin;
  SecretBytes new_pin;
  static ChangeTokenPin read(Reader& in);
  void write(Writer& out) const;
};
/// Sets the user's PIN anew: with the SO PIN (C_InitPIN), on a PIV card with the PUK (RESET RETRY COUNTER).
struct ResetTokenPin {
  std::string uri;
  SecretBytes unblocking_pin;
  SecretBytes new_pin;
  static ResetTokenPin read(Reader& in);
  void write(Writer& out) const;
};

/// Notice: the module has been loaded and initialised, and the token is there. From now on it works, or waits for a
/// person. Sent at most once for a request, and not where nothing had to be opened.
struct Opened {
  static Opened read(Reader&) { return {}; }
  void write(Writer&) const {}
};
/// Notice: the PIN is awaited at the reader's own keypad.
struct PinPadWanted {
  static PinPadWanted read(Reader&) { return {}; }
  void write(Writer&) const {}
};

struct ModuleList {
  std::vector<RegisteredModule> modules;
  static ModuleList read(Reader& in);
  void write(Writer& out) const;
};
struct ReaderList {
  std::vector<CardReader> readers;
  static ReaderList read(Reader& in);
  void write(Writer& out) const;
};
struct TokenList {
  std::vector<Pkcs11TokenInfo> tokens;
  static TokenList read(Reader& in);
  void write(Writer& out) const;
};
struct KeyList {
  std::vector<Pkcs11Key> keys;
  static KeyList read(Reader& in);
  void write(Writer& out) const;
};
struct Attested {
  std::vector<Bytes> certificates;  ///< X.509, DER; the key's first, then its issuers'
  static Attested read(Reader& in);
  void write(Writer& out) const;
};

}  // namespace fob::host
