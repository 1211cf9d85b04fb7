# SPDX-License-Identifier: ISC
"""Replay counts when their file or its disk is not as it should be."""
import contextlib
import os
import signal
import struct
import threading
import time

import pytest

from harness.checks import check, equal, wait_for
from harness.client import ask
from harness.commandline import build_table
from harness.daemon import log_value
from harness.namespaces import apart, disk, mount, needs_root, unshare_mounts
from harness.replaystore import (ALARM, LOST, REPLAYED, UNCOUNTED, YES, change_boot, counting,
                                 exhaust, fresh, question, state)

FIRST_MAP = 64 << 20  # octets
BEGUN_AT = 72  # where the mark says since when it counts: 8 octets


def end_the_hour(case):
    """The store becomes one that was recreated an hour ago."""
    with open(state(case, "replay-mark"), "r+b") as file:
        file.seek(BEGUN_AT)
        begun = struct.unpack("=Q", file.read(8))[0]
        check(abs(begun - time.time()) < 60, f"begun at {begun}")
        file.seek(BEGUN_AT)
        file.write(struct.pack("=Q", begun - 3600))


def is_recreated(case, d, before):
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


def test_after_a_power_failure_it_is_recreated(case):
    d = case.daemon(counting(case))
    before = question(case)
    exhaust(d, before, 4)
    pids = [*d.workers(), *d.recorders()]
    # None of them sees another end, as when the power fails.
    for signum in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (d.pid, *pids):
            os.kill(pid, signum)
    d.stop()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "their end")
    change_boot(case)
    is_recreated(case, case.daemon(counting(case)), before)


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
    is_recreated(case, d, before)
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


def test_a_file_damaged_in_use_is_recreated(case):
    # With a table of users, whose own handlers of signals stand before the store's.
    build_table(state(case, "users"), "alice@example.org\n")
    d = case.daemon(counting(case, domain=f'users = "lmdb:{state(case, "users")}"'))
    before = question(case)
    exhaust(d, before, 4)
    os.truncate(state(case, "replay"), 0)

    wait_renewed(case, d, 1)
    is_recreated(case, d, before)


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
    wait_for(lambda: d.ask(question(case)) == YES, "a store")
    equal(d.count(LOST), 0)
    equal(d.stop(), 0)


@apart
def test_a_disk_too_small_is_an_alarm_until_it_is_larger(case):
    with disk(case.world.state, "32m"):
        d = case.daemon(counting(case))
        line = d.wait_log(ALARM)[0]
        check("No space left on device" in log_value(line, "because"), line)
        asked = question(case)
        equal(d.ask(asked), UNCOUNTED)
        mount("-o", "remount,size=100m", case.world.state)
        wait_for(lambda: d.ask(question(case)) == YES, "a store")
        d.wait_log("event=stores-opened", 2)
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
            answer = ask(self.address, question(self.t, self.receiving, self.DOMAINS))
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
    with disk(case.world.state, "80m"):
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
