#!/usr/bin/env python3
"""Passes agent messages on and writes each down: record.py LISTEN AGENT LOG.

A line of LOG is "> HEX" for a request and "< HEX" for a reply, without the length word. Used by record.sh.
"""
import os
import socket
import sys
import threading


def read_exactly(stream, count):
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def read_message(stream):
    head = read_exactly(stream, 4)
    return head and read_exactly(stream, int.from_bytes(head, "big"))


def serve(client, agent_path, log):
    agent = socket.socket(socket.AF_UNIX)
    agent.connect(agent_path)
    while request := read_message(client):
        agent.sendall(len(request).to_bytes(4, "big") + request)
        reply = read_message(agent)
        log.write(f"> {request.hex()}\n< {reply.hex()}\n")
        client.sendall(len(reply).to_bytes(4, "big") + reply)


def main():
    listen_path, agent_path, log_path = sys.argv[1:]
    log = open(log_path, "a", buffering=1)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(listen_path)
    os.chmod(listen_path, 0o600)
    listener.listen(16)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, agent_path, log), daemon=True).start()


main()
