#include "agent/peer.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fstream>

#include "protocol/limits.h"
#include "tests/unit/agent/support.h"

namespace fob {
namespace {

std::string name_of(pid_t pid) {
  std::string out;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/comm"), out);
  return out;
}

std::string chain_of(pid_t pid) { return Peer{getuid(), pid}.program_chain(); }

/// A child with this name, once it has it.
class Named : public Fork {
 public:
  explicit Named(std::string name)
      : Fork([&] {
          prctl(PR_SET_NAME, name.c_str());
          return pause();
        }) {
    EXPECT_TRUE(soon([&] { return name_of(pid()) != name_of(getpid()); }));
  }
};

TEST(ProgramChain, NamesThePeerAndItsParents) {
  const std::string chain = chain_of(getpid());
  const std::string start = name_of(getpid());
  EXPECT_EQ(chain.substr(0, start.size()), start);
  EXPECT_TRUE(chain.ends_with(" (pid " + std::to_string(getpid()) + ")")) << chain;
  const Named child("git");
  const std::string of_child = chain_of(child.pid());
  EXPECT_EQ(of_child.substr(0, 7 + start.size()), "git ← " + start.substr(0, start.size() - 1)) << of_child;
  EXPECT_NE(of_child.find("git ← " + start), std::string::npos) << of_child;
  EXPECT_TRUE(of_child.ends_with(" (pid " + std::to_string(child.pid()) + ")")) << of_child;
}

TEST(ProgramChain, TakesNamesThatLookLikeTheirSurroundings) {
  const std::string own = name_of(getpid());
  for (const char* name : {"a b", "a) R 1 1 (b", ")", "((", "x) S 1", " "}) {
    const Named child(name);
    EXPECT_EQ(chain_of(child.pid()).find(std::string(name) + " ← " + own), 0U) << name;
  }
}

TEST(ProgramChain, ShowsNothingUnprintable) {
  for (const char* name : {"a\x1b[2Jb", "a\nb", "a\r\tb",
                           "a\xff\xfe"
                           "b",
                           "\x7f\x80\x9b"}) {
    const Named child(name);
    const std::string chain = chain_of(child.pid());
    for (const char c : chain) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << chain;
    EXPECT_EQ(chain.find('\xff'), std::string::npos);
    EXPECT_EQ(chain.find('\x9b'), std::string::npos);
    EXPECT_NE(chain.find(name_of(getpid())), std::string::npos) << "the parent follows";
  }
}

TEST(ProgramChain, IsNotWithoutEnd) {
  // Each is the child of the one before.
  std::function<int(int)> nested = [&](int depth) -> int {
    if (depth == 0) {
      const std::string chain = chain_of(getpid());
      std::size_t arrows = 0;
      for (std::size_t at = 0; (at = chain.find("←", at)) != std::string::npos; ++at) ++arrows;
      return arrows == limits::program_chain - 1 ? 0 : 1;
    }
    return Fork([&] { return nested(depth - 1); }).wait();
  };
  EXPECT_EQ(nested(12), 0);
}

TEST(ProgramChain, OfAProgramThatIsGoneSaysSo) {
  Fork child([] { return 0; });
  child.wait();
  EXPECT_EQ(chain_of(child.pid()), "a program that is gone (pid " + std::to_string(child.pid()) + ")");
}

}  // namespace
}  // namespace fob
