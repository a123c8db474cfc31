"""Stories of fob-desktop: this script is its agent, its notification server and its logind.

Without an argument: prints the names of the stories. With one: tells it; an exception is a failure.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import time

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

SLEEP, RESUME, LOCK, UNLOCK = 1, 2, 3, 4
EXIT_NO_BUS = 3
NOTIFICATIONS = "org.freedesktop.Notifications"
LOGIN = "org.freedesktop.login1"
SESSION = LOGIN + ".Session"
OWN_SESSION = "/org/freedesktop/login1/session/_31"
OTHER_SESSION = "/org/freedesktop/login1/session/_32"
folder = os.environ.get("FOB_TEST_FOLDER", "")


def until(condition, what, seconds=5):
    """Runs this process's services until the condition holds; returns what it returned."""
    end = time.monotonic() + seconds
    context = GLib.MainContext.default()
    while True:
        while context.iteration(False):
            pass
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.002)


def for_a_while(seconds=0.3):
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end, "time")


class PrivateBus:
    """A dbus-daemon of its own."""

    def __init__(self, name):
        self.address = f"unix:path={folder}/{name}"
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", f"--address={self.address}", "--print-address=1"],
            stdout=subprocess.PIPE)
        assert self.daemon.stdout.readline().startswith(self.address.encode())

    def connect(self):
        connection = dbus.bus.BusConnection(self.address)
        connection.set_exit_on_disconnect(False)
        return connection

    def stop(self):
        self.daemon.kill()
        self.daemon.wait()


class NotificationServer(dbus.service.Object):
    """Keeps what it shows; `slow` holds answers back until answer() is called."""

    def __init__(self, bus, capabilities=("body", "body-markup"), slow=False):
        self.link = bus.connect()
        self.name = dbus.service.BusName(NOTIFICATIONS, self.link, do_not_queue=True)
        super().__init__(self.link, "/org/freedesktop/Notifications")
        self.capabilities, self.slow = capabilities, slow
        self.shown, self.closed, self.calls, self.held, self.last = {}, [], [], [], 100

    @dbus.service.method(NOTIFICATIONS, in_signature="", out_signature="as")
    def GetCapabilities(self):
        return dbus.Array(self.capabilities, signature="s")

    @dbus.service.method(NOTIFICATIONS, in_signature="susssasa{sv}i", out_signature="u",
                         async_callbacks=("done", "failed"))
    def Notify(self, application, replaces, icon, summary, body, actions, hints, expires, done, failed):
        if replaces == 0:
            self.last += 1
            replaces = self.last
        self.shown[int(replaces)] = (str(summary), str(body))
        self.calls.append({"application": str(application), "hints": dict(hints), "actions": list(actions),
                           "expires": int(expires), "id": int(replaces)})
        if self.slow:
            self.held.append((done, replaces))
        else:
            done(dbus.UInt32(replaces))

    @dbus.service.method(NOTIFICATIONS, in_signature="u", out_signature="")
    def CloseNotification(self, number):
        self.closed.append(int(number))
        if self.shown.pop(int(number), None) is None:
            raise dbus.DBusException("no such notification")

    def answer(self):
        for done, number in self.held:
            done(dbus.UInt32(number))
        self.held = []

    def texts(self):
        return sorted(self.shown.values())


class Session(dbus.service.Object):
    def __init__(self, connection, path, uid):
        super().__init__(connection, path)
        self.uid = uid

    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        assert (interface, name) == (SESSION, "User")
        return dbus.Struct((dbus.UInt32(self.uid), dbus.ObjectPath("/org/freedesktop/login1/user/_0")), signature="uo",
                           variant_level=1)

    @dbus.service.signal(SESSION, signature="")
    def Lock(self):
        pass

    @dbus.service.signal(SESSION, signature="")
    def Unlock(self):
        pass

    @dbus.service.signal("org.freedesktop.DBus.Properties", signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, invalidated):
        pass


class Logind(dbus.service.Object):
    """Holds the other end of the inhibitor."""

    def __init__(self, bus, name=LOGIN):
        self.link = bus.connect()
        self.name = dbus.service.BusName(name, self.link, do_not_queue=True) if name else None
        super().__init__(self.link, "/org/freedesktop/login1")
        self.own = Session(self.link, OWN_SESSION, os.getuid())
        self.other = Session(self.link, OTHER_SESSION, os.getuid() + 1)
        self.inhibitions, self.pipe = [], None

    @dbus.service.method(LOGIN + ".Manager", in_signature="ssss", out_signature="h")
    def Inhibit(self, what, who, why, mode):
        self.inhibitions.append((str(what), str(who), str(mode)))
        if self.pipe is not None:
            os.close(self.pipe)
        self.pipe, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return dbus.types.UnixFd(theirs)
        finally:
            os.close(theirs)

    @dbus.service.signal(LOGIN + ".Manager", signature="b")
    def PrepareForSleep(self, begins):
        pass

    def may_sleep(self):
        try:
            return os.read(self.pipe, 1) == b""
        except BlockingIOError:
            return False


