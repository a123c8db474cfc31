#include "agent/pkcs11_keys.h"

#include <algorithm>

#include "agent/log.h"
#include "protocol/fingerprint.h"
#include "protocol/request.h"
#include "protocol/signature.h"
#include "protocol/verify.h"

namespace fob {
namespace {

using Wait = Pkcs11Access::Wait;
using Login = Pkcs11Access::Login;

constexpr char every_token[] = "pkcs11:";

SecretBytes copy_of(const SecretBytes& secret) { return SecretBytes(secret.view()); }

/// What a person is told while this token works.
Wait wait_at(const Pkcs11Token& token, std::string what, Asker& asker) {
  Wait out;
  out.deadline = token.info.pin_pad ? limits::touch_deadline : limits::module_deadline;
  out.asker = &asker;
  out.title = token.title();
  out.what = std::move(what);
  out.touch_possible = token.info.removable;
  return out;
}

/// Whether the host may go on with what it has open.
bool may_stay(const Pkcs11Token& token, const Login& login) {
  if (token.info.removable) return false;
  return login.pin.empty() || (login.stay && !Pkcs11Access::is_outdated(token, login));
}

unsigned logins_of(const Pkcs11Module& module, const std::string& key_uri) {
  const auto known = module.keys.find(key_uri);
  return known == module.keys.end() ? 0 : known->second.token->logins;
}

std::string_view rsa_algorithm(std::uint32_t flags) {
  if ((flags & SignRequest::flag_rsa_sha2_256) != 0) return "rsa-sha2-256";
  return (flags & SignRequest::flag_rsa_sha2_512) != 0 ? "rsa-sha2-512" : "ssh-rsa";
}

/// A hostile module may answer anything: what leaves here is a signature of this key, of the kind that was asked for.
void prove(Pkcs11Module& module, const Pkcs11Keys::Use& use, std::uint32_t flags, const Bytes& signature,
           const Bytes& data) {
  const std::string_view algorithm = use.key.kind == KeyKind::rsa ? rsa_algorithm(flags) : traits(use.key.kind).name;
  if (Signature::parse(signature).algorithm != algorithm) {
    throw Error(Errc::bad_signature, "the token signed by another algorithm than " + std::string(algorithm));
  }
  const auto known = module.keys.find(use.ref.uri);
  const bool proven = known != module.keys.end() && known->second.proven_by == module.client.hosts_started();
  if (proven && use.key.kind != KeyKind::rsa) return;
  verify_signature(use.key, signature, data);
  if (known != module.keys.end()) known->second.proven_by = module.client.hosts_started();
}

host::SignWithKey sign_request(const Pkcs11Keys::Use& use, ByteView key_blob, std::uint32_t flags, ByteView data,
                               const Login& login) {
  return {use.ref.uri, key_blob, flags, data, copy_of(login.pin), login.stay};
}

}  // namespace

Awaitable<Bytes> Pkcs11Keys::sign(Use use, std::uint32_t flags, Bytes data, Asker& asker) {
  const Module module = co_await modules_.allowed(use.ref.module);
  const auto known = module->keys.find(use.ref.uri);
  Bytes signature;
  const Pkcs11TokenInfo* info = known == module->keys.end() ? nullptr : &known->second.token->info;
  if (info != nullptr && !info->removable && !info->pin_pad) {
    signature = co_await sign_at_once(module, use, flags, data);
  }
  if (signature.empty()) signature = co_await sign_in_turn(module, use, flags, data, asker);
  prove(*module, use, flags, signature, data);
  co_return signature;
}

/// Beside whatever else runs there. Empty if the token wants its PIN.
Awaitable<Bytes> Pkcs11Keys::sign_at_once(Module module, const Use& use, std::uint32_t flags, const Bytes& data) {
  const Bytes key_blob = use.key.plain_blob();
  for (bool again = false;; again = true) {
    std::optional<Error> fault;
    try {
      host::SignWithKey request = sign_request(use, key_blob, flags, data, Login());
      host::Signed reply = co_await module->client.request<host::Signed>(std::move(request), limits::module_deadline);
      co_return std::move(reply.signature);
    } catch (const Error& error) {
      fault = error;
    }
    if (fault->code() == Errc::pin_required) co_return Bytes();
    // The host may have ended for another request's sake.
    if (fault->code() != Errc::removed || again) throw *fault;
  }
}

Awaitable<Bytes> Pkcs11Keys::sign_in_turn(Module module, const Use& use, std::uint32_t flags, const Bytes& data,
                                          Asker& asker) {
  const unsigned logins = logins_of(*module, use.ref.uri);
  const Gate::Ticket ticket = co_await module->gate.enter();
  if (logins_of(*module, use.ref.uri) != logins) {
    Bytes signature = co_await sign_at_once(module, use, flags, data);
    if (!signature.empty()) co_return signature;
  }
  const Token token = co_await access_.token_of(module, use.ref.uri);
  const Bytes key_blob = use.key.plain_blob();
  const std::string what = "key " + use.key.display_type() + " " + fingerprint(use.key) + "\n" + use.purpose();
  Pkcs11HostEnd end(module);
  Login login;
  const Place place{module, token};
  const auto make = [&](const Login& with) { return sign_request(use, key_blob, flags, data, with); };
  host::Signed reply = co_await run_with_key<host::Signed>(place, make, what, login, false, asker);
  if (may_stay(*token, login)) end.keep_host();
  co_return std::move(reply.signature);
}

/// One request that uses a private key: with a login only where it turns out to want one, which `login` is then.
/// `make(login)`. `anew`: of a PIN that is typed now, and kept nowhere.
template <class Expected, class Make>
Awaitable<Expected> Pkcs11Keys::run_with_key(Place place, Make make, std::string what, Login& login, bool anew,
                                             Asker& asker) {
  const Wait wait = wait_at(*place.token, what, asker);
  std::optional<Error> fault;
  try {
    // At a keypad this is where the PIN is typed.
    if (place.token->info.pin_pad) co_await access_.confirm_last_try(place.token, asker);
    // Not every key wants a PIN, and PKCS#11 does not say which.
    auto request = make(login);
    Expected reply = co_await access_.run<Expected>(place.module, std::move(request), wait);
    co_return reply;
  } catch (const Error& error) {
    fault = error;
  }
  if (fault->code() != Errc::pin_required) throw *fault;
  login = co_await access_.login_for(place.token, what, asker, anew);
  try {
    auto request = make(login);
    Expected reply = co_await access_.run<Expected>(place.module, std::move(request), wait);
    if (!anew) access_.accepted(place.token, login);
    co_return reply;
  } catch (const Error& error) {
    access_.failed(place.token, login, error);
    throw;
  }
}

Awaitable<Pkcs11Keys::OpenedSecret> Pkcs11Keys::open_secret(Use use, Bytes sealed, Asker& asker) {
  const Module module = co_await modules_.allowed(use.ref.module);
  const Gate::Ticket ticket = co_await module->gate.enter();
  const Token token = co_await access_.token_of(module, use.ref.uri);
  // Where it stays logged in for signatures, it would open the secret for anybody.
  if (!token->info.removable) module->client.end_host();
  // It has had the secret.
  const Pkcs11HostEnd end(module);
  const Bytes key_blob = use.key.plain_blob();
  const std::string what = use.purpose();
  Login login;
  const Place place{module, token};
  const auto make = [&](Login& with) {
    with.stay = false;
    return host::OpenSecret{use.ref.uri, key_blob, sealed, copy_of(with.pin)};
  };
  host::Secret reply = co_await run_with_key<host::Secret>(place, make, what, login, true, asker);
  OpenedSecret out;
  out.secret = std::move(reply.secret);
  out.asked = login.asked || (token->info.pin_pad && token->info.login_required);
  co_return std::move(out);
}

Awaitable<bool> Pkcs11Keys::is_present(Pkcs11Ref ref) {
  try {
    const Module module = co_await modules_.allowed(ref.module);
    const std::vector<Pkcs11TokenInfo> found = co_await access_.tokens(module, ref.uri);
    const bool card = std::any_of(found.begin(), found.end(), [](const auto& token) { return token.removable; });
    if (card) module->client.end_host();
    co_return !found.empty();
  } catch (const Error& error) {
    log_info("whether there is a token at " + ref.module + " is not known: " + error.what());
  }
  co_return false;
}

Awaitable<std::vector<Pkcs11Keys::Loaded>> Pkcs11Keys::load(std::string path, SecretBytes pin, Asker& asker) {
  const Module module = modules_.at(path);
  const unsigned epoch = module->epoch;
  const Gate::Ticket ticket = co_await module->gate.enter();
  Pkcs11HostEnd end(module);
  const std::vector<Pkcs11TokenInfo> found = co_await access_.tokens(module, every_token);
  std::vector<Token> tokens;
  for (const Pkcs11TokenInfo& info : found) {
    if (info.initialized) tokens.push_back(module->token(info));
  }
  if (tokens.empty()) throw Error(Errc::not_found, "there is no token in the slots of " + path);
  const auto takers = std::count_if(tokens.begin(), tokens.end(), [](const Token& one) { return one->takes_pin(); });
  if (takers > 1 && !pin.empty()) {
    log_info("the PIN was sent to none of the " + std::to_string(takers) +
             " tokens that take one: each asks for its own when it is used");
    pin = SecretBytes();
  }
  std::vector<Loaded> out;
  std::optional<Error> fault;
  bool removable = false;
  for (const Token& token : tokens) {
    removable = removable || token->info.removable;
    try {
      const Place place{module, token};
      std::vector<Loaded> keys = co_await load_from(place, pin, asker);
      std::move(keys.begin(), keys.end(), std::back_inserter(out));
    } catch (const Error& error) {
      log_info("no keys from " + token->title() + ": " + error.what());
      if (!fault) fault = error;
    }
  }
  const bool pin_was_wrong = fault && (fault->code() == Errc::wrong_pin || fault->code() == Errc::pin_blocked);
  if (fault && (out.empty() || pin_was_wrong)) throw *fault;
  if (module->epoch != epoch) throw Error(Errc::refused, "the agent was locked, or the machine slept, meanwhile");
  if (!removable) end.keep_host();
  co_return out;
}

/// A PIN that was right is kept for as long as the keys are that came with it.
Awaitable<std::vector<Pkcs11Keys::Loaded>> Pkcs11Keys::load_from(Place place, SecretBytes& pin, Asker& asker) {
  const Token token = place.token;
  Login login;
  if (token->takes_pin() && !pin.empty()) {
    if (token->info.pin_locked) {
      throw Error(Errc::pin_blocked, "the PIN of " + token->title() + " is blocked; fob pin unblock sets it anew");
    }
    login.epoch = token->pin.epoch();
    co_await access_.confirm_last_try(token, asker);
    login.pin = std::move(pin);
    login.stay = !token->info.removable;
  }
  host::ListKeys request{token->info.uri, copy_of(login.pin), login.stay};
  const Wait wait = wait_at(*token, "its keys", asker);
  host::KeyList list;
  try {
    list = co_await access_.run<host::KeyList>(place.module, std::move(request), wait);
  } catch (const Error& error) {
    access_.failed(token, login, error);
    throw;
  }
  std::shared_ptr<void> held;
  if (!login.pin.empty()) {
    access_.accepted(token, login);
    const auto end = [module = std::weak_ptr(place.module), pin_held = token->hold(std::move(login.pin))](void*) {
      if (const Module present = module.lock()) present->client.end_host();
    };
    held = std::shared_ptr<void>(nullptr, end);
  }
  std::vector<Loaded> out;
  for (Pkcs11Key& key : list.keys) {
    place.module->remember(key.uri, token);
    out.push_back({std::move(key), held});
  }
  co_return out;
}

bool Pkcs11Keys::unload(const std::string& path) {
  const Module module = modules_.find(path);
  if (!module) return false;
  const bool was_added = std::exchange(module->added, 0) > 0;
  module->keys.clear();
  module->forget_pins();
  return was_added;
}

}  // namespace fob
