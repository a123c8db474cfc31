#!/usr/bin/env python3
"""tell.py SOCKET COMMAND...: says this to the control socket of a virtual token, and prints its answer.

Exit status 1 where it answers with an error.
"""

import socket
import sys

with socket.socket(socket.AF_UNIX) as token:
    token.settimeout(10)
    token.connect(sys.argv[1])
    token.sendall((" ".join(sys.argv[2:]) + "\n").encode())
    answer = token.makefile().readline().strip()
print(answer)
sys.exit(answer.startswith("error") or not answer)
