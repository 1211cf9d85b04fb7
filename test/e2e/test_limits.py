# SPDX-License-Identifier: ISC
"""Many connections, many descriptors, many bad lines: others are answered all the same."""
import os
import shutil
import subprocess
import threading
import time

import pytest

from harness.checks import Failure, check, equal, wait_for
from harness.client import ask, connect, read_all, wait_read
from harness.daemon import log_value
from harness.fault import Fault
from harness.namespaces import apart, needs_descriptors, unshare_network

YES = "YES stamped\r\n"


def hold(d, source, octets=b"alice", address=None):
    client = connect(address or d.address, source)
    if octets:
        client.sendall(octets)
    return client


def was_refused(client):
    """Whether it was closed at once, without an answer."""
    try:
        return read_all(client) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_ten_thousand_idle_connections_change_nothing_for_others(case):
    needs_descriptors(11000)
    w = case.world
    d = case.daemon()
    address = d.address
    idle = []
    for i in range(10000):
        source = f"127.{1 + i % 5}.0.{1 + i // 5 % 40}"
        idle.append(hold(d, source, b"a" if i % 2 else b"", address))
    wait_for(lambda: sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in d.workers()) > 5000,
             "the workers to hold those that sent an octet")
    slowest = [0.0] * 4

    def ask_many(k):
        for _ in range(250):
            begin = time.monotonic()
            equal(ask(address, w.question()), YES, "with idle connections beside it")
            slowest[k] = max(slowest[k], time.monotonic() - begin)
        answered.append(k)
    answered = []
    threads = [threading.Thread(target=ask_many, args=(k,)) for k in range(4)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"# 1000 questions in {time.monotonic() - begin:.2f} s, the slowest {max(slowest):.3f} s")
    for client in idle:
        client.close()
    equal(sorted(answered), [0, 1, 2, 3], "clients that got all their answers")


def test_an_address_has_its_share(case):
    d = case.daemon(case.world.config("connections_per_address = 5", workers=1))
    held = [hold(d, "127.0.0.2") for _ in range(5)]
    check(was_refused(hold(d, "127.0.0.2")), "the sixth is refused")
    d.wait_log("event=unanswered why=too-many source=127.0.0.2")
    equal(d.ask("bob -\r\n", source="127.0.0.3"), "ALLOW\r\n", "another address")
    held[2].close()
    wait_for(lambda: d.count("event=question|event=malformed") >= 2, "the end of one")
    held[2] = hold(d, "127.0.0.2", b"bob -\r\n")
    equal(read_all(held[2]), b"ALLOW\r\n", "in its place")
    for client in (held[0], held[4]):
        client.sendall(b" -\r\n")
        equal(read_all(client), b"NO\r\n", "those that are held")


