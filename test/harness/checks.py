# SPDX-License-Identifier: ISC
"""What a test expects: a condition, a value, or that something happens in time."""
import time

WAIT_LIMIT = 60  # seconds until something that must happen has not: far more than it takes
LATE = 10  # seconds by which a busy machine may be late for what has its time


class Failure(AssertionError):
    pass


def check(good, what):
    __tracebackhide__ = True
    if not good:
        raise Failure(what)


def equal(got, want, what=""):
    __tracebackhide__ = True
    if got != want:
        raise Failure(f"{what}: got {got!r}, want {want!r}")


def contains(where, what):
    __tracebackhide__ = True
    if what not in where:
        raise Failure(f"no {what!r} in {where!r}")


def wait_for(condition, what, limit=WAIT_LIMIT):
    """The condition's first value that is true."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {limit} s in vain for {what}")
        time.sleep(0.01)
