#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/public_key.h"
#include "tokens/pkcs11/attributes.h"
#include "tokens/pkcs11/uri.h"

namespace fob::pkcs11 {

/// What a private key is wanted for: SSH signatures, or host::OpenSecret.
enum class Purpose { signing, opening };

/// A key pair on a token, with what belongs to it: the objects of one CKA_ID (where there is none, of one CKA_LABEL).
struct FoundKey {
  Bytes id;
  std::string label;       ///< as it is; empty: its objects have none, or different ones
  std::string shown_name;  ///< for people: a label, or its certificate's subject
  PublicKey public_key;
  /// Private key objects that may be its own; those that serve the purpose come first. Empty where they are hidden
  /// until login.
  std::vector<CK_OBJECT_HANDLE> private_objects;
  bool always_authenticate = false;  ///< of the first
  /// False where the token shows, by these objects, the public key or the certificate (RFC 5280 §4.2.1.3), that it does
  /// not do that.
  bool signs = true;
  bool opens = true;
};

/// The keys in a session that `uri` names and SSH knows. With `all_visible`, those without a private key are left out:
/// certificates of others.
std::vector<FoundKey> find_keys(const SessionRef& session, const Uri& uri, bool all_visible,
                                Purpose purpose = Purpose::signing);

}  // namespace fob::pkcs11
