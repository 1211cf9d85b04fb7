# SPDX-License-Identifier: ISC
"""SIGHUP and SIGTERM, while clients ask without a pause."""
import os
import signal
import socket
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
import pytest

from harness.checks import LATE, WAIT_LIMIT, check, equal, wait_for
from harness.client import Load, ask, connect, read_all, refuses, wait_read
from harness.commandline import build_table
from harness.daemon import log_value
from harness.fault import Fault
from harness.files import write_file
from harness.keys import Key
from harness.replaystore import counting, state

YES = "YES stamped\r\n"
HELD = 8  # seconds that a connection has left after SIGTERM, at least


def load_of(case, d, question=None, **how):
    w = case.world
    return Load(case, d.addresses(), question or (lambda: (w.question(), {YES})), **how)


def ends_well(load, least=1):
    load.stop()
    equal(load.lost, [], "lost questions")
    equal(load.wrong, [], "wrong answers")
    check(load.asked >= least, f"only {load.asked} questions were asked")


def test_the_same_again_loses_nothing(case):
    d = case.daemon()
    load = load_of(case, d)
    for _ in range(15):
        load.wait_asked(40)
        d.reload()
    ends_well(load, 600)


def test_users_change(case):
    w = case.world
    d = case.daemon()
    both = {"NO refused\r\n", YES}
    load = load_of(case, d, lambda: (w.question(user="carol@example.org"), both))
    for has_carol in (True, False, True):
        carol = 'user "carol" { }' if has_carol else ""
        config = w.config(domain=f'{carol} user "alice" {{ }}')
        d.reload(config)
        # The old generation may finish what it has in hand; what is asked from now on is not.
        wanted = YES if has_carol else "NO refused\r\n"
        wait_for(lambda: d.ask(w.question(user="carol@example.org")) == wanted,
                 "the new users")
        for _ in range(50):
            equal(d.ask(w.question(user="carol@example.org")), wanted, f"carol: {has_carol}")
    ends_well(load)


def test_keys_rotate_without_a_gap(case):
    w = case.world
    new_service, new_host = Key("service"), Key("host")
    new_path = new_service.write(os.path.join(case.folder, "new.key"))
    d = case.daemon()
    current = {"host": w.host, "service": w.service}
    load = load_of(case, d, lambda: (w.question(**current), {YES}))
    old, new = w.host.public_text(), new_host.public_text()
    load.wait_asked(50)
    d.reload(w.config(host_keys=[new, old]))
    current["host"] = new_host
    load.wait_asked(50)
    d.reload(w.config(keys=[new_path, w.service_path], host_keys=[new, old]))
    current["service"] = new_service
    load.wait_asked(50)
    d.reload(w.config(keys=[new_path], host_keys=[new]))
    load.wait_asked(50)
    ends_well(load, 200)
    equal(d.ask(w.question()), "NO forged\r\n", "with the old keys")


def test_workers_change_in_number(case):
    w = case.world
    d = case.daemon(w.config(workers=1))
    load = load_of(case, d, threads=6)
    for workers in (4, 2, 8, 1, 3):
        d.reload(w.config(workers=workers))
        load.wait_asked(100)
        d.wait_workers(workers)
    ends_well(load, 500)


def test_addresses_come_and_go(case):
    w = case.world
    first, second = '"127.0.0.1:0"', '"127.0.0.2:0"'
    d = case.daemon(w.config(listen=[first]))
    address = d.address
    load = load_of(case, d)
    d.reload(w.config(listen=[first, second]))
    equal(d.addresses()[0], address, "the address that stays")
    other = d.addresses()[1]
    also = Load(case, [other], load.question)
    also.wait_asked(100)
    also.stop()
    half = []
    for i in range(20):
        question = w.question().encode()
        client = connect(other)
        client.sendall(question[:1 + i])
        half.append((client, question[1 + i:]))
    d.reload(w.config(listen=[first]))
    for client, rest in half:
        client.sendall(rest)
        equal(read_all(client).decode(), YES, "in mid-question at an address that went away")
        client.close()
    equal(also.lost + also.wrong, [], "at the second address")
    load.wait_asked(50)
    ends_well(load)


def test_an_address_that_went_away_is_closed_in_the_end(case):
    w = case.world
    d = case.daemon(w.config(listen=['"127.0.0.1:0"', '"127.0.0.2:0"']))
    other = d.addresses()[1]
    d.reload(w.config(listen=['"127.0.0.1:0"']))

    wait_for(lambda: refuses(other), "the address to be closed")
    d.wait_workers(2)


