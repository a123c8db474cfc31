#include "protocol/composite.h"

#include <openssl/crypto.h>

#include "protocol/fingerprint.h"
#include "protocol/key_kind.h"
#include "protocol/private_key.h"
#include "protocol/request.h"
#include "protocol/verify.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;
using test::FileSignature;
using test::public_key;
using test::public_key_blob;

constexpr std::size_t signature_bytes = mldsa44_signature_bytes + ed25519_signature_bytes;

/// Where OpenSSL has ML-DSA, `action` must end as `wanted`; elsewhere it must say what is missing, never
/// bad_signature.
void expect_outcome(std::optional<Errc> wanted, const std::function<void()>& action) {
  if (has_composite()) {
    EXPECT_EQ(error_of(action), wanted);
    return;
  }
  try {
    action();
    ADD_FAILURE() << "done without ML-DSA";
  } catch (const Error& error) {
    const std::string_view text = error.what();
    EXPECT_EQ(error.code(), Errc::unsupported) << text;
    EXPECT_NE(text.find("ssh-mldsa44-ed25519@openssh.com"), std::string_view::npos) << text;
    EXPECT_NE(text.find("OpenSSL 3.5"), std::string_view::npos) << text;
  }
}

/// A signature that another program made, taken apart as verify_composite takes it.
struct Vector {
  std::string name;
  Bytes public_key;
  Bytes signature;
  Bytes data;
};

Vector file_vector(const std::string& name, const std::string& file) {
  const FileSignature signed_file = test::file_signature(name, file);
  Reader in(signed_file.signature);
  EXPECT_EQ(in.text(), "ssh-mldsa44-ed25519@openssh.com") << name;
  const Bytes signature = to_bytes(in.string());
  in.done();
  return {name, PublicKey::parse(signed_file.key_blob).point, signature, signed_file.signed_data};
}

/// Fields of the draft's own vector.
Bytes draft(std::string_view field) {
  for (const auto& words : test::read_words("composite/draft.txt")) {
    if (words.at(0) == field) return test::from_hex(words.at(1));
  }
  throw std::runtime_error("no such field");
}

std::vector<Vector> vectors() {
  return {{"draft", draft("pk"), draft("s"), draft("m")},
          file_vector("composite/message.sig", "composite/message"),
          file_vector("openssh/sshsig/mldsa44-ed25519.sig", "openssh/sshsig/signed-data")};
}

/// What OpenSSH's ssh-add sent: "add_composite.request", "certify_composite.request".
Bytes recorded(std::string_view name) {
  for (const auto& words : test::read_words("composite/messages.txt")) {
    if (words.at(0) == name) return test::from_hex(words.at(1));
  }
  throw std::runtime_error("no such message");
}

AddIdentity read_add(const Bytes& request) {
  Reader in(request);
  EXPECT_EQ(in.u8(), static_cast<std::uint8_t>(MessageType::add_identity));
  AddIdentity out = AddIdentity::read(in);
  in.done();
  return out;
}

SecretBytes seeds_of(const PrivateKey& key) { return SecretBytes(Reader(key.secret.view()).string()); }

/// Or the tests below would pass where has_composite() is wrongly false.
TEST(Composite, IsThereIfOpensslHasMlDsa) {
#if OPENSSL_VERSION_NUMBER >= 0x30500000L && !defined(OPENSSL_NO_ML_DSA)
  EXPECT_TRUE(has_composite()) << OpenSSL_version(OPENSSL_VERSION);
#else
  EXPECT_FALSE(has_composite()) << OpenSSL_version(OPENSSL_VERSION);
#endif
}

TEST(Composite, KeysAreReadWithAnyOpenssl) {
  const PublicKey key = public_key("composite/key.pub");
  const PublicKey certificate = public_key("composite/key-cert.pub");
  EXPECT_EQ(key.kind, KeyKind::mldsa44_ed25519);
  EXPECT_EQ(certificate.kind, KeyKind::mldsa44_ed25519);
  EXPECT_FALSE(key.is_certificate());
  ASSERT_TRUE(certificate.is_certificate());
  EXPECT_TRUE(equal(certificate.plain_blob(), key.blob));
  EXPECT_TRUE(equal(certificate.certificate->signature_key, public_key_blob("composite/ca.pub")));
  EXPECT_EQ(certificate.certificate->serial, 42U);
  EXPECT_EQ(certificate.certificate->key_id, "id of key");
  EXPECT_EQ(certificate.certificate->principals, (std::vector<std::string>{"alice", "bob"}));
}

