#include "agent/daemon.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/control_server.h"
#include "agent/desktop_client.h"
#include "agent/helper_program.h"
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

/// Everything that serves, in the order in which it depends on each other.
struct Daemon {
  Daemon(asio::io_context& io_context, const Service& service)
      : io(io_context),
        workers(io),
        desktop(io, helper_program("fob-desktop")),
        prompter(io, service.config.prompt, service.config.prompt.notifications ? &desktop : nullptr, activity),
        tokens(io, service.config.fido.sockets),
        token_keys(tokens, service.config.fido.pin_cache),
        pkcs11_modules(io, service.config.pkcs11, service.agent.providers),
        pkcs11_keys(pkcs11_modules, service.config.pkcs11.pin_cache),
        vault_settings(service.config.vault),
        vault(workers, vault_path(service.config)),
        vault_lock(io, {vault_settings.lock_after, vault_settings.lock_on_sleep}),
        vault_opener({workers, vault, vault_lock, token_keys, pkcs11_keys, prompter}),
        agent(io, service.agent,
              {workers, prompter, tokens, token_keys, pkcs11_modules, pkcs11_keys, vault_lock, vault_opener, activity}),
        server(io, agent, service.agent_listener),
        control({workers, agent.keyring(), agent.lock(), tokens, token_keys, pkcs11_keys, vault, vault_lock,
                 vault_opener, activity}) {
    if (service.control_listener >= 0) control_server.emplace(io, control, service.control_listener);
    tokens.on_first_use = pkcs11_modules.on_first_use = vault_lock.on_open = [this] { start_desktop(); };
    vault_lock.on_lock = [this] { agent.keyring().wipe_ready(); };
    agent.on_lock = [this] {
      if (vault_settings.lock_on_agent_lock) vault_lock.lock("ssh-add -x");
    };
    vault.on_read = [this](const std::list<Vault::Kept>& before) {
      vault_lock.lock("its file was read anew");
      control.offer_instead(before);
    };
    desktop.on_event = [this](DesktopEvent event) { handle_event(event); };
  }

  /// When it returns, the machine may sleep.
  void handle_event(DesktopEvent event) {
    const bool sleeps = event == DesktopEvent::sleep;
    const bool screen_locks = event == DesktopEvent::lock;
    if (sleeps || screen_locks) {
      tokens.forget_pins();
      pkcs11_modules.forget_pins();
    }
    if (sleeps && vault_settings.lock_on_sleep) vault_lock.lock("the machine goes to sleep");
    if (screen_locks && vault_settings.lock_on_screen_lock) vault_lock.lock("the screen is locked");
    if (event == DesktopEvent::idle && vault_settings.lock_on_idle) vault_lock.lock("the session is idle");
  }

  /// What ssh-add has brought is gone; what is kept stays listed.
  void handle_sigusr1() {
    agent.remove_all_keys();
    if (vault_settings.lock_on_sigusr1) vault_lock.lock("SIGUSR1");
    control.offer_kept_keys();
  }

  /// Not before there is something to show: most agents never see a token.
  void start_desktop() {
    if (desktop_runs) return;
    desktop_runs = true;
    auto ended = [this](const std::exception_ptr&) { desktop_runs = false; };
    asio::co_spawn(io, desktop.run(), asio::bind_cancellation_slot(desktop_stop.slot(), ended));
  }

  static std::string vault_path(const Config& config) {
    return config.vault.path.empty() ? default_vault_path() : config.vault.path;
  }

  void close_all() {
    agent.remove_all_keys();
    vault_lock.lock("the agent ends");
    server.close_all();
    if (control_server) control_server->close_all();
    tokens.close_all();
    pkcs11_modules.close_all();
    desktop_stop.emit(asio::cancellation_type::terminal);
  }
  bool is_closed() const {
    return server.session_count() == 0 && (!control_server || control_server->session_count() == 0) &&
           tokens.running_hosts() == 0 && pkcs11_modules.running_hosts() == 0 && !desktop_runs;
  }

  asio::io_context& io;
  Workers workers;
  DesktopClient desktop;
  asio::cancellation_signal desktop_stop;
  bool desktop_runs = false;
  Activity activity;
  Prompter prompter;
  Tokens tokens;
  TokenKeys token_keys;
  Pkcs11Modules pkcs11_modules;
  Pkcs11Keys pkcs11_keys;
  Config::Vault vault_settings;
  Vault vault;
  VaultLock vault_lock;
  VaultOpener vault_opener;
  Agent agent;
  Server server;
  Control control;
  std::optional<ControlServer> control_server;
};

Awaitable<void> handle_signals(asio::io_context& io, Daemon& daemon, asio::signal_set& signals, bool socket_activated,
                               Stop& stop) {
  for (;;) {
    const int signal = co_await signals.async_wait(asio::use_awaitable);
    if (signal == SIGUSR1) {
      log_info("signal " + std::to_string(signal) + " received: removing all keys");
      daemon.handle_sigusr1();
      continue;
    }
    log_info("exiting on signal " + std::to_string(signal));
    if (signal == SIGTERM && socket_activated) stop.status = 0;
    io.stop();
  }
}

}  // namespace

int serve(const Service& service) {
  set_up_heap();
  signal(SIGPIPE, SIG_IGN);
  // OPENSSL_CONF and openssl.cnf may name libraries to load: none of them belongs into this process.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  if (!service.foreground) signal(SIGINT, SIG_IGN);
  asio::io_context io(1);
  Daemon daemon(io, service);
  daemon.vault.load();
  asio::signal_set signals(io, SIGTERM, SIGHUP, SIGUSR1);
  if (service.foreground) signals.add(SIGINT);
  release_signals();
  Stop stop;
  asio::co_spawn(io, handle_signals(io, daemon, signals, service.socket_activated, stop), asio::detached);
  asio::co_spawn(io, daemon.server.accept_clients(), asio::detached);
  asio::co_spawn(io, daemon.agent.keep_time(), asio::detached);
  if (daemon.control_server) asio::co_spawn(io, daemon.control_server->accept_clients(), asio::detached);
  if (service.parent >= 0) asio::co_spawn(io, watch_parent(io, service.parent), asio::detached);
  notify_supervisor("READY=1");
  log_debug("serving uid " + std::to_string(getuid()) + " as pid " + std::to_string(getpid()));
  warn_of_weak_memory();
  io.run();

  notify_supervisor("STOPPING=1");
  daemon.close_all();
  io.restart();
  const auto give_up = std::chrono::steady_clock::now() + stop_deadline;
  while (!daemon.is_closed() && std::chrono::steady_clock::now() < give_up) {
    io.run_for(std::chrono::milliseconds(20));
  }
  return stop.status;
}

}  // namespace fob
