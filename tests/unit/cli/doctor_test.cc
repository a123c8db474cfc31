#include "cli/doctor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/finding_texts.h"
#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using fob::TempDir;
using fob::write_file;
using fob::test::has;
using fob::test::text;
using fob::test::texts;
using nlohmann::json;

/// Runs `action` as a user who may do nothing special, whoever runs the tests: only this thread changes.
void unprivileged(const std::function<void()>& action) {
  std::thread([&] {
    constexpr uid_t nobody = 65534;
    if (geteuid() == 0) {
      ASSERT_EQ(syscall(SYS_setresuid, nobody, nobody, nobody), 0);
    }
    action();
  }).join();
}

/// As /sys/class/hidraw and /dev: one device that says this of itself.
class Devices {
 public:
  Devices() {
    chmod(folder_.path().c_str(), 0755);
    std::filesystem::create_directories(folder_.file("sys/hidraw3/device"));
    std::filesystem::create_directories(folder_.file("dev"));
  }
  void describe(const Bytes& descriptor) const {
    write_file(folder_.file("sys/hidraw3/device/report_descriptor"), as_text(descriptor), 0644);
  }
  void make_node(unsigned mode) const {
    std::filesystem::remove(folder_.file("dev/hidraw3"));
    write_file(folder_.file("dev/hidraw3"), "", mode);
    chmod(folder_.file("dev/hidraw3").c_str(), mode);
  }
  Findings check() const {
    Findings out;
    unprivileged([&] { out = check_hidraw(folder_.file("sys"), folder_.file("dev")); });
    return out;
  }

 private:
  TempDir folder_;
};

/// CTAP 2.1 §11.2.8.2; and a mouse's, after HID 1.11 E.10.
const Bytes fido_descriptor = test::from_hex("06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0");
const Bytes mouse_descriptor = test::from_hex("05010902a1010901a10005091901290315002501950375018102c0c0");

TEST(DoctorHidraw, FindsATokenThatOneMayNotUse) {
  const Devices devices;
  devices.describe(fido_descriptor);
  devices.make_node(0600);
  // A node of the tests' own user, where that is not root, is one that they may use.
  if (geteuid() != 0) devices.make_node(0000);
  const std::string found = text(devices.check());
  EXPECT_TRUE(has(found, "hidraw-permission: A FIDO2 token is plugged in, but you may not use it: ")) << found;
  EXPECT_TRUE(has(found, "/dev/hidraw3: Permission denied")) << found;
  EXPECT_TRUE(has(found, "70-fob.rules /etc/udev/rules.d/")) << found;
}

TEST(DoctorHidraw, FindsATokenWithoutADevice) {
  const Devices devices;
  devices.describe(fido_descriptor);
  EXPECT_TRUE(has(text(devices.check()), "hidraw-missing: "));
}

TEST(DoctorHidraw, IsContentWithWhatWorksAndWithOtherDevices) {
  const Devices devices;
  devices.describe(fido_descriptor);
  devices.make_node(0666);
  EXPECT_TRUE(devices.check().empty());
  devices.make_node(0000);
  for (const Bytes& descriptor :
       {mouse_descriptor, Bytes{}, Bytes{0x06}, Bytes{0x06, 0xd0}, Bytes{0xfe}, Bytes(10, 0xfe), Bytes(5000, 0)}) {
    devices.describe(descriptor);
    EXPECT_TRUE(devices.check().empty()) << test::to_hex(descriptor);
  }
  // The bytes of the page inside of another item are none.
  devices.describe(test::from_hex("2706d0f100c0"));
  EXPECT_TRUE(devices.check().empty());
  EXPECT_TRUE(check_hidraw("/nonexistent", "/dev").empty());
}

TEST(DoctorPcscd, FindsASocketThatOneMayNotUse) {
  const TempDir folder;
  chmod(folder.path().c_str(), 0755);
  write_file(folder.file("comm"), "", 0);
  Findings found;
  unprivileged([&] { found = check_pcscd(folder.file("comm")); });
  EXPECT_TRUE(has(text(found), "pcscd-permission: "));
  EXPECT_TRUE(check_pcscd(folder.file("none")).empty());
}

TEST(DoctorProcesses, FindsOnesOwnByName) {
  const TempDir proc;
  for (const char* number : {"12", "345", "self"}) std::filesystem::create_directories(proc.file(number));
  write_file(proc.file("12/comm"), "bash\n");
  write_file(proc.file("345/comm"), "scdaemon\n");
  write_file(proc.file("self/comm"), "scdaemon\n");
  EXPECT_EQ(process_named(proc.path(), "scdaemon"), 345);
  EXPECT_EQ(process_named(proc.path(), "gpg-agent"), 0);
}

AgentView view_with(const control::Token& token) {
  AgentView out;
  out.answers = true;
  out.tokens.tokens = {token};
  return out;
}

