# SPDX-License-Identifier: ISC
"""A service in which one call fails: it names what failed where that has consequences, answers no YES
too many, and is well again."""
import os
import signal

import pytest

from harness.checks import check, equal, wait_for
from harness.client import ask
from harness.fault import Fault, kinds
from harness.replaystore import ALLOWANCE, LOST, YES, counting, question

# All calls of a kind, or so many.
MOST = 100000 if os.environ.get("VERIMAIL_TORTURE") else 2
DEAD = "event=(worker|recorder)-died .*signal=(SEGV|BUS|ABRT|FPE|ILL|SYS)"


def answer(address, asked):
    try:
        return ask(address, asked)
    except OSError:
        return ""


def questions(case, address):
    """One payload, more often than it may be asked about."""
    asked = question(case)
    answers = [answer(address, asked) for _ in range(ALLOWANCE + 2)]
    check(answers.count(YES) <= ALLOWANCE, answers)


def reloaded(d):
    before = d.count("event=reloaded"), d.count("event=reload-refused")
    d.process.send_signal(signal.SIGHUP)
    wait_for(lambda: (d.count("event=reloaded"), d.count("event=reload-refused")) != before,
             "the end of a reload")


def one_run(case, fault, kind, n):
    fault.none()
    d = case.daemon(counting(case, workers=1), env=fault.env)
    address = d.address
    fault.at(kind, n)
    questions(case, address)
    reloaded(d)
    questions(case, address)
    met = fault.met()
    fault.none()
    reloaded(d)
    wait_for(lambda: answer(address, question(case)) == YES, f"a service that is well after {kind} {n}")
    fault.at(kind, n)
    status = d.stop()
    met += fault.met()
    equal((status, d.count(DEAD), d.count(LOST)), (0, 0, 0), f"{kind} {n}: {d.text()}")
    return met


@pytest.mark.parametrize("kind", kinds())
def test_a_call_that_fails_once(case, kind):
    fault = Fault(os.path.join(case.folder, "fault"))
    failed = 0
    for n in range(1, MOST + 1):
        met = one_run(case, fault, kind, n)
        if met == 0:
            break
        failed += met
    print(f"# {failed} calls failed on purpose")
