#include "agent/token_link.h"

#include <sys/socket.h>

#include <array>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

/// Which notice it is, as a bit; 0 for a reply.
unsigned notice_bit(const host::Reply& reply) {
  if (std::holds_alternative<host::TouchWanted>(reply)) return 1;
  if (std::holds_alternative<host::PinPadWanted>(reply)) return 2;
  if (std::holds_alternative<host::Opened>(reply)) return 4;
  return 0;
}

/// Until when a timer waits; throws if it was the coroutine that was cancelled, not the timer.
Awaitable<void> wait_for(asio::steady_timer& timer) {
  boost::system::error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

}  // namespace

TokenClient::Link::Link(asio::io_context& io, HostSocket socket, const Launch& launch,
                        const std::vector<int>& descriptors)
    : io_(io), socket_(std::move(socket)), watch_(io), settling_(io, Clock::time_point::max()), rest_(io) {
  child_.emplace(io, launch.argv, launch.environment, descriptors);
}

std::shared_ptr<TokenClient::Link::Exchange> TokenClient::Link::begin(Bytes frame, std::chrono::milliseconds deadline) {
  auto exchange = std::make_shared<Exchange>(io_, deadline);
  exchange->sent_after = queued_bytes_ + frame.size();
  under_way_.push_back(exchange);
  if (under_way_.size() == 1) first_begins();
  write(std::move(frame));
  return exchange;
}

Awaitable<host::Reply> TokenClient::Link::next(std::shared_ptr<Exchange> exchange) {
  while (exchange->inbox.empty()) {
    if (exchange->timed_out)
      throw Error(Errc::timed_out, "the token did not answer in time, and its host was ended; try again");
    if (closed_) throw Error(Errc::removed, "the token host has ended; was the token unplugged?");
    co_await wait_for(exchange->changed);
  }
  host::Reply out = std::move(exchange->inbox.front());
  exchange->inbox.pop_front();
  co_return out;
}

void TokenClient::Link::abandon(Exchange& exchange) {
  exchange.abandoned = true;
  exchange.inbox.clear();
  if (closed_ || exchange.done || under_way_.front().get() != &exchange) return;
  if (sent_bytes_ < exchange.sent_after) return kill();  // half a message cannot be taken back
  exchange.give_up = Clock::now() + limits::token_cancel_grace;
  write(host::frame_request(host::Cancel{}));
  watch();
}

Awaitable<void> TokenClient::Link::read_all() {
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

Awaitable<Bytes> TokenClient::Link::read_message() {
  std::array<std::uint8_t, 4> head{};
  const auto into_head = asio::buffer(head);
  co_await asio::async_read(socket_, into_head, asio::use_awaitable);
  const std::uint32_t size = Reader(head).u32();
  if (size == 0 || size > limits::host_reply_bytes) throw Error(Errc::too_large, "a message of a bad size");
  Bytes body(size);
  const auto into_body = asio::buffer(body);
  co_await asio::async_read(socket_, into_body, asio::use_awaitable);
  co_return body;
}

/// A host that says more than it was asked may be a token's by now: it is given up, and nothing piles up here.
void TokenClient::Link::take(host::Reply reply) {
  if (under_way_.empty()) throw Error(Errc::malformed, "a message too many");
  const std::shared_ptr<Exchange> first = under_way_.front();
  if (notice_bit(reply) != 0) return take_notice(*first, std::move(reply));
  under_way_.pop_front();
  first->done = true;
  if (!first->abandoned) first->inbox.push_back(std::move(reply));
  first->changed.cancel();
  settling_.cancel();
  if (!under_way_.empty()) return first_begins();
  if (ends_) return kill();
  rest_soon();
}

void TokenClient::Link::take_notice(Exchange& exchange, host::Reply reply) {
  const unsigned bit = notice_bit(reply);
  if ((exchange.notices & bit) != 0) throw Error(Errc::malformed, "a message too many");
  exchange.notices |= bit;
  if (exchange.abandoned) return;
  exchange.inbox.push_back(std::move(reply));
  exchange.changed.cancel();
}

/// The host has turned to the next request.
void TokenClient::Link::first_begins() {
  Exchange& first = *under_way_.front();
  first.give_up = Clock::now() + (first.abandoned ? limits::token_cancel_grace : first.deadline);
  watch();
}

/// Sees to it that the host is killed when the first request has taken too long.
void TokenClient::Link::watch() {
  if (closed_ || under_way_.empty()) return;
  const Clock::time_point until = under_way_.front()->give_up;
  // One that fires too early is set again: so most requests need no timer of their own.
  if (watches_until_ && *watches_until_ <= until) return;
  watches_until_ = until;
  watch_.expires_at(until);
  watch_.async_wait([link = weak_from_this()](const boost::system::error_code& stopped) {
    const auto self = link.lock();
    if (stopped || !self) return;
    self->watches_until_.reset();
    if (self->under_way_.empty()) return;
    Exchange& first = *self->under_way_.front();
    if (Clock::now() < first.give_up) return self->watch();
    first.timed_out = true;
    self->kill();
  });
}

/// Closes the connection when nothing was asked for limits::token_host_rest: its end of file ends the host.
void TokenClient::Link::rest_soon() {
  last_use_ = Clock::now();
  if (rests_) return;
  rests_ = true;
  wait_for_rest();
}

void TokenClient::Link::wait_for_rest() {
  rest_.expires_at(last_use_ + limits::token_host_rest);
  rest_.async_wait([link = weak_from_this()](const boost::system::error_code& stopped) {
    const auto self = link.lock();
    if (stopped || !self || self->closed_) return;
    self->rests_ = false;
    // Otherwise the reply to come sets it again.
    if (!self->is_idle()) return;
    if (Clock::now() >= self->last_use_ + limits::token_host_rest) return self->close();
    self->rests_ = true;
    self->wait_for_rest();
  });
}

void TokenClient::Link::write(Bytes frame) {
  queued_bytes_ += frame.size();
  if (outbox_.empty()) {
    const ssize_t sent = send(socket_.native_handle(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(frame.size())) {
      sent_bytes_ += frame.size();
      return;
    }
    // Other faults show when the rest is written.
    if (sent > 0) {
      sent_bytes_ += static_cast<std::size_t>(sent);
      frame.erase(frame.begin(), frame.begin() + sent);
    }
  }
  outbox_.push_back(std::move(frame));
  if (!flushing_) asio::co_spawn(io_, flush(), asio::detached);
}

Awaitable<void> TokenClient::Link::flush() {
  const auto self = shared_from_this();
  flushing_ = true;
  while (!outbox_.empty() && !closed_) {
    boost::system::error_code fault;
    const auto from = asio::buffer(outbox_.front());
    co_await asio::async_write(socket_, from, asio::redirect_error(asio::use_awaitable, fault));
    if (fault) close();
    sent_bytes_ += outbox_.front().size();
    outbox_.pop_front();
  }
  flushing_ = false;
}

bool TokenClient::Link::is_settling() const {
  return !closed_ && (ends_ || (!under_way_.empty() && under_way_.front()->abandoned));
}

Awaitable<void> TokenClient::Link::settled() {
  while (is_settling()) co_await wait_for(settling_);
}

void TokenClient::Link::close() {
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  watch_.cancel();
  rest_.cancel();
  settling_.cancel();
  for (const auto& exchange : under_way_) exchange->changed.cancel();
}

void TokenClient::Link::kill() {
  if (child_) child_->kill_now();
  close();
}

void TokenClient::Link::end() {
  ends_ = true;
  if (under_way_.empty()) kill();
}

}  // namespace fob
