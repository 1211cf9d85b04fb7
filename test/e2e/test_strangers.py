# SPDX-License-Identifier: ISC
"""What strangers can do to the log, the record and a user's stamp by asking without end."""
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import time

import pytest

from harness.checks import WAIT_LIMIT, check, contains, equal, wait_for
from harness.client import Load
from harness.daemon import BUILD, log_value
from harness.files import write_file
from harness.keys import digest_of

PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))
FLOOD = os.path.abspath(os.path.join(BUILD, "test/e2e/flood"))
YES = "YES stamped\r\n"
QUESTIONS = 100000
LINE = 2200  # octets of the longest line in the log, about
EVENT = 1400  # octets of the largest event, with its index, about


def record_of(case):
    return os.path.join(case.world.state, "events.db")


def rows(case, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{record_of(case)}?mode=ro", uri=True)) as store:
        return store.execute(sql, values).fetchall()


def octets(case, d):
    """Of the log and of the record, as they are on the disk."""
    record = sum(os.path.getsize(record_of(case) + suffix) for suffix in ("", "-wal")
                 if os.path.exists(record_of(case) + suffix))
    return os.path.getsize(d.log), record


def flood(case, d, question):
    """What a stranger's machine asks: the questions a second, and the seconds."""
    path = os.path.join(case.folder, "questions")
    write_file(path, question + "\r\n")
    started = time.monotonic()
    done = subprocess.run(
        [FLOOD, "--port", str(d.address[1]), "--questions", path, "--want", "NO", "--count",
         str(QUESTIONS), "--sources", "65536"],
        check=True, capture_output=True, text=True, timeout=10 * WAIT_LIMIT)
    seconds = time.monotonic() - started
    equal(int(re.search(r"right=(\d+)", done.stdout)[1]), QUESTIONS, done.stdout)
    return QUESTIONS / seconds, seconds


def recording(case, **how):
    return case.world.config(record='store = "sqlite"', **how)


RCPT = ",".join(f"{'x' * 50}{i:02}.example.net" for i in range(30))


@pytest.mark.parametrize("question", [
    f"alice@example.org - rcpt={RCPT} digest={digest_of(b'x')} ip=192.0.2.1",
    f"alice@example.org {'A' * 300} rcpt={RCPT} digest={digest_of(b'x')} ip=192.0.2.1",
    f"{'u' * 60}@nowhere.test - rcpt={RCPT}",
], ids=["no stamp", "a made-up stamp", "another domain"])
def test_a_flood_fills_neither_log_nor_record(case, question):
    d = case.daemon(recording(case))
    genuine = Load(case, d.addresses(), lambda: (case.world.question(), {YES}), threads=1)
    genuine.wait_asked(10)
    before = octets(case, d)
    rate, seconds = flood(case, d, question)
    genuine.stop()
    equal((genuine.lost, genuine.wrong), ([], []), "genuine questions")
    equal(d.stop(), 0)
    log, record = (after - start for after, start in zip(octets(case, d), before))
    shown = d.count("event=question verdict=NO")
    # 1000 at once and 10 a second; the flood comes from 256 networks.
    most = 1000 + 10 * (seconds + 2)
    check(100 <= shown <= most, f"{shown} lines in {seconds:.1f} s")
    equal(rows(case, "SELECT count(*) FROM event WHERE verdict = 'NO'")[0][0], shown)
    equal(rows(case, "SELECT sum(left_out) FROM event_gap")[0][0], QUESTIONS - shown)
    equal(sum(int(log_value(line, "count")) for line in d.lines("event=left-out")), QUESTIONS - shown)
    # What is ours is on record, each once.
    equal(rows(case, "SELECT count(*), count(DISTINCT stamp) FROM event WHERE verdict = 'YES'")[0],
          (genuine.asked, genuine.asked))
    equal(rows(case, "SELECT sum(lost) FROM event_gap")[0][0] or 0, 0, "lost")
    check(log < most * LINE + genuine.asked * 400, f"{log} octets of log")
    check(record < most * EVENT + genuine.asked * 800 + 5000000, f"{record} octets of record")
    print(f"# {rate:.0f} questions a second for {seconds:.1f} s: {log / seconds:.0f} octets of log "
          f"and {record / seconds:.0f} of record a second, {genuine.asked} genuine ones among them; "
          f"{shown} of {QUESTIONS} forged ones one by one; for ever: {10 * LINE} and {10 * EVENT}")


def test_one_stamp_for_many_texts_is_one_alarm(case):
    d = case.daemon(recording(case, service="alarm_texts = 20"))
    genuine = digest_of(b"what alice wrote")
    payload = case.world.payload(digest=genuine)
    for i in range(500):
        question = f"alice@example.org {payload} rcpt=example.net digest={digest_of(b'%d' % i)}\r\n"
        equal(d.ask(question), "ALLOW changed\r\n")
    line = d.wait_log("level=alarm event=alarm about=texts")[0]
    equal(log_value(line, "subject"), "alice@example.org")
    contains(line, f"more than 20 different texts came with one stamp, {payload[12:44]}, issued at ")
    remedy = re.search(r'remedy="`(not_before = \S+)` in the rule of alice@example\.org; ', line)[1]
    wait_for(lambda: rows(case, "SELECT count(DISTINCT digest) FROM event")[0][0] == 500, "the record")
    # The report names the stamp.
    done = subprocess.run([PROGRAM, "-c", d.config, "report", "--json"], check=True,
                          capture_output=True, timeout=WAIT_LIMIT)
    stamp, = json.loads(done.stdout)["service"]["stamps"]
    equal((stamp["stamp"], stamp["user"], stamp["texts"], stamp["questions"]),
          (payload[12:44], "alice@example.org", 500, 500))
    done = subprocess.run([PROGRAM, "-c", d.config, "report"], check=True, capture_output=True,
                          timeout=WAIT_LIMIT)
    contains(done.stdout.decode(), "Stamps with many texts")
    # The remedy is a line of the configuration, and takes this stamp back, and no later one.
    d.reload(recording(case, domain=f'user "alice" {{ {remedy} }}'))
    equal(d.ask(f"alice@example.org {payload} rcpt=example.net digest={genuine}\r\n"),
          "NO refused\r\n")
    later = case.world.payload(digest=genuine, issued=int(time.time()) + 2)
    equal(d.ask(f"alice@example.org {later} rcpt=example.net digest={genuine}\r\n"), YES)
    equal(d.stop(), 0)
    equal(d.count("about=texts"), 1, "alarms")
