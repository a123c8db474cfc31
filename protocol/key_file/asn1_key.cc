#include "protocol/key_file/asn1_key.h"

#include <sodium.h>

#include <array>
#include <string>

#include "protocol/error.h"
#include "protocol/key_file/der.h"
#include "protocol/key_file/key_numbers.h"

namespace fob::asn1 {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view rsa_encryption = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv;  // 1.2.840.113549.1.1.1
constexpr std::string_view ec_public_key = "\x2a\x86\x48\xce\x3d\x02\x01"sv;           // 1.2.840.10045.2.1
constexpr std::string_view ed25519 = "\x2b\x65\x70"sv;                                 // 1.3.101.112

struct Curve {
  KeyKind kind;
  std::string_view object;
};
constexpr std::array curves{
    Curve{KeyKind::ecdsa_p256, "\x2a\x86\x48\xce\x3d\x03\x01\x07"sv},  // 1.2.840.10045.3.1.7
    Curve{KeyKind::ecdsa_p384, "\x2b\x81\x04\x00\x22"sv},              // 1.3.132.0.34
    Curve{KeyKind::ecdsa_p521, "\x2b\x81\x04\x00\x23"sv},              // 1.3.132.0.35
};

/// Kinds of keys that people do have in such files, and for which there is a better answer than "unknown".
struct Foreign {
  std::string_view object;
  const char* name;
};
constexpr std::array foreign{
    Foreign{"\x2a\x86\x48\xce\x38\x04\x01"sv, "DSA"},                     // 1.2.840.10040.4.1
    Foreign{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"sv, "RSA-PSS"},         // 1.2.840.113549.1.1.10
    Foreign{"\x2b\x65\x71"sv, "Ed448"},                                   // 1.3.101.113
    Foreign{"\x2b\x65\x6e"sv, "X25519"},                                  // 1.3.101.110
    Foreign{"\x2b\x65\x6f"sv, "X448"},                                    // 1.3.101.111
    Foreign{"\x2a\x86\x48\x86\xf7\x0d\x01\x03\x01"sv, "Diffie-Hellman"},  // 1.2.840.113549.1.3.1
};

[[noreturn]] void throw_foreign(std::string_view object) {
  std::string name = "an unknown kind";
  for (const Foreign& entry : foreign) {
    if (entry.object == object) name = "the kind " + std::string(entry.name);
  }
  throw Error(Errc::unsupported, "a key of " + name + ", which SSH does not have: make another (Ed25519, or RSA)");
}

KeyKind kind_of_curve(der::Values& in) {
  if (!in.next_is(der::object_id)) {
    throw Error(Errc::unsupported,
                "its curve is written out and not named: name it in a copy (openssl pkey -ec_param_enc named_curve)");
  }
  const std::string_view object = in.object();
  for (const Curve& curve : curves) {
    if (curve.object == object) return curve.kind;
  }
  throw Error(Errc::unsupported, "its curve is none that SSH has: P-256, P-384 and P-521");
}

std::string_view curve_object(KeyKind kind) {
  for (const Curve& curve : curves) {
    if (curve.kind == kind) return curve.object;
  }
  return {};
}

/// An AlgorithmIdentifier: what kind of key follows.
KeyKind read_algorithm(der::Values in) {
  const std::string_view object = in.object();
  KeyKind kind = KeyKind::ed25519;
  if (object == rsa_encryption) {
    kind = KeyKind::rsa;
    // RFC 8017 §A.1 wants NULL; some writers leave it out.
    if (!in.empty()) in.value(der::null);
  } else if (object == ec_public_key) {
    kind = kind_of_curve(in);
  } else if (object != ed25519) {
    throw_foreign(object);
  }
  in.done();
  return kind;
}

Bytes write_algorithm(const PublicKey& key, std::string_view format) {
  if (!key.is_certificate()) {
    if (key.kind == KeyKind::rsa)
      return der::write_sequence({der::write_object(rsa_encryption), der::write(der::null, {})});
    if (is_ecdsa(key.kind)) {
      return der::write_sequence({der::write_object(ec_public_key), der::write_object(curve_object(key.kind))});
    }
    if (key.kind == KeyKind::ed25519) return der::write_sequence({der::write_object(ed25519)});
  }
  throw_no_such_key(key, format);
}

void check_crt_exponent(ByteView given, ByteView d, ByteView factor) {
  const Bytes computed = crt_exponent(d, factor);
  const bool fits = given.size() == computed.size() && sodium_memcmp(given.data(), computed.data(), given.size()) == 0;
  if (!fits) throw Error(Errc::invalid_key, "RSA CRT exponents are wrong");
}

PublicKey plain_public_key(KeyKind kind, const Writer& fields) {
  Writer blob;
  blob.string(traits(kind).name).raw(fields.bytes());
  return PublicKey::parse_plain(blob.bytes());
}

/// From the bits of SubjectPublicKeyInfo.
PublicKey public_key_of(KeyKind kind, ByteView bits) {
  if (kind == KeyKind::rsa) return read_rsa_public(bits);
  Writer fields;
  if (is_ecdsa(kind)) {
    fields.string(traits(kind).curve).string(uncompressed_point(kind, bits));
  } else {
    fields.string(bits);
  }
  return plain_public_key(kind, fields);
}

PrivateKey read_private_octets(KeyKind kind, ByteView octets, ByteView public_key) {
  if (kind == KeyKind::rsa) return read_rsa(octets);
  if (is_ecdsa(kind)) return read_ec(octets, kind);
  der::Values in(octets);
  const ByteView seed = in.value(der::octet_string);
  in.done();
  return ed25519_private_key(seed, public_key);
}

/// What OneAsymmetricKey says of the public key beside the private one, which has it, too.
void check_repeated(const PublicKey& key, ByteView bits) {
  if (!equal(public_key_of(key.kind, bits).blob, key.blob)) {
    throw Error(Errc::invalid_key, "the public key in it is of another private key");
  }
}

}  // namespace

PrivateKey read_rsa(ByteView der) {
  der::Values outer(der);
  der::Values in = outer.values();
  outer.done();
  if (in.small_number(1, "a version") != 0) {
    throw Error(Errc::unsupported, "an RSA key of more than two prime factors, which SSH does not have: make another");
  }
  RsaNumbers numbers;
  for (ByteView* field : {&numbers.n, &numbers.e, &numbers.d, &numbers.p, &numbers.q}) *field = in.number();
  const ByteView dp = in.number();
  const ByteView dq = in.number();
  numbers.iqmp = in.number();
  in.done();
  PrivateKey key = rsa_private_key(numbers);
  check_crt_exponent(dp, numbers.d, numbers.p);
  check_crt_exponent(dq, numbers.d, numbers.q);
  return key;
}

Bytes write_rsa(const PrivateKey& key) {
  const RsaNumbers numbers = numbers_of_rsa(key);
  Writer out;
  out.raw(der::write_number({}));
  for (const ByteView field : {numbers.n, numbers.e, numbers.d, numbers.p, numbers.q}) {
    out.raw(der::write_number(field));
  }
  out.raw(der::write_number(crt_exponent(numbers.d, numbers.p)));
  out.raw(der::write_number(crt_exponent(numbers.d, numbers.q)));
  out.raw(der::write_number(numbers.iqmp));
  return der::write(der::sequence, out.bytes());
}

PrivateKey read_ec(ByteView der, std::optional<KeyKind> kind) {
  der::Values outer(der);
  der::Values in = outer.values();
  outer.done();
  constexpr std::uint64_t version = 1;
  if (in.small_number(version, "a version") != version) throw Error(Errc::malformed, "no valid EC key: its version");
  const ByteView d = in.value(der::octet_string);
  if (in.next_is(der::context(0))) {
    der::Values parameters = in.values(der::context(0));
    const KeyKind named = kind_of_curve(parameters);
    parameters.done();
    if (kind && *kind != named) throw Error(Errc::malformed, "no valid EC key: it names two curves");
    kind = named;
  }
  ByteView point;
  if (in.next_is(der::context(1))) {
    der::Values contents = in.values(der::context(1));
    point = contents.bits();
    contents.done();
  }
  in.done();
  if (!kind) throw Error(Errc::malformed, "no valid EC key: it does not name its curve");
  return ecdsa_private_key(*kind, d, point);
}

Bytes write_ec(const PrivateKey& key, bool with_curve) {
  constexpr std::uint8_t version = 1;
  const SecretBytes d = ecdsa_number(key);
  Bytes curve;
  if (with_curve) curve = der::write(der::context(0), der::write_object(curve_object(key.public_key.kind)));
  return der::write_sequence({der::write_number(ByteView(&version, 1)), der::write(der::octet_string, d.view()), curve,
                              der::write(der::context(1), der::write_bits(key.public_key.point))});
}

PrivateKey read_pkcs8(ByteView der) {
  der::Values outer(der);
  der::Values in = outer.values();
  outer.done();
  in.small_number(1, "a version");
  const KeyKind kind = read_algorithm(in.values());
  const ByteView octets = in.value(der::octet_string);
  if (in.next_is(der::context(0))) in.value(der::context(0));  // attributes: names and such
  ByteView public_key;
  if (in.next_is(der::implicit_primitive(1))) public_key = in.bits(der::implicit_primitive(1));
  in.done();
  PrivateKey key = read_private_octets(kind, octets, public_key);
  if (!public_key.empty()) check_repeated(key.public_key, public_key);
  return key;
}

Bytes write_pkcs8(const PrivateKey& key) {
  const Bytes algorithm = write_algorithm(key.public_key, "PKCS#8");
  Bytes octets;
  if (key.public_key.kind == KeyKind::rsa) {
    octets = write_rsa(key);
  } else if (is_ecdsa(key.public_key.kind)) {
    octets = write_ec(key, false);
  } else {
    octets = der::write(der::octet_string, ed25519_seed(key));
  }
  return der::write_sequence({der::write_number({}), algorithm, der::write(der::octet_string, octets)});
}

PublicKey read_spki(ByteView der) {
  der::Values outer(der);
  der::Values in = outer.values();
  outer.done();
  const KeyKind kind = read_algorithm(in.values());
  const ByteView bits = in.bits();
  in.done();
  return public_key_of(kind, bits);
}

Bytes write_spki(const PublicKey& key) {
  const Bytes algorithm = write_algorithm(key, "PEM");
  if (key.kind != KeyKind::rsa) return der::write_sequence({algorithm, der::write_bits(key.point)});
  const Bytes numbers = der::write_sequence({der::write_number(key.rsa_n), der::write_number(key.rsa_e)});
  return der::write_sequence({algorithm, der::write_bits(numbers)});
}

PublicKey read_rsa_public(ByteView der) {
  der::Values outer(der);
  der::Values in = outer.values();
  outer.done();
  const ByteView n = in.number();
  const ByteView e = in.number();
  in.done();
  Writer fields;
  fields.mpint(e).mpint(n);
  return plain_public_key(KeyKind::rsa, fields);
}

}  // namespace fob::asn1
