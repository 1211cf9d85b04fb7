# SPDX-License-Identifier: ISC
"""Sealed questions to a service whose answer key is known: an independent service, and hostile ones."""
import base64
import os
import socket
import threading

import nacl.exceptions
import pytest

import protocol
from harness.checks import check, contains, equal
from harness.keys import Key, base64url
from harness.sealed import NONE, Asked, id_of

YES = b"YES stamped"


class Service:
    """Answers sealed questions, by `talk`: the lines that it sends for an Asked."""

    def __init__(self, key, talk):
        self.key = key
        self.talk = talk
        self.asked = []
        self.lines = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                line = client.makefile("rb").readline()
                self.lines.append(line)
                try:
                    self.asked.append(Asked(self.key.secret, line))
                except ValueError:
                    client.sendall(b"NO forged\r\n")
                    continue
                except nacl.exceptions.CryptoError:
                    continue
                client.sendall(self.talk(self.asked[-1]))

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def configure(verimail, service, key=None):
    verimail.write("v.conf", f"""verify {{ authserv_id = "mx.example.net" }}
peer "example.org" {{ address = "127.0.0.1:{service.port}"
                      key = "{(key or service.key).public_text()}" }}
""")


@pytest.fixture(name="ask")
def fixture_ask(verimail):
    services = []

    def run(talk, *arguments, payload="AQ", key=None):
        service = Service(Key("answer"), talk)
        services.append(service)
        configure(verimail, service, key)
        done = verimail.run("ask", "alice@example.org", payload, "--rcpt", "example.net",
                            *arguments)
        done.service = service
        return done
    yield run
    for service in services:
        service.stop()


def test_a_question_is_sealed(ask):
    done = ask(lambda asked: asked.answer(YES))
    equal((done.status, done.out), (0, "YES stamped\n"), done.err)
    asked = done.service.asked[0]
    equal(asked.text, b"alice@example.org AQ rcpt=example.net")
    equal((asked.version, asked.key_id), (1, id_of(done.service.key.public)))
    check(b"alice" not in done.service.lines[0], done.service.lines[0])
    again = ask(lambda asked: asked.answer(YES)).service.asked[0]
    check(again.nonce != asked.nonce and again.client != asked.client, "a nonce or a key is kept")


def test_a_service_written_from_the_page(ask):
    """protocol/ is a second implementation, from verimail(7) alone."""
    def talk(asked):
        question, nonce, secret = protocol.open_question(asked.line, asked.answer_secret)
        equal(question, asked.text)
        return protocol.seal_answer(b"ALLOW changed", nonce, os.urandom(12), secret)

    equal(ask(talk).out, "ALLOW changed\n")


def test_in_plain_if_it_must_be(ask):
    done = ask(None, "--plain")
    equal(done.service.lines, [b"alice@example.org AQ rcpt=example.net\r\n"])
    equal((done.status, done.out), (1, "NO forged\n"))


def flipped(line, at):
    octets = bytearray(base64.urlsafe_b64decode(line[2:-2] + b"=" * (-len(line[2:-2]) % 4)))
    octets[at] ^= 1
    return b"* " + base64url(octets).encode() + b"\r\n"


HOSTILE = {
    "plain": lambda asked: b"YES stamped\r\n",
    "its own box": lambda asked: b"* " + base64url(NONE + asked.box).encode() + b"\r\n",
    "a nonce of zeros": lambda asked: asked.answer(YES, nonce=NONE),
    "the first octet": lambda asked: flipped(asked.answer(YES), 0),
    "an octet of the box": lambda asked: flipped(asked.answer(YES), 40),
    "the last octet": lambda asked: flipped(asked.answer(YES), -1),
    "no line end": lambda asked: asked.answer(YES)[:-2],
    "LF alone": lambda asked: asked.answer(YES)[:-2] + b"\n",
    "nothing": lambda asked: b"",
    "a star": lambda asked: b"* \r\n",
    "too long": lambda asked: b"* " + b"A" * 2000 + b"\r\n",
    "nonsense inside": lambda asked: asked.answer(b"MAYBE"),
    "a line end inside": lambda asked: asked.answer(b"YES\r\nNO"),
    "YES to no stamp": lambda asked: asked.answer(YES),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_answer(ask, what):
    done = ask(HOSTILE[what], payload="-" if what == "YES to no stamp" else "AQ")
    equal(done.status, 3, f"{done.out} {done.err}")
    check(done.out.startswith("temperror"), done.out)


def test_an_answer_of_another_question(ask):
    earlier = []

    def replay(asked):
        earlier.append(asked.answer(YES))
        return earlier[0]

    equal(ask(replay).out, "YES stamped\n")
    check(ask(replay).out.startswith("temperror"), "a replayed answer")


def test_another_key(ask):
    """Who is in the way of the service has another key."""
    done = ask(lambda asked: asked.answer(YES), key=Key("answer"))
    check(done.out.startswith("temperror"), done.out)


def test_check_says_how_it_asked(verimail):
    service = Service(Key("answer"), lambda asked: asked.answer(b"NO unstamped"))
    message = b"From: alice@example.org\r\n\r\nHello\r\n"
    try:
        configure(verimail, service)
        contains(verimail.run("check", "--explain", given=message).out,
                 "channel: sealed and authenticated\n")
        got = verimail.run("check", "--json", given=message).json
        equal((got["verdict"], got["channel"], got["authenticated"]), ("NO", "sealed", True), got)
    finally:
        service.stop()
