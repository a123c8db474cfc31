#include "agent/token_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <optional>

#include "agent/child_process.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

using HostSocket = asio::local::stream_protocol::socket;

struct HostEnds {
  HostSocket ours;
  asio::posix::stream_descriptor theirs;
};

HostEnds make_channel(asio::io_context& io) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    throw_system_error("socketpair", errno);
  }
  // The host blocks; its end has a description of its own.
  fcntl(ends[1], F_SETFL, 0);
  asio::posix::stream_descriptor theirs(io, ends[1]);
  HostSocket ours(io, asio::local::stream_protocol(), ends[0]);
  return {std::move(ours), std::move(theirs)};
}

bool is_notice(const host::Reply& reply) { return std::holds_alternative<host::TouchWanted>(reply); }

}  // namespace

/// One running host. Kept alive by its reader, which ends when the connection does.
class TokenClient::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(asio::io_context& io, HostSocket socket, const Launch& launch, const std::vector<int>& descriptors)
      : socket_(std::move(socket)), arrived_(io, never()) {
    child_.emplace(io, launch.argv, launch.environment, descriptors);
  }

  /// Begins a request. Gives the connection up where the host does not read.
  Awaitable<void> write(Bytes frame, std::chrono::milliseconds deadline) {
    using namespace asio::experimental::awaitable_operators;
    awaits_reply_ = true;
    is_written_ = touch_was_told_ = false;
    const auto outcome = co_await (write_all(frame) || sleep_for(deadline));
    is_written_ = outcome.index() == 0;
    if (!is_written_) kill();
  }

  /// The next message. Throws removed when the host has ended, timed_out at `deadline`.
  Awaitable<host::Reply> next(asio::steady_timer::time_point deadline) {
    while (inbox_.empty()) {
      if (closed_) throw Error(Errc::removed, "the token host has ended; was the token unplugged?");
      if (std::chrono::steady_clock::now() >= deadline) {
        kill();
        throw Error(Errc::timed_out, "the token did not answer in time; unplug it and plug it in again");
      }
      co_await sleep_until(deadline);
    }
    host::Reply out = std::move(inbox_.front());
    inbox_.pop_front();
    co_return out;
  }

  /// Completes when the reply to a cancelled request has come, or the host has ended.
  Awaitable<void> settled() {
    while (draining_ && !closed_) co_await sleep_until(never());
  }

  /// Reads messages for as long as the connection lasts.
  Awaitable<void> read_all() {
    const auto self = shared_from_this();
    try {
      for (;;) {
        const Bytes message = co_await read_message();
        take(host::parse_reply(message));
      }
    } catch (const std::exception&) {
      // It ended, was closed, or speaks nonsense: of no use in any case.
      close();
    }
    child_.reset();  // sees it off
  }

  void cancel_request(asio::io_context& io) {
    inbox_.clear();
    if (closed_ || !awaits_reply_) return;
    if (!is_written_) return kill();  // half a message cannot be taken back
    draining_ = true;
    ++cancels_;
    const Bytes frame = host::frame_request(host::Cancel{});
    send(socket_.native_handle(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    asio::co_spawn(io, kill_unless_settled(shared_from_this(), cancels_), asio::detached);
  }

  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
    arrived_.cancel();
  }
  /// Kills it as soon as no cancelled request runs there: the token has to hear of the cancel first.
  void end() {
    ends_ = true;
    if (!draining_) kill();
  }
  void kill() {
    if (child_) child_->kill_now();
    close();
  }
  bool closed() const { return closed_; }
  bool is_idle() const { return !awaits_reply_; }
  bool has_process() const { return child_.has_value(); }

 private:
  static asio::steady_timer::time_point never() { return asio::steady_timer::time_point::max(); }

  static Awaitable<void> kill_unless_settled(std::shared_ptr<Link> link, unsigned cancel) {
    co_await sleep_for(limits::token_cancel_grace);
    if (link->draining_ && link->cancels_ == cancel) link->kill();
  }

  Awaitable<void> write_all(const Bytes& frame) {
    boost::system::error_code fault;
    const auto from = asio::buffer(frame);
    co_await asio::async_write(socket_, from, asio::redirect_error(asio::use_awaitable, fault));
    if (fault) close();
  }

  Awaitable<void> sleep_until(asio::steady_timer::time_point when) {
    arrived_.expires_at(when);
    boost::system::error_code woken;
    co_await arrived_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }

  Awaitable<Bytes> read_message() {
    std::array<std::uint8_t, 4> head{};
    const auto into_head = asio::buffer(head);
    co_await asio::async_read(socket_, into_head, asio::use_awaitable);
    const std::uint32_t size = Reader(head).u32();
    if (size == 0 || size > limits::message_bytes) throw Error(Errc::too_large, "a message of a bad size");
    Bytes body(size);
    const auto into_body = asio::buffer(body);
    co_await asio::async_read(socket_, into_body, asio::use_awaitable);
    co_return body;
  }

  /// A host that says more than it was asked may be a token's by now: it is given up, and nothing piles up here.
  void take(host::Reply reply) {
    const bool notice = is_notice(reply);
    if (!awaits_reply_ || (notice && touch_was_told_)) throw Error(Errc::malformed, "a message too many");
    touch_was_told_ = touch_was_told_ || notice;
    awaits_reply_ = notice;
    if (!draining_) inbox_.push_back(std::move(reply));
    draining_ = draining_ && notice;
    if (ends_ && !draining_) kill();
    arrived_.cancel();
  }

  HostSocket socket_;
  std::optional<ChildProcess> child_;  // none when the connection has ended
  asio::steady_timer arrived_;
  std::deque<host::Reply> inbox_;
  bool closed_ = false;
  bool awaits_reply_ = false;
  bool is_written_ = false;  // the request that awaits its reply
  bool touch_was_told_ = false;
  bool draining_ = false;  // the reply to come is to a request that was cancelled
  bool ends_ = false;
  unsigned cancels_ = 0;
};

