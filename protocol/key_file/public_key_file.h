#pragma once

#include <string>
#include <string_view>

#include "protocol/public_key.h"

namespace fob {

/// How a public key is written down.
enum class PublicKeyFormat {
  openssh,  ///< "TYPE BASE64 COMMENT": of .pub files and authorized_keys; certificates too
  rfc4716,  ///< "---- BEGIN SSH2 PUBLIC KEY ----"
  pem,      ///< "PUBLIC KEY" (RFC 5280 §4.1, RFC 8410); read is also "RSA PUBLIC KEY". RSA, ECDSA, Ed25519
};

struct PublicKeyFile {
  PublicKey key;
  std::string comment;  ///< PEM has none
  PublicKeyFormat format = PublicKeyFormat::openssh;
  std::string options;  ///< of authorized_keys, as they stand before the key; OpenSSH's form only
};

/// Reads one public key or certificate of any format above; of OpenSSH's form the first line that is neither empty nor
/// a comment, with options of authorized_keys before the type or none. The key is a point of its curve, an RSA key one
/// that the agent would take. Errors: malformed; unsupported; invalid_key; too_large.
PublicKeyFile parse_public_key_file(std::string_view text);

/// "TYPE BASE64 COMMENT", the line's end not with it; of the comment no more than limits::comment_bytes.
std::string public_key_line(const PublicKey& key, std::string_view comment);

/// The text, its last line ended. The comment can hold no second line, and RFC 4716 cuts it to what fits into one of 72
/// bytes. Errors: unsupported where the format has no such key: then the text says which formats do.
std::string format_public_key(const PublicKey& key, std::string_view comment, PublicKeyFormat format);

}  // namespace fob
