# SPDX-License-Identifier: ISC
"""The mail server's side of the milter protocol (version 6), over a unix or TCP socket: what no mail
server would let through can be said too."""
import socket
import struct

from harness.checks import WAIT_LIMIT

ADDHDRS, CHGHDRS, QUARANTINE = 0x1, 0x10, 0x20
ALL_ACTIONS = 0x1ff
LEADSPC, SKIP = 0x100000, 0x400
ALL_STEPS = 0x1fffff
NO_REPLY = {"C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "U": 0x20000,
            "N": 0x40000, "B": 0x80000, "L": 0x80}
SKIPPED = {"C": 0x1, "H": 0x2, "M": 0x4, "R": 0x8, "B": 0x10, "L": 0x20, "N": 0x40, "U": 0x100,
           "T": 0x200}


class Closed(Exception):
    """The filter closed the connection."""


class Edits:
    """What the filter asks for at the end of a message."""

    def __init__(self):
        self.inserted = []  # (index, name, value)
        self.added = []  # (name, value)
        self.changed = []  # (number, name, value)
        self.quarantine = None
        self.reply = None  # the text of an SMTP reply
        self.answer = None  # the last octet: c, a, r, t, d, y

    def deleted(self, name):
        return [number for number, other, value in self.changed if other == name and not value]

    def results(self):
        return [value.strip() for _, name, value in self.inserted
                if name == "Authentication-Results"]

    def stamps(self):
        return [value for _, name, value in self.inserted if name == "Verimail"]


class MilterClient:
    def __init__(self, path, actions=ALL_ACTIONS, steps=ALL_STEPS, version=6, timeout=WAIT_LIMIT,
                 source=None):
        """`path`: of a unix socket, or an address and a port, which are connected to from the
        address `source`."""
        if isinstance(path, str):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(timeout)
            self._socket.connect(path)
        else:
            self._socket = socket.create_connection(
                path, timeout, source_address=(source, 0) if source else None)
        self.steps = 0
        self.actions = 0
        self.command(b"O", struct.pack("!III", version, actions, steps))
        kind, data = self.reply()
        if kind != b"O":
            raise Closed(f"negotiation: {kind!r}")
        _, self.actions, self.steps = struct.unpack("!III", data[:12])

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def raw(self, octets):
        self._socket.sendall(octets)

    def command(self, kind, data=b""):
        self.raw(struct.pack("!I", len(data) + 1) + kind + data)

    def reply(self):
        size = struct.unpack("!I", self._read(4))[0]
        octets = self._read(size)
        return octets[:1], octets[1:]

    def _read(self, size):
        octets = b""
        while len(octets) < size:
            try:
                more = self._socket.recv(size - len(octets))
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not more:
                raise Closed("end of file")
            octets += more
        return octets

    def macros(self, step, **values):
        data = step.encode() + b"".join(
            name.encode() + b"\0" + value.encode() + b"\0" for name, value in values.items())
        self.command(b"D", data)

    def _say(self, kind, data):
        """The reply, where one comes: its first octet."""
        if self.steps & SKIPPED.get(kind, 0):
            return None
        self.command(kind.encode(), data)
        if self.steps & NO_REPLY.get(kind, 0):
            return None
        return self.reply()[0]

    def connect(self, address="127.0.9.9", hostname="client.test", port=4711, daemon="smtpd"):
        self.macros("C", **{"j": "mx.test", "{daemon_name}": daemon})
        if address is None:
            data = hostname.encode() + b"\0U"
        else:
            family = b"6" if ":" in address else b"4"
            data = (hostname.encode() + b"\0" + family + struct.pack("!H", port) +
                    address.encode() + b"\0")
        return self._say("C", data)

    def mail(self, sender="<x@y.test>", login=None, auth_type=None, macros=None):
        values = dict(macros or {})
        if login is not None:
            values["{auth_authen}"] = login
        if auth_type or login is not None:
            values["{auth_type}"] = auth_type or "PLAIN"
        self.macros("M", **values)
        return self._say("M", octets(sender) + b"\0")

    def rcpt(self, recipient="<bob@receiver.test>", queue="Q1"):
        self.macros("R", i=queue)
        return self._say("R", octets(recipient) + b"\0")

    def field(self, name, value):
        return self._say("L", octets(name) + b"\0" + octets(value) + b"\0")

    def header_end(self):
        return self._say("N", b"")

    def body(self, data):
        return self._say("B", octets(data))

    def whole_body(self, data):
        """In chunks of 64 KiB, as mail servers send it."""
        data = octets(data)
        for at in range(0, len(data), 65535):
            self.body(data[at:at + 65535])

    def abort(self):
        self.command(b"A")

    def quit_nc(self):
        """The end of an SMTP session: another one follows on the same connection."""
        self.command(b"K")

    def quit(self):
        self.command(b"Q")

    def end(self):
        """The end of the message: Edits."""
        self.command(b"E")
        edits = Edits()
        while True:
            kind, data = self.reply()
            if kind == b"i":
                name, value = data[4:].split(b"\0")[:2]
                edits.inserted.append((struct.unpack("!I", data[:4])[0], text(name), text(value)))
            elif kind == b"h":
                name, value = data.split(b"\0")[:2]
                edits.added.append((text(name), text(value)))
            elif kind == b"m":
                name, value = data[4:].split(b"\0")[:2]
                edits.changed.append((struct.unpack("!I", data[:4])[0], text(name), text(value)))
            elif kind == b"q":
                edits.quarantine = text(data.rstrip(b"\0"))
            elif kind == b"y":
                edits.reply, edits.answer = text(data.rstrip(b"\0")), "y"
                return edits
            elif kind != b"p":
                edits.answer = kind.decode()
                return edits

    def message(self, fields, body=b"", sender="<x@y.test>", recipients=("<bob@receiver.test>",),
                **mail):
        """A whole message: fields are (name, value) as the milter protocol has them."""
        self.mail(sender, **mail)
        for recipient in recipients:
            self.rcpt(recipient)
        for name, value in fields:
            self.field(name, value)
        self.header_end()
        if body:
            self.body(body)
        return self.end()


def octets(value):
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def text(value):
    return value.decode("utf-8", "surrogateescape")
