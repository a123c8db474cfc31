#pragma once

#include "protocol/key_file/cipher.h"

/// Keys and MAC of PuTTY's private key files (PuTTY's manual, appendices C.3 to C.5).
namespace fob::ppk {

inline constexpr std::size_t cipher_block_bytes = 16;

/// What follows from the passphrase.
struct Keys {
  SecretBytes cipher_key;  ///< none where the file is not encrypted
  Bytes iv;
  SecretBytes mac_key;  ///< none in version 3 where the file is not encrypted
  Hash mac_hash;

  Cipher cipher() const { return {"AES-256-CBC", cipher_key.view(), iv}; }
};

/// Whether a file may ask for this. Errors: malformed, too_large.
void check_argon2(const Argon2& parameters, ByteView salt);

/// Version 3; the passphrase is empty where the file is not encrypted.
Keys derive_keys(const Argon2& parameters, const SecretBytes& passphrase, ByteView salt);
/// Version 2, with SHA-1.
Keys derive_old_keys(const SecretBytes& passphrase);

/// What the MAC covers; the private part is padded, but not encrypted.
struct Covered {
  std::string_view type;
  std::string_view encryption;
  std::string_view comment;
  ByteView public_blob;
  ByteView private_blob;
};
Bytes mac_of(const Keys& keys, const Covered& covered);

/// To whole blocks, with bytes of the SHA-1 of `fields`, as PuTTY does.
void pad(Bytes& fields);

}  // namespace fob::ppk
