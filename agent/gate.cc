#include "agent/gate.h"

#include "protocol/error.h"

namespace fob {
namespace {

/// Takes a list's element out again, however the wait ends.
template <class T>
class Listed {
 public:
  Listed(std::list<T*>& list, T& element) : list_(list), element_(element) { list_.push_back(&element_); }
  ~Listed() { list_.remove(&element_); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  std::list<T*>& list_;
  T& element_;
};

}  // namespace

Awaitable<Gate::Ticket> Gate::enter() {
  if (!busy_) {
    busy_ = true;
    co_return Ticket(*this);
  }
  if (waiting_.size() >= queue_) throw Error(Errc::refused, "too many requests wait for the token already");
  const auto executor = co_await asio::this_coro::executor;
  Waiting self{asio::steady_timer(executor, asio::steady_timer::time_point::max())};
  const Listed<Waiting> listed(waiting_, self);
  boost::system::error_code woken;
  co_await self.turn.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (!self.admitted) throw boost::system::system_error(asio::error::operation_aborted);
  co_return Ticket(*this);
}

/// Hands the place over to the first who waits, rather than set it free: nobody overtakes.
void Gate::leave() {
  for (Waiting* next : waiting_) {
    if (next->admitted) continue;
    next->admitted = true;
    next->turn.cancel();
    return;
  }
  busy_ = false;
}

}  // namespace fob
