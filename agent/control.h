#pragma once

#include "agent/asker.h"
#include "agent/kept_keys.h"
#include "agent/keyring.h"
#include "agent/passphrase_lock.h"
#include "agent/pkcs11_keys.h"
#include "agent/token_keys.h"
#include "protocol/control_reply.h"
#include "protocol/control_request.h"

namespace fob {

/// Answers what `fob` asks over the control socket: the management of tokens and of keys that are kept.
///
/// Threads: the main one only; any number of requests at a time.
class Control {
 public:
  /// What it works on; all of it outlives this.
  struct Parts {
    Keyring& keyring;
    const PassphraseLock& lock;
    Tokens& tokens;
    TokenKeys& token_keys;
    KeptKeys& kept;
    Pkcs11Keys& pkcs11_keys;
  };

  explicit Control(Parts parts) : parts_(parts) {}

  /// The reply to one request; what fails is control::Failed. `asker` is the person who typed `fob`.
  Awaitable<control::Reply> answer(control::Request request, Asker& asker);

  /// Puts the kept keys into the keyring: at start.
  void load_kept_keys();

 private:
  Awaitable<control::Reply> handle(control::ListTokens request, Asker& asker);
  Awaitable<control::Reply> handle(control::ListKeys request, Asker& asker);
  Awaitable<control::Reply> handle(control::NewKey request, Asker& asker);
  Awaitable<control::Reply> handle(control::ImportKey request, Asker& asker);
  Awaitable<control::Reply> handle(control::ExportKey request, Asker& asker);
  Awaitable<control::Reply> handle(control::RemoveKey request, Asker& asker);
  Awaitable<control::Reply> handle(control::SetPin request, Asker& asker);
  Awaitable<control::Reply> handle(control::ChangePin request, Asker& asker);
  Awaitable<control::Reply> handle(control::ListResident request, Asker& asker);
  Awaitable<control::Reply> handle(control::RemoveResident request, Asker& asker);
  Awaitable<control::Reply> handle(control::RenameResident request, Asker& asker);
  Awaitable<control::Reply> handle(control::ResetToken request, Asker& asker);
  Awaitable<control::Reply> handle(control::Answer request, Asker& asker);
  Awaitable<control::Reply> handle(control::AdoptKey request, Asker& asker);
  Awaitable<control::Reply> handle(control::UnblockPin request, Asker& asker);
  Awaitable<control::Reply> handle(control::AttestKey request, Asker& asker);

  void refuse_if_locked(const control::Request& request) const;
  Awaitable<control::Token> state_of(Tokens::Shared token);
  Awaitable<void> keep(StoredKey key);
  void offer(const StoredKey& key);
  control::Key describe_kept(const StoredKey& key) const;

  // control_pkcs11.cc
  Awaitable<control::Reply> new_pkcs11_key(control::NewKey wanted, Asker& asker);
  Awaitable<control::Reply> store_on_pkcs11_token(control::ImportKey wanted, Asker& asker);
  Awaitable<control::Reply> list_pkcs11_keys(std::string uri, Asker& asker);
  Awaitable<control::Reply> keep_pkcs11_key(Pkcs11Keys::Place place, Pkcs11Key key, std::string name,
                                            std::string comment);
  Awaitable<void> add_pkcs11_tokens(control::Tokens& out);
  Pkcs11Ref pkcs11_ref(const std::string& name) const;

  Parts parts_;
};

}  // namespace fob
