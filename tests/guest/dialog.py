#!/usr/bin/env python3
"""dialog.py [PATTERN ANSWER]... -- COMMAND...: runs a command in a terminal of its own and types the answers.

Each pattern, a regular expression whatever the case, is waited for in its turn. What the command writes is copied to
standard output, and its exit status is this program's; 124 where it was silent for 30 s, 125 where it ended before it
had asked everything.
"""

import os
import pty
import re
import select
import signal
import sys

SILENCE_SECONDS = 30


def read_terminal(terminal):
    readable, _, _ = select.select([terminal], [], [], SILENCE_SECONDS)
    if not readable:
        return None
    try:
        return os.read(terminal, 4096)
    except OSError:  # the command has closed its side
        return b""


def converse(terminal, answers):
    """Returns whether the command spoke to its end; takes from the answers."""
    heard = ""
    while data := read_terminal(terminal):
        text = data.decode(errors="replace").replace("\r", "")
        sys.stdout.write(text)
        sys.stdout.flush()
        heard += text
        while answers and (found := re.search(answers[0][0], heard, re.IGNORECASE)):
            heard = heard[found.end() :]
            os.write(terminal, (answers.pop(0)[1] + "\n").encode())
    return data is not None


def main():
    end = sys.argv.index("--")
    given = sys.argv[1:end]
    command = sys.argv[end + 1 :]
    answers = list(zip(given[::2], given[1::2], strict=True))
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    if not converse(terminal, answers):
        print("\ndialog: silence; killed")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return 124
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if answers:
        print(f"\ndialog: never asked for {answers[0][0]!r}; exit status {status}")
        return 125
    return status if status >= 0 else 128 - status


sys.exit(main())
