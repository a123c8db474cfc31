#include "agent/vault_opener.h"

#include <algorithm>

#include "agent/log.h"
#include "agent/vault/recovery_code.h"
#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr int typing_attempts = 3;
/// The same for whatever was wrong: somebody who guesses learns nothing.
constexpr char not_opened[] = "the vault stays locked: what was given does not open it";

VaultLock::Key shared(std::optional<VaultKey> key) {
  return key ? std::make_shared<const VaultKey>(std::move(*key)) : nullptr;
}

/// nullptr where none of the slots takes what was typed.
VaultLock::Key open_with_typed(const std::vector<Keyslot>& slots, const SecretBytes& typed) {
  // What looks like a code is tried as one first: that takes no time.
  const std::optional<SecretBytes> code = parse_recovery_code(typed.view());
  for (const Keyslot& slot : slots) {
    if (slot.kind != KeyslotKind::recovery || !code) continue;
    std::optional<VaultKey> key = VaultKey::unwrap(slot, RecoveryParameters::read(slot.parameters).key(*code));
    if (key) return shared(std::move(key));
  }
  for (const Keyslot& slot : slots) {
    if (slot.kind != KeyslotKind::passphrase) continue;
    std::optional<VaultKey> key = VaultKey::unwrap(slot, PassphraseParameters::read(slot.parameters).key(typed));
    if (key) return shared(std::move(key));
  }
  return nullptr;
}

bool has(const std::vector<Keyslot>& slots, KeyslotKind kind) {
  return std::any_of(slots.begin(), slots.end(), [kind](const Keyslot& slot) { return slot.kind == kind; });
}

std::string question(const std::vector<Keyslot>& slots, const std::string& purpose) {
  const char* what = has(slots, KeyslotKind::passphrase) ? "passphrase" : "recovery code";
  return std::string("Enter the ") + what + " of fob's vault " + purpose;
}

[[noreturn]] void throw_nothing_at_hand(const std::vector<Keyslot>& slots, std::optional<KeyslotKind> kind) {
  if (slots.empty() && kind) {
    throw Error(Errc::not_found, "the vault has no keyslot of the kind " + std::string(name_of(*kind)) +
                                     "; those that it has are shown by: fob slot");
  }
  std::string names;
  for (const Keyslot& slot : slots) names += (names.empty() ? "" : " or ") + printable(slot.name);
  throw Error(Errc::not_found, "nothing that opens the vault is at hand; plug in " + names);
}

/// What a person has decided, or has had enough of: no other slot is asked then.
bool is_final(const Error& error) {
  switch (error.code()) {
    case Errc::refused:
    case Errc::cancelled:
    case Errc::wrong_pin:
    case Errc::timed_out: return true;
    default: return false;
  }
}

/// The person at `fob`; touches are announced on the screen as well.
class AnnouncingAsker : public Asker {
 public:
  AnnouncingAsker(Asker& person, Asker& screen) : person_(person), screen_(screen) {}

  Awaitable<TypedAnswer> ask(Kind kind, std::string text) override { return person_.ask(kind, std::move(text)); }
  std::shared_ptr<void> announce(const std::string& text) override {
    return std::make_shared<std::pair<std::shared_ptr<void>, std::shared_ptr<void>>>(person_.announce(text),
                                                                                     screen_.announce(text));
  }

 private:
  Asker& person_;
  Asker& screen_;
};

}  // namespace

Awaitable<void> VaultOpener::open_for_client(std::string purpose, Asker& asker) {
  using namespace asio::experimental::awaitable_operators;
  // Exceptions would have to wait for the other branch.
  auto outcome = co_await (try_open(std::move(purpose), asker) || wait_until_opened());
  if (outcome.index() == 0 && std::get<0>(outcome).fault) std::rethrow_exception(std::get<0>(outcome).fault);
}

