#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/async.h"

struct udev;
struct udev_device;
struct udev_monitor;

namespace fob {

/// Watches for FIDO tokens among the hidraw devices: those that udev marks with ID_FIDO_TOKEN (its fido_id reads the
/// report descriptor, so that the agent parses nothing a device sent).
///
/// Threads: the main one only.
class UdevMonitor {
 public:
  struct Device {
    std::string node;     ///< "/dev/hidraw3"
    std::string product;  ///< HID_NAME
    std::string serial;   ///< HID_UNIQ; empty: none
  };
  struct Listener {
    std::function<void(const Device&)> plugged;  ///< may tell of one again
    std::function<void(const std::string& node)> unplugged;
  };

  /// Tells of the devices that are there already, then begins to watch. Throws system.
  UdevMonitor(asio::io_context& io, Listener listener);
  ~UdevMonitor();

 private:
  struct Unref {
    void operator()(udev* library) const;
    void operator()(udev_monitor* monitor) const;
  };

  void tell_of_present();
  void tell(udev_device* device, bool is_there);
  Awaitable<void> watch();

  Listener listener_;
  std::unique_ptr<udev, Unref> library_;
  std::unique_ptr<udev_monitor, Unref> monitor_;
  asio::posix::stream_descriptor socket_;
};

}  // namespace fob