class Agent:
    """The process under test, and the agent's end of its channel."""

    def __init__(self, session=None, system=None):
        nowhere = f"unix:path={folder}/nowhere"
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        environment = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=session.address if session else nowhere,
                           DBUS_SYSTEM_BUS_ADDRESS=system.address if system else nowhere)
        self.process = subprocess.Popen([os.environ["FOB_DESKTOP"]], stdin=theirs, env=environment)
        theirs.close()
        self.received = b""

    def send(self, body):
        self.channel.send(struct.pack(">I", len(body)) + body)

    def notify(self, number, summary, body):
        texts = b"".join(struct.pack(">I", len(text.encode())) + text.encode() for text in (summary, body))
        self.send(struct.pack(">BI", 1, number) + texts)

    def withdraw(self, number):
        self.send(struct.pack(">BI", 2, number))

    def acknowledge(self):
        self.send(b"\3")

    def events(self):
        """All so far."""
        try:
            self.received += self.channel.recv(4096)
        except BlockingIOError:
            pass
        assert len(self.received) % 6 == 0
        frames = [self.received[i:i + 6] for i in range(0, len(self.received), 6)]
        assert all(frame[:5] == b"\0\0\0\2\n" for frame in frames), frames
        return [frame[5] for frame in frames]

    def ends(self, seconds=5):
        return until(lambda: self.process.poll() is not None, "end", seconds) and self.process.returncode

    def close(self):
        self.channel.close()
        return self.ends()


def shown_by(capabilities, summary, body):
    bus = PrivateBus("session")
    server = NotificationServer(bus, capabilities)
    agent = Agent(session=bus)
    agent.notify(1, summary, body)
    until(lambda: server.shown, "notification")
    call = server.calls[0]
    assert call["application"] == "fob" and call["actions"] == []
    assert call["hints"] == {"urgency": 2} and call["expires"] == 0, call
    texts = server.texts()
    agent.withdraw(1)
    until(lambda: not server.shown, "withdrawal")
    assert agent.close() == 0
    return texts


def story_a_notification_is_shown_and_withdrawn():
    assert shown_by(["body"], "Touch your key", "two\nlines, café") == [("Touch your key", "two\nlines, café")]


def story_markup_is_escaped_for_servers_that_know_it():
    assert shown_by(["actions", "body", "body-markup"], "a & <b>", "x & <b>y</b>") == \
        [("a & <b>", "x &amp; &lt;b&gt;y&lt;/b&gt;")]


def story_markup_is_left_alone_for_servers_that_do_not():
    assert shown_by(["body"], "a", "x & <b>y</b>") == [("a", "x & <b>y</b>")]


def story_the_body_joins_the_summary_where_servers_show_none():
    assert shown_by([], "a", "<b>") == [("a: <b>", "")]


def story_several_notifications_are_told_apart():
    bus = PrivateBus("session")
    server = NotificationServer(bus)
    agent = Agent(session=bus)
    for number in range(1, 6):
        agent.notify(number, "summary", str(number))
    until(lambda: len(server.shown) == 5, "five")
    agent.withdraw(2)
    agent.withdraw(4)
    agent.withdraw(99)
    until(lambda: len(server.shown) == 3, "three")
    assert [body for _, body in server.texts()] == ["1", "3", "5"]
    agent.notify(3, "summary", "replaced")
    until(lambda: ("summary", "replaced") in server.texts(), "replacement")
    assert len(server.shown) == 3
    assert agent.close() == 0
    until(lambda: not server.shown, "all are withdrawn at the end")


def story_what_is_withdrawn_before_the_server_answers_is_closed():
    bus = PrivateBus("session")
    server = NotificationServer(bus, slow=True)
    agent = Agent(session=bus)
    agent.notify(1, "a", "withdrawn")
    agent.notify(2, "a", "replaced")
    until(lambda: len(server.held) == 2, "calls")
    agent.withdraw(1)
    agent.notify(2, "a", "kept")
    for_a_while()
    assert server.closed == []
    server.answer()
    until(lambda: server.texts() == [("a", "kept")], "the other is closed and one replaced")
    server.answer()
    agent.notify(3, "a", "on its way at the end")
    until(lambda: server.held, "call")
    agent.channel.close()
    for_a_while()
    server.slow = False
    server.answer()
    until(lambda: not server.shown, "all are withdrawn at the end")
    assert agent.ends() == 0


