#include "cli/ssh_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "protocol/fingerprint.h"
#include "tests/unit/cli/vault_runs.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using nlohmann::json;
using test::read_data;

/// A home with a folder .ssh, which a test fills.
class SshFolderTest : public testing::Test {
 protected:
  SshFolderTest() {
    setenv("HOME", home_.path().c_str(), 1);
    mkdir(path().c_str(), 0700);
  }
  std::string path() const { return home_.file(".ssh"); }
  std::string file(const std::string& name) const { return path() + "/" + name; }
  void put(const std::string& name, const std::string& text, unsigned mode = 0600) {
    write_file(file(name), text, mode);
  }
  static SshFolder look() {
    return look_into_ssh_folder([](const PublicKey&) { return false; });
  }
  std::string put_aside(const std::string& name, const std::string& as = "") const {
    return "mkdir -p -m 700 " + file("unused/") + " && mv -n " + file(name) + " " + file("unused/" + as);
  }
  /// The remedy of the only problem, which is one of this file or folder.
  static std::string remedy(const std::string& path, const std::string& fault) {
    const SshFolder folder = look();
    EXPECT_EQ(folder.problems.size(), 1U);
    if (folder.problems.empty()) return "";
    EXPECT_EQ(folder.problems[0].path, path);
    EXPECT_NE(folder.problems[0].fault.find(fault), std::string::npos) << folder.problems[0].fault;
    return folder.problems[0].remedy;
  }

  TempDir home_;
};

TEST_F(SshFolderTest, PutsPairsTogether) {
  put("id_ed25519", read_data("key_files/software"));
  put("id_ed25519.pub", read_data("key_files/software.pub"), 0644);
  const SshFolder folder = look();
  ASSERT_EQ(folder.keys.size(), 1U);
  const FolderKey& key = folder.keys[0];
  EXPECT_EQ(key.path, file("id_ed25519"));
  EXPECT_EQ(key.private_format, KeyFileFormat::openssh);
  EXPECT_FALSE(key.encrypted);
  EXPECT_EQ(fingerprint(*key.key), fingerprint(test::public_key("key_files/software.pub")));
  EXPECT_TRUE(folder.exists);
  EXPECT_EQ(folder.problems.size(), 0U);
}

