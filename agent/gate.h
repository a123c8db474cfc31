#pragma once

#include <list>

#include "agent/async.h"
#include "protocol/limits.h"

namespace fob {

/// Lets one coroutine in at a time, in the order in which they came: a token, or a file that is written.
///
/// Threads: the main one only. Must outlive its tickets and whoever waits.
class Gate {
 public:
  /// Being inside; ends with this object.
  class Ticket {
   public:
    Ticket() = default;
    explicit Ticket(Gate& gate) : gate_(&gate) {}
    Ticket(Ticket&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Ticket() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    Gate* gate_ = nullptr;
  };

  explicit Gate(std::size_t queue = limits::gate_queue) : queue_(queue) {}

  /// Waits for its turn. Cancelled with the coroutine that waits, which then loses its place. Throws refused where
  /// `queue` wait already.
  Awaitable<Ticket> enter();
  bool is_busy() const { return busy_; }

 private:
  struct Waiting {
    asio::steady_timer turn;
    bool admitted = false;
  };

  void leave();

  std::size_t queue_;
  bool busy_ = false;
  std::list<Waiting*> waiting_;
};

}  // namespace fob
