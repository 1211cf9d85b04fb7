# SPDX-License-Identifier: ISC
"""A worker that makes a forbidden system call dies, and the next one answers."""
import os
import re

import pytest

from harness.checks import check, equal
from harness.client import connect, read_all
from harness.daemon import log_value

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trespass.c")


def trespasses():
    with open(SOURCE, encoding="ascii") as file:
        return re.findall(r'^ +\{"([a-z0-9-]+)", ', file.read(), re.MULTILINE)


def trespass(d, user):
    """The answer to a question that makes the worker do it."""
    with connect(d.address) as client:
        try:
            client.sendall(f"{user} -\r\n".encode())
            return read_all(client)
        except ConnectionResetError:
            return b""


def test_every_trespass_is_the_end_of_a_worker(case):
    if os.uname().machine != "x86_64":
        pytest.skip("the table of calls is for x86_64")
    users = trespasses()
    check(len(users) > 50, f"{len(users)} trespasses in trespass.c")
    d = None
    failed = []
    for i, user in enumerate(users):
        # A third death in a row would delay the next worker.
        if i % 2 == 0:
            if d is not None:
                d.kill()
            d = case.daemon(case.world.config(workers=1), program="trespass")
        pids = d.workers()
        answer = trespass(d, user)
        if answer:
            failed.append(f"{user}: the worker lived to answer {answer!r}")
            continue
        line = d.wait_log("event=worker-died", i % 2 + 1)[-1]
        if log_value(line, "signal") != "SYS" or "SystemCallFilter=" not in line:
            failed.append(f"{user}: {line}")
        equal(d.ask("bob -\r\n"), "ALLOW\r\n", f"by the next worker, after {user}")
        check(d.workers() != pids, f"another worker, after {user}")
    print(f"# {len(users)} trespasses")
    equal(failed, [], "trespasses that did not end in SIGSYS")


def test_others_are_answered_meanwhile(case):
    d = case.daemon(program="trespass")
    equal(trespass(d, "socket"), b"", "the trespass")
    for _ in range(50):
        equal(d.ask(case.world.question()), "YES stamped\r\n", "afterwards")
    equal(d.stop(), 0, "the exit status")


def test_the_wrapped_judge_judges_as_the_real_one(case):
    d = case.daemon(program="trespass")
    equal(d.ask("alice -\r\n"), "NO\r\n", "alice")
    equal(d.ask("opens -\r\n"), "NO\r\n", "a user who is no trespass")
    equal(d.count("worker-died"), 0, "deaths")
