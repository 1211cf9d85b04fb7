# SPDX-License-Identifier: ISC
"""verimail why: what became of a message, joined from the records of both ends, and the line to change."""
import contextlib
import os
import re
import sqlite3
import subprocess

import pytest

from harness.checks import WAIT_LIMIT, check, contains, equal, wait_for
from harness.commandline import Ended
from harness.daemon import BUILD
from harness.files import write_file
from harness.keys import Key
from harness.milterclient import MilterClient
from harness.milterprocess import NOBODY
from harness.programs import free_port

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the daemons give up root's rights")

CONFIG = """service {{
    listen = {{"127.0.0.1:{port}"}}
    run_as = "nobody"
    state = "{state}"
    keys = {{"{service}"}}
    replay = "none"
    workers = 1
}}
record {{ store = {store} ip = full }}
host "mx.example.org" {{ keys = {{"{public}"}} }}
domain "example.org" {{
    hosts = {{"mx.example.org"}}
    ttl = 300s
    user "alice" {{ }}
    user "bob" {{ allow_unauthorized = true }}
    user "carol" {{ hosts = {{}} }}
}}
stamp {{
    host = "mx.example.org"
    key = "{host}"
    service_key = "{service_public}"
    domains = {{"example.org"}}
}}
verify {{
    authserv_id = "mx.example.org"
    trust_anchors = {{}}
    resolver = "127.0.0.1@9"
    {verify}
}}
peer "example.org" {{ address = "127.0.0.1:{port}" }}
milter {{
    socket = "unix:{socket}"
    socket_mode = 0666
    run_as = "nobody"
    state = "{state}"
    logins = "same"
}}
"""


class Site:
    """Service and milter by one file, which the tests of this module share."""

    def __init__(self, case, verify="", store='"sqlite"', start=True):
        self.case = case
        os.chmod(case.folder, 0o711)
        host, service = Key("host"), Key("service")
        self.state, self.socket = self.path("records"), self.path("s")
        os.makedirs(self.state)
        os.chown(self.state, NOBODY.pw_uid, NOBODY.pw_gid)
        text = CONFIG.format(
            port=free_port(), state=self.state, store=store, verify=verify, socket=self.socket,
            service=service.write(self.path("service.key")), host=host.write(self.path("host.key")),
            public=host.public_text(), service_public=service.public_text())
        self.config = self.path("verimail.conf")
        write_file(self.config, text, 0o644)
        if start:
            os.symlink(self.config, self.path("verimail1.conf"))
            self.service = case.daemon(text)
            self.milter = case.daemon(text, program="verimail-milter")

    def path(self, name):
        return os.path.join(self.case.folder, name)

    def send(self, queue, author, client="127.0.0.1", login=None, stamps=(), more=()):
        with MilterClient(self.socket) as milter:
            milter.connect(client)
            milter.mail(f"<{author}>", login=login)
            milter.rcpt("<dora@example.net>", queue=queue)
            fields = [("Verimail", " " + stamp) for stamp in stamps]
            fields += [("From", f" {author}"), ("Subject", " s"),
                       ("Message-ID", f" <{queue}@example.org>"),
                       ("Date", " Tue, 01 Dec 2026 05:00:00 +0000"), *more]
            for name, value in fields:
                milter.field(name, value)
            milter.header_end()
            milter.body(b"text\r\n")
            return milter.end()

    def line(self, text):
        with open(self.config, encoding="ascii") as file:
            lines = file.read().splitlines()
        (number,) = [i for i, line in enumerate(lines, 1) if line.strip().startswith(text)]
        return f"{self.config}:{number}: "

    def why(self, *arguments):
        done = subprocess.run([os.path.abspath(os.path.join(BUILD, "src/command/verimail")), "-c",
                               self.config, "why", *arguments], check=False, capture_output=True,
                              timeout=WAIT_LIMIT, stdin=subprocess.DEVNULL)
        return Ended(done.returncode, done.stdout, done.stderr.decode())

    def rows(self, name, table):
        path = os.path.join(self.state, name)
        if not os.path.exists(path):
            return 0
        with contextlib.closing(sqlite3.connect(path)) as store:
            try:
                return store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            except sqlite3.OperationalError:
                return 0

    def wait_recorded(self, mail, events):
        wait_for(lambda: self.rows("mail.db", "mail") >= mail and
                 self.rows("events.db", "event") >= events, "the records")

    def says(self, *arguments):
        done = self.why(*arguments)
        equal((done.status, done.err), (0, ""), done.out)
        check(re.fullmatch(r"[\n -~]+", done.out) and done.out.count("\n") < 24, done.out)
        return done.out


