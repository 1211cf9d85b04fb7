# SPDX-License-Identifier: ISC
"""verimail-milter's configuration: what a start and a check say of it, and what a reload changes."""
import os
import signal
import stat
import subprocess
import threading

import pytest

from harness.checks import WAIT_LIMIT, check, equal, wait_for
from harness.daemon import BUILD, PROGRAMS, log_value
from harness.files import write_file
from harness.keys import Key
from harness.milterclient import Closed
from harness.milterprocess import (HEADER, NOBODY, MilterSite, only_child, serves, session, stamps,
                                   status_of, stops)
from harness.namespaces import needs_root
from harness.programs import free_port


# Start


def test_it_starts_and_serves(case):
    site = MilterSite(case)
    d = site.start()
    line = d.wait_log("event=ready")[0]
    equal([log_value(line, name) for name in ("socket", "stamps", "verifies", "mode")],
          ["unix:" + site.socket, "yes", "yes", "enforce"], line)
    serves(site)
    with session(site, address="192.0.2.1") as client:
        equal(client.message(HEADER).answer, "c", "an inbound one, whose author uses no Verimail")
    d.wait_log("verdict=none")


@pytest.mark.parametrize("stamp, verify, wanted", [
    (None, "", ("yes", "no")), ("", None, ("no", "yes"))
])
def test_one_direction_is_enough(case, stamp, verify, wanted):
    site = MilterSite(case)
    d = site.start(site.config(stamp=stamp, verify=verify))
    line = d.wait_log("event=ready")[0]
    equal((log_value(line, "stamps"), log_value(line, "verifies")), wanted, line)
    serves(site, 1 if stamp is None else 0)
    equal(d.stop(), 0, "the exit status")


def checked(site, config, command=(), mode=0o644):
    path = site.path("checked.conf")
    write_file(path, config, mode)
    done = subprocess.run([*command, os.path.join(BUILD, PROGRAMS["verimail-milter"]), "-t", "-c",
                           path], capture_output=True, text=True, timeout=WAIT_LIMIT, check=False)
    check(done.stdout.startswith("OK: ") if done.returncode == 0 else done.stdout == "",
          done.stdout)
    return done.returncode, done.stderr.replace(path, "F")


def bad_files(site):
    """A configuration with several mistakes in the files it names, and what is said of each."""
    table = site.path("logins")
    write_file(table, "alice alice@origin.test\nbob\ncarol @\n", 0o644)
    write_file(site.path("bad.key"), Key("service").secret_text() + "\n")
    config = site.config(stamp=site.stamp(site.path("bad.key")), run_as="no-such-user",
                         milter=f'logins = "{table}" socket_group = "no-such-group"')
    return config, ["unusable host key (is a key of another kind: the secret half of a service's)", f"{table}:2: ",
                    f"{table}:3: ", "run_as: no-such-user: expected "]


def test_a_check_names_all_that_is_wrong(case):
    needs_root()
    site = MilterSite(case)
    equal(checked(site, site.config()), (0, ""), "a good one")
    config, wanted = bad_files(site)
    status, said = checked(site, config)
    equal(status, os.EX_CONFIG, said)
    for problem in wanted:
        check(problem in said, f"{problem!r} is not in {said}")
    missing = site.config(stamp=site.stamp("/nonexistent/key"),
                          milter='logins = "/nonexistent/logins" socket_group = "no-such-group"')
    status, said = checked(site, missing)
    equal(status, os.EX_CONFIG, said)
    for problem in ("F:2: unusable host key (No such file or directory): /nonexistent/key: ",
                    "unusable table of logins (No such file or directory): /nonexistent/logins",
                    "socket_group: no-such-group: expected a group of this machine"):
        check(problem in said, f"{problem!r} is not in {said}")
    status, said = checked(site, 'verify { authserv_id = "a b" mode = x }\nmilter { socket = "y" }')
    equal((status, said.count("\n")), (os.EX_CONFIG, 3), said)
    check(not os.path.exists(site.socket), "a check makes no socket")