TEST(DoctorTokens, SaysWhatThePinIs) {
  control::Token token = test::sample_token("fido:815");
  EXPECT_TRUE(check_tokens(view_with(token)).empty());
  token.info.pin_tries = 1;
  EXPECT_TRUE(
      has(text(check_tokens(view_with(token))), "pin-last-try: One more wrong PIN blocks Example Key 5 (815)."));
  token.info.pin_tries = 0;
  const std::string blocked = text(check_tokens(view_with(token)));
  EXPECT_TRUE(has(blocked, "pin-blocked: ") && has(blocked, "fob reset --on ")) << blocked;
  token.info.pin_set = false;
  EXPECT_TRUE(check_tokens(view_with(token)).empty());

  control::Token card = test::sample_piv_token();
  EXPECT_TRUE(check_tokens(view_with(card)).empty());
  card.pkcs11->pin_final_try = true;
  EXPECT_TRUE(has(text(check_tokens(view_with(card))), "pin-last-try: "));
  card.pkcs11->pin_locked = true;
  EXPECT_TRUE(has(text(check_tokens(view_with(card))), "fob pin unblock --on "));
}

TEST(DoctorTokens, SaysThatAnotherProgramHoldsTheCard) {
  control::Token card = test::sample_piv_token();
  // As the agent says it (agent/pkcs11_access.cc).
  card.fault =
      "another program holds the card in Yubico YubiKey 00 00: close it (gpg: gpgconf --kill scdaemon), then try again";
  const std::string found = text(check_tokens(view_with(card)));
  EXPECT_TRUE(has(found, "card-held: A card cannot be used: another program holds the card in Yubico YubiKey 00 00. |"))
      << found;
  EXPECT_TRUE(has(found, "gpgconf --kill scdaemon"));
  card.fault = "the module says CKR_DEVICE_ERROR";
  EXPECT_TRUE(has(text(check_tokens(view_with(card))), "token-fault: "));
  card.fault = "in use: waiting for a person or an answer";
  EXPECT_TRUE(check_tokens(view_with(card)).empty());
}

/// As the agent lists one that does not work (agent/control_pkcs11.cc).
control::Token broken_module(const std::string& fault) {
  control::Token out;
  out.id = "tpm2_pkcs11";
  out.pkcs11.emplace().uri = "pkcs11:";
  out.fault = fault;
  return out;
}

TEST(DoctorTokens, MindsABrokenModuleOnlyWhereKeysNeedOne) {
  AgentView agent = view_with(broken_module("C_Initialize: CKR_GENERAL_ERROR"));
  EXPECT_TRUE(check_tokens(agent).empty());
  agent.keys.keys = {test::sample_pkcs11_key("card")};
  const std::vector<std::string> found = texts(check_tokens(agent));
  ASSERT_EQ(found.size(), 2U) << testing::PrintToString(found);
  EXPECT_TRUE(has(found[0], "module-fault: The PKCS#11 module tpm2_pkcs11 cannot be used: C_Init"));
  EXPECT_TRUE(has(found[1], "token-absent: The PKCS#11 token (card, HSM, TPM) of the key card is not there. |"));
  agent.tokens.tokens.push_back(test::sample_pkcs11_token("work", "70a1"));
  EXPECT_TRUE(check_tokens(agent).empty());
}

TEST(DoctorTokens, TakesACardThatIsHeldForTheOneThatIsMissed) {
  AgentView agent = view_with(broken_module("another program holds the card in Yubico YubiKey: close it"));
  agent.keys.keys = {test::sample_pkcs11_key("card")};
  EXPECT_TRUE(has(text(check_tokens(agent)), "card-held: "));
}

control::Key key_of(const std::string& token) {
  control::Key out = test::sample_key("stick");
  out.token = token;
  return out;
}

TEST(DoctorTokens, MissesTheTokenOfAKey) {
  AgentView agent = view_with(test::sample_token("fido:815"));
  agent.keys.keys = {key_of("Example Key 5 (815)")};
  EXPECT_TRUE(check_tokens(agent).empty());
  agent.tokens.tokens.clear();
  const std::string found = text(check_tokens(agent));
  EXPECT_TRUE(has(found, "token-absent: The FIDO2 token of the key stick is not there. | Plug in Example Key 5 (815);"))
      << found;
  agent.keys.keys.push_back(key_of("Other Key (9)"));
  const std::string both = text(check_tokens(agent));
  EXPECT_TRUE(has(both, "is not there: stick, stick. | Plug in Example Key 5 (815), Other Key (9);")) << both;
  agent.keys.keys = {test::sample_pkcs11_key("card")};
  EXPECT_TRUE(has(text(check_tokens(agent)), "The PKCS#11 token (card, HSM, TPM) of the key card is not there."));
  agent.keys.keys[0].name.clear();
  EXPECT_TRUE(check_tokens(agent).empty());
}

