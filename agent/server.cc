#include "agent/server.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "agent/agent.h"
#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

/// Clients accepted in one go before others get their turn.
constexpr int accept_batch = 64;
/// Sessions that end within some time of each other and are many.
constexpr std::size_t crowd = 32;
constexpr std::chrono::milliseconds quiet_after_crowd{250};
/// Descriptor states made in one go: some pages full.
constexpr std::size_t states_in_row = 64;

int open_spare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

/// What RLIMIT_NOFILE leaves for clients, but two at least.
std::size_t session_limit(int newest_descriptor) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t used = static_cast<std::size_t>(newest_descriptor) + limits::reserved_descriptors;
  const std::size_t left = limit.rlim_cur > used + 2 ? limit.rlim_cur - used : 2;
  return std::min(left, limits::sessions);
}

}  // namespace

Server::Server(asio::io_context& io, Agent& agent, int listener)
    : io_(io),
      agent_(agent),
      acceptor_(io, asio::local::stream_protocol(), listener),
      max_sessions_(0),
      give_back_timer_(io),
      spare_descriptor_(open_spare()) {
  max_sessions_ = session_limit(spare_descriptor_);
}

Server::~Server() { ::close(spare_descriptor_); }

Awaitable<void> Server::accept_clients() {
  using Acceptor = asio::local::stream_protocol::acceptor;
  for (;;) {
    co_await acceptor_.async_wait(Acceptor::wait_read, asio::use_awaitable);
    for (int i = 0; i < accept_batch; ++i) {
      if (sessions_.size() >= max_sessions_ && !evict(nullptr, 0, "too many connections")) break;
      const int descriptor = accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (descriptor >= 0) {
        admit(descriptor);
      } else if ((errno != EMFILE && errno != ENFILE) || !accept_at_limit()) {
        break;
      }
    }
  }
}

void Server::admit(int descriptor) {
  try {
    prepare_states();
    Session::Socket socket(io_);
    boost::system::error_code fault;
    socket.assign(asio::local::stream_protocol(), descriptor, fault);
    if (fault) {
      ::close(descriptor);
      throw boost::system::system_error(fault);
    }
    accept_one(std::move(socket));
  } catch (const std::exception& error) {
    log_error(std::string("turned a client away: ") + error.what());
  }
}

/// Asio keeps the state that it makes for a descriptor for ever. Made one by one among the sessions' own memory, each
/// would hold a page of that when a crowd has left; so they are made in rows, before they are needed.
void Server::prepare_states() {
  if (sessions_.size() < prepared_states_) return;
  std::vector<asio::posix::stream_descriptor> row;
  for (std::size_t i = 0; i < states_in_row; ++i) {
    const int descriptor = fcntl(spare_descriptor_, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) break;
    row.emplace_back(io_, descriptor);
  }
  prepared_states_ += states_in_row;
}

void Server::accept_one(Session::Socket socket) {
  const Peer peer = peer_of(socket.native_handle());
  if (!may_connect(peer)) {
    log_error("refused a connection of uid " + std::to_string(peer.uid) + ": this agent serves uid " +
              std::to_string(getuid()));
    return;
  }
  auto session = std::make_shared<Session>(*this, agent_, std::move(socket), peer);
  session->place = sessions_.insert(sessions_.end(), session);
  asio::co_spawn(io_, run_session(std::move(session)), asio::detached);
}

/// No descriptor is left in the process: makes room with the spare one. True if it is worth trying again.
bool Server::accept_at_limit() {
  if (evict(nullptr, 0, "too many open descriptors")) return true;
  // All sessions are busy: take the client off the queue and let it know by closing, rather than let it hang.
  ::close(spare_descriptor_);
  const int descriptor = accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
  if (descriptor >= 0) ::close(descriptor);
  spare_descriptor_ = open_spare();
  log_error("turned a client away: too many open descriptors");
  return descriptor >= 0;
}

bool Server::evict(const Session* keep, std::size_t min_bytes, const char* reason) {
  const auto victim = std::find_if(sessions_.begin(), sessions_.end(), [&](const std::shared_ptr<Session>& session) {
    return session.get() != keep && !session->busy() && session->held_bytes() >= min_bytes;
  });
  if (victim == sessions_.end()) return false;
  const std::shared_ptr<Session> session = *victim;
  if (logs(LogLevel::info)) {
    log_info("closed the connection that was idle longest, of " + session->peer().program_chain() + ": " + reason);
  }
  session->close();
  end_session(*session);
  return true;
}

Awaitable<void> Server::run_session(std::shared_ptr<Session> session) {
  try {
    co_await session->run();
  } catch (const Error& error) {
    if (error.code() != Errc::cancelled) {
      log_info("closed the connection of " + session->peer().program_chain() + ": " + error.what());
    }
  } catch (const boost::system::system_error&) {
    // Closed by evict() or close_all().
  } catch (const std::exception& error) {
    log_error(std::string("closed a connection: ") + error.what());
  }
  session->close();
  end_session(*session);
}

void Server::end_session(Session& session) {
  buffered_bytes_ -= session.counted_bytes;
  session.counted_bytes = 0;
  if (session.place == sessions_.end()) return;
  const Session::Place place = session.place;
  session.place = sessions_.end();
  sessions_.erase(place);
  give_memory_back();
}

/// After a crowd has left: malloc keeps what it freed, and the agent may live for weeks.
void Server::give_memory_back() {
  if (++ended_ != crowd) return;
  give_back_timer_.expires_after(quiet_after_crowd);
  give_back_timer_.async_wait([this](const boost::system::error_code& stopped) {
    ended_ = 0;
    if (!stopped) malloc_trim(0);
  });
}

void Server::close_all() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const std::shared_ptr<Session>& session : sessions_) session->close();
}

void Server::touch(Session& session) {
  if (session.place != sessions_.end()) sessions_.splice(sessions_.end(), sessions_, session.place);
}

void Server::count_bytes(Session& session) {
  const std::size_t now = session.held_bytes();
  buffered_bytes_ += now - session.counted_bytes;
  session.counted_bytes = now;
  while (buffered_bytes_ > limits::buffered_bytes &&
         evict(&session, 1, "unread and unsent data take too much memory")) {
  }
}

}  // namespace fob