Awaitable<host::Reply> TokenClient::exchange(host::Request request, std::chrono::milliseconds deadline,
                                             std::function<void()> touch_wanted) {
  /// Cancels the request at the host unless its reply has come.
  struct InFlight {
    asio::io_context& io;
    std::shared_ptr<Link> link;
    bool done = false;
    ~InFlight() {
      if (!done) link->cancel_request(io);
    }
  };
  rest_.cancel();
  std::shared_ptr<Link> link = co_await ready_link();
  const auto give_up = std::chrono::steady_clock::now() + deadline;
  InFlight flight{io_, link};
  Bytes frame = host::frame_request(request);
  co_await link->write(std::move(frame), deadline);
  host::Reply reply = co_await link->next(give_up);
  while (is_notice(reply)) {
    if (touch_wanted) touch_wanted();
    reply = co_await link->next(give_up);
  }
  flight.done = true;
  rest_soon();
  if (const auto* failed = std::get_if<host::Failed>(&reply)) throw Error(failed->code, printable(failed->text));
  co_return reply;
}

/// The running host, when the reply to what was cancelled before has come, or a new one.
Awaitable<std::shared_ptr<TokenClient::Link>> TokenClient::ready_link() {
  const std::shared_ptr<Link> before = link_;  // stop() may drop it meanwhile
  if (before) co_await before->settled();
  if (retired_) throw Error(Errc::removed, "the token was unplugged");
  if (!link_ || link_->closed()) link_ = start();
  co_return link_;
}

std::shared_ptr<TokenClient::Link> TokenClient::start() {
  HostEnds channel = make_channel(io_);
  asio::posix::stream_descriptor token(io_);
  std::vector<int> descriptors{channel.theirs.native_handle(), -1, STDERR_FILENO};
  if (launch_.open_token) {
    token.assign(launch_.open_token());
    descriptors.push_back(token.native_handle());
  }
  auto link = std::make_shared<Link>(io_, std::move(channel.ours), launch_, descriptors);
  asio::co_spawn(io_, link->read_all(), asio::detached);
  host_ = link;
  return link;
}

void TokenClient::rest_soon() {
  rest_.expires_after(limits::token_host_rest);
  rest_.async_wait([link = std::weak_ptr<Link>(link_)](const boost::system::error_code& stopped) {
    const auto resting = link.lock();
    if (!stopped && resting && resting->is_idle()) resting->close();  // its end of file ends the host
  });
}

void TokenClient::end_host() {
  if (link_) link_->end();
}

void TokenClient::retire() {
  retired_ = true;
  stop();
}

bool TokenClient::is_running() const {
  const std::shared_ptr<Link> host = host_.lock();
  return host && host->has_process();
}

void TokenClient::stop() {
  rest_.cancel();
  if (link_) link_->kill();
  link_.reset();
}

void TokenClient::fail_on_unexpected_reply() {
  stop();
  throw Error(Errc::system, "the token host gave an answer of the wrong kind");
}

}  // namespace fob
