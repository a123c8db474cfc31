#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/agent_config.h"
#include "cli/doctor_host.h"
#include "cli/ssh_log.h"
#include "tests/unit/cli/fake_agent.h"
#include "tests/unit/cli/samples.h"

namespace fob::cli {
namespace {

using fob::TempDir;
using fob::write_file;

/// "id: what | remedy" of each.
std::vector<std::string> texts(const Findings& findings) {
  std::vector<std::string> out;
  for (const Finding& finding : findings) out.push_back(finding.id + ": " + finding.what + " | " + finding.remedy);
  return out;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// Sets variables as long as it lives; empty: unset.
class Variables {
 public:
  explicit Variables(std::vector<std::pair<std::string, std::string>> variables) {
    for (const auto& [name, value] : variables) {
      const char* before = getenv(name.c_str());
      before_.emplace_back(name, before != nullptr ? before : "");
      set(name, value);
    }
  }
  ~Variables() {
    for (const auto& [name, value] : before_) set(name, value);
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  static void set(const std::string& name, const std::string& value) {
    if (value.empty()) unsetenv(name.c_str());
    if (!value.empty()) setenv(name.c_str(), value.c_str(), 1);
  }
  std::vector<std::pair<std::string, std::string>> before_;
};

/// What doctor sees of an agent that does so.
AgentView look_at(const test::FakeAgent::Handle& handle, Findings& findings) {
  const test::FakeAgent agent(handle);
  const Variables variables({{"FOB_CONTROL_SOCK", agent.control_path()}});
  return look_at_agent(findings);
}

TEST(DoctorAgent, SeesWhatTheAgentHas) {
  Findings findings;
  const AgentView view = look_at(test::serve, findings);
  EXPECT_TRUE(findings.empty());
  EXPECT_TRUE(view.answers);
  EXPECT_FALSE(view.keys.keys.empty());
  EXPECT_FALSE(view.tokens.tokens.empty());
  EXPECT_TRUE(view.slots.exists);
}

TEST(DoctorAgent, SaysThatTheAgentIsLockedAndNoMore) {
  Findings findings;
  const auto locked = [](const control::Request& request, test::Peer& peer) {
    control::Activity now;
    now.agent_locked = true;
    if (std::holds_alternative<control::Watch>(request)) return peer.send(now);
    if (std::holds_alternative<control::ListTokens>(request)) return peer.send(control::Tokens{});
    peer.send(control::Failed{Errc::refused, "the agent is locked; unlock it with: ssh-add -X"});
  };
  const AgentView view = look_at(locked, findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "agent-locked");
  EXPECT_TRUE(findings[0].remedy.ends_with(": ssh-add -X")) << findings[0].remedy;
  EXPECT_FALSE(view.answers);
  EXPECT_TRUE(check_tokens(view).empty());
  EXPECT_TRUE(check_askpass(view, "").empty());
}

TEST(DoctorAgent, MissesNoKeysOfAnAgentThatDoesNotShowThem) {
  const SshLog log = parse_ssh_log("a@b: Permission denied (publickey).\n");
  HostView host;
  host.destination.name = "a@b";
  EXPECT_TRUE(findings_of_login(log, host, {}, "").empty());
  AgentView view;
  view.answers = true;
  EXPECT_EQ(findings_of_login(log, host, view, "").at(0).id, "no-keys");
}

// ---- who asks

Variables no_screen() {
  return Variables({{"DISPLAY", ""}, {"WAYLAND_DISPLAY", ""}, {"SSH_ASKPASS", ""}, {"SSH_ASKPASS_REQUIRE", ""}});
}
AgentView view_with(const control::Key& key) {
  AgentView out;
  out.answers = true;
  out.keys.keys = {key};
  return out;
}
control::Key vault_key() {
  control::Key out = test::sample_key("safe", "key_files/software.pub");
  out.where = "vault";
  out.token.clear();
  out.sk_flags = 0;
  return out;
}
/// The finding, if there is one.
std::string asking_fault(const AgentView& view, const std::string& pinentry = "") {
  const Variables variables = no_screen();
  const Findings findings = check_askpass(view, pinentry);
  EXPECT_LE(findings.size(), 1U);
  return findings.empty() ? "" : texts(findings)[0];
}

TEST(DoctorAskpass, MissesAProgramOnlyWhereSomethingIsAsked) {
  AgentView view = view_with(vault_key());
  EXPECT_EQ(asking_fault(view), "");
  view.keys.vault_locked = true;
  const std::string found = asking_fault(view);
  EXPECT_TRUE(has(found, "no-askpass: Nobody can be asked for the vault's passphrase, for the key safe")) << found;
  EXPECT_TRUE(has(found, "neither DISPLAY nor WAYLAND_DISPLAY is set") && has(found, "fob unlock")) << found;
  view.keys.keys[0].loaded = false;
  EXPECT_EQ(asking_fault(view), "");
}

TEST(DoctorAskpass, LeavesTypingToPinentry) {
  AgentView view = view_with(vault_key());
  view.keys.vault_locked = true;
  EXPECT_EQ(asking_fault(view, "/bin/sh"), "");
  const std::string missing = asking_fault(view, "/nonexistent/pinentry");
  EXPECT_TRUE(has(missing, "there is no program /nonexistent/pinentry. | Install it")) << missing;
  // A yes or no it is not asked for.
  view.keys.keys[0].confirm = true;
  EXPECT_TRUE(has(asking_fault(view, "/bin/sh"), "a yes for the key safe when ssh uses it: neither DISPLAY"));
}

TEST(DoctorAskpass, KnowsTokensThatWantNothingTyped) {
  AgentView view = view_with(test::sample_key("stick"));
  view.keys.keys[0].sk_flags = 0x05;
  view.keys.keys[0].token = "Example Key 5 (815)";
  view.tokens.tokens = {test::sample_token("fido:815")};
  EXPECT_TRUE(has(asking_fault(view), "the PIN for the key stick"));
  view.tokens.tokens[0].info.built_in_uv = true;
  EXPECT_EQ(asking_fault(view), "");

  view = view_with(test::sample_pkcs11_key("card"));
  view.tokens.tokens = {test::sample_pkcs11_token("work", "70a1")};
  EXPECT_TRUE(has(asking_fault(view), "the PIN for the key card"));
  view.tokens.tokens[0].pkcs11->pin_pad = true;
  EXPECT_EQ(asking_fault(view), "");
  view.tokens.tokens[0].pkcs11->pin_pad = false;
  view.tokens.tokens[0].pkcs11->login_required = false;
  EXPECT_EQ(asking_fault(view), "");
}

TEST(DoctorAskpass, KnowsThatATouchOpensTheVault) {
  AgentView view = view_with(vault_key());
  view.keys.vault_locked = true;
  view.slots = test::sample_slots();
  view.slots.slots[2].name = "Example Key 5 (815)";
  view.slots.slots[2].pin = false;
  EXPECT_NE(asking_fault(view), "");
  view.tokens.tokens = {test::sample_token("fido:815")};
  EXPECT_EQ(asking_fault(view), "");
  view.slots.slots[2].pin = true;
  EXPECT_NE(asking_fault(view), "");
}

TEST(DoctorAskpass, ReadsTheAgentsConfiguration) {
  const TempDir folder;
  const Variables variables({{"XDG_CONFIG_HOME", folder.path()}});
  EXPECT_EQ(configured_pinentry(), "");
  std::filesystem::create_directory(folder.file("fob"));
  const auto configured = [&](const std::string& text) {
    write_file(folder.file("fob/agent.toml"), text);
    return configured_pinentry();
  };
  EXPECT_EQ(configured("[prompt]\nprogram = \"pinentry\" # mine\n"), "/usr/bin/pinentry");
  EXPECT_EQ(configured("prompt.program = 'pinentry'\nprompt.pinentry = '/opt/pinentry'\n"), "/opt/pinentry");
  EXPECT_EQ(configured("[prompt]\nprogram = \"askpass\"\npinentry = \"/opt/pinentry\"\n"), "");
  EXPECT_EQ(configured("[prompt]\nprogram = 7\n"), "");
  EXPECT_EQ(configured("[prompt"), "");
  EXPECT_EQ(configured("a" + std::string(60'000, '.')), "");
}

}  // namespace
}  // namespace fob::cli
