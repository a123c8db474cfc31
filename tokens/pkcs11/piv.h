#pragma once

#include "tokens/pkcs11/connection.h"

/// What is done to PIV cards past their PKCS#11 module, which has no functions for it: by PivCard, with the library
/// finalised, so that the card is free. Errors: those of PivCard; refused where a slot is missing.
namespace fob::pkcs11 {

/// Whether the one token that `uri` names is a PIV card. Errors: not_found, refused (several).
bool is_piv(Connection& connection, const std::string& uri);

Pkcs11Key generate_on_piv(Connection& connection, const Pkcs11NewKey& wanted, const Pkcs11Secrets& secrets);
Pkcs11Key store_on_piv(Connection& connection, const Pkcs11NewKey& wanted, const PrivateKey& key,
                       const Pkcs11Secrets& secrets);
void remove_from_piv(Connection& connection, const std::string& uri, ByteView key_blob, const Pkcs11Secrets& secrets);
std::vector<Bytes> attest_on_piv(Connection& connection, const std::string& uri, ByteView key_blob);
void unblock_piv(Connection& connection, const std::string& uri, const SecretBytes& puk, const SecretBytes& new_pin);

}  // namespace fob::pkcs11
