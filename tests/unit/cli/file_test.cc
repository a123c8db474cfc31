#include "cli/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/daemon/temp_dir.h"
#include "tests/unit/cli/samples.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::cli {
namespace {

using test::error_of;

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

TEST(CreateFile, NeverOverwritesNorFollowsLinks) {
  const TempDir folder;
  create_file(folder.file("new"), as_bytes("text"), 0600);
  EXPECT_EQ(fob::read_file(folder.file("new")), "text");
  EXPECT_EQ(mode_of(folder.file("new")), 0600U);
  EXPECT_EQ(error_of([&] { create_file(folder.file("new"), as_bytes("other"), 0600); }), Errc::refused);
  ASSERT_EQ(symlink("elsewhere", folder.file("link").c_str()), 0);
  EXPECT_EQ(error_of([&] { create_file(folder.file("link"), as_bytes("other"), 0600); }), Errc::refused);
  EXPECT_FALSE(exists(folder.file("elsewhere")));
  EXPECT_EQ(fob::read_file(folder.file("new")), "text");
}

TEST(CreateFile, LeavesNothingWhereItCannotWrite) {
  EXPECT_EQ(error_of([] { create_file("/no/such/folder/file", as_bytes("text"), 0600); }), Errc::system);
}

TEST(RewriteFile, LeavesAFileThatIsAnotherOneNow) {
  const TempDir folder;
  const std::string path = folder.file("key");
  write_file(path, "read");
  struct stat read {};
  ASSERT_EQ(stat(path.c_str(), &read), 0);
  rewrite_file(path, as_bytes("written"), 0600, read);
  EXPECT_EQ(fob::read_file(path), "written");
  EXPECT_EQ(error_of([&] { rewrite_file(path, as_bytes("again"), 0600, read); }), Errc::refused);
  EXPECT_EQ(fob::read_file(path), "written");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "nothing else is left";
}

TEST(ReadFile, IsBounded) {
  const TempDir folder;
  write_file(folder.file("ten"), "0123456789");
  EXPECT_EQ(as_text(read_file(folder.file("ten"), 10)), "0123456789");
  EXPECT_EQ(error_of([&] { read_file(folder.file("ten"), 9); }), Errc::too_large);
  EXPECT_EQ(error_of([] { read_file("/dev/zero", 1000); }), Errc::too_large);
  EXPECT_EQ(error_of([] { read_file("/no/such/file", 10); }), Errc::system);
  EXPECT_EQ(error_of([] { read_file("/tmp", 10); }), Errc::system);
}

TEST(WriteKeyPair, WritesBothOrNone) {
  const TempDir folder;
  const control::Exported key = test::sample_export();
  write_key_pair(folder.file("id"), key.key, key.comment, SecretBytes());
  EXPECT_EQ(mode_of(folder.file("id")), 0600U);
  EXPECT_EQ(fob::read_file(folder.file("id.pub")), test::read_data("key_files/ecdsa_sk.pub"));
  write_file(folder.file("other.pub"), "mine");
  EXPECT_EQ(error_of([&] { write_key_pair(folder.file("other"), key.key, "", SecretBytes()); }), Errc::refused);
  EXPECT_FALSE(exists(folder.file("other")));
}

}  // namespace
}  // namespace fob::cli
