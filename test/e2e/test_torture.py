# SPDX-License-Identifier: ISC
"""A service and a milter in which one call fails: the service answers no YES too many, the milter lets
no message pass unstamped without a word, and both are well again."""
import os
import signal

import pytest

from harness import sanitizer
from harness.checks import check, equal, wait_for
from harness.client import ask_anyway
from harness.fault import Fault, kinds
from harness.milterclient import Closed
from harness.milterprocess import HEADER, MilterSite, session
from harness.replaystore import ALLOWANCE, LOST, YES, counting, question

WHOLE = bool(os.environ.get("VERIMAIL_TORTURE"))
RELOADED = "event=(reloaded|reload-refused|reload-failed|log-lines-lost)"
CRASHES = "SEGV|BUS|ABRT|FPE|ILL|SYS"


def numbers():
    """Which calls of a kind fail: the first 8, then ever fewer, each a quarter further; or the first 2."""
    n = 1
    while WHOLE or n <= 2:
        yield n
        n += 1 if n < 8 else n // 4


def dead(d, kind):
    """Processes that crashed. libseccomp 2.5 frees its filter twice when it has no memory for it, in a
    process that has just begun, which libc aborts: the supervisor starts another one."""
    signals = CRASHES.replace("ABRT|", "") if kind == "malloc" else CRASHES
    return d.count(f"event=(worker|recorder)-died .*signal=({signals})")


def questions(case, address):
    """One payload, more often than it may be asked about."""
    asked = question(case)
    answers = [ask_anyway(address, asked) for _ in range(ALLOWANCE + 2)]
    check(answers.count(YES) <= ALLOWANCE, answers)


def reloaded(d):
    before = d.count(RELOADED)
    d.process.send_signal(signal.SIGHUP)
    wait_for(lambda: d.count(RELOADED) > before, "the end of a reload")


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
    wait_for(lambda: ask_anyway(address, question(case)) == YES, f"a service that is well after {kind} {n}")
    fault.at(kind, n)
    status = d.stop()
    met += fault.met()
    equal((status, dead(d, kind), d.count(LOST), sanitizer.report(d.text())), (0, 0, 0, ""),
          f"{kind} {n}: {d.text()}")
    return met


def every_call(case, kind, run):
    fault = Fault(os.path.join(case.folder, "fault"))
    failed = 0
    for n in numbers():
        met = run(case, fault, kind, n)
        if met == 0:
            break
        failed += met
    print(f"# {failed} calls failed on purpose")


@pytest.mark.parametrize("kind", kinds())
def test_a_call_of_the_service_fails_once(case, kind):
    every_call(case, kind, one_run)


def stamp(site, d):
    """Whether a message was stamped. One that was not is held up, or the log says why."""
    said = len(d.lines("level=(error|alarm|warning)"))
    try:
        with session(site) as client:
            edits = client.message(HEADER, b"text\r\n", sender="<alice@origin.test>")
    except (OSError, Closed):
        return False
    stamped = len(edits.stamps()) == 1
    check(stamped or edits.answer in ("t", "r", "y") or
          len(d.lines("level=(error|alarm|warning)")) > said, f"{edits.answer}: {d.text()}")
    return stamped


def one_milter_run(case, fault, kind, n):
    fault.none()
    site = MilterSite(case)
    d = site.start(env=fault.env)
    fault.at(kind, n)
    stamp(site, d)
    reloaded(d)
    stamp(site, d)
    met = fault.met()
    fault.none()
    wait_for(lambda: stamp(site, d), f"a milter that is well after {kind} {n}")
    fault.at(kind, n)
    status = d.stop()
    met += fault.met()
    equal((status, dead(d, kind), sanitizer.report(d.text())), (0, 0, ""), f"{kind} {n}: {d.text()}")
    return met


@pytest.mark.parametrize("kind", kinds())
def test_a_call_of_the_milter_fails_once(case, kind):
    every_call(case, kind, one_milter_run)
