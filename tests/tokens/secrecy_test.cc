// A PIN is nowhere after its use: not in the agent, not in the token host, not in the log, not in arguments.

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "protocol/evp.h"
#include "tests/daemon/memory_scan.h"
#include "tests/tokens/token_rig.h"

namespace fob {
namespace {

constexpr std::string_view data = "what is to be signed";
/// Long enough to be found for sure.
constexpr std::string_view right = "correct horse battery staple 42";
constexpr std::string_view wrong = "incorrect donkey charger clip 17";

std::vector<pid_t> children(pid_t parent) {
  std::ifstream list("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  std::vector<pid_t> out;
  for (pid_t pid = 0; list >> pid;) out.push_back(pid);
  return out;
}

TEST(PinSecrecy, LeavesNothingInMemoryLogOrArguments) {
  if (geteuid() != 0) GTEST_SKIP() << "reading another process's memory needs root";
  TokenRig rig;
  if (is_sanitized(rig.daemon())) GTEST_SKIP() << "a sanitizer keeps what was freed";
  rig.set_pin(std::string(right));
  control::NewKey wish = rig.wish("verified");
  wish.verify_required = true;
  const PublicKey key = rig.generate(wish, std::string(right));
  Client client(rig.daemon());
  MemoryScan scan;
  scan.look_for_text("right PIN", as_bytes(right));
  scan.look_for_text("wrong PIN", as_bytes(wrong));
  for (const std::string_view pin : {right, wrong}) {
    const Digest hash(Hash::sha256, as_bytes(pin));
    scan.look_for_text("hash of a PIN", hash.view());
  }
  for (const std::string_view typed : {right, wrong, right}) {
    rig.set_askpass("echo '" + std::string(typed) + "'");
    client.sign(key.blob, as_bytes(data));
    // A token host that was given a PIN ends with the request.
    EXPECT_TRUE(eventually([&] { return children(rig.daemon().pid()).empty(); }));
    const std::vector<std::string> found = scan.scan(rig.daemon().pid());
    EXPECT_TRUE(found.empty()) << found.size() << " places, such as " << found.front() << " after " << typed;
    const std::string arguments = read_file("/proc/" + std::to_string(rig.daemon().pid()) + "/cmdline");
    EXPECT_EQ(arguments.find(typed), std::string::npos);
  }
  EXPECT_EQ(rig.daemon().log().find(right), std::string::npos);
  EXPECT_EQ(rig.daemon().log().find(wrong), std::string::npos);
}

TEST(PinSecrecy, HoldsForACachedPinToo) {
  if (geteuid() != 0) GTEST_SKIP() << "reading another process's memory needs root";
  TokenRig rig({.config = "[fido]\npin_cache = \"10m\""});
  if (is_sanitized(rig.daemon())) GTEST_SKIP() << "a sanitizer keeps what was freed";
  rig.set_pin(std::string(right));
  control::NewKey wish = rig.wish("verified");
  wish.verify_required = true;
  const PublicKey key = rig.generate(wish, std::string(right));
  Client client(rig.daemon());
  ASSERT_TRUE(client.sign(key.blob, as_bytes(data)));
  MemoryScan scan;
  scan.look_for_text("PIN", as_bytes(right));
  EXPECT_TRUE(scan.scan(rig.daemon().pid()).empty()) << "it lies in hidden memory";
}

}  // namespace
}  // namespace fob