TEST(Composite, FingerprintsAgreeWithSshKeygen) {
  int count = 0;
  for (const auto& words : test::read_words("composite/fingerprints.txt")) {
    const PublicKey key = public_key("composite/" + words.at(0));
    EXPECT_EQ(std::to_string(key.bits()), words.at(1)) << words.at(0);
    EXPECT_EQ(fingerprint(key), words.at(2)) << words.at(0);
    EXPECT_EQ('(' + key.display_type() + ')', words.back()) << words.at(0);
    ++count;
  }
  EXPECT_EQ(count, 3);
}

TEST(Composite, RefusesPublicKeysOfOtherSizes) {
  const std::size_t right = traits(KeyKind::mldsa44_ed25519).point_bytes;
  for (const std::size_t size : {std::size_t{0}, ed25519_public_bytes, mldsa44_public_bytes, right - 1, right + 1}) {
    const Bytes blob = Writer().string("ssh-mldsa44-ed25519@openssh.com").string(Bytes(size, 1)).take();
    EXPECT_EQ(error_of([&] { PublicKey::parse(blob); }), Errc::malformed) << size;
  }
}

TEST(Composite, PrivateKeysAreReadAndWrittenWithAnyOpenssl) {
  const AddIdentity plain = read_add(recorded("add_composite.request"));
  const AddIdentity certified = read_add(recorded("certify_composite.request"));
  EXPECT_TRUE(equal(plain.key.public_key.blob, public_key_blob("composite/key.pub")));
  EXPECT_TRUE(equal(certified.key.public_key.blob, public_key_blob("composite/key-cert.pub")));
  EXPECT_EQ(seeds_of(plain.key).size(), 64U);
  EXPECT_TRUE(plain.key.secret == certified.key.secret);
  for (const auto& [add, name] :
       {std::pair(&plain, "add_composite.request"), std::pair(&certified, "certify_composite.request")}) {
    Writer out;
    add->write(out);
    EXPECT_TRUE(equal(out.bytes(), recorded(name))) << name;
  }
}

TEST(Composite, PublicKeyFollowsFromSeeds) {
  const AddIdentity added = read_add(recorded("add_composite.request"));
  expect_outcome({}, [&] {
    EXPECT_TRUE(equal(composite_public_key(seeds_of(added.key)), public_key("composite/key.pub").point));
  });
  const SecretBytes draft_seeds{ByteView(draft("sk"))};
  expect_outcome({}, [&] { EXPECT_TRUE(equal(composite_public_key(draft_seeds), draft("pk"))); });
}

TEST(Composite, VerifiesSignaturesOfOthers) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    expect_outcome({}, [&] { verify_composite(vector.public_key, vector.signature, vector.data); });
    const Bytes blob = Writer().string("ssh-mldsa44-ed25519@openssh.com").string(vector.signature).take();
    PublicKey key;
    key.kind = KeyKind::mldsa44_ed25519;
    key.point = vector.public_key;
    expect_outcome({}, [&] { verify_signature(key, blob, vector.data); });
  }
}

/// Each half alone must be able to refuse: bytes of both halves of signature and key are among those that are flipped.
TEST(Composite, RefusesEveryFlippedByteOfASample) {
  constexpr std::size_t step = 41;
  for (Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    for (Bytes* part : {&vector.signature, &vector.public_key, &vector.data}) {
      std::vector<std::size_t> positions{part->size() - 1, part->size() - 32};
      if (part == &vector.signature)
        positions.insert(positions.end(), {mldsa44_signature_bytes - 1, part->size() - 64});
      for (std::size_t at = 0; at < part->size(); at += step) positions.push_back(at);
      for (const std::size_t at : positions) {
        SCOPED_TRACE(at);
        (*part)[at] ^= 0x10;
        expect_outcome(Errc::bad_signature,
                       [&] { verify_composite(vector.public_key, vector.signature, vector.data); });
        (*part)[at] ^= 0x10;
      }
    }
  }
}

