#include <gtest/gtest.h>
#include <sodium.h>

#include <csignal>

#include "protocol/secret_heap.h"

/// As the daemon starts: OpenSSL gets the secret heap before it allocates anything.
int main(int argc, char** argv) {
  fob::SecretHeap::adopt_openssl();
  if (sodium_init() < 0) return 1;
  std::signal(SIGPIPE, SIG_IGN);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