TEST(DoctorTokens, TakesNoOtherTokenForTheOneOfAKey) {
  AgentView agent = view_with(test::sample_token("fido:815"));
  for (const char* other : {"Example Key 5 (816)", "Other Key"}) {
    agent.keys.keys = {key_of(other)};
    EXPECT_TRUE(has(text(check_tokens(agent)), std::string("Plug in ") + other)) << other;
  }
  // What may be the one is not missed: its name may have changed, or never been noted.
  for (const char* same : {"Renamed Key (815)", "Example Key 4", ""}) {
    agent.keys.keys = {key_of(same)};
    EXPECT_TRUE(check_tokens(agent).empty()) << same;
  }
  agent = view_with(test::sample_pkcs11_token("spare", "70a2"));
  agent.keys.keys = {test::sample_pkcs11_key("card")};
  EXPECT_TRUE(has(text(check_tokens(agent)), "token-absent: "));
}

TEST(DoctorFiles, FindsWhatSshAndSshdWouldNotRead) {
  const TempDir home;
  std::filesystem::create_directory(home.file(".ssh"));
  chmod(home.file(".ssh").c_str(), 0700);
  write_file(home.file(".ssh/id"), "-----BEGIN OPENSSH PRIVATE KEY-----\n");
  write_file(home.file(".ssh/id.pub"), "ssh-ed25519 AAAA\n", 0644);
  write_file(home.file(".ssh/known_hosts"), "host ssh-ed25519 AAAA\n", 0644);
  EXPECT_TRUE(check_files(home.path()).empty());
  chmod(home.file(".ssh/id").c_str(), 0640);
  EXPECT_TRUE(has(text(check_files(home.path())), "chmod 600 " + home.file(".ssh/id")));
  chmod(home.file(".ssh/id").c_str(), 0600);
  // The home matters to sshd alone, and only where somebody logs in by these keys.
  chmod(home.path().c_str(), 0777);
  EXPECT_TRUE(check_files(home.path()).empty());
  chmod(home.path().c_str(), 0700);
  write_file(home.file(".ssh/authorized_keys"), "");
  for (const char* name : {"", ".ssh", ".ssh/config", ".ssh/authorized_keys"}) {
    const std::string path = *name == '\0' ? home.path() : home.file(name);
    if (!fob::exists(path)) write_file(path, "");
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    chmod(path.c_str(), status.st_mode | 0002);
    const std::string found = text(check_files(home.path()));
    EXPECT_TRUE(has(found, "Everybody may write to " + path + ", so ")) << found;
    EXPECT_TRUE(has(found, "Type: chmod go-w " + path)) << found;
    chmod(path.c_str(), status.st_mode & 0755);
  }
  EXPECT_TRUE(check_files(home.file("nowhere")).empty());
}

TEST(DoctorFiles, QuotesPathsForAShell) {
  const TempDir home;
  std::filesystem::create_directory(home.file(".ssh"));
  write_file(home.file(".ssh/it's mine"), "-----BEGIN RSA PRIVATE KEY-----\n", 0644);
  EXPECT_TRUE(has(text(check_files(home.path())), "chmod 600 '" + home.file(".ssh/it'\\''s mine") + "'"));
}

TEST(DoctorIdentityAgent, FindsThatSshIsSentElsewhere) {
  EXPECT_TRUE(check_identity_agent({}).empty());
  EXPECT_TRUE(check_identity_agent({{"identityagent", {"SSH_AUTH_SOCK"}}}).empty());
  EXPECT_TRUE(has(text(check_identity_agent({{"identityagent", {"/run/other"}}})), "another agent (/run/other)"));
  EXPECT_TRUE(has(text(check_identity_agent({{"identityagent", {"none"}}})), "to use no agent"));
}

TEST(Doctor, SaysWhatIsWrongToPeopleAndPrograms) {
  const TempDir home;
  const test::FobOutcome plain = test::run_fob({"doctor"}, {"HOME=" + home.path(), "PATH=/usr/bin:/bin"});
  EXPECT_EQ(plain.status, 1);
  EXPECT_TRUE(has(plain.out, "1. SSH_AUTH_SOCK is not set, so ssh finds no agent here.\n   Remedy: Start one"))
      << plain.out;
  const test::FobOutcome outcome = test::run_fob({"doctor", "--json"}, {"HOME=" + home.path(), "PATH=/usr/bin:/bin"});
  EXPECT_EQ(json::parse(outcome.out)["findings"][0]["id"], "no-agent");
  EXPECT_TRUE(json::parse(outcome.out)["host"].is_null());
}

TEST(Doctor, EndsSshWithCtrlC) {
  const TempDir folder;
  write_file(folder.file("ssh"),
             "#!/bin/sh\necho $$ >" + folder.file("started") + "; mv " + folder.file("started") + " " +
                 folder.file("pid") + "; exec sleep 600\n",
             0700);
  test::TerminalFob fob({"doctor", "host"}, {"HOME=" + folder.path(), "PATH=" + folder.path() + ":/usr/bin:/bin"});
  for (int i = 0; i < 500 && !fob::exists(folder.file("pid")); ++i) usleep(10'000);
  const int ssh = std::stoi(fob::read_file(folder.file("pid")));
  fob.signal(SIGINT);
  EXPECT_EQ(fob.status(), 130);
  EXPECT_EQ(kill(ssh, 0), -1);
}

}  // namespace
}  // namespace fob::cli
