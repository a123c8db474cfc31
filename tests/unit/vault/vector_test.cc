// The format is that of docs/vault.md: what a script without fob's code made opens here, and what is made here opens
// there. tests/host/vault_vector.sh has the script open its own.
#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <map>
#include <sstream>

#include "agent/vault/recovery_code.h"
#include "protocol/limits.h"
#include "tests/daemon/test_key.h"
#include "tests/unit/vault/support.h"

namespace fob {
namespace {

constexpr char folder[] = FOB_TEST_DATA "/vault";
/// Debian's, which finds Debian's modules.
constexpr char python[] = "/usr/bin/python3";

std::string hex(ByteView bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
  out.pop_back();
  return out;
}

SecretBytes from_hex(const std::string& digits) {
  SecretBytes out(digits.size() / 2);
  sodium_hex2bin(out.data(), out.size(), digits.data(), digits.size(), nullptr, nullptr, nullptr);
  return out;
}

/// As open_vault.py prints it.
std::string line(const std::string& name, const PublicKey& public_key, const SecretBytes& secret) {
  return name + " " + hex(public_key.blob) + " " + hex(secret.view()) + "\n";
}

/// All private keys, or nothing where the slot key is wrong.
std::string open_all(VaultFile& vault, const Keyslot& slot, const SecretBytes& slot_key) {
  const std::optional<VaultKey> key = VaultKey::unwrap(slot, slot_key);
  if (!key) return "";
  std::string out;
  for (const StoredKey& stored : vault.keys()) out += line(stored.name, stored.public_key, key->open(stored));
  return out;
}

SecretBytes slot_key_of(const Keyslot& slot, const std::string& secret) {
  switch (slot.kind) {
    case KeyslotKind::passphrase: return PassphraseParameters::read(slot.parameters).key(SecretBytes(as_bytes(secret)));
    case KeyslotKind::recovery:
      return RecoveryParameters::read(slot.parameters).key(parse_recovery_code(as_bytes(secret)).value());
    case KeyslotKind::fido: return FidoParameters::read(slot.parameters).key(from_hex(secret));
    case KeyslotKind::pkcs11: return Pkcs11Parameters::read(slot.parameters).key(from_hex(secret));
  }
  throw std::logic_error("no such kind");
}

class VaultVector : public VaultFixture {
 protected:
  /// What vector.txt says: what opens each kind of slot, and the keys as open_vault.py prints them.
  void read_vector() {
    std::istringstream lines(read_file(std::string(folder) + "/vector.txt"));
    for (std::string text; std::getline(lines, text);) {
      const std::size_t space = text.find(' ');
      const std::string rest = text.substr(space + 1);
      if (text.substr(0, space) == "key") {
        wanted_ += rest + "\n";
      } else {
        openers_[text.substr(0, space)] = rest;
      }
    }
    const std::string file = read_file(std::string(folder) + "/vector.db");
    open();
    write_file(path_, file);
  }

