// After a lock, of whatever kind, nothing that opens keys is in memory: not in the agent, nor in a token host.

#include <gtest/gtest.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include <fstream>

#include "agent/vault/aead.h"
#include "agent/vault/recovery_code.h"
#include "agent/vault/vault_file.h"
#include "tests/daemon/memory_scan.h"
#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view wrong_passphrase = "incorrect donkey charger clip 17";
constexpr std::string_view token_pin = "pin of the token 4711 0815";

/// FOB_LONG: the hundred rounds that the issue of the vault asks for.
int rounds() { return getenv("FOB_LONG") != nullptr ? 100 : 3; }

std::vector<pid_t> children(pid_t parent) {
  std::ifstream list("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  std::vector<pid_t> out;
  for (pid_t pid = 0; list >> pid;) out.push_back(pid);
  return out;
}

/// An agent with a vault of every kind of key, clients that stay connected, and the scan of its memory.
class Watch {
 public:
  /// `hidden`: keys in use lie in memory that the kernel shows to nobody, as far as it can.
  explicit Watch(bool hidden)
      : hidden_(hidden),
        rig_({.sticks = 1, .config = "[vault]\nlock_after = \"1s\"", .without_memfd_secret = !hidden}),
        client_(rig_.client()) {
    rig_.set_pin(std::string(token_pin));
    for (const KeyKind kind : software_kinds) keys_.push_back(TestKey::make(kind));
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      rig_.import("key" + std::to_string(i), keys_[i]);
      for (const TestKey::Secret& secret : keys_[i].secrets()) {
        scan_.look_for_number(std::string(traits(keys_[i].kind()).name) + ", " + secret.name, secret.value);
      }
    }
    add_fido_slot();
    look_for_typed_texts();
    look_for_vault_key();
  }

  VaultRig& rig() { return rig_; }
  const std::vector<TestKey>& keys() const { return keys_; }

  void use_all() {
    for (const TestKey& key : keys_) ASSERT_TRUE(client_.sign(key.blob(), as_bytes("data"), 4));
  }
  void open_with(std::vector<std::string> typed, std::optional<KeyslotKind> kind) {
    ASSERT_EQ(rig_.unlock_with(std::move(typed), kind), "");
    use_all();
  }
  void expect_secret_in_use(const std::string& what) {
    if (hidden_) expect_secret(what);
  }
  void expect_secret(const std::string& what) {
    // A reply may leave before the buffers of its request are wiped.
    pause_for(milliseconds(50));
    const pid_t agent = rig_.daemon().pid();
    for (const std::string& found : scan_.scan(agent)) ADD_FAILURE() << "agent after " << what << ": " << found;
    for (const pid_t child : children(agent)) {
      // One that was killed just now has no memory any more, but may be there until it is reaped.
      if (status_field(child, "VmRSS").empty()) continue;
      for (const std::string& found : scan_.scan(child)) ADD_FAILURE() << "host after " << what << ": " << found;
    }
    EXPECT_EQ(rig_.daemon().log().find(vault_passphrase), std::string::npos);
  }

 private:
  void add_fido_slot() {
    control::AddSlot wish;
    wish.kind = KeyslotKind::fido;
    wish.on = "fido";
    for (int i = 0; i < 2; ++i) rig_.person().will_type(std::string(token_pin));
    rig_.person().will_type(std::string(vault_passphrase));
    rig_.person().expect<control::SlotAdded>(wish);
    rig_.person().forget_typing();
  }
  void look_for_typed_texts() {
    scan_.look_for_text("passphrase", as_bytes(vault_passphrase));
    scan_.look_for_text("wrong passphrase", as_bytes(wrong_passphrase));
    scan_.look_for_text("PIN", as_bytes(token_pin));
    scan_.look_for_text("recovery code", as_bytes(rig_.recovery_code()));
  }
  /// As a thief with the file and the recovery code gets it.
  void look_for_vault_key() {
    const std::string copy = rig_.directory().file("copy.db");
    write_file(copy, read_file(rig_.slots().path));
    std::optional<VaultFile> file = VaultFile::open(copy, VaultFile::Create::no);
    const std::optional<SecretBytes> code = parse_recovery_code(as_bytes(rig_.recovery_code()));
    scan_.look_for_text("secret of the recovery code", code.value().view());
    for (const Keyslot& slot : file.value().slots()) {
      std::optional<SecretBytes> slot_key;
      if (slot.kind == KeyslotKind::recovery) slot_key = RecoveryParameters::read(slot.parameters).key(*code);
      if (slot.kind == KeyslotKind::passphrase) {
        slot_key = PassphraseParameters::read(slot.parameters).key(SecretBytes(as_bytes(vault_passphrase)));
      }
      if (slot.kind == KeyslotKind::fido) {
        const Bytes secret = rig_.stick().status().last_secret;
        scan_.look_for_text("hmac-secret", secret);
        slot_key = FidoParameters::read(slot.parameters).key(SecretBytes(secret));
      }
      ASSERT_TRUE(slot_key);
      scan_.look_for_text("slot key, " + std::string(name_of(slot.kind)), slot_key->view());
      Writer associated;
      associated.string("fob keyslot 1").u8(static_cast<std::uint8_t>(slot.kind)).string(slot.parameters);
      const std::optional<SecretBytes> key = aead_open(*slot_key, slot.wrapped, associated.bytes());
      scan_.look_for_text("vault key", key.value().view());
    }
  }

  bool hidden_;
  VaultRig rig_;
  Client client_;
  std::vector<TestKey> keys_;
  MemoryScan scan_;
};

