#pragma once

namespace fob {

/// Overwrites, at the end of its scope, the stack that the scope's calls have used, as far as cryptographic code
/// reaches (16 KiB). Libraries wipe their variables, but compilers spill secrets where nobody wipes them, and the
/// dynamic linker saves registers. One stands at the end of each request and of each worker's task.
class StackWiper {
 public:
  StackWiper() = default;
  ~StackWiper();
  StackWiper(const StackWiper&) = delete;
  StackWiper& operator=(const StackWiper&) = delete;
};

}  // namespace fob
