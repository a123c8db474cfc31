#include "agent/udev_monitor.h"

#include <fcntl.h>
#include <libudev.h>

#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

struct DeviceUnref {
  void operator()(udev_device* device) const { udev_device_unref(device); }
  void operator()(udev_enumerate* list) const { udev_enumerate_unref(list); }
};
using DevicePtr = std::unique_ptr<udev_device, DeviceUnref>;

std::string text_or_empty(const char* text) { return text == nullptr ? std::string() : printable(text); }

bool is_marked(udev_device* device) {
  const char* mark = udev_device_get_property_value(device, "ID_FIDO_TOKEN");
  return mark != nullptr && std::string_view(mark) == "1";
}

}  // namespace

void UdevMonitor::Unref::operator()(udev* library) const { udev_unref(library); }
void UdevMonitor::Unref::operator()(udev_monitor* monitor) const { udev_monitor_unref(monitor); }

UdevMonitor::UdevMonitor(asio::io_context& io, Listener listener)
    : listener_(std::move(listener)), library_(udev_new()), socket_(io) {
  if (library_) monitor_.reset(udev_monitor_new_from_netlink(library_.get(), "udev"));
  if (!monitor_ || udev_monitor_filter_add_match_subsystem_devtype(monitor_.get(), "hidraw", nullptr) < 0 ||
      udev_monitor_enable_receiving(monitor_.get()) < 0) {
    throw Error(Errc::system, "cannot watch for devices through udev");
  }
  // The library keeps its descriptor; Asio gets one of its own.
  const int descriptor = fcntl(udev_monitor_get_fd(monitor_.get()), F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) throw_system_error("udev's socket", errno);
  socket_.assign(descriptor);
  tell_of_present();
  asio::co_spawn(io, watch(), asio::detached);
}

UdevMonitor::~UdevMonitor() = default;

void UdevMonitor::tell_of_present() {
  const std::unique_ptr<udev_enumerate, DeviceUnref> list(udev_enumerate_new(library_.get()));
  if (!list) throw Error(Errc::system, "cannot list devices through udev");
  udev_enumerate_add_match_subsystem(list.get(), "hidraw");
  udev_enumerate_add_match_property(list.get(), "ID_FIDO_TOKEN", "1");
  udev_enumerate_scan_devices(list.get());
  udev_list_entry* entry = nullptr;
  udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(list.get())) {
    const DevicePtr device(udev_device_new_from_syspath(library_.get(), udev_list_entry_get_name(entry)));
    if (device) tell(device.get(), true);
  }
}

void UdevMonitor::tell(udev_device* device, bool is_there) {
  const char* node = udev_device_get_devnode(device);
  if (node == nullptr) return;
  if (!is_there) return listener_.unplugged(node);
  udev_device* hid = udev_device_get_parent_with_subsystem_devtype(device, "hid", nullptr);  // belongs to `device`
  Device out{node, "", ""};
  if (hid != nullptr) {
    out.product = text_or_empty(udev_device_get_property_value(hid, "HID_NAME"));
    out.serial = text_or_empty(udev_device_get_property_value(hid, "HID_UNIQ"));
  }
  listener_.plugged(out);
}

Awaitable<void> UdevMonitor::watch() {
  try {
    for (;;) {
      co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
      const DevicePtr device(udev_monitor_receive_device(monitor_.get()));
      if (!device) continue;
      const char* action = udev_device_get_action(device.get());
      const std::string_view what = action == nullptr ? "" : action;
      if (what == "remove") {
        tell(device.get(), false);
      } else if (is_marked(device.get())) {
        tell(device.get(), true);  // "change": rules that came later may have marked it
      }
    }
  } catch (const boost::system::system_error&) {
    // The agent is ending.
  }
}

}  // namespace fob
