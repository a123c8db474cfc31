#pragma once

#include <string_view>

#include "protocol/key_file/cipher.h"

/// The ciphers of OpenSSH that its key files may be encrypted with: what `ssh-keygen -Z` takes.
namespace fob::openssh {

struct FileCipher {
  std::string_view name;     ///< OpenSSH's
  const char* openssl_name;  ///< nullptr: none, or one that OpenSSL does not have in this form
  std::size_t key_bytes;
  std::size_t iv_bytes;
  std::size_t block_bytes;
  std::size_t tag_bytes;

  bool encrypts() const { return key_bytes != 0; }
  std::size_t key_and_iv_bytes() const { return key_bytes + iv_bytes; }
};

/// nullptr for an unknown name.
const FileCipher* find_cipher(std::string_view name);
/// "none"
const FileCipher& plain_cipher();
/// "aes256-ctr", ssh-keygen's default.
const FileCipher& written_cipher();

/// `contents` are whole blocks. Throws WrongPassphrase where there is a tag that does not fit.
Bytes decrypt_contents(const FileCipher& cipher, const SecretBytes& key_and_iv, ByteView contents, ByteView tag);
/// The tag is empty where the cipher has none.
Sealed encrypt_contents(const FileCipher& cipher, const SecretBytes& key_and_iv, ByteView contents);

}  // namespace fob::openssh
