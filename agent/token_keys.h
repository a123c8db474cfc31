#pragma once

#include <string>
#include <vector>

#include "agent/asker.h"
#include "agent/tokens.h"

namespace fob {

/// What people and tokens do together: finds the right token, asks for its PIN, announces the touch.
///
/// Each call waits its turn at the token. A PIN is sent once for each time that a person typed it, except where the
/// user has it cached; the tries left are read and shown first, and the last one wants a typed yes. If the awaiting
/// coroutine is cancelled the token is told so, and questions and announcements are taken back. Threads: the main one
/// only. Errors: those of tokens/token.h; refused where the person said no.
class TokenKeys {
 public:
  using Shared = Tokens::Shared;

  /// An sk key, and what people are told about its use.
  struct Use {
    PublicKey key;
    KeyRef ref;
    std::string provider;  ///< "internal", or the path of a middleware that has passed the allow-list
    std::string purpose;   ///< "ssh ← git wants to log in as alice."
  };

  /// A credential that opens secrets (host::DeriveSecret).
  struct SecretRef {
    std::string application;
    Bytes key_handle;
    Bytes salt;
    bool verify = false;
  };

  TokenKeys(Tokens& tokens, std::chrono::seconds pin_cache) : tokens_(tokens), pin_cache_(pin_cache) {}

  /// A signature blob over `data`, verified with the public key before it is returned.
  Awaitable<Bytes> sign(Use use, Bytes data, Asker& asker);

  /// The token that made the key, found without touch or PIN.
  Awaitable<Shared> holder_of(const Use& use);
  /// Asks the token what it is, anew.
  Awaitable<TokenInfo> describe(Shared token);
  Awaitable<NewKey> generate(Shared token, NewKeyRequest request, Asker& asker);
  /// The key handle of a new credential that derive_secret() takes.
  Awaitable<Bytes> make_secret_credential(Shared token, std::string application, Asker& asker);
  /// What the credential makes of the salt: limits::fido_secret_bytes. Wants a touch, and the PIN where ref.verify says
  /// so. `what` it is for, for people: "fob's vault to open it".
  Awaitable<SecretBytes> derive_secret(Shared token, SecretRef ref, std::string what, Asker& asker);
  Awaitable<std::vector<ResidentKey>> resident_keys(Shared token, Asker& asker);
  Awaitable<void> remove_resident(Shared token, Bytes key_handle, Asker& asker);
  Awaitable<void> rename_resident(Shared token, Bytes key_handle, std::string user, Asker& asker);
  Awaitable<void> set_pin(Shared token, Asker& asker);
  Awaitable<void> change_pin(Shared token, Asker& asker);
  /// Wants the token's id typed.
  Awaitable<void> reset(Shared token, Asker& asker);

 private:
  /// How a request that takes a PIN is made and run.
  template <class Expected, class MakeRequest>
  Awaitable<Expected> run_with_pin(Shared token, bool wants_pin, std::string what, MakeRequest make, Asker& asker);
  template <class Expected, class MakeRequest>
  Awaitable<Expected> run_once(Shared token, std::string what, MakeRequest make, const SecretBytes& pin, Asker& asker);
  template <class Expected, class Request>
  Awaitable<Expected> run(Shared token, Request request, std::string what, Asker& asker);

  Awaitable<bool> has_key(Shared token, const KeyRef& ref);
  Awaitable<TokenInfo> describe_now(Shared token);
  Awaitable<SecretBytes> pin_for(Shared token, std::string what, Asker& asker);
  Awaitable<SecretBytes> ask_for_pin_of(Shared token, std::string what, Asker& asker);
  Awaitable<void> keep_pin(Shared token, const SecretBytes& pin, unsigned epoch);

  Tokens& tokens_;
  std::chrono::seconds pin_cache_;
};

}  // namespace fob
