#pragma once

#include "protocol/private_key.h"
#include "tokens/token.h"

namespace fob {

/// An sk private key is what a token needs to find the key again: PrivateKey::secret holds byte flags, string key
/// handle, string reserved (PROTOCOL.u2f).

/// Throws malformed.
KeyRef sk_key_ref(const PublicKey& key, const SecretBytes& secret);
PrivateKey sk_private_key(const PublicKey& key, std::uint8_t flags, ByteView key_handle);

}  // namespace fob
