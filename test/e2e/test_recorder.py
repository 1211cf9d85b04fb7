# SPDX-License-Identifier: ISC
"""The recorder: questions and answers on record, whatever happens to it; counters; alarms."""
import collections
import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from harness.checks import WAIT_LIMIT, check, equal, wait_for
from harness.client import Load
from harness.counters import check_with_promtool, fetch, metric, refuses
from harness.daemon import copy_program, log_value
from harness.keys import Key, digest_of
from harness.movedclock import DAY, MovedClock
from harness.namespaces import needs_root
from harness.programs import free_port

YES = "YES stamped\r\n"
UNSTAMPED = "NO unstamped ttl=300\r\n"


def events_path(case):
    return os.path.join(case.world.state, "events.db")


def recording(case, record="ip = full", **how):
    """A configuration with events in SQLite."""
    return case.world.config(record=f'store = "sqlite" {record}', **how)


def rows(path, query="SELECT count(*) FROM event"):
    """All rows of a query; none while there is no store."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return store.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        check("unable to open" in str(error) or "no such table" in str(error), error)
        return []


def number(path, query="SELECT count(*) FROM event"):
    found = rows(path, query)
    return (found[0][0] or 0) if found else 0


def wait_number(path, wanted, query="SELECT count(*) FROM event"):
    wait_for(lambda: number(path, query) >= wanted, f"{wanted} from {query}")
    equal(number(path, query), wanted, query)


def unstamped(user, more=""):
    return f"{user} - rcpt=example.net{more}\r\n"


def bare(answer):
    """Verdict and reason alone."""
    return " ".join(answer.split()[:2])


def the_recorder(d, without=0):
    """The one recorder's process id, another one than that."""
    def there():
        pids = d.recorders()
        return len(pids) == 1 and pids[0] != without and pids[0]
    return wait_for(there, "the recorder")


def answered_once(load):
    load.stop()
    equal(load.lost, [], "lost questions")
    equal(load.wrong, [], "wrong answers")


def test_every_kind_is_recorded(case):
    w = case.world
    d = case.daemon(recording(case, domain='user "alice" { } user "bob" { allow_unauthorized = true }',
                              more='domain "trial.example" { testing = yes }'))
    digest = digest_of(b"this")
    more = f" rcpt=example.net digest={digest} ip=192.0.2.77"
    stranger = Key("host")
    questions = [
        (w.question(names=more, digest=digest), YES),
        (w.question(names=more, digest=digest_of(b"another")), "ALLOW changed\r\n"),
        (w.question(names=more, digest=digest, receiving="example.com:1"), "ALLOW redirected\r\n"),
        (w.question(names=more, digest=digest, issued=1), "ALLOW expired\r\n"),
        (w.question(names=more, host=stranger), "NO forged\r\n"),
        ("alice@example.org -" + more + "\r\n", UNSTAMPED),
        ("bob@example.org -" + more + "\r\n", "ALLOW unstamped\r\n"),
        ("bob@sub.example.org -" + more + "\r\n", "NO refused\r\n"),
        ("eve@trial.example -" + more + "\r\n", "ALLOW testing\r\n"),
        ("carol@example.net -" + more + "\r\n", "NO refused\r\n"),
        (w.question(user="dave@example.org", names=more, digest=digest), "NO refused\r\n"),
    ]
    for question, wanted in questions:
        equal(bare(d.ask(question)), bare(wanted), question)
    equal(d.ask("this is no question at all\r\n"), "NO\r\n")
    wait_number(events_path(case), len(questions))
    got = rows(events_path(case), "SELECT verdict || ' ' || reason FROM event")
    equal(collections.Counter(row[0] for row in got),
          collections.Counter(bare(wanted) for _, wanted in questions))
    equal(rows(events_path(case), """SELECT "user", domain, host, receiving, ip, asker, listed, cause
            FROM event WHERE verdict = 'YES'"""),
          [("alice@example.org", "example.org", "mail.example.org", "example.net", "192.0.2.77",
            "127.0.0.1", 1, "")])
    equal(rows(events_path(case), """SELECT "user", domain, host, listed, cause
            FROM event WHERE reason = 'refused' ORDER BY domain"""),
          [("carol@example.net", "example.net", "", 0, "domain"),
           ("dave@example.org", "example.org", "mail.example.org", 0, "user"),
           ("bob@sub.example.org", "sub.example.org", "", 0, "subdomain")])
    equal(rows(events_path(case), """SELECT "user", would_be FROM event WHERE would_be <> ''"""),
          [("eve@trial.example", "unstamped")])
    now = time.time() * 1000
    equal(number(events_path(case), f"""SELECT count(*) FROM event
            WHERE time BETWEEN {now - 60000} AND {now + 60000}"""), len(questions))
    equal(d.stop(), 0)


