#pragma once

#include <array>
#include <string_view>

namespace fob {

/// Digests that SSH uses.
enum class Hash { md5, sha1, sha256, sha384, sha512 };

/// In the order of Hash; OpenSSH's names in fingerprints and OpenSSL's too.
inline constexpr std::array<std::string_view, 5> hash_names{"MD5", "SHA1", "SHA256", "SHA384", "SHA512"};

constexpr std::string_view name_of(Hash hash) { return hash_names[static_cast<std::size_t>(hash)]; }

}  // namespace fob
