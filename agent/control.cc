#include "agent/control.h"

#include <chrono>

#include "agent/key_check.h"
#include "agent/key_ref.h"
#include "agent/log.h"
#include "agent/pin_dialog.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr char internal_provider[] = "internal";
constexpr char vault_place[] = "vault";

std::uint8_t flags_of(const control::NewKey& wanted) {
  std::uint8_t out = wanted.no_touch ? 0 : sk_flags::user_presence_required;
  if (wanted.verify_required) out |= sk_flags::user_verification_required;
  if (wanted.resident) out |= sk_flags::resident_key;
  if (wanted.replace) out |= sk_flags::force_operation;
  return out;
}

void refuse_if_pkcs11(const std::string& on) {
  if (!is_pkcs11_uri(on)) return;
  throw Error(Errc::unsupported, "fob does this on FIDO2 tokens only; a PKCS#11 token has tools of its own for it");
}

/// Where a key goes whose place was not said.
const char* place_for(std::optional<KeyKind> kind, bool has_fido_token) {
  if (kind) return is_sk(*kind) ? "fido" : vault_place;
  return has_fido_token ? "fido" : vault_place;
}

KeyKind kind_for(const std::string& on) {
  if (on == vault_place) return KeyKind::ed25519;
  return is_pkcs11_uri(on) ? KeyKind::ecdsa_p256 : KeyKind::sk_ecdsa_p256;
}

control::Key describe(const StoredKey& key, const Keyring::Key* offered) {
  control::Key out;
  out.name = key.name;
  out.where = key.in_vault() ? "vault" : key.provider == internal_provider ? "fido" : key.provider;
  if (key.on_pkcs11_token()) {
    out.where = "pkcs11";
    out.uri = as_text(key.key_handle);
  }
  out.token = key.token;
  out.comment = key.comment;
  out.public_key = key.public_key;
  out.sk_flags = key.sk_flags;
  out.created = key.created;
  out.loaded = offered != nullptr;
  out.confirm = offered != nullptr ? offered->constraints.confirm : key.confirm;
  out.services = key.services;
  return out;
}

bool who_asked_has_left(const boost::system::error_code& error) {
  return error == asio::error::eof || error == asio::error::connection_reset || error == asio::error::broken_pipe ||
         error == asio::error::operation_aborted;
}

}  // namespace

Awaitable<control::Reply> Control::answer(control::Request request, Asker& asker) {
  control::Failed failed;
  try {
    refuse_if_locked(request);
    auto visit = [&](auto& one) { return handle(std::move(one), asker); };
    control::Reply reply = co_await std::visit(visit, request);
    co_return reply;
  } catch (const Error& error) {
    failed = {error.code(), error.what()};
  } catch (const boost::system::system_error& error) {
    failed = {Errc::system, who_asked_has_left(error.code()) ? "ended before it was answered" : error.code().message()};
  } catch (const std::exception& error) {
    failed = {Errc::system, error.what()};
  }
  log_info("fob: " + failed.text);
  co_return failed;
}

void Control::refuse_if_locked(const control::Request& request) const {
  if (!parts_.lock.locked() || std::holds_alternative<control::ListTokens>(request) ||
      std::holds_alternative<control::Watch>(request)) {
    return;
  }
  throw Error(Errc::refused, "the agent is locked; unlock it with: ssh-add -X");
}

void Control::offer_kept_keys() {
  for (const Vault::Kept& key : parts_.vault.keys()) {
    if (parts_.keyring.find(key->public_key.blob) == nullptr) offer(key);
  }
}

void Control::offer_instead(const std::list<Vault::Kept>& before) {
  for (const Vault::Kept& key : before) parts_.keyring.remove(key->public_key.blob);
  offer_kept_keys();
}

