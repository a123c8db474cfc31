#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "agent/child_process.h"
#include "agent/token_client.h"

namespace fob {

/// One running token host and the requests under way there. Kept alive by its reader, which ends when the connection
/// does.
///
/// Threads: the main one only.
class TokenClient::Link : public std::enable_shared_from_this<Link> {
 public:
  using Clock = std::chrono::steady_clock;
  using HostSocket = asio::local::stream_protocol::socket;

  /// A request under way.
  struct Exchange {
    Exchange(asio::io_context& io, std::chrono::milliseconds its)
        : changed(io, Clock::time_point::max()), deadline(its) {}

    asio::steady_timer changed;  // cancelled when there is news
    std::deque<host::Reply> inbox;
    std::chrono::milliseconds deadline;
    Clock::time_point give_up;     // when the host is killed for it; once it is the first
    std::uint64_t sent_after = 0;  // it is written when so many bytes are
    unsigned notices = 0;          // one bit for each kind that came
    bool abandoned = false;        // nobody waits for it any more
    bool timed_out = false;
    bool done = false;
  };

  Link(asio::io_context& io, HostSocket socket, const Launch& launch, const std::vector<int>& descriptors);

  /// Begins a request.
  std::shared_ptr<Exchange> begin(Bytes frame, std::chrono::milliseconds deadline);
  /// The next message of it. Throws removed when the host has ended, timed_out at its deadline.
  Awaitable<host::Reply> next(std::shared_ptr<Exchange> exchange);
  /// Nobody waits for it any more.
  void abandon(Exchange& exchange);

  /// Reads messages for as long as the connection lasts.
  Awaitable<void> read_all();
  /// Whether it takes no further request: it is to end, or works on what nobody waits for any more.
  bool is_settling() const;
  /// Completes when that is over.
  Awaitable<void> settled();

  void close();
  void kill();
  /// Kills it as soon as nothing runs there: a token has to hear of a cancel first.
  void end();

  bool closed() const { return closed_; }
  bool is_idle() const { return under_way_.empty(); }
  bool has_process() const { return child_.has_value(); }

 private:
  Awaitable<Bytes> read_message();
  void take(host::Reply reply);
  void take_notice(Exchange& exchange, host::Reply reply);
  void first_begins();
  void write(Bytes frame);
  Awaitable<void> flush();
  void watch();
  void rest_soon();
  void wait_for_rest();

  asio::io_context& io_;
  HostSocket socket_;
  std::optional<ChildProcess> child_;  // none when the connection has ended
  std::deque<std::shared_ptr<Exchange>> under_way_;
  std::deque<Bytes> outbox_;
  std::uint64_t queued_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  asio::steady_timer watch_;
  std::optional<Clock::time_point> watches_until_;
  asio::steady_timer settling_;
  asio::steady_timer rest_;
  Clock::time_point last_use_;
  bool rests_ = false;  // rest_ is being waited for
  bool flushing_ = false;
  bool closed_ = false;
  bool ends_ = false;
};

}  // namespace fob
