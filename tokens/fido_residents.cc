#include <strings.h>

#include <algorithm>
#include <cstring>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tokens/fido_pin.h"
#include "tokens/fido_token.h"
#include "tokens/sk_key.h"

namespace fob {
namespace {

/// What OpenSSH calls every user: says nothing.
constexpr std::string_view openssh_user = "openssh";
constexpr char ssh_application[] = "ssh:";

bool is_ssh(const char* application) {
  return application != nullptr && strncasecmp(application, ssh_application, std::strlen(ssh_application)) == 0;
}

std::optional<KeyKind> kind_of(const fido_cred_t& credential) {
  switch (fido_cred_type(&credential)) {
    case COSE_ES256: return KeyKind::sk_ecdsa_p256;
    case COSE_EDDSA: return KeyKind::sk_ed25519;
    default: return std::nullopt;
  }
}

ByteView id_of(const fido_cred_t& credential) { return {fido_cred_id_ptr(&credential), fido_cred_id_len(&credential)}; }

ByteView user_id_of(const fido_cred_t& credential) {
  return {fido_cred_user_id_ptr(&credential), fido_cred_user_id_len(&credential)};
}

/// The name that fob or a rename gave; else OpenSSH's, which is the user id up to its zeros.
std::string user_of(const fido_cred_t& credential) {
  const char* name = fido_cred_user_name(&credential);
  if (name != nullptr && *name != '\0' && name != openssh_user) return printable(name);
  const std::string_view id = as_text(user_id_of(credential));
  return printable(id.substr(0, id.find('\0')));
}

/// Nothing for a credential that is not of an SSH key type, or longer than any is.
std::optional<ResidentKey> resident_key(const fido_cred_t& credential, const std::string& application) {
  const std::optional<KeyKind> kind = kind_of(credential);
  const ByteView id = id_of(credential);
  if (!kind || id.empty() || id.size() > limits::key_handle_bytes) return std::nullopt;
  if (user_id_of(credential).size() > limits::credential_user_bytes) return std::nullopt;
  ResidentKey out;
  out.public_key = sk_public_key(*kind, credential, application);
  out.key_handle = to_bytes(id);
  out.flags = sk_flags::user_presence_required | sk_flags::resident_key;
  if (fido_cred_prot(&credential) == FIDO_CRED_PROT_UV_REQUIRED) out.flags |= sk_flags::user_verification_required;
  out.user_id = to_bytes(user_id_of(credential));
  out.user = user_of(credential);
  return out;
}

}  // namespace

void FidoToken::check_credential_management(const SecretBytes* pin) {
  const TokenInfo now = info();
  if (!now.is_fido2 || !now.resident_keys) throw Error(Errc::unsupported, "the token keeps no resident keys");
  if (!now.credential_management) {
    throw Error(Errc::unsupported, "the token does not tell which resident keys it has (no credential management)");
  }
  verifies_itself(now, pin);
}

void FidoToken::visit_residents(const char* pin, const Visit& visit) {
  const auto parties = owned<FidoParties>(fido_credman_rp_new());
  const int status = fido_credman_get_dev_rp(device_.get(), parties.get(), pin);
  if (status == FIDO_ERR_NO_CREDENTIALS) return;
  check(status);
  for (std::size_t i = 0; i < fido_credman_rp_count(parties.get()); ++i) {
    const char* application = fido_credman_rp_id(parties.get(), i);
    if (!is_ssh(application) || std::strlen(application) > limits::application_bytes) continue;
    const auto keys = owned<FidoResidents>(fido_credman_rk_new());
    check(fido_credman_get_dev_rk(device_.get(), application, keys.get(), pin));
    for (std::size_t j = 0; j < fido_credman_rk_count(keys.get()); ++j) {
      if (visit(*fido_credman_rk(keys.get(), j), application)) return;
    }
  }
}

std::vector<ResidentKey> FidoToken::resident_keys(const SecretBytes* pin) {
  const Session session(*this);
  check_credential_management(pin);
  std::vector<ResidentKey> out;
  visit_residents(PinText(pin).c_str(), [&out](const fido_cred_t& credential, const std::string& application) {
    std::optional<ResidentKey> key = resident_key(credential, application);
    if (key) out.push_back(std::move(*key));
    if (out.size() > limits::resident_keys) throw Error(Errc::too_large, "the token announces too many resident keys");
    return false;
  });
  return out;
}

void FidoToken::remove_resident(ByteView key_handle, const SecretBytes* pin) {
  const Session session(*this);
  check_credential_management(pin);
  const PinText pin_text(pin);
  check(fido_credman_del_dev_rk(device_.get(), key_handle.data(), key_handle.size(), pin_text.c_str()));
}

/// The token wants the user id again (CTAP 2.1 §6.8.6), so the credential is looked up first.
void FidoToken::rename_resident(ByteView key_handle, const std::string& user, const SecretBytes* pin) {
  const Session session(*this);
  check_credential_management(pin);
  const PinText pin_text(pin);
  std::optional<Bytes> id;
  visit_residents(pin_text.c_str(), [&](const fido_cred_t& credential, const std::string&) {
    if (equal(id_of(credential), key_handle)) id = to_bytes(user_id_of(credential));
    return id.has_value();
  });
  if (!id) throw Error(Errc::not_found, "the token has no such resident key of SSH's");
  const auto renamed = owned<FidoCredential>(fido_cred_new());
  check(fido_cred_set_id(renamed.get(), key_handle.data(), key_handle.size()));
  check(fido_cred_set_user(renamed.get(), id->data(), id->size(), user.c_str(), user.c_str(), nullptr));
  check(fido_credman_set_dev_rk(device_.get(), renamed.get(), pin_text.c_str()));
}

}  // namespace fob