def test_a_message_is_explained_from_both_ends(case):
    s = Site(case)
    (stamp,) = s.send("OUT1", "alice@example.org").stamps()
    equal(s.send("OUT2", "alice@example.org", login="bob@example.org").answer, "y", "another login")
    equal(s.send("IN1", "alice@example.org", client="192.0.2.7").answer, "y", "unstamped")
    equal(s.send("IN2", "alice@example.org", client="192.0.2.7").answer, "y", "from the cache")
    equal(s.send("IN3", "alice@example.org", client="192.0.2.7", stamps=[stamp]).answer, "c",
          "another message with a stamp")
    (stamp,) = s.send("OUT3", "carol@example.org").stamps()
    equal(s.send("IN4", "carol@example.org", client="192.0.2.7", stamps=[stamp]).answer, "y")
    equal(s.send("IN5", "alice@example.org", client="192.0.2.7",
                 stamps=["alice@example.org " + "A" * 200]).answer, "y", "a forged one")
    s.wait_recorded(8, 4)

    out = s.says("OUT1")
    contains(out, "  queue id OUT1  Message-ID OUT1@example.org\n"
                  "    from alice@example.org to example.net, client 127.0.0.1\n"
                  "    going out: it was stamped\n")
    contains(out, ": ALLOW changed: the message is not the one that was stamped\n")
    contains(out, "    about alice@example.org stamped by mx.example.org for example.net, asked by 127.0.0.1\n")

    out = s.says("OUT2")
    contains(out, ", login bob@example.org, client 127.0.0.1\n    going out: not stamped, and rejected: "
                  "the login may not use this address in From\n"
                  f"    decided by {s.line('logins')}logins = \"same\"\n"
                  "    to change it: a line for it in the table of logins, if it may\n")

    out = s.says("IN1")
    contains(out, "    coming in: NO unstamped, and rejected\n    answered by 127.0.0.1:")
    contains(out, ", the peer of the configuration\n    decided by " + s.line("verify") +
             "verify { ... does not set on_no, and the default is reject\n")
    contains(out, ": NO unstamped: this user's mail must be stamped, and it was not\n")
    contains(out, "    decided by " + s.line('user "alice"') + 'user "alice" { } does not set '
                  "allow_unauthorized\n    to change it: send through a host that stamps")

    out = s.says("<IN2@example.org>")
    contains(out, "    the answer is one that the service gave earlier: it was still good\n")
    contains(out, ": NO unstamped: this user's mail must be stamped, and it was not\n")
    contains(out, "    the receiver kept this answer, and used it again\n")

    out = s.says("IN3@example.org")
    contains(out, "    coming in: ALLOW changed, and passed\n")
    contains(out, "    to change it: if nobody else should have changed it, stamp it behind what")

    out = s.says("carol@example.org")
    contains(out, "queue id IN4")
    contains(out, ": NO refused: this host must not send for the user\n")
    contains(out, "    decided by " + s.line('user "carol"') + "hosts = {}\n")

    out = s.says("IN5")
    contains(out, ": NO forged: no host of this service made the stamp\n")

    out = s.says("ALICE@example.org", "--since", "1h")
    contains(out, "There are more: ")
    check("OUT1" not in out, "what went wrong comes first")


def test_a_service_that_does_not_answer_and_a_mode_that_acts_on_nothing(case):
    s = Site(case, verify="mode = monitor")
    equal(s.send("IN1", "alice@example.org", client="192.0.2.7").answer, "c")
    s.wait_recorded(1, 1)
    out = s.says("IN1")
    contains(out, "    coming in: NO unstamped, and passed\n")
    contains(out, "    mode = monitor: it passed, and would have been rejected\n"
                  f"    decided by {s.line('mode')}mode = monitor\n")
    s.service.stop()
    s.send("IN2", "bob@example.org", client="192.0.2.7")
    s.wait_recorded(2, 1)
    out = s.says("IN2")
    contains(out, "    coming in: temperror no-answer, and passed: the domain's service did not answer\n"
                  "    the service was 127.0.0.1:")
    contains(out, "    to change it: if it lasts, tell the domain's postmaster")


@pytest.mark.parametrize("arguments, status, error", [
    ((), 64, "verimail help why"),
    (("x", "--since", "soon"), 64, "--since soon: expected a time"),
    (("NOSUCH",), 1, "NOSUCH: no record of it in this time."),
    (("nobody@example.org",), 1, "journalctl -u verimail-milter -g nobody@example.org"),
    (("\x1b[2J'; DROP TABLE mail",), 1, "no record of it"),
])
def test_what_has_no_record(case, arguments, status, error):
    s = Site(case)
    s.send("IN1", "alice@example.org", client="192.0.2.7")
    s.wait_recorded(1, 1)
    done = s.why(*arguments)
    equal((done.status, done.out), (status, ""))
    contains(done.err, error)
    check(re.fullmatch(r"[\n -~]+", done.err), done.err)


def test_nothing_is_recorded(case):
    s = Site(case, store='"none"', start=False)
    done = s.why("alice@example.org")
    equal((done.status, done.out), (78, ""))
    contains(done.err, 'store = "none"')


def test_a_record_that_was_never_made(case):
    done = Site(case, start=False).why("alice@example.org")
    equal((done.status, done.out), (66, ""))
    contains(done.err, "events.db")
