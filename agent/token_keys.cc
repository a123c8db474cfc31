#include "agent/token_keys.h"

#include <algorithm>

#include "agent/log.h"
#include "agent/pin_dialog.h"
#include "protocol/error.h"
#include "protocol/fingerprint.h"
#include "protocol/limits.h"
#include "protocol/verify.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

void refuse_if_unplugged(const AttachedToken& token) {
  if (token.removed) throw Error(Errc::removed, "the token was unplugged");
}

/// What is remembered of a key: the same handle under another application is another key.
std::string handle_text(const KeyRef& ref) { return ref.application + '\0' + std::string(as_text(ref.key_handle)); }

void remember(std::unordered_set<std::string>& handles, const KeyRef& ref) {
  if (handles.size() < limits::known_handles) handles.insert(handle_text(ref));
}

SecretBytes copy_of(const SecretBytes& secret) { return SecretBytes(secret.view()); }

/// Whether the token would not say without a PIN that it made the key: such keys are hidden (credProtect, CTAP 2.1
/// §12.1), or all are (alwaysUv).
bool may_hide(const AttachedToken& token, const KeyRef& ref) {
  if (!token.info || !token.info->pin_set) return false;
  const bool wants_pin = (ref.flags & sk_flags::user_verification_required) != 0;
  return token.info->always_uv || (wants_pin && token.info->cred_protect);
}

/// The agent never asks a token that cannot have made the key.
bool could_hold(const AttachedToken& token, const KeyRef& ref) {
  if (!token.info) return true;
  const auto& kinds = token.info->key_kinds;
  return std::find(kinds.begin(), kinds.end(), ref.kind) != kinds.end();
}

std::string tries_text(const TokenInfo& info) {
  if (!info.pin_tries) return "";
  return *info.pin_tries == 1 ? " (1 try left)" : " (" + std::to_string(*info.pin_tries) + " tries left)";
}

}  // namespace

Awaitable<Bytes> TokenKeys::sign(Use use, Bytes data, Asker& asker) {
  const Shared token = co_await holder_of(use);
  const bool wants_pin = (use.ref.flags & sk_flags::user_verification_required) != 0;
  const std::string what = "key " + use.key.display_type() + " " + fingerprint(use.key) + "\n" + use.purpose;
  const auto make = [&](SecretBytes pin) { return host::Sign{use.ref, data, std::move(pin)}; };
  const host::Signed reply = co_await run_with_pin<host::Signed>(token, wants_pin, what, make, asker);
  // A hostile token may answer anything; what leaves here is a signature of this key.
  verify_signature(use.key, reply.signature, data);
  remember(token->own_handles, use.ref);
  co_return reply.signature;
}

/// The token that made the key, found without touch or PIN. A token that is busy is asked last: it may wait for a
/// touch.
Awaitable<TokenKeys::Shared> TokenKeys::holder_of(const Use& use) {
  if (use.provider != "internal") co_return tokens_.middleware(use.provider);
  std::vector<Shared> asked = tokens_.plugged_in();
  if (asked.empty()) throw Error(Errc::not_found, "no token is plugged in; plug in the one that made this key");
  for (const Shared& token : asked) {
    if (token->own_handles.contains(handle_text(use.ref))) co_return token;
  }
  std::stable_partition(asked.begin(), asked.end(), [](const Shared& token) { return !token->gate.is_busy(); });
  std::vector<Shared> possible;
  for (const Shared& token : asked) {
    const bool found = co_await has_key(token, use.ref);
    if (found) co_return token;
    if (may_hide(*token, use.ref)) possible.push_back(token);
  }
  if (possible.empty()) {
    throw Error(Errc::not_found, "none of the tokens that are plugged in made this key; plug in the one that did");
  }
  if (possible.size() > 1) {
    throw Error(Errc::refused,
                "several tokens may hold this key, and do not say without a PIN; leave only the right one plugged in");
  }
  co_return possible.front();
}