Awaitable<VaultOpener::Attempt> VaultOpener::wait_until_opened() {
  co_await parts_.lock.opened();
  co_return Attempt();
}

Awaitable<VaultOpener::Attempt> VaultOpener::try_open(std::string purpose, Asker& asker) {
  Attempt out;
  const unsigned seen = attempts_;
  try {
    const std::shared_ptr<State> state = state_;
    const Gate::Ticket ticket = co_await state->turn.enter();
    if (parts_.lock.is_open()) co_return out;
    if (attempts_ != seen && last_fault_) {
      out.fault = last_fault_;
      co_return out;
    }
    last_fault_ = nullptr;
    try {
      co_await open(std::move(purpose), std::nullopt, asker);
    } catch (const Error&) {
      // Not what cancels it, with its client: then nobody has said no.
      last_fault_ = std::current_exception();
      throw;
    }
    ++attempts_;
  } catch (const std::exception&) {
    out.fault = std::current_exception();
    if (out.fault == last_fault_) ++attempts_;
  }
  co_return out;
}

Awaitable<void> VaultOpener::open(std::string purpose, std::optional<KeyslotKind> kind, Asker& asker) {
  const unsigned epoch = parts_.lock.epoch();
  Wish wish;
  wish.purpose = std::move(purpose);
  VaultLock::Key key = co_await ask(std::move(wish), kind, asker);
  parts_.lock.open(std::move(key), epoch);
}

Awaitable<VaultLock::Key> VaultOpener::ask_anew(std::string purpose, Asker& asker) {
  AnnouncingAsker both(asker, parts_.prompter);
  Wish wish;
  wish.purpose = std::move(purpose);
  wish.anew = true;
  VaultLock::Key key = co_await ask(std::move(wish), std::nullopt, both);
  co_return key;
}

std::vector<Keyslot> VaultOpener::slots_of(std::optional<KeyslotKind> kind) const {
  std::vector<Keyslot> out;
  for (const Keyslot& slot : parts_.vault.slots()) {
    if (!kind || slot.kind == *kind) out.push_back(slot);
  }
  return out;
}

Awaitable<VaultLock::Key> VaultOpener::ask(Wish wish, std::optional<KeyslotKind> kind, Asker& asker) {
  parts_.vault.check();
  if (!parts_.vault.has_key()) throw Error(Errc::not_found, "there is no vault yet; make its first key with: fob new");
  // Copies: the vault may change while a person is waited for.
  const std::vector<Keyslot> slots = slots_of(kind);
  VaultLock::Key key;
  for (const Keyslot& slot : slots) {
    key = co_await ask_token(slot, wish, asker);
    if (key) break;
  }
  if (!key && !has(slots, KeyslotKind::passphrase) && !has(slots, KeyslotKind::recovery)) {
    if (wish.tried) throw Error(Errc::refused, not_opened);
    throw_nothing_at_hand(slots, kind);
  }
  if (key) co_return key;
  key = co_await ask_person(slots, std::move(wish.purpose), asker);
  check_is_of_this_vault(*key);
  co_return key;
}

/// nullptr where the slot is not a token's, or its token is not plugged in, or does not open it.
Awaitable<VaultLock::Key> VaultOpener::ask_token(const Keyslot& slot, Wish& wish, Asker& asker) {
  VaultLock::Key key;
  try {
    if (slot.kind == KeyslotKind::fido) key = co_await ask_fido_token(slot, wish, asker);
    if (slot.kind == KeyslotKind::pkcs11) key = co_await ask_pkcs11_token(slot, wish, asker);
    if (key) check_is_of_this_vault(*key);
  } catch (const Error& error) {
    if (is_final(error)) throw;
    key.reset();
    wish.tried = true;
    log_info("keyslot " + std::to_string(slot.id) + " did not open the vault: " + error.what());
  }
  co_return key;
}