def loopback(*addresses):
    """A network of this thread's own, with these addresses."""
    if shutil.which("ip") is None:
        pytest.skip("no ip(8)")
    unshare_network()
    commands = [["link", "set", "lo", "up"]]
    commands += [["addr", "add", address, "dev", "lo"] for address in addresses]
    for command in commands:
        done = subprocess.run(["ip", *command], stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            pytest.skip("ip " + " ".join(command) + ": " + done.stderr.decode().strip())


@apart
def test_networks_of_ipv6_have_their_share(case):
    here, near, far = "2001:db8:1:1::1", "2001:db8:1:1:ffff::2", "2001:db8:2:1::1"
    next_door = [f"2001:db8:1:{i}::1" for i in range(2, 6)]
    loopback(*(address + "/128" for address in (here, near, far, *next_door)))
    d = case.daemon(case.world.config("connections_per_address = 3",
                                      listen=['"[::1]:0"', '"*:0"'], workers=1))
    address = (here, d.addresses()[1][1])
    held = [hold(d, source, address=address) for source in (here, here, near)]
    for source in (here, near):
        check(was_refused(hold(d, source, address=address)), f"a fourth of the /64: {source}")
    held += [hold(d, source, address=address) for source in next_door[:3] for _ in range(3)]
    check(was_refused(hold(d, next_door[3], address=address)), "a thirteenth of the /48")
    equal(ask(address, "bob -\r\n", source=far), "ALLOW\r\n", "another /48")
    equal(ask(("127.0.0.1", address[1]), "bob -\r\n"), "ALLOW\r\n", "IPv4")
    equal(ask(d.addresses()[0], "bob -\r\n"), "ALLOW\r\n", "[::1]")
    for client in held:
        client.sendall(b" -\r\n")
        equal(read_all(client), b"NO\r\n", "those that are held")
    equal(d.ask("bob -\r\n"), "ALLOW\r\n", "afterwards")
    d.wait_log(f"why=too-many source=\\[{next_door[3]}\\]")


def test_the_oldest_makes_room(case):
    d = case.daemon(case.world.config("connections = 10", workers=1))
    held = []
    for i in range(10):
        held.append(hold(d, f"127.0.1.{i + 1}"))
        wait_read(held[-1])
    equal(d.ask("bob -\r\n"), "ALLOW\r\n", "which is answered at once, and needs no room")
    more = hold(d, "127.0.2.1")
    check(was_refused(held[0]), "the oldest is closed")
    d.wait_log("event=unanswered why=room source=127.0.1.1:")
    for client in held[1:] + [more]:
        client.sendall(b" -\r\n")
        equal(read_all(client), b"NO\r\n", "the others")
    equal(d.count("why=room"), 1, "closed to make room")


def with_descriptors(case, count):
    """A daemon of one worker with so many descriptors, and no right to raise their number."""
    return case.daemon(case.world.config(workers=1),
                       command=["setpriv", "--bounding-set=-sys_resource", "prlimit",
                                f"--nofile={count}:{count}"])


def test_without_descriptors_it_goes_on_answering(case):
    w = case.world
    d = with_descriptors(case, 40)
    d.wait_log("event=few-descriptors")
    pids = d.workers()
    held = [hold(d, f"127.0.1.{i + 1}") for i in range(60)]
    for _ in range(100):
        equal(d.ask(w.question()), YES, "with all descriptors taken")
    d.wait_log("why=room")
    held[-1].sendall(b" -\r\n")
    equal(read_all(held[-1]), b"NO\r\n", "the latest of those that are held")
    equal(d.workers(), pids, "the worker")


def test_without_a_single_descriptor_it_refuses(case):
    fault = Fault(os.path.join(case.folder, "fault"))
    d = case.daemon(case.world.config(workers=1), env=fault.env)
    (pid,) = d.workers()
    for _ in range(5):
        fault.at("accept4")
        check(was_refused(hold(d, "127.0.3.1", b"bob -\r\n")), "closed without an answer")
    equal(d.workers(), [pid], "the worker")
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        ticks = file.read().rsplit(")", 1)[1].split()[11:13]
    check(sum(map(int, ticks)) < os.sysconf("SC_CLK_TCK"), "the worker goes round in circles")


def test_as_many_descriptors_as_may_be_are_used(case):
    """Even where root may not raise the hard limit, as in most containers."""
    d = case.daemon(command=["setpriv", "--bounding-set=-sys_resource", "prlimit",
                             "--nofile=100:2000"])
    for pid in d.workers():
        equal(limit_of(pid), (2000, 2000), "open files")
    d.wait_log("event=few-descriptors", 2)


def limit_of(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("Max open files"))
    return tuple(int(word) for word in line.split()[3:5])


def test_a_flood_of_bad_lines_does_not_flood_the_log(case):
    d = case.daemon()
    address = d.address
    each = 500

    def flood():
        for _ in range(each):
            try:
                ask(address, b"\xff\0" * 50 + b"\n")
            except OSError as error:
                raise Failure(f"a bad line: {error}") from error
    threads = [threading.Thread(target=flood) for _ in range(4)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begin
    equal(d.stop(), 0, "the exit status")
    lines = d.count("event=malformed")
    check(lines <= 2 * (100 + 10 * (seconds + 1)), f"{lines} lines in {seconds:.1f} s")
    left_out = sum(int(log_value(line, "count")) for line in d.lines("event=left-out"))
    equal(lines + left_out, 4 * each, "lines, and what is said to be left out")
