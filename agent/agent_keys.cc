// Agent's two requests that use keys: sign and add. Each may wait, for a person or a worker, and looks at the world
// anew afterwards: the key may be gone, the agent locked.

#include "agent/agent.h"
#include "agent/destination.h"
#include "agent/key_check.h"
#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "protocol/signed_data.h"

namespace fob {
namespace {

constexpr std::uint32_t known_sign_flags =
    SignRequest::flag_old | SignRequest::flag_rsa_sha2_256 | SignRequest::flag_rsa_sha2_512;

Outgoing sign_response(ByteView signature) {
  Writer out;
  out.reserve(9 + signature.size());
  const std::size_t mark = out.begin_string();
  out.u8(static_cast<std::uint8_t>(MessageType::sign_response)).string(signature);
  out.end_string(mark);
  return {out.take(), nullptr};
}

Outgoing success() {
  Writer out;
  out.u32(1).u8(static_cast<std::uint8_t>(MessageType::success));
  return {out.take(), nullptr};
}

/// Where the client is: ", through 2 hops".
std::string hops(const Route& route) {
  std::size_t forwarded = 0;
  for (const Bind& bind : route.binds) forwarded += bind.is_forwarding ? 1 : 0;
  if (forwarded == 0) return {};
  return ", forwarded through " + std::to_string(forwarded) + (forwarded == 1 ? " host" : " hosts");
}

/// " at HOST": its name where a constraint gives it, else the fingerprint of its key where that is known.
std::string place(const Route& route, const std::string& host, const SignedData& what, Hash hash) {
  if (!std::holds_alternative<UserAuthentication>(what)) return {};
  if (!host.empty()) return " at " + printable(host);
  if (route.binds.empty()) return {};
  return " at the host with key " + fingerprint(route.binds.back().host_key, hash);
}

}  // namespace

Awaitable<Outgoing> Agent::sign(Session& session, const SignRequest& request) {
  if ((request.flags & ~known_sign_flags) != 0) {
    throw Error(Errc::unsupported, "unknown signature flags " + std::to_string(request.flags & ~known_sign_flags));
  }
  const Keyring::Key* key = keyring_.find(request.key_blob);
  if (key == nullptr) throw Error(Errc::not_found, "no such key");
  std::string host = check_destination(key->public_key, key->constraints, session.route(), request.data);
  if (is_sk(key->public_key.kind)) {
    throw Error(Errc::unsupported, "signing with keys on FIDO2 tokens is not built in yet");
  }
  if (key->constraints.confirm) {
    co_await confirm(session, *key, request, std::move(host));
    key = keyring_.find(request.key_blob);
    if (key == nullptr || lock_.locked()) throw Error(Errc::refused, "the key is gone since the dialog was opened");
    // It may have been added again, with other constraints.
    check_destination(key->public_key, key->constraints, session.route(), request.data);
  }
  const std::shared_ptr<const ReadyKey> ready = keyring_.ready(*key);
  arm_timer(BootClock::now() + limits::ready_key_rest);
  if (logs(LogLevel::debug)) {
    log_debug(session.peer().program_chain() + " uses " + fingerprint(key->public_key) + " (" +
              printable(key->comment) + ") to " + sentence(describe(request.data)));
  }
  const std::uint32_t flags = request.flags;
  if (!ReadyKey::is_slow(key->public_key.kind)) co_return sign_response(ready->sign(request.data, flags));
  auto data = std::make_shared<const Bytes>(to_bytes(request.data));
  std::function<Bytes()> work = [ready, data, flags] { return ready->sign(*data, flags); };
  const Bytes signature = co_await workers_.run(std::move(work));
  co_return sign_response(signature);
}

/// Returns if the person says yes; the first two lines are OpenSSH's, which askpass programs know.
Awaitable<void> Agent::confirm(Session& session, const Keyring::Key& key, const SignRequest& request,
                               std::string host) {
  using namespace asio::experimental::awaitable_operators;
  const SignedData what = describe(request.data);
  const Route& route = session.route();
  std::string text = "Allow use of key " + printable(key.comment) + "?\nKey fingerprint " +
                     fingerprint(key.public_key, options_.fingerprint_hash) + ".\n" + session.peer().program_chain() +
                     " wants to " + sentence(what) + place(route, host, what, options_.fingerprint_hash) + hops(route) +
                     '.';
  const auto outcome = co_await (prompter_.confirm(std::move(text)) || session.gone());
  if (outcome.index() == 1) throw Error(Errc::cancelled, "the client went away while the dialog was open");
  const std::string& refusal = std::get<0>(outcome);
  if (!refusal.empty()) throw Error(Errc::refused, refusal);
}

Awaitable<Outgoing> Agent::add(Session& session, AddIdentity request) {
  if (request.constraints.sk_provider) {
    request.constraints.sk_provider =
        options_.providers.resolve(*request.constraints.sk_provider, session.route().is_remote());
  }
  auto checked = std::make_shared<PrivateKey>(std::move(request.key));
  std::function<bool()> work = [checked] {
    check_private_key(*checked);
    return true;
  };
  co_await workers_.run(std::move(work));
  if (lock_.locked()) throw Error(Errc::refused, "the agent is locked");

  const Keyring::Key* present = keyring_.find(checked->public_key.blob);
  if (present != nullptr) refuse_if_others_key(session, find_visible(session, checked->public_key.blob));
  Keyring::Key key;
  key.sealed = keyring_.seal(*checked);
  key.public_key = std::move(checked->public_key);
  key.comment = std::move(request.comment);
  key.constraints = std::move(request.constraints);
  key.origin = to_bytes(session.route().origin());
  std::optional<std::uint32_t> lifetime = key.constraints.lifetime_seconds;
  if (!lifetime) lifetime = options_.default_lifetime_seconds;
  if (lifetime) key.expires = BootClock::now() + std::chrono::seconds(*lifetime);
  keyring_.put(std::move(key));
  expire();
  if (const auto next = keyring_.next_expiry()) arm_timer(*next);
  co_return success();
}

}  // namespace fob