/// Into the keyring, where ssh finds it. A key that does not fit there is kept all the same.
void Control::offer(const Vault::Kept& key) try {
  Keyring::Key entry;
  entry.public_key = key->public_key;
  entry.comment = key->comment;
  entry.constraints.confirm = key->confirm;
  if (key->in_vault()) {
    entry.in_vault = key;
  } else if (key->on_pkcs11_token()) {
    entry.module = key->provider;
    entry.uri = as_text(key->key_handle);
    check_pkcs11_uri(entry.uri);
  } else {
    if (key->provider != internal_provider) throw Error(Errc::unsupported, "its provider is not fob's own");
    entry.sealed = parts_.keyring.seal(sk_private_key(key->public_key, key->sk_flags, key->key_handle));
    entry.constraints.sk_provider = key->provider;
  }
  parts_.keyring.put(std::move(entry));
} catch (const Error& error) {
  log_error("the kept key " + key->name + " is not offered: " + error.what());
}

control::Key Control::describe_kept(const StoredKey& key) const {
  return describe(key, parts_.keyring.find(key.public_key.blob));
}

Vault::Kept Control::kept_key(const std::string& name) const {
  Vault::Kept out = parts_.vault.find(name);
  if (!out) throw Error(Errc::not_found, "there is no key called " + name);
  return out;
}

StoredKey Control::named_key(std::string name, std::string comment) {
  StoredKey out;
  out.identity = StoredKey::new_identity();
  out.name = std::move(name);
  out.comment = std::move(comment);
  return out;
}

Awaitable<Vault::Kept> Control::keep(StoredKey key, std::vector<Keyslot> first_slots) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  key.created = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  Vault::Kept kept = co_await parts_.vault.add(std::move(key), std::move(first_slots));
  offer(kept);
  co_return kept;
}

Awaitable<control::Token> Control::state_of(Tokens::Shared token) {
  control::Token out;
  out.id = token->names.id;
  out.product = token->names.product;
  out.serial = token->names.serial;
  out.path = token->names.path;
  if (token->gate.is_busy() && token->info) {
    out.info = *token->info;
    out.fault = "in use: waiting for a person or an answer";
    co_return out;
  }
  try {
    out.info = co_await parts_.token_keys.describe(token);
  } catch (const Error& error) {
    out.fault = error.what();
  }
  co_return out;
}

Awaitable<control::Reply> Control::handle(control::ListTokens, Asker&) {
  control::Tokens out;
  const std::vector<Tokens::Shared> all = parts_.tokens.plugged_in();
  for (const Tokens::Shared& token : all) {
    control::Token state = co_await state_of(token);
    out.tokens.push_back(std::move(state));
  }
  co_await add_pkcs11_tokens(out);
  co_return out;
}

Awaitable<control::Reply> Control::handle(control::ListKeys, Asker&) {
  control::Keys out;
  for (const Vault::Kept& key : parts_.vault.keys()) {
    out.keys.push_back(describe_kept(*key));
    if (key->in_vault()) out.vault_locked = !parts_.vault_lock.is_open();
  }
  parts_.keyring.all([&](const Keyring::Key& key) {
    if (parts_.vault.find_blob(key.public_key.blob) != nullptr) return true;
    control::Key entry;
    entry.comment = key.comment;
    entry.public_key = key.public_key;
    entry.confirm = key.constraints.confirm;
    entry.where = key.on_pkcs11_token() ? "pkcs11" : "memory";
    entry.uri = key.uri;
    if (is_sk(key.public_key.kind)) {
      const std::string provider = key.constraints.sk_provider.value_or("internal");
      entry.where = provider == "internal" ? "fido" : provider;
      entry.sk_flags = sk_key_ref(key.public_key, parts_.keyring.open(key)).flags;
    }
    out.keys.push_back(std::move(entry));
    return true;
  });
  co_return out;
}

Awaitable<control::Reply> Control::handle(control::NewKey wanted, Asker& asker) {
  if (wanted.on.empty()) wanted.on = place_for(wanted.kind, !parts_.tokens.plugged_in().empty());
  if (!wanted.kind) wanted.kind = kind_for(wanted.on);
  control::Reply reply;
  if (wanted.on == vault_place) {
    reply = co_await new_vault_key(std::move(wanted), asker);
  } else if (is_pkcs11_uri(wanted.on)) {
    reply = co_await new_pkcs11_key(std::move(wanted), asker);
  } else {
    reply = co_await new_fido_key(std::move(wanted), asker);
  }
  co_return reply;
}

