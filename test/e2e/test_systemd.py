# SPDX-License-Identifier: ISC
"""Messages to systemd, sockets that it hands over, and a start without root."""
import os
import pwd
import re
import signal
import socket
import time

from harness.checks import WAIT_LIMIT, check, equal
from harness.client import Load, ask, connect, read_all
from harness.daemon import copy_program
from harness.namespaces import needs_root

YES = "YES stamped\r\n"
# Hands descriptors over as systemd does, to the program in its arguments.
HAND_OVER = """
import fcntl, os, sys
fds = [int(fd) for fd in sys.argv[1].split(",")]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.environ["LISTEN_FDS"] = str(len(fds))
os.environ["LISTEN_PID"] = str(os.getpid() + int(sys.argv[2]))
os.execv(sys.argv[3], sys.argv[3:])
"""


def told(listener, limit=WAIT_LIMIT):
    listener.settimeout(limit)
    return listener.recv(4096).decode()


def systemd_is_told(case, path, name):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    d = case.daemon(env={"NOTIFY_SOCKET": name})
    equal(told(listener), "READY=1", "at the start")
    for config, wanted in ((None, "event=reloaded"), ("nonsense", "event=reload-refused"),
                           (case.world.config(), "event=reloaded")):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        d.reload(config, wanted)
        message = told(listener)
        match = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", message)
        check(match, f"at a reload: {message!r}")
        check(before <= int(match[1]) <= before + 10_000_000, "the time of the reload")
        equal(told(listener), "READY=1", "after a reload")
    # The death of a worker is not reported.
    os.kill(d.wait_workers(2)[0], signal.SIGKILL)
    d.wait_log("event=worker-died")
    d.process.send_signal(signal.SIGTERM)
    equal(told(listener), "STOPPING=1", "at the end")
    equal(d.process.wait(WAIT_LIMIT), 0, "the exit status")
    listener.setblocking(False)
    try:
        check(False, f"and then: {listener.recv(4096)!r}")
    except BlockingIOError:
        pass


def test_systemd_is_told_over_a_path(case):
    path = os.path.join(case.folder, "notify")
    systemd_is_told(case, path, path)


def test_systemd_is_told_over_an_abstract_name(case):
    name = os.path.basename(case.folder)
    systemd_is_told(case, "\0" + name, "@" + name)


def test_a_notify_socket_that_does_not_exist_does_no_harm(case):
    for name in ("", "relative", "/nonexistent/notify", "/" + "x" * 200):
        d = case.daemon(env={"NOTIFY_SOCKET": name})
        equal(d.ask("bob -\r\n"), "ALLOW\r\n", name)
        d.kill()


def listening_socket(family=socket.AF_INET, host="127.0.0.1"):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((host, 0))
    listener.listen(1000)
    return listener


def activated(case, listeners, pid_offset=0, **how):
    fds = [listener.fileno() for listener in listeners]
    return case.daemon(command=["/usr/bin/python3", "-c", HAND_OVER, ",".join(map(str, fds)),
                                str(pid_offset)], pass_fds=fds, **how)


def test_sockets_are_handed_over(case):
    w = case.world
    listeners = [listening_socket(), listening_socket(host="127.0.0.2")]
    addresses = [listener.getsockname() for listener in listeners]
    # A client that comes before the service waits for it.
    early = connect(addresses[1])
    early.sendall(w.question().encode())
    d = activated(case, listeners)
    for listener in listeners:
        listener.close()
    equal(read_all(early).decode(), YES, "before the start")
    equal(d.addresses(), addresses, "addresses: those of the sockets")
    for address in addresses * 20:
        equal(ask(address, w.question()), YES, str(address))
    equal(len(d.workers()), 2, "workers that share them")
    load = Load(case, addresses, lambda: (w.question(), {YES}))
    for workers in (2, 4, 1):
        load.wait_asked(100)
        d.reload(w.config(workers=workers))
        equal(d.addresses(), addresses, "addresses after a reload")
    os.kill(d.wait_workers(1)[0], signal.SIGKILL)
    d.wait_log("event=worker-died")
    load.wait_asked(100)
    load.stop()
    equal(load.wrong, [], "wrong answers")
    check(len(load.lost) <= 1, f"lost: {load.lost}")
    equal(d.stop(), 0, "the exit status")


def test_sockets_for_another_process_are_left_alone(case):
    listener = listening_socket()
    d = activated(case, [listener], pid_offset=1)
    check(d.address != listener.getsockname(), "it listens where its configuration says")
    equal(d.ask("bob -\r\n"), "ALLOW\r\n", "there")


def test_a_socket_that_cannot_be_used_is_named(case):
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.bind(("127.0.0.1", 0))
    local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    local.bind(os.path.join(case.folder, "socket"))
    local.listen()
    idle = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    for sock in (datagram, local, idle):
        d = activated(case, [sock], ready=False)
        d.wait_log("event=not-started.*socket from systemd.*expected ListenStream=")
        equal(d.process.wait(WAIT_LIMIT), 1, "the exit status")


class Unprivileged:
    """A folder with a verimaild and all that it reads, of the user nobody."""

    def __init__(self, case):
        needs_root()
        nobody = pwd.getpwnam("nobody")
        self.command = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}",
                        "--clear-groups"]
        self.program = os.path.join(case.folder, "verimaild")
        copy_program("verimaild", case.folder)
        os.chmod(os.path.dirname(case.folder), 0o711)
        os.chmod(case.folder, 0o711)
        for path in (case.world.service_path, case.world.state):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)


def test_without_root_it_works_and_says_so(case):
    site = Unprivileged(case)
    d = case.daemon(case.world.config(run_as="no-such-user"), command=site.command, path=site.program)
    d.wait_log("event=not-root")
    for _ in range(50):
        equal(d.ask(case.world.question()), YES, "an answer")
    for pid in d.workers():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = file.read()
        for wanted in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000",
                       "Uid:\t65534\t65534\t65534\t65534"):
            check(wanted in status, f"{wanted!r} is not in the worker's status")
    old = d.workers()
    d.reload()
    equal(d.ask(case.world.question()), YES, "after a reload")
    d.wait_workers(2, old)
    equal(d.stop(), 0, "the exit status")
    equal(d.count("worker-died"), 0, "deaths")


def test_workers_keep_none_of_the_capabilities_that_were_given(case):
    """A user may have been given the one for low ports: the parent has opened them by then."""
    site = Unprivileged(case)
    given = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]
    d = case.daemon(case.world.config(listen=['"127.0.0.1:0"']), command=site.command + given,
                    path=site.program)
    with open(f"/proc/{d.process.pid}/status", encoding="ascii") as file:
        check("CapEff:\t0000000000000400" in file.read(), "the parent was given nothing")
    for pid in d.workers():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = file.read()
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            check(f"{name}:\t0000000000000000" in status, f"a worker kept {name}")


def test_without_root_a_low_port_is_refused(case):
    site = Unprivileged(case)
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        low = int(file.read()) > 26
    if low:
        d = case.daemon(case.world.config(listen=['"127.0.0.1:26"']), command=site.command,
                        path=site.program, ready=False)
        d.wait_log("event=not-started.*Permission denied: 127.0.0.1:26")
        equal(d.process.wait(WAIT_LIMIT), 1, "the exit status")
