#pragma once

#include "agent/activity.h"
#include "agent/asker.h"
#include "agent/keyring.h"
#include "agent/new_keyslot.h"
#include "agent/passphrase_lock.h"
#include "agent/pkcs11_keys.h"
#include "agent/token_keys.h"
#include "agent/vault_opener.h"
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
    Workers& workers;
    Keyring& keyring;
    const PassphraseLock& lock;
    Tokens& tokens;
    TokenKeys& token_keys;
    Pkcs11Keys& pkcs11_keys;
    Vault& vault;
    VaultLock& vault_lock;
    VaultOpener& vault_opener;
    Activity& activity;
  };

  explicit Control(Parts parts)
      : parts_(parts), new_keyslot_({parts.workers, parts.tokens, parts.token_keys, parts.pkcs11_keys}) {}

  /// The reply to one request; what fails is control::Failed. `asker` is the person who typed `fob`.
  Awaitable<control::Reply> answer(control::Request request, Asker& asker);

  Activity& activity() { return parts_.activity; }
  /// Puts the kept keys into the keyring that are not there: at start, and where they were taken away.
  void offer_kept_keys();
  /// The same for another vault; those of `before` go.
  void offer_instead(const std::list<Vault::Kept>& before);

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
  Awaitable<control::Reply> handle(control::UnlockVault request, Asker& asker);
  Awaitable<control::Reply> handle(control::LockVault request, Asker& asker);
  Awaitable<control::Reply> handle(control::ListSlots request, Asker& asker);
  Awaitable<control::Reply> handle(control::AddSlot request, Asker& asker);
  Awaitable<control::Reply> handle(control::RemoveSlot request, Asker& asker);
  Awaitable<control::Reply> handle(control::BackUp request, Asker& asker);
  Awaitable<control::Reply> handle(control::Restore request, Asker& asker);
  Awaitable<control::Reply> handle(control::ChangeKey request, Asker& asker);
  Awaitable<control::Reply> handle(control::Watch request, Asker& asker);

  void refuse_if_locked(const control::Request& request) const;
  Awaitable<control::Token> state_of(Tokens::Shared token);
  static StoredKey named_key(std::string name, std::string comment);
  /// What a person said of a key that is to be kept: of control::NewKey and ImportKey.
  template <class Wanted>
  static StoredKey wanted_key(const Wanted& wanted) {
    StoredKey out = named_key(wanted.name, wanted.comment);
    out.confirm = wanted.confirm;
    out.services = wanted.services;
    return out;
  }
  Awaitable<Vault::Kept> keep(StoredKey key, std::vector<Keyslot> first_slots = {});
  Vault::Kept kept_key(const std::string& name) const;
  void offer(const Vault::Kept& key);
  void show_change(const Vault::Kept& before, const Vault::Kept& kept);
  control::Key describe_kept(const StoredKey& key) const;

  Awaitable<control::Reply> new_fido_key(control::NewKey wanted, Asker& asker);
  Awaitable<PrivateKey> checked(PrivateKey key);
  Awaitable<void> remove_from_token(const StoredKey& key, Asker& asker);

  // control_vault.cc
  /// Of a vault that is made by this request, nothing of it on disk yet; of one that is there: empty.
  Awaitable<NewKeyslot::First> open_or_make_vault(std::string purpose, Asker& asker);
  void open_new_vault(VaultLock::Key key, unsigned epoch);
  Awaitable<control::Reply> new_vault_key(control::NewKey wanted, Asker& asker);
  Awaitable<control::Reply> import_to_vault(control::ImportKey wanted, Asker& asker);
  Awaitable<control::Reply> keep_in_vault(StoredKey key, PrivateKey private_key, Asker& asker);
  Awaitable<control::Reply> export_from_vault(Vault::Kept key, Asker& asker);

  // control_pkcs11.cc
  Awaitable<control::Reply> new_pkcs11_key(control::NewKey wanted, Asker& asker);
  Awaitable<control::Reply> store_on_pkcs11_token(control::ImportKey wanted, Asker& asker);
  Awaitable<control::Reply> list_pkcs11_keys(std::string uri, Asker& asker);
  Awaitable<control::Reply> keep_pkcs11_key(Pkcs11Keys::Place place, Pkcs11Key key, StoredKey wanted);
  Awaitable<control::Reply> keep_made_pkcs11_key(Pkcs11Keys::Place place, Pkcs11Key key, StoredKey wanted);
  Awaitable<void> add_pkcs11_tokens(control::Tokens& out);
  Pkcs11Ref pkcs11_ref(const std::string& name) const;

  Parts parts_;
  NewKeyslot new_keyslot_;
};

}  // namespace fob
