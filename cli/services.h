#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/control_reply.h"
#include "protocol/key_file/key_file.h"
#include "protocol/key_file/public_key_file.h"

namespace fob::cli {

/// What one service accepts and wants of SSH keys: an entry of services.toml, which says what each field means.
struct Service {
  enum class Passphrase { allowed, required, none };

  std::string name;  ///< as --for has it
  std::string title;
  std::vector<KeyKind> kinds;  ///< at least one; what to choose first comes first
  unsigned rsa_bits = 3072;
  unsigned rsa_min_bits = 2048;
  PublicKeyFormat public_format = PublicKeyFormat::openssh;
  std::optional<KeyFileFormat> private_format;  ///< nothing: the private key is needed as no file
  Passphrase passphrase = Passphrase::allowed;
  bool hands_over = false;
  std::string file;  ///< as in services.toml; there if private_format is
  bool one_account = false;
  std::optional<std::string> label_also;
  std::size_t label_bytes = 0;  ///< 0: no rule
  std::string paste;
  std::string test;
  std::string notes;

  bool accepts(KeyKind kind) const;
  /// The first one that it accepts of FIDO2 tokens' kinds, or of the others.
  std::optional<KeyKind> first_kind(bool of_fido2_token) const;
};

/// The service of that name: from the user's own services.toml, or else from the one in the program. Throws not_found
/// with the names that there are; malformed, with file and line, for a file that is wrong; too_large; system.
Service service_named(const std::string& name);

/// What `text` holds, as services.toml says (services_file.cc); `path` is for errors. Throws malformed.
std::vector<Service> parse_services(const std::string& path, std::string_view text);

/// Throws unsupported unless the service accepts such a key, with which it would. `rsa_bits`: of an RSA key.
void check_accepted(const Service& service, KeyKind kind, unsigned rsa_bits);

/// How it is noted with a key where it was given: "github", "clever-cloud/alice@example.com". Throws malformed
/// for an account that cannot stand there.
std::string place_at(const Service& service, const std::string& account);

/// Where the key was given under another account of the service than `account`; empty: nowhere that is known.
std::string place_of_other_account(const control::Key& key, const Service& service, const std::string& account);

/// The service's own name for a key: that of the key, as far as its rule allows.
std::string label_for(const Service& service, const std::string& key_name);

}  // namespace fob::cli