  /// A vault of today with a key of each type. Fills `wanted_` and `openers_`.
  void make_vault() {
    VaultFile vault = open();
    std::vector<Keyslot> slots = make_slots();
    vault.add(stored_key(1));
    vault.add_slots(slots);
    for (const KeyKind kind : software_kinds) {
      const PrivateKey private_key = TestKey::any(kind).private_key();
      StoredKey key;
      key.identity = StoredKey::new_identity();
      key.name = traits(kind).name;
      key.public_key = private_key.public_key;
      key.holder = StoredKey::Holder::vault;
      key.sealed = key_.seal(key, private_key.secret);
      vault.add(key);
      wanted_ += line(key.name, key.public_key, private_key.secret);
    }
  }
  std::vector<Keyslot> make_slots() {
    PassphraseParameters passphrase = PassphraseParameters::random();
    passphrase.passes = 3;
    passphrase.memory_kib = 9 * 1024;
    openers_["passphrase"] = "a \xc3\xa4 passphrase";
    const SecretBytes code = new_recovery_secret();
    const RecoveryParameters recovery = RecoveryParameters::random();
    openers_["recovery"] = std::string(as_text(recovery_code_of(code).view()));
    FidoParameters fido;
    fido.key_handle = Bytes(100, 'h');
    fido.salt = Bytes(limits::fido_salt_bytes, 's');
    fido.verify = true;
    openers_["fido"] = std::string(64, 'a');
    Pkcs11Parameters pkcs11;
    pkcs11.module = "/usr/lib/softhsm/libsofthsm2.so";
    pkcs11.uri = "pkcs11:token=fob;id=%01;type=private";
    pkcs11.public_key = TestKey::any(KeyKind::rsa).public_key();
    const SecretBytes opened = pkcs11.seal_new();
    openers_["pkcs11"] = hex(opened.view());
    std::vector<Keyslot> out;
    out.push_back(key_.wrap(KeyslotKind::passphrase, "", passphrase.write(),
                            passphrase.key(SecretBytes(as_bytes(openers_["passphrase"])))));
    out.push_back(key_.wrap(KeyslotKind::recovery, "", recovery.write(), recovery.key(code)));
    out.push_back(key_.wrap(KeyslotKind::fido, "", fido.write(), fido.key(from_hex(openers_["fido"]))));
    out.push_back(key_.wrap(KeyslotKind::pkcs11, "", pkcs11.write(), pkcs11.key(opened)));
    return out;
  }

  std::string wanted_;
  std::map<std::string, std::string> openers_;
};

TEST_F(VaultVector, MadeByAScriptOpensWithEachSlot) {
  read_vector();
  ASSERT_EQ(openers_.size(), keyslot_kinds.size());
  ASSERT_NE(wanted_, "");
  VaultFile vault = open(Create::no);
  const std::vector<Keyslot> slots = vault.slots();
  ASSERT_EQ(slots.size(), openers_.size());
  for (const Keyslot& slot : slots) {
    const std::string kind(name_of(slot.kind));
    EXPECT_EQ(open_all(vault, slot, slot_key_of(slot, openers_.at(kind))), wanted_) << kind;
  }
}

TEST_F(VaultVector, HasTheRestOfWhatTheScriptWrote) {
  read_vector();
  VaultFile vault = open(Create::no);
  const std::vector<StoredKey> keys = vault.keys();
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].services, (std::vector<std::string>{"github.com", "git@example.org"}));
  EXPECT_FALSE(keys[0].confirm);
  EXPECT_TRUE(keys[1].confirm);
  EXPECT_EQ(keys[1].created, 1'800'000'000U);
  EXPECT_EQ(vault.slots().at(3).id, 7U);
  EXPECT_EQ(vault.slots().at(3).name, "A card");
  EXPECT_TRUE(FidoParameters::read(vault.slots().at(2).parameters).verify);
  vault.add(stored_key(1));
  EXPECT_EQ(vault.keys().size(), 3U) << "and it is one like any other";
}

TEST_F(VaultVector, OfTodayIsOpenedByAScriptWithoutFobsCode) {
  if (run({python, "-c", "import argon2, cryptography"}).exit_status != 0) {
    GTEST_SKIP() << "no argon2 or cryptography module; they come with python3-argon2 and python3-cryptography";
  }
  make_vault();
  for (const auto& [kind, secret] : openers_) {
    const Outcome outcome = run({python, std::string(folder) + "/open_vault.py", path_, kind, secret});
    EXPECT_EQ(outcome.exit_status, 0) << kind;
    EXPECT_EQ(outcome.output, wanted_) << kind;
  }
  const Outcome wrong = run({python, std::string(folder) + "/open_vault.py", path_, "passphrase", "another"});
  EXPECT_EQ(wrong.output, "no keyslot opens with this\n");
}

}  // namespace
}  // namespace fob