Awaitable<bool> TokenKeys::has_key(Shared token, const KeyRef& ref) {
  const bool wants_pin = (ref.flags & sk_flags::user_verification_required) != 0;
  if (!wants_pin && token->other_handles.contains(handle_text(ref))) co_return false;
  const Gate::Ticket ticket = co_await token->gate.enter();
  if (token->removed) co_return false;
  bool found = false;
  try {
    // Whether it may hide such a key depends on its PIN, which may have been set by now.
    if (!token->info || wants_pin) co_await describe_now(token);
    if (!could_hold(*token, ref)) co_return false;
    host::HasKey question{ref};
    const host::Found reply = co_await token->client.request<host::Found>(std::move(question), limits::token_deadline);
    found = reply.found;
  } catch (const Error& error) {
    // One broken token must not keep another from signing.
    log_info(token->names.id + " does not say whether it made a key: " + error.what());
    co_return false;
  }
  remember(found ? token->own_handles : token->other_handles, ref);
  co_return found;
}

Awaitable<TokenInfo> TokenKeys::describe(Shared token) {
  const Gate::Ticket ticket = co_await token->gate.enter();
  TokenInfo info = co_await describe_now(token);
  co_return info;
}

Awaitable<TokenInfo> TokenKeys::describe_now(Shared token) {
  refuse_if_unplugged(*token);
  host::Described reply = co_await token->client.request<host::Described>(host::Describe(), limits::token_deadline);
  token->info = reply.info;
  co_return std::move(reply.info);
}

template <class Expected, class Request>
Awaitable<Expected> TokenKeys::run(Shared token, Request request, std::string what, Asker& asker) {
  refuse_if_unplugged(*token);
  std::shared_ptr<void> announcement;
  Notices notices;
  notices.touch_wanted = [&] {
    announcement = asker.announce("Confirm user presence for " + what + "\nTouch " + token->title() + ".");
  };
  Expected reply =
      co_await token->client.request<Expected>(std::move(request), limits::touch_deadline, std::move(notices));
  co_return reply;
}

namespace {

/// libfido2 leaves half of the PIN's hash in its heap: a token host that was given a PIN ends with the request. So does
/// one that gave a secret.
class HostEnd {
 public:
  HostEnd(AttachedToken& token, bool had_secret) : token_(token), had_secret_(had_secret) {}
  ~HostEnd() {
    if (had_secret_) token_.client.end_host();
  }
  HostEnd(const HostEnd&) = delete;
  HostEnd& operator=(const HostEnd&) = delete;

 private:
  AttachedToken& token_;
  bool had_secret_;
};

}  // namespace

template <class Expected, class MakeRequest>
Awaitable<Expected> TokenKeys::run_with_pin(Shared token, bool wants_pin, std::string what, MakeRequest make,
                                            Asker& asker) {
  const Gate::Ticket ticket = co_await token->gate.enter();
  SecretBytes pin;
  if (wants_pin) pin = co_await pin_for(token, what, asker);
  unsigned epoch = token->pin.epoch();
  try {
    Expected reply = co_await run_once<Expected>(token, what, make, pin, asker);
    co_await keep_pin(token, pin, epoch);
    co_return reply;
  } catch (const Error& error) {
    if (error.code() == Errc::wrong_pin || error.code() == Errc::pin_blocked) token->pin.forget();
    if (error.code() != Errc::pin_required || !pin.empty()) throw;
  }
  // The token wants a PIN though the key does not say so; none has been sent so far.
  pin = co_await pin_for(token, what, asker);
  epoch = token->pin.epoch();
  Expected reply = co_await run_once<Expected>(token, what, make, pin, asker);
  co_await keep_pin(token, pin, epoch);
  co_return reply;
}

template <class Expected, class MakeRequest>
Awaitable<Expected> TokenKeys::run_once(Shared token, std::string what, MakeRequest make, const SecretBytes& pin,
                                        Asker& asker) {
  const HostEnd end(*token, !pin.empty() || std::is_same_v<Expected, host::Secret>);
  auto request = make(copy_of(pin));
  Expected reply = co_await run<Expected>(token, std::move(request), what, asker);
  co_return reply;
}