def test_a_start_logs_all_that_is_wrong(case):
    needs_root()
    site = MilterSite(case)
    config, wanted = bad_files(site)
    log = site.refuse(config, status=os.EX_CONFIG)
    for problem in wanted:
        check(any(problem in line and "event=not-started" in line for line in log.splitlines()),
              f"{problem!r} is not in {log}")


def test_a_check_warns_of_what_lets_forgeries_be_stamped(case):
    site = MilterSite(case)
    verify = 'verify { authserv_id = "mx.origin.test" mode = monitor }\n'
    relayed = 'stamp_relayed = {"lists"}'
    peer = 'peer "origin.test" { address = "127.0.0.1:26" }\n'
    equal(checked(site, peer + site.config(relayed)), (0, ""), "mode = enforce")
    status, said = checked(site, site.config(relayed))
    equal((status, said.count("\n")), (0, 1), said)
    check("stamp_relayed beside a stamped domain without a section `peer`" in said, said)
    status, said = checked(site, peer + site.config(relayed, verify=verify))
    equal((status, said.count("\n")), (0, 1), said)
    check("stamp_relayed beside mode = monitor: expected mail to be refused" in said, said)


@pytest.mark.parametrize("address, clients, warned", [
    ("inet:{}@127.0.0.1", "", False), ("inet:{}@0.0.0.0", "", False), ("inet6:{}@::", "", False),
    ("inet:{}@0.0.0.0", 'clients = {"192.0.2.0/24"}', False),
    ("inet:{}@0.0.0.0", 'clients = {"0.0.0.0/0"}', True),
    ("inet6:{}@::", 'clients = {"192.0.2.1", "::/0"}', True),
])
def test_a_check_warns_of_a_socket_for_everybody(case, address, clients, warned):
    site = MilterSite(case)
    config = site.config(clients, where=address.format(free_port())).replace(
        "socket_mode = 0666", "")
    status, said = checked(site, config)
    equal((status, said.count("\n")), (0, int(warned)), said)
    equal("a socket that everybody can reach" in said, warned, said)


def test_clients_are_of_tcp(case):
    site = MilterSite(case)
    status, said = checked(site, site.config('clients = {"192.0.2.1"}'))
    check(status != 0 and "clients of a unix socket: expected socket_mode" in said, said)
    many = ", ".join(f'"192.0.2.{i}"' for i in range(65))
    status, said = checked(site, site.config(f"clients = {{{many}}}",
                                             where=f"inet:{free_port()}@127.0.0.1"))
    check(status != 0 and "more than 64 clients" in said, said)


SECRET = "3f9c1b7ad2e84650"


def test_the_mark_is_a_secret(case):
    site = MilterSite(case)
    config = ('peer "origin.test" { address = "127.0.0.1:26" }\n' +
              site.config(f'relayed_mark = "X-Our-Gateway: {SECRET}"'))
    equal(checked(site, config, mode=0o640), (0, ""), "a good one")
    command = [os.path.join(BUILD, "src/command/verimail"), "-c", site.path("checked.conf"),
               "config"]
    for more in ([], ["--json"]):
        shown = subprocess.run([*command, *more], capture_output=True, text=True, check=True).stdout
        check("relayed_mark" in shown and SECRET not in shown, shown)
    refused = [
        (config, 0o644, "relayed_mark in a file that everybody may read"),
        (config.replace("X-Our-Gateway", "X Our Gateway"), 0o640, "bad relayed_mark: ***: "),
        (config.replace("X-Our-Gateway", "Received"), 0o640, "bad relayed_mark: ***: "),
        (site.config(f'relayed_mark = "X: {SECRET}" relayed_mark = "Y: {SECRET}"'), 0o640,
         "relayed_mark: ***: expected it once"),
    ]
    for text, mode, wanted in refused:
        status, said = checked(site, text, mode=mode)
        equal(status, os.EX_CONFIG, said)
        check(wanted in said and SECRET not in said, said)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    check(done.returncode != 0 and SECRET not in done.stdout + done.stderr, str(done))


