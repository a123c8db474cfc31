#pragma once

#include <optional>
#include <string>
#include <variant>

#include "protocol/bytes.h"
#include "protocol/public_key.h"

namespace fob {

/// A login: RFC 4252 §7, or with the host key bound in (PROTOCOL, publickey-hostbound-v00@openssh.com).
struct UserAuthentication {
  ByteView session_id;
  std::string_view user;
  std::string_view service;    ///< "ssh-connection"
  std::string_view algorithm;  ///< signature algorithm or certificate type
  ByteView key_blob;
  std::optional<ByteView> host_key_blob;
};

/// A file, a git commit or whatever else has a namespace (PROTOCOL.sshsig).
struct SshsigMessage {
  std::string_view signature_namespace;
  std::string_view hash_algorithm;
  ByteView hash;
};

/// A server proves that it has a host key (PROTOCOL, hostkeys-prove-00@openssh.com).
struct HostKeyProof {
  ByteView session_id;
  ByteView host_key_blob;
};

/// A certificate for somebody else: the signing key is a CA (PROTOCOL.certkeys).
struct CertificateRequest {
  std::string_view type_name;
  Certificate::Type type;
  std::string_view key_id;
};

struct UnknownData {};

/// What a blob that is to be signed is. Views into that blob.
using SignedData = std::variant<UserAuthentication, SshsigMessage, HostKeyProof, CertificateRequest, UnknownData>;

/// Never throws for any input: what does not fit a kind to the last byte is UnknownData.
SignedData describe(ByteView data);

/// `data` as a user authentication made with the key `key_blob` for the service ssh-connection, else nothing: the
/// check that destination constraints and web-origin FIDO keys stand on (OpenSSH's parse_userauth_request).
std::optional<UserAuthentication> user_authentication_with(const PublicKey& key, ByteView data);

/// For prompts and the log: "log in as alice", "sign for git", "sign unknown data".
std::string sentence(const SignedData& data);

}  // namespace fob
