# SPDX-License-Identifier: ISC
"""A server of LDAP that says what a test wants it to: what Active Directory does and slapd cannot
(values in ranges), and what no good server does."""
import contextlib
import socket
import threading

SUCCESS = 0
PAGED = b"1.2.840.113556.1.4.319"


def tlv(tag, content):
    """An element of BER (X.690)."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def number(value, tag=2):
    return tlv(tag, value.to_bytes(4, "big", signed=True))


def text(value, tag=4):
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def elements(octets):
    """The elements one behind the other: pairs of tag and content."""
    found = []
    while octets:
        tag, length, at = octets[0], octets[1], 2
        if length & 0x80:
            at += length & 0x7f
            length = int.from_bytes(octets[2:at], "big")
        found.append((tag, octets[at:at + length]))
        octets = octets[at + length:]
    return found


def entry(dn, **attributes):
    """A SearchResultEntry."""
    listed = b"".join(
        tlv(0x30, text(name) + tlv(0x31, b"".join(text(value) for value in values)))
        for name, values in attributes.items())
    return tlv(0x64, text(dn) + tlv(0x30, listed))


def reference(url):
    return tlv(0x73, text(url))


def result(code=SUCCESS, said="", tag=0x65):
    return tlv(tag, number(code, 10) + text("") + text(said))


def page(cookie=b""):
    """The control that ends a page."""
    value = tlv(0x30, number(0) + text(cookie))
    return tlv(0xa0, tlv(0x30, text(PAGED) + text(value)))


class Script:
    """A server at `address`. `answer` is called with base, scope and attributes of each search, but
    for the one about the server itself, and gives pairs of an operation and controls; None: the
    connection ends."""

    def __init__(self, case, answer):
        self.answer = answer
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.address = "ldap://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.searches = []
        case.servers.append(self)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError, IndexError), client, client.makefile("rb") as stream:
            while True:
                head = stream.read(2)
                if len(head) < 2:
                    return
                length = head[1]
                if length & 0x80:
                    length = int.from_bytes(stream.read(length & 0x7f), "big")
                (_, number_of), (tag, operation), *_ = elements(stream.read(length))
                for answer in self._answers(tag, operation):
                    if answer is None:
                        return
                    octets, controls = answer
                    client.sendall(octets if controls is None else
                                   tlv(0x30, tlv(2, number_of) + octets + controls))

    def _answers(self, tag, operation):
        if tag == 0x60:
            return [(result(tag=0x61), b"")]
        if tag != 0x63:
            return [None]
        parts = elements(operation)
        base, scope = parts[0][1].decode(), parts[1][1][0]
        wanted = [content.decode() for _, content in elements(parts[7][1])]
        if base == "":
            return [(result(), b"")]
        self.searches.append((base, scope, wanted))
        return self.answer(base, scope, wanted)
