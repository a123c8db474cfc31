#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agent/async.h"
#include "agent/keyring.h"
#include "protocol/error.h"
#include "tests/daemon/test_key.h"

namespace fob {

/// The kind of the Error that `work` throws; nothing if it throws none.
template <class Work>
std::optional<Errc> error_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

/// Runs a coroutine to its end, and the io_context for as long as it has work.
template <class Result>
Result run_to_end(asio::io_context& io, Awaitable<Result> task) {
  auto result = asio::co_spawn(io, std::move(task), asio::use_future);
  io.restart();
  io.run();
  return result.get();
}

/// An entry that the keyring would not tell from a real one; nothing can be signed with it.
Keyring::Key entry(std::string_view blob, std::string comment = "");
/// A key that can sign, sealed by `keyring`.
Keyring::Key entry(const Keyring& keyring, const TestKey& key);

/// Whether `condition` holds within five seconds.
bool soon(const std::function<bool()>& condition);

/// Sets or, with nullptr, removes an environment variable for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
  std::optional<std::string> before_;
};

/// A process of the test's own that does `work` and then exits with what it returns; killed and reaped at the end.
class Fork {
 public:
  explicit Fork(const std::function<int()>& work);
  ~Fork();
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;

  pid_t pid() const { return pid_; }
  /// Its exit status, or -1 if a signal ended it.
  int wait();

 private:
  pid_t pid_;
  bool reaped_ = false;
};

}  // namespace fob
