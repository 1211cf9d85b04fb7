# SPDX-License-Identifier: ISC
"""Programs that take mail by SMTP or LMTP and hand it on: a filter, and a list manager."""
import re
import socket
import threading

from harness.checks import WAIT_LIMIT
from harness.message import send


class SmtpProgram:
    """Listens; serve(lines) has one client's conversation, a file of octets."""

    def __init__(self, address, port):
        self._listener = socket.create_server((address, port))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        client.settimeout(WAIT_LIMIT)
        with client, client.makefile("rwb") as lines:
            try:
                self.serve(lines)
            except OSError:
                pass

    def serve(self, lines):
        raise NotImplementedError


def reply_of(lines):
    """A whole reply, with its continued lines."""
    reply = lines.readline()
    while reply and reply.splitlines()[-1][3:4] == b"-":
        reply += lines.readline()
    return reply


def body_of(lines):
    """What follows DATA, with the line that ends it."""
    octets = b""
    while line := lines.readline():
        octets += line
        if line == b".\r\n":
            break
    return octets


def say(lines, octets):
    lines.write(octets)
    lines.flush()


class ProxyFilter(SmtpProgram):
    """What smtpd_proxy_filter speaks to: hands each line on to `target`, and adds a field."""

    FIELD = b"X-Filtered: yes\r\n"

    def __init__(self, address, port, target):
        self._target = target
        super().__init__(address, port)

    def serve(self, lines):
        with socket.create_connection(self._target, WAIT_LIMIT) as server, \
                server.makefile("rwb") as behind:
            say(lines, reply_of(behind))
            while command := lines.readline():
                say(behind, command)
                reply = reply_of(behind)
                say(lines, reply)
                if command.upper() == b"DATA\r\n" and reply[:1] == b"3":
                    say(behind, self.FIELD + body_of(lines))
                    say(lines, reply_of(behind))


class ListManager(SmtpProgram):
    """Takes a message by LMTP, writes the list's address into From as Mailman does, adds a footer,
    and sends it to the members by `server`."""

    def __init__(self, address, port, name, members, server):
        self._name, self._members, self._server = name, members, server
        super().__init__(address, port)

    def serve(self, lines):
        say(lines, b"220 list LMTP\r\n")
        while command := lines.readline():
            word = command[:4].upper()
            if word == b"DATA":
                say(lines, b"354 go on\r\n")
                code, text = self._distribute(body_of(lines)[:-3])
                say(lines, f"{code} {text.splitlines()[0]}\r\n".encode())
            elif word == b"QUIT":
                say(lines, b"221 bye\r\n")
                return
            else:
                say(lines, b"250 list\r\n")

    def _distribute(self, octets):
        author = re.search(rb"(?m)^From: (.*)\r$", octets)[1]
        munged = f"From: Somebody via List <{self._name}>\r\nReply-To: ".encode() + author
        octets = octets.replace(b"From: " + author, munged, 1)
        octets = re.sub(rb"(?m)^Subject: ", b"Subject: [list] ", octets, count=1)
        octets = f"List-Id: <{self._name.replace('@', '.')}>\r\n".encode() + octets
        host, port = self._server
        return send(host, octets + b"-- \r\nthe list\r\n", to=self._members, port=port,
                    sender=self._name.replace("@", "-bounces@"), source="127.0.0.1")
