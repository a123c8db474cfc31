#include <algorithm>
#include <array>
#include <optional>

#include "protocol/error.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "protocol/request.h"
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

/// What a token shows of the key that is wanted.
enum class Sight { nothing, another, hidden, ready };

class Resolver {
 public:
  Resolver(Connection& connection, const SignatureRequest& request)
      : connection_(connection), request_(request), uri_(request.uri) {}

  ReadyKey& run() {
    std::vector<CK_SLOT_ID> hidden;
    std::vector<CK_SLOT_ID> unseen;
    for (const SlotToken& token : connection_.tokens(uri_)) {
      if ((token.info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
      std::optional<Error> failure;
      try {
        OpenToken& open = connection_.open(token);
        const Sight sight = look(open);
        if (sight == Sight::ready) return connection_.remember(request_.uri, std::move(found_));
        any_other_ = any_other_ || sight == Sight::another;
        const bool may_show_more = open.has(CKF_LOGIN_REQUIRED) && !open.logged_in;
        if (may_show_more && sight == Sight::hidden) hidden.push_back(token.slot);
        if (may_show_more && sight == Sight::nothing) unseen.push_back(token.slot);
      } catch (const Error& error) {
        failure = error;
      }
      // Another token may be the right one.
      if (failure) failure_ = failure;
    }
    if (failure_ && hidden.empty()) throw *failure_;
    return log_in_and_look(hidden.empty() ? unseen : hidden);
  }

 private:
  Sight look(const OpenToken& token) {
    Sight out = Sight::nothing;
    for (FoundKey& key : find_keys(connection_.session(token), uri_, false)) {
      if (!equal(key.public_key.blob, request_.key_blob)) {
        if (out == Sight::nothing) out = Sight::another;
        continue;
      }
      if (key.private_objects.empty()) {
        out = Sight::hidden;
        continue;
      }
      found_ = {token.token.slot, key.private_objects[0], std::move(key.public_key), key.always_authenticate};
      return Sight::ready;
    }
    return out;
  }

  ReadyKey& log_in_and_look(const std::vector<CK_SLOT_ID>& slots) {
    if (slots.empty()) {
      if (any_other_) throw Error(Errc::refused, "another key is there now: " + request_.uri);
      throw Error(Errc::not_found, "no such key on a token that is there; plug it in: " + request_.uri);
    }
    if (slots.size() > 1) {
      throw Error(Errc::refused, "the URI names " + std::to_string(slots.size()) +
                                     " tokens that want their PIN: add what tells them apart, as serial=…");
    }
    OpenToken& token = connection_.opened(slots[0]);
    connection_.login(token, request_.pin);
    const Sight sight = look(token);
    if (sight == Sight::ready) return connection_.remember(request_.uri, std::move(found_));
    if (sight == Sight::another) throw Error(Errc::refused, "another key is there now: " + request_.uri);
    throw Error(Errc::not_found, "the token has no such private key: " + request_.uri);
  }

  Connection& connection_;
  const SignatureRequest& request_;
  const Uri uri_;
  ReadyKey found_;
  bool any_other_ = false;
  std::optional<Error> failure_;
};

ReadyKey& ready_key(Connection& connection, const SignatureRequest& request) {
  ReadyKey* const known = connection.find_ready(request.uri);
  if (known != nullptr && equal(known->public_key.blob, request.key_blob)) return *known;
  return Resolver(connection, request).run();
}

Bytes sign_once(Connection& connection, const SignatureRequest& request, const ReadyKey& key, bool with_login) {
  const OpenToken& token = connection.opened(key.slot);
  connection.announce();
  if (!with_login) {
    return make_signature(connection.session(token), key.object, key.public_key, request.flags, request.data, {});
  }
  const bool pin_pad = token.has(CKF_PROTECTED_AUTHENTICATION_PATH);
  if (!pin_pad && request.pin.empty()) throw Error(Errc::pin_required, "the key wants the PIN for each use");
  // A session of its own: an operation that a wrong PIN leaves unfinished ends with it.
  const Session session(connection.functions(), key.slot, false);
  return make_signature(session.ref(), key.object, key.public_key, request.flags, request.data,
                        [&] { connection.login_for_operation(token, session.handle(), request.pin); });
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
  ReadyKey* key = &ready_key(connection, request);
  OpenToken& token = connection.opened(key->slot);
  if (!request.pin.empty() && !token.logged_in && token.has(CKF_LOGIN_REQUIRED)) {
    connection.login(token, request.pin);
    key = &ready_key(connection, request);
  }
  bool with_login = key->always_authenticate;
  try {
    return sign_once(connection, request, *key, with_login);
  } catch (const Error& error) {
    if (error.code() != Errc::pin_required) throw;
    // It wants a login that it has not told of: of the user, or for each use.
    if (connection.check_login(token)) {
      if (with_login) throw;
      with_login = true;
    }
  }
  if (!token.logged_in) {
    connection.login(token, request.pin);
    key = &ready_key(connection, request);
    with_login = key->always_authenticate;
  }
  return sign_once(connection, request, *key, with_login);
}

}  // namespace fob::pkcs11
