#pragma once

#include <fido.h>

#include <array>
#include <chrono>
#include <functional>
#include <vector>

#include "protocol/bytes.h"

namespace fob {

/// What a token does to the request that runs, and what may end it. The functions are called from C code: they must
/// not throw.
struct TokenWatch {
  std::function<void()> touch_wanted = [] {};
  std::function<bool()> cancelled = [] { return false; };
  /// To poll beside the token: readable when cancelled() may have changed; -1: nothing to poll.
  std::function<int()> descriptor = [] { return -1; };
};

/// CTAPHID reports (CTAP 2.1 §11.2) of 64 bytes between libfido2 and a token: over a hidraw device, or over a Unix
/// stream socket that carries bare reports. Which of the two, fstat(2) says.
///
/// It reads the frames that pass: to tell when the token waits for a touch, to leave out those of other programs'
/// channels on the same device, and to cancel. Only a CBOR transaction can be cancelled (§11.2.9.1.5); any other is
/// read to its end, and libfido2 may begin none after it.
///
/// Threads: one. The descriptor stays the caller's.
class CtaphidLink {
 public:
  CtaphidLink(int descriptor, TokenWatch watch);
  CtaphidLink(const CtaphidLink&) = delete;
  CtaphidLink& operator=(const CtaphidLink&) = delete;

  /// Stands for the time of one request. On hidraw it keeps other programs off the device (flock, as libfido2 does),
  /// and what they left in its queue is thrown away. Errors of the constructor: refused (another program uses the
  /// token), cancelled.
  class Request {
   public:
    explicit Request(CtaphidLink& link) : link_(link) { link_.begin(); }
    ~Request() { link_.end(); }
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

   private:
    CtaphidLink& link_;
  };

  /// fido_dev_open(3) through this link; returns its status.
  int open(fido_dev_t* device);
  /// For tokens that do not say so themselves (U2F). Told once in a request.
  void announce_touch();
  /// Throws what went wrong below libfido2 in this request: cancelled, timed_out, removed, system. The device must be
  /// opened anew then.
  void check() const;
  bool failed() const { return failure_ != Failure::none; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t report_bytes = 64;
  using Report = std::array<std::uint8_t, report_bytes>;
  enum class Failure { none, cancelled, untouched, late, silent, removed, odd_reports };

  void begin();
  void end();
  void lock_device();
  void drain();
  int read(std::uint8_t* to, std::size_t size);
  int write(const std::uint8_t* from, std::size_t size);
  bool may_begin(std::uint8_t command);
  bool receive();
  bool wait(Clock::time_point now);
  bool read_report();
  bool write_report(const Report& report);
  void cancel(Failure why, Clock::time_point now);
  bool is_for_another() const;
  bool is_busy() const;
  bool send_again();
  void inspect_report();
  Clock::time_point deadline() const;
  bool fail(Failure failure);

  int descriptor_;
  bool is_hidraw_;
  TokenWatch watch_;
  Report report_{};  ///< the one that is being received
  std::size_t report_got_ = 0;
  std::array<std::uint8_t, 4> channel_{};  ///< CTAPHID channel of the last command
  std::uint8_t command_ = 0;
  std::array<std::uint8_t, 8> nonce_{};  ///< of the last INIT
  std::vector<Report> sent_;             ///< the message that is being answered
  bool touch_announced_ = false;
  Failure failure_ = Failure::none;
  Clock::time_point begun_;
  Clock::time_point begun_message_;
  Clock::time_point heard_;  ///< when the token last spoke, or was spoken to
  Clock::time_point last_;   ///< then the request ends whatever the token says
};

}  // namespace fob