def test_each_once_under_load_and_reloads(case):
    d = case.daemon(recording(case))
    load = Load(case, d.addresses(), lambda: (case.world.question(), {YES}))
    for i in range(8):
        load.wait_asked(100)
        d.reload(recording(case, record=f'keep = "{30 + i}d"', workers=1 + i % 3))
    answered_once(load)
    equal(d.stop(), 0)
    equal(number(events_path(case)), load.asked, "events")
    equal(number(events_path(case), 'SELECT count(DISTINCT stamp) FROM event'), load.asked, "stamps")
    equal(number(events_path(case), "SELECT count(*) FROM event_gap"), 0, "gaps")


def test_recorder_that_is_killed_is_replaced(case):
    where = os.path.join(case.folder, "metrics")
    os.chmod(case.folder, 0o777)
    d = case.daemon(recording(case, service=f'metrics = "unix:{where}"'))
    load = Load(case, d.addresses(), lambda: (case.world.question(), {YES}))
    kills = 6
    pid = 0
    for _ in range(kills):
        pid = the_recorder(d, pid)
        load.wait_asked(150)
        os.kill(pid, signal.SIGKILL)
    the_recorder(d, pid)
    load.wait_asked(100)
    answered_once(load)
    equal(metric(where, "verimail_recorders_restarted_total"), kills)
    equal(d.count("event=verimail-recorder-died|event=recorder-died"), kills, "deaths in the log")
    equal(d.stop(), 0)
    equal(number(events_path(case), 'SELECT count(DISTINCT stamp) FROM event'), load.asked, "stamps")
    equal(number(events_path(case), "SELECT count(*) FROM event_gap"), 0, "gaps")
    # A batch that was written when the recorder died may be written again.
    twice = rows(events_path(case), """SELECT min(id), max(id) FROM event GROUP BY stamp
            HAVING count(*) > 1""")
    check(all(last - first <= 2 * 4096 for first, last in twice), f"far apart: {twice[:5]}")


def test_nobody_waits_for_a_recorder_that_stands_still(case):
    where = os.path.join(case.folder, "metrics")
    os.chmod(case.folder, 0o777)
    d = case.daemon(recording(case, service=f'metrics = "unix:{where}"', workers=1))
    equal(d.ask(case.world.question()), YES)
    wait_number(events_path(case), 1)
    pid = the_recorder(d)
    os.kill(pid, signal.SIGSTOP)
    # An event has about 600 octets then, and a ring room for 7,000 of them.
    domains = ",".join(f"{'x' * 60}{i}.example.net" for i in range(6))
    load = Load(case, d.addresses(), lambda: (case.world.question(
        names=f" rcpt={domains}", receiving="*:6"), {YES}), threads=8)
    try:
        wait_for(lambda: load.asked >= 9000, "answers while the recorder stands still")
    finally:
        os.kill(pid, signal.SIGCONT)
    answered_once(load)
    asked = load.asked + 1
    wait_for(lambda: number(events_path(case))
             + number(events_path(case), "SELECT sum(lost) FROM event_gap") >= asked,
             "all questions on record")
    gap = number(events_path(case), "SELECT sum(lost) FROM event_gap")
    check(gap > 0, "nothing was lost")
    equal(number(events_path(case), 'SELECT count(DISTINCT stamp) FROM event') + gap, asked)
    equal(number(events_path(case)) + gap, asked)
    equal(metric(where, "verimail_events_dropped_total"), gap, "counted as dropped")
    equal(metric(where, "verimail_events_recorded_total"), asked - gap, "counted as recorded")
    equal(d.stop(), 0)


