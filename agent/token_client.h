#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/async.h"
#include "tokens/message.h"

namespace fob {

/// What is called while a request runs; each may be empty.
struct Notices {
  std::function<void()> touch_wanted;
  std::function<void()> pin_pad_wanted;
  std::function<void()> opened;
};

/// The agent's side of one fob-token-host: started at the first request, stopped after limits::token_host_rest without
/// one, killed at a request's deadline. Whatever the host does costs one request only.
///
/// Requests are written at once and answered in order, so that a host is never idle while there is work. Whoever uses a
/// token that must not be asked twice at a time holds its Gate.
/// Threads: the main one only.
class TokenClient {
 public:
  struct Launch {
    std::vector<std::string> argv;
    std::function<int()> open_token = nullptr;  ///< a descriptor for the host, which this class closes; throws Error
    std::vector<std::string> environment = {};  ///< "NAME=value", beyond the agent's own
    bool quiet = false;                         ///< its standard error is not the agent's
  };

  TokenClient(asio::io_context& io, Launch launch) : io_(io), launch_(std::move(launch)) {}

  /// One request and its reply; `deadline` counts from when the host has nothing else to do. A request that was
  /// cancelled before has ended when this one begins.
  ///
  /// If the awaiting coroutine is cancelled the host is told to cancel at once, and killed if it does not manage within
  /// limits::token_cancel_grace.
  /// Errors: what the host says; removed if it ended, also for another request's sake; timed_out at the deadline.
  template <class Expected, class Request>
  Awaitable<Expected> request(Request request, std::chrono::milliseconds deadline, Notices notices = {});

  bool is_running() const;
  /// How many hosts there have been.
  unsigned hosts_started() const { return hosts_started_; }
  /// Ends the host now. Requests that run fail with `removed`.
  void stop();
  /// Ends the host when nothing runs there any more; the next request gets a new one.
  void end_host();
  /// As stop(), and no host is started again: what it would speak to is gone.
  void retire();

 private:
  class Link;
  class Call;

  Awaitable<host::Reply> exchange(host::Request request, std::chrono::milliseconds deadline, Notices notices);
  Awaitable<std::shared_ptr<Link>> ready_link();
  std::shared_ptr<Link> start();
  [[noreturn]] void fail_on_unexpected_reply();

  asio::io_context& io_;
  Launch launch_;
  std::shared_ptr<Link> link_;
  std::weak_ptr<Link> host_;  // alive until the last host's reader has ended
  unsigned hosts_started_ = 0;
  bool retired_ = false;
};

template <class Expected, class Request>
Awaitable<Expected> TokenClient::request(Request request, std::chrono::milliseconds deadline, Notices notices) {
  host::Request any(std::move(request));
  host::Reply reply = co_await exchange(std::move(any), deadline, std::move(notices));
  Expected* expected = std::get_if<Expected>(&reply);
  if (expected == nullptr) fail_on_unexpected_reply();
  co_return std::move(*expected);
}

}  // namespace fob
