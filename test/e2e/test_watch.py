# SPDX-License-Identifier: ISC
"""`verimail watch`: events as they come."""
import json
import os
import pty
import re
import signal
import subprocess

from harness.checks import WAIT_LIMIT, check, equal, wait_for
from harness.eventstore import (HOSTILE, PROGRAM, SCALE, add, add_mail, event, mail_path, message,
                                new_store, now, tamper)


class Watch:
    """One that runs; its lines are in `out`, its complaints in `err`."""

    def __init__(self, case, *arguments, stdout=None):
        self.out, self.err = (os.path.join(case.folder, f"watch{len(case.processes)}.{x}")
                              for x in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [PROGRAM, "-c", os.path.join(case.folder, "report.conf"), "watch", "--width", "1000",
                 *arguments],
                stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=err)
        case.processes.append(self.process)

    def lines(self, path=None):
        with open(path or self.out, encoding="ascii") as file:
            return file.read().splitlines()

    def wait_lines(self, count):
        wait_for(lambda: len(self.lines()) >= count, f"{count} lines")
        equal(len(self.lines()), count, "lines")
        return self.lines()

    def _naps(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"\nvoluntary_ctxt_switches:\t(\d+)", file.read())[1])

    def wait_looks(self, count):
        """Until it has looked for events so often, after each of which it sleeps."""
        target = self._naps() + count
        wait_for(lambda: self._naps() >= target, f"{count} looks")

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(WAIT_LIMIT)


def users(lines):
    return [line.split()[6].partition("@")[0] for line in lines]


def test_watch_follows(case):
    path = new_store(case)
    add(path, [event(user=f"u{i}@example.org") for i in range(25)])
    watch = Watch(case)
    more = Watch(case, "-n", "0")
    equal(users(watch.wait_lines(10)), [f"u{i}" for i in range(15, 25)])
    for i in range(25, 30):
        add(path, [event(user=f"u{i}@example.org")])
    equal(users(watch.wait_lines(15)), [f"u{i}" for i in range(15, 30)])
    check(len(more.lines()) <= 5, more.lines())
    add(path, [event(user=f"v{i}@example.org") for i in range(3000)])
    equal(users(watch.wait_lines(3015))[15:], [f"v{i}" for i in range(3000)])
    equal((watch.stop(), more.stop(signal.SIGTERM), watch.lines(watch.err)), (0, 0, []))


def test_watch_filters(case):
    path = new_store(case)
    rows = [event(verdict=verdict, reason=SCALE[verdict][0], user=user)
            for verdict in SCALE for user in ("alice@example.org", "Alice@example.com",
                                              "alicia@example.org", "%@example.org")]
    add(path, rows)
    table = (
        (("--verdict", "NO"), 4), (("--verdict", "no,ALLOW"), 8), (("--verdict", "YES,YES"), 4),
        (("--user", "alice"), 6), (("--user", "ALICE@example.org"), 3), (("--user", "%"), 3),
        (("--domain", "example.com"), 3), (("--domain", "example.net"), 0),
        (("--domain", "example.org", "--user", "alice", "--verdict", "ALLOW"), 1), ((), 12),
    )
    watches = [(arguments, count, Watch(case, "-n", "100", *arguments)) for arguments, count in table]
    for arguments, count, watch in watches:
        watch.wait_lines(count)
    add(path, rows)
    for arguments, count, watch in watches:
        watch.wait_lines(2 * count)
        equal(watch.stop(), 0, arguments)


def test_both_records_in_the_order_of_time(case):
    path = new_store(case, mail=True)
    start = now() - 60000
    add(path, [event(start + 2 * i, user=f"e{i}@example.org") for i in range(20)])
    add_mail(mail_path(path), [message(start + 2 * i + 1, author=f"m{i}@example.org")
                               for i in range(20)])
    watch = Watch(case, "-n", "6")
    equal(users(watch.wait_lines(6)), ["e17", "m17", "e18", "m18", "e19", "m19"])
    wait_for(lambda: " in " in watch.lines()[1] and " asked " in watch.lines()[0], "both kinds")
    # What is recorded later and happened earlier goes first, if it is within the second.
    moment = now() + 2000
    add(path, [event(moment, user="late@example.org")])
    add_mail(mail_path(path), [message(moment - 900, author="early@example.org"),
                               message(moment - 500, "out", "stamped", "none", "",
                                       "middle@example.org", source="", service="")])
    equal(users(watch.wait_lines(9))[6:], ["early", "middle", "late"])
    equal(watch.stop(), 0)
    table = (
        (("--user", "m3@example.org"), 1), (("--user", "middle"), 1), (("--verdict", "YES"), 42),
        (("--domain", "example.org"), 43), (("--verdict", "temperror"), 0),
    )
    for arguments, count in table:
        watch = Watch(case, "-n", "100", *arguments)
        watch.wait_looks(2)
        watch.wait_lines(count)
        equal(watch.stop(), 0, arguments)