Awaitable<control::Reply> Control::new_fido_key(control::NewKey wanted, Asker& asker) {
  if (!is_sk(*wanted.kind)) {
    throw Error(Errc::unsupported, "a FIDO2 token holds sk keys only; name another place with --on");
  }
  if (!wanted.application.starts_with("ssh:")) {
    throw Error(Errc::refused, "the application is \"" + printable(wanted.application) +
                                   "\", and must begin with ssh: for a key of SSH's");
  }
  const Tokens::Shared token = parts_.tokens.named(wanted.on);
  const std::shared_ptr<void> reservation = co_await parts_.vault.reserve(wanted.name);
  NewKeyRequest request;
  request.kind = *wanted.kind;
  request.application = wanted.application;
  request.user = wanted.user;
  request.flags = flags_of(wanted);
  request.challenge = wanted.challenge;
  NewKey made = co_await parts_.token_keys.generate(token, std::move(request), asker);
  StoredKey key = wanted_key(wanted);
  key.holder = StoredKey::Holder::fido;
  key.public_key = made.public_key;
  key.key_handle = made.key_handle;
  key.sk_flags = made.flags;
  key.provider = internal_provider;
  key.token = token->title();
  const Vault::Kept kept = co_await keep(std::move(key));
  control::Kept out;
  out.key = describe_kept(*kept);
  out.challenge = std::move(made.challenge);
  out.attestation_certificate = std::move(made.attestation_certificate);
  out.attestation_signature = std::move(made.attestation_signature);
  out.authenticator_data = std::move(made.authenticator_data);
  co_return std::move(out);
}

/// An RSA key may take long.
Awaitable<PrivateKey> Control::checked(PrivateKey key) {
  auto shared = std::make_shared<PrivateKey>(std::move(key));
  std::function<PrivateKey()> work = [shared] {
    check_private_key(*shared);
    return std::move(*shared);
  };
  PrivateKey out = co_await parts_.workers.run(std::move(work));
  co_return std::move(out);
}

Awaitable<control::Reply> Control::handle(control::ImportKey wanted, Asker& asker) {
  wanted.key = co_await checked(std::move(wanted.key));
  const PublicKey& public_key = wanted.key.public_key;
  if (is_pkcs11_uri(wanted.on)) {
    control::Reply reply = co_await store_on_pkcs11_token(std::move(wanted), asker);
    co_return reply;
  }
  if (!is_sk(public_key.kind)) {
    control::Reply reply = co_await import_to_vault(std::move(wanted), asker);
    co_return reply;
  }
  const KeyRef ref = sk_key_ref(public_key, wanted.key.secret);
  StoredKey key = wanted_key(wanted);
  key.holder = StoredKey::Holder::fido;
  key.public_key = std::move(wanted.key.public_key);
  key.key_handle = ref.key_handle;
  key.sk_flags = ref.flags;
  key.provider = internal_provider;
  const Vault::Kept kept = co_await keep(std::move(key));
  control::Kept out;
  out.key = describe_kept(*kept);
  co_return std::move(out);
}

Awaitable<control::Reply> Control::handle(control::ExportKey request, Asker& asker) {
  const Vault::Kept key = kept_key(request.name);
  if (key->on_pkcs11_token()) {
    throw Error(Errc::refused, "the private key is on its token, and does not leave it; fob public shows the rest");
  }
  if (key->in_vault()) {
    control::Reply reply = co_await export_from_vault(key, asker);
    co_return reply;
  }
  co_return control::Exported{sk_private_key(key->public_key, key->sk_flags, key->key_handle), key->comment};
}

