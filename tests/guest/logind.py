"""Stories of fob-desktop and the logind of this machine, told in a session of logind's at the seat."""

import os
import sys

import dbus

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../host"))
from desktop_services import IDLE, LOCK, LOGIN, RESUME, SESSION, SLEEP, UNLOCK, Agent, for_a_while, main, until  # noqa: E402


class Logind:
    """Does in this session what a desktop does. Calls wait for no answer."""

    address = "unix:path=/run/dbus/system_bus_socket"

    def __init__(self):
        self.failures = []
        self.link = dbus.bus.BusConnection(self.address)
        self.manager = self.link.get_object(LOGIN, "/org/freedesktop/login1", introspect=False)
        path = self.manager.GetSession(os.environ["XDG_SESSION_ID"], dbus_interface=LOGIN + ".Manager")
        self.session = self.link.get_object(LOGIN, path, introspect=False)

    def call(self, method, *values):
        """In this session, or (Suspend) of the machine."""
        to, interface = (self.manager, LOGIN + ".Manager") if method == "Suspend" else (self.session, SESSION)
        to.get_dbus_method(method, interface)(*values, reply_handler=lambda: None, error_handler=self.failures.append)

    def inhibitors(self):
        """What fob-desktop delays: (process id, what, mode)."""
        found = self.manager.ListInhibitors(dbus_interface=LOGIN + ".Manager")
        return [(int(pid), str(what), str(mode)) for what, who, _, mode, _, pid in found if who == "fob"]

    def property(self, name):
        return self.session.Get(SESSION, name, dbus_interface="org.freedesktop.DBus.Properties")


def sleeps():
    """How often the kernel has slept so far."""
    with open("/sys/power/suspend_stats/success") as file:
        return int(file.read())


def started():
    logind = Logind()
    agent = Agent(system=logind)
    until(lambda: logind.inhibitors() == [(agent.process.pid, "sleep", "delay")], "inhibitor")
    return logind, agent


def heard(logind, agent, events):
    until(lambda: agent.events()[-len(events):] == events or logind.failures, events)
    assert not logind.failures, logind.failures


def story_the_session_is_one_of_logind():
    session = Logind()
    assert [bool(session.property(name)) for name in ("Active", "Remote", "LockedHint", "IdleHint")] == [
        True, False, False, False]
    assert session.property("Seat")[0] == "seat0" and session.property("User")[0] == os.getuid()


def story_the_inhibitor_goes_with_the_agent():
    logind, agent = started()
    assert agent.close() == 0
    until(lambda: logind.inhibitors() == [], "end of the inhibitor")


def story_the_session_is_locked_and_idle():
    logind, agent = started()
    wanted = []
    for method, values, events in (("Lock", (), [LOCK]), ("Unlock", (), [UNLOCK]),
                                   ("SetLockedHint", (True,), [LOCK]), ("SetLockedHint", (False,), [UNLOCK]),
                                   ("SetIdleHint", (True,), [IDLE]), ("SetIdleHint", (False,), []),
                                   ("SetIdleHint", (True,), [IDLE]), ("SetIdleHint", (False,), [])):
        logind.call(method, *values)
        wanted += events
        heard(logind, agent, wanted)
    assert agent.events() == wanted
    assert agent.close() == 0


def story_sleep_waits_for_the_agent():
    logind, agent = started()
    wanted = []
    for _ in range(2):
        before = sleeps()
        logind.call("Suspend", False)
        wanted += [SLEEP]
        heard(logind, agent, wanted)
        for_a_while(1)
        assert sleeps() == before and agent.events() == wanted, "before the agent has answered"
        assert logind.inhibitors() != []
        agent.acknowledge()
        until(lambda: sleeps() == before + 1, "sleep")
        wanted += [RESUME]
        heard(logind, agent, wanted)
        until(lambda: logind.inhibitors() != [], "the inhibitor for the next time")
    assert agent.close() == 0


if __name__ == "__main__":
    main(globals())
