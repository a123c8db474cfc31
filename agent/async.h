#pragma once

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <exception>
#include <functional>

#include "protocol/stack_wiper.h"

namespace fob {

namespace asio = boost::asio;

template <class T>
using Awaitable = asio::awaitable<T>;

/// Suspends for so long. Cancelled with the coroutine that waits.
Awaitable<void> sleep_for(std::chrono::milliseconds time);

/// Two threads for what takes longer than about 100 µs. They see only what they are given.
class Workers {
 public:
  explicit Workers(asio::io_context& main) : main_(main), pool_(2) {}
  ~Workers() { pool_.join(); }

  /// Runs `work` on a worker and resumes on the main thread with its result or exception. If the awaiting coroutine
  /// is cancelled meanwhile, `work` runs to its end all the same, so it must own what it uses.
  template <class Result>
  Awaitable<Result> run(std::function<Result()> work);

 private:
  asio::io_context& main_;
  asio::thread_pool pool_;
};

template <class Result>
Awaitable<Result> Workers::run(std::function<Result()> work) {
  using Completion = void(std::exception_ptr, Result);
  auto start = [this](auto handler, std::function<Result()> job) {
    // The handler goes back to the main thread: it ends the life of what lives there.
    auto job_on_worker = [this, held = std::move(handler), task = std::move(job)]() mutable {
      std::exception_ptr error;
      Result result{};
      try {
        const StackWiper wiper;
        result = task();
      } catch (...) {
        error = std::current_exception();
      }
      task = nullptr;
      // Moved, not shared: what was made here dies there.
      asio::post(main_, [done = std::move(held), fault = std::move(error), value = std::move(result)]() mutable {
        std::move(done)(std::move(fault), std::move(value));
      });
    };
    asio::post(pool_, std::move(job_on_worker));
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, Completion>(start, asio::use_awaitable, std::move(work));
}

}  // namespace fob
