# SPDX-License-Identifier: ISC
"""verimail-milter's two processes: start, reload, death and end; its socket; what it may still do."""
import ctypes
import grp
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

from harness.checks import check, equal, wait_for
from harness.daemon import BUILD, PROGRAMS, Daemon, log_value
from harness.dnsserver import DnsServer
from harness.files import write_file
from harness.keys import Key
from harness.milterclient import Closed, MilterClient
from harness.namespaces import needs_root

PROGRAMS["verimail-milter"] = "src/milter/verimail-milter"
NOBODY = pwd.getpwnam("nobody")
HEADER = [("From", " alice@origin.test"), ("To", " bob@receiver.test"), ("Subject", " s")]
PROMPT = 4  # seconds; libmilter looks for signals every five if nobody knocks


class Site:
    """What a milter reads, in a folder that everybody may pass through."""

    def __init__(self, case):
        self.t = case
        os.chmod(os.path.dirname(case.folder), 0o711)
        os.chmod(case.folder, 0o711)
        self.dns = DnsServer({})
        case.servers.append(self.dns)
        self.key = Key("host").write(self.path("host.key"))
        self.service_key = Key("service").public_text()
        self.socket = self.path("s")

    def path(self, name):
        return os.path.join(self.t.folder, name)

    def stamp(self, key=None):
        return f"""
stamp {{ host = "mx.origin.test" key = "{key or self.key}" domains = {{"origin.test"}}
        service_key = "{self.service_key}" }}"""

    def verify(self, more=""):
        return f"""
verify {{ authserv_id = "mx.origin.test" trust_anchors = {{}} {more}
         resolver = "127.0.0.1@{self.dns.port}" }}"""

    def config(self, milter="", stamp=None, verify=None, where=None, run_as="nobody"):
        mode = "" if "socket_mode" in milter else "socket_mode = 0666"
        return ((self.stamp() if stamp is None else stamp) +
                (self.verify() if verify is None else verify) + f"""
milter {{ socket = "{where or 'unix:' + self.socket}" run_as = "{run_as}" {mode} {milter} }}
""")

    def start(self, config=None, **how):
        return Daemon(self.t, self.config() if config is None else config,
                      program="verimail-milter", **how)

    def refuse(self, config=None, **how):
        """A start that fails: the log."""
        d = self.start(config, ready=False, **how)
        equal(d.process.wait(10), 1, f"the exit status: {d.text()}")
        equal(d.count("event=ready"), 0, "ready")
        check(d.count("event=not-started") >= 1, d.text())
        return d.text()


def session(site, where=None, address="127.0.0.1"):
    client = MilterClient(where or site.socket)
    client.connect(address)
    return client


def stamps(client):
    """How many stamps a message of alice's gets."""
    return len(client.message(HEADER, b"text\r\n", sender="<alice@origin.test>").stamps())


def serves(site, wanted=1, where=None):
    with session(site, where) as client:
        equal(stamps(client), wanted, "stamps")


def only_child(d):
    return d.wait_workers(1)[0]


