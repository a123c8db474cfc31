#pragma once

#include <cstddef>

namespace fob {

/// The heap for secrets: SecretBytes and, once `adopt_openssl` has run, everything that OpenSSL allocates.
///
/// Its pages are memfd_secret(2) pages, which neither ptrace nor /proc/PID/mem nor the kernel itself can read, root
/// included. Where the kernel has none, or RLIMIT_MEMLOCK is used up, they are anonymous pages, locked, left out of
/// core dumps and emptied in a forked child. Blocks are wiped when freed.
///
/// Threads: any. Fork: the pages do not exist in the child, so fork before first use.
/// Errors: allocate returns nullptr, as malloc does, for OpenSSL calls it.
class SecretHeap {
 public:
  /// How strong the pages are that the heap has so far.
  enum class Backing {
    none,    ///< nothing allocated yet
    hidden,  ///< memfd_secret(2) pages only
    locked,  ///< some pages are ordinary ones, mlock(2)ed
    plain,   ///< some pages could not even be locked (RLIMIT_MEMLOCK): they may reach swap
  };

  static void* allocate(std::size_t bytes);
  static void* reallocate(void* block, std::size_t bytes);
  static void free(void* block);
  static Backing backing();

  /// Routes OpenSSL's allocations here (CRYPTO_set_mem_functions). Must run before OpenSSL allocates anything;
  /// throws Error{Errc::system} if it is too late.
  static void adopt_openssl();
};

}  // namespace fob
