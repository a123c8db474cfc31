#include "agent/vault/keyslot.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <functional>

#include "agent/vault/vault_key.h"
#include "protocol/evp.h"
#include "protocol/limits.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

constexpr char uri[] = "pkcs11:token=fob;id=%01;type=private";

PassphraseParameters quick() {
  PassphraseParameters out = PassphraseParameters::random();
  out.passes = 1;
  out.memory_kib = limits::argon2_min_kib;
  return out;
}

FidoParameters fido() {
  FidoParameters out;
  out.key_handle = to_bytes(as_bytes("a credential"));
  out.salt = Bytes(limits::fido_salt_bytes, 's');
  return out;
}

Pkcs11Parameters pkcs11(const TestKey& key) {
  Pkcs11Parameters out;
  out.module = "/usr/lib/softhsm/libsofthsm2.so";
  out.uri = uri;
  out.public_key = key.public_key();
  return out;
}

EvpKey private_key_of(const TestKey& key) {
  const Bytes d = key.secrets().at(0).value;
  const PublicKey& public_key = key.public_key();
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  std::vector<BIGNUM*> numbers;
  const auto push = [&](const char* name, ByteView value) {
    numbers.push_back(BN_bin2bn(value.data(), static_cast<int>(value.size()), nullptr));
    OSSL_PARAM_BLD_push_BN(builder, name, numbers.back());
  };
  const bool rsa = key.kind() == KeyKind::rsa;
  if (rsa) {
    push(OSSL_PKEY_PARAM_RSA_N, public_key.rsa_n);
    push(OSSL_PKEY_PARAM_RSA_E, public_key.rsa_e);
    push(OSSL_PKEY_PARAM_RSA_D, d);
  } else {
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, ecdsa_group(key.kind()), 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, public_key.point.data(),
                                     public_key.point.size());
    push(OSSL_PKEY_PARAM_PRIV_KEY, d);
  }
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  const EvpContext context(EVP_PKEY_CTX_new_from_name(nullptr, rsa ? "RSA" : "EC", nullptr));
  EVP_PKEY* out = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EVP_PKEY_fromdata(context.get(), &out, EVP_PKEY_KEYPAIR, parameters);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  for (BIGNUM* number : numbers) BN_free(number);
  return EvpKey(out);
}

/// A token's part, by OpenSSL: what its private key makes of `sealed`. RSA-OAEP with OpenSSL's default, SHA-1.
SecretBytes opened_by(const TestKey& key, const Bytes& sealed) {
  const EvpKey private_key = private_key_of(key);
  const EvpContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, private_key.get(), nullptr));
  Bytes out(1024);
  std::size_t size = out.size();
  int done = 0;
  if (key.kind() == KeyKind::rsa) {
    EVP_PKEY_decrypt_init(context.get());
    EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING);
    done = EVP_PKEY_decrypt(context.get(), out.data(), &size, sealed.data(), sealed.size());
  } else {
    PublicKey point = key.public_key();
    point.point = sealed;
    const EvpKey peer = evp_public_key(point);
    EVP_PKEY_derive_init(context.get());
    EVP_PKEY_derive_set_peer(context.get(), peer.get());
    done = EVP_PKEY_derive(context.get(), out.data(), &size);
  }
  EXPECT_EQ(done, 1);
  return SecretBytes(ByteView(out).first(size));
}

template <class Parameters>
std::optional<Errc> refusal_of(const Parameters& parameters) {
  return error_of([&] { Parameters::read(parameters.write()); });
}

