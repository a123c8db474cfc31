#include "protocol/key_file/der.h"
#include "protocol/wire.h"
#include "tests/unit/key_file/files.h"

namespace fob::test {
namespace {

using namespace std::string_view_literals;

constexpr const char* rsa_label = "RSA PRIVATE KEY";
constexpr const char* ec_label = "EC PRIVATE KEY";
constexpr const char* plain_label = "PRIVATE KEY";
constexpr const char* encrypted_label = "ENCRYPTED PRIVATE KEY";

TEST(PemKeyFile, NeedsEachByteAndNoMore) {
  const std::pair<const char*, const char*> files[] = {{"rsa.pem", rsa_label},
                                                       {"p256.pem", ec_label},
                                                       {"p521.pem-without-public", ec_label},
                                                       {"p384.pkcs8", plain_label},
                                                       {"openssl_ed25519.pkcs8", plain_label},
                                                       {"p256.pkcs8-encrypted", encrypted_label},
                                                       {"p256.pkcs8-pbe-3des", encrypted_label}};
  for (const auto& [name, label] : files) {
    SCOPED_TRACE(name);
    const auto read = [label = label](ByteView part) { parse_key_file(armoured(label, part), typing(passphrase)); };
    expect_exact_length(unarmoured(key_file(name)), read);
  }
  for (const char* name : {"p256.pem", "p256.pem-encrypted", "p256.pkcs8", "p256.pkcs8-encrypted"}) {
    SCOPED_TRACE(name);
    expect_every_byte_needed(key_file(name), "KEY-----",
                             [](std::string_view part) { parse_key_file(part, typing(passphrase)); });
  }
}

TEST(PemKeyFile, RefusesRsaNumbersThatDoNotFit) {
  const RsaFields good = RsaFields::good();
  EXPECT_EQ(parse_fault(good.as_pem()), "");
  const auto expect_fault = [&](Bytes RsaFields::*field, const Bytes& value, std::string_view fault) {
    RsaFields bad = good;
    bad.*field = value;
    EXPECT_EQ(parse_error(bad.as_pem()), Errc::invalid_key) << fault;
    EXPECT_EQ(parse_fault(bad.as_pem()), fault);
  };
  const auto changed = [](Bytes value) {
    value.back() ^= 2;
    return value;
  };
  constexpr std::string_view factors = "RSA prime factors must be odd and greater than 1";
  constexpr std::string_view exponents = "RSA CRT exponents are wrong";
  for (const Bytes& value : {Bytes{}, Bytes{1}}) {
    expect_fault(&RsaFields::p, value, factors);
    expect_fault(&RsaFields::q, value, factors);
  }
  for (const auto field : {&RsaFields::dp, &RsaFields::dq}) {
    for (const Bytes& value : {changed(good.*field), Bytes{}, Bytes{1}, good.n}) expect_fault(field, value, exponents);
  }
  expect_fault(&RsaFields::e, {1}, "RSA public exponent must be odd and greater than 1");
  expect_fault(&RsaFields::e, {4}, "RSA public exponent must be odd and greater than 1");
  expect_fault(&RsaFields::e, {}, "RSA public exponent must be odd and greater than 1");
  expect_fault(&RsaFields::e, {3}, "RSA private exponent does not fit the public key");
  expect_fault(&RsaFields::n, changed(good.n), "RSA modulus is not the product of its factors");
  expect_fault(&RsaFields::d, changed(good.d), exponents);
  for (const Bytes& value : {changed(good.iqmp), Bytes{}, Bytes{1}, good.n}) {
    expect_fault(&RsaFields::iqmp, value, "RSA CRT coefficient is wrong");
  }
  RsaFields swapped = good;
  std::swap(swapped.p, swapped.q);
  std::swap(swapped.dp, swapped.dq);
  EXPECT_EQ(parse_fault(swapped.as_pem()), "RSA CRT coefficient is wrong");
}

TEST(PemKeyFile, RefusesRsaKeysOfSizesThatNoAgentTakes) {
  RsaFields bad = RsaFields::good();
  bad.n.resize(64);
  EXPECT_EQ(parse_error(bad.as_pem()), Errc::invalid_key);
  EXPECT_EQ(error_of([&] { inspect_key_file(bad.as_pem()); }), Errc::invalid_key);
  bad.n = Bytes(4096, 0xff);
  EXPECT_EQ(parse_error(bad.as_pem()), Errc::malformed);
  bad = RsaFields::good();
  bad.p = Bytes(100'000, 0xff);
  EXPECT_EQ(parse_error(bad.as_pem()), Errc::malformed);
}

TEST(PemKeyFile, RefusesRsaKeysOfMoreFactors) {
  Bytes file = unarmoured(key_file("rsa.pem"));
  const std::size_t version = 4 + 2;
  ASSERT_EQ(file[version], 0);
  file[version] = 1;
  EXPECT_EQ(parse_error(armoured(rsa_label, file)), Errc::unsupported);
  file[version] = 2;
  EXPECT_EQ(parse_error(armoured(rsa_label, file)), Errc::too_large);
}

/// ECPrivateKey of P-256 with these parts.
std::string ec_key(ByteView d, ByteView point) {
  const Bytes curve = der::write(der::context(0), der::write_object("\x2a\x86\x48\xce\x3d\x03\x01\x07"sv));
  const Bytes public_key = point.empty() ? Bytes() : der::write(der::context(1), der::write_bits(point));
  return armoured(ec_label,
                  der::write_sequence({number_as_der(1), der::write(der::octet_string, d), curve, public_key}));
}

TEST(PemKeyFile, RefusesEcNumbersThatDoNotFit) {
  const KeyFile good = parse("p256.pem");
  Reader in(good.key.secret.view());
  const Bytes d = to_bytes(in.mpint());
  const Bytes& point = good.key.public_key.point;
  EXPECT_EQ(parse_fault(ec_key(d, point)), "");
  EXPECT_EQ(parse_fault(ec_key(d, {})), "");
  Bytes longer(3);  // leading zeros
  longer.insert(longer.end(), d.begin(), d.end());
  EXPECT_EQ(parse_fault(ec_key(longer, point)), "");

  Bytes off_curve = point;
  off_curve.back() ^= 1;
  EXPECT_EQ(parse_fault(ec_key(d, off_curve)), "ECDSA public key is not a point of its curve");
  EXPECT_EQ(parse_fault(ec_key(d, Bytes{0})), "ECDSA public key is not a point of its curve");
  EXPECT_EQ(parse_error(ec_key(d, Bytes(65))), Errc::invalid_key);
  EXPECT_EQ(parse_fault(ec_key(d, parse("putty_p256.ppk3").key.public_key.point)),
            "ECDSA public key is of another private key");
  for (const Bytes& number : {Bytes{}, Bytes(32), Bytes(32, 0xff), Bytes(2000, 0xff)}) {
    EXPECT_EQ(parse_fault(ec_key(number, {})), "ECDSA private number is out of range");
    EXPECT_EQ(parse_error(ec_key(number, point)), Errc::invalid_key);
  }
}

TEST(PemKeyFile, RefusesEcKeysOfNoCurveOrTwo) {
  const Bytes whole = unarmoured(key_file("p256.pem"));
  der::Values outer(whole);
  der::Values in = outer.values();
  in.number();
  const Bytes d = to_bytes(in.whole(der::octet_string));
  EXPECT_EQ(parse_error(armoured(ec_label, der::write_sequence({number_as_der(1), d}))), Errc::malformed);
  EXPECT_EQ(parse_error(armoured(ec_label, der::write_sequence({number_as_der(0), d}))), Errc::malformed);
  // PKCS#8 that says P-384, with a key in it that says P-256.
  const Bytes algorithm = der::write_sequence(
      {der::write_object("\x2a\x86\x48\xce\x3d\x02\x01"sv), der::write_object("\x2b\x81\x04\x00\x22"sv)});
  const Bytes file = der::write_sequence({der::write_number({}), algorithm, der::write(der::octet_string, whole)});
  EXPECT_EQ(parse_error(armoured(plain_label, file)), Errc::malformed);
}

TEST(PemKeyFile, RefusesHeadersThatDoNotFit) {
  const std::string text = key_file("rsa.pem-encrypted");
  EXPECT_EQ(parse_error(text), std::nullopt);
  EXPECT_EQ(parse_error(replaced(text, "4,ENCRYPTED", "4,MIC-ONLY")), Errc::malformed);
  EXPECT_EQ(parse_error(replaced(text, "Proc-Type: 4,ENCRYPTED\n", "")), Errc::malformed);
  EXPECT_EQ(parse_error(replaced(text, "DEK-Info", "DEK-Infos")), Errc::malformed);
  EXPECT_EQ(parse_error(replaced(text, "AES-128-CBC,", "AES-128-CBC,00")), Errc::malformed);
  EXPECT_EQ(parse_error(replaced(text, "AES-128-CBC,", "AES-128-CBC,zz")), Errc::malformed);
  EXPECT_EQ(parse_error(replaced(text, "AES-128-CBC,", "AES-128-CBC ")), Errc::unsupported);
  EXPECT_EQ(parse_error(replaced(text, "AES-128-CBC", "DES-CBC")), Errc::unsupported);
  EXPECT_EQ(parse_error(replaced(text, "AES-128-CBC", "DES-EDE3-CBC")), Errc::malformed);
  const std::string plain = key_file("rsa.pem");
  EXPECT_EQ(parse_error(replaced(plain, "KEY-----\n", "KEY-----\nX-Comment: mine\n\n")), std::nullopt);
}

TEST(PemKeyFile, RefusesEncryptedContentsOfNoBlocks) {
  const std::string head =
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n";
  EXPECT_EQ(parse_error(head + "AAAA\n-----END RSA PRIVATE KEY-----\n"), Errc::malformed);
  EXPECT_EQ(parse_error(head + "-----END RSA PRIVATE KEY-----\n"), Errc::malformed);
}

TEST(Der, RefusesLengthsThatDerDoesNotHave) {
  const std::vector<std::string> broken{"30",           "3080",       "308100",      "30820001ff", "3085000000000100",
                                        "30847fffffff", "30ffffffff", "3081",        "0500",       "300202800101",
                                        "30020200",     "3003020180", "300402020001"};
  for (const std::string& hex : broken) {
    EXPECT_EQ(parse_error(armoured(rsa_label, from_hex(hex))), Errc::malformed) << hex;
    EXPECT_EQ(parse_error(armoured(plain_label, from_hex(hex))), Errc::malformed) << hex;
    EXPECT_EQ(parse_error(armoured(encrypted_label, from_hex(hex))), Errc::malformed) << hex;
  }
}

TEST(Der, AnswersDeepNestsAtOnce) {
  Bytes nest;
  for (int depth = 0; depth < 50'000; ++depth) nest.insert(nest.begin(), {0x30, 0x84, 0, 0, 0, 0});
  for (const char* label : {rsa_label, ec_label, plain_label, encrypted_label}) {
    EXPECT_EQ(parse_error(armoured(label, nest)), Errc::malformed);
  }
}

TEST(KeyFileFormat, RefusesKeysThatItHasNoFormFor) {
  const KeyFile sk = parse_key_file(read_data("key_files/ed25519_sk"), no_passphrase);
  for (const KeyFileFormat format : {KeyFileFormat::pem, KeyFileFormat::pkcs8, KeyFileFormat::ppk}) {
    EXPECT_EQ(error_of([&] { format_key_file(sk.key, "", SecretBytes(), format); }), Errc::unsupported);
  }
  KeyFile certified = parse("p256");
  certified.key.public_key = public_key("openssh/sshkey/ecdsa_1-cert.pub");
  for (const KeyFileFormat format : {KeyFileFormat::pem, KeyFileFormat::pkcs8, KeyFileFormat::ppk}) {
    EXPECT_EQ(error_of([&] { format_key_file(certified.key, "", SecretBytes(), format); }), Errc::unsupported);
  }
  EXPECT_EQ(error_of([] { format_key_file(parse("ed25519").key, "", SecretBytes(), KeyFileFormat::pem); }),
            Errc::unsupported);
}

TEST(KeyFileFormat, OfEachKeyIsReadAgain) {
  for (const char* name : {"ed25519", "p256", "p384", "p521", "rsa"}) {
    const KeyFile file = parse(name);
    for (const KeyFileFormat format : {KeyFileFormat::pem, KeyFileFormat::pkcs8, KeyFileFormat::ppk}) {
      if (format == KeyFileFormat::pem && file.key.public_key.kind == KeyKind::ed25519) continue;
      for (const char* with : {"", "secret \xc3\xa9"}) {
        SCOPED_TRACE(std::string(name) + " " + std::string(name_of(format)) + " " + with);
        const Bytes text = format_key_file(file.key, "a comment", SecretBytes(as_bytes(with)), format);
        EXPECT_EQ(inspect_key_file(as_text(text)).format, format);
        EXPECT_EQ(inspect_key_file(as_text(text)).encrypted, *with != '\0');
        const KeyFile again = parse_key_file(as_text(text), typing(with));
        EXPECT_TRUE(equal(again.key.public_key.blob, file.key.public_key.blob));
        EXPECT_TRUE(again.key.secret == file.key.secret);
        EXPECT_EQ(again.comment, format == KeyFileFormat::ppk ? "a comment" : "");
      }
    }
  }
}

TEST(KeyFileFormat, OfPlainKeysIsByteForByteThatOfTheOthers) {
  for (const char* name : {"p256", "p384", "p521", "rsa"}) {
    const KeyFile file = parse(name);
    const auto written = [&](KeyFileFormat format) {
      return std::string(as_text(format_key_file(file.key, file.comment, SecretBytes(), format)));
    };
    EXPECT_EQ(written(KeyFileFormat::pem), key_file(std::string(name) + ".pem"));
    EXPECT_EQ(written(KeyFileFormat::pkcs8), key_file(std::string(name) + ".pkcs8"));
    EXPECT_EQ(written(KeyFileFormat::ppk), key_file(std::string(name) + ".ppk3"));
  }
  const KeyFile ed25519 = parse("openssl_ed25519.pkcs8");
  EXPECT_EQ(as_text(format_key_file(ed25519.key, "", SecretBytes(), KeyFileFormat::pkcs8)),
            key_file("openssl_ed25519.pkcs8"));
  const KeyFile putty = parse("putty_ed25519.ppk3");
  EXPECT_EQ(as_text(format_key_file(putty.key, putty.comment, SecretBytes(), KeyFileFormat::ppk)),
            key_file("putty_ed25519.ppk3"));
}

}  // namespace
}  // namespace fob::test
