#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/public_key.h"
#include "tokens/pkcs11/attributes.h"
#include "tokens/pkcs11/uri.h"

namespace fob::pkcs11 {

/// A key pair on a token, with what belongs to it: the objects of one CKA_ID (where there is none, of one CKA_LABEL).
struct FoundKey {
  Bytes id;
  std::string label;       ///< as it is; empty: its objects have none, or different ones
  std::string shown_name;  ///< for people: a label, or its certificate's subject
  PublicKey public_key;
  /// Private key objects that may be its own; those that sign come first. Empty where they are hidden until login.
  std::vector<CK_OBJECT_HANDLE> private_objects;
  bool always_authenticate = false;  ///< of the first
};

/// The keys in a session that `uri` names and SSH can use. With `all_visible`, those without a private key are left
/// out: certificates of others.
std::vector<FoundKey> find_keys(const SessionRef& session, const Uri& uri, bool all_visible);

}  // namespace fob::pkcs11
