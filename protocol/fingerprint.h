#pragma once

#include <string>

#include "protocol/public_key.h"

namespace fob {

enum class FingerprintHash { md5, sha256 };

/// "SHA256:…" in unpadded base64 or "MD5:aa:bb:…", as ssh-keygen -l -E prints them. Of a certificate: of its key.
std::string fingerprint(const PublicKey& key, FingerprintHash hash = FingerprintHash::sha256);

/// The key's picture ("drunken bishop"), 11 lines without a final newline, as ssh-keygen -lv prints it.
std::string randomart(const PublicKey& key, FingerprintHash hash = FingerprintHash::sha256);

}  // namespace fob
