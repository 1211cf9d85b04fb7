# SPDX-License-Identifier: ISC
"""`verimail check --milter`: a message for a milter, as a mail server gives it."""
import json
import os
import socket
import subprocess

import pytest

from harness.addresses import STRANGER
from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.daemon import BUILD
from harness.mailsite import Site

VERIMAIL = os.path.join(BUILD, "src/command/verimail")
MESSAGE = (b"From: alice@origin.test\nTo: bob@receiver.test\nSubject: a\n b\n"
           b"Date: Mon, 30 Nov 2026 18:00:00 +0000\nMessage-ID: <1@x>\n\nhello\n\nworld\n")
DAMAGED = b"From: alice@origin.test\nthis is no field\n\nhello\n"


def ask(where, octets, *options):
    """The exit status, standard output and standard error."""
    done = subprocess.run([VERIMAIL, "check", "--milter", where, *options], input=octets,
                          capture_output=True, timeout=WAIT_LIMIT, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class MilterSite(Site):
    def __init__(self, case):
        super().__init__(case, service=True)
        self.milters = [self.milter("origin"), self.milter("receiver")]

    def origin(self, octets, *options):
        return ask("unix:" + self.socket("origin"), octets, "--mail-from", "alice@origin.test",
                   "--rcpt", "bob@receiver.test", *options)

    def receiver(self, octets, *options):
        return ask("unix:" + self.socket("receiver"), octets, "--ip", STRANGER, "--rcpt",
                   "bob@receiver.test", *options)

    def stamped(self, octets=MESSAGE, *options):
        status, out, error = self.origin(octets, "--ip", "127.0.0.1", "--json", *options)
        equal(status, 0, error)
        stamp = json.loads(out)["edits"][0]
        equal((stamp["edit"], stamp["name"]), ("on-top", "Verimail"))
        return b"Verimail: " + stamp["value"].encode() + b"\n" + octets


@pytest.fixture(name="site")
def fixture_site(case):
    return MilterSite(case)


def test_what_a_milter_does(site):
    genuine = site.stamped()
    for octets in (genuine, genuine.replace(b"\n", b"\r\n"), b"From x Mon Nov 30\n" + genuine):
        status, out, error = site.receiver(octets)
        equal((status, error), (0, ""), out)
        contains(out, "action    accept\n")
        contains(out, "on-top    Authentication-Results: mx.receiver.test; verimail=pass")
    for octets, wanted, said in (
            (MESSAGE, 1, "action    reject: 550 5.7.1 origin.test says that it did not send"),
            (genuine.replace(b"world", b"word"), 2, "verimail=neutral"),
            (DAMAGED, 1, "reject: 550 5.7.1 This message has a line in its header section"),
            (MESSAGE.replace(b"alice@origin.test", b"x@elsewhere.test"), 4, "action    accept\n"),
            (b"Authentication-Results: mx.receiver.test; verimail=pass\n" + genuine, 0,
             "removed   Authentication-Results number 1\n")):
        status, out, error = site.receiver(octets)
        equal((status, error), (wanted, ""), out)
        contains(out, said)


def test_who_is_said_to_send(site):
    for options, wanted in (((), 0), (("--ip", "127.0.0.1"), 1), (("--ip", STRANGER), 0),
                            (("--login", "alice@origin.test"), 1),
                            (("--login", "alice@origin.test", "--ip", STRANGER), 1)):
        _, out, error = site.origin(MESSAGE, *options)
        equal((out.count("on-top    Verimail:"), error), (wanted, ""), f"{options}: {out}")
    status, out, _ = site.origin(MESSAGE, "--login", "bob@origin.test")
    equal(status, 1, out)
    contains(out, "550 5.7.1 The address in From is not one that your login may use")
    large = site.stamped(MESSAGE + b"0123456789\n" * 500000)
    equal(site.receiver(large)[0], 0)


def test_a_milter_that_does_not_answer(case):
    path = os.path.join(case.folder, "mute")
    status, out, error = ask("unix:" + path, MESSAGE)
    equal((status, out), (75, ""))
    contains(error, f"unix:{path}: cannot connect: No such file or directory")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(path)
        contains(ask("unix:" + path, MESSAGE)[2], "cannot connect: Connection refused")
        mute.listen()
        status, out, error = ask("unix:" + path, MESSAGE, "--timeout", "1")
        equal((status, out), (75, ""))
        contains(error, "no answer in time")


def test_what_it_is_asked(case):
    for options, said in ((("--timeout", "0"), "--timeout 0: expected seconds, 1 to 3600"),
                          (("--timeout", "1x"), "--timeout 1x: expected"),
                          (("--explain",), "a milter does not say what --explain prints"),
                          (("--ip", "localhost"), "--ip localhost: expected")):
        status, _, error = ask("unix:" + case.folder, MESSAGE, *options)
        equal(status, 64, error)
        contains(error, said)
    status, _, error = ask("/run/x", MESSAGE)
    equal(status, 75, error)
    check("want unix:/path" in error, error)
    done = subprocess.run([VERIMAIL, "check", "--login", "x"], input=MESSAGE, capture_output=True,
                          timeout=WAIT_LIMIT, check=False)
    equal(done.returncode, 64)
    contains(done.stderr.decode(), "--login, --daemon and --timeout need --milter")
