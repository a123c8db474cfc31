// Control's requests for PKCS#11 tokens.

#include "agent/control.h"
#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

control::Token token_of(const Pkcs11Module& module, const Pkcs11TokenInfo& info) {
  control::Token out;
  out.id = info.uri;
  out.product = info.model.empty() ? info.label : info.model;
  out.serial = info.serial;
  out.path = module.path;
  out.pkcs11 = info;
  return out;
}

Pkcs11NewKey placed(const std::string& label, const control::PivPlace& place, bool replace) {
  Pkcs11NewKey out;
  out.label = label;
  out.slot = place.slot;
  out.pin_policy = static_cast<PivPinPolicy>(place.pin_policy);
  out.touch_policy = static_cast<PivTouchPolicy>(place.touch_policy);
  out.replace = replace;
  return out;
}

void check_place(const Pkcs11TokenInfo& token, const control::PivPlace& place) {
  if (token.is_piv && place.slot.empty()) {
    throw Error(Errc::refused, "a PIV card holds keys in slots: say which (--slot 9a, 9c, 9d, 9e, 82 to 95)");
  }
  if (!token.is_piv && (!place.slot.empty() || place.pin_policy != 0 || place.touch_policy != 0)) {
    throw Error(Errc::refused, "slots and policies are for PIV cards, and this is none that fob can manage");
  }
}

}  // namespace

Awaitable<void> Control::add_pkcs11_tokens(control::Tokens& out) {
  const std::vector<Pkcs11Keys::Listed> all = co_await parts_.pkcs11_keys.list();
  for (const Pkcs11Keys::Listed& listed : all) {
    for (const Pkcs11TokenInfo& info : listed.tokens) {
      if (info.initialized) out.tokens.push_back(token_of(*listed.module, info));
    }
    if (listed.fault.empty()) continue;
    control::Token broken;
    broken.id = listed.module->name.empty() ? listed.module->path : listed.module->name;
    broken.path = listed.module->path;
    broken.fault = listed.fault;
    broken.pkcs11 = Pkcs11TokenInfo();
    broken.pkcs11->uri = "pkcs11:";
    out.tokens.push_back(std::move(broken));
  }
  if (out.tokens.size() > limits::listed_tokens) out.tokens.resize(limits::listed_tokens);
}

Awaitable<control::Reply> Control::new_pkcs11_key(control::NewKey wanted, Asker& asker) {
  if (is_sk(*wanted.kind)) throw Error(Errc::refused, "an sk key needs a FIDO2 token; this is a PKCS#11 token");
  const std::shared_ptr<void> reservation = co_await parts_.vault.reserve(wanted.name);
  const Pkcs11Keys::Place place = co_await parts_.pkcs11_keys.place_of(wanted.on);
  check_place(place.token->info, wanted.piv);
  Pkcs11NewKey request = placed(wanted.name, wanted.piv, wanted.replace);
  request.kind = *wanted.kind;
  request.rsa_bits = wanted.rsa_bits;
  Pkcs11Key made = co_await parts_.pkcs11_keys.generate(place, std::move(request), asker);
  StoredKey key = wanted_key(wanted);
  control::Reply reply = co_await keep_made_pkcs11_key(place, std::move(made), std::move(key));
  co_return reply;
}

Awaitable<control::Reply> Control::store_on_pkcs11_token(control::ImportKey wanted, Asker& asker) {
  if (is_sk(wanted.key.public_key.kind)) {
    throw Error(Errc::refused, "this key is on a FIDO2 token and cannot leave it; import it without --on");
  }
  if (wanted.key.public_key.is_certificate()) throw Error(Errc::unsupported, "give the key, not its certificate");
  const std::shared_ptr<void> reservation = co_await parts_.vault.reserve(wanted.name);
  const Pkcs11Keys::Place place = co_await parts_.pkcs11_keys.place_of(wanted.on);
  check_place(place.token->info, wanted.piv);
  Pkcs11NewKey request = placed(wanted.name, wanted.piv, wanted.replace);
  Pkcs11Key made = co_await parts_.pkcs11_keys.store(place, std::move(request), std::move(wanted.key), asker);
  StoredKey key = wanted_key(wanted);
  control::Reply reply = co_await keep_made_pkcs11_key(place, std::move(made), std::move(key));
  co_return reply;
}

