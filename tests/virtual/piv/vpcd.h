#pragma once

#include "tests/virtual/piv/card.h"

namespace fob::virt::piv {

/// Connects to vpcd, the reader driver of vsmartcard, on the loopback device; -1 where nobody listens yet.
int connect_vpcd(std::uint16_t port);

/// Puts the card into the reader, and serves it until it is pulled out (shutdown(2) of `fd`) or the reader goes.
/// Messages are a length of two bytes and so many bytes; of one byte they switch power on and off, reset, or ask for
/// the ATR.
void serve_vpcd(int fd, Card& card);

}  // namespace fob::virt::piv
