// What is said of a kept key changes; the key stays.

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/vault/vault_rig.h"

namespace fob {
namespace {

control::Key changed(VaultRig& rig, const control::ChangeKey& request) {
  const auto keys = rig.person().expect<control::Keys>(request);
  EXPECT_EQ(keys.keys.size(), 1U);
  return keys.keys.at(0);
}

TEST(VaultChange, RenamesAKeyThatSignsOnAndIsThereAfterARestart) {
  const TempDir data;
  PublicKey key;
  {
    VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
    key = rig.make_key("before");
    rig.make_key("other");
    control::ChangeKey request;
    request.name = "before";
    request.new_name = "after";
    request.comment = "alice@desk";
    const control::Key now = changed(rig, request);
    EXPECT_EQ(now.name, "after");
    EXPECT_EQ(now.comment, "alice@desk");
    EXPECT_EQ(rig.client().comments(), (std::vector<std::string>{"alice@desk", "other comment"})) << "ssh-add -l";
    EXPECT_TRUE(rig.signs(key));
    rig.lock();
    EXPECT_FALSE(rig.signs(key)) << "it is still a key of the vault";
    EXPECT_NE(rig.person().failure(control::ExportKey{"before"}), "");
  }
  VaultRig rig(TokenRig::Options{.sticks = 0, .data_home = data.path()});
  rig.answer_dialogs_with(vault_passphrase);
  EXPECT_EQ(rig.client().comments(), (std::vector<std::string>{"alice@desk", "other comment"}));
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultChange, NotesPlacesOnce) {
  VaultRig rig;
  rig.make_key("work");
  control::ChangeKey request;
  request.name = "work";
  request.given_to = {"github", "alice@host.example"};
  EXPECT_EQ(changed(rig, request).services, request.given_to);
  request.given_to = {"alice@host.example", "gitlab"};
  EXPECT_EQ(changed(rig, request).services, (std::vector<std::string>{"github", "alice@host.example", "gitlab"}));
  EXPECT_EQ(changed(rig, request).comment, "work comment") << "what is not said stays";
  request.given_to.clear();
  for (std::size_t i = 0; i < limits::services; ++i) request.given_to.push_back("host" + std::to_string(i));
  EXPECT_NE(rig.person().failure(request).find("64"), std::string::npos);
}

TEST(VaultChange, RefusesATakenNameAndAnUnknownKey) {
  VaultRig rig;
  const PublicKey key = rig.make_key("one");
  rig.make_key("two");
  control::ChangeKey request;
  request.name = "one";
  request.new_name = "two";
  EXPECT_NE(rig.person().failure(request).find("called two already"), std::string::npos);
  request.name = "three";
  request.new_name = "four";
  EXPECT_NE(rig.person().failure(request).find("no key called three"), std::string::npos);
  EXPECT_TRUE(rig.signs(key));
}

TEST(VaultChange, LeavesAloneWhatSshAddPutInItsPlace) {
  const TestKey& key = TestKey::any(KeyKind::ed25519);
  VaultRig rig;
  rig.import("kept", key);
  ASSERT_TRUE(rig.client().add(key, "from a file"));
  control::ChangeKey request;
  request.name = "kept";
  request.comment = "new comment";
  EXPECT_EQ(changed(rig, request).comment, "new comment");
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"from a file"});
}

TEST(VaultChange, OfAKeyOnATokenChangesItsName) {
  VaultRig rig(TokenRig::Options{.sticks = 1});
  control::NewKey wish;
  wish.name = "stick";
  wish.application = "ssh:";
  const PublicKey key = rig.person().expect<control::Kept>(wish).key.public_key;
  control::ChangeKey request;
  request.name = "stick";
  request.new_name = "blue-stick";
  request.comment = "the blue one";
  EXPECT_EQ(changed(rig, request).where, "fido");
  EXPECT_EQ(rig.client().comments(), std::vector<std::string>{"the blue one"});
  EXPECT_TRUE(rig.signs(key));
}

}  // namespace
}  // namespace fob