Awaitable<SecretBytes> TokenKeys::pin_for(Shared token, std::string what, Asker& asker) {
  if (token->is_middleware) {
    SecretBytes typed = co_await ask_for_pin_of(token, " for " + what, asker);
    co_return typed;
  }
  const TokenInfo info = co_await describe_now(token);
  if (!info.pin_set) {
    if (info.built_in_uv) co_return SecretBytes();
    throw Error(Errc::pin_required, token->title() + " has no PIN, and this needs one; set it with: fob pin set");
  }
  if (info.pin_tries == 0U) {
    throw Error(Errc::pin_blocked,
                "the PIN of " + token->title() + " is blocked: no tries left; only `fob reset` helps");
  }
  std::optional<SecretBytes> cached = token->pin.take(info.pin_tries);
  if (cached) co_return std::move(*cached);
  if (info.pin_tries == 1U) {
    std::string warning =
        "One wrong PIN more, and " + token->title() + " is blocked: all its keys would be lost. Type yes to go on.";
    co_await ask_for_word(std::move(warning), "yes", "the last PIN try was not used", asker);
  }
  SecretBytes typed = co_await ask_for_pin_of(token, tries_text(info) + " for " + what, asker);
  co_return typed;
}

Awaitable<SecretBytes> TokenKeys::ask_for_pin_of(Shared token, std::string what, Asker& asker) {
  std::string question = "Enter PIN of " + token->title() + what;
  SecretBytes typed = co_await ask_for_pin(std::move(question), asker);
  refuse_if_unplugged(*token);
  co_return std::move(typed);
}

/// After the token has accepted it. How many tries it counts from now on is asked, not guessed.
Awaitable<void> TokenKeys::keep_pin(Shared token, const SecretBytes& pin, unsigned epoch) {
  if (pin_cache_ == 0s || token->is_middleware || pin.empty()) co_return;
  try {
    const TokenInfo info = co_await describe_now(token);
    if (!token->removed) token->pin.keep(pin, info.pin_tries, pin_cache_, epoch);
  } catch (const Error& error) {
    log_info("a PIN is not cached: " + std::string(error.what()));
  }
}

Awaitable<NewKey> TokenKeys::generate(Shared token, NewKeyRequest wanted, Asker& asker) {
  // For a resident key most tokens want it too, and say so before any touch.
  const bool wants_pin = (wanted.flags & sk_flags::user_verification_required) != 0;
  const std::string what = "a new " + std::string(traits(wanted.kind).display_name) + " key";
  const auto make = [&](SecretBytes pin) { return host::Generate{wanted, std::move(pin)}; };
  host::Generated reply = co_await run_with_pin<host::Generated>(token, wants_pin, what, make, asker);
  NewKey& key = reply.key;
  if (key.public_key.kind != wanted.kind || key.public_key.application != wanted.application) {
    throw Error(Errc::system, "the token made another key than it was asked for");
  }
  remember(token->own_handles, {wanted.kind, wanted.application, key.key_handle, key.flags});
  co_return std::move(key);
}

Awaitable<Bytes> TokenKeys::make_secret_credential(Shared token, std::string application, Asker& asker) {
  const auto make = [&](SecretBytes pin) { return host::MakeSecretCredential{application, std::move(pin)}; };
  host::SecretCredential made =
      co_await run_with_pin<host::SecretCredential>(token, false, "a new key that opens secrets", make, asker);
  const KeyRef ref{KeyKind::sk_ecdsa_p256, application, made.key_handle};
  remember(token->own_handles, ref);
  co_return std::move(made.key_handle);
}

