# SPDX-License-Identifier: ISC
"""A record of events as the recorder makes it, filled by the test, and the program that reads it."""
import contextlib
import os
import pty
import random
import sqlite3
import struct
import subprocess
import termios
import time

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD
from harness.files import write_file

PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))
DAY = 86400000
EVENTS = 30000
COLUMNS = ("time", "verdict", "reason", "would_be", "cause", '"user"', "domain", "host", "receiving",
           "ip", "asker", "stamp", "issued", "digest", "listed", "ms")
LONG = "x" * 60
HOSTILE = (
    "<script>alert(1)</script>@example.org",
    "\"><img/src=x/onerror=alert(1)>@example.org",
    "'&amp;</title></style><!--@example.org",
    f"{LONG}@{LONG}.example.org",
    "\x1b[2J\x1b]0;owned\x07@example.org",
    "a\u202eb\u2066c\u200f@example.org",
    "\x9b31m\x00\r\n@example.org",
    "%s%n%s@example.org",
    "",
)
SCALE = {"YES": ("stamped",), "NO": ("unstamped", "unstamped", "unstamped", "forged", "refused"),
         "ALLOW": ("changed", "changed", "redirected", "replayed", "expired", "unstamped")}


# Stores


def now():
    return int(time.time() * 1000)


def new_store(case):
    """An empty store, as the recorder makes it, and a configuration that names it."""
    path = os.path.join(case.world.state, "events.db")
    config = case.world.config(record='store = "sqlite"')
    daemon = case.daemon(config)
    daemon.stop()
    check(os.path.exists(path), f"{path} was not made")
    write_file(os.path.join(case.folder, "report.conf"), config, 0o644)
    return path


def add(path, rows):
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.executemany(f"INSERT INTO event ({', '.join(COLUMNS)}) VALUES "
                          f"({', '.join('?' * len(COLUMNS))})", rows)


def event(at=None, verdict="YES", reason="stamped", user="alice@example.org",
          host="mail.example.org", receiving="example.net", ip="192.0.2.1", listed=1, would_be="",
          stamp="", issued=0, digest=""):
    return (now() if at is None else at, verdict, reason, would_be, "", user, user.rpartition("@")[2],
            host, receiving, ip, "198.51.100.1", stamp, issued, digest, listed, 3)


def some_event(chance, at):
    verdict = chance.choices(list(SCALE), (70, 22, 8))[0]
    listed = verdict != "NO" or chance.random() < 0.5
    user = f"user{int(chance.paretovariate(0.6)) % 3000}@example.{chance.choice(('org', 'com'))}"
    host = "" if verdict == "NO" else f"mail{chance.randrange(3)}.example.org"
    if verdict != "NO" and at > now() - 3 * DAY:
        host = chance.choice((host, host, "new.example.org"))
    ip = chance.choice((f"203.0.{int(chance.paretovariate(0.7)) % 256}.{chance.randrange(256)}",
                        f"2001:db8:{chance.randrange(9):x}:{chance.randrange(65536):x}::1", ""))
    receiving = f"mx{int(chance.paretovariate(0.7)) % 400}.example"
    if chance.random() < 0.1:
        receiving += ",second.example"
    return event(at, verdict, chance.choice(SCALE[verdict]), user, host, receiving, ip, int(listed))


def full_store(case):
    """Forty days of a busy domain, in which strangers did what they can."""
    path = new_store(case)
    chance = random.Random(4)
    end = now()
    rows = [some_event(chance, end - 40 * DAY + i * 40 * DAY // EVENTS) for i in range(EVENTS)]
    for i, user in enumerate(HOSTILE):
        for verdict, reason in (("NO", "unstamped"), ("ALLOW", "replayed")):
            rows += [event(end - 1000, verdict, reason, user, f"<b>{user}", f"{user},<i>'\"&",
                           user, 0)] * (160 - i)
    add(path, rows)
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("INSERT INTO event_gap VALUES (?, ?, ?)", (end - DAY, 1234567, 89))
    return path


def rows_of(path, sql, *values):
    with contextlib.closing(sqlite3.connect(path)) as store:
        return store.execute(sql, values).fetchall()


# The program


def run(case, *arguments, config="report.conf", **environment):
    return subprocess.run(
        [PROGRAM, "-c", os.path.join(case.folder, config), *arguments], cwd=case.folder, timeout=WAIT_LIMIT,
        check=False, capture_output=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **environment})


def good(done):
    equal((done.returncode, done.stderr), (0, b""), "status")
    return done.stdout


def report(case, *arguments, **environment):
    return good(run(case, "report", *arguments, **environment))


def in_terminal(case, *arguments, **environment):
    """What the program writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 100)) if hasattr(termios, "tcsetwinsize") else \
        __import__("fcntl").ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    with subprocess.Popen([PROGRAM, "-c", os.path.join(case.folder, "report.conf"), *arguments],
                          stdout=theirs, env={"LC_ALL": "C", **environment}) as process:
        os.close(theirs)
        octets = b""
        with contextlib.suppress(OSError):  # that is how a terminal ends
            while more := os.read(ours, 65536):
                octets += more
        os.close(ours)
        equal(process.wait(), 0, "status")
    return octets.decode("ascii")
