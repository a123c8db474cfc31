#include <gtest/gtest.h>
#include <sodium.h>

#include <csignal>
#include <cstdlib>

#include "protocol/secret_heap.h"

/// As the host starts: OpenSSL gets the secret heap before it allocates anything.
int main(int argc, char** argv) {
  fob::SecretHeap::adopt_openssl();
  if (sodium_init() < 0) return 1;
  std::signal(SIGPIPE, SIG_IGN);
  // In hosts that are built with a sanitizer it takes the place of RLIMIT_AS.
  setenv("ASAN_OPTIONS", "allocator_may_return_null=1:max_allocation_size_mb=512:exitcode=99", 0);
  setenv("TSAN_OPTIONS", "allocator_may_return_null=1:max_allocation_size_mb=512:exitcode=99", 0);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