# Reload


def test_a_reload_counts_from_the_next_connection_on(case):
    site = MilterSite(case)
    d = site.start()
    with session(site) as before:
        equal(stamps(before), 1, "before")
        d.reload(site.config("trusted_networks = {}"))
        serves(site, 0)
        equal(stamps(before), 1, "a connection from before")
    d.reload(site.config())
    serves(site, 1)
    # Another key and another table too.
    write_file(site.path("logins"), "alice alice@origin.test\n", 0o644)
    d.reload(site.config(f'logins = "{site.path("logins")}" trusted_networks = {{}}'))
    with session(site, address="192.0.2.1") as client:
        for login, wanted in (("alice", 1), ("bob", 0)):
            edits = client.message(HEADER, login=login)
            equal(len(edits.stamps()), wanted, login)
    equal(d.count("event=(restart-needed|reload-refused|worker-died)"), 0, d.text())


def test_a_bad_configuration_is_refused_and_the_old_goes_on(case):
    needs_root()
    site = MilterSite(case)
    d = site.start()
    child = only_child(d)
    config, wanted = bad_files(site)
    for bad, problems in ((config, wanted), ("milter {", ["verimail.conf:1: "]),
                          (site.config("logins = nonsense"), ["logins: nonsense"]),
                          ("", ["no section: milter"])):
        before = d.count("event=reload-refused")
        d.reload(bad, "event=reload-refused")
        d.wait_log("event=reload-refused", before + len(problems))
        for problem in problems:
            check(any(problem in line for line in d.lines("event=reload-refused")[before:]),
                  f"{problem!r} is not in {d.text()}")
        serves(site)
    os.unlink(d.config)
    os.kill(d.pid, signal.SIGHUP)
    d.wait_log("reload-refused.*cannot be read: No such file")
    equal(only_child(d), child, "the milter process")
    # What it goes on with is also what the next process has.
    os.kill(child, signal.SIGKILL)
    d.wait_log("event=ready", 2)
    serves(site)