TEST_F(SshFolderTest, TakesTheCommentOfAnEncryptedKeyFromBesideIt) {
  run({"ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "pass phrase", "-C", "of the pair", "-f", file("id")});
  const SshFolder folder = look();
  ASSERT_EQ(folder.keys.size(), 1U);
  EXPECT_EQ(folder.keys[0].private_format, KeyFileFormat::pem);
  EXPECT_TRUE(folder.keys[0].encrypted);
  EXPECT_EQ(folder.keys[0].comment, "of the pair");
  ASSERT_TRUE(folder.keys[0].key);
  EXPECT_EQ(folder.keys[0].key->kind, KeyKind::ecdsa_p256);
  unlink(file("id.pub").c_str());
  EXPECT_FALSE(look().keys.at(0).key);
}

TEST_F(SshFolderTest, KnowsCertificates) {
  const std::string script = "cd " + path() + " && ssh-keygen -q -t ed25519 -N '' -f ca && " +
                             "ssh-keygen -q -t ed25519 -N '' -f id && ssh-keygen -q -s ca -I x -n alice id.pub";
  ASSERT_EQ(run({"sh", "-c", script}).exit_status, 0);
  const SshFolder folder = look();
  ASSERT_EQ(folder.keys.size(), 3U);
  EXPECT_EQ(folder.keys[2].path, file("id-cert.pub"));
  EXPECT_TRUE(folder.keys[2].key->is_certificate());
  EXPECT_EQ(folder.problems.size(), 0U);
}

TEST_F(SshFolderTest, SaysWhoElseReadsAPrivateKey) {
  put("id", read_data("key_files/software"), 0640);
  EXPECT_EQ(remedy(file("id"), "others can read or write this private key"), "chmod 600 " + file("id"));
  put("it's", read_data("key_files/software"), 0644);
  unlink(file("id").c_str());
  EXPECT_EQ(remedy(file("it's"), "others can read"), "chmod 600 '" + path() + "/it'\\''s'");
}

TEST_F(SshFolderTest, SaysWhoElseWritesToTheFolder) {
  chmod(path().c_str(), 0777);
  EXPECT_EQ(remedy(path(), "everybody can write to it"), "chmod 700 " + path());
}

TEST_F(SshFolderTest, SaysWhatIsNoPair) {
  put("id", read_data("key_files/software"));
  put("id.pub", read_data("key_files/software_rsa.pub"));
  const std::string command = remedy(file("id.pub"), "another private key");
  EXPECT_EQ(command, "ssh-keygen -y -f " + file("id") + " >" + file("id.pub.new") + " && " + put_aside("id.pub") +
                         " && mv -n " + file("id.pub.new") + " " + file("id.pub"));
  ASSERT_EQ(run({"sh", "-c", command}).exit_status, 0);
  EXPECT_EQ(look().problems.size(), 0U);
  EXPECT_FALSE(exists(file("id.pub.new")));
  EXPECT_EQ(read_file(file("unused/id.pub")), read_data("key_files/software_rsa.pub"));
  unlink(file("id").c_str());
  EXPECT_EQ(remedy(file("id.pub"), "no private key for it"), put_aside("id.pub", "id.pub.1"));
  put("id.pub", read_data("key_files/software_rsa.pub"));
  const SshFolder with_agent = look_into_ssh_folder([](const PublicKey& key) { return key.kind == KeyKind::rsa; });
  EXPECT_EQ(with_agent.problems.size(), 0U);
}

TEST_F(SshFolderTest, FindsPrivateKeysWhateverTheyAreCalled) {
  for (const char* name : {"config_prod", "rc-server", "known_hosts_key", "environment"}) {
    put(name, read_data("key_files/software"), 0644);
    remedy(file(name), "others can read or write this private key");
    unlink(file(name).c_str());
  }
}

TEST_F(SshFolderTest, PutsPairsTogetherAsPuttygenNamesThem) {
  put("put.ppk", read_data("key_files/formats/ed25519.ppk3"));
  put("put.pub", read_data("key_files/formats/ed25519.pub"));
  const SshFolder folder = look();
  EXPECT_EQ(folder.keys.size(), 1U);
  EXPECT_EQ(folder.problems.size(), 0U);
}

TEST_F(SshFolderTest, PassesOverWhatIsNoKey) {
  put("known_hosts", read_data("key_files/software.pub"));
  put("config", "Host *\n");
  put("notes", "nothing");
  put("movie", std::string(1, 'x'));
  ASSERT_EQ(truncate(file("movie").c_str(), 1 << 30), 0);
  ASSERT_EQ(mkfifo(file("id_fifo").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(file("fifo").c_str(), 0600), 0);
  mkdir(file("keys").c_str(), 0700);
  // Nor is what is no file, whatever it is called.
  mkdir(file("id_work").c_str(), 0700);
  ASSERT_EQ(symlink("id_work", file("work.pub").c_str()), 0);
  ASSERT_EQ(symlink("gone.sock", file("ssh_auth_sock").c_str()), 0);
  const SshFolder folder = look();
  EXPECT_EQ(folder.keys.size(), 0U);
  for (const FolderProblem& problem : folder.problems) ADD_FAILURE() << problem.path << ": " << problem.fault;
}

TEST_F(SshFolderTest, SaysWhereALinkLeadsThatLeadsNowhere) {
  ASSERT_EQ(symlink("/no/such mount/id", file("id_far").c_str()), 0);
  EXPECT_EQ(remedy(file("id_far"), "it is a link to /no/such mount/id, which cannot be read: No such file"),
            "ls -l '/no/such mount/id'");
  unlink(file("id_far").c_str());
  ASSERT_EQ(symlink("id_loop", file("id_loop").c_str()), 0);
  EXPECT_EQ(remedy(file("id_loop"), "it is a link to id_loop, "), "ls -l " + file("id_loop"));
}

TEST_F(SshFolderTest, SaysWhatCannotBeRead) {
  put("id_garbage", "garbage");
  put("id_half", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n");
  put("half.pub", "ssh-ed25519 AAAA\n");
  put("id_large", "x");
  ASSERT_EQ(truncate(file("id_large").c_str(), 1 << 30), 0);
  const SshFolder folder = look();
  EXPECT_EQ(folder.keys.size(), 0U);
  std::vector<std::string> paths;
  for (const FolderProblem& problem : folder.problems) paths.push_back(problem.path);
  EXPECT_EQ(paths, (std::vector<std::string>{file("half.pub"), file("id_garbage"), file("id_half"), file("id_large")}));
  for (const FolderProblem& problem : folder.problems) EXPECT_EQ(run({"sh", "-c", problem.remedy}).exit_status, 0);
  EXPECT_EQ(look().problems.size(), 0U);
  EXPECT_EQ(read_file(file("unused/id_garbage")), "garbage");
}

TEST_F(SshFolderTest, OverwritesNothingByWhatItSaysToDo) {
  mkdir(file("unused").c_str(), 0700);
  put("unused/id_garbage", "of before");
  put("id_garbage", "garbage");
  const std::string command = remedy(file("id_garbage"), "holds none");
  EXPECT_EQ(command, put_aside("id_garbage", "id_garbage.1"));
  run({"sh", "-c", command});
  EXPECT_EQ(read_file(file("unused/id_garbage")), "of before");
  EXPECT_EQ(read_file(file("unused/id_garbage.1")), "garbage");
  put("id_garbage", "more");
  run({"sh", "-c", command});
  EXPECT_EQ(read_file(file("unused/id_garbage.1")), "garbage");
  EXPECT_EQ(read_file(file("id_garbage")), "more");
}

TEST_F(SshFolderTest, LosesNoPublicKeyByWhatItSaysToDo) {
  const std::string other = read_data("key_files/software_rsa.pub");
  mkdir(file("unused").c_str(), 0700);
  put("unused/id.pub", "of before");
  put("id.pub.new", "mine");
  put("id", read_data("key_files/software"));
  put("id.pub", other);
  const std::string command = remedy(file("id.pub"), "another private key");
  // As it was typed with a passphrase that is wrong, then rightly, then once more.
  rename(file("id").c_str(), file("away").c_str());
  EXPECT_NE(run({"sh", "-c", command}).exit_status, 0);
  EXPECT_EQ(read_file(file("id.pub")), other);
  rename(file("away").c_str(), file("id").c_str());
  for (int i = 0; i < 2; ++i) {
    run({"sh", "-c", command});
    EXPECT_EQ(read_file(file("unused/id.pub")), "of before");
    EXPECT_EQ(read_file(file("unused/id.pub.1")), other);
    EXPECT_EQ(read_file(file("id.pub.new")), "mine");
    EXPECT_EQ(look().problems.size(), 0U);
  }
}

TEST_F(SshFolderTest, NamesTheCommandForForeignFormats) {
  put("id_com", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n");
  EXPECT_EQ(remedy(file("id_com"), "this is a private key of ssh.com's"),
            "puttygen " + file("id_com") + " -O private-openssh-new -o " + file("id_com.new"));
  unlink(file("id_com").c_str());
  put("x.pub", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(remedy(file("x.pub"), "this is an X.509 certificate"),
            "openssl x509 -in " + file("x.pub") + " -noout -pubkey");
}

TEST_F(SshFolderTest, TakesNoCommandOutOfFiles) {
  put("id_evil", "PuTTY-User-Key-File-puttygen FILE x; touch " + file("pwned") + " #: ssh-rsa\n");
  EXPECT_EQ(remedy(file("id_evil"), "a PuTTY key file of version puttygen FILE x"), put_aside("id_evil"));
  unlink(file("id_evil").c_str());
  put("id_puttygen FILE x", "ssh-rsa AAAA\n");
  const std::string quoted = "'" + file("id_puttygen FILE x") + "'";
  EXPECT_EQ(remedy(file("id_puttygen FILE x"), "holds none"),
            "mkdir -p -m 700 " + file("unused/") + " && mv -n " + quoted + " " + file("unused/"));
  unlink(file("id_puttygen FILE x").c_str());
  mkdir(file("id_puttygen FILE x").c_str(), 0700);
  EXPECT_EQ(look().problems.size(), 0U);
}

TEST_F(SshFolderTest, NamesTheCommandForOtherFilesOfPutty) {
  const std::string old = read_data("key_files/formats/ed25519.ppk2");
  put("id_old", "PuTTY-User-Key-File-1" + old.substr(old.find(':')));
  EXPECT_EQ(remedy(file("id_old"), "version 1"),
            "puttygen " + file("id_old") + " -O private-openssh -o " + file("id_old.new"));
  unlink(file("id_old").c_str());
  const std::string script = "cd " + path() + " && ssh-keygen -q -t ed25519 -N '' -f ca && " +
                             "ssh-keygen -q -s ca -I x id.pub && cut -d' ' -f2 id-cert.pub";
  put("id.pub", read_data("key_files/formats/ed25519.pub"));
  const std::string certificate = run({"sh", "-c", "exec 2>&-; " + script}).output;
  unlink(file("id.pub").c_str());
  unlink(file("id-cert.pub").c_str());
  const std::string key = read_data("key_files/formats/ed25519.ppk3");
  put("id_putty", "PuTTY-User-Key-File-3: ssh-ed25519-cert-v01@openssh.com\nEncryption: none\nComment: x\n" +
                      ("Public-Lines: 1\n" + certificate) + key.substr(key.find("Private-Lines")));
  put("id_putty.new", read_data("key_files/formats/ed25519"));
  EXPECT_EQ(remedy(file("id_putty"), "a certificate with the key"),
            "puttygen " + file("id_putty") + " --remove-certificate -o " + file("id_putty.new.1"));
}

TEST_F(SshFolderTest, LooksAtAThousandFiles) {
  for (int i = 0; i < 1001; ++i) put("file" + std::to_string(i), "");
  EXPECT_EQ(remedy(path(), "more than 1000 files"), "grep -Ls -e KEY -e ssh- " + path() + "/*");
}

TEST_F(SshFolderTest, FollowsLinks) {
  write_file(home_.file("elsewhere"), read_data("key_files/software"), 0640);
  ASSERT_EQ(symlink("../elsewhere", file("id").c_str()), 0);
  EXPECT_EQ(look().keys.size(), 1U);
  EXPECT_EQ(remedy(file("id"), "others can read"), "chmod 600 " + file("id"));
}

TEST_F(SshFolderTest, NeedNotBeThere) {
  rmdir(path().c_str());
  EXPECT_FALSE(look().exists);
}

// ---- fob keys

test::FobOutcome fob_keys(const TempDir& home, std::vector<std::string> line, std::vector<std::string> environment) {
  environment.push_back("HOME=" + home.path());
  return test::run_fob(line, environment);
}

TEST_F(SshFolderTest, IsShownBesideTheAgentsKeys) {
  put("id_ed25519", read_data("key_files/software"), 0644);
  put("id_rsa", read_data("key_files/software_rsa"));
  put("evil\x1b[2J.pub", read_data("key_files/software_p256.pub"));
  test::FakeAgent agent(test::serve_vault);
  const test::FobOutcome outcome = fob_keys(home_, {"keys"}, {agent.environment()});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string print = fingerprint(test::public_key("key_files/software.pub"));
  EXPECT_NE(outcome.out.find("In the agent\nNAME  TYPE "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("\nsafe  ED25519  vault "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("\nIn " + path() + "\nFILE "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("no         safe      " + print), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("    chmod 600 " + file("id_ed25519") + "\n"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(fob_keys(home_, {"list", "--files"}, {agent.environment()}).out, outcome.out);
}

TEST_F(SshFolderTest, IsShownAsJson) {
  put("id_ed25519", read_data("key_files/software"), 0644);
  test::FakeAgent agent(test::serve_vault);
  for (const auto& line :
       std::vector<std::vector<std::string>>{{"keys", "--json"}, {"list", "--files", "--json"}, {"--json", "keys"}}) {
    const json out = json::parse(fob_keys(home_, line, {agent.environment()}).out);
    EXPECT_EQ(out["fault"], nullptr);
    EXPECT_EQ(out["vault_locked"], true);
    EXPECT_EQ(out["keys"][0]["name"], "safe");
    EXPECT_EQ(out["folder"], path());
    const json& key = out["files"].at(0);
    EXPECT_EQ(key["path"], file("id_ed25519"));
    EXPECT_EQ(key["private"], true);
    EXPECT_EQ(key["format"], "OpenSSH");
    EXPECT_EQ(key["encrypted"], false);
    EXPECT_EQ(key["type"], "ssh-ed25519");
    EXPECT_EQ(key["bits"], 256);
    EXPECT_EQ(key["in_agent"], true);
    EXPECT_EQ(key["certificate"], false);
    EXPECT_EQ(out["problems"].at(0)["remedy"], "chmod 600 " + file("id_ed25519"));
  }
}

TEST_F(SshFolderTest, IsShownWithoutAnAgent) {
  put("id_ed25519", read_data("key_files/software"));
  const test::FobOutcome outcome = fob_keys(home_, {"keys"}, {});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("No agent: no agent runs here: SSH_AUTH_SOCK is not set")) << outcome.out;
  EXPECT_NE(outcome.out.find("\nid_ed25519  ED25519 "), std::string::npos) << outcome.out;
  // Perhaps the agent would have it.
  put("stick.pub", read_data("key_files/ecdsa_sk.pub"));
  const json out = json::parse(fob_keys(home_, {"keys", "--json"}, {}).out);
  EXPECT_TRUE(out["problems"].empty()) << out["problems"];
  EXPECT_EQ(out["keys"], nullptr);
  EXPECT_EQ(out["files"].at(0)["in_agent"], nullptr);
  EXPECT_NE(out["fault"].get<std::string>().find("SSH_AUTH_SOCK"), std::string::npos);
}

}  // namespace
}  // namespace fob::cli
