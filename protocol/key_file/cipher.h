#pragma once

#include "protocol/bytes.h"
#include "protocol/hash.h"
#include "protocol/key_file/key_file.h"
#include "protocol/secret_bytes.h"

/// Symmetric ciphers and key derivations of key files.
namespace fob {

/// What `ask_passphrase` gives. Throws refused where that is empty.
SecretBytes ask_for(const AskPassphrase& ask_passphrase);

/// One of OpenSSL's ciphers ("AES-256-CBC") with its key and IV, which must have the sizes that it wants.
struct Cipher {
  const char* name;
  ByteView key;
  ByteView iv;
};

/// Whole blocks only, or in counter mode any number of bytes.
Bytes encrypt(const Cipher& cipher, ByteView data);
Bytes decrypt(const Cipher& cipher, ByteView data);
/// With PKCS#7 padding. Decrypting throws WrongPassphrase where that is wrong.
Bytes encrypt_padded(const Cipher& cipher, ByteView data);
Bytes decrypt_padded(const Cipher& cipher, ByteView data);

/// What a cipher that authenticates makes of data.
struct Sealed {
  Bytes data;
  Bytes tag;
};
/// With a GCM cipher, whose tag has 16 bytes. Decrypting throws WrongPassphrase where that is wrong.
Sealed encrypt_tagged(const Cipher& cipher, ByteView data);
Bytes decrypt_tagged(const Cipher& cipher, ByteView data, ByteView tag);

/// At most 64 bytes; the key may be empty.
Bytes hmac(Hash hash, ByteView key, ByteView data);

/// bcrypt_pbkdf as in OpenBSD; `rounds` at least 1.
SecretBytes bcrypt_pbkdf(const SecretBytes& passphrase, ByteView salt, std::uint32_t rounds, std::size_t bytes);

/// RFC 9106; `type` is "Argon2id", "Argon2i" or "Argon2d". The salt has at least 8 bytes, and there are at least 8 KiB
/// for each lane.
struct Argon2 {
  std::string_view type;
  std::uint32_t kib;
  std::uint32_t passes;
  std::uint32_t lanes;
};
/// Errors: system where the memory cannot be had.
SecretBytes argon2(const Argon2& parameters, const SecretBytes& passphrase, ByteView salt, std::size_t bytes);

}  // namespace fob