# The tables are checked in a process of their own first, then each new worker opens its stores.
@pytest.mark.parametrize("path, number", [("/users", 2), ("/users", 3), ("/replay-mark", 1)])
def test_a_generation_without_its_stores_is_refused_and_tried_again(case, path, number):
    w = case.world
    users = state(case, "users")
    build_table(users, "alice@example.org\n")
    config = counting(case, domain=f'users = "lmdb:{users}"')
    fault = Fault(os.path.join(case.folder, "fault"))
    d = case.daemon(config, env=fault.env)
    load = load_of(case, d)
    load.wait_asked(40)
    fault.at("open", number, path)
    d.reload(config, "event=reload-refused")
    refused = d.wait_log("event=reload-refused")[0]
    check("cannot open its store of counts or a table of users" in refused, refused)
    d.wait_log("event=reloaded")
    equal(fault.met(), 1)
    load.wait_asked(40)
    ends_well(load)
    equal(d.count("event=reload-refused"), 1)
    equal(d.ask(w.question()), YES)


# Another worker tries it again within a second.
def test_a_table_that_cannot_be_opened_at_the_start_is_tried_again(case):
    users = state(case, "users")
    build_table(users, "alice@example.org\n")
    fault = Fault(os.path.join(case.folder, "fault"))
    fault.at("open", 2, "/users")
    d = case.daemon(counting(case, workers=1, domain=f'users = "lmdb:{users}"'), env=fault.env)
    line = d.wait_log("level=alarm event=alarm about=users")[0]
    check("/users: Too many open files" in log_value(line, "because"), line)
    wait_for(lambda: d.ask(case.world.question()) == YES, "a table")
    equal(d.count("level=alarm"), 1)
    equal(fault.met(), 1)


def test_a_bad_configuration_is_refused_and_the_old_goes_on(case):
    w = case.world
    d = case.daemon()
    load = load_of(case, d)
    pids = d.workers()
    good = w.config()
    line = good[:good.index("workers")].count("\n") + 1
    bad = [
        (good.replace("workers = 2", "workers = many"),
         f":{line}: bad workers: many: expected a number"),
        (good.replace("example.org", "exa_mple.org"), "exa_mple.org: expected a domain name"),
        (good.replace("service.key", "nothing.key"), "nothing.key: expected a file that `verimail keygen service` made"),
        (good.replace("127.0.0.1:0", "192.0.2.1:1"), "192.0.2.1:1: expected an address to listen"),
        (good.replace("nobody", "no-such-user"), "no-such-user: expected a user of this machine"),
        (good + "}", "unexpected"),
        ("", "service"),
    ]
    for config, wanted in bad:
        line = d.reload(config, "event=reload-refused")
        check(wanted in line and d.config in line, f"{wanted!r} is not in {line!r}")
    write_file(d.config, good)
    equal(d.workers(), pids, "the workers")
    ends_well(load)


def test_more_sockets_than_a_worker_can_have_are_refused(case):
    w = case.world
    listen = [f'"127.0.1.{i}:0"' for i in range(1, 18)]
    d = case.daemon(w.config(listen=listen, workers=64, service="connections = 100"))
    d.reload(w.config(listen=listen, workers=1), "event=reload-refused.*too many sockets")
    for address in d.addresses():
        equal(ask(address, "bob -\r\n"), "ALLOW\r\n", f"at {address}")
    equal(d.stop(), 0, "the exit status")


def test_many_signals_at_once(case):
    d = case.daemon()
    load = load_of(case, d)
    for _ in range(200):
        os.kill(d.pid, signal.SIGHUP)
        time.sleep(0.001)
    d.wait_log("event=reloaded", 2)
    load.wait_asked(100)
    d.wait_workers(2)
    ends_well(load)
    check(d.process.poll() is None, "verimaild runs")


def test_a_slow_client_is_answered_by_its_old_worker(case):
    w = case.world
    d = case.daemon()
    old = set(d.workers())
    with connect(d.address) as client:
        client.sendall(b"carol@example.org - ip=")
        wait_read(client)
        for _ in range(3):
            d.reload(w.config(domain='user "carol" { allow_unauthorized = true }'))
        left = old & set(d.workers())
        check(len(left) == 1, f"{len(left)} of the old workers wait for it")
        client.sendall(b"192.0.2.1\r\n")
        equal(read_all(client), b"NO unstamped ttl=300\r\n", "by the old users")
    equal(d.ask("carol@example.org - ip=192.0.2.1\r\n"), "ALLOW unstamped ttl=300\r\n", "the new")
    d.wait_workers(2, old)


