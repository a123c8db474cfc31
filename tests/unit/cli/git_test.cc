#include "cli/git.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>

#include "tests/unit/cli/fob_process.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using test::error_of;

/// A home with a git that keeps settings, and says yes to all else that it is asked to do.
class GitSetup : public testing::Test {
 protected:
  GitSetup() {
    write_file(home_.file("git"),
               "#!/bin/sh\nPATH=${PATH#*:}\n. " + home_.file("before") +
                   "\ncase $1 in config|rev-parse) exec git \"$@\" ;; esac\n",
               0700);
    write_file(home_.file("before"), "");
    git("user.email alice@example.org");
  }
  std::vector<std::string> environment() const {
    return {agent_.environment(), "HOME=" + home_.path(), "PATH=" + home_.path() + ":" + getenv("PATH"),
            "GIT_CONFIG_NOSYSTEM=1"};
  }
  std::string shell(const std::string& line) const {
    const Outcome outcome = run({"sh", "-c", "cd && " + line}, environment());
    EXPECT_EQ(outcome.exit_status, 0) << line << '\n' << outcome.output;
    return outcome.output;
  }
  std::string git(const std::string& line) const { return shell("git config --global " + line); }
  std::string settings() const { return git("--list | sort"); }
  test::FobOutcome set_up() const { return test::run_fob({"git", "setup", "-k", "work", "--force"}, environment()); }
  std::string signers() const { return home_.file(".config/git/allowed_signers"); }

  test::FakeAgent agent_{[](const control::Request&, test::Peer& peer) {
    peer.send(control::Keys{false, {test::sample_key("work", "key_files/software.pub")}});
  }};
  TempDir home_;
};

TEST_F(GitSetup, SetsNothingWhereItIsInterrupted) {
  git("--add user.signingkey of-before");
  const std::string before = settings();
  // Before git sets it, and after.
  for (const char* set : {"", "git \"$@\";"}) {
    write_file(home_.file("before"), "case \"$*\" in *'--replace-all tag.gpgsign'*) " + std::string(set) +
                                         " kill -INT $PPID; exec sleep 600;; esac\n");
    const test::FobOutcome outcome = set_up();
    EXPECT_EQ(outcome.status, 128 + SIGINT);
    EXPECT_NE(outcome.err.find("Git's settings are as they were.\n"), std::string::npos) << outcome.err;
    EXPECT_EQ(settings(), before);
    EXPECT_FALSE(exists(signers()));
  }
}

TEST_F(GitSetup, SaysHowToUndoWhatAnInterruptLeft) {
  const std::string before = settings();
  write_file(home_.file("before"),
             "case \"$*\" in *'--replace-all tag.gpgsign'*) kill -INT $PPID; exec sleep 600;;\n"
             "*'--unset-all gpg.format'*) exit 4 ;; esac\n");
  const test::FobOutcome outcome = set_up();
  EXPECT_EQ(outcome.status, 128 + SIGINT);
  EXPECT_EQ(outcome.err.substr(outcome.err.find("To undo")),
            "To undo what was set, type: git config --global --unset gpg.format\n");
  shell("git config --global --unset gpg.format");
  EXPECT_EQ(settings(), before);
}

TEST_F(GitSetup, PutsAllValuesBack) {
  for (const char* value : {"one", "''", "'the third'"}) git("--add user.signingkey " + std::string(value));
  const std::string before = git("--get-all user.signingkey");
  mkdir(home_.file(".config").c_str(), 0700);
  write_file(home_.file(".config/git"), "");
  const test::FobOutcome refused = set_up();
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("; git's settings are as they were\n"), std::string::npos) << refused.err;
  EXPECT_EQ(git("--get-all user.signingkey"), before);
  unlink(home_.file(".config/git").c_str());
  const test::FobOutcome outcome = set_up();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(git("--get-all user.signingkey").starts_with("key::ssh-ed25519 "));
  const std::string mark = "To undo it, type: ";
  shell(outcome.out.substr(outcome.out.find(mark) + mark.size()));
  EXPECT_EQ(git("--get-all user.signingkey"), before);
  EXPECT_TRUE(exists(signers()));
}

/// Files of this process may have no more bytes: then a write fails as one to a full disk does.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

TEST(AllowedSigners, GetAWholeLineOrNone) {
  const TempDir folder;
  const GitSigner signer{"alice@example.org", test::public_key("key_files/software.pub")};
  const std::string before = "# mine\nno end";
  write_file(folder.file("signers"), before);
  const auto add = [&](const std::string& name) {
    const FileLimit limit(before.size() + 20);
    return error_of([&] { add_allowed_signer(folder.file(name), signer); });
  };
  EXPECT_EQ(add("signers"), Errc::system);
  EXPECT_EQ(read_file(folder.file("signers")), before);
  EXPECT_EQ(add("new"), Errc::system);
  EXPECT_FALSE(exists(folder.file("new")));
  EXPECT_TRUE(add_allowed_signer(folder.file("signers"), signer));
  EXPECT_EQ(read_file(folder.file("signers")), before + "\n" + signer.allowed_line() + "\n");
  EXPECT_FALSE(add_allowed_signer(folder.file("signers"), signer));
}

}  // namespace
}  // namespace fob::cli