Awaitable<control::Reply> Control::handle(control::RemoveKey request, Asker& asker) {
  const Vault::Kept key = kept_key(request.name);
  if (key->in_vault() && request.from_token) throw Error(Errc::refused, key->name + " is in the vault, on no token");
  if (key->in_vault() && !request.sure) {
    std::string text = "This deletes the private key " + key->name +
                       ", of which the vault has the only copy that fob "
                       "knows of. Type its name to go on.";
    co_await ask_for_word(std::move(text), key->name, "that is not the key's name; nothing was deleted", asker);
  }
  if (request.from_token) co_await remove_from_token(*key, asker);
  co_await parts_.vault.remove(key);
  parts_.keyring.remove(key->public_key.blob);
  co_return control::Done();
}

Awaitable<void> Control::remove_from_token(const StoredKey& key, Asker& asker) {
  if (key.on_pkcs11_token()) {
    co_await parts_.pkcs11_keys.remove(pkcs11_ref(key.name), key.public_key, asker);
    co_return;
  }
  if ((key.sk_flags & sk_flags::resident_key) == 0) {
    throw Error(Errc::refused, "this key is not resident: the token keeps nothing of it that could be deleted");
  }
  const KeyRef ref{key.public_key.kind, key.public_key.application, key.key_handle, key.sk_flags};
  const TokenKeys::Use use{key.public_key, ref, key.provider, ""};
  const Tokens::Shared token = co_await parts_.token_keys.holder_of(use);
  co_await parts_.token_keys.remove_resident(token, key.key_handle, asker);
}

Awaitable<control::Reply> Control::handle(control::SetPin request, Asker& asker) {
  if (is_pkcs11_uri(request.on)) {
    Pkcs11Keys::Place place = co_await parts_.pkcs11_keys.place_of(request.on);
    co_await parts_.pkcs11_keys.set_pin(std::move(place), asker);
    co_return control::Done();
  }
  const Tokens::Shared token = parts_.tokens.named(request.on);
  co_await parts_.token_keys.set_pin(token, asker);
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::ChangePin request, Asker& asker) {
  if (is_pkcs11_uri(request.on)) {
    Pkcs11Keys::Place place = co_await parts_.pkcs11_keys.place_of(request.on);
    co_await parts_.pkcs11_keys.change_pin(std::move(place), asker);
    co_return control::Done();
  }
  const Tokens::Shared token = parts_.tokens.named(request.on);
  co_await parts_.token_keys.change_pin(token, asker);
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::ListResident request, Asker& asker) {
  if (is_pkcs11_uri(request.on)) {
    control::Reply reply = co_await list_pkcs11_keys(std::move(request.on), asker);
    co_return reply;
  }
  const Tokens::Shared token = parts_.tokens.named(request.on);
  std::vector<ResidentKey> found = co_await parts_.token_keys.resident_keys(token, asker);
  control::Residents out;
  for (ResidentKey& key : found) {
    out.keys.push_back({std::move(key.public_key), std::move(key.key_handle), key.flags, std::move(key.user)});
  }
  co_return out;
}

Awaitable<control::Reply> Control::handle(control::RemoveResident request, Asker& asker) {
  if (is_pkcs11_uri(request.on)) {
    const std::string uri(as_text(request.key_handle));
    Pkcs11Keys::Found found = co_await parts_.pkcs11_keys.find(uri, asker);
    Pkcs11Ref ref(found.place.module->path, uri);
    co_await parts_.pkcs11_keys.remove(std::move(ref), std::move(found.key.public_key), asker);
    co_return control::Done();
  }
  const Tokens::Shared token = parts_.tokens.named(request.on);
  co_await parts_.token_keys.remove_resident(token, std::move(request.key_handle), asker);
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::RenameResident request, Asker& asker) {
  refuse_if_pkcs11(request.on);
  const Tokens::Shared token = parts_.tokens.named(request.on);
  co_await parts_.token_keys.rename_resident(token, std::move(request.key_handle), std::move(request.user), asker);
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::ResetToken request, Asker& asker) {
  refuse_if_pkcs11(request.on);
  const Tokens::Shared token = parts_.tokens.named(request.on);
  co_await parts_.token_keys.reset(token, asker);
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::Answer, Asker&) {
  throw Error(Errc::malformed, "an answer without a question");
}

}  // namespace fob
