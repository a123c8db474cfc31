#include "agent/pin_dialog.h"

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

void refuse_if_too_long(const SecretBytes& pin) {
  if (pin.size() <= limits::pin_bytes) return;
  throw Error(Errc::refused, "a PIN has at most " + std::to_string(limits::pin_bytes) + " bytes; this was not sent");
}

}  // namespace

Awaitable<SecretBytes> ask_for_pin(std::string what, Asker& asker) {
  TypedAnswer typed = co_await asker.ask(Asker::Kind::pin, std::move(what));
  if (!typed.refusal.empty()) throw Error(Errc::refused, "no PIN: " + typed.refusal);
  if (typed.text.empty()) throw Error(Errc::refused, "no PIN was typed");
  refuse_if_too_long(typed.text);
  co_return std::move(typed.text);
}

Awaitable<SecretBytes> ask_for_new_pin(std::string what, Asker& asker) {
  TypedAnswer typed = co_await asker.ask(Asker::Kind::new_pin, std::move(what));
  if (!typed.refusal.empty()) throw Error(Errc::refused, typed.refusal);
  refuse_if_too_long(typed.text);
  co_return std::move(typed.text);
}

Awaitable<void> ask_for_word(std::string question, std::string wanted, std::string refusal, Asker& asker) {
  const TypedAnswer typed = co_await asker.ask(Asker::Kind::text, std::move(question));
  if (!typed.refusal.empty()) throw Error(Errc::refused, typed.refusal);
  if (as_text(typed.text.view()) != wanted) throw Error(Errc::refused, refusal);
}

}  // namespace fob
