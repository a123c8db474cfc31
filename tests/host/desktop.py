"""Stories of fob-desktop: this script is its agent, its notification server and its logind."""

import os
import signal
import struct
import time

import dbus

from desktop_services import (EXIT_NO_BUS, IDLE, LOCK, LOGIN, OWN_SESSION, RESUME, SESSION, SLEEP, UNLOCK, Agent, Logind,
                              NotificationServer, PrivateBus, folder, for_a_while, main, until)


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
    logind.own.hint(IdleHint=False, LockedHint=True, Name="x")
    until(lambda: agent.events() == [LOCK, UNLOCK, LOCK], "lock by the desktop itself")
    logind.own.hint(LockedHint=False)
    until(lambda: agent.events() == [LOCK, UNLOCK, LOCK, UNLOCK], "unlock by the desktop itself")
    logind.own.PropertiesChanged(SESSION, dbus.Dictionary({"IdleHint": False}, signature="sv"), ["LockedHint"])
    logind.own.PropertiesChanged("org.example", dbus.Dictionary({"LockedHint": True}, signature="sv"), [])
    logind.other.Lock()
    logind.other.Unlock()
    for_a_while()
    assert len(agent.events()) == 4, "nothing of others"
    assert agent.close() == 0


def story_idle_sessions_of_this_user_are_told():
    bus = PrivateBus("system")
    logind = Logind(bus)
    agent = Agent(system=bus)
    until(lambda: logind.inhibitions, "start")
    for_a_while(0.1)
    logind.own.hint(IdleHint=True, IdleSinceHint=dbus.UInt64(1))
    until(lambda: agent.events() == [IDLE], "idle")
    logind.own.hint(IdleHint=False)
    logind.other.hint(IdleHint=True)
    logind.own.hint(LockedHint="nonsense", IdleHint=True)
    for_a_while()
    assert agent.events() == [IDLE], "nothing of its end, nor of others"
    logind.own.hint(IdleHint=True, LockedHint=True)
    until(lambda: sorted(agent.events()) == [LOCK, IDLE, IDLE], "both at once")
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
                (OWN_SESSION, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                 (SESSION, dbus.Dictionary({"IdleHint": True, "LockedHint": True}, signature="sv"),
                  dbus.Array([], signature="s"))),
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


if __name__ == "__main__":
    main(globals())
