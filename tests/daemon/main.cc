#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/resource.h>

#include <csignal>

namespace {

/// Some tests hold a thousand connections.
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  allow_many_descriptors();
  if (sodium_init() < 0) return 1;
  return RUN_ALL_TESTS();
}