@contextlib.contextmanager
def small_disk(path, size):
    """A file system of its own, so large, at this folder."""
    os.makedirs(path, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", path],
        capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("no file system may be mounted: " + done.stderr.decode().strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=False)


def test_full_disk_loses_nothing_that_the_ring_can_keep(case):
    needs_root()
    path = events_path(case)
    with small_disk(case.world.state, "2m"):
        filler = os.path.join(case.world.state, "filler")
        d = case.daemon(recording(case))
        equal(d.ask(case.world.question()), YES)
        wait_number(path, 1)
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            for _ in range(1000):
                file.write(b"x" * 4096)
        load = Load(case, d.addresses(), lambda: (case.world.question(), {YES}))
        d.wait_log("level=alarm event=alarm about=events")
        load.wait_asked(500)
        answered_once(load)
        os.unlink(filler)
        d.wait_log("event=events-recorded-again")
        wait_number(path, load.asked + 1)
        wait_number(path, load.asked + 1, 'SELECT count(DISTINCT stamp) FROM event')
        equal(d.count("event=alarm about=events"), 1, "alarms")
        equal(d.stop(), 0)


def test_addresses_are_told_as_far_as_they_may(case):
    d = case.daemon(recording(case))
    for privacy in ("full", "network", "none"):
        d.reload(recording(case, record=f'ip = "{privacy}"'))
        for ip in ("192.0.2.77", "2001:db8:7:8::9"):
            equal(d.ask(unstamped(f"{privacy}@example.org", f" ip={ip}")), UNSTAMPED)
    equal(d.stop(), 0)
    equal(sorted(rows(events_path(case), 'SELECT "user", ip, asker FROM event')),
          [("full@example.org", "192.0.2.77", "127.0.0.1"),
           ("full@example.org", "2001:db8:7:8::9", "127.0.0.1"),
           ("network@example.org", "192.0.2.0", "127.0.0.0"),
           ("network@example.org", "2001:db8:7::", "127.0.0.0"),
           ("none@example.org", "", ""),
           ("none@example.org", "", "")])


def test_keys_that_come_near_their_end_are_an_alarm(case):
    where = os.path.join(case.folder, "metrics")
    os.chmod(case.folder, 0o777)
    config = recording(case, service=f'metrics = "unix:{where}"')
    keys = os.path.join(case.world.state, "keys")
    equal(case.daemon(config).stop(), 0)
    with open(keys, encoding="ascii") as file:
        words = file.read().split()
    year = 365 * 86400
    for age, alarms in ((year * 9 // 10 - 100, 0), (year * 9 // 10, 1)):
        with open(keys, "w", encoding="ascii") as file:
            file.write(" ".join(words[:3] + [str(int(time.time()) - age)]) + "\n")
        d = case.daemon(config)
        key = f'verimail_key_age_seconds{{host="mail.example.org",key="{words[0]}"}}'
        wait_for(lambda k=key, a=age: (metric(where, k) or 0) >= a, "the age of the key")
        wait_for(lambda n=alarms: metric(where, 'verimail_alarms_total{alarm="key"}') == n,
                 f"{alarms} alarms at {age} s")
        equal(d.count(f'level=alarm event=alarm about=key subject="mail.example.org, key id {words[0]}"'),
              alarms, f"lines at {age} s")
        equal(d.stop(), 0)


def test_counters_over_a_unix_socket_and_loopback(case):
    where = os.path.join(case.folder, "metrics")
    os.chmod(case.folder, 0o777)
    w = case.world
    d = case.daemon(recording(case, service=f'metrics = "unix:{where}"'))
    the_recorder(d)
    for _ in range(3):
        equal(d.ask(w.question()), YES)
    equal(d.ask("x\r\n"), "NO\r\n")
    head, text = fetch(where)
    check(head.startswith("HTTP/1.1 200 "), head)
    check("Content-Type: text/plain; version=0.0.4; charset=utf-8" in head, head)
    check_with_promtool(text)
    equal(metric(where, 'verimail_questions_total{verdict="YES",reason="stamped"}'), 3)
    check("alice" not in text, "a user's name among the counters")
    # What was counted is counted still after a reload, at another place.
    port = ("127.0.0.1", free_port())
    d.reload(recording(case, service=f'metrics = "{port[0]}:{port[1]}"'))
    wait_for(lambda: not refuses(port), "the new place")
    check_with_promtool(fetch(port)[1])
    equal(metric(port, 'verimail_questions_total{verdict="YES",reason="stamped"}'), 3)
    wait_for(lambda: len(d.recorders()) == 1, "the old recorder's end")
    wait_for(lambda: refuses(where), "the old place to be closed")
    check(not os.path.exists(where), "the old place is still there")
    # And nowhere.
    d.reload(recording(case))
    wait_for(lambda: refuses(port), "the place to be closed")
    equal(d.ask(w.question()), YES)
    equal(d.stop(), 0)


def test_counters_stay_reachable_during_reloads(case):
    where = os.path.join(case.folder, "metrics")
    os.chmod(case.folder, 0o777)
    config = recording(case, service=f'metrics = "unix:{where}"')
    d = case.daemon(config)
    the_recorder(d)
    for i in range(6):
        d.reload(config)
        equal(d.ask(case.world.question()), YES)
        for _ in range(10):
            head, _ = fetch(where)
            check(head.startswith("HTTP/1.1 200 "), head)
        wait_for(lambda n=i: metric(
            where, 'verimail_questions_total{verdict="YES",reason="stamped"}') == n + 1, "counts")
    equal(fetch(where, "POST /metrics")[0].split("\r\n")[0], "HTTP/1.1 405 Method Not Allowed")
    equal(d.stop(), 0)
    check(not os.path.exists(where), "the socket is left")


def test_a_place_for_the_counters_that_is_taken_is_waited_for(case):
    where = os.path.join(case.folder, "metrics")
    os.chmod(case.folder, 0o777)
    port = ("127.0.0.1", free_port())
    for place, name in ((where, f"unix:{where}"), (port, f"{port[0]}:{port[1]}")):
        with socket.socket(socket.AF_UNIX if place is where else socket.AF_INET) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(place)
            if place is where:
                os.chmod(where, 0o777)
            other.listen()
            d = case.daemon(recording(case, service=f'metrics = "{name}"'))
            d.wait_log(f"level=warning event=metrics-in-use address={name}")
            equal(d.ask(case.world.question()), YES)
        d.wait_log(f"level=notice event=metrics-taken address={name}")
        wait_for(lambda p=place: not refuses(p), "the counters")
        equal(metric(place, 'verimail_questions_total{verdict="YES",reason="stamped"}'), 1)
        equal(d.stop(), 0)


def test_forgeries_of_one_user_are_an_alarm(case):
    d = case.daemon(recording(case, service="alarm_forgeries = 5"))
    for _ in range(5):
        d.ask("alice@example.org - rcpt=example.net ip=192.0.2.77\r\n")
        d.ask("nobody@example.com - rcpt=example.net ip=192.0.2.77\r\n")
        d.ask("bob@example.org - rcpt=example.net ip=192.0.2.77\r\n")
    wait_number(events_path(case), 15)
    equal(d.count("about=forgeries"), 0, "alarms too early")
    d.ask("nobody@example.com - rcpt=example.net ip=192.0.2.77\r\n")
    d.ask("bob@example.org - rcpt=example.net ip=192.0.2.77\r\n")
    d.ask("ALICE+x@example.org - rcpt=example.net ip=192.0.2.78\r\n")
    line = d.wait_log("level=alarm event=alarm about=forgeries")[0]
    equal(log_value(line, "subject"), "alice@example.org")
    check("more than 5 forgeries in an hour, most from 192.0.2.0/24" in line, line)
    # None, however many.
    d.reload(recording(case, service="alarm_forgeries = 0"))
    for _ in range(20):
        d.ask("dave@example.org - rcpt=example.net\r\n")
    equal(d.stop(), 0)
    equal(d.count("about=forgeries"), 1, "alarms")


def test_what_is_old_is_deleted(case):
    d = case.daemon(recording(case))
    for _ in range(4):
        equal(d.ask(case.world.question()), YES)
    equal(d.stop(), 0)
    with contextlib.closing(sqlite3.connect(events_path(case))) as store:
        store.execute("UPDATE event SET time = time - 7200000 WHERE id % 2 = 0")
        store.commit()
    d = case.daemon(recording(case, record='keep = "3h"'))
    equal(d.ask(case.world.question()), YES)
    wait_number(events_path(case), 5)
    d.reload(recording(case, record='keep = "1h"'))
    wait_for(lambda: number(events_path(case)) == 3, "old events to be deleted")
    equal(d.stop(), 0)


def test_a_clock_that_is_ahead_deletes_nothing(case):
    d = case.daemon(recording(case))
    for _ in range(5):
        equal(d.ask(case.world.question()), YES)
    equal(d.stop(), 0)
    with contextlib.closing(sqlite3.connect(events_path(case))) as store:
        store.execute("UPDATE event SET time = time - 100 * 86400000 WHERE id = 1")
        store.commit()
    clock = MovedClock(case, 100 * DAY)
    d = case.daemon(recording(case), env=clock.env)
    # One is too old by the right clock, too: when it is gone, the others had their turn.
    wait_for(lambda: number(events_path(case)) == 4, "the event that is too old to go")
    equal(d.stop(), 0)
    equal(rows(events_path(case), "SELECT id FROM event ORDER BY id"), [(2,), (3,), (4,), (5,)])


def test_recorder_ends_after_its_parent(case):
    d = case.daemon(recording(case))
    for _ in range(50):
        equal(d.ask(case.world.question()), YES)
    pid = the_recorder(d)
    d.kill()
    def gone():
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return ") Z " in file.read()
        except OSError:
            return True
    wait_for(gone, "the recorder's end")
    equal(number(events_path(case)), 50)
    # And another service goes on where that one ended.
    d = case.daemon(recording(case))
    equal(d.ask(case.world.question()), YES)
    equal(d.stop(), 0)
    equal(number(events_path(case)), 51)


def test_no_events_no_trouble(case):
    d = case.daemon()
    for _ in range(10):
        equal(d.ask(case.world.question()), YES)
    the_recorder(d)
    equal(d.stop(), 0)
    equal(d.count("level=(alarm|error|warning)"), 0, "complaints")
    check(not os.path.exists(events_path(case)), "a store is there")


def test_recorder_is_shut_in(case):
    needs_root()
    d = case.daemon(recording(case))
    pid = the_recorder(d)

    def shut_in():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(re.findall(r"^(\w+):[ \t]*(.*?)[ \t]*$", file.read(), re.MULTILINE))
        return status["Seccomp"] == "2" and status

    status = wait_for(shut_in, "the recorder's filter for system calls")
    equal(status["Uid"].split(), ["65534"] * 4)
    equal(status["Gid"].split(), ["65534"] * 4)
    equal(status["Groups"], "")
    equal(int(status["CapPrm"], 16) | int(status["CapEff"], 16) | int(status["CapAmb"], 16), 0)
    equal(status["NoNewPrivs"], "1")
    equal(d.stop(), 0)


def test_recorder_gets_nothing_by_arguments_or_environment(case):
    url = "postgresql://somebody@127.0.0.1:1/elsewhere?passfile=/nowhere"
    d = case.daemon(case.world.config(record=f'store = "{url}"'))
    d.wait_log("about=events")
    pid = the_recorder(d)
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        arguments = file.read().split(b"\0")
    equal(arguments[0], b"verimail-recorder", "its name")
    check(len(arguments) == 3 and arguments[1].isdigit(), arguments)
    with open(f"/proc/{pid}/environ", "rb") as file:
        equal(b"somebody" in file.read(), False, "the store in the environment")
    # Memory that a worker's end shares with it cannot be taken away, by nobody.
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        mapped = [line for line in file if "/memfd:verimail" in line]
    check(len(mapped) >= 3, mapped)
    for worker in d.workers():
        names = [os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")]
        equal([name for name in names if "memfd" in name], [], "of the shared memory in a worker")


def test_a_recorder_that_is_missing_is_said(case):
    alone = copy_program("verimaild", case.folder, recorder=False)
    if os.path.exists("/usr/local/libexec/verimail/verimail-recorder"):
        pytest.skip("another recorder is installed here")
    d = case.daemon(path=alone, ready=False)
    equal(d.process.wait(WAIT_LIMIT), 78, "the exit status")
    said = d.wait_log("event=not-started.*no recorder at")[0]
    check("libexec/verimail/verimail-recorder" in said and "install it again" in said, said)
    equal(d.count("event=recorder-died"), 0, "attempts to start it")
    tested = subprocess.run([alone, "-t", "-c", d.config], capture_output=True, text=True)
    equal(tested.returncode, 78, "the exit status of -t")
    check("no recorder at" in tested.stderr and "install it again" in tested.stderr, tested.stderr)


def test_a_recorder_that_goes_missing_is_said_each_time(case):
    """An upgrade may take it away while the service runs. It is used again when it is back."""
    folder = os.path.join(case.folder, "programs")
    os.mkdir(folder)
    beside = os.path.join(folder, "verimail-recorder")
    d = case.daemon(recording(case), path=copy_program("verimaild", folder))
    pid = the_recorder(d)
    os.rename(beside, beside + ".away")
    os.kill(pid, signal.SIGKILL)
    line = d.wait_log("event=recorder-failed")[0]
    check(beside in line and "No such file" in line, line)
    equal(d.ask(case.world.question()), YES, "without a recorder")
    os.rename(beside + ".away", beside)
    wait_number(events_path(case), 1)
    equal(d.stop(), 0, "the exit status")
