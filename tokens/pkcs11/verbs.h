#pragma once

#include "tokens/pkcs11/connection.h"

/// What Module can do, each within a call of a Connection. Contracts and errors: module.h.
namespace fob::pkcs11 {

struct SignatureRequest {
  const std::string& uri;
  ByteView key_blob;
  std::uint32_t flags;
  ByteView data;
  const SecretBytes& pin;
};

struct SecretRequest {
  const std::string& uri;
  ByteView key_blob;
  ByteView sealed;
  const SecretBytes& pin;
};

std::vector<Pkcs11Key> list_keys(Connection& connection, const std::string& uri, const SecretBytes& pin,
                                 Purpose purpose);
/// The key, with its URI, that a session with `token` shows and that has this blob. Errors: not_found.
Pkcs11Key listed_key(Connection& connection, OpenToken& token, ByteView key_blob);

Bytes sign(Connection& connection, const SignatureRequest& request);
/// As SSH writes it, of `data` with the private key `object`; the session must be logged in as far as needed, and
/// `before_sign` is called between C_SignInit and C_Sign. Errors: unsupported, and what the functions say.
Bytes make_signature(const SessionRef& session, CK_OBJECT_HANDLE object, const PublicKey& key, std::uint32_t flags,
                     ByteView data, const std::function<void()>& before_sign);

SecretBytes open_secret(Connection& connection, const SecretRequest& request);

Pkcs11Key generate_key(Connection& connection, const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets);
Pkcs11Key store_key(Connection& connection, const Pkcs11NewKey& wanted, const PrivateKey& key,
                    const Pkcs11Secrets& secrets);
/// Refused unless the URI names the key of this blob; so is attest_key().
void remove_key(Connection& connection, const std::string& uri, ByteView key_blob, const Pkcs11Secrets& secrets);

void change_pin(Connection& connection, const std::string& uri, const SecretBytes& old_pin, const SecretBytes& new_pin);
void reset_pin(Connection& connection, const std::string& uri, const SecretBytes& unblocking_pin,
               const SecretBytes& new_pin);

std::vector<Bytes> attest_key(Connection& connection, const std::string& uri, ByteView key_blob);

}  // namespace fob::pkcs11
