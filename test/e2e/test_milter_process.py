# SPDX-License-Identifier: ISC
"""verimail-milter's two processes: their deaths and their end, and what systemd is told."""
import os
import shutil
import signal
import socket
import time

import pytest

from harness.checks import LATE, WAIT_LIMIT, check, equal, wait_for
from harness.daemon import log_value
from harness.files import write_file
from harness.milterprocess import (MilterSite, ended, only_child, serves, session, stamps,
                                   status_of, stops)


# Death


def test_a_process_that_dies_is_replaced(case):
    site = MilterSite(case)
    d = site.start()
    for n, (signum, name) in enumerate(((signal.SIGKILL, "KILL"), (signal.SIGABRT, "ABRT")), 1):
        child = only_child(d)
        os.kill(child, signum)
        line = d.wait_log("event=worker-died", n)[-1]
        equal(log_value(line, "signal"), name, line)
        d.wait_log("event=ready", n + 1)
        check(only_child(d) != child, "another process")
        serves(site)
    stops(d)


def test_a_reload_while_there_is_no_process(case):
    site = MilterSite(case)
    d = site.start()
    for n in range(1, 4):
        write_file(d.config, site.config("trusted_networks = {}" if n % 2 else ""))
        os.kill(only_child(d), signal.SIGKILL)
        if n == 2:
            d.wait_log("event=worker-died", n)
        os.kill(d.pid, signal.SIGHUP)
        d.wait_log("event=ready", n + 1)

        def as_told():
            with session(site) as client:
                return stamps(client) == (0 if n % 2 else 1)  # pylint: disable=W0640
        wait_for(as_told, f"the new configuration, {n}")


def test_it_is_not_replaced_in_a_hurry(case):
    site = MilterSite(case)
    d = site.start()
    os.kill(only_child(d), signal.SIGKILL)
    d.wait_log("event=ready", 2)
    # Nothing can listen there any more: every further process dies at once.
    shutil.rmtree(site.path("x"), ignore_errors=True)
    os.unlink(site.socket)
    os.mkdir(site.socket)
    os.kill(only_child(d), signal.SIGKILL)
    begin = time.monotonic()
    d.wait_log("event=worker-died", 6)
    took = time.monotonic() - begin
    check(took > 1, f"five deaths in {took:.1f} s")
    d.wait_log("not-started.*is not a socket")
    os.rmdir(site.socket)
    d.wait_log("event=ready", 3)
    serves(site)
    equal(d.stop(), 0, "the exit status")


def answers(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


def test_without_its_supervisor_it_ends(case):
    site = MilterSite(case)
    d = site.start()
    child = only_child(d)
    d.kill()
    # The first of its threads may end before the last, which has its socket.
    wait_for(lambda: ended(child) and not answers(site.socket), "the milter process's end")
    check(os.path.exists(site.socket), "its socket, which is dead")
    d = site.start()  # takes the socket's place
    serves(site)
    stops(d)


# The end


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_though_it_is_idle(case, signum):
    site = MilterSite(case)
    d = site.start()
    serves(site)
    stops(d, signum)
    check(not os.path.exists(site.socket), "the socket is left")
    equal(d.count("event=worker-died"), 0, d.text())


def test_it_ends_though_a_mail_server_is_there(case):
    site = MilterSite(case)
    d = site.start()
    with session(site) as client:
        client.mail()
        stops(d, limit=10 + LATE)


def test_a_process_that_does_not_end_is_killed(case):
    site = MilterSite(case)
    d = site.start()
    child = only_child(d)
    os.kill(child, signal.SIGSTOP)
    begin = time.monotonic()
    equal(d.stop(), 0, "the exit status")
    check(9 < time.monotonic() - begin < 10 + LATE, f"it took {time.monotonic() - begin:.1f} s")
    check(ended(child), "the milter process")
    check(not os.path.exists(site.socket), "the socket is left")


def test_stopped_as_soon_as_started(case):
    site = MilterSite(case)
    for n in range(10):
        d = site.start(ready=False)
        wait_for(lambda: status_of(d.pid)["Name"] == "verimail-milter", "it")  # pylint: disable=W0640
        # Signals wait as soon as it has blocked them.
        wait_for(lambda: int(status_of(d.pid)["SigBlk"], 16) & 1 << signal.SIGTERM - 1, "it")  # pylint: disable=W0640
        time.sleep(n * 0.004)  # any moment will do
        equal(d.stop(), 0, f"the exit status: {d.text()}")


# systemd


def test_systemd_is_told(case):
    site = MilterSite(case)
    path = site.path("notify")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(WAIT_LIMIT)

    def told():
        return listener.recv(4096).decode()
    d = site.start(env={"NOTIFY_SOCKET": path})
    equal(told(), "READY=1", "at the start")
    for config, wanted in ((site.config(), "event=reloaded"),
                           ("nonsense", "event=reload-refused"),
                           (site.config(), "event=reloaded")):
        d.reload(config, wanted)
        check(told().startswith("RELOADING=1\nMONOTONIC_USEC="), "at a reload")
        equal(told(), "READY=1", "after a reload")
    d.process.send_signal(signal.SIGTERM)
    equal(told(), "STOPPING=1", "at the end")
    equal(d.process.wait(WAIT_LIMIT), 0, "the exit status")
    # One that does not start is never ready.
    write_file(site.socket, "x")
    site.refuse(env={"NOTIFY_SOCKET": path})
    listener.setblocking(False)
    try:
        check(False, f"and then: {listener.recv(4096)!r}")
    except BlockingIOError:
        pass
