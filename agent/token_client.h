#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/async.h"
#include "tokens/message.h"

namespace fob {

/// The agent's side of one fob-token-host: started at the first request, stopped after limits::token_host_rest without
/// one, killed at a request's deadline. Whatever the host does costs one request only.
///
/// Threads: the main one only. One request at a time: whoever uses it holds the token's Gate.
class TokenClient {
 public:
  struct Launch {
    std::vector<std::string> argv;
    std::function<int()> open_token;  ///< a descriptor for the host, which this class closes; throws Error. Or none
    std::vector<std::string> environment = {};  ///< "NAME=value", beyond the agent's own
  };

  TokenClient(asio::io_context& io, Launch launch) : io_(io), launch_(std::move(launch)), rest_(io) {}

  /// One request and its reply. `touch_wanted` is called when the token begins to wait for a touch.
  ///
  /// If the awaiting coroutine is cancelled the host is told to cancel at once, and killed if it does not manage within
  /// limits::token_cancel_grace.
  /// Errors: what the host says; removed if it ended; timed_out at the deadline.
  template <class Expected, class Request>
  Awaitable<Expected> request(Request request, std::chrono::milliseconds deadline,
                              std::function<void()> touch_wanted = nullptr);

  bool is_running() const;
  /// Ends the host now. A request that runs fails with `removed`.
  void stop();
  /// Ends the host when nothing runs there any more; the next request gets a new one.
  void end_host();
  /// As stop(), and no host is started again: what it would speak to is gone.
  void retire();

 private:
  class Link;

  Awaitable<host::Reply> exchange(host::Request request, std::chrono::milliseconds deadline,
                                  std::function<void()> touch_wanted);
  Awaitable<std::shared_ptr<Link>> ready_link();
  std::shared_ptr<Link> start();
  void rest_soon();
  [[noreturn]] void fail_on_unexpected_reply();

  asio::io_context& io_;
  Launch launch_;
  std::shared_ptr<Link> link_;
  std::weak_ptr<Link> host_;  // alive until the last host's reader has ended
  asio::steady_timer rest_;
  bool retired_ = false;
};

template <class Expected, class Request>
Awaitable<Expected> TokenClient::request(Request request, std::chrono::milliseconds deadline,
                                         std::function<void()> touch_wanted) {
  host::Request any(std::move(request));
  host::Reply reply = co_await exchange(std::move(any), deadline, std::move(touch_wanted));
  Expected* expected = std::get_if<Expected>(&reply);
  if (expected == nullptr) fail_on_unexpected_reply();
  co_return std::move(*expected);
}

}  // namespace fob
