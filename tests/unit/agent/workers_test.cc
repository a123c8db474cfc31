#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "agent/async.h"
#include "protocol/bytes.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Where the work ran, and where the coroutine went on.
struct Places {
  std::thread::id worker;
  std::thread::id after;
};

Awaitable<Places> places(Workers& workers) {
  std::function<std::thread::id()> work = [] { return std::this_thread::get_id(); };
  Places out;
  out.worker = co_await workers.run(std::move(work));
  out.after = std::this_thread::get_id();
  co_return out;
}

TEST(Workers, WorkElsewhereAndComeBackToTheMainThread) {
  asio::io_context io(1);
  Workers workers(io);
  const Places where = run_to_end(io, places(workers));
  EXPECT_NE(where.worker, std::this_thread::get_id());
  EXPECT_EQ(where.after, std::this_thread::get_id());
}

TEST(Workers, GiveTheResult) {
  asio::io_context io(1);
  Workers workers(io);
  std::function<Bytes()> work = [] { return to_bytes(as_bytes("result")); };
  EXPECT_EQ(as_text(run_to_end(io, workers.run(std::move(work)))), "result");
}

TEST(Workers, GiveTheException) {
  asio::io_context io(1);
  Workers workers(io);
  std::function<int()> refusing = []() -> int { throw Error(Errc::invalid_key, "not a good one"); };
  EXPECT_EQ(error_of([&] { run_to_end(io, workers.run(refusing)); }), Errc::invalid_key);
  std::function<int()> failing = []() -> int { throw std::bad_alloc(); };
  EXPECT_THROW(run_to_end(io, workers.run(failing)), std::bad_alloc);
  std::function<int()> good = [] { return 7; };
  EXPECT_EQ(run_to_end(io, workers.run(good)), 7) << "they work on";
}

Awaitable<void> add_square(Workers& workers, int number, std::vector<int>& out) {
  std::function<int()> work = [number] { return number * number; };
  const int square = co_await workers.run(std::move(work));
  out.push_back(square);
}

TEST(Workers, TakeManyAtOnce) {
  asio::io_context io(1);
  Workers workers(io);
  std::vector<int> squares;
  for (int number = 0; number < 1000; ++number) {
    asio::co_spawn(io, add_square(workers, number, squares), asio::detached);
  }
  io.run();
  ASSERT_EQ(squares.size(), 1000U);
  std::sort(squares.begin(), squares.end());
  for (int number = 0; number < 1000; ++number) EXPECT_EQ(squares[static_cast<std::size_t>(number)], number * number);
}

TEST(Workers, AreTwo) {
  asio::io_context io(1);
  Workers workers(io);
  std::atomic<int> at_work = 0;
  // Each waits until it has seen the other.
  std::function<bool()> meet = [&at_work] {
    ++at_work;
    return soon([&] { return at_work == 2; });
  };
  auto first = asio::co_spawn(io, workers.run(meet), asio::use_future);
  auto second = asio::co_spawn(io, workers.run(meet), asio::use_future);
  io.run();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST(Workers, LeaveTheMainThreadFree) {
  asio::io_context io(1);
  Workers workers(io);
  std::atomic<bool> go = false;
  std::function<bool()> wait = [&go] { return soon([&] { return go.load(); }); };
  auto result = asio::co_spawn(io, workers.run(std::move(wait)), asio::use_future);
  asio::steady_timer timer(io, milliseconds(20));
  timer.async_wait([&](const boost::system::error_code&) { go = true; });
  io.run();
  EXPECT_TRUE(result.get());
}

TEST(Workers, FinishWhatNobodyWaitsForAnyMore) {
  std::atomic<int> done = 0;
  {
    asio::io_context io(1);
    Workers workers(io);
    for (int i = 0; i < 10; ++i) {
      std::function<int()> work = [&done] { return ++done; };
      asio::co_spawn(io, workers.run(std::move(work)), asio::detached);
    }
    io.poll();
  }
  EXPECT_EQ(done, 10);
}

TEST(SleepFor, TakesItsTime) {
  asio::io_context io(1);
  const auto start = steady_clock::now();
  asio::co_spawn(io, sleep_for(milliseconds(50)), asio::detached);
  io.run();
  EXPECT_GE(steady_clock::now() - start, milliseconds(50));
}

}  // namespace
}  // namespace fob
