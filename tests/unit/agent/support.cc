#include "tests/unit/agent/support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace fob {

Keyring::Key entry(std::string_view blob, std::string comment) {
  Keyring::Key out;
  out.public_key.blob = to_bytes(as_bytes(blob));
  out.comment = std::move(comment);
  return out;
}

Keyring::Key entry(const Keyring& keyring, const TestKey& key) {
  Keyring::Key out;
  out.public_key = key.public_key();
  out.sealed = keyring.seal(key.private_key());
  return out;
}

bool soon(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

Variable::Variable(const char* name, const char* value) : name_(name) {
  if (const char* before = std::getenv(name)) before_ = before;
  if (value != nullptr) {
    setenv(name, value, 1);
  } else {
    unsetenv(name);
  }
}

Variable::~Variable() {
  if (before_) {
    setenv(name_.c_str(), before_->c_str(), 1);
  } else {
    unsetenv(name_.c_str());
  }
}

Fork::Fork(const std::function<int()>& work) : pid_(fork()) {
  if (pid_ == 0) _exit(work());
}

Fork::~Fork() {
  if (reaped_ || pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int Fork::wait() {
  int status = 0;
  reaped_ = waitpid(pid_, &status, 0) == pid_;
  return reaped_ && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace fob
