#include "agent/agent.h"

#include <sys/timerfd.h>

#include "agent/destination.h"
#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "protocol/reply.h"
#include "protocol/session_bind.h"
#include "protocol/verify.h"

namespace fob {
namespace {

constexpr std::string_view query_name = "query";

/// The framed replies that are one byte.
template <class Status>
Outgoing status() {
  static const auto frame = std::make_shared<const Bytes>(frame_reply(Status{}));
  return {{}, frame};
}

int open_timer() {
  const int descriptor = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (descriptor < 0) throw_system_error("timerfd_create", errno);
  return descriptor;
}

const char* name_of(MessageType type) {
  switch (type) {
    case MessageType::sign_request: return "sign";
    case MessageType::add_identity:
    case MessageType::add_id_constrained: return "add a key";
    case MessageType::remove_identity: return "remove a key";
    case MessageType::remove_all_rsa1:
    case MessageType::remove_all_identities: return "remove all keys";
    case MessageType::add_smartcard_key:
    case MessageType::add_smartcard_key_constrained: return "add a token's keys";
    case MessageType::remove_smartcard_key: return "remove a token's keys";
    case MessageType::lock: return "lock";
    case MessageType::unlock: return "unlock";
    case MessageType::extension: return "an extension request";
    default: return "a request";
  }
}

bool is_session_bind(ByteView message) {
  try {
    Reader in(message);
    return in.u8() == static_cast<std::uint8_t>(MessageType::extension) && in.text() == SessionBind::name;
  } catch (const Error&) {
    return false;
  }
}

void log_refusal(const Session& session, ByteView message, const char* reason) {
  if (!logs(LogLevel::info)) return;
  log_info(std::string("refused to ") + name_of(static_cast<MessageType>(message[0])) + " for " +
           session.peer().program_chain() + ": " + reason);
}

}  // namespace

Agent::Agent(asio::io_context& io, const AgentOptions& options, Parts parts)
    : options_(options), parts_(parts), keyring_(&parts.vault_lock), timer_(io, open_timer()) {}

Awaitable<Outgoing> Agent::answer(Session& session, ByteView message) {
  try {
    expire();
    co_return co_await dispatch(session, message);
  } catch (const Error& error) {
    log_refusal(session, message, error.what());
    note_refusal(session, message, error.what());
  } catch (const std::exception& error) {
    // Out of memory or descriptors: this request fails, the next may not.
    log_refusal(session, message, error.what());
  }
  // A known extension that fails answers otherwise than an unknown one (RFC 9987 §4.8).
  if (is_session_bind(message)) co_return status<ExtensionFailure>();
  co_return status<Failure>();
}

Awaitable<Outgoing> Agent::dispatch(Session& session, ByteView message) {
  refuse_if_locked(message);
  Request request = parse_request(message);
  if (const auto* sign_request = std::get_if<SignRequest>(&request)) co_return co_await sign(session, *sign_request);
  if (auto* add_request = std::get_if<AddIdentity>(&request)) {
    co_return co_await add(session, std::move(*add_request));
  }
  if (auto* load_request = std::get_if<AddSmartcardKey>(&request)) {
    co_return co_await add_token_keys(session, std::move(*load_request));
  }
  if (const auto* unlock_request = std::get_if<Unlock>(&request)) co_return co_await unlock(session, *unlock_request);
  co_return std::visit([&](const auto& other) { return answer_now(session, other); }, request);
}

template <class Waiting>
Outgoing Agent::answer_now(Session&, const Waiting&) {
  throw Error(Errc::unsupported, "not a request that is answered at once");
}

Outgoing Agent::answer_now(Session& session, const RequestIdentities&) {
  if (lock_.locked()) return {frame_reply(IdentitiesAnswer{}), nullptr};
  return {{}, keyring_.identities_answer(session.route())};
}

Outgoing Agent::answer_now(Session& session, const RemoveIdentity& request) {
  refuse_if_others_key(session, find_visible(session, request.key_blob));
  keyring_.remove(request.key_blob);
  return status<Success>();
}

Outgoing Agent::answer_now(Session& session, const RemoveAllIdentities&) {
  keyring_.all([&](const Keyring::Key& key) {
    refuse_if_others_key(session, key);
    return true;
  });
  remove_all_keys();
  return status<Success>();
}

Outgoing Agent::answer_now(Session& session, const Lock& request) {
  refuse_if_remote(session, "lock the agent");
  lock_.lock(request.passphrase);
  keyring_.wipe_ready();
  parts_.tokens.forget_pins();
  parts_.pkcs11_modules.forget_pins();
  if (on_lock) on_lock();
  return status<Success>();
}

Awaitable<Outgoing> Agent::unlock(Session& session, const Unlock& request) {
  refuse_if_remote(session, "unlock the agent");
  const auto delay = lock_.unlock(request.passphrase);
  if (!delay) co_return status<Success>();
  using namespace asio::experimental::awaitable_operators;
  co_await (sleep_for(*delay) || session.gone());
  throw Error(Errc::refused, "wrong passphrase");
}

Outgoing Agent::answer_now(Session& session, const Extension& request) {
  if (request.name == SessionBind::name) {
    bind_session(session.route(), request);
    return status<Success>();
  }
  if (request.name != query_name) throw Error(Errc::unsupported, "unknown extension " + printable(request.name));
  Writer names;
  names.string(query_name).string(SessionBind::name);
  return {frame_reply(ExtensionResponse{std::string(query_name), names.take()}), nullptr};
}

/// PROTOCOL.agent §1, with the checks of OpenSSH's ssh-agent.
void Agent::bind_session(Route& route, const Extension& request) {
  const bool failed_before = route.bind_failed;
  route.bind_failed = true;
  Reader in(request.contents);
  const SessionBind bind = SessionBind::read(in);
  PublicKey host_key = PublicKey::parse(bind.host_key_blob);
  if (host_key.is_certificate()) verify_certificate(host_key);
  verify_signature(host_key, bind.signature, bind.session_id);
  for (const Bind& known : route.binds) {
    if (!known.is_forwarding) throw Error(Errc::refused, "the connection is bound for authentication already");
    if (!equal(known.session_id, bind.session_id)) continue;
    if (!equal(known.host_key.blob, host_key.blob)) {
      throw Error(Errc::refused, "the session is bound with another host key already");
    }
    route.bind_failed = failed_before;
    return;
  }
  if (route.binds.size() >= limits::session_binds) throw Error(Errc::refused, "too many session binds");
  route.binds.push_back({std::move(host_key), to_bytes(bind.session_id), bind.is_forwarding});
  route.bind_failed = failed_before;
}

const Keyring::Key& Agent::find_visible(Session& session, ByteView key_blob) {
  const Keyring::Key* key = keyring_.find(key_blob);
  if (key == nullptr || !visible(key->constraints, session.route())) throw Error(Errc::not_found, "no such key");
  return *key;
}

void Agent::refuse_if_locked(ByteView message) const {
  const auto type = static_cast<MessageType>(message[0]);
  const bool served = type == MessageType::request_identities || type == MessageType::unlock ||
                      (type == MessageType::extension && is_session_bind(message));
  if (lock_.locked() && !served) throw Error(Errc::refused, "the agent is locked");
}

void Agent::refuse_if_remote(Session& session, const char* what) const {
  if (!session.route().is_remote() || options_.allow_remote_management) return;
  throw Error(Errc::refused, std::string("a forwarded client may not ") + what + " (-O allow-remote-management)");
}

void Agent::refuse_if_others_key(Session& session, const Keyring::Key& key) const {
  if (!session.route().is_remote() || options_.allow_remote_management) return;
  const ByteView origin = session.route().origin();
  if (!origin.empty() && equal(origin, key.origin)) return;
  throw Error(Errc::refused, "a forwarded client may remove or replace only keys that it added");
}

void Agent::remove_all_keys() {
  keyring_.clear();
  parts_.pkcs11_modules.forget_pins();
}

void Agent::expire() {
  if (keyring_.next_expiry()) keyring_.expire(BootClock::now());
}

Awaitable<void> Agent::keep_time() {
  for (;;) {
    co_await timer_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    std::uint64_t expirations = 0;
    if (read(timer_.native_handle(), &expirations, sizeof(expirations)) < 0) continue;
    timer_at_.reset();
    expire();
    if (const auto next = keyring_.wipe_rested(BootClock::now())) arm_timer(*next);
    if (const auto next = keyring_.next_expiry()) arm_timer(*next);
  }
}

void Agent::arm_timer(BootClock::time_point when) {
  if (timer_at_ && *timer_at_ <= when) return;
  timer_at_ = when;
  // A time of 0 would disarm it.
  const auto since_boot = std::max(when.time_since_epoch(), BootClock::duration(1));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
  itimerspec setting{};
  setting.it_value.tv_sec = seconds.count();
  setting.it_value.tv_nsec = (since_boot - seconds).count();
  if (timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME, &setting, nullptr) != 0) {
    throw_system_error("timerfd_settime", errno);
  }
}

}  // namespace fob
