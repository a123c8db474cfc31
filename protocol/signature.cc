#include "protocol/signature.h"

#include <algorithm>
#include <array>
#include <string>

#include "protocol/error.h"
#include "protocol/key_kind.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "protocol/wire.h"

namespace fob {
namespace {

constexpr std::array rsa_algorithms{std::string_view("ssh-rsa"), std::string_view("rsa-sha2-256"),
                                    std::string_view("rsa-sha2-512")};

bool is_sk_algorithm(std::string_view name) {
  return name == traits(KeyKind::sk_ecdsa_p256).name || name == traits(KeyKind::sk_ed25519).name ||
         name == Signature::webauthn_algorithm;
}

bool is_known_algorithm(std::string_view name) {
  if (std::find(rsa_algorithms.begin(), rsa_algorithms.end(), name) != rsa_algorithms.end()) return true;
  const std::optional<KeyTypeName> type = key_type_from_name(name);
  return (type && !type->is_certificate) || name == Signature::webauthn_algorithm;
}

}  // namespace

Signature Signature::parse(ByteView blob) {
  Reader in(blob);
  Signature out;
  out.algorithm = in.text(limits::name_bytes);
  if (!is_known_algorithm(out.algorithm)) {
    throw Error(Errc::unsupported, "unknown signature algorithm " + printable(out.algorithm));
  }
  out.value = in.string();
  if (is_sk_algorithm(out.algorithm)) {
    Sk sk;
    sk.flags = in.u8();
    sk.counter = in.u32();
    out.sk = sk;
  }
  if (out.algorithm == webauthn_algorithm) {
    Webauthn webauthn;
    webauthn.origin = in.text();
    webauthn.client_data = in.string();
    webauthn.extensions = in.string();
    out.webauthn = webauthn;
  }
  in.done();
  return out;
}

Bytes Signature::write() const {
  Writer out;
  out.string(algorithm).string(value);
  if (sk) out.u8(sk->flags).u32(sk->counter);
  if (webauthn) out.string(webauthn->origin).string(webauthn->client_data).string(webauthn->extensions);
  return out.take();
}

}  // namespace fob
