#pragma once

#include "tokens/ctaphid_link.h"
#include "tokens/fido_memory.h"
#include "tokens/token.h"

namespace fob {

/// A FIDO2 or U2F token through libfido2, with the semantics of OpenSSH's sk-usbhid.c.
///
/// The device is opened at the first call, and again after one that failed below libfido2. Before it sends a PIN or
/// lets the token wait for a touch, it refuses what the token says it cannot do. A PIN that the token rejects is sent
/// once; one that it accepts may be sent again within the call, for libfido2 asks for a permission at each step.
/// Threads: one, which must have called fido_init(3).
class FidoToken : public Token {
 public:
  /// `descriptor` as for CtaphidLink; stays the caller's.
  FidoToken(int descriptor, TokenWatch watch) : link_(descriptor, std::move(watch)) {}

  TokenInfo describe() override;
  bool has_key(const KeyRef& key) override;
  NewKey generate(const NewKeyRequest& request, const SecretBytes* pin) override;
  Bytes sign(const KeyRef& key, ByteView data, const SecretBytes* pin) override;
  Bytes make_secret_credential(const std::string& application, const SecretBytes* pin) override;
  SecretBytes derive_secret(const SecretRequest& request, const SecretBytes* pin) override;
  std::vector<ResidentKey> resident_keys(const SecretBytes* pin) override;
  void remove_resident(ByteView key_handle, const SecretBytes* pin) override;
  void rename_resident(ByteView key_handle, const std::string& user, const SecretBytes* pin) override;
  void set_pin(const SecretBytes& new_pin) override;
  void change_pin(const SecretBytes& old_pin, const SecretBytes& new_pin) override;
  void reset() override;

 private:
  /// Stands for the time of one call: the device is open in it.
  class Session;

  void open();
  /// Throws what `status` means, unless it is FIDO_OK.
  void check(int status);
  std::optional<int> pin_tries();
  TokenInfo info();
  /// For a U2F token, which does not say that it waits.
  void expect_touch();
  /// Whether verification is to be the token's own doing (fingerprint); throws where it wants a PIN, or has none.
  bool verifies_itself(const TokenInfo& info, const SecretBytes* pin) const;
  void check_credential_management(const SecretBytes* pin);
  /// Calls `visit` with each resident credential of SSH's and its application, until it returns true.
  using Visit = std::function<bool(const fido_cred_t&, const std::string&)>;
  void visit_residents(const char* pin, const Visit& visit);
  /// Whether there is a resident credential of this application and user id.
  bool has_resident(const std::string& application, ByteView user_id, bool verify, const char* pin);
  FidoCredential wanted_credential(const NewKeyRequest& request, ByteView user_id, ByteView challenge, bool verify);

  CtaphidLink link_;
  FidoDevice device_;
};

class FidoToken::Session {
 public:
  explicit Session(FidoToken& token) : token_(token), request_(token.link_) { token.open(); }
  ~Session() {
    if (token_.link_.failed()) token_.device_.reset();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  FidoToken& token_;
  CtaphidLink::Request request_;
};

}  // namespace fob
