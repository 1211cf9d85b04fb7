# SPDX-License-Identifier: ISC
"""Replay counts in a file: what is asked about how often, whoever dies, and when the file or the
disk is not as it should be."""
import contextlib
import os
import random
import signal
import struct
import subprocess
import threading
import time

import pytest

from harness.checks import check, equal, wait_for
from harness.client import ask
from harness.daemon import BUILD, log_value
from harness.namespaces import apart, needs_root, unshare_mounts

YES = "YES stamped\r\n"
REPLAYED = "ALLOW replayed\r\n"
UNCOUNTED = "ALLOW uncounted\r\n"
FIRST_MAP = 64 << 20  # octets
REOPENED = 90  # seconds after which a file that could not be opened has been tried again
BEGUN_AT = 72  # where the mark says since when it counts: 8 octets
LOST = "event=replay-store-lost"
ALARM = "level=alarm event=alarm about=replay"


def counting(case, **how):
    """A configuration with the store that is the default; without a line for each question."""
    return case.world.config(service='log_level = "notice"', **how).replace('replay = "none"\n', "")


def state(case, name):
    return os.path.join(case.world.state, name)


def question(case, receiving="example.net:1", rcpt="example.net", issued=None, user="alice@example.org"):
    payload = case.world.payload(user=user, receiving=receiving, issued=issued)
    return f"{user} {payload}{' rcpt=' + rcpt if rcpt else ''}\r\n"


def fresh(case):
    """A question about a payload that is issued after whatever happened by now."""
    return question(case, issued=int(time.time()) + 5)


def exhaust(d, asked, allowance, yes=YES, replayed=REPLAYED):
    for i in range(allowance):
        equal(d.ask(asked), yes, f"time {i + 1}")
    for _ in range(3):
        equal(d.ask(asked), replayed, "once more")


def test_the_default_counts(case):
    d = case.daemon(counting(case))
    equal(log_value(d.wait_log("event=ready")[0], "replay"), "lmdb:" + state(case, "replay"))
    exhaust(d, question(case), 4)
    exhaust(d, question(case, "example.net:3"), 12)
    exhaust(d, question(case, "*:2", "example.com"), 8)
    exhaust(d, question(case, "example.net:1,example.com:1", None), 8, "YES\r\n", "ALLOW\r\n")
    # What names several counts for all of them, or for none.
    both = case.world.payload(receiving="example.net:1,example.com:2")
    for rcpt, wanted in (("example.net,example.com", YES), ("example.com,example.NET", YES),
                         ("example.com", YES), ("example.net", YES), ("example.net", YES),
                         ("example.com,example.net", REPLAYED), ("example.net", REPLAYED),
                         *[("example.com", YES)] * 5, ("example.com", REPLAYED)):
        equal(d.ask(f"alice@example.org {both} rcpt={rcpt}\r\n"), wanted, rcpt)
    # Only what came as far as this is counted.
    asked = question(case)
    for _ in range(10):
        equal(d.ask(asked.replace("example.net", "example.com")), "ALLOW redirected\r\n")
        equal(d.ask(asked.replace("alice@", "bob@")), "NO forged\r\n")
    exhaust(d, asked, 4)
    for name in ("replay", "replay-mark", "replay-lock"):
        about = os.stat(state(case, name))
        equal(about.st_mode & 0o7777, 0o600, name)
        if os.geteuid() == 0:
            equal(about.st_uid, 65534, name)
    equal(d.stop(), 0)
    equal(d.count("level=(alarm|error|warning)"), 0, "complaints")


def test_checks_per_recipient_can_be_set(case):
    d = case.daemon(counting(case, domain='checks_per_recipient = 2\nuser "alice" { }'))
    asked = question(case, "example.net:3")
    exhaust(d, asked, 6)
    d.reload(counting(case, domain='checks_per_recipient = 3\nuser "alice" { }'))
    exhaust(d, asked, 3)
    equal(d.stop(), 0)


def test_none_counts_nothing_and_says_so(case):
    d = case.daemon()
    equal(log_value(d.wait_log("event=ready")[0], "replay"), "none")
    asked = question(case)
    for _ in range(20):
        equal(d.ask(asked), YES)
    equal(d.stop(), 0)
    check(not os.path.exists(state(case, "replay")), "a store is there")


def test_nobody_counts_who_only_looks(case):
    d = case.daemon(counting(case))
    payload = case.world.payload()
    asked = f"alice@example.org {payload} rcpt=example.net\r\n"
    for _ in range(6):
        done = subprocess.run(
            [os.path.join(BUILD, "src/command/verimail"), "-c", d.config, "explain", "--user",
             "alice@example.org", "--rcpt", "example.net", payload],
            capture_output=True, text=True, check=False, timeout=20)
        equal((done.returncode, done.stderr), (0, ""), "verimail explain")
        check("verdict YES stamped" in done.stdout, done.stdout)
        done = subprocess.run(
            [os.path.join(BUILD, "src/verimaild/verimaild"), "-t", "-c", d.config],
            capture_output=True, text=True, check=False, timeout=20)
        equal((done.returncode, done.stderr), (0, ""), "verimaild -t")
    exhaust(d, asked, 4)
    equal(d.stop(), 0)


