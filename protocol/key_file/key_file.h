#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/error.h"
#include "protocol/private_key.h"

namespace fob {

/// How a private key is written down.
enum class KeyFileFormat {
  openssh,  ///< "OPENSSH PRIVATE KEY" (PROTOCOL.key); of every kind of key
  pem,      ///< "RSA PRIVATE KEY" (PKCS#1), "EC PRIVATE KEY" (SEC 1): ssh-keygen -m PEM; RSA and ECDSA only
  pkcs8,    ///< "PRIVATE KEY", "ENCRYPTED PRIVATE KEY" (RFC 5958): openssl's; RSA, ECDSA, Ed25519
  ppk,      ///< "PuTTY-User-Key-File-2" and "-3"; RSA, ECDSA, Ed25519; written is 3
};

struct KeyFile {
  PrivateKey key;
  std::string comment;  ///< PEM and PKCS#8 have none
};

/// What can be known of a key file without its passphrase.
struct KeyFileInfo {
  KeyFileFormat format = KeyFileFormat::openssh;
  bool encrypted = false;
  /// Nothing where it is encrypted, too (PEM, PKCS#8).
  std::optional<PublicKey> public_key;
  std::string comment;       ///< of PPK and of what is not encrypted
  unsigned ppk_version = 0;  ///< 2 or 3; 0 of the other formats
};

/// What was typed does not open the file: one may ask again. Any other refusal is final.
class WrongPassphrase : public Error {
 public:
  WrongPassphrase() : Error(Errc::refused, "wrong passphrase") {}
};

/// Called at most once, and only for an encrypted file.
using AskPassphrase = std::function<SecretBytes()>;

/// Takes no passphrase and no KDF. Whether the private key is right is not checked. Errors: malformed; too_large;
/// invalid_key for numbers that make no key at all; unsupported, with what to do, for other kinds of key or file (a
/// public key, a certificate, DSA, ssh.com's private form, …).
KeyFileInfo inspect_key_file(std::string_view text);

/// Reads the file's text: one key of any format above, line ends of any system, what stands before and after the key
/// passed over as far as the tools that write the format do. The key is one whose halves fit (check_key_halves).
/// Takes as long as the file's KDF says, up to the limits in key_file_limits.h, and as much memory.
/// Errors: those of inspect_key_file; invalid_key; WrongPassphrase; refused for an empty passphrase; too_large; and
/// what `ask_passphrase` throws.
KeyFile parse_key_file(std::string_view text, const AskPassphrase& ask_passphrase);

/// The file's text; encrypted unless `passphrase` is empty: OpenSSH aes256-ctr with bcrypt, PEM AES-128-CBC with
/// OpenSSL's legacy derivation (one MD5: all that this form has, and puttygen reads no longer key), PKCS#8 AES-256-CBC
/// with PBKDF2, PPK 3 with Argon2id. Other tools take it for their own. Errors: unsupported where the format has no
/// such key.
Bytes format_key_file(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase,
                      KeyFileFormat format = KeyFileFormat::openssh);

/// What changes in a key file that is written anew.
enum class KeyFileChange {
  comment,     ///< not its version, nor how it is encrypted: cipher, KDF and what that costs
  passphrase,  ///< the KDF costs what it did, or what format_key_file has it cost where that is more; with a passphrase
               ///< PPK 2, which has no KDF, becomes PPK 3, and a cipher of OpenSSH's with a key of less than 256 bits
               ///< aes256-ctr
};

/// The same in place of the file `before`, which holds the key, in its format; `change` says what stays. Errors: those
/// of inspect_key_file; unsupported for the comment of a file that can have none.
Bytes rewrite_key_file(std::string_view before, const KeyFile& content, const SecretBytes& passphrase,
                       KeyFileChange change);

/// "OpenSSH", "PEM", "PKCS#8", "PPK": for people.
std::string_view name_of(KeyFileFormat format);

}  // namespace fob
