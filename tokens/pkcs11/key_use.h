#pragma once

#include <functional>

#include "tokens/pkcs11/connection.h"

namespace fob::pkcs11 {

/// A private key that a URI names, and that has this public half.
struct WantedKey {
  const std::string& uri;
  ByteView key_blob;
  const SecretBytes& pin;
  Purpose purpose;
};

/// One use of a key. `log_in`, where it is not empty, is to be called between the operation's beginning and its end
/// (CKA_ALWAYS_AUTHENTICATE).
using KeyOperation =
    std::function<void(const SessionRef& session, const ReadyKey& key, const std::function<void()>& log_in)>;

/// Finds the key, on whichever token it is, and runs `operation` with it: logged in with the PIN where one is given,
/// once more where the token wants a login that it has not told of. Errors: those of Module.
void use_key(Connection& connection, const WantedKey& wanted, const KeyOperation& operation);

}  // namespace fob::pkcs11
