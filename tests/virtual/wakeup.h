#pragma once

namespace fob::virt {

/// An eventfd: wakes a poll(2) from another thread or a signal handler.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  int fd() const { return fd_; }
  void signal() const;
  void drain() const;

 private:
  int fd_;
};

}  // namespace fob::virt
