#include "agent/token_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "agent/token_link.h"
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

/// Whether it was a notice, which has been passed on.
bool pass_on(const host::Reply& reply, const Notices& notices) {
  const std::function<void()>* called = nullptr;
  if (std::holds_alternative<host::TouchWanted>(reply)) called = &notices.touch_wanted;
  if (std::holds_alternative<host::PinPadWanted>(reply)) called = &notices.pin_pad_wanted;
  if (std::holds_alternative<host::Opened>(reply)) called = &notices.opened;
  if (called == nullptr) return false;
  if (*called) (*called)();
  return true;
}

}  // namespace

/// A request under way, as long as somebody waits for it.
class TokenClient::Call {
 public:
  Call(std::shared_ptr<Link> link, Bytes frame, std::chrono::milliseconds deadline)
      : link_(std::move(link)), exchange_(link_->begin(std::move(frame), deadline)) {}
  ~Call() { link_->abandon(*exchange_); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Awaitable<host::Reply> next() { return link_->next(exchange_); }

 private:
  std::shared_ptr<Link> link_;
  std::shared_ptr<Link::Exchange> exchange_;
};

Awaitable<host::Reply> TokenClient::exchange(host::Request request, std::chrono::milliseconds deadline,
                                             Notices notices) {
  std::shared_ptr<Link> link = co_await ready_link();
  Call call(link, host::frame_request(request), deadline);
  host::Reply reply = co_await call.next();
  while (pass_on(reply, notices)) reply = co_await call.next();
  if (const auto* failed = std::get_if<host::Failed>(&reply)) throw Error(failed->code, printable(failed->text));
  co_return reply;
}

/// The running host, when what was cancelled there has ended, or a new one.
Awaitable<std::shared_ptr<TokenClient::Link>> TokenClient::ready_link() {
  while (link_ && link_->is_settling()) {
    const std::shared_ptr<Link> before = link_;  // stop() may drop it meanwhile
    co_await before->settled();
  }
  if (retired_) throw Error(Errc::removed, "the token was unplugged");
  if (!link_ || link_->closed()) link_ = start();
  co_return link_;
}

std::shared_ptr<TokenClient::Link> TokenClient::start() {
  HostEnds channel = make_channel(io_);
  asio::posix::stream_descriptor token(io_);
  std::vector<int> descriptors{channel.theirs.native_handle(), -1, launch_.quiet ? -1 : STDERR_FILENO};
  if (launch_.open_token) {
    token.assign(launch_.open_token());
    descriptors.push_back(token.native_handle());
  }
  auto link = std::make_shared<Link>(io_, std::move(channel.ours), launch_, descriptors);
  asio::co_spawn(io_, link->read_all(), asio::detached);
  host_ = link;
  ++hosts_started_;
  return link;
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
  if (link_) link_->kill();
  link_.reset();
}

void TokenClient::fail_on_unexpected_reply() {
  stop();
  throw Error(Errc::system, "the token host gave an answer of the wrong kind");
}

}  // namespace fob
