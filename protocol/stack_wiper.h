#pragma once

namespace fob {

/// Overwrites, at the end of its scope, the stack that the scope's calls have used, as far as cryptographic code
/// reaches (16 KiB). Libraries wipe their variables, but compilers spill secrets where nobody wipes them. One stands in
/// each function that hands a secret to a library.
class StackWiper {
 public:
  StackWiper() = default;
  ~StackWiper();
  StackWiper(const StackWiper&) = delete;
  StackWiper& operator=(const StackWiper&) = delete;
};

}  // namespace fob
