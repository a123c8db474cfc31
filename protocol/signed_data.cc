#include "protocol/signed_data.h"

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

constexpr std::uint8_t msg_userauth_request = 50;  // RFC 4252 §6
constexpr std::string_view hostbound_method = "publickey-hostbound-v00@openssh.com";
constexpr std::string_view host_key_proof = "hostkeys-prove-00@openssh.com";
constexpr std::string_view sshsig_magic = "SSHSIG";

[[noreturn]] void throw_other_kind() { throw Error(Errc::malformed, "another kind of data"); }

UserAuthentication read_user_authentication(Reader in) {
  UserAuthentication out;
  out.session_id = in.string();
  if (out.session_id.empty() || in.u8() != msg_userauth_request) throw_other_kind();
  out.user = in.text();
  out.service = in.text();
  const std::string_view method = in.text();
  if (in.u8() != 1) throw_other_kind();  // "a signature follows"
  out.algorithm = in.text();
  out.key_blob = in.string();
  if (method == hostbound_method) {
    out.host_key_blob = in.string();
  } else if (method != "publickey") {
    throw_other_kind();
  }
  in.done();
  return out;
}

SshsigMessage read_sshsig(Reader in) {
  if (as_text(in.raw(sshsig_magic.size())) != sshsig_magic) throw_other_kind();
  SshsigMessage out;
  out.signature_namespace = in.text();
  in.string();  // reserved
  out.hash_algorithm = in.text();
  out.hash = in.string();
  in.done();
  return out;
}

HostKeyProof read_host_key_proof(Reader in) {
  if (in.text() != host_key_proof) throw_other_kind();
  HostKeyProof out;
  out.session_id = in.string();
  out.host_key_blob = in.string();
  in.done();
  return out;
}

/// The key's own fields in a certificate: their number by kind.
void skip_certified_key(KeyKind kind, Reader& in) {
  const bool two_fields = kind == KeyKind::rsa || is_ecdsa(kind) || kind == KeyKind::sk_ed25519;
  const int fields = kind == KeyKind::sk_ecdsa_p256 ? 3 : (two_fields ? 2 : 1);
  for (int i = 0; i < fields; ++i) in.string();
}

CertificateRequest read_certificate_request(Reader in) {
  CertificateRequest out;
  out.type_name = in.text(limits::name_bytes);
  const std::optional<KeyTypeName> name = key_type_from_name(out.type_name);
  if (!name || !name->is_certificate) throw_other_kind();
  in.string();  // nonce
  skip_certified_key(name->kind, in);
  in.u64();  // serial
  const std::uint32_t type = in.u32();
  if (type != 1 && type != 2) throw_other_kind();
  out.type = static_cast<Certificate::Type>(type);
  out.key_id = in.text();
  in.string();                              // principals
  in.u64();                                 // valid after
  in.u64();                                 // valid before
  for (int i = 0; i < 4; ++i) in.string();  // critical options, extensions, reserved, CA key
  in.done();
  return out;
}

template <class Read>
bool try_read(Read read, ByteView data, SignedData& out) {
  try {
    out = read(Reader(data));
    return true;
  } catch (const Error&) {
    return false;
  }
}

struct Sentence {
  std::string operator()(const UserAuthentication& login) const { return "log in as " + printable(login.user); }
  std::string operator()(const SshsigMessage& message) const {
    return "sign for " + printable(message.signature_namespace);
  }
  std::string operator()(const HostKeyProof&) const { return "prove a host key"; }
  std::string operator()(const CertificateRequest& request) const {
    const char* type = request.type == Certificate::Type::user ? "user" : "host";
    return std::string("issue a ") + type + " certificate for " + printable(request.key_id);
  }
  std::string operator()(const UnknownData&) const { return "sign unknown data"; }
};

}  // namespace

SignedData describe(ByteView data) {
  SignedData out = UnknownData{};
  if (as_text(data).starts_with(sshsig_magic)) {
    try_read(read_sshsig, data, out);
    return out;
  }
  // A user authentication begins with a session identifier, the others with a name: no blob is two of them.
  if (try_read(read_user_authentication, data, out) || try_read(read_host_key_proof, data, out)) return out;
  try_read(read_certificate_request, data, out);
  return out;
}

std::optional<UserAuthentication> user_authentication_with(const PublicKey& key, ByteView data) {
  const SignedData described = describe(data);
  const auto* login = std::get_if<UserAuthentication>(&described);
  if (login == nullptr || login->service != "ssh-connection" || !equal(login->key_blob, key.blob)) return std::nullopt;
  std::string_view algorithm = login->algorithm;
  // RFC 8332 §2: RSA keys and certificates go by the names of their signature algorithms.
  if (algorithm == "rsa-sha2-256" || algorithm == "rsa-sha2-512") algorithm = "ssh-rsa";
  if (algorithm == "rsa-sha2-256-cert-v01@openssh.com" || algorithm == "rsa-sha2-512-cert-v01@openssh.com") {
    algorithm = "ssh-rsa-cert-v01@openssh.com";
  }
  if (algorithm != key.type_name()) return std::nullopt;
  return *login;
}

std::string sentence(const SignedData& data) { return std::visit(Sentence{}, data); }

}  // namespace fob