class VaultSecrecy : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "reading another process's memory needs root";
    const Daemon probe;
    if (is_sanitized(probe)) GTEST_SKIP() << "a sanitizer keeps what was freed";
  }
};

TEST_P(VaultSecrecy, HoldsAfterEveryKindOfLock) {
  Watch watch(GetParam());
  VaultRig& rig = watch.rig();
  watch.expect_secret_in_use("making the vault");
  const std::string passphrase(vault_passphrase);
  for (int i = 0; i < rounds(); ++i) {
    watch.open_with({std::string(wrong_passphrase), passphrase}, KeyslotKind::passphrase);
    watch.expect_secret_in_use("use, while the vault is open");
    rig.lock();
    watch.expect_secret("fob lock");
    watch.open_with({rig.recovery_code()}, KeyslotKind::recovery);
    ASSERT_TRUE(rig.client().lock("agent lock"));
    watch.expect_secret("ssh-add -x");
    ASSERT_TRUE(rig.client().unlock("agent lock"));
    watch.open_with({std::string(token_pin)}, KeyslotKind::fido);
    ASSERT_GT(rig.daemon().pid(), 1);
    kill(rig.daemon().pid(), SIGUSR1);
    ASSERT_TRUE(eventually([&] { return rig.is_locked(); }));
    watch.expect_secret("SIGUSR1");
    watch.open_with({std::string(token_pin)}, KeyslotKind::fido);
    ASSERT_TRUE(eventually([&] { return rig.daemon().logs("it was not used"); }));
    pause_for(milliseconds(1500));
    watch.expect_secret("a time without use");
  }
}

TEST_P(VaultSecrecy, HoldsAfterExportAndRemoval) {
  Watch watch(GetParam());
  VaultRig& rig = watch.rig();
  rig.person().will_type(std::string(token_pin));
  {
    const auto exported = rig.person().expect<control::Exported>(control::ExportKey{"key0"});
    EXPECT_TRUE(exported.key.secret == watch.keys()[0].private_key().secret);
  }
  watch.expect_secret_in_use("export");
  for (std::size_t i = 0; i < watch.keys().size(); ++i) {
    rig.person().expect<control::Done>(control::RemoveKey{"key" + std::to_string(i), false, true});
  }
  rig.lock();
  watch.expect_secret("removal and lock");
}

INSTANTIATE_TEST_SUITE_P(Memory, VaultSecrecy, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "hidden" : "visible"; });

TEST_P(VaultSecrecy, OfTheFileHoldsToo) {
  Watch watch(GetParam());
  const std::string file = read_file(watch.rig().slots().path);
  for (const TestKey& key : watch.keys()) {
    for (const TestKey::Secret& secret : key.secrets()) {
      const std::string needle(as_text(ByteView(secret.value).first(16)));
      EXPECT_EQ(file.find(needle), std::string::npos) << secret.name;
    }
  }
  EXPECT_EQ(file.find(vault_passphrase), std::string::npos);
}

}  // namespace
}  // namespace fob
