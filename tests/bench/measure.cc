#include "measure.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <random>
#include <system_error>
#include <utility>

#include "connection.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

constexpr auto drain_limit = 60s;

/// Chooses requests, and keeps count of their answers.
class Meter {
 public:
  explicit Meter(const Plan& plan)
      : plan_(plan),
        choice_(0, plan.exchanges.size() - 1),
        begin_(Clock::now()),
        end_(begin_ + std::chrono::duration_cast<Clock::duration>(plan.time)) {
    outcome_.latencies.reserve(1U << 20);  // growing it would show in the latencies
  }

  const Exchange& next() { return plan_.exchanges[plan_.exchanges.size() == 1 ? 0 : choice_(random_)]; }
  void answered(Clock::time_point started, Clock::time_point now, bool right) {
    if (!right) return failed();
    outcome_.latencies.push_back(now - started);
    outcome_.elapsed = now - begin_;
    if (outcome_.latencies.size() == plan_.requests) end_ = now;
  }
  void failed() { ++outcome_.errors; }
  bool over(Clock::time_point now) const { return now >= end_; }
  Clock::time_point end() const { return end_; }
  Outcome outcome() && { return std::move(outcome_); }

 private:
  const Plan& plan_;
  std::minstd_rand random_;
  std::uniform_int_distribution<std::size_t> choice_;
  Clock::time_point begin_;
  Clock::time_point end_;
  Outcome outcome_;
};

Outcome measure_one(const Plan& plan) {
  Meter meter(plan);
  std::optional<Connection> connection;
  for (auto now = Clock::now(); !meter.over(now);) {
    const Exchange& exchange = meter.next();
    const auto started = now;
    try {
      if (!connection) connection.emplace(Connection::open(plan.socket));
      connection->send(exchange.request);
      const bool right = exchange.expected.matches(connection->receive());
      now = Clock::now();
      meter.answered(started, now, right);
      if (plan.fresh) connection.reset();
    } catch (const ConnectionLost&) {
      meter.failed();
      connection.reset();
      now = Clock::now();
    }
    if (plan.fresh) now = Clock::now();  // closing is no part of the next request
  }
  return std::move(meter).outcome();
}

/// Many clients on one thread.
class Swarm {
 public:
  explicit Swarm(const Plan& plan) : plan_(plan), epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)), clients_(plan.clients) {
    if (epoll_fd_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  }
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;
  ~Swarm() { ::close(epoll_fd_); }

  Outcome run();

 private:
  struct Client {
    std::optional<Connection> connection;
    const Exchange* asked = nullptr;  ///< what it waits for the answer of, if anything
    Clock::time_point started;
  };

  void start(Client& client, Meter& meter);
  void connect_waiting(Meter& meter);
  bool connect(Client& client);
  void adopt(Client& client, Connection connection) const;
  void ask(Client& client, Meter& meter);
  void read(Client& client, Meter& meter);
  void lose(Client& client, Meter& meter);
  void wait(Meter& meter);

  const Plan& plan_;
  int epoll_fd_;
  std::vector<Client> clients_;
  std::deque<Client*> unconnected_;  ///< waiting for room in the agent's queue of connections
  std::size_t outstanding_ = 0;
};

Outcome Swarm::run() {
  if (!plan_.fresh) {
    auto connections = open_used(plan_.socket, clients_.size());
    for (std::size_t i = 0; i < clients_.size(); ++i) adopt(clients_[i], std::move(connections[i]));
  }
  Meter meter(plan_);
  for (Client& client : clients_) start(client, meter);
  while (!meter.over(Clock::now())) wait(meter);
  unconnected_.clear();
  while (outstanding_ > 0 && Clock::now() < meter.end() + drain_limit) wait(meter);
  for (; outstanding_ > 0; --outstanding_) meter.failed();
  return std::move(meter).outcome();
}

void Swarm::start(Client& client, Meter& meter) {
  client.started = Clock::now();
  if (meter.over(client.started)) return;
  if (client.connection) {
    ask(client, meter);
  } else {
    unconnected_.push_back(&client);
  }
}

void Swarm::connect_waiting(Meter& meter) {
  while (!unconnected_.empty() && connect(*unconnected_.front())) {
    Client& client = *unconnected_.front();
    unconnected_.pop_front();
    ask(client, meter);
  }
}

/// False where the agent's queue of new connections is full.
bool Swarm::connect(Client& client) {
  auto connection = Connection::try_open(plan_.socket);
  if (!connection) return false;
  adopt(client, std::move(*connection));
  return true;
}

void Swarm::adopt(Client& client, Connection connection) const {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &client}};
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, connection.fd(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
  client.connection.emplace(std::move(connection));
}

void Swarm::ask(Client& client, Meter& meter) {
  client.asked = &meter.next();
  ++outstanding_;
  try {
    client.connection->send(client.asked->request);
  } catch (const ConnectionLost&) {
    lose(client, meter);
  }
}

void Swarm::read(Client& client, Meter& meter) {
  if (client.asked == nullptr) return lose(client, meter);  // closed, or an answer to nothing
  try {
    const auto reply = client.connection->receive_some();
    if (!reply) return;
    const bool right = client.asked->expected.matches(*reply);
    meter.answered(client.started, Clock::now(), right);
  } catch (const ConnectionLost&) {
    return lose(client, meter);
  }
  --outstanding_;
  client.asked = nullptr;
  if (plan_.fresh) client.connection.reset();
  start(client, meter);
}

void Swarm::lose(Client& client, Meter& meter) {
  meter.failed();
  if (client.asked != nullptr) --outstanding_;
  client.asked = nullptr;
  client.connection.reset();
  start(client, meter);
}

void Swarm::wait(Meter& meter) {
  connect_waiting(meter);
  std::array<epoll_event, 64> events;
  const int timeout_ms = unconnected_.empty() ? 100 : 1;
  const int count = ::epoll_wait(epoll_fd_, events.data(), events.size(), timeout_ms);
  for (int i = 0; i < count; ++i) {
    read(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr), meter);
  }
}

}  // namespace

double Outcome::rate() const {
  return elapsed.count() > 0 ? static_cast<double>(latencies.size()) / elapsed.count() : 0;
}

double Outcome::percentile_us(double share) {
  if (latencies.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies.size() - 1));
  std::ranges::nth_element(latencies, latencies.begin() + rank);
  return std::chrono::duration<double, std::micro>(latencies[static_cast<std::size_t>(rank)]).count();
}

Outcome measure(const Plan& plan) { return plan.clients == 1 ? measure_one(plan) : Swarm(plan).run(); }

}  // namespace fob