Awaitable<control::Reply> Control::handle(control::AdoptKey request, Asker& asker) {
  const std::shared_ptr<void> reservation = co_await parts_.vault.reserve(request.name);
  Pkcs11Keys::Found found = co_await parts_.pkcs11_keys.find(request.uri, asker);
  StoredKey key = named_key(request.name, request.comment.empty() ? found.key.label : request.comment);
  control::Reply reply = co_await keep_pkcs11_key(found.place, std::move(found.key), std::move(key));
  co_return reply;
}

/// `wanted` has what a person said of the key.
Awaitable<control::Reply> Control::keep_pkcs11_key(Pkcs11Keys::Place place, Pkcs11Key key, StoredKey wanted) {
  wanted.holder = StoredKey::Holder::pkcs11;
  wanted.public_key = std::move(key.public_key);
  wanted.key_handle = to_bytes(as_bytes(key.uri));
  wanted.provider = place.module->path;
  wanted.token = place.token->title();
  const Vault::Kept kept = co_await keep(std::move(wanted));
  control::Kept out;
  out.key = describe_kept(*kept);
  co_return std::move(out);
}

/// The same of a key that was put on the token just now, and is there whatever becomes of this.
Awaitable<control::Reply> Control::keep_made_pkcs11_key(Pkcs11Keys::Place place, Pkcs11Key key, StoredKey wanted) {
  const std::string uri = key.uri;
  std::optional<Error> fault;
  try {
    control::Reply reply = co_await keep_pkcs11_key(std::move(place), std::move(key), std::move(wanted));
    co_return reply;
  } catch (const Error& error) {
    fault = error;
  }
  throw Error(fault->code(), "the key is on the token, as " + uri + ", but it is not kept: " + fault->what() +
                                 "; fob import '" + uri + "' keeps it");
}

Awaitable<control::Reply> Control::list_pkcs11_keys(std::string uri, Asker& asker) {
  Pkcs11Keys::Place place = co_await parts_.pkcs11_keys.place_of(std::move(uri));
  std::vector<Pkcs11Key> found = co_await parts_.pkcs11_keys.keys(std::move(place), asker);
  control::Residents out;
  for (Pkcs11Key& key : found) {
    out.keys.push_back({std::move(key.public_key), to_bytes(as_bytes(key.uri)), 0, std::move(key.label)});
  }
  if (out.keys.size() > limits::resident_keys) out.keys.resize(limits::resident_keys);
  co_return out;
}

Awaitable<control::Reply> Control::handle(control::UnblockPin request, Asker& asker) {
  if (!is_pkcs11_uri(request.on)) {
    throw Error(Errc::unsupported, "a FIDO2 token has no PUK: a blocked PIN goes only with all keys (fob reset)");
  }
  Pkcs11Keys::Place place = co_await parts_.pkcs11_keys.place_of(request.on);
  co_await parts_.pkcs11_keys.unblock_pin(std::move(place), asker);
  co_return control::Done();
}

Awaitable<control::Reply> Control::handle(control::AttestKey request, Asker&) {
  control::Attested out;
  Pkcs11Ref ref = pkcs11_ref(request.name);
  out.certificates = co_await parts_.pkcs11_keys.attest(std::move(ref), kept_key(request.name)->public_key);
  co_return out;
}

Pkcs11Ref Control::pkcs11_ref(const std::string& name) const {
  const Vault::Kept key = kept_key(name);
  if (!key->on_pkcs11_token()) {
    throw Error(Errc::unsupported, name +
                                       " is not on a PKCS#11 token; a FIDO2 token attests a key when it makes it "
                                       "(fob new --write-attestation)");
  }
  return {key->provider, std::string(as_text(key->key_handle))};
}

}  // namespace fob