def story_a_server_that_never_answers_does_not_keep_it_alive():
    bus = PrivateBus("session")
    server = NotificationServer(bus, slow=True)
    agent = Agent(session=bus)
    agent.notify(1, "a", "b")
    until(lambda: server.held, "call")
    start = time.monotonic()
    assert agent.close() == 0
    assert time.monotonic() - start < 2.5


def story_a_server_may_come_later_and_go():
    bus = PrivateBus("session")
    agent = Agent(session=bus)
    agent.notify(1, "a", "lost")
    for_a_while()
    server = NotificationServer(bus, ["body"])
    agent.notify(2, "a", "<seen>")
    until(lambda: server.texts() == [("a", "<seen>")], "notification")
    server.remove_from_connection()
    server.link.close()
    agent.notify(3, "a", "lost")
    for_a_while()
    other = NotificationServer(bus, ["body", "body-markup"])
    agent.notify(4, "a", "<seen>")
    until(lambda: other.texts() == [("a", "&lt;seen&gt;")], "notification on the other")
    assert agent.close() == 0


def story_a_notification_that_the_person_closed_is_no_trouble():
    bus = PrivateBus("session")
    server = NotificationServer(bus)
    agent = Agent(session=bus)
    agent.notify(1, "a", "b")
    until(lambda: server.shown, "notification")
    server.shown.clear()
    agent.withdraw(1)
    agent.notify(2, "a", "c")
    until(lambda: server.texts() == [("a", "c")], "the next")
    assert agent.close() == 0


def story_sleep_waits_for_the_agent():
    bus = PrivateBus("system")
    logind = Logind(bus)
    agent = Agent(system=bus)
    for round_number in range(1, 4):
        until(lambda: len(logind.inhibitions) == round_number, "inhibitor")
        assert logind.inhibitions[-1] == ("sleep", "fob", "delay")
        for_a_while(0.1)
        assert not logind.may_sleep()
        start = time.monotonic()
        logind.PrepareForSleep(True)
        until(lambda: agent.events()[-1:] == [SLEEP], "event")
        assert time.monotonic() - start < 0.1, "the agent has word within 100 ms"
        for_a_while(0.1)
        assert not logind.may_sleep(), "before the agent has answered"
        agent.acknowledge()
        until(logind.may_sleep, "release of the inhibitor")
        logind.PrepareForSleep(False)
        until(lambda: agent.events()[-1:] == [RESUME], "event")
    assert agent.events() == [SLEEP, RESUME] * 3
    assert agent.close() == 0


def story_the_end_of_the_agent_lets_the_machine_sleep():
    bus = PrivateBus("system")
    logind = Logind(bus)
    agent = Agent(system=bus)
    until(lambda: logind.inhibitions, "inhibitor")
    for_a_while(0.1)
    assert agent.close() == 0
    until(logind.may_sleep, "release of the inhibitor")


def story_locked_sessions_of_this_user_are_told():
    bus = PrivateBus("system")
    logind = Logind(bus)
    agent = Agent(system=bus)
    until(lambda: logind.inhibitions, "start")
    for_a_while(0.1)
    logind.own.Lock()
    until(lambda: agent.events() == [LOCK], "lock")
    logind.own.Unlock()
    until(lambda: agent.events() == [LOCK, UNLOCK], "unlock")
    changed = {"IdleHint": dbus.Boolean(True), "LockedHint": dbus.Boolean(True), "Name": "x"}
    logind.own.PropertiesChanged(SESSION, dbus.Dictionary(changed, signature="sv"), [])
    until(lambda: agent.events() == [LOCK, UNLOCK, LOCK], "lock by the desktop itself")
    logind.own.PropertiesChanged(SESSION, dbus.Dictionary({"LockedHint": False}, signature="sv"), [])
    until(lambda: agent.events() == [LOCK, UNLOCK, LOCK, UNLOCK], "unlock by the desktop itself")
    logind.own.PropertiesChanged(SESSION, dbus.Dictionary({"IdleHint": True}, signature="sv"), ["LockedHint"])
    logind.own.PropertiesChanged("org.example", dbus.Dictionary({"LockedHint": True}, signature="sv"), [])
    logind.other.Lock()
    logind.other.Unlock()
    for_a_while()
    assert len(agent.events()) == 4, "nothing of others"
    assert agent.close() == 0


