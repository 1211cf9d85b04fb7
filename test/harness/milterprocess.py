# SPDX-License-Identifier: ISC
"""A verimail-milter without a mail server, and sessions with it."""
import contextlib
import os
import pwd
import re
import signal
import sqlite3
import time

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import Daemon
from harness.dnsserver import DnsServer
from harness.keys import Key
from harness.milterclient import MilterClient

NOBODY = pwd.getpwnam("nobody")
TO = [("To", " bob@receiver.test"), ("Subject", " s")]
HEADER = [("From", " alice@origin.test"), *TO]
PROMPT = 4  # seconds; libmilter notices signals after five if no connection comes


class MilterSite:
    """What a milter reads, in a folder that everybody may pass through."""

    def __init__(self, case):
        self.t = case
        os.chmod(os.path.dirname(case.folder), 0o711)
        os.chmod(case.folder, 0o711)
        self.dns = DnsServer({})
        case.servers.append(self.dns)
        self.key = Key("host").write(self.path("host.key"))
        self.service_key = Key("service").public_text()
        self.socket = self.path("s")
        self.state = self.path("state")
        os.makedirs(self.state, 0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.state, NOBODY.pw_uid, NOBODY.pw_gid)

    def path(self, name):
        return os.path.join(self.t.folder, name)

    def stamp(self, key=None):
        return f"""
stamp {{ host = "mx.origin.test" key = "{key or self.key}" domains = {{"origin.test"}}
        service_key = "{self.service_key}" }}"""

    def verify(self, more=""):
        return f"""
verify {{ authserv_id = "mx.origin.test" trust_anchors = {{}} {more}
         resolver = "127.0.0.1@{self.dns.port}" }}"""

    def config(self, milter="", stamp=None, verify=None, where=None, run_as="nobody"):
        mode = "" if "socket_mode" in milter else "socket_mode = 0666"
        state = "" if re.search(r"\bstate\b", milter) else f'state = "{self.state}"'
        return ((self.stamp() if stamp is None else stamp) +
                (self.verify() if verify is None else verify) + f"""
milter {{ socket = "{where or 'unix:' + self.socket}" run_as = "{run_as}" {mode} {state}
        {milter} }}
""")

    def start(self, config=None, **how):
        return Daemon(self.t, self.config() if config is None else config,
                      program="verimail-milter", **how)

    def refuse(self, config=None, status=1, **how):
        """A start that fails: the log."""
        d = self.start(config, ready=False, **how)
        equal(d.process.wait(WAIT_LIMIT), status, f"the exit status: {d.text()}")
        equal(d.count("event=ready"), 0, "ready")
        check(d.count("event=not-started") >= 1, d.text())
        return d.text()


def mail_record(folder, query):
    """All rows of a query to the milter's record in its state folder; none while there is no store."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{folder}/mail.db?mode=ro", uri=True)) as store:
            return store.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        check("unable to open" in str(error) or "no such table" in str(error), error)
        return []


def from_elsewhere(client, author, more=()):
    client.message([("From", f" {author}"), *TO, *more], b"text\r\n", sender=f"<{author}>")


def session(site, where=None, address="127.0.0.1"):
    client = MilterClient(where or site.socket)
    client.connect(address)
    return client


def stamps(client):
    """How many stamps a message of alice's gets."""
    return len(client.message(HEADER, b"text\r\n", sender="<alice@origin.test>").stamps())


def serves(site, wanted=1, where=None):
    with session(site, where) as client:
        equal(stamps(client), wanted, "stamps")


def only_child(d):
    return d.wait_workers(1)[0]


def status_of(pid, thread=None):
    with open(f"/proc/{pid}/task/{thread or pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def ended(pid):
    return not os.path.exists(f"/proc/{pid}") or status_of(pid)["State"].startswith("Z")


def stops(d, signum=signal.SIGTERM, limit=PROMPT):
    begin = time.monotonic()
    child = only_child(d)
    equal(d.stop(signum), 0, "the exit status")
    took = time.monotonic() - begin
    check(took < limit, f"it took {took:.1f} s to end")
    check(ended(child), "the milter process is still there")
    check(d.lines("event=stopping") and d.lines("event=stopped"), d.text())
