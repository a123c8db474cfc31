#pragma once

#include <string>
#include <string_view>

#include "protocol/hash.h"
#include "protocol/public_key.h"

namespace fob {

/// The signature of a file, with the key that made it and what it is for (OpenSSH's PROTOCOL.sshsig): what
/// ssh-keygen -Y sign writes.
struct Sshsig {
  PublicKey key;                    ///< or a certificate
  std::string signature_namespace;  ///< "file", "git": a signature for one purpose is none for another
  Hash hash = Hash::sha512;         ///< of the file: sha512 or sha256
  Bytes signature;                  ///< RFC 4253 §6.6

  /// From the binary form, nothing left over. Errors: malformed, unsupported, invalid_key.
  static Sshsig parse(ByteView blob);
  /// From the text between "-----BEGIN SSH SIGNATURE-----" and its end; what follows is passed over. Errors: those of
  /// parse(); too_large over limits::sshsig_text_bytes.
  static Sshsig parse_text(std::string_view text);

  Bytes write() const;
  /// As ssh-keygen writes it, to the last byte.
  std::string text() const;
};

/// Throws malformed for an empty one, or one with a NUL; too_large over limits::name_bytes.
void check_sshsig_namespace(std::string_view signature_namespace);

/// What the key signs: the namespace, and the file's digest.
Bytes sshsig_signed_data(std::string_view signature_namespace, Hash hash, ByteView digest);

/// That the key made the signature over that digest, and, of a certificate, that its CA made the certificate: which
/// says nothing of who has the key, nor until when. RSA with SHA-2 only. Errors: bad_signature, malformed, invalid_key,
/// unsupported.
void verify_sshsig(const Sshsig& sshsig, ByteView digest);

/// "sha512", "sha256".
std::string_view sshsig_hash_name(Hash hash);

}  // namespace fob
