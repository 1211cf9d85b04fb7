# SPDX-License-Identifier: ISC
"""verimail ask: against servers that answer well, badly, slowly or not at all."""
import contextlib
import re
import socket
import threading
import time

import pytest

from harness.checks import LATE, WAIT_LIMIT, check, contains, equal
from harness.commandline import one_line


class Server:
    """Takes one connection and lets `talk` have it; `line` is what came first."""

    def __init__(self, talk, read=True, family=socket.AF_INET):
        self.line = None
        self.done = threading.Event()
        self._socket = socket.socket(family)
        self._socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self._socket.listen()
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(talk, read), daemon=True)
        self._thread.start()

    def _serve(self, talk, read):
        with contextlib.suppress(OSError):
            client, _ = self._socket.accept()
            with client:
                self.line = client.makefile("rb").readline() if read else b""
                talk(client, self.done)

    def end(self):
        self.done.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(WAIT_LIMIT)


def ask(verimail, talk, *arguments, question=("alice@example.org", "AQ"), **how):
    server = Server(talk, **how)
    try:
        done = verimail.run("ask", "--server", f"127.0.0.1:{server.port}", *question, *arguments,
                            config=None)
    finally:
        server.end()
    done.question = server.line
    return done


def say(*pieces):
    def talk(client, _):
        for piece in pieces:
            client.sendall(piece)
    return talk


def test_ask_sends_one_line(verimail):
    digest = "A" * 43
    for arguments, question, line in (
            ([], ("alice", "AQ"), b"alice AQ\r\n"),
            ([], ("alice@example.org", "AQ_-z"), b"alice@example.org AQ_-z\r\n"),
            (["--rcpt", "B.example,\u00fc.example"], ("a@b.c", "AQ"),
             b"a@b.c AQ rcpt=b.example,xn--tda.example\r\n"),
            (["--ip", "::1", "--digest", digest, "--rcpt=*"], ("a@b.c", "AQ"),
             b"a@b.c AQ rcpt=* digest=" + digest.encode() + b" ip=::1\r\n")):
        done = ask(verimail, say(b"YES\r\n"), *arguments, question=question)
        equal((done.question, done.status, done.out), (line, 0, "YES\n"))
    done = ask(verimail, say(b"NO\r\n"), question=("alice", "-"))
    equal((done.question, done.status, done.out), (b"alice -\r\n", 1, "NO\n"))
    for arguments, question in (([], ("a b", "-")), ([], ("a@b.c", "x y")), ([], ("a@b.c", "")),
                                (["--rcpt", "a b"], ("a", "-")), (["--ip", "x"], ("a", "-")),
                                (["--digest", "x"], ("a", "-")), (["--rcpt", ""], ("a", "-"))):
        done = verimail.run("ask", "--server", "127.0.0.1:1", *question, *arguments, config=None)
        equal((done.status, done.octets), (65, b""), str(question))
        one_line(done)


@pytest.mark.parametrize("pieces, status, text, fields", [
    ([b"YES stamped\r\n"], 0, "YES stamped", {"verdict": "YES", "reason": "stamped"}),
    ([b"N", b"O", b"\r", b"\n"], 1, "NO", {"verdict": "NO"}),
    ([b"NO unstamped ttl=300 scope=domain later=1\r\n"], 1,
     "NO unstamped ttl=300 scope=domain",
     {"verdict": "NO", "reason": "unstamped", "ttl": 300, "scope": "domain"}),
    ([b"ALLOW changed\r\n"], 2, "ALLOW changed",
     {"verdict": "ALLOW", "reason": "changed"}),
    ([b"YES of_later_days ttl=60\r\n"], 0, "YES", {"verdict": "YES"}),
    ([b"NO because\r\n"], 1, "NO", {"verdict": "NO"})
])
def test_ask_prints_the_answer(verimail, pieces, status, text, fields):
    done = ask(verimail, say(*pieces))
    equal((done.status, done.out, done.err), (status, text + "\n", ""))
    done = ask(verimail, say(*pieces), "--json")
    equal((done.status, done.json), (status, fields))