TEST(Composite, RefusesSignaturesOfOtherSizes) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    Bytes longer = vector.signature;
    longer.push_back(0);
    expect_outcome(Errc::bad_signature, [&] { verify_composite(vector.public_key, longer, vector.data); });
    for (const std::size_t size :
         {std::size_t{0}, ed25519_signature_bytes, mldsa44_signature_bytes, signature_bytes - 1}) {
      SCOPED_TRACE(size);
      // A copy of its own, so that AddressSanitizer sees a read beyond it.
      const Bytes shorter = to_bytes(ByteView(vector.signature).first(size));
      expect_outcome(Errc::bad_signature, [&] { verify_composite(vector.public_key, shorter, vector.data); });
    }
  }
}

/// Each half is right in turn, the other is another key's.
TEST(Composite, RefusesHalvesOfTwoSignatures) {
  const std::vector<Vector> all = vectors();
  const auto mixed = [](const Vector& mldsa, const Vector& ed25519) {
    Writer out;
    out.raw(ByteView(mldsa.signature).first(mldsa44_signature_bytes));
    out.raw(ByteView(ed25519.signature).last(ed25519_signature_bytes));
    return out.take();
  };
  const auto verify = [&](const Bytes& signature) { verify_composite(all[0].public_key, signature, all[0].data); };
  expect_outcome({}, [&] { verify(mixed(all[0], all[0])); });
  expect_outcome(Errc::bad_signature, [&] { verify(mixed(all[0], all[1])); });
  expect_outcome(Errc::bad_signature, [&] { verify(mixed(all[1], all[0])); });
}

TEST(Composite, RefusesSignatureOfAnotherType) {
  const PublicKey key = public_key("composite/key.pub");
  const Bytes ed25519 = Writer().string("ssh-ed25519").string(Bytes(64)).take();
  EXPECT_EQ(error_of([&] { verify_signature(key, ed25519, as_bytes("data")); }), Errc::bad_signature);
}

TEST(Composite, SignsAsOthersDo) {
  const SecretBytes seeds{ByteView(draft("sk"))};
  const Bytes data = draft("m");
  const Bytes theirs = draft("s");
  expect_outcome({}, [&] {
    const Bytes first = sign_composite(seeds, data);
    const Bytes second = sign_composite(seeds, data);
    ASSERT_EQ(first.size(), signature_bytes);
    EXPECT_NO_THROW(verify_composite(draft("pk"), first, data));
    EXPECT_NO_THROW(verify_composite(draft("pk"), second, data));
    EXPECT_EQ(error_of([&] { verify_composite(draft("pk"), first, as_bytes("date")); }), Errc::bad_signature);
    // Ed25519 gives always the same signature, ML-DSA in its hedged form never does.
    EXPECT_TRUE(equal(ByteView(first).last(ed25519_signature_bytes), ByteView(theirs).last(ed25519_signature_bytes)));
    EXPECT_FALSE(
        equal(ByteView(first).first(mldsa44_signature_bytes), ByteView(second).first(mldsa44_signature_bytes)));
  });
}

TEST(Composite, SignsNothingAndMuch) {
  const SecretBytes seeds{ByteView(draft("sk"))};
  for (const std::size_t size : {0U, 1U, 200'000U}) {
    const Bytes data(size, 'x');
    expect_outcome({}, [&] { verify_composite(draft("pk"), sign_composite(seeds, data), data); });
  }
}

TEST(Composite, VerifiesCertificatesOfACompositeCa) {
  const PublicKey certificate = public_key("composite/key-cert.pub");
  expect_outcome({}, [&] { verify_certificate(certificate); });
  Bytes blob = certificate.blob;
  blob[blob.size() - 1] ^= 1;
  expect_outcome(Errc::bad_signature, [&] { verify_certificate(PublicKey::parse(blob)); });
}

/// A certificate of a composite key by a CA of another type needs no ML-DSA.
TEST(Composite, CertificateByAnotherCaVerifiesWithAnyOpenssl) {
  const PublicKey certificate = public_key("openssh/sshkey/mldsa44_ed25519_1-cert.pub");
  ASSERT_NE(PublicKey::parse(certificate.certificate->signature_key).kind, KeyKind::mldsa44_ed25519);
  EXPECT_NO_THROW(verify_certificate(certificate));
}

}  // namespace
}  // namespace fob
