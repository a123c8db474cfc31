#include "agent/daemon.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/log.h"
#include "agent/process.h"
#include "agent/server.h"
#include "protocol/secret_heap.h"

namespace fob {
namespace {

constexpr int exit_stopped = 2;
/// How long stopping may take: dialogs are taken down, workers finish.
constexpr std::chrono::seconds stop_deadline{3};

struct Stop {
  int status = exit_stopped;
};

Awaitable<void> handle_signals(asio::io_context& io, Agent& agent, asio::signal_set& signals, bool socket_activated,
                               Stop& stop) {
  for (;;) {
    const int signal = co_await signals.async_wait(asio::use_awaitable);
    if (signal == SIGUSR1) {
      log_info("signal " + std::to_string(signal) + " received: removing all keys");
      agent.remove_all_keys();
      continue;
    }
    log_info("exiting on signal " + std::to_string(signal));
    if (signal == SIGTERM && socket_activated) stop.status = 0;
    io.stop();
  }
}

Awaitable<void> watch_parent(asio::io_context& io, int parent) {
  asio::posix::stream_descriptor pidfd(io, parent);
  co_await pidfd.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  io.stop();
}

/// One arena serves the main thread and two workers. Input buffers and what is larger have pages of their own, which go
/// back to the kernel when they are freed; else one long-lived object between them would keep them all.
void set_up_heap() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, BufferPool::buffer_bytes);
}

void warn_of_weak_memory() {
  switch (SecretHeap::backing()) {
    case SecretHeap::Backing::locked:
      log_info("the kernel offers no hidden memory (memfd_secret): keys lie in locked memory, which root can read");
      break;
    case SecretHeap::Backing::plain:
      log_error("memory cannot be locked: key material may reach swap; raise the limit (ulimit -l)");
      break;
    default: break;
  }
}

}  // namespace

int serve(const AgentOptions& options, int listener, int parent, bool foreground, bool socket_activated) {
  set_up_heap();
  signal(SIGPIPE, SIG_IGN);
  // OPENSSL_CONF and openssl.cnf may name libraries to load: none of them belongs into this process.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  if (!foreground) signal(SIGINT, SIG_IGN);
  asio::io_context io(1);
  Agent agent(io, options);
  Server server(io, agent, listener);
  asio::signal_set signals(io, SIGTERM, SIGHUP, SIGUSR1);
  if (foreground) signals.add(SIGINT);
  release_signals();
  Stop stop;
  asio::co_spawn(io, handle_signals(io, agent, signals, socket_activated, stop), asio::detached);
  asio::co_spawn(io, server.accept_clients(), asio::detached);
  asio::co_spawn(io, agent.keep_time(), asio::detached);
  if (parent >= 0) asio::co_spawn(io, watch_parent(io, parent), asio::detached);
  notify_supervisor("READY=1");
  log_debug("serving uid " + std::to_string(getuid()) + " as pid " + std::to_string(getpid()));
  warn_of_weak_memory();
  io.run();

  notify_supervisor("STOPPING=1");
  agent.remove_all_keys();
  server.close_all();
  io.restart();
  const auto give_up = std::chrono::steady_clock::now() + stop_deadline;
  while (server.session_count() > 0 && std::chrono::steady_clock::now() < give_up) {
    io.run_for(std::chrono::milliseconds(20));
  }
  return stop.status;
}

}  // namespace fob
