#pragma once

#include <atomic>
#include <mutex>

#include "tests/virtual/piv/memory.h"
#include "tests/virtual/touch.h"

namespace fob::virt::piv {

struct Personality {
  std::uint32_t serial = 12345678;
  std::array<std::uint8_t, 3> version{5, 4, 3};  ///< from 5.7.0 on, keys can be deleted

  bool deletes_keys() const { return version[0] > 5 || (version[0] == 5 && version[1] >= 7); }
};

/// What a test may want to see of a card.
struct Status {
  unsigned pin_tries = 0;
  unsigned puk_tries = 0;
  unsigned pin_attempts = 0;  ///< VERIFY with a PIN, right or wrong
  unsigned touch_requests = 0;
  bool waiting = false;                       ///< for a touch, now
  std::map<std::uint8_t, unsigned> commands;  ///< by instruction
  std::map<std::uint8_t, std::string> slots;  ///< "p256 generated", by key reference
};

/// A PIV card (NIST SP 800-73-4 part 2) with Yubico's extensions, as a YubiKey 5 has it.
///
/// Threads: any. What waits for a touch holds off only load() and factory_new().
class Card {
 public:
  explicit Card(const Personality& personality = {});

  /// What it answers to reset.
  static Bytes atr();
  /// A command APDU; the response APDU. May wait for a touch. Never throws.
  Bytes transmit(ByteView apdu);
  /// Switched off or on, or reset: it forgets who has authenticated.
  void power();
  /// Ends a wait for a touch, as if nobody touched: the card is pulled out.
  void interrupt();
  void resume() { interrupted_ = false; }

  void set_touch(const virt::TouchPolicy& policy) { touch_.set_policy(policy); }
  bool touch() { return touch_.touch(); }
  Status status() const;

  Bytes save() const;
  void load(ByteView saved);
  /// As if it were another card, which comes from the factory; its attestation key is another, too.
  void factory_new();
  /// Called with save() whenever something changed that lasts.
  void on_change(std::function<void(ByteView)> callback) { on_change_ = std::move(callback); }

 private:
  void forget();
  Bytes dispatch(const Command& command);
  Bytes handle(const Command& command);
  Bytes handle_yubico(const Command& command);
  void changed();
  void note(const Command& command);

  // pins.cc
  Bytes verify(const Command& command);
  Bytes change_reference(const Command& command);
  Bytes reset_retry_counter(const Command& command);
  Bytes set_pin_retries(const Command& command);
  Bytes factory_reset();
  Secret& secret(std::uint8_t reference);
  // objects.cc
  Bytes select(const Command& command);
  Bytes get_data(const Command& command) const;
  Bytes put_data(const Command& command);
  Bytes get_metadata(const Command& command) const;
  // keys.cc
  Bytes generate(const Command& command);
  Bytes import(const Command& command);
  Bytes attest(const Command& command) const;
  Bytes move_key(const Command& command);
  Bytes use_key(const Command& command);
  void keep(std::uint8_t slot, CardKey key, const std::vector<Tlv>& policies);
  void want_pin_for(const CardKey& key) const;
  void want_touch(TouchPolicy policy);
  // management.cc
  Bytes authenticate_management(const std::vector<Tlv>& fields);
  Bytes set_management_key(const Command& command);
  void want_management() const;

  Personality personality_;
  mutable std::mutex mutex_;  ///< of all but the finger and the status
  Memory memory_;
  std::function<void(ByteView)> on_change_;
  Exchange exchange_;

  // Until the power goes.
  bool selected_ = false;
  bool pin_verified_ = false;
  bool pin_fresh_ = false;  ///< nothing has come since VERIFY
  bool managed_ = false;
  Bytes witness_;
  Bytes challenge_;
  std::optional<Clock::time_point> touched_at_;

  Wakeup wakeup_;
  virt::Touch touch_{wakeup_};
  std::atomic<bool> interrupted_ = false;
  mutable std::mutex status_mutex_;
  Status status_;
};

/// Key references that hold keys: 9a, 9c to 9e, 82 to 95.
bool is_key_slot(std::uint8_t slot);

}  // namespace fob::virt::piv