def status_of(pid, thread=None):
    with open(f"/proc/{pid}/task/{thread or pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def ended(pid):
    return not os.path.exists(f"/proc/{pid}") or status_of(pid)["State"].startswith("Z")


def stops(d, signum=signal.SIGTERM, limit=PROMPT):
    begin = time.monotonic()
    child = only_child(d)
    equal(d.stop(signum), 0, "the exit status")
    took = time.monotonic() - begin
    check(took < limit, f"it took {took:.1f} s to end")
    check(ended(child), "the milter process is still there")
    check(d.lines("event=stopping") and d.lines("event=stopped"), d.text())


# Start


def test_it_starts_and_serves(case):
    site = Site(case)
    d = site.start()
    line = d.wait_log("event=ready")[0]
    equal([log_value(line, name) for name in ("socket", "stamps", "verifies", "mode")],
          ["unix:" + site.socket, "yes", "yes", "enforce"], line)
    serves(site)
    with session(site, address="192.0.2.1") as client:
        equal(client.message(HEADER).answer, "c", "a stranger's, whose author uses no Verimail")
    d.wait_log("verdict=none")


def test_one_direction_is_enough(case):
    for stamp, verify, wanted in ((None, "", ("yes", "no")), ("", None, ("no", "yes"))):
        site = Site(case)
        d = site.start(site.config(stamp=stamp, verify=verify))
        line = d.wait_log("event=ready")[0]
        equal((log_value(line, "stamps"), log_value(line, "verifies")), wanted, line)
        serves(site, 1 if stamp is None else 0)
        equal(d.stop(), 0, "the exit status")


def checked(site, config, command=()):
    path = site.path("checked.conf")
    write_file(path, config, 0o644)
    done = subprocess.run([*command, os.path.join(BUILD, PROGRAMS["verimail-milter"]), "-t", "-c",
                           path], capture_output=True, text=True, timeout=30, check=False)
    equal(done.stdout, "", "standard output")
    return done.returncode, done.stderr.replace(path, "F")


def bad_files(site):
    """A configuration with several mistakes in the files it names, and what is said of each."""
    table = site.path("logins")
    write_file(table, "alice alice@origin.test\nbob\ncarol @\n", 0o644)
    write_file(site.path("bad.key"), Key("service").secret_text() + "\n")
    config = site.config(stamp=site.stamp(site.path("bad.key")), run_as="no-such-user",
                         milter=f'logins = "{table}" socket_group = "no-such-group"')
    return config, ["unusable host key (is a key of another kind)", f"{table}:2: ",
                    f"{table}:3: ", "run_as: no-such-user: expected "]


def test_a_check_names_all_that_is_wrong(case):
    needs_root()
    site = Site(case)
    equal(checked(site, site.config()), (0, ""), "a good one")
    config, wanted = bad_files(site)
    status, said = checked(site, config)
    equal(status, 1, said)
    for problem in wanted:
        check(problem in said, f"{problem!r} is not in {said}")
    missing = site.config(stamp=site.stamp("/nonexistent/key"),
                          milter='logins = "/nonexistent/logins" socket_group = "no-such-group"')
    status, said = checked(site, missing)
    equal(status, 1, said)
    for problem in ("F:2: unusable host key (No such file or directory): /nonexistent/key: ",
                    "unusable table of logins (No such file or directory): /nonexistent/logins",
                    "socket_group: no-such-group: expected a group of this machine"):
        check(problem in said, f"{problem!r} is not in {said}")
    status, said = checked(site, 'verify { authserv_id = "a b" mode = x }\nmilter { socket = "y" }')
    equal((status, said.count("\n")), (1, 3), said)
    check(not os.path.exists(site.socket), "a check makes no socket")


def test_a_start_logs_all_that_is_wrong(case):
    needs_root()
    site = Site(case)
    config, wanted = bad_files(site)
    log = site.refuse(config)
    for problem in wanted:
        check(any(problem in line and "event=not-started" in line for line in log.splitlines()),
              f"{problem!r} is not in {log}")


# Reload


def test_a_reload_counts_from_the_next_connection_on(case):
    site = Site(case)
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
    equal(d.count("event=(restart-needed|reload-refused|process-died)"), 0, d.text())


def test_a_bad_configuration_is_refused_and_the_old_goes_on(case):
    needs_root()
    site = Site(case)
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


def test_what_takes_a_restart_is_named(case):
    needs_root()
    site = Site(case)
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
    site = Site(case)
    d = site.start(site.config(verify=""))
    d.reload(site.config())
    d.wait_log("event=restart-needed.*verify.*nothing is verified")
    serves(site)
    with session(site, address="192.0.2.1") as client:
        equal(client.message(HEADER).results(), [], "results")
    # Without one it goes on at once.
    site = Site(case)
    site.socket = site.path("second")
    d = site.start(site.config())
    d.reload(site.config(verify=""))
    equal(d.count("restart-needed"), 0, d.text())
    with session(site, address="192.0.2.1") as client:
        equal(client.message(HEADER).answer, "c", "not verified")
    equal(d.count("event=verified"), 0, d.text())


def test_the_log_changes_its_format(case):
    site = Site(case)
    d = site.start(site.config("log_format = json"))
    d.wait_log('^{.*"event":"ready"')
    serves(site)
    equal(d.lines("^[^{]"), [], "lines that are not JSON")
    d.reload(site.config())
    serves(site)
    d.wait_log("level=info event=stamped")
    d.reload(site.config("log_format = json log_level = notice"), '"event":"reloaded"')
    count = d.count("stamped")
    serves(site)
    equal(d.count("stamped"), count, "below the level")


def test_nothing_is_lost_under_load(case):
    site = Site(case)
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
    equal(d.count("event=process-died"), 0, d.text())


def replace(path, config):
    """At once: whoever reads it has the old or the new one."""
    write_file(path + ".new", config)
    os.rename(path + ".new", path)


def test_many_signals_at_once(case):
    site = Site(case)
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
    equal(d.count("event=(process-died|reload-refused|reload-failed)"), 0, d.text())


# Death


def test_a_process_that_dies_is_replaced(case):
    site = Site(case)
    d = site.start()
    for n, (signum, name) in enumerate(((signal.SIGKILL, "KILL"), (signal.SIGABRT, "ABRT")), 1):
        child = only_child(d)
        os.kill(child, signum)
        line = d.wait_log("event=process-died", n)[-1]
        equal(log_value(line, "signal"), name, line)
        d.wait_log("event=ready", n + 1)
        check(only_child(d) != child, "another process")
        serves(site)
    stops(d)


def test_a_reload_while_there_is_no_process(case):
    site = Site(case)
    d = site.start()
    for n in range(1, 4):
        write_file(d.config, site.config("trusted_networks = {}" if n % 2 else ""))
        os.kill(only_child(d), signal.SIGKILL)
        if n == 2:
            d.wait_log("event=process-died", n)
        os.kill(d.pid, signal.SIGHUP)
        d.wait_log("event=ready", n + 1)

        def as_told():
            with session(site) as client:
                return stamps(client) == (0 if n % 2 else 1)  # pylint: disable=W0640
        wait_for(as_told, f"the new configuration, {n}")


def test_it_is_not_replaced_in_a_hurry(case):
    site = Site(case)
    d = site.start()
    os.kill(only_child(d), signal.SIGKILL)
    d.wait_log("event=ready", 2)
    # Nothing can listen there any more: every further process dies at once.
    shutil.rmtree(site.path("x"), ignore_errors=True)
    os.unlink(site.socket)
    os.mkdir(site.socket)
    os.kill(only_child(d), signal.SIGKILL)
    begin = time.monotonic()
    d.wait_log("event=process-died", 6)
    took = time.monotonic() - begin
    check(took > 1, f"five deaths in {took:.1f} s")
    d.wait_log("not-started.*is no socket")
    os.rmdir(site.socket)
    d.wait_log("event=ready", 3)
    serves(site)
    equal(d.stop(), 0, "the exit status")


def test_without_its_supervisor_it_ends(case):
    site = Site(case)
    d = site.start()
    child = only_child(d)
    d.kill()
    wait_for(lambda: ended(child), "the milter process's end")
    check(os.path.exists(site.socket), "its socket, which is dead")
    d = site.start()  # takes the socket's place
    serves(site)
    stops(d)


# The end


def test_it_ends_at_once_though_it_is_idle(case):
    for signum in (signal.SIGTERM, signal.SIGINT):
        site = Site(case)
        d = site.start()
        serves(site)
        stops(d, signum)
        check(not os.path.exists(site.socket), "the socket is left")
        equal(d.count("event=process-died"), 0, d.text())


def test_it_ends_though_a_mail_server_is_there(case):
    site = Site(case)
    d = site.start()
    with session(site) as client:
        client.mail()
        stops(d, limit=11)


def test_a_process_that_does_not_end_is_killed(case):
    site = Site(case)
    d = site.start()
    child = only_child(d)
    os.kill(child, signal.SIGSTOP)
    begin = time.monotonic()
    equal(d.stop(limit=20), 0, "the exit status")
    check(9 < time.monotonic() - begin < 15, f"it took {time.monotonic() - begin:.1f} s")
    check(ended(child), "the milter process")
    check(not os.path.exists(site.socket), "the socket is left")


def test_stopped_as_soon_as_started(case):
    site = Site(case)
    for n in range(10):
        d = site.start(ready=False)
        wait_for(lambda: status_of(d.pid)["Name"] == "verimail-milter", "it") # pylint: disable=W0640
        # Signals wait as soon as it has blocked them.
        wait_for(lambda: int(status_of(d.pid)["SigBlk"], 16) & 1 << signal.SIGTERM - 1, "it")  # pylint: disable=W0640
        time.sleep(n * 0.004)
        equal(d.stop(), 0, f"the exit status: {d.text()}")


# The socket


def test_a_socket_in_use_is_left_alone(case):
    site = Site(case)
    d = site.start()
    log = site.refuse()
    check("another process answers at this socket" in log, log)
    serves(site)
    equal(d.count("process-died"), 0, d.text())
    stops(d)


def test_what_is_wrong_with_its_place_is_said(case):
    site = Site(case)
    write_file(site.path("file"), "x")
    os.mkdir(site.path("closed"), 0o700)
    for where, wanted in ((site.path("file"), "is there already, and is no socket"),
                          (site.path("none/s"), "/none: the socket's folder: No such file"),
                          (site.path("file/s"), "/file: is no folder"),
                          (site.path("closed/s"), "/closed: not everybody may pass")):
        log = site.refuse(site.config(where="unix:" + where))
        check(wanted in log, f"{wanted!r} is not in {log}")
    log = site.refuse(site.config("socket_mode = 0660", where="unix:" + site.path("closed/s")))
    check("/closed: the socket's group may not pass" in log, log)
    with open(site.path("file"), encoding="ascii") as file:
        equal(file.read(), "x", "the file")


def test_its_mode_and_group(case):
    needs_root()
    site = Site(case)
    for milter, mode, group in (("socket_mode = 0660", 0o660, grp.getgrgid(NOBODY.pw_gid).gr_name),
                                ('socket_mode = 0660 socket_group = "daemon"', 0o660, "daemon"),
                                ("socket_mode = 0666", 0o666, grp.getgrgid(NOBODY.pw_gid).gr_name)):
        d = site.start(site.config(milter))
        found = os.stat(site.socket)
        equal((stat.S_IMODE(found.st_mode), grp.getgrgid(found.st_gid).gr_name), (mode, group),
              milter)
        serves(site)
        equal(d.stop(), 0, "the exit status")


def free_port(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def sockets_of(pid):
    """Copies of a process's TCP sockets."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
            copy = libc.syscall(438, pidfd, int(fd), 0)  # pidfd_getfd
            check(copy >= 0, "pidfd_getfd: " + os.strerror(ctypes.get_errno()))
            sock = socket.socket(fileno=copy)
            if sock.family in (socket.AF_INET, socket.AF_INET6) and (
                    sock.type == socket.SOCK_STREAM):
                found.append(sock)
            else:
                sock.close()
    os.close(pidfd)
    return found


def test_over_tcp_nothing_is_delayed(case):
    needs_root()
    site = Site(case)
    port = free_port("127.0.0.1")
    d = site.start(site.config(where=f"inet:{port}@127.0.0.1"))
    with socket.create_connection(("127.0.0.1", port)) as client:
        def accepted():
            socks = sockets_of(only_child(d))
            return len(socks) == 2 and socks
        for sock in wait_for(accepted, "the connection to be accepted"):
            check(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), f"TCP_NODELAY: {sock}")
            sock.close()
        log = site.refuse(site.config(where=f"inet:{port}@127.0.0.1"))
        check("Address already in use" in log, log)
        client.close()
    stops(d)


# What it may still do


def every_thread(pid):
    for thread in os.listdir(f"/proc/{pid}/task"):
        yield status_of(pid, thread)


def is_shut_in(pid, uid):
    threads = list(every_thread(pid))
    check(len(threads) >= 4, f"threads: {len(threads)}")
    for status in threads:
        equal(status["Uid"].split(), [str(uid)] * 4, "user")
        equal(status["Seccomp"], "2", "seccomp")
        equal(status["NoNewPrivs"], "1", "no new privileges")
        for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            equal(int(status[name], 16), 0, name)
    # SIGTERM is for one of them only, which waits for it.
    waits = [s for s in threads if not int(s["SigBlk"], 16) & 1 << signal.SIGTERM - 1]
    check(len(waits) <= 1, f"SIGTERM is not blocked in {len(waits)} of {len(threads)} threads")


def files_of(pid):
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    return sorted(link for link in links if link.startswith("/") and link != "/dev/null")


def test_the_milter_process_is_shut_in(case):
    needs_root()
    site = Site(case)
    d = site.start()
    with session(site) as client, session(site, address="192.0.2.1") as stranger:
        equal(stamps(client), 1, "stamps")
        equal(stranger.message(HEADER).answer, "c", "a verified message")
        pid = only_child(d)
        is_shut_in(pid, NOBODY.pw_uid)
        status = status_of(pid)
        equal(status["Gid"].split(), [str(NOBODY.pw_gid)] * 4, "group")
        equal(status["Groups"].split(), [], "groups")
        equal(os.listdir(f"/proc/{pid}/root"), [], "the root folder")
        equal(os.listdir(f"/proc/{pid}/cwd"), [], "the working folder")
        equal(os.stat(f"/proc/{pid}/root").st_nlink, 0, "links to the root folder")
        # /proc/PID/fd speaks of what is outside of the root folder as we see it.
        equal([f for f in files_of(pid) if f != d.log and "verimail-empty" not in f], [], "files")
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            check("Max core file size        0                    0" in file.read(), "core limit")


class Unprivileged:
    """A site of the user nobody, who starts everything himself."""

    def __init__(self, case):
        needs_root()
        self.site = Site(case)
        self.program = self.site.path("verimail-milter")
        shutil.copy(os.path.join(BUILD, PROGRAMS["verimail-milter"]), self.program)
        os.chmod(self.program, 0o755)
        os.chown(self.site.key, NOBODY.pw_uid, NOBODY.pw_gid)
        folder = self.site.path("run")
        os.mkdir(folder)
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        self.site.socket = os.path.join(folder, "s")
        self.folder = folder

    def start(self, config, *more, **how):
        command = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}",
                   "--clear-groups", *more]
        return self.site.start(config, command=command, path=self.program, **how)


def test_without_root_it_works_and_says_so(case):
    u = Unprivileged(case)
    # Capabilities that it was given are gone too.
    d = u.start(u.site.config("socket_mode = 0660", run_as="no-such-user"),
                "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service")
    d.wait_log("event=not-root")
    serves(u.site)
    pid = only_child(d)
    with session(u.site):
        is_shut_in(pid, NOBODY.pw_uid)
    write_file(d.config, u.site.config("socket_mode = 0660 trusted_networks = {}"), 0o644)
    d.reload()
    serves(u.site, 0)
    os.kill(pid, signal.SIGKILL)
    d.wait_log("event=ready", 2)
    serves(u.site, 0)
    stops(d)
    check(not os.path.exists(u.site.socket), "the socket is left")


def test_without_root_the_folder_gives_the_group(case):
    u = Unprivileged(case)
    daemon = grp.getgrnam("daemon").gr_gid
    config = u.site.config('socket_mode = 0660 socket_group = "daemon"')
    os.chown(u.folder, NOBODY.pw_uid, daemon)
    os.chmod(u.folder, 0o750)
    d = u.start(config, ready=False)
    equal(d.process.wait(10), 1, d.text())
    check("cannot be given to its group: Operation not permitted" in d.text(), d.text())
    os.chmod(u.folder, 0o2750)
    d = u.start(config)
    found = os.stat(u.site.socket)
    equal((stat.S_IMODE(found.st_mode), found.st_gid), (0o660, daemon), "mode and group")
    stops(d)


# systemd


def test_systemd_is_told(case):
    site = Site(case)
    path = site.path("notify")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(10)

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
    equal(d.process.wait(10), 0, "the exit status")
    # One that does not start is never ready.
    write_file(site.socket, "x")
    site.refuse(env={"NOTIFY_SOCKET": path})
    listener.setblocking(False)
    try:
        check(False, f"and then: {listener.recv(4096)!r}")
    except BlockingIOError:
        pass
