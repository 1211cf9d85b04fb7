# SPDX-License-Identifier: ISC
"""Replay counts while the clock is wrong."""
import os
import signal
import time

from harness.checks import check, equal, wait_for
from harness.daemon import log_value
from harness.movedclock import DAY, HOUR, MovedClock
from harness.replaystore import (ALARM, LOST, REPLAYED, UNCOUNTED, YES, change_boot, counting, exhaust,
                                 question, state)

Y2020 = 1577836800  # Unix seconds


def is_behind(d):
    line = d.wait_log(ALARM)[-1]
    check("the clock is behind 20" in log_value(line, "because"), line)


def cut_the_power(d):
    pids = [d.pid, *d.workers(), *d.recorders()]
    # None of them sees another's end.
    for signum in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, signum)
    d.stop()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "their end")


def test_a_power_failure_and_a_clock_an_hour_behind(case):
    clock = MovedClock(case)
    d = case.daemon(counting(case), env=clock.env)
    old = question(case, issued=int(time.time()) - HOUR - 60)
    exhaust(d, old, 4)
    cut_the_power(d)
    change_boot(case)
    clock.move(-HOUR)
    d = case.daemon(counting(case), env=clock.env)
    d.wait_log(LOST)
    for _ in range(5):
        equal(d.ask(old), UNCOUNTED, "an hour behind")
    is_behind(d)
    clock.move(60)  # right again
    for _ in range(5):
        equal(d.ask(old), UNCOUNTED, "within an hour after the loss")
    equal(d.ask(question(case, issued=int(time.time()) + 60)), YES)
    equal(d.stop(), 0)


def test_a_purged_store_and_a_start_in_1970(case):
    clock = MovedClock(case, 9 * DAY)
    d = case.daemon(counting(case), env=clock.env)
    first = question(case, issued=int(time.time()) + 9 * DAY)
    exhaust(d, first, 4)
    clock.move(18 * DAY)  # the first one is deleted
    later = question(case, issued=int(time.time()) + 18 * DAY)
    exhaust(d, later, 4)
    equal(d.stop(), 0)
    clock.stand_at(5000)
    d = case.daemon(counting(case), env=clock.env)
    equal(d.ask(question(case, issued=5000)), UNCOUNTED, "in 1970")
    is_behind(d)
    clock.move(18 * DAY)
    equal(d.ask(later), REPLAYED)
    equal(d.stop(), 0)
    equal(d.count(LOST), 0)
    check(not os.path.exists(state(case, "replay.lost")), "the store was set aside")


def test_a_clock_in_2020_for_a_moment(case):
    clock = MovedClock(case)
    d = case.daemon(counting(case), env=clock.env)
    asked = question(case)
    exhaust(d, asked, 4)
    clock.stand_at(Y2020)
    equal(d.ask(question(case, issued=Y2020)), UNCOUNTED, "in 2020")
    is_behind(d)
    clock.move(0)
    equal(d.ask(asked), REPLAYED)
    equal(d.ask(question(case)), YES)
    equal(d.stop(), 0)
    equal(d.count(LOST), 0)
    equal(d.count("worker-renewed"), 0)