def story_signals_that_others_forge_are_ignored():
    bus = PrivateBus("system")
    logind = Logind(bus)
    agent = Agent(system=bus)
    until(lambda: logind.inhibitions, "start")
    for_a_while(0.1)
    forger = bus.connect()
    names = [name for name in forger.list_names() if name.startswith(":")]
    for name in names:
        for path, interface, member, values in (
                (OWN_SESSION, SESSION, "Lock", ()), (OWN_SESSION, SESSION, "Unlock", ()),
                ("/org/freedesktop/login1", LOGIN + ".Manager", "PrepareForSleep", (dbus.Boolean(True),))):
            message = dbus.lowlevel.SignalMessage(path, interface, member)
            message.append(*values)
            message.set_destination(name)
            forger.send_message(message)
    forger.flush()
    for_a_while()
    assert agent.events() == []
    assert not logind.may_sleep()
    assert agent.close() == 0


def story_either_bus_may_be_missing():
    session, system = PrivateBus("session"), PrivateBus("system")
    server, logind = NotificationServer(session), Logind(system)
    agent = Agent(session=session)
    agent.acknowledge()
    agent.notify(1, "a", "b")
    until(lambda: server.shown, "notification")
    assert agent.close() == 0
    agent = Agent(system=system)
    agent.notify(1, "a", "b")
    agent.withdraw(1)
    until(lambda: logind.inhibitions, "start")
    for_a_while(0.1)
    logind.own.Lock()
    until(lambda: agent.events() == [LOCK], "lock")
    assert agent.close() == 0
    assert Agent().ends() == EXIT_NO_BUS


def story_a_bus_that_dies_leaves_the_other():
    session, system = PrivateBus("session"), PrivateBus("system")
    server, logind = NotificationServer(session), Logind(system)
    agent = Agent(session=session, system=system)
    agent.notify(1, "a", "b")
    until(lambda: server.shown and logind.inhibitions, "both")
    session.stop()
    for_a_while()
    agent.notify(2, "a", "b")
    agent.withdraw(1)
    logind.own.Lock()
    until(lambda: agent.events() == [LOCK], "lock")
    system.stop()
    assert agent.ends() == EXIT_NO_BUS


def story_a_session_that_begins_later_is_used():
    session, system = PrivateBus("session"), PrivateBus("system")
    Logind(system)
    session.stop()
    agent = Agent(session=session, system=system)
    agent.notify(1, "a", "lost")
    for_a_while()
    os.unlink(f"{folder}/session")
    session = PrivateBus("session")
    server = NotificationServer(session)
    agent.notify(2, "a", "seen")
    until(lambda: server.texts() == [("a", "seen")], "notification")
    assert agent.close() == 0


def story_an_agent_that_talks_nonsense_is_left():
    bus = PrivateBus("session")
    for nonsense in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1\7", b"\0\0\0\2\3\0", b"\0\0\0\5\2\0\0\0",
                     struct.pack(">IBII", 14, 1, 1, 1) + b"\xff" + struct.pack(">I", 0)):
        agent = Agent(session=bus)
        agent.channel.send(nonsense)
        if nonsense == b"\0\0\0\5\2\0\0\0":
            assert agent.close() == 0, "a frame that never ends"
        else:
            assert agent.ends() == 1, nonsense


def story_orders_may_come_in_pieces():
    bus = PrivateBus("session")
    server = NotificationServer(bus, ["body"])
    agent = Agent(session=bus)
    body = struct.pack(">BII", 1, 1, 1) + b"a" + struct.pack(">I", 1) + b"b"
    for byte in struct.pack(">I", len(body)) + body:
        agent.channel.send(bytes([byte]))
        for_a_while(0.005)
    until(lambda: server.texts() == [("a", "b")], "notification")
    frame = struct.pack(">IBI", 5, 2, 9)
    agent.channel.send(frame * 500 + struct.pack(">IBI", 5, 2, 1))
    until(lambda: not server.shown, "withdrawal")
    assert agent.close() == 0


def story_the_process_is_hardened():
    bus = PrivateBus("session")
    agent = Agent(session=bus)
    status = f"/proc/{agent.process.pid}/status"
    until(lambda: "NoNewPrivs:\t1" in open(status).read(), "no new privileges")
    limits = open(f"/proc/{agent.process.pid}/limits").read()
    core = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core[0].split()[4:6] == ["0", "0"], core
    agent.process.send_signal(signal.SIGTERM)
    for_a_while()
    assert agent.process.poll() is None, "it ends with its channel"
    assert agent.close() == 0


def main():
    stories = {name: story for name, story in globals().items() if name.startswith("story_")}
    if len(sys.argv) < 2:
        print("\n".join(stories))
        return
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    try:
        stories[sys.argv[1]]()
    finally:
        for child in list(CHILDREN):
            if child.poll() is None:
                child.kill()
                child.wait()


# Everything that was started, to be ended with the story.
CHILDREN = []


class Popen(subprocess.Popen):
    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        CHILDREN.append(self)


subprocess.Popen = Popen

if __name__ == "__main__":
    main()
