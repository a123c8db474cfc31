#pragma once

#include <functional>
#include <string>

#include "tokens/sk_api.h"
#include "tokens/token.h"

namespace fob {

/// The tokens behind a library with OpenSSH's sk-api (ssh-add -S, SSH_SK_PROVIDER). The library chooses the token
/// itself, and cannot be cancelled but by ending the process.
///
/// It does not tell which keys it has, when it waits for a touch, or how many PIN tries are left: has_key() is always
/// true, and `touch_wanted` is called before it signs with a key that wants a touch, or makes one. It has no functions
/// to manage PINs or resident keys, or for secrets: those throw unsupported.
/// Threads: one. The library stays loaded until the process ends.
class SkMiddleware : public Token {
 public:
  /// Errors: system (cannot be loaded), unsupported (no sk-api, or another major version of it).
  SkMiddleware(const std::string& library, std::function<void()> touch_wanted);

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
  std::function<void()> touch_wanted_;
  sk_api::Enroll* enroll_ = nullptr;
  sk_api::Sign* sign_ = nullptr;
  sk_api::LoadResidentKeys* load_resident_keys_ = nullptr;
};

}  // namespace fob
