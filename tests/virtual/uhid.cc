#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/uhid.h>
#include <unistd.h>

#include <algorithm>

#include "protocol/error.h"
#include "tests/virtual/transport.h"

namespace fob::virt {
namespace {

// FIDO's HID report descriptor (CTAP 2.1 §11.2.8.1): usage page F1D0, 64 bytes in, 64 bytes out.
constexpr std::array<std::uint8_t, 34> descriptor{
    0x06, 0xd0, 0xf1, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x20, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95,
    0x40, 0x81, 0x02, 0x09, 0x21, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02, 0xc0};
constexpr std::uint32_t vendor = 0x1209;   // pid.codes
constexpr std::uint32_t product = 0xf1d0;  // its FIDO test product
constexpr std::uint16_t bus_usb = BUS_USB;

template <std::size_t size>
void copy_text(std::uint8_t (&to)[size], std::string_view text) {
  std::ranges::copy(text.substr(0, size - 1), to);
}

/// Closing /dev/uhid removes the device.
class UhidWire : public Wire {
 public:
  explicit UhidWire(const Personality& personality) : fd_(open("/dev/uhid", O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) throw_system_error("opening /dev/uhid", errno);
    uhid_event event{};
    event.type = UHID_CREATE2;
    uhid_create2_req& create = event.u.create2;
    copy_text(create.name, personality.product);
    copy_text(create.phys, "fob/virtual");
    copy_text(create.uniq, personality.serial);
    std::ranges::copy(descriptor, create.rd_data);
    create.rd_size = descriptor.size();
    create.bus = bus_usb;
    create.vendor = vendor;
    create.product = product;
    create.version = 0x100;
    if (!write_event(event)) {
      const int error = errno;
      close(fd_);
      throw_system_error("creating a HID device", error);
    }
  }
  ~UhidWire() override { close(fd_); }
  UhidWire(const UhidWire&) = delete;
  UhidWire& operator=(const UhidWire&) = delete;

  int fd() const override { return fd_; }

  bool receive(std::deque<Report>& inbox) override {
    uhid_event event{};
    const ssize_t got = read(fd_, &event, sizeof event);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) return false;
    if (event.type == UHID_OUTPUT) take_output(event.u.output, inbox);
    if (event.type == UHID_GET_REPORT) refuse(UHID_GET_REPORT_REPLY, event.u.get_report.id);
    if (event.type == UHID_SET_REPORT) refuse(UHID_SET_REPORT_REPLY, event.u.set_report.id);
    return true;
  }

  bool send(const Report& report) override {
    uhid_event event{};
    event.type = UHID_INPUT2;
    event.u.input2.size = report_bytes;
    std::ranges::copy(report, event.u.input2.data);
    return write_event(event);
  }

 private:
  bool write_event(const uhid_event& event) const {
    ssize_t wrote = 0;
    do {
      wrote = write(fd_, &event, sizeof event);
    } while (wrote < 0 && errno == EINTR);
    return wrote > 0;
  }

  /// hidraw puts the report number, 0, in front.
  static void take_output(const uhid_output_req& output, std::deque<Report>& inbox) {
    const std::size_t skip = output.size == report_bytes + 1 ? 1 : 0;
    const std::size_t size = std::min<std::size_t>(output.size - skip, report_bytes);
    Report report{};
    std::copy_n(output.data + skip, size, report.begin());
    inbox.push_back(report);
  }

  void refuse(std::uint32_t type, std::uint32_t id) const {
    uhid_event event{};
    event.type = type;
    // The two replies begin alike: id, err.
    event.u.get_report_reply.id = id;
    event.u.get_report_reply.err = EIO;
    write_event(event);
  }

  int fd_;
};

}  // namespace

End serve_uhid(Authenticator& token) {
  UhidWire wire(token.personality());
  return serve(wire, token);
}

}  // namespace fob::virt
