#pragma once

#include <string>

#include "protocol/hash.h"
#include "protocol/public_key.h"

namespace fob {

/// "SHA256:…" in unpadded base64 (MD5: "MD5:aa:bb:…"), as ssh-keygen -l -E prints them. Of a certificate: of its key.
std::string fingerprint(const PublicKey& key, Hash hash = Hash::sha256);

/// The key's picture ("drunken bishop"), 11 lines without a final newline, as ssh-keygen -lv prints it.
std::string randomart(const PublicKey& key, Hash hash = Hash::sha256);

}  // namespace fob
