#include "protocol/key_kind.h"
#include "protocol/limits.h"
#include "protocol/verify.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::from_hex;
using Words = std::vector<std::string>;

bool verifies(const PublicKey& key, ByteView signature, ByteView data) {
  return !error_of([&] { verify_signature(key, signature, data); });
}

Bytes hex_or_empty(const std::string& word) { return word == "-" ? Bytes{} : from_hex(word); }

PublicKey ed25519_key(ByteView point) { return PublicKey::parse(Writer().string("ssh-ed25519").string(point).bytes()); }

Bytes ed25519_signature(ByteView value) { return Writer().string("ssh-ed25519").string(value).take(); }

/// How the files of tests/data/wycheproof become SSH keys and signatures.
struct Algorithm {
  std::string file;
  std::function<PublicKey(const Words& words)> key;
  std::function<Bytes(ByteView value)> signature;
};

Algorithm ecdsa(const std::string& file, KeyKind kind) {
  const KeyKindTraits& fixed = traits(kind);
  return {file,
          [&fixed](const Words& words) {
            Writer out;
            out.string(fixed.name).string(fixed.curve).string(from_hex(words.at(1)));
            return PublicKey::parse(out.bytes());
          },
          [&fixed](ByteView value) {
            const std::size_t half = value.size() / 2;
            const Bytes numbers = Writer().mpint(value.first(half)).mpint(value.subspan(half)).take();
            return Writer().string(fixed.name).string(numbers).take();
          }};
}

Algorithm rsa(const std::string& file, const std::string& name) {
  return {file,
          [](const Words& words) {
            Writer out;
            out.string("ssh-rsa").mpint(from_hex(words.at(2))).mpint(from_hex(words.at(1)));
            return PublicKey::parse(out.bytes());
          },
          [name](ByteView value) { return Writer().string(name).string(value).take(); }};
}

/// Returns how many tests there were.
int check(const Algorithm& algorithm) {
  PublicKey key;
  int count = 0;
  for (const Words& words : test::read_words("wycheproof/" + algorithm.file + ".txt")) {
    if (words.at(0) == "key") {
      key = algorithm.key(words);
      continue;
    }
    const Bytes message = hex_or_empty(words.at(2));
    const Bytes signature = algorithm.signature(hex_or_empty(words.at(3)));
    EXPECT_EQ(verifies(key, signature, message), words.at(0) == "valid") << algorithm.file << " " << words.at(1);
    ++count;
  }
  return count;
}

TEST(VerifySignature, AgreesWithWycheproofOnEd25519) {
  EXPECT_EQ(
      check({"ed25519", [](const Words& words) { return ed25519_key(from_hex(words.at(1))); }, ed25519_signature}),
      151);
}

TEST(VerifySignature, AgreesWithWycheproofOnEcdsa) {
  EXPECT_GT(check(ecdsa("ecdsa_secp256r1_sha256_p1363", KeyKind::ecdsa_p256)), 50);
  EXPECT_GT(check(ecdsa("ecdsa_secp384r1_sha384_p1363", KeyKind::ecdsa_p384)), 25);
  EXPECT_GT(check(ecdsa("ecdsa_secp521r1_sha512_p1363", KeyKind::ecdsa_p521)), 25);
}

TEST(VerifySignature, AgreesWithWycheproofOnRsa) {
  EXPECT_GT(check(rsa("rsa_signature_2048_sha256", "rsa-sha2-256")), 25);
  EXPECT_GT(check(rsa("rsa_signature_2048_sha512", "rsa-sha2-512")), 25);
}

struct Rfc8032Vector {
  const char* public_key;
  const char* message;
  const char* signature;
};

/// RFC 8032 §7.1, tests 1 to 3 and SHA(abc).
constexpr Rfc8032Vector rfc8032[]{
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "5"
     "5141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "0"
     "0d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "0"
     "27beceea1ec40a"},
    {"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2"
     "a"
     "9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad"
     "9"
     "bef1177331a704"},
};

TEST(VerifySignature, AgreesWithRfc8032) {
  for (const Rfc8032Vector& vector : rfc8032) {
    const PublicKey key = ed25519_key(from_hex(vector.public_key));
    const Bytes signature = ed25519_signature(from_hex(vector.signature));
    EXPECT_TRUE(verifies(key, signature, from_hex(vector.message))) << vector.message;
    EXPECT_FALSE(verifies(key, signature, from_hex("00"))) << vector.message;
  }
}

/// A point of small order verifies some signature of any message unless it is refused.
TEST(VerifySignature, RefusesEd25519KeysOfSmallOrder) {
  const Bytes neutral = from_hex("0100000000000000000000000000000000000000000000000000000000000000");
  Bytes value = neutral;
  value.resize(64);
  EXPECT_FALSE(verifies(ed25519_key(neutral), ed25519_signature(value), as_bytes("any")));
}

}  // namespace
}  // namespace fob
