#include <algorithm>
#include <array>
#include <optional>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/request.h"
#include "tokens/pkcs11/key_use.h"
#include "tokens/pkcs11/return_value.h"
#include "tokens/pkcs11/verbs.h"

namespace fob::pkcs11 {
namespace {

/// What goes before the digest in a DigestInfo (RFC 8017 §9.2, note 1).
constexpr std::array<std::uint8_t, 15> sha1_info{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                                 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
constexpr std::array<std::uint8_t, 19> sha256_info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                   0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
constexpr std::array<std::uint8_t, 19> sha512_info{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                   0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};

/// What a kind of key wants to sign by, and what.
struct Operation {
  std::string_view algorithm;
  CK_MECHANISM_TYPE mechanism = 0;
  Bytes prepared;  ///< of Ed25519 nothing: it takes the data as it is
};

Operation rsa_operation(std::string_view algorithm, Hash hash, ByteView info, ByteView data) {
  const Digest digest(hash, data);
  Bytes prepared = to_bytes(info);
  prepared.insert(prepared.end(), digest.view().begin(), digest.view().end());
  return {algorithm, CKM_RSA_PKCS, std::move(prepared)};
}

/// As OpenSSH has it: the smaller digest where both are asked for, and SHA-1 for clients that do not know better.
Operation rsa_operation(std::uint32_t flags, ByteView data) {
  if ((flags & SignRequest::flag_rsa_sha2_256) != 0) {
    return rsa_operation("rsa-sha2-256", Hash::sha256, sha256_info, data);
  }
  if ((flags & SignRequest::flag_rsa_sha2_512) != 0) {
    return rsa_operation("rsa-sha2-512", Hash::sha512, sha512_info, data);
  }
  return rsa_operation("ssh-rsa", Hash::sha1, sha1_info, data);
}

Operation operation_of(KeyKind kind, std::uint32_t flags, ByteView data) {
  if (kind == KeyKind::rsa) return rsa_operation(flags, data);
  if (kind == KeyKind::ed25519) return {traits(kind).name, CKM_EDDSA, {}};
  return {traits(kind).name, CKM_ECDSA, to_bytes(Digest(ecdsa_hash(kind), data).view())};
}

/// An SSH signature blob (RFC 8332 §3, RFC 5656 §3.1.2, RFC 8709 §6) of what C_Sign returned.
Bytes encoded(const PublicKey& key, std::string_view algorithm, ByteView value) {
  Writer out;
  out.reserve(algorithm.size() + value.size() + 32);
  out.string(algorithm);
  if (is_ecdsa(key.kind)) {
    const std::size_t half = (traits(key.kind).bits + 7) / 8;
    if (value.size() != 2 * half) throw Error(Errc::system, "C_Sign: an ECDSA signature of a wrong size");
    const std::size_t mark = out.begin_string();
    out.mpint(value.first(half)).mpint(value.last(half));
    out.end_string(mark);
    return out.take();
  }
  const std::size_t wanted = key.kind == KeyKind::rsa ? key.rsa_n.size() : ed25519_signature_bytes;
  // Some modules leave out leading zeros of RSA's number.
  const bool may_be_short = key.kind == KeyKind::rsa;
  if (value.size() > wanted || (value.size() < wanted && !may_be_short)) {
    throw Error(Errc::system, "C_Sign: a signature of a wrong size");
  }
  const std::size_t mark = out.begin_string();
  out.raw(Bytes(wanted - value.size())).raw(value);
  out.end_string(mark);
  return out.take();
}

}  // namespace

Bytes make_signature(const SessionRef& session, CK_OBJECT_HANDLE object, const PublicKey& key, std::uint32_t flags,
                     ByteView data, const std::function<void()>& before_sign) {
  const Operation operation = operation_of(key.kind, flags, data);
  const ByteView input = key.kind == KeyKind::ed25519 ? data : ByteView(operation.prepared);
  CK_MECHANISM mechanism{operation.mechanism, nullptr, 0};
  check(session.module->C_SignInit(session.handle, &mechanism, object), "C_SignInit");
  if (before_sign) before_sign();
  std::array<std::uint8_t, limits::signature_bytes> value;
  CK_ULONG size = value.size();
  // The interface has no const; nobody writes there.
  auto* const from = const_cast<CK_BYTE*>(input.data());
  check(session.module->C_Sign(session.handle, from, input.size(), value.data(), &size), "C_Sign");
  if (size > value.size()) throw Error(Errc::system, "C_Sign: a signature of a wrong size");
  return encoded(key, operation.algorithm, ByteView(value).first(size));
}

Bytes sign(Connection& connection, const SignatureRequest& request) {
  Bytes out;
  use_key(connection, {request.uri, request.key_blob, request.pin, Purpose::signing},
          [&](const SessionRef& session, const ReadyKey& key, const std::function<void()>& log_in) {
            out = make_signature(session, key.object, key.public_key, request.flags, request.data, log_in);
          });
  return out;
}

}  // namespace fob::pkcs11
