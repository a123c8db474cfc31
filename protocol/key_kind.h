#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace fob {

/// The kinds of SSH key, certificates aside: a certificate's kind is that of the key in it.
enum class KeyKind { rsa, ecdsa_p256, ecdsa_p384, ecdsa_p521, ed25519, sk_ecdsa_p256, sk_ed25519, mldsa44_ed25519 };

/// What is fixed for one kind. Names: RFC 4253 §6.6, RFC 5656 §3, RFC 8709, PROTOCOL.u2f, PROTOCOL.certkeys.
struct KeyKindTraits {
  KeyKind kind;
  std::string_view name;              ///< on the wire, "ssh-ed25519"
  std::string_view certificate_name;  ///< on the wire, "ssh-ed25519-cert-v01@openssh.com"
  std::string_view display_name;      ///< as ssh-add -l shows it, "ED25519"
  std::string_view curve;             ///< RFC 5656 curve identifier of ECDSA kinds, else empty
  unsigned bits;                      ///< as ssh-add -l counts them; 0 for RSA, where the modulus says
  std::size_t point_bytes;            ///< the public point or key; 0 for RSA
};

inline constexpr std::size_t mldsa44_public_bytes = 1312;
inline constexpr std::size_t mldsa44_signature_bytes = 2420;
inline constexpr std::size_t ed25519_public_bytes = 32;
inline constexpr std::size_t ed25519_signature_bytes = 64;

inline constexpr std::array key_kinds{
    KeyKindTraits{KeyKind::rsa, "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", "RSA", "", 0, 0},
    KeyKindTraits{KeyKind::ecdsa_p256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA",
                  "nistp256", 256, 65},
    KeyKindTraits{KeyKind::ecdsa_p384, "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com", "ECDSA",
                  "nistp384", 384, 97},
    KeyKindTraits{KeyKind::ecdsa_p521, "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com", "ECDSA",
                  "nistp521", 521, 133},
    KeyKindTraits{KeyKind::ed25519, "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", "ED25519", "", 256,
                  ed25519_public_bytes},
    KeyKindTraits{KeyKind::sk_ecdsa_p256, "sk-ecdsa-sha2-nistp256@openssh.com",
                  "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "ECDSA-SK", "nistp256", 256, 65},
    KeyKindTraits{KeyKind::sk_ed25519, "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com",
                  "ED25519-SK", "", 256, ed25519_public_bytes},
    KeyKindTraits{KeyKind::mldsa44_ed25519, "ssh-mldsa44-ed25519@openssh.com",
                  "ssh-mldsa44-ed25519-cert-v01@openssh.com", "MLDSA44-ED25519", "", 256,
                  mldsa44_public_bytes + ed25519_public_bytes},
};

constexpr const KeyKindTraits& traits(KeyKind kind) { return key_kinds[static_cast<std::size_t>(kind)]; }

constexpr bool is_sk(KeyKind kind) { return kind == KeyKind::sk_ecdsa_p256 || kind == KeyKind::sk_ed25519; }
constexpr bool is_ecdsa(KeyKind kind) {
  return kind == KeyKind::ecdsa_p256 || kind == KeyKind::ecdsa_p384 || kind == KeyKind::ecdsa_p521;
}

/// A key type name on the wire, taken apart.
struct KeyTypeName {
  KeyKind kind;
  bool is_certificate;
};

/// Empty for names that fob does not know, ssh-dss among them.
constexpr std::optional<KeyTypeName> key_type_from_name(std::string_view name) {
  for (const KeyKindTraits& entry : key_kinds) {
    if (name == entry.name) return KeyTypeName{entry.kind, false};
    if (name == entry.certificate_name) return KeyTypeName{entry.kind, true};
  }
  return std::nullopt;
}

}  // namespace fob
