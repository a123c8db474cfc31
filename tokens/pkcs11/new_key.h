#pragma once

#include "tokens/pkcs11/connection.h"

/// What generating a key and putting one on a token have in common.
namespace fob::pkcs11 {

/// The token for a new key: open, logged in, with a session that writes.
class Workplace {
 public:
  /// Errors: refused: the token has a key of this label, or a slot is asked for, which only PIV cards have; those of
  /// login.
  Workplace(Connection& connection, const Pkcs11NewKey& wanted, const SecretBytes& pin);

  OpenToken& token() { return token_; }
  SessionRef session() const { return session_.ref(); }

 private:
  OpenToken& token_;
  Session session_;  ///< before a PIN is spent: a token that lets nobody write says so here
};

/// A new CKA_ID: 20 random bytes, as p11tool has it, which other programs find both halves of a key pair by.
Bytes new_id();

/// Attributes of the new objects: both halves have the same CKA_ID and CKA_LABEL.
Template private_template(const Pkcs11NewKey& wanted, ByteView id);
Template public_template(const Pkcs11NewKey& wanted, ByteView id);

/// Throws refused unless the private key is sensitive and cannot be taken out; and, of one that was generated, unless
/// the token made it itself.
void check_private_key(const SessionRef& session, CK_OBJECT_HANDLE object, bool generated);

/// Destroys objects that were made for nothing (0: none), and throws `reason`, which says so if they are still there.
[[noreturn]] void throw_without(const SessionRef& session, std::initializer_list<CK_OBJECT_HANDLE> objects,
                                const Error& reason);

}  // namespace fob::pkcs11