def pause(pid):
    """Until its last thread has stopped."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(status_of(pid, thread)["State"].startswith("T")
                         for thread in os.listdir(f"/proc/{pid}/task")), "it to stop")


def test_a_worker_that_does_not_answer_is_replaced(case):
    site = MilterSite(case)
    d = site.start()
    child = only_child(d)
    pause(child)
    write_file(d.config, site.config("trusted_networks = {}"))
    os.kill(d.pid, signal.SIGHUP)
    d.wait_log('event=reload-failed error="the worker does not answer"')
    d.wait_log(f"event=worker-died pid={child} signal=KILL")
    d.wait_log("event=ready", 2)
    serves(site, 0)
    equal(d.count("event=reloaded"), 1, d.text())
    # A configuration that is bad is not even offered; the old one goes on.
    child = only_child(d)
    write_file(site.path("logins"), "bob\n", 0o644)
    pause(child)
    write_file(d.config, site.config(f'logins = "{site.path("logins")}"'))
    os.kill(d.pid, signal.SIGHUP)
    d.wait_log("event=reload-refused")
    os.kill(child, signal.SIGCONT)
    serves(site, 0)
    equal((only_child(d), d.count("event=ready")), (child, 2))


def test_what_takes_a_restart_is_named(case):
    needs_root()
    site = MilterSite(case)
    where = site.path("other")
    d = site.start()
    changed = site.config('socket_mode = 0660 socket_group = "daemon" trusted_networks = {}',
                          where="unix:" + where, run_as="daemon",
                          verify=site.verify().replace("127.0.0.1", "127.0.0.2").replace(
                              "anchors = {}", 'anchors = {". DS 1 8 2 ' + "00" * 32 + '"}'))
    names = ["socket", "socket_group", "run_as", "socket_mode", "resolver", "trust_anchors"]
    for count in (1, 2):  # and again, for as long as it is so
        d.reload(changed)
        warnings = d.wait_log("level=warning event=restart-needed", count * len(names))
        equal(len(warnings), count * len(names), "warnings")
        for name in names:
            check(any(f" {name}: " in line and "a restart" in line for line in warnings),
                  f"{name} is not in {warnings}")
    serves(site, 0)  # all else counts at once
    # It does not take a death for a restart.
    os.kill(only_child(d), signal.SIGKILL)
    d.wait_log("event=ready", 2)
    serves(site, 0)
    check(not os.path.exists(where), "the new socket")
    equal(stat.S_IMODE(os.stat(site.socket).st_mode), 0o666, "its mode")
    equal(status_of(only_child(d))["Uid"].split()[0], str(NOBODY.pw_uid), "its user")
    before = d.count("restart-needed")
    d.reload(site.config())
    equal(d.count("restart-needed"), before, "when all is as it was")
    d.reload(changed)
    stops(d)
    check(not os.path.exists(site.socket), "the socket is left")


def test_a_new_section_verify_takes_a_restart(case):
    site = MilterSite(case)
    d = site.start(site.config(verify=""))
    d.reload(site.config())
    d.wait_log("event=restart-needed.*verify.*nothing is verified")
    serves(site)
    with session(site, address="192.0.2.1") as client:
        equal(client.message(HEADER).results(), [], "results")
    # Without one it goes on at once.
    site = MilterSite(case)
    site.socket = site.path("second")
    d = site.start(site.config())
    d.reload(site.config(verify=""))
    equal(d.count("restart-needed"), 0, d.text())
    with session(site, address="192.0.2.1") as client:
        equal(client.message(HEADER).answer, "c", "not verified")
    equal(d.count("event=verified"), 0, d.text())


def test_the_log_changes_its_format(case):
    site = MilterSite(case)
    d = site.start(site.config() + "log { format = json }")
    d.wait_log('^{.*"event":"ready"')
    serves(site)
    equal(d.lines("^[^{]"), [], "lines that are not JSON")
    d.reload(site.config())
    serves(site)
    d.wait_log("level=info event=stamped")
    d.reload(site.config() + "log { format = json level = notice }", '"event":"reloaded"')
    count = d.count("stamped")
    serves(site)
    equal(d.count("stamped"), count, "below the level")


def test_nothing_is_lost_under_load(case):
    site = MilterSite(case)
    d = site.start()
    wrong = []
    done = []
    end = threading.Event()

    def send():
        while not end.is_set():
            try:
                with session(site) as client:
                    got = [stamps(client) for _ in range(5)]
            except (OSError, Closed) as error:
                wrong.append(str(error))
                continue
            done.extend(got)
            # A connection has one configuration.
            if got not in ([0] * 5, [1] * 5):
                wrong.append(got)
    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(20):
        before = len(done)
        d.reload(site.config("trusted_networks = {}" if i % 2 == 0 else ""))
        wait_for(lambda: len(done) >= before + 40, "messages")  # pylint: disable=W0640
    end.set()
    for thread in threads:
        thread.join()
    equal(wrong, [], "connections")
    check(0 in done and 1 in done, "both configurations were used")
    equal(d.count("event=worker-died"), 0, d.text())


def replace(path, config):
    """At once: whoever reads it has the old or the new one."""
    write_file(path + ".new", config)
    os.rename(path + ".new", path)


def test_many_signals_at_once(case):
    site = MilterSite(case)
    d = site.start()
    for i in range(30):
        replace(d.config, site.config("" if i % 2 == 0 else "trusted_networks = {}"))
        os.kill(d.pid, signal.SIGHUP)
    before = d.count("event=reloaded")
    replace(d.config, site.config("trusted_networks = {}"))
    os.kill(d.pid, signal.SIGHUP)
    wait_for(lambda: d.count("event=reloaded") > before, "a reload")

    def untrusted():
        with session(site) as client:
            return stamps(client) == 0
    wait_for(untrusted, "the last configuration")
    equal(d.count("event=(worker-died|reload-refused|reload-failed)"), 0, d.text())