def test_sigterm_under_load_answers_what_is_in_hand(case):
    for _ in range(5):
        d = case.daemon()
        held = []
        for _ in range(20):
            client = connect(d.address)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(b"bob@example.org - ")
            held.append(client)
        load = load_of(case, d)
        load.wait_asked(100)
        for client in held:
            client.sendall(b"x=")
        begin = time.monotonic()
        os.kill(d.pid, signal.SIGTERM)
        for client in held:
            client.sendall(b"1\r\n")
            equal(read_all(client), b"ALLOW unstamped ttl=300\r\n", "in hand")
            client.close()
        equal(d.stop(), 0, "the exit status")
        seconds = time.monotonic() - begin
        load.stop()
        equal(load.wrong, [], "wrong answers")
        check(seconds < HELD, f"it took {seconds:.1f} s")
        equal(d.count("event=stopped"), 1, "last lines")


def test_sigterm_ends_a_service_whose_queue_is_never_empty(case):
    """RSA takes a worker longer than it takes a client to come again."""
    key = rsa.generate_private_key(65537, 4096)
    path = os.path.join(case.folder, "classic.pem")
    write_file(path, key.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))
    question = f"alice@example.org {os.urandom(512).hex()}\r\n"
    d = case.daemon(case.world.config(domain=f'classic_key = "{path}" user "alice" {{ }}', workers=1))
    load = load_of(case, d, lambda: (question, {"NO\r\n"}), threads=16, apart=True)
    load.wait_asked(50)
    begin = time.monotonic()
    equal(d.stop(), 0, "the exit status")
    seconds = time.monotonic() - begin
    load.stop()
    equal(load.wrong, [], "wrong answers")
    check(seconds < HELD, f"it took {seconds:.1f} s")


def test_sigterm_waits_for_a_held_connection_no_longer_than_its_time(case):
    d = case.daemon()
    with connect(d.address) as client:
        client.sendall(b"alice")
        wait_read(client)
        begin = time.monotonic()
        equal(d.stop(), 0, "the exit status")
        seconds = time.monotonic() - begin
        equal(read_all(client), b"", "what it was told")
    check(HELD <= seconds <= HELD + LATE, f"it took {seconds:.1f} s")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_sigint_and_sigterm_end_an_idle_service_at_once(case, signum):
    d = case.daemon()
    begin = time.monotonic()
    equal(d.stop(signum), 0, "the exit status")
    check(time.monotonic() - begin < HELD, f"signal {signum} took too long")


def test_a_group_signal_is_the_parents_alone(case):
    """A terminal's ^C reaches all processes of the group."""
    d = case.daemon(start_new_session=True)
    with connect(d.address) as client:
        client.sendall(b"bob ")
        wait_read(client)
        os.killpg(d.pid, signal.SIGINT)
        d.wait_log("event=stopping")
        client.sendall(b"-\r\n")
        equal(read_all(client), b"ALLOW\r\n", "in hand")
    equal(d.process.wait(WAIT_LIMIT), 0, "the exit status")
    equal(d.count("worker-died"), 0, "deaths")


def test_a_second_service_waits_for_the_state_folder_and_is_refused(case):
    first = case.daemon()
    started = time.monotonic()
    second = case.daemon(ready=False)
    second.wait_log("level=notice event=state-locked")
    second.wait_log(f"another verimaild, process {first.pid}, has the state folder: {case.world.state}")
    equal(second.process.wait(WAIT_LIMIT), 1, "status")
    check(time.monotonic() - started >= 14, "it did not wait")
    equal(first.ask(case.world.question()), YES)
    # One that waits begins when the other ends.
    third = case.daemon(ready=False)
    third.wait_log("level=notice event=state-locked")
    equal(first.stop(), 0)
    third.wait_log("event=ready")
    equal(third.stop(), 0)


@pytest.mark.parametrize("option", [0, socket.SO_REUSEADDR, socket.SO_REUSEPORT],
                         ids=["plain", "SO_REUSEADDR", "SO_REUSEPORT"])
def test_a_port_where_another_program_listens_is_refused(case, option):
    d = case.daemon()
    with socket.socket() as other:
        if option:
            other.setsockopt(socket.SOL_SOCKET, option, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        more = case.world.config(listen=('"127.0.0.1:0"', f'"{taken}"'))
        d.reload(more, f"event=reload-refused.*another program listens there: {taken}")
        equal(d.ask(case.world.question()), YES)
        equal(d.stop(), 0)
        refused = case.daemon(more, ready=False)
        refused.wait_log(f"event=not-started.*another program listens there: {taken}")
        equal(refused.process.wait(WAIT_LIMIT), 1)
    equal(case.daemon(more).stop(), 0)


def test_a_killed_service_is_followed_by_another_at_once(case):
    d = case.daemon()
    host, port = d.address
    config = case.world.config(listen=(f'"{host}:{port}"',))
    for _ in range(3):
        d.kill()
        d = case.daemon(config)
        equal(d.ask(case.world.question()), YES)
    equal(d.stop(), 0)
