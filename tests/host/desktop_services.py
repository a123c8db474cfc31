"""What stories about D-Bus share: buses, a notification server, a logind, an agent for fob-desktop, and their telling.

A story is a function story_… of a script that ends with main(globals()). The script without an argument prints the
names of its stories; with one it tells it, and an exception is a failure.
"""

import os
import socket
import struct
import subprocess
import sys
import time

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

SLEEP, RESUME, LOCK, UNLOCK, IDLE = 1, 2, 3, 4, 5
EXIT_NO_BUS = 3
NOTIFICATIONS = "org.freedesktop.Notifications"
LOGIN = "org.freedesktop.login1"
SESSION = LOGIN + ".Session"
OWN_SESSION = "/org/freedesktop/login1/session/_31"
OTHER_SESSION = "/org/freedesktop/login1/session/_32"
folder = os.environ.get("FOB_TEST_FOLDER", "")
# Seconds that something may take that does not take any.
patience = float(os.environ.get("FOB_TEST_PATIENCE", 5))

# Everything that was started, to be ended with the story.
CHILDREN = []


class Popen(subprocess.Popen):
    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        CHILDREN.append(self)


def until(condition, what, seconds=patience):
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
        self.daemon = Popen(
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

    def hint(self, **hints):
        """What a desktop says of itself: LockedHint, IdleHint."""
        self.PropertiesChanged(SESSION, dbus.Dictionary(hints, signature="sv"), [])


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
        self.process = Popen([os.environ["FOB_DESKTOP"]], stdin=theirs, env=environment)
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

    def ends(self, seconds=patience):
        return until(lambda: self.process.poll() is not None, "end", seconds) and self.process.returncode

    def close(self):
        self.channel.close()
        return self.ends()


def main(stories):
    stories = {name: story for name, story in stories.items() if name.startswith("story_")}
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
