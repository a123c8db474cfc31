#include "agent/pkcs11_access.h"

#include <algorithm>

#include "agent/log.h"
#include "agent/pin_dialog.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

using namespace std::chrono_literals;

/// What the flags tell of the tries left, as a number to compare: PKCS#11 does not count.
std::uint32_t tries_state(const Pkcs11TokenInfo& info) { return info.pin_count_low || info.pin_final_try ? 1 : 0; }

/// Whether it has shown a card, or nothing so far: then it is taken for one the first time.
bool has_cards(const Pkcs11Module& module) {
  if (module.tokens.empty()) return !module.was_slow;
  return std::any_of(module.tokens.begin(), module.tokens.end(),
                     [](const auto& entry) { return entry.second->info.removable; });
}

std::string tries_text(const Pkcs11TokenInfo& info) {
  if (info.pin_final_try) return " (1 try left)";
  return info.pin_count_low ? " (a wrong PIN was typed before)" : "";
}

}  // namespace

Pkcs11Announcement::Pkcs11Announcement(asio::io_context& io, const Pkcs11Access::Wait& wait)
    : state_(wait.asker == nullptr ? nullptr : std::make_shared<State>(io, wait)) {}

void Pkcs11Announcement::opened() {
  if (!state_ || !state_->wait.touch_possible) return;
  state_->timer.expires_after(limits::touch_likely);
  state_->timer.async_wait([weak = std::weak_ptr<State>(state_)](const boost::system::error_code& stopped) {
    const auto state = weak.lock();
    if (stopped || !state) return;
    // PKCS#11 has no way to say that a touch is waited for.
    state->shown = state->wait.asker->announce("Confirm user presence for " + state->wait.what + "\n" +
                                               state->wait.title + " has not answered yet: if it blinks, touch it.");
  });
}

void Pkcs11Announcement::pin_pad_wanted() {
  if (!state_) return;
  state_->shown = state_->wait.asker->announce("Type the PIN of " + state_->wait.title + " at the reader, for " +
                                               state_->wait.what);
}

Awaitable<void> Pkcs11Access::refuse_if_held(bool only_exclusive) {
  const std::vector<CardReader> readers = co_await modules_.readers();
  for (const CardReader& reader : readers) {
    if (!reader.has_card || !(reader.exclusive || (reader.in_use && !only_exclusive))) continue;
    throw Error(Errc::refused, "another program holds the card in " + printable(reader.name) +
                                   ": close it (gpg: gpgconf --kill scdaemon), then try again");
  }
}

Awaitable<std::vector<Pkcs11TokenInfo>> Pkcs11Access::tokens(Module module, std::string uri) {
  host::TokenList list;
  std::optional<Error> fault;
  const bool may_be_card = has_cards(*module);
  try {
    host::ListTokens request{uri};
    const auto patience = may_be_card ? limits::card_opening : limits::module_deadline;
    list = co_await module->client.request<host::TokenList>(std::move(request), patience);
    co_return std::move(list.tokens);
  } catch (const Error& error) {
    fault = error;
  }
  const bool was_slow = fault->code() == Errc::timed_out;
  module->was_slow = was_slow;
  if (!may_be_card) throw *fault;
  co_await refuse_if_held(!was_slow);
  if (!was_slow) throw *fault;
  host::ListTokens again{uri};
  list = co_await module->client.request<host::TokenList>(std::move(again), limits::module_deadline);
  co_return std::move(list.tokens);
}

Awaitable<Pkcs11Access::Token> Pkcs11Access::token_of(Module module, std::string uri) {
  const std::vector<Pkcs11TokenInfo> found = co_await tokens(module, uri);
  if (found.size() > 1) {
    throw Error(Errc::refused, std::to_string(found.size()) + " tokens are meant by " + uri + "; name one by serial");
  }
  if (found.empty()) {
    // A card that somebody else has for himself looks like none.
    co_await refuse_if_held(true);
    throw Error(Errc::not_found, "the token is not there: " + uri + "; plug it in");
  }
  const Token token = module->token(found.front());
  module->remember(uri, token);
  co_return token;
}

Awaitable<Pkcs11Access::Login> Pkcs11Access::login_for(Token token, std::string what, Asker& asker, bool anew) {
  const Pkcs11TokenInfo& info = token->info;
  Login out;
  out.epoch = token->pin.epoch();
  if (info.pin_locked) {
    throw Error(Errc::pin_blocked, "the PIN of " + token->title() +
                                       " is blocked; set it anew with: fob pin unblock --on '" + info.uri + "'");
  }
  if (info.pin_pad) co_await confirm_last_try(token, asker);
  if (!token->takes_pin()) {
    if (!info.login_required || info.pin_pad) co_return out;
    throw Error(
        Errc::pin_required,
        token->title() + " has no PIN yet, and this needs one; set it with: fob pin set --on '" + info.uri + "'");
  }
  const std::shared_ptr<SecretBytes> held = token->held_pin.lock();
  std::optional<SecretBytes> cached = token->pin.take(tries_state(info));
  // Somebody has typed a wrong one: whether ours is right still is not worth a try.
  if (tries_state(info) != 0) token->forget_pins();
  if (held && !held->empty()) cached = SecretBytes(held->view());
  out.epoch = token->pin.epoch();
  if (cached && !anew) {
    out.pin = std::move(*cached);
    out.stay = !info.removable;
    co_return out;
  }
  co_await confirm_last_try(token, asker);
  std::string question = "Enter PIN of " + token->title() + tries_text(info) + " for " + what;
  out.pin = co_await ask_for_pin(std::move(question), asker);
  out.asked = true;
  out.stay = !info.removable && pin_cache_ > 0s;
  co_return out;
}

Awaitable<void> Pkcs11Access::confirm_last_try(Token token, Asker& asker) {
  if (!token->info.pin_final_try) co_return;
  std::string warning = "One wrong PIN more, and the PIN of " + token->title() + " is blocked. Type yes to go on.";
  co_await ask_for_word(std::move(warning), "yes", "the last PIN try was not used", asker);
}

void Pkcs11Access::accepted(Token token, const Login& login) {
  if (is_outdated(*token, login)) return;
  if (login.asked && pin_cache_ > 0s) token->pin.keep(login.pin, 0, pin_cache_, login.epoch);
  if (login.stay && !login.pin.empty()) ++token->logins;
}

void Pkcs11Access::failed(Token token, const Login& login, const Error& error) {
  const Errc code = error.code();
  const std::string_view text = error.what();
  // A function after C_Login that failed says that the PIN was right.
  const bool came_later = text.starts_with("C_") && !text.starts_with("C_Login");
  const bool is_unknown = !came_later && (code == Errc::removed || code == Errc::timed_out || code == Errc::system);
  if (code == Errc::wrong_pin || code == Errc::pin_blocked || (is_unknown && !login.pin.empty())) token->forget_pins();
}

}  // namespace fob
