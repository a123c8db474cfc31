#pragma once

#include <array>
#include <deque>

#include "tests/virtual/authenticator.h"

namespace fob::virt {

constexpr std::size_t report_bytes = 64;
using Report = std::array<std::uint8_t, report_bytes>;

/// Carries CTAPHID reports. Owns nothing that it is given.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual int fd() const = 0;
  /// Appends the reports that are there now; called when `fd` is readable. False: the host has gone.
  virtual bool receive(std::deque<Report>& inbox) = 0;
  /// False: the host has gone.
  virtual bool send(const Report& report) = 0;
};

/// Why a transport's function returned.
enum class End { host_gone, unplugged };

/// Plugs the token in and serves the host until one of them goes.
End serve(Wire& wire, Authenticator& token);

/// Over a Unix stream socket: 64-byte reports each way, no report number. Returns at the host's end of file, after
/// shutdown(2) of `fd` by anybody, or unplugged; `fd` is then shut down, but for the caller to close.
End serve_stream(int fd, Authenticator& token);

/// As a HID device of the kernel's, by /dev/uhid; returns when it is unplugged. Throws Error{Errc::system} where
/// there is no uhid.
End serve_uhid(Authenticator& token);

}  // namespace fob::virt
