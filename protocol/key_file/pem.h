#pragma once

#include "protocol/key_file/armour.h"
#include "protocol/key_file/key_file.h"

/// PKCS#1 and SEC 1 in PEM, encrypted in OpenSSL's old way (Proc-Type, DEK-Info; PEM_write_bio_PrivateKey_traditional):
/// the contracts are those of key_file.h, but for the check of the halves.
namespace fob::pem {

inline constexpr std::string_view rsa_label = "RSA PRIVATE KEY";
inline constexpr std::string_view ec_label = "EC PRIVATE KEY";

KeyFileInfo inspect(const Block& block);
KeyFile parse(const Block& block, const AskPassphrase& ask_passphrase);
Bytes format(const PrivateKey& key, const SecretBytes& passphrase);

}  // namespace fob::pem
