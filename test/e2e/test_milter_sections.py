# SPDX-License-Identifier: ISC
"""Several sections `milter`: a socket, logins and networks each, and a process each under one
supervisor."""
import os
import signal

import pytest

from harness.checks import WAIT_LIMIT, check, contains, equal, wait_for
from harness.counters import fetch
from harness.daemon import log_value
from harness.files import write_file
from harness.milterclient import MilterClient
from harness.milterprocess import HEADER, MilterSite, ended, serves, session, stamps
from harness.programs import free_port

SECOND = 'milter second {{ socket = "unix:{}" socket_mode = 0666 trusted_networks = {{}} {} }}\n'


class Sections(MilterSite):
    """`first` trusts this machine, `second` trusts logins alone."""

    def __init__(self, case):
        super().__init__(case)
        self.second = self.path("s2")

    def both(self, more="", first=""):
        return self.one(first) + SECOND.format(self.second, more)

    def one(self, first=""):
        return self.config(first).replace("\nmilter {", "\nmilter first {")


@pytest.fixture(name="site")
def fixture_site(case):
    return Sections(case)


def pid_of(d, name):
    return next(pid for pid in d.wait_workers(2) if name in sockets_of(pid))


def sockets_of(pid):
    """What a process listens at, by the inodes of its descriptors."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:  # it was closed meanwhile
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    with open("/proc/net/unix", encoding="ascii") as file:
        rows = [line.split() for line in file]
    return [os.path.basename(row[7]) for row in rows if len(row) > 7 and row[6] in inodes]


def test_each_has_its_own_policy(site):
    d = site.start(site.both())
    d.wait_log("event=ready", 2)
    equal({log_value(line, "milter") for line in d.lines("event=ready")}, {"first", "second"})
    serves(site)
    serves(site, 0, site.second)
    with MilterClient(site.second) as client:
        client.connect("127.0.0.1")
        edits = client.message(HEADER, b"text\r\n", login="alice@origin.test")
        equal(len(edits.stamps()), 1, "stamps for a login")
    line = d.wait_log("event=stamped.*login=")[0]
    equal(log_value(line, "milter"), "second", line)
    equal(log_value(d.lines("event=stamped")[0], "milter"), "first")
    equal(d.stop(), 0, "the exit status")
    check(not os.path.exists(site.socket) and not os.path.exists(site.second), "sockets are left")


def test_one_dies_and_the_other_goes_on(site):
    d = site.start(site.both())
    d.wait_log("event=ready", 2)
    victim = pid_of(d, "s2")
    with session(site) as client:
        os.kill(victim, signal.SIGKILL)
        d.wait_log("event=ready milter=second", 2)
        equal(stamps(client), 1, "stamps")
    serves(site, 0, site.second)
    equal(d.count("event=ready milter=first"), 1)
    equal(d.stop(), 0, "the exit status")


def test_a_reload_adds_and_removes(site):
    d = site.start(site.one())
    with session(site) as client:
        for n in (1, 2, 3):
            write_file(d.config, site.both())
            os.kill(d.pid, signal.SIGHUP)
            d.wait_log("event=ready milter=second", n)
            serves(site, 0, site.second)
            leaving = pid_of(d, "s2")
            write_file(d.config, site.one())
            os.kill(d.pid, signal.SIGHUP)
            d.wait_log("event=reloaded", 2 * n)
            wait_for(lambda: ended(leaving), "the end of the second one")  # pylint: disable=W0640
            wait_for(lambda: not os.path.exists(site.second), "the end of its socket")
            equal(stamps(client), 1, "stamps in a session of the first one")
    equal(d.count("event=ready milter=first"), 1)
    equal(d.stop(), 0, "the exit status")


def test_a_reload_changes_each(site):
    d = site.start(site.both())
    d.wait_log("event=ready", 2)
    write_file(d.config, site.both('trusted_daemons = {"smtpd"}', "trusted_networks = {}"))
    os.kill(d.pid, signal.SIGHUP)
    d.wait_log("event=reloaded")
    serves(site, 0)
    serves(site, 1, site.second)
    write_file(d.config, site.both('logins = "/nonexistent"'))
    os.kill(d.pid, signal.SIGHUP)
    contains(d.wait_log("event=reload-refused")[0], "unusable table of logins")
    serves(site, 0)
    serves(site, 1, site.second)
    equal(d.stop(), 0, "the exit status")


def test_a_start_needs_them_all(site):
    os.mkdir(site.second)
    d = site.start(site.both(), ready=False)
    equal(d.process.wait(WAIT_LIMIT), 1, d.text())
    contains(d.wait_log("event=not-started")[0], "is not a socket")
    check(not os.path.exists(site.socket), "the first one's socket is left")


def test_the_counters_say_which(site):
    where = ("127.0.0.1", free_port())
    d = site.start(site.both(first=f'metrics = "{where[0]}:{where[1]}"'))
    d.wait_log("event=ready", 2)
    serves(site)
    serves(site, 0, site.second)
    counted = 'action="stamped",milter="first"} 1\n'
    wait_for(lambda: counted in fetch(where)[1], "a counter")
    check('action="stamped",milter="second"} 0\n' in fetch(where)[1], fetch(where)[1])
