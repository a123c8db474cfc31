#include "protocol/sshsig.h"

#include "protocol/base64.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "protocol/signature.h"
#include "protocol/verify.h"

namespace fob {
namespace {

constexpr std::string_view magic = "SSHSIG";
constexpr std::uint32_t version = 1;
constexpr std::string_view begin = "-----BEGIN SSH SIGNATURE-----";
constexpr std::string_view end = "\n-----END SSH SIGNATURE-----";
constexpr std::size_t columns = 70;

[[noreturn]] void throw_no_signature(const char* why) {
  throw Error(Errc::malformed, std::string("no signature of a file as ssh-keygen -Y sign writes it: ") + why);
}

Hash hash_named(std::string_view name) {
  if (name == "sha512") return Hash::sha512;
  if (name == "sha256") return Hash::sha256;
  throw Error(Errc::unsupported, "the signature uses the hash " + printable(name) + ": sha256 and sha512 are possible");
}

/// Both forms begin so.
Writer beginning() {
  Writer out;
  out.raw(as_bytes(magic));
  return out;
}

/// The base64 between the two lines.
std::string_view contents_of(std::string_view text) {
  if (!text.starts_with(begin)) throw_no_signature("it does not begin with -----BEGIN SSH SIGNATURE-----");
  text.remove_prefix(begin.size());
  if (text.starts_with('\r')) text.remove_prefix(1);
  if (!text.starts_with('\n')) throw_no_signature("its first line is too long");
  const std::size_t size = text.find(end);
  if (size == std::string_view::npos) throw_no_signature("there is no -----END SSH SIGNATURE-----");
  return text.substr(0, size);
}

}  // namespace

std::string_view sshsig_hash_name(Hash hash) { return hash == Hash::sha256 ? "sha256" : "sha512"; }

void check_sshsig_namespace(std::string_view signature_namespace) {
  if (signature_namespace.empty()) throw Error(Errc::malformed, "the namespace of a signature cannot be empty");
  if (signature_namespace.find('\0') != std::string_view::npos) {
    throw Error(Errc::malformed, "the namespace of a signature has a NUL in it");
  }
  if (signature_namespace.size() > limits::name_bytes) {
    throw Error(Errc::too_large, "the namespace of a signature has " + std::to_string(signature_namespace.size()) +
                                     " bytes, at most " + std::to_string(limits::name_bytes) + " are possible");
  }
}

Sshsig Sshsig::parse(ByteView blob) {
  Reader in(blob);
  if (as_text(in.raw(magic.size())) != magic) throw_no_signature("it does not begin with SSHSIG");
  if (const std::uint32_t found = in.u32(); found != version) {
    throw Error(Errc::unsupported, "the signature is of version " + std::to_string(found) + ", known is only 1");
  }
  Sshsig out;
  out.key = PublicKey::parse(in.string());
  out.signature_namespace = in.text(limits::name_bytes);
  check_sshsig_namespace(out.signature_namespace);
  in.string();  // reserved
  out.hash = hash_named(in.text(limits::name_bytes));
  out.signature = to_bytes(in.string());
  in.done();
  Signature::parse(out.signature);
  return out;
}

Sshsig Sshsig::parse_text(std::string_view text) {
  if (text.size() > limits::sshsig_text_bytes) {
    throw Error(Errc::too_large, "a signature of more than " + std::to_string(limits::sshsig_text_bytes) + " bytes");
  }
  const std::optional<Bytes> blob = decode_base64(contents_of(text), " \t\r\n");
  if (!blob) throw_no_signature("its base64 is broken");
  return parse(*blob);
}

Bytes Sshsig::write() const {
  Writer out = beginning();
  out.u32(version).string(key.blob).string(signature_namespace).string("");
  out.string(sshsig_hash_name(hash)).string(signature);
  return out.take();
}

std::string Sshsig::text() const {
  const Bytes lines = encode_base64_lines(write(), columns);
  return std::string(begin).append("\n").append(as_text(lines)).append(end.substr(1)) + '\n';
}

Bytes sshsig_signed_data(std::string_view signature_namespace, Hash hash, ByteView digest) {
  Writer out = beginning();
  out.string(signature_namespace).string("").string(sshsig_hash_name(hash)).string(digest);
  return out.take();
}

void verify_sshsig(const Sshsig& sshsig, ByteView digest) {
  const std::string_view algorithm = Signature::parse(sshsig.signature).algorithm;
  if (sshsig.key.kind == KeyKind::rsa && algorithm == "ssh-rsa") {
    throw Error(Errc::unsupported, "the signature is by RSA with SHA-1, which is broken: have it signed anew");
  }
  if (sshsig.key.is_certificate()) verify_certificate(sshsig.key);
  verify_signature(sshsig.key, sshsig.signature, sshsig_signed_data(sshsig.signature_namespace, sshsig.hash, digest));
}

}  // namespace fob
