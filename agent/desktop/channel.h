#pragma once

#include <vector>

#include "agent/desktop_message.h"

namespace fob::desktop {

/// The socket to the agent. Throws Error where the agent does not keep to desktop_message.h, or does not read.
class Channel {
 public:
  explicit Channel(int descriptor) : descriptor_(descriptor) {}

  int descriptor() const { return descriptor_; }
  /// What has arrived since, without waiting. At its end is_closed() holds.
  std::vector<Order> receive();
  bool is_closed() const { return closed_; }
  void send(Event event);

 private:
  int descriptor_;
  Bytes received_;
  bool closed_ = false;
};

}  // namespace fob::desktop
