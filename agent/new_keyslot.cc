#include "agent/new_keyslot.h"

#include <sodium.h>

#include <algorithm>
#include <chrono>

#include "agent/vault/recovery_code.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

constexpr char purpose[] = "fob's vault, which it is to open from now on";

Keyslot dated(Keyslot slot) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  slot.created = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  return slot;
}

void check_passphrase(const TypedAnswer& typed) {
  if (!typed.refusal.empty()) throw Error(Errc::refused, "no passphrase: " + typed.refusal);
  if (typed.text.size() >= limits::vault_passphrase_min_bytes) return;
  throw Error(Errc::refused, "the passphrase of the vault has at least " +
                                 std::to_string(limits::vault_passphrase_min_bytes) + " characters");
}

bool wants_pin(const AttachedToken& token, control::AddSlot::Pin pin) {
  if (pin != control::AddSlot::Pin::if_set) return pin == control::AddSlot::Pin::always;
  return token.info && (token.info->pin_set || token.info->built_in_uv);
}

/// Older ones have one secret for touch with and without PIN (CTAP 2.0 §9.1): whoever has the file could do without.
void check_binds_to_pin(const AttachedToken& token) {
  const std::vector<std::string>& versions = token.info->versions;
  const auto tells_apart = [](const std::string& version) { return version.starts_with("FIDO_2_1"); };
  if (std::any_of(versions.begin(), versions.end(), tells_apart)) return;
  throw Error(Errc::unsupported, token.title() + " is too old (CTAP 2.0) to make its PIN a condition: without it the " +
                                     "touch alone would open the vault; if that is to be so, say --no-pin");
}

}  // namespace

Keyslot NewKeyslot::Draft::wrap(const VaultKey& key) const { return dated(key.wrap(kind, name, parameters, slot_key)); }

Awaitable<NewKeyslot::Draft> NewKeyslot::draft(control::AddSlot wanted, Asker& asker) {
  Draft out;
  if (wanted.kind == KeyslotKind::passphrase) {
    out = co_await draft_passphrase(asker);
  } else if (wanted.kind == KeyslotKind::fido) {
    out = co_await draft_fido(std::move(wanted.on), wanted.pin, asker);
  } else {
    out = co_await draft_pkcs11(std::move(wanted.on), asker);
  }
  out.kind = wanted.kind;
  co_return std::move(out);
}

NewKeyslot::Recovery NewKeyslot::make_recovery(const VaultKey& key) const {
  const SecretBytes secret = new_recovery_secret();
  const RecoveryParameters parameters = RecoveryParameters::random();
  Recovery out;
  out.slot = dated(key.wrap(KeyslotKind::recovery, "", parameters.write(), parameters.key(secret)));
  out.code = recovery_code_of(secret);
  return out;
}

Awaitable<NewKeyslot::First> NewKeyslot::make_first(control::AddSlot wanted, Asker& asker) {
  if (wanted.kind == KeyslotKind::recovery) {
    throw Error(Errc::refused,
                "there is no vault yet, and a recovery code alone is none to work with; add a "
                "passphrase or a token, and there will be a code beside it");
  }
  const Draft slot = co_await draft(std::move(wanted), asker);
  First out;
  out.key = std::make_shared<const VaultKey>(VaultKey::random());
  out.slots.push_back(slot.wrap(*out.key));
  Recovery recovery = make_recovery(*out.key);
  out.slots.push_back(std::move(recovery.slot));
  out.recovery_code = std::move(recovery.code);
  co_return std::move(out);
}

Awaitable<NewKeyslot::Draft> NewKeyslot::draft_passphrase(Asker& asker) {
  TypedAnswer typed = co_await asker.ask(Asker::Kind::new_passphrase, "New passphrase for fob's vault");
  check_passphrase(typed);
  auto passphrase = std::make_shared<const SecretBytes>(std::move(typed.text));
  std::function<Draft()> work = [passphrase] {
    const PassphraseParameters parameters = PassphraseParameters::random();
    Draft made;
    made.parameters = parameters.write();
    made.slot_key = parameters.key(*passphrase);
    return made;
  };
  passphrase.reset();  // the worker's copy is the last, and is wiped with it
  Draft out = co_await parts_.workers.run(std::move(work));
  co_return std::move(out);
}

/// Two touches: one for the credential, one for its first secret.
Awaitable<NewKeyslot::Draft> NewKeyslot::draft_fido(std::string on, control::AddSlot::Pin pin, Asker& asker) {
  const TokenKeys::Shared token = parts_.tokens.named(on);
  co_await parts_.token_keys.describe(token);
  FidoParameters parameters;
  parameters.verify = wants_pin(*token, pin);
  if (parameters.verify) check_binds_to_pin(*token);
  parameters.salt = Bytes(limits::fido_salt_bytes);
  randombytes_buf(parameters.salt.data(), parameters.salt.size());
  parameters.key_handle = co_await parts_.token_keys.make_secret_credential(token, FidoParameters::application, asker);
  TokenKeys::SecretRef ref{FidoParameters::application, parameters.key_handle, parameters.salt, parameters.verify};
  const SecretBytes secret = co_await parts_.token_keys.derive_secret(token, std::move(ref), purpose, asker);
  Draft out;
  out.name = token->title();
  out.parameters = parameters.write();
  out.slot_key = parameters.key(secret);
  co_return std::move(out);
}

Awaitable<NewKeyslot::Draft> NewKeyslot::draft_pkcs11(std::string on, Asker& asker) {
  Pkcs11Keys::SecretKey holder = co_await parts_.pkcs11_keys.secret_key(std::move(on), asker);
  Pkcs11Parameters parameters;
  parameters.module = holder.ref.module;
  parameters.uri = holder.ref.uri;
  parameters.public_key = holder.public_key;
  const SecretBytes wanted = parameters.seal_new();
  Pkcs11Keys::Use use{parameters.public_key, holder.ref, [] { return std::string(purpose); }};
  Bytes sealed = parameters.sealed;
  const Pkcs11Keys::OpenedSecret opened =
      co_await parts_.pkcs11_keys.open_secret(std::move(use), std::move(sealed), asker);
  Draft out;
  out.name = holder.token_title;
  out.parameters = parameters.write();
  out.slot_key = parameters.key(opened.secret);
  if (!(out.slot_key == parameters.key(wanted))) {
    throw Error(Errc::system, "the token does not open what was sealed for its key " + holder.ref.uri);
  }
  co_return std::move(out);
}

}  // namespace fob
