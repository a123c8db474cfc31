#include "tokens/sk_middleware.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tokens/fido_pin.h"
#include "tokens/random.h"
#include "tokens/sk_key.h"

namespace fob {
namespace {

constexpr std::size_t challenge_bytes = 32;

void release(std::uint8_t* data, std::size_t size) {
  if (data != nullptr) explicit_bzero(data, size);
  std::free(data);
}

void release_parts(const sk_api::EnrollResponse& key) {
  release(key.public_key, key.public_key_len);
  release(key.key_handle, key.key_handle_len);
  release(key.signature, key.signature_len);
  release(key.attestation_cert, key.attestation_cert_len);
  release(key.authdata, key.authdata_len);
}

struct Release {
  void operator()(sk_api::EnrollResponse* response) const {
    release_parts(*response);
    std::free(response);
  }
  void operator()(sk_api::SignResponse* response) const {
    release(response->sig_r, response->sig_r_len);
    release(response->sig_s, response->sig_s_len);
    std::free(response);
  }
  void operator()(sk_api::ResidentKey* key) const {
    release_parts(key->key);
    std::free(key->application);
    release(key->user_id, key->user_id_len);
    std::free(key);
  }
};

template <class T>
T* find(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) throw Error(Errc::unsupported, std::string("the SK middleware has no ") + name);
  return reinterpret_cast<T*>(found);
}

ByteView view(const std::uint8_t* data, std::size_t size) {
  return data == nullptr ? ByteView() : ByteView(data, size);
}

std::uint32_t algorithm(KeyKind kind) {
  return kind == KeyKind::sk_ed25519 ? sk_api::algorithm_ed25519 : sk_api::algorithm_ecdsa;
}

/// As OpenSSH's ssh-sk.c understands them.
void check(int result, bool had_pin) {
  switch (result) {
    case 0: return;
    case sk_api::error_unsupported: throw Error(Errc::unsupported, "the SK middleware does not support this");
    case sk_api::error_pin_required:
      if (had_pin) throw Error(Errc::wrong_pin, "the SK middleware refused the PIN");
      throw Error(Errc::pin_required, "the SK middleware wants a PIN for this");
    case sk_api::error_device_not_found:
      throw Error(Errc::not_found, "the SK middleware finds no token with this key: plug it in");
    case sk_api::error_credential_exists:
      throw Error(Errc::refused,
                  "the token has a resident key of this application and user already: choose another user or "
                  "application, or say that it may be replaced");
    default: throw Error(Errc::system, "the SK middleware failed with error " + std::to_string(result));
  }
}

[[noreturn]] void throw_no_function() { throw Error(Errc::unsupported, "an SK middleware has no function for this"); }

NewKey new_key(const NewKeyRequest& request, const sk_api::EnrollResponse& made, Bytes challenge) {
  NewKey out;
  out.public_key = sk_public_key(request.kind, view(made.public_key, made.public_key_len), request.application);
  out.key_handle = to_bytes(view(made.key_handle, made.key_handle_len));
  out.flags = made.flags & static_cast<std::uint8_t>(~sk_flags::force_operation);
  out.attestation_certificate = to_bytes(view(made.attestation_cert, made.attestation_cert_len));
  out.attestation_signature = to_bytes(view(made.signature, made.signature_len));
  out.authenticator_data = to_bytes(view(made.authdata, made.authdata_len));
  out.challenge = std::move(challenge);
  return out;
}

ResidentKey resident_key(const sk_api::ResidentKey& key) {
  const KeyKind kind = key.alg == sk_api::algorithm_ed25519 ? KeyKind::sk_ed25519 : KeyKind::sk_ecdsa_p256;
  ResidentKey out;
  out.public_key = sk_public_key(kind, view(key.key.public_key, key.key.public_key_len), key.application);
  out.key_handle = to_bytes(view(key.key.key_handle, key.key.key_handle_len));
  out.flags = sk_flags::user_presence_required | sk_flags::resident_key;
  out.flags |= key.flags & sk_flags::user_verification_required;
  out.user_id = to_bytes(view(key.user_id, key.user_id_len));
  const std::string_view user = as_text(out.user_id);
  out.user = printable(user.substr(0, user.find('\0')));
  return out;
}

}  // namespace

