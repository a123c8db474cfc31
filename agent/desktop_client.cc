#include "agent/desktop_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "agent/child_process.h"
#include "agent/log.h"
#include "protocol/error.h"

namespace fob {
namespace {

constexpr char system_bus_socket[] = "/run/dbus/system_bus_socket";

/// Empty where it is not set.
std::string variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

/// Whether one of the buses is there, where D-Bus looks for them.
bool has_bus() {
  if (!variable("DBUS_SESSION_BUS_ADDRESS").empty() || !variable("DBUS_SYSTEM_BUS_ADDRESS").empty()) return true;
  const std::string user_bus = variable("XDG_RUNTIME_DIR") + "/bus";
  return access(user_bus.c_str(), F_OK) == 0 || access(system_bus_socket, F_OK) == 0;
}

std::array<int, 2> make_channel() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_system_error("socketpair", errno);
  return ends;
}

}  // namespace

/// One running fob-desktop. While it lives, the client sends to it.
class DesktopClient::Connection {
 public:
  explicit Connection(DesktopClient& client) : Connection(client, make_channel()) {}
  ~Connection() {
    if (client_ != nullptr) client_->connection_ = nullptr;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(const desktop::Order& order);
  /// Throws Error when the process ends, or sends what it should not.
  Awaitable<desktop::Event> next_event();
  Awaitable<int> wait() { return child_.wait(); }
  void kill() { child_.kill_now(); }
  /// A coroutine that nobody resumes any more may be destroyed after the client.
  void forget_client() { client_ = nullptr; }

 private:
  using Socket = asio::local::stream_protocol::socket;

  Connection(DesktopClient& client, const std::array<int, 2>& ends)
      : client_(&client),
        ours_(client.io_, asio::local::stream_protocol(), ends[0]),
        theirs_(client.io_, asio::local::stream_protocol(), ends[1]),
        child_(client.io_, {client.program_}, {}, {ends[1], -1}) {
    theirs_.close();
    client_->connection_ = this;
  }
  Awaitable<void> read(Bytes& into);

  DesktopClient* client_;
  Socket ours_;
  Socket theirs_;  ///< held only until the process has it
  ChildProcess child_;
};

/// The socket holds dozens of orders: whoever leaves that many unread hangs, and is replaced.
void DesktopClient::Connection::send(const desktop::Order& order) {
  const Bytes frame = desktop::frame_order(order);
  const ssize_t sent = ::send(ours_.native_handle(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(frame.size())) kill();
}

Awaitable<void> DesktopClient::Connection::read(Bytes& into) {
  boost::system::error_code error;
  const auto buffer = asio::buffer(into);
  co_await asio::async_read(ours_, buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  if (error) throw Error(Errc::removed, "it ended");
}

Awaitable<desktop::Event> DesktopClient::Connection::next_event() {
  Bytes prefix(sizeof(std::uint32_t));
  co_await read(prefix);
  Bytes message(desktop::parse_length(prefix));
  co_await read(message);
  co_return desktop::parse_event(message);
}

DesktopClient::~DesktopClient() {
  if (connection_ != nullptr) connection_->forget_client();
}

void DesktopClient::notify(std::uint32_t id, std::string summary, std::string body) {
  desktop::Order& order = shown_[id] = desktop::Notify{id, std::move(summary), std::move(body)};
  if (connection_ != nullptr) connection_->send(order);
}

void DesktopClient::withdraw(std::uint32_t id) {
  if (shown_.erase(id) == 0 || connection_ == nullptr) return;
  connection_->send(desktop::Withdraw{id});
}

Awaitable<void> DesktopClient::run() {
  if (!has_bus()) {
    log_debug("no D-Bus: no notifications, and no word of sleep and screen lock");
    co_return;
  }
  try {
    for (;;) {
      co_await wait_for_turn();
      co_await serve_once();
    }
  } catch (const Error& error) {
    log_info("no notifications, and no word of sleep and screen lock: " + std::string(error.what()));
  }
}

Awaitable<void> DesktopClient::wait_for_turn() {
  constexpr std::chrono::minutes period{1};
  while (starts_.size() >= starts_per_minute) {
    const Clock::duration left = starts_.front() + period - Clock::now();
    if (left > Clock::duration::zero()) co_await sleep_for(std::chrono::ceil<std::chrono::milliseconds>(left));
    starts_.pop_front();
  }
  starts_.push_back(Clock::now());
}

/// Returns when the process is to be started again. Throws Error where that is of no use.
Awaitable<void> DesktopClient::serve_once() {
  Connection connection(*this);
  for (const auto& [id, order] : shown_) connection.send(order);
  std::string end;
  try {
    for (;;) {
      const desktop::Event event = co_await connection.next_event();
      if (on_event) on_event(event);
      if (event == desktop::Event::sleep) connection.send(desktop::Acknowledge());
    }
  } catch (const Error& error) {
    end = error.what();
  }
  connection.kill();
  const int status = co_await connection.wait();
  if (status == desktop::exit_no_bus) throw Error(Errc::system, "there is neither a session bus nor a system bus");
  log_info("fob-desktop: " + end + "; it is started again");
}

}  // namespace fob