class Storm:
    """Clients that ask about a few payloads without a pause, and note each answer. A question whose
    answer was lost may have been counted."""

    def __init__(self, case, addresses, questions, threads=6):
        self.addresses = addresses
        self.questions = questions
        self.yes = [0] * len(questions)
        self.lost = [0] * len(questions)
        self.wrong = []
        self.asked = 0
        self._lock = threading.Lock()
        self._end = threading.Event()
        case.loads.append(self)
        self._threads = [
            threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, seed):
        chance = random.Random(seed)
        while not self._end.is_set():
            i = chance.randrange(len(self.questions))
            try:
                answer = ask(chance.choice(self.addresses), self.questions[i], limit=20)
            except OSError:
                answer = ""
            self._note(i, answer)
            if not answer:
                time.sleep(0.01)

    def _note(self, i, answer):
        with self._lock:
            self.asked += 1
            if answer == YES:
                self.yes[i] += 1
            elif not answer:
                self.lost[i] += 1
            elif answer != REPLAYED:
                self.wrong.append(answer)

    def wait_asked(self, count):
        target = self.asked + count
        wait_for(lambda: self.asked >= target, f"{count} more answers", limit=60)

    def end(self):
        self._end.set()

    def stop(self):
        self.end()
        for thread in self._threads:
            thread.join()
        equal(self.wrong, [], "wrong answers")