/// Every truncation, and a byte more.
template <class Parameters>
void expect_whole(const Parameters& parameters) {
  const Bytes whole = parameters.write();
  EXPECT_TRUE(equal(Parameters::read(whole).write(), whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(error_of([&] { Parameters::read(ByteView(whole).first(size)); }), Errc::malformed) << size;
  }
  Bytes more = whole;
  more.push_back(0);
  EXPECT_EQ(error_of([&] { Parameters::read(more); }), Errc::malformed);
}

TEST(KeyslotParameters, AreReadAsTheyWereWrittenAndWholeOnly) {
  expect_whole(PassphraseParameters::random());
  expect_whole(RecoveryParameters::random());
  expect_whole(fido());
  for (const KeyKind kind : {KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521}) {
    Pkcs11Parameters parameters = pkcs11(TestKey::any(kind));
    parameters.seal_new();
    expect_whole(parameters);
  }
}

TEST(KeyslotParameters, OfANewSlotAreRandom) {
  EXPECT_FALSE(equal(PassphraseParameters::random().salt, PassphraseParameters::random().salt));
  EXPECT_FALSE(equal(RecoveryParameters::random().salt, RecoveryParameters::random().salt));
  EXPECT_EQ(PassphraseParameters::random().salt.size(), 16U);
  EXPECT_EQ(RecoveryParameters::random().salt.size(), 16U);
}

TEST(PassphraseSlot, AsksForNoMoreThanItsLimits) {
  const auto read = [](std::uint32_t passes, std::uint32_t memory_kib) {
    PassphraseParameters parameters = quick();
    parameters.passes = passes;
    parameters.memory_kib = memory_kib;
    return refusal_of(parameters);
  };
  EXPECT_EQ(read(1, limits::argon2_min_kib), std::nullopt);
  EXPECT_EQ(read(limits::argon2_passes, limits::argon2_max_kib), std::nullopt);
  EXPECT_EQ(read(0, limits::argon2_min_kib), Errc::malformed);
  EXPECT_EQ(read(1, limits::argon2_min_kib - 1), Errc::malformed);
  EXPECT_EQ(read(1, 0), Errc::malformed);
  EXPECT_EQ(read(limits::argon2_passes + 1, limits::argon2_min_kib), Errc::too_large);
  EXPECT_EQ(read(0xffffffff, limits::argon2_min_kib), Errc::too_large);
  EXPECT_EQ(read(1, limits::argon2_max_kib + 1), Errc::too_large);
  EXPECT_EQ(read(1, 0xffffffff), Errc::too_large) << "four terabytes";
}

TEST(PassphraseSlot, IsAsStrongAsWasPromisedByDefault) {
  const PassphraseParameters parameters = PassphraseParameters::random();
  EXPECT_EQ(parameters.passes, 4U);
  EXPECT_EQ(parameters.memory_kib, 256U * 1024);
}

TEST(PassphraseSlot, OpensWithItsPassphraseOnly) {
  const VaultKey key = VaultKey::random();
  const PassphraseParameters parameters = quick();
  const auto passphrase = [](std::string_view text) { return SecretBytes(as_bytes(text)); };
  const Keyslot slot = key.wrap(KeyslotKind::passphrase, "", parameters.write(), parameters.key(passphrase("correct")));
  const auto opens = [&](std::string_view text) {
    return VaultKey::unwrap(slot, PassphraseParameters::read(slot.parameters).key(passphrase(text))).has_value();
  };
  EXPECT_TRUE(opens("correct"));
  for (const char* wrong : {"", "correc", "correct ", "Correct", "correct\n"}) EXPECT_FALSE(opens(wrong)) << wrong;
  EXPECT_FALSE(opens(std::string_view("correct\0", 8)));
}

TEST(PassphraseSlot, MakesAnotherKeyOfEachParameter) {
  const SecretBytes passphrase(as_bytes("correct"));
  const PassphraseParameters parameters = quick();
  PassphraseParameters salted = parameters;
  salted.salt[15] ^= 1;
  PassphraseParameters longer = parameters;
  longer.passes++;
  PassphraseParameters larger = parameters;
  larger.memory_kib += 1024;
  const SecretBytes key = parameters.key(passphrase);
  EXPECT_EQ(parameters.key(passphrase), key);
  for (const PassphraseParameters& other : {salted, longer, larger}) EXPECT_FALSE(other.key(passphrase) == key);
}

/// The reference implementation's Argon2id, by python3-argon2: hash_secret_raw(b"correct horse", b"0123456789abcdef",
/// time_cost=3, memory_cost=16384, parallelism=1, hash_len=32, type=Type.ID).
TEST(PassphraseSlot, IsArgon2id) {
  PassphraseParameters parameters;
  parameters.salt = to_bytes(as_bytes("0123456789abcdef"));
  parameters.passes = 3;
  parameters.memory_kib = 16384;
  constexpr std::array<std::uint8_t, 32> wanted{0xb7, 0x97, 0xfb, 0x51, 0x1b, 0xef, 0xfd, 0xf4, 0xab, 0x6f, 0x63,
                                                0x3f, 0x2e, 0x3f, 0xd5, 0x31, 0x1a, 0x14, 0x91, 0x51, 0x64, 0xcd,
                                                0xdc, 0x5f, 0xe9, 0x23, 0xed, 0x25, 0x8a, 0x8f, 0xc4, 0x5d};
  EXPECT_EQ(parameters.key(SecretBytes(as_bytes("correct horse"))), SecretBytes(wanted));
}

TEST(RecoverySlot, HasASaltOfItsOwn) {
  const SecretBytes code(as_bytes("twenty bytes of code"));
  const RecoveryParameters parameters = RecoveryParameters::random();
  EXPECT_EQ(parameters.key(code), parameters.key(code));
  EXPECT_FALSE(parameters.key(code) == RecoveryParameters::random().key(code));
  EXPECT_FALSE(parameters.key(code) == parameters.key(SecretBytes(as_bytes("twenty bytes of mode"))));
  EXPECT_EQ(refusal_of(RecoveryParameters{Bytes(15)}), Errc::malformed);
  EXPECT_EQ(refusal_of(RecoveryParameters{Bytes(17)}), Errc::malformed);
}

TEST(FidoSlot, BindsItsKeyToEverythingInIt) {
  const SecretBytes secret(limits::fido_secret_bytes);
  FidoParameters with_pin = fido();
  with_pin.verify = true;
  FidoParameters other_salt = fido();
  other_salt.salt[0] ^= 1;
  FidoParameters other_credential = fido();
  other_credential.key_handle[0] ^= 1;
  const SecretBytes key = fido().key(secret);
  for (const FidoParameters& other : {with_pin, other_salt, other_credential}) EXPECT_FALSE(other.key(secret) == key);
  EXPECT_EQ(fido().key(secret), key);
  SecretBytes other_secret(limits::fido_secret_bytes);
  other_secret.data()[31] = 1;
  EXPECT_FALSE(fido().key(other_secret) == key);
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    EXPECT_EQ(error_of([&] { fido().key(SecretBytes(size)); }), Errc::malformed);
  }
}

