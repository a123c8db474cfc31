#pragma once

#include <memory>
#include <vector>

#include "agent/asker.h"
#include "agent/pkcs11_keys.h"
#include "agent/token_keys.h"
#include "agent/tokens.h"
#include "agent/vault/vault_lock.h"
#include "protocol/control_vault_requests.h"

namespace fob {

/// Makes keyslots, with a person and a token. What it returns was just opened by that token.
///
/// The vault key comes last: nothing waits for a person while it is at hand.
///
/// Threads: the main one only. Errors: refused, where the person said no or typed too little; those of the tokens.
class NewKeyslot {
 public:
  struct Parts {
    Workers& workers;
    Tokens& tokens;
    TokenKeys& token_keys;
    Pkcs11Keys& pkcs11_keys;
  };
  struct Recovery {
    Keyslot slot;
    SecretBytes code;  ///< to be shown once
  };
  /// All that a new vault needs.
  struct First {
    VaultLock::Key key;
    std::vector<Keyslot> slots;  ///< the one that was asked for, and a recovery slot
    SecretBytes recovery_code;
  };

  explicit NewKeyslot(Parts parts) : parts_(parts) {}

  /// A slot but for the vault key in it.
  struct Draft {
    KeyslotKind kind = KeyslotKind::passphrase;
    std::string name;
    Bytes parameters;
    SecretBytes slot_key;

    Keyslot wrap(const VaultKey& key) const;
  };

  /// A slot of any kind but recovery.
  Awaitable<Draft> draft(control::AddSlot wanted, Asker& asker);
  Recovery make_recovery(const VaultKey& key) const;
  /// For a vault that is to be made. A recovery slot alone is refused: the code is for the day when all else is lost.
  Awaitable<First> make_first(control::AddSlot wanted, Asker& asker);

 private:
  Awaitable<Draft> draft_passphrase(Asker& asker);
  Awaitable<Draft> draft_fido(std::string on, control::AddSlot::Pin pin, Asker& asker);
  Awaitable<Draft> draft_pkcs11(std::string on, Asker& asker);

  Parts parts_;
};

}  // namespace fob
