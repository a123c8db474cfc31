#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "tokens/fido_pin.h"
#include "tokens/fido_token.h"
#include "tokens/random.h"
#include "tokens/sk_key.h"

namespace fob {
namespace {

constexpr std::size_t challenge_bytes = 32;
constexpr char hmac_secret[] = "hmac-secret";
/// OpenSSH's user id: this many bytes, zeros after the name.
constexpr std::size_t openssh_user_id_bytes = 32;

/// A longer name than OpenSSH has is its own user id.
Bytes user_id(const std::string& user) {
  Bytes out = to_bytes(as_bytes(user));
  if (out.size() < openssh_user_id_bytes) out.resize(openssh_user_id_bytes);
  return out;
}

bool wants(const NewKeyRequest& request, std::uint8_t flag) { return (request.flags & flag) != 0; }

[[noreturn]] void throw_missing(const char* what, const char* instead) {
  throw Error(Errc::unsupported, std::string("the token ") + what + ": " + instead);
}

/// Everything that can be known without a touch.
void check_abilities(const TokenInfo& info, const NewKeyRequest& request) {
  const bool resident = wants(request, sk_flags::resident_key);
  const bool verify = wants(request, sk_flags::user_verification_required);
  if (std::find(info.key_kinds.begin(), info.key_kinds.end(), request.kind) == info.key_kinds.end()) {
    throw_missing("cannot make keys of this type",
                  request.kind == KeyKind::sk_ed25519 ? "make one of type ecdsa-sk" : "make one of type ed25519-sk");
  }
  if (!info.is_fido2 && (resident || verify)) {
    throw_missing("speaks U2F only", "make a key that is neither resident nor verify-required");
  }
  if (!info.is_fido2 && !wants(request, sk_flags::user_presence_required)) {
    throw_missing("speaks U2F only, and signs nothing without a touch", "make a key that wants one");
  }
  if (resident && !info.resident_keys) throw_missing("keeps no resident keys", "make a key that is not resident");
  if ((resident || verify) && !info.cred_protect) {
    throw_missing("cannot protect such a key (credProtect)", "make one that is neither resident nor verify-required");
  }
  if (resident && info.resident_left == 0U) {
    throw Error(Errc::refused,
                "no space is left on the token for a resident key: remove one, or make a key that is not resident");
  }
  if (resident && !info.pin_set && !info.built_in_uv && !wants(request, sk_flags::force_operation)) {
    throw Error(
        Errc::refused,
        "without a PIN the token does not say whether it has a resident key of this application and user, which "
        "a new one would replace: set a PIN with fob pin set, or say that it may be replaced (--replace)");
  }
  if (info.pin_change_due) {
    throw Error(Errc::refused, "the token wants its PIN changed first: change it with: fob pin change");
  }
}

bool needs_verification(const TokenInfo& info, const NewKeyRequest& request) {
  if (!info.is_fido2) return false;
  // Resident keys of a token without a PIN are its own business: OpenSSH makes them, too.
  return info.always_uv || info.pin_for_new_key || wants(request, sk_flags::user_verification_required) ||
         (info.pin_set && wants(request, sk_flags::resident_key));
}

/// As OpenSSH: by the certificate, or the key itself, or not at all where the token attests nothing.
int verify_attestation(const fido_cred_t& credential) {
  const char* format = fido_cred_fmt(&credential);
  if (fido_cred_x5c_ptr(&credential) != nullptr) return fido_cred_verify(&credential);
  if (format == nullptr || std::strcmp(format, "none") == 0) return FIDO_OK;
  return fido_cred_verify_self(&credential);
}

Bytes part(const unsigned char* data, std::size_t size) {
  if (data == nullptr) return {};
  if (size > limits::attestation_bytes) throw Error(Errc::too_large, "the token's attestation is too long");
  return to_bytes({data, size});
}

Bytes key_handle(const fido_cred_t& credential) {
  Bytes out = part(fido_cred_id_ptr(&credential), fido_cred_id_len(&credential));
  if (!out.empty() && out.size() <= limits::key_handle_bytes) return out;
  throw Error(Errc::invalid_key, "the token's key handle has " + std::to_string(out.size()) + " bytes, at most " +
                                     std::to_string(limits::key_handle_bytes) + " allowed");
}

NewKey new_key(const NewKeyRequest& request, const fido_cred_t& credential, Bytes challenge) {
  NewKey out;
  out.public_key = sk_public_key(request.kind, credential, request.application);
  out.key_handle = key_handle(credential);
  out.flags = request.flags & static_cast<std::uint8_t>(~sk_flags::force_operation);
  out.attestation_certificate = part(fido_cred_x5c_ptr(&credential), fido_cred_x5c_len(&credential));
  out.attestation_signature = part(fido_cred_sig_ptr(&credential), fido_cred_sig_len(&credential));
  out.authenticator_data = part(fido_cred_authdata_ptr(&credential), fido_cred_authdata_len(&credential));
  out.challenge = std::move(challenge);
  return out;
}

int protection(const NewKeyRequest& request) {
  if (wants(request, sk_flags::user_verification_required)) return FIDO_CRED_PROT_UV_REQUIRED;
  return wants(request, sk_flags::resident_key) ? FIDO_CRED_PROT_UV_OPTIONAL_WITH_ID : 0;
}

}  // namespace

bool FidoToken::has_resident(const std::string& application, ByteView user_id, bool verify, const char* pin) {
  constexpr std::array<std::uint8_t, 32> probe_hash{};
  const auto assertion = owned<FidoAssertion>(fido_assert_new());
  check(fido_assert_set_clientdata_hash(assertion.get(), probe_hash.data(), probe_hash.size()));
  check(fido_assert_set_rp(assertion.get(), application.c_str()));
  check(fido_assert_set_up(assertion.get(), FIDO_OPT_FALSE));
  if (verify) check(fido_assert_set_uv(assertion.get(), FIDO_OPT_TRUE));
  const int status = fido_dev_get_assert(device_.get(), assertion.get(), pin);
  if (status == FIDO_ERR_NO_CREDENTIALS) return false;
  check(status);
  for (std::size_t i = 0; i < fido_assert_count(assertion.get()); ++i) {
    const ByteView found(fido_assert_user_id_ptr(assertion.get(), i), fido_assert_user_id_len(assertion.get(), i));
    if (equal(found, user_id)) return true;
  }
  return false;
}

FidoCredential FidoToken::wanted_credential(const NewKeyRequest& request, ByteView user_id, ByteView challenge,
                                            bool verify) {
  auto out = owned<FidoCredential>(fido_cred_new());
  const Digest hash(Hash::sha256, challenge);
  check(fido_cred_set_type(out.get(), request.kind == KeyKind::sk_ed25519 ? COSE_EDDSA : COSE_ES256));
  check(fido_cred_set_clientdata_hash(out.get(), hash.view().data(), hash.view().size()));
  check(fido_cred_set_rp(out.get(), request.application.c_str(), nullptr));
  const char* name = request.user.empty() ? "openssh" : request.user.c_str();
  check(fido_cred_set_user(out.get(), user_id.data(), user_id.size(), name, name, nullptr));
  if (wants(request, sk_flags::resident_key)) check(fido_cred_set_rk(out.get(), FIDO_OPT_TRUE));
  if (verify) check(fido_cred_set_uv(out.get(), FIDO_OPT_TRUE));
  if (protection(request) != 0) check(fido_cred_set_prot(out.get(), protection(request)));
  return out;
}

NewKey FidoToken::generate(const NewKeyRequest& request, const SecretBytes* pin) {
  const Session session(*this);
  const TokenInfo now = info();
  check_abilities(now, request);
  const bool verify = needs_verification(now, request);
  const bool by_itself = verify && verifies_itself(now, pin);
  // A PIN that the token does not need is not sent: it could only cost a try.
  const PinText pin_text(verify && !by_itself ? pin : nullptr);
  const Bytes user = user_id(request.user);
  if (wants(request, sk_flags::resident_key) && !wants(request, sk_flags::force_operation) &&
      has_resident(request.application, user, by_itself, pin_text.c_str())) {
    throw Error(Errc::refused,
                "the token has a resident key of this application and user already: choose another user or "
                "application, or say that it may be replaced");
  }
  Bytes challenge = request.challenge.empty() ? random_bytes(challenge_bytes) : request.challenge;
  const FidoCredential credential = wanted_credential(request, user, challenge, by_itself);
  expect_touch();
  check(fido_dev_make_cred(device_.get(), credential.get(), pin_text.c_str()));
  check(verify_attestation(*credential));
  return new_key(request, *credential, std::move(challenge));
}

Bytes FidoToken::make_secret_credential(const std::string& application, const SecretBytes* pin) {
  const Session session(*this);
  const TokenInfo now = info();
  if (std::find(now.extensions.begin(), now.extensions.end(), hmac_secret) == now.extensions.end()) {
    throw_missing("cannot make secrets (it has no hmac-secret)", "use another token, or a passphrase");
  }
  NewKeyRequest request;
  request.application = application;
  request.user = "fob";
  check_abilities(now, request);
  const bool verify = needs_verification(now, request);
  const bool by_itself = verify && verifies_itself(now, pin);
  const PinText pin_text(verify && !by_itself ? pin : nullptr);
  const FidoCredential credential =
      wanted_credential(request, user_id(request.user), random_bytes(challenge_bytes), by_itself);
  check(fido_cred_set_extensions(credential.get(), FIDO_EXT_HMAC_SECRET));
  check(fido_dev_make_cred(device_.get(), credential.get(), pin_text.c_str()));
  const int status = verify_attestation(*credential);
  // As libfido2 says that the token's extensions are others than it was asked for.
  if (status == FIDO_ERR_INVALID_PARAM) throw_missing("made a credential without hmac-secret", "use another token");
  check(status);
  return key_handle(*credential);
}

}  // namespace fob