class Payloads:
    """Some payloads, the questions about them, and what may come of these: each sum of YES answers
    has a limit."""

    RECIPIENTS = 300

    def __init__(self, case):
        n = self.RECIPIENTS
        w = case.world
        self.questions = []
        self.limits = []  # (indices of questions, their sum's allowance)
        for _ in range(3):
            self._limit(4 * n, self._add(w.payload(receiving=f"example.net:{n}"), "example.net"))
        self._limit(4 * n, self._add(w.payload(receiving=f"*:{n}"), "example.com"))
        two = w.payload(receiving=f"example.net:{n // 3},example.com:{n}")
        both = self._add(two, "example.com,example.net")
        one = self._add(two, "example.com")
        self._limit(4 * (n // 3), both)
        self._limit(4 * n, both, one)

    def _add(self, payload, rcpt):
        self.questions.append(f"alice@example.org {payload} rcpt={rcpt}\r\n")
        return len(self.questions) - 1

    def _limit(self, allowance, *indices):
        self.limits.append((indices, allowance))

    def settle(self, d, storm):
        """Asks until all is used up; then what was answered YES must be what was allowed, but for
        answers that were lost."""
        address = d.address
        for i, asked in enumerate(self.questions):
            while ask(address, asked) == YES:
                storm.yes[i] += 1
            equal(ask(address, asked), REPLAYED, "when it was used up")
        for indices, allowance in self.limits:
            yes = sum(storm.yes[i] for i in indices)
            lost = sum(storm.lost[i] for i in indices)
            check(yes <= allowance, f"{yes} times YES where {allowance} were allowed")
            check(yes + lost >= allowance, f"{allowance} allowed, {yes} times YES, {lost} lost")


def test_workers_killed_every_50_ms_lose_no_count(case):
    payloads = Payloads(case)
    config = counting(case, workers=4)
    d = case.daemon(config)
    storm = Storm(case, d.addresses(), payloads.questions)
    kills = 0
    for _ in range(6):
        # Those of one generation come back ever later, if they die so soon.
        end = kills + 12
        while kills < end:
            pids = d.workers()
            if pids:
                os.kill(random.choice(pids), signal.SIGKILL)
                kills += 1
            time.sleep(0.05)  # that often, whatever they are about
        d.reload(config)
    storm.wait_asked(200)
    storm.stop()
    lost, asked = sum(storm.lost), storm.asked
    payloads.settle(d, storm)
    equal(d.stop(), 0)
    equal(d.count(LOST), 0, "stores that were lost")
    equal(d.count("signal=(?!9)"), 0, "workers that died of something else")
    print(f"# {kills} workers killed, {asked} questions, {lost} answers lost")


def test_parents_killed_lose_no_count(case):
    payloads = Payloads(case)
    d = case.daemon(counting(case))
    storm = Storm(case, d.addresses(), payloads.questions)
    for _ in range(5):
        storm.wait_asked(150)
        d.kill()
        d = case.daemon(counting(case))  # while the workers of the one before may still finish
        storm.addresses = d.addresses()
    storm.wait_asked(150)
    storm.stop()
    payloads.settle(d, storm)
    equal(d.stop(), 0)
    equal(sum(each.count(LOST) for each in case.daemons), 0, "stores that were lost")


def test_reloads_lose_neither_counts_nor_answers(case):
    payloads = Payloads(case)
    d = case.daemon(counting(case))
    storm = Storm(case, d.addresses(), payloads.questions)
    for i in range(10):
        storm.wait_asked(60)
        d.reload(counting(case, workers=1 + i % 3))
    storm.stop()
    equal(sum(storm.lost), 0, "lost answers")
    payloads.settle(d, storm)
    equal(d.stop(), 0)
    # And a restart.
    d = case.daemon(counting(case))
    for asked in payloads.questions:
        equal(d.ask(asked), REPLAYED, "after a restart")
    equal(d.stop(), 0)


def change_boot(case):
    """The store becomes one of another boot."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        boot = file.read().strip()
    with open(state(case, "replay-mark"), "r+b") as file:
        content = file.read()
        check(boot in content, "the mark does not name this boot")
        file.seek(0)
        file.write(content.replace(boot, boot[::-1]))


def end_the_hour(case):
    """The store becomes one that was begun anew an hour ago."""
    with open(state(case, "replay-mark"), "r+b") as file:
        file.seek(BEGUN_AT)
        begun = struct.unpack("=Q", file.read(8))[0]
        check(abs(begun - time.time()) < 60, f"begun at {begun}")
        file.seek(BEGUN_AT)
        file.write(struct.pack("=Q", begun - 3600))


def is_begun_anew(case, d, before):
    """`before`: a question that had been answered YES as often as may be."""
    d.wait_log(LOST)
    d.wait_log(ALARM)
    equal(d.ask(before), UNCOUNTED, "what was issued before")
    exhaust(d, fresh(case), 4)
    equal(d.ask(before), UNCOUNTED, "what was issued before")
    equal(d.stop(), 0)
    check(os.path.exists(state(case, "replay.lost")), "nothing was set aside")
    end_the_hour(case)
    d = case.daemon(counting(case))
    exhaust(d, before, 4)
    equal(d.count(LOST), 0)
    equal(d.stop(), 0)


def test_after_a_power_failure_it_is_begun_anew(case):
    d = case.daemon(counting(case))
    before = question(case)
    exhaust(d, before, 4)
    pids = [*d.workers(), *d.recorders()]
    for pid in (d.pid, *pids):
        os.kill(pid, signal.SIGKILL)
    d.stop()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "their end")
    change_boot(case)
    is_begun_anew(case, case.daemon(counting(case)), before)


def test_after_a_clean_stop_it_is_believed(case):
    d = case.daemon(counting(case))
    before = question(case)
    exhaust(d, before, 4)
    # By a recorder that came later, and after a reload.
    for pid in d.recorders():
        os.kill(pid, signal.SIGKILL)
    d.wait_log("recorder-died")
    wait_for(d.recorders, "another recorder")
    d.reload()
    equal(d.stop(), 0)
    change_boot(case)
    d = case.daemon(counting(case))
    equal(d.ask(before), REPLAYED)
    equal(d.stop(), 0)
    equal(d.count("level=(alarm|error)"), 0, "complaints")


def spoil(case):
    """Both of the pages by which everything is found."""
    with open(state(case, "replay"), "r+b") as file:
        file.write(b"\xff" * 8192)


def test_a_damaged_file_keeps_no_service_from_starting(case):
    d = case.daemon(counting(case))
    before = question(case)
    exhaust(d, before, 4)
    equal(d.stop(), 0)
    spoil(case)
    d = case.daemon(counting(case))
    is_begun_anew(case, d, before)
    equal(d.count("worker-died"), 0, "deaths")


def wait_renewed(case, d, count):
    """Until so many workers saw that they count in the wrong file, which they do when they are
    asked, and there is a count in the right one."""
    address = d.address

    def is_well():
        try:
            answer = ask(address, fresh(case))
        except OSError:  # the worker that died of it
            answer = ""
        return answer == YES and d.count("event=worker-renewed") >= count
    wait_for(is_well, "a count in a new file")


def test_a_file_damaged_in_use_is_begun_anew(case):
    # With a table of users, whose own handlers of signals stand before the store's.
    done = subprocess.run(
        [os.path.join(BUILD, "src/command/verimail"), "table", "build", state(case, "users")],
        input="alice@example.org\n", capture_output=True, text=True, check=False, timeout=20)
    equal((done.returncode, done.stderr), (0, ""), "verimail table build")
    d = case.daemon(counting(case, domain=f'users = "lmdb:{state(case, "users")}"'))
    before = question(case)
    exhaust(d, before, 4)
    os.truncate(state(case, "replay"), 0)

    wait_renewed(case, d, 1)
    is_begun_anew(case, d, before)


def test_removed_files_are_made_again(case):
    d = case.daemon(counting(case))
    exhaust(d, question(case), 4)
    for name in ("replay", "replay-mark", "replay-lock"):
        os.unlink(state(case, name))
    wait_renewed(case, d, 2)
    check("was removed while it was in use" in d.wait_log(ALARM)[0], d.lines(ALARM))
    exhaust(d, fresh(case), 4)
    equal(d.stop(), 0)
    check(os.path.exists(state(case, "replay")), "no file")


def test_a_folder_that_nobody_may_write_is_an_alarm(case):
    needs_root()
    os.chown(case.world.state, 0, 0)
    d = case.daemon(counting(case))
    line = d.wait_log(ALARM)[0]
    check("replay: cannot be opened: Permission denied" in log_value(line, "because"), line)
    equal(d.ask(question(case)), UNCOUNTED)
    equal(d.ask("bob@example.org - rcpt=example.net\r\n").split()[:2], ["ALLOW", "unstamped"])
    os.chown(case.world.state, 65534, 65534)
    wait_for(lambda: d.ask(question(case)) == YES, "a store", limit=REOPENED)
    equal(d.count(LOST), 0)
    equal(d.stop(), 0)


@contextlib.contextmanager
def disk(case, size):
    """The state folder becomes a file system so large. Nobody else sees it."""
    needs_root()
    unshare_mounts()
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", f"size={size},mode=700,uid=65534,gid=65534", "tmpfs", case.world.state)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", case.world.state], check=False)


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("no file system may be mounted: " + done.stderr.strip())


@apart
def test_a_disk_too_small_is_an_alarm_until_it_is_larger(case):
    with disk(case, "32m"):
        d = case.daemon(counting(case))
        line = d.wait_log(ALARM)[0]
        check("No space left on device" in log_value(line, "because"), line)
        asked = question(case)
        equal(d.ask(asked), UNCOUNTED)
        mount("-o", "remount,size=100m", case.world.state)
        wait_for(lambda: d.ask(question(case)) == YES, "a store", limit=REOPENED)
        d.wait_log("event=worker-renewed", 2)
        # Nothing was lost: there was none before.
        exhaust(d, asked, 4)
        equal(d.count(LOST), 0)
        equal(d.stop(), 0)


class Filling:
    """Questions that take much room, a payload each, from several clients until one is answered
    otherwise than YES, or it is told to stop."""

    DOMAINS = ",".join(chr(97 + i // 26) + chr(97 + i % 26) for i in range(59))

    def __init__(self, case, address):
        self.receiving = ",".join(f"{domain}:1" for domain in self.DOMAINS.split(","))
        self.t = case
        self.address = address
        self.yes = 0
        self.other = []
        self._end = threading.Event()
        self._lock = threading.Lock()
        case.loads.append(self)
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while not self._end.is_set():
            answer = ask(self.address, question(self.t, self.receiving, self.DOMAINS), limit=20)
            with self._lock:
                self.yes += answer == YES
                if answer != YES:
                    self.other.append(answer)
                    self._end.set()

    def end(self):
        self._end.set()

    def join(self):
        for thread in self._threads:
            thread.join()


@apart
def test_a_full_map_grows_and_a_full_disk_is_an_alarm(case):
    with disk(case, "80m"):
        d = case.daemon(counting(case))
        asked = question(case)
        equal(d.ask(asked), YES)
        filling = Filling(case, d.address)
        filling.join()
        equal(set(filling.other), {UNCOUNTED}, "when the disk was full")
        line = d.wait_log(ALARM)[0]
        check("cannot be written: No space left on device" in log_value(line, "because"), line)
        equal(os.stat(state(case, "replay")).st_size, FIRST_MAP)
        mount("-o", "remount,size=200m", case.world.state)
        # One worker makes it larger, the other finds it so; what was asked before is known to both,
        # and to those who come later.
        wide = [question(case, filling.receiving, filling.DOMAINS) for _ in range(60)]
        for each in wide:
            equal(d.ask(each), YES, "in a larger file")
        equal(os.stat(state(case, "replay")).st_size, 2 * FIRST_MAP)
        pids = d.wait_workers(2)
        os.kill(pids[0], signal.SIGKILL)
        d.wait_workers(2, pids[:1])
        for each in wide:
            for wanted in [YES] * 3 + [REPLAYED]:
                equal(d.ask(each), wanted)
        for _ in range(3):
            equal(d.ask(asked), YES)
        equal(d.ask(asked), REPLAYED)
        equal(d.stop(), 0)
        equal(d.count("worker-died"), 1, "deaths")
        equal(d.count(LOST), 0)
        print(f"# {filling.yes} payloads with {len(filling.receiving)} octets of domains")
