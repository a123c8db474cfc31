#include "protocol/key_file/der.h"
#include "protocol/limits.h"
#include "protocol/wire.h"
#include "tests/unit/key_file/files.h"

namespace fob::test {
namespace {

using namespace std::string_view_literals;

constexpr const char* plain_label = "PRIVATE KEY";
constexpr const char* encrypted_label = "ENCRYPTED PRIVATE KEY";
constexpr std::string_view pbes2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"sv;
constexpr std::string_view pbkdf2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"sv;
constexpr std::string_view scrypt = "\x2b\x06\x01\x04\x01\xda\x47\x04\x0b"sv;
constexpr std::string_view pkcs12_3des = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03"sv;
constexpr std::string_view aes256_cbc = "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"sv;

Bytes octets(std::string_view text) { return der::write(der::octet_string, as_bytes(text)); }

/// An encrypted file that asks for this derivation.
std::string with_derivation(std::string_view function, ByteView parameters, std::string_view cipher = aes256_cbc) {
  const Bytes derivation = der::write_sequence({der::write_object(function), parameters});
  const Bytes encryption = der::write_sequence({der::write_object(cipher), octets("0123456789abcdef")});
  const Bytes algorithm =
      der::write_sequence({der::write_object(pbes2), der::write_sequence({derivation, encryption})});
  return armoured(encrypted_label, der::write_sequence({algorithm, octets(std::string(64, 'x'))}));
}

std::string with_pbkdf2(std::uint64_t rounds, std::string_view salt = "saltsalt") {
  return with_derivation(pbkdf2, der::write_sequence({octets(salt), number_as_der(rounds)}));
}

std::string with_scrypt(std::uint64_t cost, std::uint64_t block, std::uint64_t lanes) {
  return with_derivation(scrypt, der::write_sequence({octets("saltsalt"), number_as_der(cost), number_as_der(block),
                                                      number_as_der(lanes)}));
}

std::string with_pkcs12(std::uint64_t rounds) {
  const Bytes parameters = der::write_sequence({octets("saltsalt"), number_as_der(rounds)});
  const Bytes algorithm = der::write_sequence({der::write_object(pkcs12_3des), parameters});
  return armoured(encrypted_label, der::write_sequence({algorithm, octets(std::string(64, 'x'))}));
}

TEST(Pkcs8KeyFile, ReadsThePublicHalfOfRfc8410) {
  // RFC 8410 §10.3: the same key without its public half, and with a name and its public half.
  const std::string plain =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "-----END PRIVATE KEY-----\n";
  const std::string full =
      "-----BEGIN PRIVATE KEY-----\n"
      "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n"
      "Z9w7lshQhqowtrbLDFw4rXAxZuE=\n"
      "-----END PRIVATE KEY-----\n";
  const KeyFile one = parse_key_file(plain, no_passphrase);
  const KeyFile other = parse_key_file(full, no_passphrase);
  EXPECT_EQ(to_hex(one.key.public_key.point), "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
  EXPECT_TRUE(one.key.secret == other.key.secret);
  Bytes foreign = unarmoured(full);
  foreign.back() ^= 1;
  EXPECT_EQ(parse_fault(armoured(plain_label, foreign)), "Ed25519 public key is of another private key");
  foreign.pop_back();
  EXPECT_EQ(parse_error(armoured(plain_label, foreign)), Errc::malformed);
}

TEST(Pkcs8KeyFile, RefusesSeedsOfOtherSizes) {
  const Bytes algorithm = der::write_sequence({der::write_object("\x2b\x65\x70"sv)});
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    const Bytes seed = der::write(der::octet_string, octets(std::string(size, 's')));
    const Bytes file = der::write_sequence({der::write_number({}), algorithm, seed});
    EXPECT_EQ(parse_error(armoured(plain_label, file)), Errc::malformed) << size;
  }
}

TEST(Pkcs8KeyFile, TakesAnRsaKeyWithoutParameters) {
  const Bytes algorithm = der::write_sequence({der::write_object("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv)});
  const Bytes key = der::write(der::octet_string, unarmoured(key_file("rsa.pem")));
  EXPECT_EQ(parse_fault(armoured(plain_label, der::write_sequence({der::write_number({}), algorithm, key}))), "");
  EXPECT_EQ(parse_error(armoured(plain_label, der::write_sequence({number_as_der(2), algorithm, key}))),
            Errc::too_large);
}

TEST(Pkcs8KeyFile, NamesKindsThatSshDoesNotHave) {
  const std::pair<std::string_view, const char*> kinds[] = {{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"sv, "RSA-PSS"},
                                                            {"\x2b\x65\x6e"sv, "X25519"},
                                                            {"\x2b\x01"sv, "an unknown kind"}};
  for (const auto& [object, name] : kinds) {
    const Bytes file =
        der::write_sequence({der::write_number({}), der::write_sequence({der::write_object(object)}), octets("key")});
    EXPECT_EQ(parse_error(armoured(plain_label, file)), Errc::unsupported);
    EXPECT_NE(parse_fault(armoured(plain_label, file)).find(name), std::string::npos);
  }
}

TEST(Pkcs8KeyFile, BoundsWhatAFileMayAskFor) {
  EXPECT_THROW(parse_key_file(with_pbkdf2(1), typing("x")), WrongPassphrase);
  EXPECT_EQ(parse_error(with_pbkdf2(0), no_passphrase), Errc::malformed);
  EXPECT_EQ(parse_error(with_pbkdf2(limits::pkcs8_rounds + 1), no_passphrase), Errc::too_large);
  EXPECT_EQ(parse_error(with_pbkdf2(UINT64_MAX), no_passphrase), Errc::too_large);
  EXPECT_EQ(parse_error(with_pbkdf2(1, std::string(limits::key_file_salt_bytes + 1, 's')), no_passphrase),
            Errc::malformed);
  EXPECT_THROW(parse_key_file(with_pkcs12(1), typing("x")), WrongPassphrase);
  EXPECT_EQ(parse_error(with_pkcs12(limits::pkcs8_rounds + 1), no_passphrase), Errc::too_large);
  EXPECT_THROW(parse_key_file(with_scrypt(16, 8, 1), typing("x")), WrongPassphrase);
  EXPECT_EQ(parse_error(with_scrypt(32'768, 8, 1), no_passphrase), Errc::too_large);
  EXPECT_EQ(parse_error(with_scrypt(65'536, 1, 65'536), no_passphrase), Errc::too_large);
  EXPECT_EQ(parse_error(with_scrypt(std::uint64_t{1} << 62, 8, 1), no_passphrase), Errc::too_large);
  EXPECT_EQ(parse_error(with_scrypt(2, 1, std::uint64_t{1} << 30), no_passphrase), Errc::too_large);
  for (const auto& [cost, block, lanes] :
       {std::tuple{0U, 1U, 1U}, {1U, 1U, 1U}, {3U, 1U, 1U}, {16U, 0U, 1U}, {16U, 1U, 0U}}) {
    EXPECT_EQ(parse_error(with_scrypt(cost, block, lanes), no_passphrase), Errc::malformed);
  }
  Bytes huge{der::integer, 9, 1};
  huge.resize(11);
  EXPECT_EQ(parse_error(with_derivation(pbkdf2, der::write_sequence({octets("salt"), huge})), no_passphrase),
            Errc::too_large);
}

TEST(Pkcs8KeyFile, IsNotTakenForAWrongPassphraseWhereItWasCut) {
  for (const char* name : {"p256.pkcs8-encrypted", "p256.pkcs8-des3", "p256.pkcs8-pbe-3des"}) {
    const Bytes file = unarmoured(key_file(name));
    der::Values outer(file);
    der::Values in = outer.values();
    const ByteView algorithm = in.whole(der::sequence);
    const ByteView contents = in.value(der::octet_string);
    for (const std::size_t left : {contents.size() - 5, std::size_t{0}}) {
      const Bytes cut = der::write_sequence({to_bytes(algorithm), der::write(der::octet_string, contents.first(left))});
      EXPECT_NE(parse_fault(armoured(encrypted_label, cut), no_passphrase).find("no number of blocks"),
                std::string::npos)
          << name;
    }
  }
}

TEST(Pkcs8KeyFile, RefusesDerivationsThatItDoesNotKnow) {
  const Bytes good = der::write_sequence({octets("saltsalt"), number_as_der(1)});
  EXPECT_EQ(parse_error(with_derivation("\x2a\x01"sv, good), no_passphrase), Errc::unsupported);
  EXPECT_EQ(parse_error(with_derivation(pbkdf2, good, "\x2a\x01"sv), no_passphrase), Errc::unsupported);
  const Bytes hash = der::write_sequence({der::write_object("\x2a\x86\x48\x86\xf7\x0d\x02\x0c"sv)});
  const Bytes other_hash = der::write_sequence({octets("saltsalt"), number_as_der(1), number_as_der(32), hash});
  EXPECT_EQ(parse_error(with_derivation(pbkdf2, other_hash), no_passphrase), Errc::unsupported);
  const Bytes long_key = der::write_sequence({octets("saltsalt"), number_as_der(1), number_as_der(1 << 30)});
  EXPECT_EQ(parse_error(with_derivation(pbkdf2, long_key), no_passphrase), Errc::too_large);
}

TEST(Pkcs8KeyFile, RefusesKeysAndIvsThatItsCipherDoesNotTake) {
  // Else OpenSSL's answer would be taken for that of a wrong passphrase, which is asked for again.
  constexpr std::string_view des3 = "\x2a\x86\x48\x86\xf7\x0d\x03\x07"sv;
  const Bytes good = der::write_sequence({octets("saltsalt"), number_as_der(1)});
  EXPECT_EQ(parse_error(with_derivation(pbkdf2, good, des3), no_passphrase), Errc::malformed);
  for (const std::uint64_t bytes : {0U, 16U, 31U, 33U}) {
    const Bytes short_key = der::write_sequence({octets("saltsalt"), number_as_der(1), number_as_der(bytes)});
    EXPECT_EQ(parse_error(with_derivation(pbkdf2, short_key), no_passphrase), Errc::malformed) << bytes;
    const Bytes of_scrypt = der::write_sequence(
        {octets("saltsalt"), number_as_der(16), number_as_der(8), number_as_der(1), number_as_der(bytes)});
    EXPECT_EQ(parse_error(with_derivation(scrypt, of_scrypt), no_passphrase), Errc::malformed) << bytes;
  }
}

/// The file with this public key beside its private one (RFC 5958 §2).
std::string with_public_half(const std::string& name, ByteView bits) {
  const Bytes file = unarmoured(key_file(name));
  der::Values in = der::Values(file).values();
  in.number();
  const Bytes algorithm = to_bytes(in.whole(der::sequence));
  const Bytes key = to_bytes(in.whole(der::octet_string));
  Writer with_padding;
  with_padding.u8(0).raw(bits);
  const Bytes half = der::write(der::implicit_primitive(1), with_padding.bytes());
  return armoured(plain_label, der::write_sequence({number_as_der(1), algorithm, key, half}));
}

TEST(Pkcs8KeyFile, RefusesAForeignPublicHalfOfEachKind) {
  const PublicKey p256 = parse("p256").key.public_key;
  EXPECT_EQ(parse_fault(with_public_half("p256.pkcs8", p256.point)), "");
  EXPECT_EQ(parse_fault(with_public_half("p256.pkcs8", parse("putty_p256.ppk3").key.public_key.point)),
            "the public key in it is of another private key");
  EXPECT_EQ(parse_error(with_public_half("p256.pkcs8", as_bytes("no point"))), Errc::invalid_key);
  const auto rsa_half = [](const PublicKey& key) {
    return der::write_sequence({der::write_number(key.rsa_n), der::write_number(key.rsa_e)});
  };
  EXPECT_EQ(parse_fault(with_public_half("rsa.pkcs8", rsa_half(parse("rsa").key.public_key))), "");
  EXPECT_EQ(parse_error(with_public_half("rsa.pkcs8", rsa_half(parse("putty_rsa.ppk3").key.public_key))),
            Errc::invalid_key);
  EXPECT_EQ(parse_error(with_public_half("rsa.pkcs8", as_bytes("no numbers"))), Errc::malformed);
}

}  // namespace
}  // namespace fob::test
