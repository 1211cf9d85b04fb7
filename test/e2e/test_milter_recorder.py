# SPDX-License-Identifier: ISC
"""The milter's recorder: what it did is on record, and counted, whatever happens to the recorder."""
import os
import signal
import subprocess
import threading

from harness.checks import WAIT_LIMIT, check, equal, wait_for
from harness.counters import check_with_promtool, fetch, metric, refuses
from harness.daemon import copy_program
from harness.dnsserver import SILENCE, look_up
from harness.milterclient import MilterClient
from harness.milterprocess import (HEADER, MilterSite, ended, from_elsewhere, mail_record, only_child,
                                   serves, session, stamps, stops)

SENT = 'verimail_messages_total{direction="out",verdict="",action="stamped"}'


def rows(site, query):
    return mail_record(site.state, query)


def recorded(site):
    found = rows(site, "SELECT count(*) FROM mail")
    return found[0][0] if found else 0


def the_recorder(d, without=0):
    """The one recorder's process id, another one than that."""
    def there():
        pids = d.recorders()
        return len(pids) == 1 and pids[0] != without and pids[0]
    return wait_for(there, "the recorder")


def counted(site, more="", run="run"):
    """A configuration with counters, and where they are."""
    folder = site.path(run)
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    where = os.path.join(folder, "metrics")
    return site.config(f'metrics = "unix:{where}" {more}'), where


def test_what_was_done_is_on_record(case):
    site = MilterSite(case)
    d = site.start()
    serves(site)
    wait_for(lambda: recorded(site) == 1, "the message on record")
    equal(rows(site, "SELECT direction, action, author FROM mail"),
          [("out", "stamped", "alice@origin.test")])
    stops(d)
    equal(d.count("level=(alarm|error)"), 0, "complaints")


def test_a_recorder_that_dies_is_replaced_and_loses_nothing(case):
    site = MilterSite(case)
    config, where = counted(site)
    d = site.start(config)
    worker = only_child(d)
    pid = the_recorder(d)
    with session(site) as client:
        for n in range(1, 4):
            os.kill(pid, signal.SIGKILL)
            for _ in range(20):
                equal(stamps(client), 1, "without a recorder")
            pid = the_recorder(d, pid)
            wait_for(lambda n=n: recorded(site) >= 20 * n, f"{n} x 20 messages")
            wait_for(lambda n=n: metric(where, SENT) == 20 * n, "as many counted")
    equal(metric(where, "verimail_recorders_restarted_total"), 3)
    equal(d.count("event=recorder-died"), 3, "deaths")
    # Nor does a dead worker take anything with it.
    os.kill(worker, signal.SIGKILL)
    d.wait_log("event=ready", 2)
    serves(site)
    wait_for(lambda: recorded(site) == 61, "a message of another worker")
    equal(metric(where, "verimail_workers_restarted_total"), 1)
    equal(metric(where, "verimail_events_dropped_total"), 0)
    stops(d)


def test_the_rest_is_recorded_at_the_end(case):
    site = MilterSite(case)
    d = site.start()
    the_recorder(d)
    with session(site) as client:
        for _ in range(300):
            equal(stamps(client), 1)
    stops(d)
    equal(recorded(site), 300)


def test_the_recorder_ends_after_its_supervisor(case):
    site = MilterSite(case)
    d = site.start()
    pid = the_recorder(d)
    serves(site)
    d.kill()
    wait_for(lambda: ended(pid), "its end")
    equal(recorded(site), 1)


def test_a_recorder_that_stands_still_delays_no_message(case):
    site = MilterSite(case)
    d = site.start()
    pid = the_recorder(d)
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            serves(site)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: recorded(site) == 20, "all of them")
    stops(d)


def test_a_reload_changes_what_is_recorded_and_where(case):
    site = MilterSite(case)
    config, where = counted(site)
    d = site.start(config)
    first = the_recorder(d)
    serves(site)
    wait_for(lambda: metric(where, SENT) == 1, "a message counted")
    # Nothing is recorded, but counted.
    d.reload(config + 'record { store = "none" }\n')
    second = the_recorder(d, first)
    serves(site)
    wait_for(lambda: not refuses(where) and metric(where, SENT) == 2, "another one")
    # Neither: no recorder.
    d.reload(site.config() + 'record { store = "none" }\n')
    wait_for(lambda: d.recorders() == [], "the end of the recorder")
    check(ended(second), "it runs")
    check(not os.path.exists(where), "the socket is there")
    serves(site)
    # Both, elsewhere.
    config, elsewhere = counted(site, run="elsewhere")
    d.reload(config)
    the_recorder(d)
    serves(site)
    wait_for(lambda: not refuses(elsewhere) and metric(elsewhere, SENT) == 4, "all are counted")
    wait_for(lambda: recorded(site) == 2, "the first and the last on record")
    equal(d.count("event=recorder-died"), 0, "deaths")
    equal(metric(elsewhere, "verimail_recorders_restarted_total"), 0)
    stops(d)
    check(not os.path.exists(elsewhere), "the socket is there after the end")


