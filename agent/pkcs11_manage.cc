// Pkcs11Keys' verbs for managing tokens and what is on them: what `fob` asks for.

#include <sodium.h>

#include <array>
#include <iomanip>
#include <sstream>

#include "agent/log.h"
#include "agent/pin_dialog.h"
#include "agent/pkcs11_keys.h"

namespace fob {
namespace {

using Wait = Pkcs11Access::Wait;
using Login = Pkcs11Access::Login;

SecretBytes copy_of(const SecretBytes& secret) { return SecretBytes(secret.view()); }

std::string uris_of(const std::vector<std::string>& uris) {
  std::string out;
  for (const std::string& uri : uris) out += (out.empty() ? "" : ", ") + uri;
  return out;
}

Wait long_wait(const Pkcs11Token& token, std::string what, Asker& asker) {
  Wait out;
  out.deadline = limits::touch_deadline;
  out.asker = &asker;
  out.title = token.title();
  out.what = std::move(what);
  out.touch_possible = token.info.removable;
  return out;
}

/// "at least 4 characters", as far as the token says.
std::string length_text(const Pkcs11TokenInfo& info) {
  if (info.min_pin_length == 0 || info.min_pin_length > info.max_pin_length) return "";
  return ", " + std::to_string(info.min_pin_length) + " to " + std::to_string(info.max_pin_length) + " characters";
}

/// Whether it says which object is meant, and not only which token (RFC 7512 §2.3: the path's attributes).
bool names_object(std::string_view uri) {
  uri = uri.substr(0, uri.find('?'));
  for (const std::string_view attribute : {"id=", "object="}) {
    for (std::size_t at = uri.find(attribute); at != std::string_view::npos; at = uri.find(attribute, at + 1)) {
      if (at > 0 && (uri[at - 1] == ':' || uri[at - 1] == ';')) return true;
    }
  }
  return false;
}

/// Other than those before it on the same token.
std::string new_label() {
  std::array<std::uint8_t, 4> random{};
  randombytes_buf(random.data(), random.size());
  std::ostringstream out;
  out << "fob vault " << std::hex << std::setfill('0');
  for (const std::uint8_t byte : random) out << std::setw(2) << int{byte};
  return out.str();
}

/// Of a PIV card; nothing for another token, and for the factory's.
Awaitable<SecretBytes> ask_for_management_key(const Pkcs11Token& token, Asker& asker) {
  if (!token.info.is_piv) co_return SecretBytes();
  std::string question = "Enter management key of " + token.title() +
                         ", 48 hexadecimal digits, or the word default if it is as it came from the factory";
  TypedAnswer typed = co_await asker.ask(Asker::Kind::pin, std::move(question));
  if (!typed.refusal.empty()) throw Error(Errc::refused, typed.refusal);
  if (as_text(typed.text.view()) == "default") co_return SecretBytes();
  if (typed.text.empty() || typed.text.size() > limits::pin_bytes) {
    throw Error(Errc::refused, "a management key has 48 hexadecimal digits");
  }
  co_return std::move(typed.text);
}

}  // namespace

Awaitable<std::vector<Pkcs11Keys::Listed>> Pkcs11Keys::list() {
  const std::vector<Module> modules = co_await modules_.configured();
  std::vector<Listed> out;
  for (const Module& module : modules) {
    Listed entry{module, {}, ""};
    try {
      entry.tokens = co_await access_.tokens(module, "pkcs11:");
      const auto is_removable = [](const Pkcs11TokenInfo& token) { return token.removable; };
      const bool card = std::any_of(entry.tokens.begin(), entry.tokens.end(), is_removable);
      if (card) module->client.end_host();
    } catch (const Error& error) {
      entry.fault = error.what();
    }
    out.push_back(std::move(entry));
  }
  co_return out;
}

Awaitable<Pkcs11Keys::Place> Pkcs11Keys::place_of(std::string uri) {
  check_pkcs11_uri(uri);
  const std::vector<Module> modules = co_await modules_.configured();
  Place out;
  std::vector<std::string> found;
  std::optional<Error> fault;
  for (const Module& module : modules) {
    try {
      const std::vector<Pkcs11TokenInfo> tokens = co_await access_.tokens(module, uri);
      for (const Pkcs11TokenInfo& token : tokens) {
        if (!token.initialized) continue;
        out = {module, module->token(token)};
        found.push_back(token.uri);
      }
    } catch (const Error& error) {
      log_info(module->path + " does not list its tokens: " + error.what());
      fault = error;
    }
  }
  if (found.size() == 1) co_return out;
  if (found.size() > 1) throw Error(Errc::refused, "several tokens are meant by " + uri + ": " + uris_of(found));
  if (fault) throw *fault;
  throw Error(Errc::not_found, "no token is meant by " + uri + "; fob tokens shows which there are");
}

/// After it is this request's turn.
Awaitable<Pkcs11Keys::Place> Pkcs11Keys::read_again(Place place) {
  place.token = co_await access_.token_of(place.module, place.token->info.uri);
  co_return place;
}

/// One request with the token's PIN. `make(pin)`.
template <class Expected, class Make>
Awaitable<Expected> Pkcs11Keys::run_with_pin(Place place, Make make, std::string what, Asker& asker) {
  const Pkcs11HostEnd end(place.module);
  const Login login = co_await access_.login_for(place.token, what, asker);
  const Wait wait = long_wait(*place.token, what, asker);
  try {
    auto request = make(copy_of(login.pin));
    Expected reply = co_await access_.run<Expected>(place.module, std::move(request), wait);
    // What manages a PIV card need not have looked at the PIN.
    if (!place.token->info.is_piv) access_.accepted(place.token, login);
    co_return reply;
  } catch (const Error& error) {
    access_.failed(place.token, login, error);
    throw;
  }
}

Awaitable<std::vector<Pkcs11Key>> Pkcs11Keys::keys(Place place, Asker& asker) {
  const Gate::Ticket ticket = co_await place.module->gate.enter();
  place = co_await read_again(place);
  // Some keys are seen only after the login.
  const auto make = [&](SecretBytes pin) { return host::ListKeys{place.token->info.uri, std::move(pin), false}; };
  host::KeyList list = co_await run_with_pin<host::KeyList>(place, make, "the list of its keys", asker);
  for (const Pkcs11Key& key : list.keys) place.module->remember(key.uri, place.token);
  co_return std::move(list.keys);
}

Awaitable<Pkcs11Keys::Found> Pkcs11Keys::find(std::string uri, Asker& asker) {
  Found out = co_await find(std::move(uri), false, asker);
  co_return out;
}

Awaitable<Pkcs11Keys::Found> Pkcs11Keys::find(std::string uri, bool opening, Asker& asker) {
  Place place = co_await place_of(uri);
  const Gate::Ticket ticket = co_await place.module->gate.enter();
  place = co_await read_again(place);
  host::ListKeys without_pin{uri, SecretBytes(), false, opening};
  const Wait wait = long_wait(*place.token, "its keys", asker);
  host::KeyList list = co_await access_.run<host::KeyList>(place.module, std::move(without_pin), wait);
  if (list.keys.empty() && place.token->takes_pin()) {
    const auto with_pin = [&](SecretBytes pin) { return host::ListKeys{uri, std::move(pin), false, opening}; };
    list = co_await run_with_pin<host::KeyList>(place, with_pin, "the list of its keys", asker);
  }
  if (place.token->info.removable) place.module->client.end_host();
  if (list.keys.empty()) throw Error(Errc::not_found, "no key is meant by " + uri + " on " + place.token->title());
  if (list.keys.size() > 1) {
    std::vector<std::string> found;
    for (const Pkcs11Key& key : list.keys) found.push_back(key.uri);
    throw Error(Errc::refused, "several keys are meant: name one of " + uris_of(found));
  }
  place.module->remember(list.keys[0].uri, place.token);
  co_return Found{place, std::move(list.keys[0])};
}

/// A new key in its place. `make(secrets)`.
template <class Make>
Awaitable<Pkcs11Key> Pkcs11Keys::make_key(Place place, Pkcs11NewKey wanted, Make make, Asker& asker) {
  const Gate::Ticket ticket = co_await place.module->gate.enter();
  place = co_await read_again(place);
  if (!wanted.slot.empty() && wanted.replace) {
    std::string warning = "A key and a certificate in slot " + wanted.slot + " of " + place.token->title() +
                          " would be gone for good. Type yes to go on.";
    co_await ask_for_word(std::move(warning), "yes", "what is in slot " + wanted.slot + " stays", asker);
  }
  const SecretBytes management_key = co_await ask_for_management_key(*place.token, asker);
  const auto make_request = [&](SecretBytes pin) {
    return make(Pkcs11Secrets{std::move(pin), copy_of(management_key)});
  };
  host::KeyList list = co_await run_with_pin<host::KeyList>(place, make_request, "a new key", asker);
  if (list.keys.size() != 1) throw Error(Errc::system, "the token host did not say which key it made");
  const Pkcs11Key& key = list.keys[0];
  if (key.public_key.kind != wanted.kind) throw Error(Errc::system, "the token made another key than it was asked for");
  place.module->remember(key.uri, place.token);
  co_return std::move(list.keys[0]);
}

Awaitable<Pkcs11Keys::SecretKey> Pkcs11Keys::secret_key(std::string uri, Asker& asker) {
  Found found;
  if (names_object(uri)) {
    found = co_await find(std::move(uri), true, asker);
  } else {
    found.place = co_await place_of(uri);
    Pkcs11NewKey wanted;
    wanted.label = new_label();
    wanted.opens_secrets = true;
    found.key = co_await generate(found.place, wanted, asker);
  }
  const Pkcs11Ref ref{found.place.module->path, found.key.uri};
  co_return SecretKey{found.key.public_key, ref, found.place.token->title()};
}

Awaitable<Pkcs11Key> Pkcs11Keys::generate(Place place, Pkcs11NewKey wanted, Asker& asker) {
  wanted.token = place.token->info.uri;
  const auto make = [&](Pkcs11Secrets secrets) { return host::GenerateKey{wanted, std::move(secrets)}; };
  Pkcs11Key key = co_await make_key(place, wanted, make, asker);
  co_return key;
}

Awaitable<Pkcs11Key> Pkcs11Keys::store(Place place, Pkcs11NewKey wanted, PrivateKey key, Asker& asker) {
  wanted.token = place.token->info.uri;
  wanted.kind = key.public_key.kind;
  const auto make = [&](Pkcs11Secrets secrets) {
    return host::StoreKey{wanted, PrivateKey{key.public_key, copy_of(key.secret)}, std::move(secrets)};
  };
  Pkcs11Key made = co_await make_key(place, wanted, make, asker);
  if (!equal(made.public_key.blob, key.public_key.blob)) {
    throw Error(Errc::system, "the token says that it holds another key than it was given");
  }
  co_return made;
}

Awaitable<void> Pkcs11Keys::remove(Pkcs11Ref ref, PublicKey key, Asker& asker) {
  const Module module = co_await modules_.allowed(ref.module);
  const Gate::Ticket ticket = co_await module->gate.enter();
  const Token token = co_await access_.token_of(module, ref.uri);
  const Place place{module, token};
  if (token->info.is_piv) {
    const Pkcs11HostEnd end(module);
    SecretBytes management_key = co_await ask_for_management_key(*token, asker);
    host::DeleteKey request{ref.uri, key.plain_blob(), Pkcs11Secrets{SecretBytes(), std::move(management_key)}};
    const Wait wait = long_wait(*token, "deleting a key", asker);
    co_await access_.run<host::Done>(module, std::move(request), wait);
  } else {
    const auto make = [&](SecretBytes pin) {
      return host::DeleteKey{ref.uri, key.plain_blob(), Pkcs11Secrets{std::move(pin), SecretBytes()}};
    };
    co_await run_with_pin<host::Done>(place, make, "deleting a key", asker);
  }
  module->keys.erase(ref.uri);
}

Awaitable<std::vector<Bytes>> Pkcs11Keys::attest(Pkcs11Ref ref, PublicKey key) {
  const Module module = co_await modules_.allowed(ref.module);
  const Gate::Ticket ticket = co_await module->gate.enter();
  const Token token = co_await access_.token_of(module, ref.uri);
  Pkcs11HostEnd end(module);
  host::AttestKey request{ref.uri, key.plain_blob()};
  const Wait wait;
  host::Attested reply = co_await access_.run<host::Attested>(module, std::move(request), wait);
  if (!token->info.removable) end.keep_host();
  co_return std::move(reply.certificates);
}

Awaitable<void> Pkcs11Keys::set_pin(Place place, Asker& asker) {
  if (place.token->info.pin_set) {
    throw Error(Errc::refused, place.token->title() +
                                   " has a PIN already; change it with: fob pin change, or, where "
                                   "it is blocked or forgotten: fob pin unblock");
  }
  co_await reset_pin(place, asker);
}

Awaitable<void> Pkcs11Keys::unblock_pin(Place place, Asker& asker) { co_await reset_pin(place, asker); }

Awaitable<void> Pkcs11Keys::reset_pin(Place place, Asker& asker) {
  const Gate::Ticket ticket = co_await place.module->gate.enter();
  place = co_await read_again(place);
  const Token token = place.token;
  token->forget_pins();
  const std::string name = token->info.is_piv ? "PUK" : "security officer's PIN";
  std::string question = "Enter " + name + " of " + token->title();
  const SecretBytes old_pin = co_await ask_for_pin(std::move(question), asker);
  std::string new_question = "New PIN for " + token->title() + length_text(token->info);
  const SecretBytes new_pin = co_await ask_for_new_pin(std::move(new_question), asker);
  const Pkcs11HostEnd end(place.module);
  host::ResetTokenPin request{token->info.uri, copy_of(old_pin), copy_of(new_pin)};
  const Wait wait = long_wait(*token, "the new PIN", asker);
  co_await access_.run<host::Done>(place.module, std::move(request), wait);
}

Awaitable<void> Pkcs11Keys::change_pin(Place place, Asker& asker) {
  const Gate::Ticket ticket = co_await place.module->gate.enter();
  place = co_await read_again(place);
  const Token token = place.token;
  if (!token->info.pin_set) throw Error(Errc::refused, token->title() + " has no PIN yet: fob pin set");
  token->forget_pins();
  const Login login = co_await access_.login_for(token, "the change of its PIN", asker);
  std::string question = "New PIN for " + token->title() + length_text(token->info);
  const SecretBytes new_pin = co_await ask_for_new_pin(std::move(question), asker);
  const Pkcs11HostEnd end(place.module);
  host::ChangeTokenPin request{token->info.uri, copy_of(login.pin), copy_of(new_pin)};
  const Wait wait = long_wait(*token, "the change of the PIN", asker);
  co_await access_.run<host::Done>(place.module, std::move(request), wait);
}

}  // namespace fob