TEST(FidoSlot, IsRefusedWithoutCredentialOrWithAnotherSalt) {
  FidoParameters empty = fido();
  empty.key_handle.clear();
  EXPECT_EQ(refusal_of(empty), Errc::malformed);
  FidoParameters large = fido();
  large.key_handle = Bytes(limits::key_handle_bytes);
  EXPECT_EQ(refusal_of(large), std::nullopt);
  large.key_handle.push_back(0);
  EXPECT_TRUE(refusal_of(large).has_value());
  FidoParameters salted = fido();
  salted.salt.pop_back();
  EXPECT_EQ(refusal_of(salted), Errc::malformed);
}

TEST(Pkcs11Slot, IsOpenedByThePrivateKeyAlone) {
  for (const KeyKind kind : {KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521}) {
    const TestKey token = TestKey::make(kind);
    Pkcs11Parameters parameters = pkcs11(token);
    const SecretBytes wanted = parameters.seal_new();
    const SecretBytes opened = opened_by(token, parameters.sealed);
    EXPECT_EQ(opened, wanted) << traits(kind).name;
    EXPECT_EQ(Pkcs11Parameters::read(parameters.write()).key(opened), parameters.key(wanted));
    Pkcs11Parameters again = pkcs11(token);
    EXPECT_FALSE(again.seal_new() == wanted);
    EXPECT_FALSE(again.key(wanted) == parameters.key(wanted)) << "it is bound to what is sealed";
  }
}

TEST(Pkcs11Slot, PutsZerosBackThatATokenLeftOut) {
  const TestKey token = TestKey::any(KeyKind::ecdsa_p256);
  Pkcs11Parameters parameters = pkcs11(token);
  SecretBytes secret(32);
  parameters.sealed = Bytes(65, 4);
  for (std::size_t i = 2; i < 32; ++i) secret.data()[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(parameters.key(SecretBytes(secret.view().subspan(2))), parameters.key(secret));
  EXPECT_EQ(error_of([&] { parameters.key(SecretBytes(33)); }), Errc::malformed);
  EXPECT_EQ(error_of([&] { parameters.key({}); }), Errc::malformed);
}

TEST(Pkcs11Slot, IsForKeysThatEncryptOrAgree) {
  for (const KeyKind kind : {KeyKind::ed25519, KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519}) {
    Pkcs11Parameters parameters = pkcs11(TestKey::any(kind));
    EXPECT_EQ(error_of([&] { parameters.seal_new(); }), Errc::unsupported);
    parameters.sealed = Bytes(65);
    EXPECT_EQ(refusal_of(parameters), Errc::unsupported);
  }
  Pkcs11Parameters weak = pkcs11(TestKey::any(KeyKind::rsa));
  weak.public_key.rsa_n.resize(128);
  EXPECT_EQ(error_of([&] { weak.seal_new(); }), Errc::unsupported);
}

TEST(Pkcs11Slot, SealsNothingForAPointThatIsNotOnItsCurve) {
  Pkcs11Parameters parameters = pkcs11(TestKey::any(KeyKind::ecdsa_p256));
  parameters.public_key.point[64] ^= 1;
  EXPECT_EQ(error_of([&] { parameters.seal_new(); }), Errc::invalid_key);
}

TEST(Pkcs11Slot, IsRefusedWhereItsPartsDoNotFit) {
  Pkcs11Parameters parameters = pkcs11(TestKey::any(KeyKind::ecdsa_p384));
  parameters.seal_new();
  const auto refuses = [&](const std::function<void(Pkcs11Parameters&)>& change) {
    Pkcs11Parameters changed = parameters;
    change(changed);
    return refusal_of(changed).has_value();
  };
  EXPECT_FALSE(refuses([](Pkcs11Parameters&) {}));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.module = ""; }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.module = "relative.so"; }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.module.assign(limits::path_bytes + 1, '/'); }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.uri = ""; }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.uri.append("?pin-value=1234"); }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.sealed.clear(); }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.sealed.pop_back(); }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.sealed.push_back(0); }));
  EXPECT_TRUE(refuses([](Pkcs11Parameters& out) { out.public_key = TestKey::any(KeyKind::rsa).public_key(); }));
}

}  // namespace
}  // namespace fob
