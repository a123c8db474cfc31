// Closed-loop load: each client has one request outstanding, and sends the next when it has the
// answer.
#pragma once

#include <chrono>

#include "wire.h"

namespace fob {

using Clock = std::chrono::steady_clock;

struct Plan {
  std::string socket;
  std::vector<Exchange> exchanges;  ///< each request is one of these, chosen at random
  std::size_t clients = 1;
  bool fresh = false;                     ///< a new connection for each request
  std::chrono::duration<double> time{1};  ///< to send requests for
  std::uint64_t requests = 0;             ///< so many answers end it early; 0: they do not
};

struct Outcome {
  std::chrono::duration<double> elapsed{0};         ///< from the start to the last answer
  std::uint64_t errors = 0;                         ///< wrong answers, lost connections
  std::vector<std::chrono::nanoseconds> latencies;  ///< of all right answers

  double rate() const;
  /// The latency that `share` (0 to 1) of all answers kept; 0 without any answer.
  double percentile_us(double share);
};

/// Runs the plan. One client uses blocking calls, so that the generator costs as little as it can;
/// several share one epoll thread. Latency starts before connect where connections are fresh.
/// Answers due at the end of the time are waited for and counted: with many clients OpenSSH signs
/// for all of them before it sends any answer, so a plain window of time would catch none or all.
/// Throws std::system_error where the agent is gone.
Outcome measure(const Plan& plan);

}  // namespace fob