Awaitable<VaultLock::Key> VaultOpener::ask_fido_token(const Keyslot& slot, Wish& wish, Asker& asker) {
  FidoParameters parameters = FidoParameters::read(slot.parameters);
  const TokenKeys::Shared token = co_await holder_of(parameters);
  if (!token) co_return nullptr;
  wish.tried = true;
  TokenKeys::SecretRef ref{FidoParameters::application, parameters.key_handle, parameters.salt, parameters.verify};
  const SecretBytes secret =
      co_await parts_.token_keys.derive_secret(token, std::move(ref), "fob's vault " + wish.purpose, asker);
  co_return shared(VaultKey::unwrap(slot, parameters.key(secret)));
}

/// nullptr where it is not plugged in.
Awaitable<TokenKeys::Shared> VaultOpener::holder_of(const FidoParameters& slot) {
  TokenKeys::Use use;
  use.ref.application = FidoParameters::application;
  use.ref.key_handle = slot.key_handle;
  use.provider = "internal";
  try {
    TokenKeys::Shared token = co_await parts_.token_keys.holder_of(use);
    co_return token;
  } catch (const Error& error) {
    if (error.code() != Errc::not_found && error.code() != Errc::refused) throw;
  }
  co_return nullptr;
}

Awaitable<VaultLock::Key> VaultOpener::ask_pkcs11_token(const Keyslot& slot, Wish& wish, Asker& asker) {
  Pkcs11Parameters parameters = Pkcs11Parameters::read(slot.parameters);
  const Pkcs11Ref ref{parameters.module, parameters.uri};
  const bool present = co_await parts_.pkcs11_keys.is_present(ref);
  if (!present) co_return nullptr;
  wish.tried = true;
  Pkcs11Keys::Use use{parameters.public_key, ref, [&wish] { return "fob's vault " + wish.purpose; }};
  Bytes sealed = parameters.sealed;
  const Pkcs11Keys::OpenedSecret opened =
      co_await parts_.pkcs11_keys.open_secret(std::move(use), std::move(sealed), asker);
  if (wish.anew && !opened.asked) {
    log_info("keyslot " + std::to_string(slot.id) + " opens without anybody, which is not enough for this");
    co_return nullptr;
  }
  co_return shared(VaultKey::unwrap(slot, parameters.key(opened.secret)));
}

/// Anybody can make a slot for a token's public key: one that was put into the file must not have new keys sealed
/// under a key of somebody else's.
void VaultOpener::check_is_of_this_vault(const VaultKey& key) const {
  const auto& keys = parts_.vault.keys();
  const auto sealed = std::find_if(keys.begin(), keys.end(), [](const Vault::Kept& kept) { return kept->in_vault(); });
  if (sealed != keys.end()) key.open(**sealed);
}

Awaitable<VaultLock::Key> VaultOpener::ask_person(std::vector<Keyslot> slots, std::string purpose, Asker& asker) {
  std::string text = question(slots, purpose);
  for (int attempt = 0; attempt < typing_attempts; ++attempt) {
    std::string again = (attempt == 0 ? "" : "That does not open it. ") + text;
    TypedAnswer typed = co_await asker.ask(Asker::Kind::passphrase, std::move(again));
    if (!typed.refusal.empty()) throw Error(Errc::refused, "the vault stays locked: " + typed.refusal);
    if (typed.text.empty()) throw Error(Errc::refused, "the vault stays locked: nothing was typed");
    auto secret = std::make_shared<const SecretBytes>(std::move(typed.text));
    std::function<VaultLock::Key()> work = [slots, secret] { return open_with_typed(slots, *secret); };
    secret.reset();  // the worker's copy is the last, and is wiped with it
    VaultLock::Key key;
    {
      const std::shared_ptr<State> state = state_;
      const Gate::Ticket ticket = co_await state->trial.enter();
      key = co_await parts_.workers.run(std::move(work));
    }
    if (key) co_return key;
  }
  throw Error(Errc::refused, not_opened);
}

}  // namespace fob
