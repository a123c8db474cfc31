#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/pkcs11_info.h"
#include "protocol/private_key.h"
#include "tokens/pkcs11_token.h"

namespace fob::pkcs11 {

/// What a module tells while it works.
struct Progress {
  std::function<void()> opened;          ///< host::Opened
  std::function<void()> pin_pad_wanted;  ///< host::PinPadWanted
};

/// A PKCS#11 module and the tokens in its slots. Every call may block for as long as the module likes.
///
/// Loaded by the constructor, initialised by the first call. Sessions and found objects are kept for further calls, and
/// made anew, once in a call, where the module says that they are gone (CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED,
/// CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN …). Logging in happens at most once in a call, with a PIN that came
/// with that call (twice for a key with CKA_ALWAYS_AUTHENTICATE, where the first has shown that the PIN is right).
/// Threads: one. Errors: throws Error: pin_required, wrong_pin, pin_blocked, not_found, unsupported, refused, removed,
/// malformed (a bad URI), system; the text says which function failed and how ("C_Sign: CKR_DEVICE_ERROR").
class Module {
 public:
  /// Errors: system (cannot be loaded), unsupported (no PKCS#11 module).
  Module(const std::string& library, Progress progress);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  std::vector<Pkcs11TokenInfo> tokens(const std::string& uri);
  /// Those that SSH can use; with `opening`, those that open_secret() can.
  std::vector<Pkcs11Key> keys(const std::string& uri, const SecretBytes& pin, bool stay_logged_in,
                              bool opening = false);
  /// Signs `data` (unhashed); returns an SSH signature blob (RFC 8332 §3, RFC 5656 §3.1.2, RFC 8709 §6).
  Bytes sign(const std::string& uri, ByteView key_blob, std::uint32_t flags, ByteView data, const SecretBytes& pin,
             bool stay_logged_in);
  /// host::OpenSecret. Errors beside those above: malformed: `sealed` cannot be of this key.
  SecretBytes open_secret(const std::string& uri, ByteView key_blob, ByteView sealed, const SecretBytes& pin);
  Pkcs11Key generate(const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets);
  Pkcs11Key store(const Pkcs11NewKey& wanted, const PrivateKey& key, const Pkcs11Secrets& secrets);
  /// Refused unless the URI names the key of this blob; so is attest().
  void remove(const std::string& uri, ByteView key_blob, const Pkcs11Secrets& secrets);
  /// X.509 certificates in DER: the key's attestation first, then its issuers'.
  std::vector<Bytes> attest(const std::string& uri, ByteView key_blob);
  void change_pin(const std::string& uri, const SecretBytes& old_pin, const SecretBytes& new_pin);
  void reset_pin(const std::string& uri, const SecretBytes& unblocking_pin, const SecretBytes& new_pin);
  /// Whether a card or the like is held, and nobody stays logged in to it.
  bool holds_card() const;
  /// To be called then, when no request waits: lets go, so that other programs have it to themselves.
  void rest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The modules that p11-kit's configuration registers, without those for trust alone; none is initialised.
std::vector<RegisteredModule> registered_modules();

}  // namespace fob::pkcs11
