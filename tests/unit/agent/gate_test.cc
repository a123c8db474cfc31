#include "agent/gate.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/agent/support.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

/// Goes in, notes its number, stays for a while.
Awaitable<void> visit(Gate& gate, int number, std::vector<int>& order, std::size_t& inside) {
  const Gate::Ticket ticket = co_await gate.enter();
  const std::shared_ptr<void> leaving(nullptr, [&](void*) { --inside; });
  EXPECT_EQ(++inside, 1U) << "one at a time";
  order.push_back(number);
  co_await sleep_for(1ms);
}

TEST(Gate, LetsOneInAtATimeInOrder) {
  asio::io_context io(1);
  Gate gate;
  std::vector<int> order;
  std::size_t inside = 0;
  for (int i = 0; i < 20; ++i) asio::co_spawn(io, visit(gate, i, order, inside), asio::detached);
  io.run();
  ASSERT_EQ(order.size(), 20U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_FALSE(gate.is_busy());
}

TEST(Gate, IsFreeAgainWhenAVisitorThrows) {
  asio::io_context io(1);
  Gate gate;
  auto fails = [](Gate& its_gate) -> Awaitable<void> {
    const Gate::Ticket ticket = co_await its_gate.enter();
    throw Error(Errc::system, "inside");
  };
  EXPECT_EQ(error_of([&] { asio::co_spawn(io, fails(gate), asio::use_future), io.run(); }), std::nullopt);
  EXPECT_FALSE(gate.is_busy());
}

TEST(Gate, PassesOverThoseWhoWereCancelled) {
  asio::io_context io(1);
  Gate gate;
  std::vector<int> order;
  std::size_t inside = 0;
  asio::cancellation_signal cancel;
  std::optional<Gate::Ticket> first;
  asio::co_spawn(
      io, [&]() -> Awaitable<void> { first.emplace(co_await gate.enter()); }, asio::detached);
  io.poll();
  asio::co_spawn(io, visit(gate, 1, order, inside), asio::bind_cancellation_slot(cancel.slot(), [](auto) {}));
  asio::co_spawn(io, visit(gate, 2, order, inside), asio::detached);
  io.restart();
  io.poll();
  cancel.emit(asio::cancellation_type::terminal);
  io.restart();
  io.poll();
  first.reset();
  io.restart();
  io.run();
  EXPECT_EQ(order, std::vector<int>{2});
  EXPECT_FALSE(gate.is_busy());
}

TEST(Gate, PassesOnWhereTheOneWhoWasJustAdmittedIsCancelled) {
  asio::io_context io(1);
  Gate gate;
  std::vector<int> order;
  std::size_t inside = 0;
  asio::cancellation_signal cancel;
  std::optional<Gate::Ticket> first;
  asio::co_spawn(
      io, [&]() -> Awaitable<void> { first.emplace(co_await gate.enter()); }, asio::detached);
  io.poll();
  asio::co_spawn(io, visit(gate, 1, order, inside), asio::bind_cancellation_slot(cancel.slot(), [](auto) {}));
  asio::co_spawn(io, visit(gate, 2, order, inside), asio::detached);
  io.restart();
  io.poll();
  first.reset();  // 1 is admitted, and has not run yet
  cancel.emit(asio::cancellation_type::terminal);
  io.run();
  EXPECT_EQ(order.back(), 2);
  EXPECT_FALSE(gate.is_busy());
}

}  // namespace
}  // namespace fob
