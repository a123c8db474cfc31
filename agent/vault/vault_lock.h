#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/async.h"
#include "agent/boot_clock.h"
#include "agent/vault/vault_key.h"

namespace fob {

/// Whether the vault is open: holds the vault key for as long as it may be used.
///
/// It locks itself when nothing has used the key for `lock_after`, and where the machine has slept. Threads: the main
/// one only; the key itself may be used by workers that hold it.
class VaultLock {
 public:
  using Key = std::shared_ptr<const VaultKey>;

  struct Settings {
    std::chrono::seconds lock_after{0};  ///< 0: never for want of use
    bool lock_on_sleep = true;
  };

  VaultLock(asio::io_context& io, Settings settings) : settings_(settings), state_(std::make_shared<State>(io)) {}
  ~VaultLock() { state_->lock = nullptr; }
  VaultLock(const VaultLock&) = delete;
  VaultLock& operator=(const VaultLock&) = delete;

  /// Called when the vault has been opened, and when its key has been wiped.
  std::function<void()> on_open;
  std::function<void()> on_lock;

  bool is_open();
  /// Counts as a use of the key: it stays open for another while.
  void use() { last_use_ = BootClock::now(); }
  /// Throws refused where it is locked. A use.
  Key key();
  /// Opens it, unless it was locked since `epoch`: then throws refused.
  void open(Key key, unsigned epoch);
  /// Wipes the key. `why` is for the log: "sleep".
  void lock(const char* why);
  unsigned epoch() const { return epoch_; }
  /// Returns when somebody opens it. Cancelled with the coroutine that waits.
  Awaitable<void> opened();

 private:
  struct State {
    explicit State(asio::io_context& io) : idle(io), opening(io, asio::steady_timer::time_point::max()) {}
    VaultLock* lock = nullptr;
    asio::steady_timer idle;
    asio::steady_timer opening;  ///< never expires: cancelled when the vault is opened
  };

  bool has_slept() const;
  void watch_idle(BootClock::duration left);
  void check_idle();

  Settings settings_;
  std::shared_ptr<State> state_;
  Key key_;
  BootClock::time_point last_use_;
  BootClock::duration suspended_{};
  unsigned epoch_ = 0;
};

}  // namespace fob
