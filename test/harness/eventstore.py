# SPDX-License-Identifier: ISC
"""A record of events as the recorder makes it, filled by the test, and the program that reads it."""
import contextlib
import json
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

FILL = os.path.abspath(os.path.join(BUILD, "test/e2e/fillrecord"))
PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))
DAY = 86400000
EVENTS = 30000
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


def new_store(case, mail=False):
    """An empty record of the service, and one of the milter if it is wanted, as the recorder makes
    them, and a configuration that names them. Returns the path of the first."""
    path = os.path.join(case.world.state, "events.db")
    milter = f"""milter {{ socket = "unix:{case.folder}/milter.sock" state = "{case.world.state}" }}
verify {{ authserv_id = "mx.example.org" }}
"""
    add(path, [])
    if mail:
        add_mail(mail_path(path), [])
    write_file(os.path.join(case.folder, "report.conf"),
               case.world.config(record='store = "sqlite"', more=milter if mail else ""), 0o644)
    return path


def mail_path(path):
    return path.replace("events.db", "mail.db")


def fill(path, table, rows):
    done = subprocess.run([FILL, f"sqlite:{path}", table], input=json.dumps(rows).encode(),
                          check=False, capture_output=True, timeout=WAIT_LIMIT)
    equal((done.returncode, done.stderr), (0, b""), "fillrecord")


def add(path, rows):
    fill(path, "event", rows)


def add_mail(path, rows):
    fill(path, "mail", rows)


def event(at=None, verdict="YES", reason="stamped", user="alice@example.org",
          host="mail.example.org", receiving="example.net", ip="192.0.2.1", listed=1, would_be="",
          cause="", stamp="", issued=0, digest=""):
    return {"time": now() if at is None else at, "verdict": verdict, "reason": reason,
            "would_be": would_be, "cause": cause, "user": user, "host": host,
            "receiving": receiving, "ip": ip, "asker": "198.51.100.1", "stamp": stamp,
            "issued": issued, "digest": digest, "listed": listed, "ms": 3}


def message(at=None, direction="in", action="passed", verdict="YES", reason="stamped",
            author="jane@example.com", queue="4cXyZ1", would_be="", login="", source="service",
            service="192.0.2.7:26", lookup="", ms=12):
    return {"time": now() if at is None else at, "direction": direction, "action": action,
            "would_be": would_be, "verdict": verdict, "reason": reason, "author": author,
            "queue": queue, "message": "1@example.com", "login": login, "ip": "203.0.113.9",
            "receiving": "example.org", "source": source, "service": service, "lookup": lookup,
            "ms": ms}


def tamper(path, users):
    """What somebody may write into the file: users with any octets, by the order of their rows."""
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        for i, user in enumerate(users):
            store.execute('UPDATE event SET "user" = ? WHERE id = (SELECT id FROM event ORDER BY id '
                          "LIMIT 1 OFFSET ?)", (user, i))


def shown(text):
    """A text as the record has it: what is not printable ASCII is %XX."""
    return "".join(chr(c) if 32 <= c < 127 else f"%{c:02X}" for c in text.encode())


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
