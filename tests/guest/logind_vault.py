"""Stories of a vault that locks itself (../host/vault_lock.py), with the logind of this machine."""

import os
import sys
import time

from logind import Logind, sleeps

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../host"))
import vault_lock  # noqa: E402
from desktop_services import LOGIN, SESSION, main, until  # noqa: E402

# How long the kernel keeps all processes from running, in its test of sleep (run).
FROZEN_SECONDS = 1


class Machine(Logind):
    """Does what a desktop does, and the person in front of it; and hears the signals that fob-desktop hears."""

    def __init__(self):
        super().__init__()
        self.heard, self.slept_before = None, 0
        self.link.add_signal_receiver(self.hear, "PrepareForSleep", LOGIN + ".Manager", LOGIN)
        self.link.add_signal_receiver(self.hear, "Lock", SESSION, LOGIN)
        self.link.add_signal_receiver(self.hear, "PropertiesChanged", "org.freedesktop.DBus.Properties", LOGIN,
                                      arg0=SESSION)

    def hear(self, *_):
        self.heard = self.heard or time.monotonic()

    def is_watched(self):
        return self.inhibitors() != []

    def sleep(self):
        self.slept_before = sleeps()
        return self.send("Suspend", False)

    def is_asleep(self):
        return sleeps() > self.slept_before

    @staticmethod
    def slept_after(when):
        return time.monotonic() - when >= FROZEN_SECONDS

    def wake(self):
        until(self.is_watched, "the next inhibitor")

    def lock(self):
        return self.send("Lock")

    def hint(self, name, value):
        return self.send("Set" + name, value)

    def send(self, method, *values):
        """Returns a function that says when logind's signal was heard, or None before it was."""
        self.heard = None
        self.call(method, *values)
        return lambda: self.heard


if __name__ == "__main__":
    vault_lock.Machine = Machine
    main({name: vars(vault_lock)[name] for name in (
        "story_before_sleep_goes_on_the_vault_is_locked",
        "story_when_the_session_is_to_be_locked_so_is_the_vault",
        "story_when_the_desktop_locks_its_screen_so_is_the_vault",
        "story_when_the_session_is_idle_the_vault_is_locked_if_wanted")})
