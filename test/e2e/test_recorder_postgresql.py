# SPDX-License-Identifier: ISC
"""The recorder and a PostgreSQL server that is down, comes, goes, and hangs."""
import signal

from harness.checks import check, equal, wait_for
from harness.postgresql import Server

YES = "YES stamped\r\n"


def wait_events(server, count):
    sql = "SELECT count(*) FROM verimail.event"
    wait_for(lambda: int(server.ask(sql) or 0) >= count, f"{count} events")
    equal(server.ask(sql), str(count), "events")


def ask_many(case, d, count=40):
    for _ in range(count):
        equal(d.ask(case.world.question()), YES)


def test_server_that_comes_late_gets_all(case):
    server = Server(case, "recorder", tcp=True)
    d = case.daemon(case.world.config(record=f'store = "{server.address}"'))
    ask_many(case, d)
    d.wait_log("level=alarm event=alarm about=events")
    server.start()
    wait_events(server, 40)
    d.wait_log("event=events-recorded-again")
    # It goes and comes again.
    server.stop()
    ask_many(case, d)
    server.start()
    wait_events(server, 80)
    equal(server.ask("SELECT count(*) FROM verimail.event_gap"), "0")
    equal(d.count("event=alarm about=events"), 1, "alarms")
    equal(d.stop(), 0)


def test_over_a_unix_socket_and_reloads(case):
    server = Server(case, "recorder", tcp=True)
    server.start()
    config = case.world.config(record=f'store = "{server.local_address}"')
    d = case.daemon(config)
    for _ in range(4):
        ask_many(case, d)
        d.reload(config)
    equal(d.stop(), 0)
    wait_events(server, 160)


def test_server_that_hangs_delays_no_answer_and_no_end_for_ever(case):
    server = Server(case, "recorder", tcp=True)
    server.start()
    d = case.daemon(case.world.config(record=f'store = "{server.address}"'))
    ask_many(case, d)
    wait_events(server, 40)
    pids = server.processes()
    server.signal(signal.SIGSTOP, pids)
    try:
        ask_many(case, d)
        equal(d.stop(), 0)
        check(d.count("level=error event=events-lost") == 1, "no word of what is lost")
    finally:
        server.signal(signal.SIGCONT, pids)