def test_one_record_that_is_not_there_yet(case):
    path = new_store(case, mail=True)
    os.remove(mail_path(path))
    add(path, [event(user="first@example.org")])
    watch = Watch(case)
    watch.wait_lines(1)
    add_mail(mail_path(path), [message(author="second@example.org")])
    equal(users(watch.wait_lines(2)), ["first", "second"])
    equal((watch.stop(), watch.lines(watch.err)), (0, []))


def test_the_width(case):
    path = new_store(case)
    add(path, [event(user="a" * 60 + "@example.org", receiving="b" * 60 + ".example")])
    for arguments, most in (((), 80), (("--width", "120"), 120)):
        done = subprocess.Popen([PROGRAM, "-c", os.path.join(case.folder, "report.conf"), "watch",
                                 *arguments], stdout=subprocess.PIPE)
        case.processes.append(done)
        lines = []
        while not lines or not lines[-1].endswith("ms"):
            lines.append(done.stdout.readline().decode("ascii").rstrip("\n"))
        check(all(len(line) <= most for line in lines), lines)
        check("a" * 60 + "@example.org" in "".join(x.strip() for x in lines), lines)
        done.send_signal(signal.SIGINT)
        equal(done.wait(WAIT_LIMIT), 0)
        done.stdout.close()


def test_watch_is_safe_to_look_at(case):
    path = new_store(case)
    add(path, [event(user=user, host=user, receiving=user, ip=user) for user in HOSTILE])
    tamper(path, HOSTILE)
    watch, as_json = Watch(case), Watch(case, "--json")
    for line in watch.wait_lines(len(HOSTILE)):
        check(re.fullmatch("[ -~]+", line), repr(line))
    found = [json.loads(line) for line in as_json.wait_lines(len(HOSTILE))]
    equal([f["user"] for f in found], list(HOSTILE))
    equal(set(found[0]), {"record", "id", "time", "verdict", "reason", "would_be", "cause", "user",
                          "domain", "host", "receiving", "ip", "asker", "stamp", "issued", "digest",
                          "listed", "channel", "ms"})
    equal((watch.stop(), as_json.stop()), (0, 0))
    shown = in_terminal_for(case, len(HOSTILE))
    check("\033[32m YES" in shown and "\033[2J" not in shown, shown)


def in_terminal_for(case, count):
    ours, theirs = pty.openpty()
    watch = Watch(case, stdout=theirs)
    os.close(theirs)
    octets = b""
    while octets.count(b"\n") < count:
        octets += os.read(ours, 65536)
    equal(watch.stop(), 0)
    os.close(ours)
    return octets.decode("ascii")


def test_watch_ends_with_its_reader(case):
    add(new_store(case), [event()] * 20000)
    for read_some in (True, False):
        ours, theirs = os.pipe()
        watch = Watch(case, "-n", "20000", stdout=theirs)
        os.close(theirs)
        if read_some:
            os.read(ours, 1000)
        os.close(ours)
        equal((watch.process.wait(WAIT_LIMIT), watch.lines(watch.err)), (0, []))
    ours, theirs = os.pipe()
    watch = Watch(case, "-n", "20000", stdout=theirs)
    os.close(theirs)
    os.read(ours, 1000)  # it waits for more to be read, in vain
    equal((watch.stop(), watch.lines(watch.err)), (0, []))
    os.close(ours)


def test_watch_waits_for_a_store_that_is_away(case):
    path = new_store(case)
    add(path, [event(user=f"old{i}@example.org") for i in range(5)])
    watch = Watch(case)
    watch.wait_lines(5)
    os.rename(path, path + ".away")
    wait_for(lambda: watch.lines(watch.err), "a complaint")
    watch.wait_looks(3)
    equal(len(watch.lines(watch.err)), 1, "complaints")
    check(watch.lines(watch.err)[0].endswith("waiting for it"), watch.lines(watch.err))
    check(watch.process.poll() is None, "it ended")
    os.rename(path + ".away", path)
    add(path, [event(user="new0@example.org")])
    equal(users(watch.wait_lines(6))[5:], ["new0"])
    for end in ("", "-wal", "-shm"):  # what is left in the last two would be read again
        if os.path.exists(path + end):
            os.rename(path + end, path + ".old" + end)
    new_store(case)
    add(path, [event(user="anew@example.org")])
    equal(users(watch.wait_lines(7))[6:], ["anew"])
    equal(watch.stop(), 0)
