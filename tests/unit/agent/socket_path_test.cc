#include "agent/socket_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

/// Owns the descriptor of a listening socket; its files are the test's to remove.
class Listener {
 public:
  explicit Listener(ListeningSocket socket) : socket_(std::move(socket)) {}
  ~Listener() { stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const ListeningSocket* operator->() const { return &socket_; }
  /// Nobody answers any more; the file stays.
  void stop() {
    if (socket_.descriptor >= 0) close(socket_.descriptor);
    socket_.descriptor = -1;
  }

 private:
  ListeningSocket socket_;
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

bool answers(const std::string& path) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const bool out = connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(descriptor);
  return out;
}

/// Files in a folder, hidden ones too.
std::size_t count_files(const std::string& path) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

void make_older(const std::string& path, time_t seconds) {
  const timespec times[] = {{time(nullptr) - seconds, 0}, {time(nullptr) - seconds, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

/// A socket at which nobody answers, last changed so long ago.
void leave_socket(const std::string& path, time_t age_seconds) {
  Listener(listen_at(path)).stop();
  make_older(path, age_seconds);
}

constexpr time_t old = 60 * 60 + 10;
constexpr time_t young = 60 * 60 - 60;

TEST(ListenAt, MakesASocketForItsUserOnly) {
  const TempDir directory;
  for (const mode_t mask : {0U, 0077U, 0777U}) {
    const mode_t before = umask(mask);
    const Listener listener(listen_at(directory.file("s")));
    EXPECT_EQ(umask(before), mask) << "the mask of the process is as it was";
    EXPECT_EQ(mode_of(directory.file("s")), 0600U);
    EXPECT_TRUE(answers(directory.file("s")));
    EXPECT_EQ(count_files(directory.path()), 1U);
    listener->remove_files();
    EXPECT_EQ(count_files(directory.path()), 0U);
  }
}

TEST(ListenAt, GivesASocketThatDoesNotBlockAndIsNotInherited) {
  const TempDir directory;
  const Listener listener(listen_at(directory.file("s")));
  EXPECT_NE(fcntl(listener->descriptor, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(listener->descriptor, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ListenAt, RefusesWhatIsThereAlreadyAndLeavesIt) {
  const TempDir directory;
  write_file(directory.file("file"), "contents");
  std::filesystem::create_directory(directory.file("folder"));
  std::filesystem::create_symlink("nowhere", directory.file("link"));
  const Listener living(listen_at(directory.file("living")));
  leave_socket(directory.file("dead"), old);
  for (const char* name : {"file", "folder", "link", "living", "dead"}) {
    EXPECT_EQ(error_of([&] { listen_at(directory.file(name)); }), Errc::system) << name;
    EXPECT_NE(mode_of(directory.file(name)), 0U) << name;
  }
  EXPECT_EQ(read_file(directory.file("file")), "contents");
  EXPECT_TRUE(answers(directory.file("living")));
  EXPECT_EQ(count_files(directory.path()), 5U) << "nothing is left behind";
}

TEST(ListenAt, RefusesAFolderThatIsNotThere) {
  const TempDir directory;
  EXPECT_EQ(error_of([&] { listen_at(directory.file("missing/s")); }), Errc::system);
}

TEST(ListenAt, TakesPathsUpToTheKernelsLimit) {
  const TempDir directory;
  const std::size_t room = sizeof(sockaddr_un::sun_path) - 1 - directory.file("").size();
  const std::string longest = directory.file(std::string(room, 's'));
  {
    const Listener listener(listen_at(longest));
    EXPECT_TRUE(answers(longest));
    EXPECT_EQ(mode_of(longest), 0600U);
    listener->remove_files();
  }
  try {
    listen_at(longest + 's');
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string_view(error.what()).find("too long, at most 107"), std::string_view::npos) << error.what();
  }
  EXPECT_EQ(count_files(directory.path()), 0U);
}

TEST(ListenAt, TakesARelativePathAndFindsItAgain) {
  const TempDir directory;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  const Listener listener(listen_at("relative"));
  std::filesystem::current_path(before);
  EXPECT_EQ(listener->path, "relative") << "as it was asked for";
  EXPECT_TRUE(answers(directory.file("relative")));
  listener->remove_files();
  EXPECT_EQ(count_files(directory.path()), 0U);
}

TEST(ListenInTmp, MakesAFolderOfItsOwn) {
  const TempDir directory;
  const Variable tmp("TMPDIR", directory.path().c_str());
  const Listener listener(listen_in_tmp(4711));
  const std::filesystem::path path = listener->path;
  EXPECT_EQ(path.filename(), "agent.4711");
  EXPECT_EQ(path.parent_path().parent_path(), directory.path());
  EXPECT_EQ(path.parent_path().filename().string().substr(0, 4), "ssh-");
  EXPECT_EQ(mode_of(path.parent_path()), 0700U);
  EXPECT_EQ(mode_of(path), 0600U);
  listener->remove_files();
  EXPECT_EQ(count_files(directory.path()), 0U);
}

TEST(ListenInTmp, LeavesNoFolderWhereItFails) {
  const TempDir directory;
  const std::string deep = directory.file(std::string(80, 'd'));
  std::filesystem::create_directory(deep);
  const Variable tmp("TMPDIR", deep.c_str());
  EXPECT_EQ(error_of([] { listen_in_tmp(4711); }), Errc::system) << "the path is too long";
  EXPECT_EQ(count_files(deep), 0U);
  const Variable missing("TMPDIR", directory.file("missing").c_str());
  EXPECT_EQ(error_of([] { listen_in_tmp(4711); }), Errc::system);
}

TEST(ListenInHome, MakesItsFoldersForTheUserOnly) {
  const TempDir home;
  const mode_t before = umask(0);
  const Listener first(listen_in_home(home.path()));
  const Listener second(listen_in_home(home.path()));
  umask(before);
  EXPECT_EQ(mode_of(home.file(".ssh")), 0700U);
  EXPECT_EQ(mode_of(home.file(".ssh/agent")), 0700U);
  EXPECT_NE(first->path, second->path);
  const std::filesystem::path path = first->path;
  EXPECT_EQ(path.parent_path(), home.file(".ssh/agent"));
  const std::string name = path.filename();
  ASSERT_EQ(name.size(), std::string_view("s.HOSTHASH10.agent.RANDOM1234").size()) << name;
  EXPECT_EQ(name.substr(0, 2), "s.");
  EXPECT_EQ(name.substr(12, 7), ".agent.");
  EXPECT_EQ(name.substr(0, 12), std::filesystem::path(second->path).filename().string().substr(0, 12)) << "one host";
  first->remove_files();
  EXPECT_EQ(count_files(home.file(".ssh/agent")), 1U);
}

/// A home with this host's and another's sockets.
class StaleSockets : public testing::Test {
 protected:
  StaleSockets() {
    const Listener listener(listen_in_home(home_.path()));
    listener->remove_files();
    own_prefix_ = std::filesystem::path(listener->path).filename().string().substr(0, 13);
    leave_socket(own("stale"), old);
    leave_socket(own("young"), young);
    leave_socket(foreign("stale"), old);
    leave_socket(foreign("young"), young);
    write_file(own("file"), "");
    make_older(own("file"), old);
    std::filesystem::create_symlink(own("young"), own("link"));
    make_older(own("link"), old);
    make_older(living_->path, old);
  }
  std::string own(std::string_view name) const { return folder() + own_prefix_ + std::string(name); }
  std::string foreign(std::string_view name) const { return folder() + "s.AAAAAAAAAA." + std::string(name); }
  std::string folder() const { return home_.file(".ssh/agent/"); }

  const TempDir home_;
  const Listener living_{listen_in_home(home_.path())};
  std::string own_prefix_;
};

TEST_F(StaleSockets, OfThisHostAreRemoved) {
  ASSERT_EQ(own_prefix_.back(), '.');
  remove_stale_sockets(home_.path(), false);
  EXPECT_FALSE(exists(own("stale")));
  for (const std::string& path : {own("young"), own("file"), foreign("stale"), foreign("young"), living_->path}) {
    EXPECT_TRUE(exists(path)) << path;
  }
  EXPECT_EQ(mode_of(own("link")), 0777U) << "a symbolic link is no socket";
}

TEST_F(StaleSockets, OfAllHostsAreRemovedOnDemand) {
  remove_stale_sockets(home_.path(), true);
  EXPECT_FALSE(exists(own("stale")));
  EXPECT_FALSE(exists(foreign("stale")));
  for (const std::string& path : {own("young"), own("file"), foreign("young"), living_->path}) {
    EXPECT_TRUE(exists(path)) << path;
  }
}

TEST(StaleSocketsOf, AHomeWithoutAnyAreNoTrouble) {
  const TempDir home;
  EXPECT_NO_THROW(remove_stale_sockets(home.path(), true));
  EXPECT_NO_THROW(remove_stale_sockets(home.file("missing"), false));
}

TEST(HomeDirectory, IsTheVariableOrThePasswdEntry) {
  const Variable given("HOME", "/given");
  EXPECT_EQ(home_directory(), "/given");
  for (const char* value : {"", static_cast<const char*>(nullptr)}) {
    const Variable none("HOME", value);
    EXPECT_EQ(home_directory().front(), '/');
    EXPECT_NE(home_directory(), "/given");
  }
}

}  // namespace
}  // namespace fob
