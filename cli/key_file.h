#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "protocol/error.h"
#include "protocol/private_key.h"

namespace fob::cli {

/// What an OpenSSH private key file holds (PROTOCOL.key, "openssh-key-v1").
struct KeyFile {
  PrivateKey key;
  std::string comment;
};

/// What was typed does not open the file: one may ask again. Any other refusal is final.
class WrongPassphrase : public Error {
 public:
  WrongPassphrase() : Error(Errc::refused, "wrong passphrase") {}
};

/// Called at most once, and only for an encrypted file.
using AskPassphrase = std::function<SecretBytes()>;

/// The public key in the file's text, which stands there unencrypted. Errors: malformed; unsupported, with what to do,
/// for other kinds of key or file.
PublicKey parse_public_part(std::string_view text);

/// Reads the file's text: one key, unencrypted or encrypted with aes256-ctr and bcrypt_pbkdf (what ssh-keygen writes by
/// default). Takes as long as the file's rounds say, up to limits::key_file_rounds.
/// Errors: those of parse_public_part, also for another cipher; WrongPassphrase; refused for an empty one; and what
/// `ask_passphrase` throws.
KeyFile parse_key_file(std::string_view text, const AskPassphrase& ask_passphrase);

/// The file's text; encrypted unless `passphrase` is empty. Other SSH tools take it for their own.
Bytes format_key_file(const PrivateKey& key, std::string_view comment, const SecretBytes& passphrase);

}  // namespace fob::cli
