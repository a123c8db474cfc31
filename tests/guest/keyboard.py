#!/usr/bin/env python3
"""keyboard.py NAME: through /dev/uhid, a keyboard with the virtual token's vendor and product number.

Tokens such as YubiKeys have one beside their FIDO interface. It is there until this program is ended.
"""

import os
import signal
import struct
import sys

UHID_CREATE2 = 11
BUS_USB = 3
VENDOR, PRODUCT = 0x1209, 0xF1D0
# One byte of modifiers, as in appendix B of the HID specification.
REPORT_DESCRIPTOR = bytes.fromhex("05010906a101050719e029e71500250175019508 8102c0".replace(" ", ""))

uhid = os.open("/dev/uhid", os.O_RDWR)
# struct uhid_create2_req: name, phys, uniq, size, bus, vendor, product, version, country, descriptor
create = struct.pack("<I128s64s64sHHIIII4096s", UHID_CREATE2, sys.argv[1].encode(), b"", b"",
                     len(REPORT_DESCRIPTOR), BUS_USB, VENDOR, PRODUCT, 0x100, 0, REPORT_DESCRIPTOR)
os.write(uhid, create)
signal.pause()
