#include <gtest/gtest.h>
#include <locale.h>
#include <sodium.h>

#include <csignal>

#include "protocol/secret_heap.h"

/// As fob starts.
int main(int argc, char** argv) {
  setlocale(LC_CTYPE, "C.UTF-8");
  fob::SecretHeap::adopt_openssl();
  if (sodium_init() < 0) return 1;
  std::signal(SIGPIPE, SIG_IGN);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
