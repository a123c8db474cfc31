#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/public_key.h"

namespace fob {

/// One line of an allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS).
struct AllowedSigner {
  std::string principals;  ///< patterns, separated by commas
  PublicKey key;
  bool authority = false;                 ///< the key signs certificates
  std::optional<std::string> namespaces;  ///< patterns; nothing: all
  std::uint64_t valid_after = 0;          ///< seconds since 1970; 0: no bound
  std::uint64_t valid_before = 0;
};

/// Nothing for an empty line or a comment. Times without a Z at their end are local. Errors: malformed, unsupported,
/// invalid_key.
std::optional<AllowedSigner> parse_allowed_signer(std::string_view line);

/// Throws Error{Errc::refused}, with the part that does not fit, unless a line of the file's `text` lets `identity`
/// sign for `signature_namespace` with `key` (or certificate) at `now`, in seconds since 1970. As ssh-keygen -Y verify,
/// lines that cannot be read let nobody in, and a certificate must name the identity; one that names nobody is for
/// nobody, as in OpenSSH from 10.3 on. Errors: also too_large over limits::allowed_signers_bytes.
void check_allowed_signer(std::string_view text, const PublicKey& key, std::string_view identity,
                          std::string_view signature_namespace, std::uint64_t now);

}  // namespace fob