def test_counters(case):
    site = MilterSite(case)
    config, where = counted(site)
    d = site.start(config)
    the_recorder(d)
    wait_for(lambda: not refuses(where), "the counters")
    serves(site)
    with MilterClient(site.socket) as client:
        client.connect("198.51.100.1")
        wait_for(lambda: metric(where, "verimail_sessions") == 1, "a session")
        for _ in range(3):
            client.message([("From", " carol@elsewhere.test"), *HEADER[1:]], b"text\r\n",
                           sender="<carol@elsewhere.test>")
    passed = 'verimail_messages_total{direction="in",verdict="none",action="passed"}'
    wait_for(lambda: metric(where, passed) == 3, "three from elsewhere")
    wait_for(lambda: metric(where, "verimail_sessions") == 0, "no session")
    equal(metric(where, SENT), 1)
    equal(metric(where, 'verimail_asked_total{outcome="no-service"}'), 3)
    equal(metric(where, "verimail_message_duration_seconds_count"), 4)
    for name in ("cache_hits_total", "budget_exhausted_total", "breaker_open", "lookups_waiting",
                 "breaker_tripped_total", "sessions_refused_total", "budget_spent_total"):
        equal(metric(where, f"verimail_{name}"), 0, name)
    wait_for(lambda: metric(where, "verimail_events_recorded_total") == 4, "all on record")
    head, text = fetch(where)
    check("Content-Type: text/plain; version=0.0.4; charset=utf-8" in head, head)
    check("origin.test" not in text and "elsewhere.test" not in text, "a name in the counters")
    check("verimail_questions_total" not in text, "counters of the service")
    check_with_promtool(text)
    stops(d)


def test_counters_of_what_is_asked_move(case):
    site = MilterSite(case)
    records = {("mx.example.test", "A"): ["127.0.0.9"],  # where nothing listens
               **{(f"_verimail._tcp.{name}.test", "SRV"): ["0 0 1024 mx.example.test."]
                  for name in ("one", "two")}}
    site.dns.records = lambda query, _: (
        SILENCE if "slow.test" in str(query.question[0].name) else look_up(records, query))
    config, where = counted(site)
    d = site.start(config.replace(
        "verify {", 'verify { budget_per_domain = 16 allow_networks = {"127.0.0.0/8"} '))
    wait_for(lambda: not refuses(where), "the counters")
    with MilterClient(site.socket) as client, MilterClient(site.socket) as other:
        client.connect("198.51.100.1")
        other.connect("203.0.113.1")
        # A network has an eighth of a domain's budget; a service rests after three failures.
        for author in ["carol@one.test"] * 4 + ["carol@two.test"]:
            from_elsewhere(client, author)
        wait_for(lambda: metric(where, "verimail_breaker_tripped_total") == 1, "a rest")
        equal(metric(where, "verimail_breaker_open"), 1)
        equal(metric(where, "verimail_budget_spent_total"), 3)
        equal(metric(where, "verimail_budget_exhausted_total"), 2)
        asking = threading.Thread(target=from_elsewhere, args=(other, "dave@slow.test"))
        asking.start()
        wait_for(lambda: metric(where, "verimail_lookups_waiting") >= 1, "a look-up")
        asking.join()
        wait_for(lambda: metric(where, "verimail_lookups_waiting") == 0, "none")
    stops(d)


def test_a_recorder_that_is_missing_is_said(case):
    site = MilterSite(case)
    alone = copy_program("verimail-milter", case.folder, recorder=False)
    if os.path.exists("/usr/local/libexec/verimail/verimail-recorder"):
        return
    said = site.refuse(path=alone, status=78)
    check("no recorder at" in said and "install it again" in said, said)
    tested = subprocess.run([alone, "-t", "-c", os.path.join(case.folder, "verimail.conf")],
                            capture_output=True, text=True, check=False)
    equal(tested.returncode, 78, "the exit status of -t")
    check("no recorder at" in tested.stderr and "install it again" in tested.stderr, tested.stderr)
    # Without a record and counters none is needed.
    d = site.start(site.config() + 'record { store = "none" }\n', path=alone)
    serves(site)
    equal(d.stop(), 0, "the exit status")


def test_a_check_warns_of_a_missing_folder(case):
    site = MilterSite(case)
    config = site.config('state = "/nowhere/at/all"')
    with open(site.path("c"), "w", encoding="ascii") as file:
        file.write(config)
    milter = copy_program("verimail-milter", case.folder)
    tested = subprocess.run([milter, "-t", "-c", site.path("c")], capture_output=True, text=True,
                            check=False, timeout=WAIT_LIMIT)
    equal(tested.returncode, 0, tested.stderr)
    check("no folder for the record of mail: /nowhere/at/all" in tested.stderr, tested.stderr)
    # It serves all the same.
    d = site.start(config)
    serves(site)
    d.wait_log("event=alarm about=events")
    serves(site)
    equal(d.stop(), 0, "the exit status")