@pytest.mark.parametrize("octets, shown", [
    (b"YES", "YES"),
    (b"YES\n", "YES\\x0a"),
    (b"yes\r\n", "yes\\x0d\\x0a"),
    (b"YES changed\r\n", "YES changed"),
    (b"YES\r\nNO\r\n", "YES\\x0d\\x0aNO"),
    (b"YES stamped ttl=1 ttl=1\r\n", "ttl=1 ttl=1"),
    (b"220 mx ESMTP\r\n", "220 mx ESMTP"),
    (b"\x1b[2J\xff\0\r\n", "\\x1b[2J\\xff\\x00"),
    (b"NO " * 1000, "NO NO"),
    (b"YES stamped" + b" x=y" * 200 + b"\r\n", "YES stamped x=y")
])
def test_ask_takes_nothing_else_for_an_answer(verimail, octets, shown):
    done = ask(verimail, say(octets))
    equal(done.status, 3, repr(octets))
    check(re.fullmatch(r"temperror [\d.:]+: the reply is not an answer: [ -~]+\n", done.out),
          done.out)
    contains(done.out, shown)
    done = ask(verimail, say(octets), "--json")
    equal((done.status, done.json["verdict"]), (3, "temperror"))
    contains(done.json["cause"], "not an answer")


def test_ask_takes_no_yes_without_a_payload(verimail):
    for octets in (b"YES\r\n", b"YES stamped\r\n", b"YES of_later_days\r\n"):
        done = ask(verimail, say(octets), question=("alice@example.org", "-"))
        equal(done.status, 3, octets)
        contains(done.out, "the reply is not an answer")


def test_ask_says_why_there_is_no_answer(verimail):
    done = ask(verimail, say())
    equal((done.status, done.out.split(": ")[1]), (3, "closed without an answer\n"))

    def reset(client, _):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    done = ask(verimail, reset)
    equal(done.status, 3)
    check(done.out.startswith("temperror 127.0.0.1:"), done.out)

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        done = verimail.run("ask", "--server", f"127.0.0.1:{port}", "a", "-", config=None)
    equal(done.status, 3)
    contains(done.out, "no connection: Connection refused")
    done = verimail.run("ask", "--server", "name.invalid:26", "a", "-", "--json", config=None)
    equal((done.status, done.json["verdict"]), (3, "temperror"))
    contains(done.json["cause"], "its address cannot be found")


def test_ask_finds_names_and_ipv6(verimail):
    server = Server(say(b"YES\r\n"))
    done = verimail.run("ask", "--server", f"localhost:{server.port}", "a", "AQ", config=None)
    server.end()
    equal((done.status, done.out), (0, "YES\n"))
    try:
        server = Server(say(b"YES\r\n"), family=socket.AF_INET6)
    except OSError:
        return  # a machine without IPv6
    done = verimail.run("ask", "--server", f"[::1]:{server.port}", "a", "AQ", config=None)
    server.end()
    equal((done.status, done.out), (0, "YES\n"))


def test_ask_takes_five_seconds_and_no_more(verimail):
    def trickle(client, done):
        for octet in b"YES stamped\r\n":
            client.sendall(bytes([octet]))
            if done.wait(1):
                return

    def half(client, done):
        client.sendall(b"YES")
        done.wait(WAIT_LIMIT)

    def whole(client, done):
        client.sendall(b"YES stamped\r\n")  # but no end
        done.wait(WAIT_LIMIT)

    results = []

    def one(talk, read):
        before = time.monotonic()
        done = ask(verimail, talk, read=read)
        results.append((talk.__name__, time.monotonic() - before, done))

    def silent(_, done):
        done.wait(WAIT_LIMIT)

    talks = ((trickle, True), (half, True), (whole, True), (silent, False))
    threads = [threading.Thread(target=one, args=talk) for talk in talks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(len(results), len(talks))
    for name, seconds, done in results:
        equal(done.status, 3, name)
        contains(done.out, "no answer in time")
        check(4.9 < seconds < 5 + LATE, f"{name}: {seconds} s")
