#pragma once

#include <array>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "agent/boot_clock.h"
#include "agent/peer.h"
#include "agent/ready_key.h"
#include "agent/sealer.h"
#include "agent/vault/vault_lock.h"
#include "protocol/constraints.h"

namespace fob {

/// Which keys there are, in order of insertion and found in O(1) by key blob, with their constraints.
///
/// A private key rests sealed (sealer.h), one of the vault as it lies in the file. Its first use unpacks it; it stays
/// ready while it is busy, and is wiped after limits::ready_key_rest without use. Threads: the main one only.
class Keyring {
 public:
  struct Key {
    PublicKey public_key;
    std::string comment;
    Constraints constraints;
    std::optional<BootClock::time_point> expires;
    Bytes origin;  ///< Route::origin() of the connection that added it; empty: local
    Bytes sealed;  ///< PrivateKey::secret; empty for a key of the vault or on a PKCS#11 token
    std::shared_ptr<const StoredKey> in_vault;  ///< of a key of the vault: what VaultKey::open takes
    /// Of a key on a PKCS#11 token: its module's resolved path, its URI, and what keeps the token's PIN.
    std::string module;
    std::string uri;
    std::shared_ptr<void> login;

    bool on_pkcs11_token() const { return !module.empty(); }

    std::size_t size_bytes() const;
  };

  /// `vault` opens the keys of the vault; nullptr: there are none.
  explicit Keyring(VaultLock* vault = nullptr) : vault_(vault) {}

  /// Nullptr if there is no such key.
  const Key* find(ByteView key_blob) const;
  /// Adds, or replaces all but the place of an equal key. Throws too_large over limits::keys or keyring_bytes.
  void put(Key key);
  /// False if there is no such key.
  bool remove(ByteView key_blob);
  void clear();
  /// Removes what has expired at `now`.
  void expire(BootClock::time_point now);
  std::optional<BootClock::time_point> next_expiry() const;

  Bytes seal(const PrivateKey& key) const;
  /// PrivateKey::secret of a key. Throws refused for one of the vault while that is locked.
  SecretBytes open(const Key& key) const;
  /// The key, ready to sign. Keeps it so until it has rested.
  std::shared_ptr<const ReadyKey> ready(const Key& key);
  /// Wipes keys that have rested at `now`; returns when to call again, if any is ready still.
  std::optional<BootClock::time_point> wipe_rested(BootClock::time_point now);
  /// Wipes all ready keys: on lock, of agent or vault.
  void wipe_ready();

  /// The framed IDENTITIES_ANSWER of the keys visible on this route; shared until the keys change.
  /// At most limits::listed_keys keys and limits::message_bytes, the rest is left out and logged.
  std::shared_ptr<const Bytes> identities_answer(const Route& route);

  template <class Predicate>
  bool all(Predicate holds) const {
    for (const Key& key : keys_) {
      if (!holds(key)) return false;
    }
    return true;
  }
  std::size_t size() const { return keys_.size(); }

 private:
  /// Keyed, so that nobody can choose blobs that collide.
  class BlobHash {
   public:
    BlobHash();
    std::size_t operator()(std::string_view blob) const;

   private:
    std::array<std::uint8_t, 16> key_;
  };
  struct Ready {
    std::string_view blob;
    std::shared_ptr<const ReadyKey> key;
    BootClock::time_point last_use;
  };
  using Place = std::list<Key>::iterator;

  void forget(std::string_view blob);
  void erase(Place place);
  void changed();

  VaultLock* vault_;
  Sealer sealer_;
  std::list<Key> keys_;
  std::unordered_map<std::string_view, Place, BlobHash> by_blob_;  // views into keys_
  std::multimap<BootClock::time_point, Place> by_expiry_;
  std::list<Ready> ready_;  // the one that has rested longest in front
  std::unordered_map<std::string_view, std::list<Ready>::iterator, BlobHash> ready_by_blob_;
  std::shared_ptr<const Bytes> answer_;  // for routes on which every key is visible
  std::size_t constrained_ = 0;          // keys with destinations
  std::size_t bytes_ = 0;
};

}  // namespace fob
