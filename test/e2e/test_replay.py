# SPDX-License-Identifier: ISC
"""Replay counts in a file: what is asked about how often."""
import os
import subprocess

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD, log_value
from harness.replaystore import REPLAYED, YES, counting, exhaust, question, state


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
            capture_output=True, text=True, check=False, timeout=WAIT_LIMIT)
        equal((done.returncode, done.stderr), (0, ""), "verimail explain")
        check("verdict YES stamped" in done.stdout, done.stdout)
        done = subprocess.run(
            [os.path.join(BUILD, "src/verimaild/verimaild"), "-t", "-c", d.config],
            capture_output=True, text=True, check=False, timeout=WAIT_LIMIT)
        equal((done.returncode, done.stderr), (0, ""), "verimaild -t")
    exhaust(d, asked, 4)
    equal(d.stop(), 0)