SkMiddleware::SkMiddleware(const std::string& library, std::function<void()> touch_wanted)
    : touch_wanted_(std::move(touch_wanted)) {
  void* loaded = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) throw Error(Errc::system, std::string("cannot load the SK middleware: ") + dlerror());
  const std::uint32_t version = find<sk_api::Version>(loaded, "sk_api_version")();
  if ((version & sk_api::version_major_mask) != sk_api::version_major) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "version 0x%08x, wanted 0x%08x", version, sk_api::version_major);
    throw Error(Errc::unsupported, std::string("the SK middleware is of ") + text.data());
  }
  enroll_ = find<sk_api::Enroll>(loaded, "sk_enroll");
  sign_ = find<sk_api::Sign>(loaded, "sk_sign");
  load_resident_keys_ = find<sk_api::LoadResidentKeys>(loaded, "sk_load_resident_keys");
}

TokenInfo SkMiddleware::describe() {
  TokenInfo out;
  out.key_kinds = {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519};
  return out;
}

bool SkMiddleware::has_key(const KeyRef&) { return true; }

NewKey SkMiddleware::generate(const NewKeyRequest& request, const SecretBytes* pin) {
  Bytes challenge = request.challenge.empty() ? random_bytes(challenge_bytes) : request.challenge;
  std::string name = "user";
  std::string user = request.user;
  sk_api::Option option{name.data(), user.data(), 0};
  std::array<sk_api::Option*, 2> options{user.empty() ? nullptr : &option, nullptr};
  const PinText pin_text(pin);
  sk_api::EnrollResponse* response = nullptr;
  touch_wanted_();
  const int result = enroll_(algorithm(request.kind), challenge.data(), challenge.size(), request.application.c_str(),
                             request.flags, pin_text.c_str(), options.data(), &response);
  const std::unique_ptr<sk_api::EnrollResponse, Release> owner(response);
  check(result, pin != nullptr);
  if (!owner) throw Error(Errc::system, "the SK middleware gave no key");
  return new_key(request, *owner, std::move(challenge));
}

Bytes SkMiddleware::sign(const KeyRef& key, ByteView data, const SecretBytes* pin) {
  std::array<sk_api::Option*, 1> options{};
  const PinText pin_text(pin);
  sk_api::SignResponse* response = nullptr;
  if ((key.flags & sk_flags::user_presence_required) != 0) touch_wanted_();
  const int result =
      sign_(algorithm(key.kind), data.data(), data.size(), key.application.c_str(), key.key_handle.data(),
            key.key_handle.size(), key.flags, pin_text.c_str(), options.data(), &response);
  const std::unique_ptr<sk_api::SignResponse, Release> owner(response);
  check(result, pin != nullptr);
  if (!owner) throw Error(Errc::system, "the SK middleware gave no signature");
  return sk_signature(key.kind, {view(owner->sig_r, owner->sig_r_len), view(owner->sig_s, owner->sig_s_len)},
                      {owner->flags, owner->counter});
}

std::vector<ResidentKey> SkMiddleware::resident_keys(const SecretBytes* pin) {
  std::array<sk_api::Option*, 1> options{};
  const PinText pin_text(pin);
  sk_api::ResidentKey** keys = nullptr;
  std::size_t count = 0;
  const int result = load_resident_keys_(pin_text.c_str(), options.data(), &keys, &count);
  const std::unique_ptr<sk_api::ResidentKey*, decltype(&std::free)> array(keys, &std::free);
  std::vector<std::unique_ptr<sk_api::ResidentKey, Release>> owners;
  for (std::size_t i = 0; keys != nullptr && i < count; ++i) owners.emplace_back(keys[i]);
  check(result, pin != nullptr);
  if (count > limits::resident_keys) throw Error(Errc::too_large, "the SK middleware has too many resident keys");
  std::vector<ResidentKey> out;
  for (const auto& key : owners) {
    const bool known = key->alg == sk_api::algorithm_ecdsa || key->alg == sk_api::algorithm_ed25519;
    if (known && key->application != nullptr) out.push_back(resident_key(*key));
  }
  return out;
}

Bytes SkMiddleware::make_secret_credential(const std::string&, const SecretBytes*) { throw_no_function(); }
SecretBytes SkMiddleware::derive_secret(const SecretRequest&, const SecretBytes*) { throw_no_function(); }
void SkMiddleware::remove_resident(ByteView, const SecretBytes*) { throw_no_function(); }
void SkMiddleware::rename_resident(ByteView, const std::string&, const SecretBytes*) { throw_no_function(); }
void SkMiddleware::set_pin(const SecretBytes&) { throw_no_function(); }
void SkMiddleware::change_pin(const SecretBytes&, const SecretBytes&) { throw_no_function(); }
void SkMiddleware::reset() { throw_no_function(); }

}  // namespace fob
