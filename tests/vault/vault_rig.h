#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/daemon/test_key.h"
#include "tests/tokens/token_rig.h"

namespace fob {

inline constexpr std::string_view vault_passphrase = "correct horse battery staple 42";

/// An agent with a place for a vault, and a person who knows its passphrase.
class VaultRig : public TokenRig {
 public:
  VaultRig() : VaultRig(Options{.sticks = 0}) {}
  explicit VaultRig(Options options) : TokenRig(std::move(options)), person_(daemon()) {}

  /// The person at `fob`, who types what they are told to.
  ControlClient& person() { return person_; }
  Client client() { return Client(daemon()); }

  /// A key in the vault. The first one makes the vault; then the recovery code is known.
  PublicKey make_key(const std::string& name, KeyKind kind = KeyKind::ed25519, std::uint32_t rsa_bits = 0);
  void import(const std::string& name, const TestKey& key);
  const std::string& recovery_code() const { return recovery_code_; }
  void lock() { person_.expect<control::Done>(control::LockVault()); }
  bool is_locked();
  control::Slots slots() { return person_.expect<control::Slots>(control::ListSlots()); }
  /// Typed into askpass from now on; nothing: the person says no.
  void answer_dialogs_with(std::string_view text);
  void decline_dialogs() { set_askpass("exit 1"); }
  std::size_t dialog_count() const;
  /// Why `fob unlock` failed; empty: it did not.
  std::string unlock_with(std::vector<std::string> typed, std::optional<KeyslotKind> kind = std::nullopt);
  /// Whether the agent signs with this key, and the signature is right.
  bool signs(const PublicKey& key);

 private:
  ControlClient person_;
  std::string recovery_code_;
};

}  // namespace fob
