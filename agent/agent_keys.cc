// Agent's two requests that use keys: sign and add. Each may wait, for a person or a worker, and looks at the world
// anew afterwards: the key may be gone, the agent locked.

#include "agent/agent.h"
#include "agent/destination.h"
#include "agent/key_check.h"
#include "agent/key_ref.h"
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

std::optional<SignRequest> sign_request_in(ByteView message) {
  try {
    return std::get<SignRequest>(parse_request(message));
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

Awaitable<Outgoing> Agent::sign(Session& session, const SignRequest& request) {
  if ((request.flags & ~known_sign_flags) != 0) {
    throw Error(Errc::unsupported, "unknown signature flags " + std::to_string(request.flags & ~known_sign_flags));
  }
  const Keyring::Key* key = keyring_.find(request.key_blob);
  if (key == nullptr) throw Error(Errc::not_found, "no such key");
  std::string host = check_destination(key->public_key, key->constraints, session.route(), request.data);
  const bool is_fido = is_sk(key->public_key.kind);
  if (is_fido) refuse_if_web(key->public_key, request.data);
  if (key->constraints.confirm) {
    std::string why = purpose(session, request, host);
    co_await confirm(session, *key, std::move(why));
    key = find_again(session, request);
  }
  if (key->in_vault && !parts_.vault_lock.is_open()) {
    std::string why = purpose(session, request, host);
    co_await open_vault(session, *key, std::move(why));
    key = find_again(session, request);
    // A key that ssh-add has put in its place meanwhile is not asked for again: the next request is.
    if (!key->in_vault) throw Error(Errc::refused, "the key was added anew since the vault was to be opened");
  }
  if (key->in_vault) parts_.vault_lock.use();
  if (is_fido || key->on_pkcs11_token()) co_return co_await sign_on_token(session, *key, request, host);
  const std::shared_ptr<const ReadyKey> ready = keyring_.ready(*key);
  arm_timer(BootClock::now() + limits::ready_key_rest);
  if (logs(LogLevel::debug)) {
    log_debug(session.peer().program_chain() + " uses " + fingerprint(key->public_key) + " (" +
              printable(key->comment) + ") to " + sentence(describe(request.data)));
  }
  note_use(session, *key, request, "");
  const std::uint32_t flags = request.flags;
  if (!ReadyKey::is_slow(key->public_key.kind)) co_return sign_response(ready->sign(request.data, flags));
  auto data = std::make_shared<const Bytes>(to_bytes(request.data));
  std::function<Bytes()> work = [ready, data, flags] { return ready->sign(*data, flags); };
  const Bytes signature = co_await parts_.workers.run(std::move(work));
  co_return sign_response(signature);
}

/// For `fob watch`. Which programs asked takes reading /proc, and so is found out only where somebody looks on.
void Agent::note_use(Session& session, const Keyring::Key& key, const SignRequest& request, std::string fault) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  control::KeyUse use;
  use.time = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  use.key = key.in_vault ? key.in_vault->name : printable(key.comment);
  if (use.key.empty()) use.key = fingerprint(key.public_key, options_.fingerprint_hash);
  const SignedData what = describe(request.data);
  use.purpose = sentence(what) + place(session.route(), "", what, options_.fingerprint_hash) + hops(session.route());
  if (parts_.activity.is_watched()) use.programs = session.peer().program_chain();
  use.fault = std::move(fault);
  parts_.activity.record(std::move(use));
}

void Agent::note_refusal(Session& session, ByteView message, const std::string& fault) {
  if (message[0] != static_cast<std::uint8_t>(MessageType::sign_request) || lock_.locked()) return;
  const std::optional<SignRequest> request = sign_request_in(message);
  const Keyring::Key* key = request ? keyring_.find(request->key_blob) : nullptr;
  if (key != nullptr) note_use(session, *key, *request, printable(fault, limits::sentence_bytes));
}

/// After a dialog: the key may be gone, or have been added again with other constraints.
const Keyring::Key* Agent::find_again(Session& session, const SignRequest& request) {
  const Keyring::Key* key = keyring_.find(request.key_blob);
  if (key == nullptr || lock_.locked()) throw Error(Errc::refused, "the key is gone since the dialog was opened");
  check_destination(key->public_key, key->constraints, session.route(), request.data);
  return key;
}

/// Returns when it is open.
Awaitable<void> Agent::open_vault(Session& session, const Keyring::Key& key, std::string purpose) {
  using namespace asio::experimental::awaitable_operators;
  std::string text = "for key " + printable(key.comment) + ", " +
                     fingerprint(key.public_key, options_.fingerprint_hash) + "\n" + purpose;
  const auto outcome = co_await (try_to_open_vault(std::move(text)) || session.gone());
  if (outcome.index() == 1) throw Error(Errc::cancelled, "the client went away while the vault was to be opened");
  if (std::get<0>(outcome).fault) std::rethrow_exception(std::get<0>(outcome).fault);
}

Awaitable<Agent::OpenAttempt> Agent::try_to_open_vault(std::string purpose) {
  OpenAttempt out;
  try {
    co_await parts_.vault_opener.open_for_client(std::move(purpose), parts_.prompter);
  } catch (const std::exception&) {
    out.fault = std::current_exception();
  }
  co_return out;
}

/// "ssh ← git wants to log in as alice at example.org, forwarded through 1 host."
std::string Agent::purpose(Session& session, const SignRequest& request, const std::string& host) const {
  const SignedData what = describe(request.data);
  const Route& route = session.route();
  return session.peer().program_chain() + " wants to " + sentence(what) +
         place(route, host, what, options_.fingerprint_hash) + hops(route) + '.';
}

/// Returns if the person says yes; the first two lines are OpenSSH's, which askpass programs know.
Awaitable<void> Agent::confirm(Session& session, const Keyring::Key& key, std::string purpose) {
  using namespace asio::experimental::awaitable_operators;
  std::string text = "Allow use of key " + printable(key.comment) + "?\nKey fingerprint " +
                     fingerprint(key.public_key, options_.fingerprint_hash) + ".\n" + purpose;
  const auto outcome = co_await (parts_.prompter.confirm(std::move(text)) || session.gone());
  if (outcome.index() == 1) throw Error(Errc::cancelled, "the client went away while the dialog was open");
  const std::string& refusal = std::get<0>(outcome);
  if (!refusal.empty()) throw Error(Errc::refused, refusal);
}

/// A key of a web site would sign in there for whoever asks: such keys sign only what is SSH's by its form (OpenSSH's
/// check_websafe_message_contents).
void Agent::refuse_if_web(const PublicKey& key, ByteView data) const {
  if (!options_.restrict_websafe || matches_pattern_list(key.application, options_.websafe_allow)) return;
  if (user_authentication_with(key, data) || std::holds_alternative<SshsigMessage>(describe(data))) return;
  throw Error(Errc::refused, "a key of the web application " + printable(key.application) +
                                 " signs SSH logins and SSHSIG only (-O no-restrict-websafe, -O websafe-allow)");
}

Awaitable<Outgoing> Agent::sign_on_token(Session& session, const Keyring::Key& key, const SignRequest& request,
                                         std::string host) {
  using namespace asio::experimental::awaitable_operators;
  // It takes reading /proc, and most uses of a PKCS#11 token show nothing to anybody.
  std::function<std::string()> why = [this, &session, &request, host] { return purpose(session, request, host); };
  auto outcome = co_await (token_attempt(key, request, std::move(why)) || session.gone());
  if (outcome.index() == 1) throw Error(Errc::cancelled, "the client went away while the token was waited for");
  const TokenAttempt& attempt = std::get<0>(outcome);
  if (attempt.fault) std::rethrow_exception(attempt.fault);
  const Keyring::Key* present = keyring_.find(request.key_blob);
  if (present == nullptr || lock_.locked()) throw Error(Errc::refused, "the key is gone since the token was asked");
  note_use(session, *present, request, "");
  co_return sign_response(attempt.signature);
}

Awaitable<Agent::TokenAttempt> Agent::token_attempt(const Keyring::Key& key, const SignRequest& request,
                                                    std::function<std::string()> why) {
  if (key.on_pkcs11_token()) {
    Pkcs11Keys::Use use{key.public_key, Pkcs11Ref{key.module, key.uri}, std::move(why)};
    return try_on_pkcs11_token(std::move(use), request.flags, request.data);
  }
  TokenKeys::Use use{key.public_key, sk_key_ref(key.public_key, keyring_.open(key)),
                     key.constraints.sk_provider.value_or("internal"), why()};
  return try_on_fido_token(std::move(use), request.data);
}

Awaitable<Agent::TokenAttempt> Agent::try_on_fido_token(TokenKeys::Use use, ByteView data) {
  TokenAttempt out;
  try {
    Bytes copy = to_bytes(data);
    out.signature = co_await parts_.token_keys.sign(std::move(use), std::move(copy), parts_.prompter);
  } catch (const std::exception&) {
    out.fault = std::current_exception();
  }
  co_return out;
}

Awaitable<Agent::TokenAttempt> Agent::try_on_pkcs11_token(Pkcs11Keys::Use use, std::uint32_t flags, ByteView data) {
  TokenAttempt out;
  try {
    Bytes copy = to_bytes(data);
    out.signature = co_await parts_.pkcs11_keys.sign(std::move(use), flags, std::move(copy), parts_.prompter);
  } catch (const std::exception&) {
    out.fault = std::current_exception();
  }
  co_return out;
}

std::optional<BootClock::time_point> Agent::expiry_of(const Constraints& constraints) const {
  std::optional<std::uint32_t> lifetime = constraints.lifetime_seconds;
  if (!lifetime) lifetime = options_.default_lifetime_seconds;
  if (!lifetime) return std::nullopt;
  return BootClock::now() + std::chrono::seconds(*lifetime);
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
  co_await parts_.workers.run(std::move(work));
  if (lock_.locked()) throw Error(Errc::refused, "the agent is locked");

  const Keyring::Key* present = keyring_.find(checked->public_key.blob);
  if (present != nullptr) refuse_if_others_key(session, find_visible(session, checked->public_key.blob));
  Keyring::Key key;
  key.sealed = keyring_.seal(*checked);
  key.public_key = std::move(checked->public_key);
  key.comment = std::move(request.comment);
  key.constraints = std::move(request.constraints);
  key.origin = to_bytes(session.route().origin());
  key.expires = expiry_of(key.constraints);
  keyring_.put(std::move(key));
  expire();
  if (const auto next = keyring_.next_expiry()) arm_timer(*next);
  co_return success();
}

}  // namespace fob
