#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/asker.h"
#include "agent/gate.h"
#include "agent/pkcs11_keys.h"
#include "agent/prompter.h"
#include "agent/token_keys.h"
#include "agent/vault/vault.h"
#include "agent/vault/vault_lock.h"

namespace fob {

/// Opens the vault with what is at hand: a token with a keyslot that is plugged in, else what a person types.
///
/// `purpose` tells the person why: "to open it", "for key work:\nssh wants to log in as alice." A token that fails is
/// left for the next slot, but where its person said no, or typed a wrong PIN. If the awaiting coroutine is cancelled,
/// questions and announcements are taken back. Threads: the main one only. Errors: refused, where nothing that was
/// given opens it, which never says what was wrong with it; not_found, where there is nothing to open or to open it
/// with; those of the tokens.
class VaultOpener {
 public:
  struct Parts {
    Workers& workers;
    Vault& vault;
    VaultLock& lock;
    TokenKeys& token_keys;
    Pkcs11Keys& pkcs11_keys;
    Prompter& prompter;
  };

  explicit VaultOpener(Parts parts) : parts_(parts), state_(std::make_shared<State>()) {}

  /// For a client of the agent: returns when the vault is open. Of all that wait one has a person asked; the others
  /// share the answer, be it no. An opening by `fob unlock` ends the wait of all.
  Awaitable<void> open_for_client(std::string purpose, Asker& asker);
  /// For the person who typed `fob`: with slots of `kind` only, if one is given.
  Awaitable<void> open(std::string purpose, std::optional<KeyslotKind> kind, Asker& asker);
  /// The vault key, though it may be open: before a private key leaves the vault, and before what opens it changes.
  /// Somebody has touched a token for it, or typed its PIN, the passphrase or the code just now. Touches are announced
  /// on the screen, too: who asks may be another than who is to touch. Leaves the vault as it is.
  Awaitable<VaultLock::Key> ask_anew(std::string purpose, Asker& asker);

 private:
  struct Attempt {
    std::exception_ptr fault;
  };
  /// What is asked, and how.
  struct Wish {
    std::string purpose;
    bool anew = false;
    bool tried = false;  ///< a token was, in vain
  };
  /// What coroutines still use that end after this object.
  struct State {
    Gate turn{limits::module_queue};
    Gate trial{limits::module_queue};  ///< one passphrase at a time: others want the workers, too
  };

  Awaitable<Attempt> try_open(std::string purpose, Asker& asker);
  Awaitable<Attempt> wait_until_opened();
  Awaitable<VaultLock::Key> ask(Wish wish, std::optional<KeyslotKind> kind, Asker& asker);
  Awaitable<VaultLock::Key> ask_token(const Keyslot& slot, Wish& wish, Asker& asker);
  Awaitable<VaultLock::Key> ask_fido_token(const Keyslot& slot, Wish& wish, Asker& asker);
  Awaitable<VaultLock::Key> ask_pkcs11_token(const Keyslot& slot, Wish& wish, Asker& asker);
  Awaitable<VaultLock::Key> ask_person(std::vector<Keyslot> slots, std::string purpose, Asker& asker);
  void check_is_of_this_vault(const VaultKey& key) const;
  Awaitable<TokenKeys::Shared> holder_of(const FidoParameters& slot);
  std::vector<Keyslot> slots_of(std::optional<KeyslotKind> kind) const;

  Parts parts_;
  std::shared_ptr<State> state_;
  unsigned attempts_ = 0;
  std::exception_ptr last_fault_;
};

}  // namespace fob
