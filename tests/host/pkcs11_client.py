"""Adds the keys of a PKCS#11 provider to the agent at SSH_AUTH_SOCK, with what Debian 12's ssh-add cannot ask for.

usage: pkcs11_client.py [--cert-only] [--cert FILE]... [--extension NAME] PROVIDER PIN

The request is SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED (RFC 9987 §3.3) with OpenSSH's constraint
associated-certs-v00@openssh.com (PROTOCOL.agent). Exit status: 0 SUCCESS, 3 FAILURE.
"""

import argparse
import base64
import os
import pathlib
import socket
import struct
import sys

ADD_SMARTCARD_KEY_CONSTRAINED, CONSTRAIN_EXTENSION = 26, 255
FAILURE, SUCCESS = 5, 6


def string(value):
    return struct.pack(">I", len(value)) + value


def ask(message):
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(40)
        agent.connect(os.environ["SSH_AUTH_SOCK"])
        agent.sendall(string(message))
        stream = agent.makefile("rb")
        (size,) = struct.unpack(">I", stream.read(4))
        return stream.read(size)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert", action="append", default=[])
    parser.add_argument("--cert-only", action="store_true")
    parser.add_argument("--extension")
    parser.add_argument("provider")
    parser.add_argument("pin")
    options = parser.parse_args()
    message = bytes([ADD_SMARTCARD_KEY_CONSTRAINED]) + string(options.provider.encode()) + string(options.pin.encode())
    if options.cert or options.cert_only:
        blobs = [base64.b64decode(pathlib.Path(name).read_text().split()[1]) for name in options.cert]
        message += bytes([CONSTRAIN_EXTENSION]) + string(b"associated-certs-v00@openssh.com")
        message += bytes([options.cert_only]) + string(b"".join(map(string, blobs)))
    if options.extension:
        message += bytes([CONSTRAIN_EXTENSION]) + string(options.extension.encode())
    reply = ask(message)
    if reply not in (bytes([SUCCESS]), bytes([FAILURE])):
        sys.exit(f"unexpected reply: {reply!r}")
    sys.exit(0 if reply[0] == SUCCESS else 3)


main()
