#pragma once

#include "protocol/key_file/armour.h"
#include "protocol/key_file/key_file.h"

/// PKCS#8 (RFC 5958) in PEM, encrypted with PBES2 (RFC 8018 §6.2: PBKDF2 or scrypt) or, for reading, with the triple
/// DES of PKCS#12 (RFC 7292 §C): the contracts are those of key_file.h, but for the check of the halves.
namespace fob::pkcs8 {

inline constexpr std::string_view plain_label = "PRIVATE KEY";
inline constexpr std::string_view encrypted_label = "ENCRYPTED PRIVATE KEY";

KeyFileInfo inspect(const Block& block);
KeyFile parse(const Block& block, const AskPassphrase& ask_passphrase);
Bytes format(const PrivateKey& key, const SecretBytes& passphrase);
/// With another passphrase.
Bytes rewrite(const Block& before, const KeyFile& content, const SecretBytes& passphrase);

}  // namespace fob::pkcs8
