#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/vault_runs.h"

namespace fob::test {
namespace {

using control::Request;
using nlohmann::json;

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

std::string files_of(const TempDir& folder) { return run({"ls", "-A", folder.path()}).output; }

TEST(Backup, WritesAFileForItsUserAlone) {
  const TempDir folder;
  const FobOutcome outcome = run_with_agent({"backup", folder.file("vault")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "Written: " + folder.file("vault") + ", with 2 keys. It is opened by what opens the vault now.\n");
  EXPECT_EQ(read_file(folder.file("vault")), "SQLite format 3");
  EXPECT_EQ(mode_of(folder.file("vault")), 0600U);
  EXPECT_EQ(files_of(folder), "vault\n");
  EXPECT_EQ(json::parse(run_with_agent({"backup", folder.file("again"), "--json"}).out),
            (json{{"done", true}, {"backed_up", folder.file("again")}, {"keys", 2}}));
}

TEST(Backup, ReplacesAFileOnlyWhereToldTo) {
  const TempDir folder;
  write_file(folder.file("vault"), "mine", 0644);
  FakeAgent agent(serve_vault);
  const FobOutcome refused = run_fob({"backup", folder.file("vault")}, {agent.environment()});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("is there already: --replace"), std::string::npos) << refused.err;
  EXPECT_EQ(agent.requests(), 0U);
  EXPECT_EQ(read_file(folder.file("vault")), "mine");
  EXPECT_EQ(run_fob({"backup", folder.file("vault"), "--replace"}, {agent.environment()}).status, 0);
  EXPECT_EQ(read_file(folder.file("vault")), "SQLite format 3");
  EXPECT_EQ(mode_of(folder.file("vault")), 0600U);
  EXPECT_EQ(files_of(folder), "vault\n");
}

TEST(Backup, LeavesNothingWhereItFails) {
  const TempDir folder;
  EXPECT_EQ(run_with_agent({"backup", folder.path(), "--replace"}).status, 1);
  EXPECT_EQ(run_with_agent({"backup", folder.file("no/such"), "--replace"}).status, 1);
  // The file comes to be while the agent is asked.
  FakeAgent agent([&](const Request& request, Peer& peer) {
    write_file(folder.file("vault"), "mine");
    serve_vault(request, peer);
  });
  const FobOutcome outcome = run_fob({"backup", folder.file("vault")}, {agent.environment()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("is there already"), std::string::npos) << outcome.err;
  EXPECT_EQ(read_file(folder.file("vault")), "mine");
  EXPECT_EQ(files_of(folder), "vault\n");
}

TEST(Restore, SendsAnAbsolutePath) {
  const auto [outcome, request] = run_and_get<control::Restore>({"restore", "some/backup"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->path.starts_with('/') && request->path.ends_with("/some/backup")) << request->path;
  EXPECT_FALSE(request->replace);
  EXPECT_EQ(outcome.out, "some/backup is the vault now: 1 key, locked.\n");
  const auto [replaced, replacing] = run_and_get<control::Restore>({"restore", "/x/backup", "--replace", "--json"});
  EXPECT_EQ(replacing->path, "/x/backup");
  EXPECT_TRUE(replacing->replace);
  EXPECT_EQ(json::parse(replaced.out), (json{{"done", true}, {"restored", "/x/backup"}}));
  EXPECT_EQ(run_with_agent({"restore", std::string(5000, 'x')}).status, 1);
}

}  // namespace
}  // namespace fob::test
