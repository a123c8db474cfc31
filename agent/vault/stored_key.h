#pragma once

#include <array>
#include <string>
#include <vector>

#include "protocol/public_key.h"

namespace fob {

/// A key as the vault keeps it. Nothing in it is secret as it lies there.
struct StoredKey {
  /// Who holds the private key. The numbers are those in the file.
  enum class Holder : std::uint8_t {
    vault = 1,   ///< this file, sealed under the vault key
    fido = 2,    ///< a FIDO2 token, known by the key handle
    pkcs11 = 3,  ///< a PKCS#11 token, known by URI
  };
  /// Random, given when the key is made, never changed: what a sealed private key is bound to beside its public key.
  using Identity = std::array<std::uint8_t, 16>;

  Identity identity{};
  std::string name;  ///< as control::check_key_name has it; unique
  std::string comment;
  PublicKey public_key;  ///< unique
  Holder holder = Holder::fido;
  Bytes key_handle;                   ///< fido: credential id; pkcs11: URI (RFC 7512); else empty
  Bytes sealed;                       ///< vault: VaultKey::seal of PrivateKey::secret; else empty
  std::uint8_t sk_flags = 0;          ///< PROTOCOL.u2f
  std::string provider;               ///< fido: "internal"; pkcs11: its module's path; else empty
  std::string token;                  ///< for people: which token it was when the key was made
  std::uint64_t created = 0;          ///< seconds since 1970
  bool confirm = false;               ///< policy: each use is confirmed by a person
  std::vector<std::string> services;  ///< where its public key was given; control::check_services

  bool in_vault() const { return holder == Holder::vault; }
  bool on_pkcs11_token() const { return holder == Holder::pkcs11; }
  static Identity new_identity();
};

}  // namespace fob
