#include "tests/virtual/wakeup.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/error.h"

namespace fob::virt {

Wakeup::Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw_system_error("eventfd", errno);
}

Wakeup::~Wakeup() { close(fd_); }

void Wakeup::signal() const { eventfd_write(fd_, 1); }

void Wakeup::drain() const {
  eventfd_t count = 0;
  eventfd_read(fd_, &count);
}

}  // namespace fob::virt