Awaitable<SecretBytes> TokenKeys::derive_secret(Shared token, SecretRef ref, std::string what, Asker& asker) {
  const auto make = [&](SecretBytes pin) {
    return host::DeriveSecret{ref.application, ref.key_handle, ref.salt, ref.verify, std::move(pin)};
  };
  host::Secret reply = co_await run_with_pin<host::Secret>(token, ref.verify, what, make, asker);
  if (reply.secret.size() != limits::fido_secret_bytes) {
    throw Error(Errc::malformed, "the token gave a secret of " + std::to_string(reply.secret.size()) + " bytes");
  }
  const KeyRef own{KeyKind::sk_ecdsa_p256, ref.application, ref.key_handle};
  remember(token->own_handles, own);
  co_return std::move(reply.secret);
}

Awaitable<std::vector<ResidentKey>> TokenKeys::resident_keys(Shared token, Asker& asker) {
  const auto make = [](SecretBytes pin) { return host::ListResident{std::move(pin)}; };
  host::ResidentKeys reply =
      co_await run_with_pin<host::ResidentKeys>(token, true, "the list of its resident keys", make, asker);
  co_return std::move(reply.keys);
}

Awaitable<void> TokenKeys::remove_resident(Shared token, Bytes key_handle, Asker& asker) {
  const auto make = [&](SecretBytes pin) { return host::RemoveResident{key_handle, std::move(pin)}; };
  co_await run_with_pin<host::Done>(token, true, "deleting a resident key", make, asker);
}

Awaitable<void> TokenKeys::rename_resident(Shared token, Bytes key_handle, std::string user, Asker& asker) {
  const auto make = [&](SecretBytes pin) { return host::RenameResident{key_handle, user, std::move(pin)}; };
  co_await run_with_pin<host::Done>(token, true, "renaming a resident key", make, asker);
}

Awaitable<void> TokenKeys::set_pin(Shared token, Asker& asker) {
  const Gate::Ticket ticket = co_await token->gate.enter();
  const TokenInfo info = co_await describe_now(token);
  if (!info.takes_pin) throw Error(Errc::unsupported, token->title() + " takes no PIN");
  if (info.pin_set) throw Error(Errc::refused, token->title() + " has a PIN already; change it with: fob pin change");
  std::string text =
      "New PIN for " + token->title() + ", at least " + std::to_string(info.min_pin_length) + " characters";
  SecretBytes new_pin = co_await ask_for_new_pin(std::move(text), asker);
  host::SetPin request{std::move(new_pin)};
  const HostEnd end(*token, true);
  co_await run<host::Done>(token, std::move(request), "the new PIN", asker);
  token->info.reset();
}

Awaitable<void> TokenKeys::change_pin(Shared token, Asker& asker) {
  const Gate::Ticket ticket = co_await token->gate.enter();
  const TokenInfo info = co_await describe_now(token);
  if (!info.pin_set) throw Error(Errc::refused, token->title() + " has no PIN yet; set one with: fob pin set");
  token->pin.forget();
  SecretBytes old_pin = co_await pin_for(token, "the change of its PIN", asker);
  std::string text =
      "New PIN for " + token->title() + ", at least " + std::to_string(info.min_pin_length) + " characters";
  SecretBytes new_pin = co_await ask_for_new_pin(std::move(text), asker);
  host::ChangePin request{std::move(old_pin), std::move(new_pin)};
  const HostEnd end(*token, true);
  co_await run<host::Done>(token, std::move(request), "the change of the PIN", asker);
  token->info.reset();
}

Awaitable<void> TokenKeys::reset(Shared token, Asker& asker) {
  std::string text = "This erases every key and the PIN of " + token->title() + ", for good. Type its name, " +
                     token->names.id + ", to go on.";
  co_await ask_for_word(std::move(text), token->names.id, "that is not the token's name; nothing was erased", asker);
  const Gate::Ticket ticket = co_await token->gate.enter();
  co_await run<host::Done>(token, host::Reset(), "erasing the token", asker);
  token->pin.forget();
  token->info.reset();
  token->own_handles.clear();
  token->other_handles.clear();
}

}  // namespace fob
