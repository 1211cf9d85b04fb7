# SPDX-License-Identifier: ISC
"""verimail-milter's socket, and what its process may still do."""
import ctypes
import grp
import os
import signal
import socket
import stat

from harness.checks import WAIT_LIMIT, check, equal, wait_for
from harness.daemon import copy_program
from harness.files import write_file
from harness.milterprocess import (HEADER, NOBODY, MilterSite, only_child, serves, session, stamps,
                                   status_of, stops)
from harness.namespaces import needs_root


# The socket


def test_a_socket_in_use_is_left_alone(case):
    site = MilterSite(case)
    d = site.start()
    log = site.refuse()
    check("another process answers at this socket" in log, log)
    serves(site)
    equal(d.count("worker-died"), 0, d.text())
    stops(d)


def test_a_socket_that_becomes_free_is_taken(case):
    site = MilterSite(case)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(site.socket)
        other.listen()
        d = site.start(ready=False)
        line = d.wait_log("level=warning event=socket-busy")[0]
        check("another process answers at this socket" in line, line)
    d.wait_log("event=ready")
    serves(site)
    equal(d.count("level=error"), 0, d.text())
    stops(d)


def test_a_worker_that_is_not_ready_in_time_is_replaced(case):
    site = MilterSite(case)
    for _ in range(30):
        d = site.start(ready=False)
        late = wait_for(lambda d=d: only_child(d), "a worker")
        os.kill(late, signal.SIGSTOP)
        wait_for(lambda d=d: d.count("event=(ready|worker-late)") > 0, "either")
        if d.count("level=error event=worker-late") == 1:
            break
        os.kill(late, signal.SIGCONT)  # it was ready before
        equal(d.stop(), 0, "the exit status")
    check(d.count("level=error event=worker-late") == 1, "each worker was ready before it was stopped")
    d.wait_log("event=ready")
    check(only_child(d) != late, "the same worker")
    serves(site)
    stops(d)


def test_what_is_wrong_with_its_place_is_said(case):
    site = MilterSite(case)
    write_file(site.path("file"), "x")
    os.mkdir(site.path("closed"), 0o700)
    for where, wanted in ((site.path("file"), "exists and is not a socket"),
                          (site.path("none/s"), "/none: the socket's folder: No such file"),
                          (site.path("file/s"), "/file: is not a folder"),
                          (site.path("closed/s"), "/closed: not everybody may pass")):
        log = site.refuse(site.config(where="unix:" + where))
        check(wanted in log, f"{wanted!r} is not in {log}")
    log = site.refuse(site.config("socket_mode = 0660", where="unix:" + site.path("closed/s")))
    check("/closed: the socket's group may not pass" in log, log)
    with open(site.path("file"), encoding="ascii") as file:
        equal(file.read(), "x", "the file")


def test_its_mode_and_group(case):
    needs_root()
    site = MilterSite(case)
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


def peer_of(sock):
    try:
        return sock.getpeername()
    except OSError:
        return None


def test_over_tcp_nothing_is_delayed(case):
    needs_root()
    site = MilterSite(case)
    port = free_port("127.0.0.1")
    d = site.start(site.config(where=f"inet:{port}@127.0.0.1"))
    with socket.create_connection(("127.0.0.1", port)) as client:
        def accepted():
            # Also connections of its own, from other ports (pulse.c).
            socks = [sock for sock in sockets_of(only_child(d)) if sock.getsockname()[1] == port]
            return any(peer_of(sock) == client.getsockname() for sock in socks) and socks
        for sock in wait_for(accepted, "the connection to be accepted"):
            check(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), f"TCP_NODELAY: {sock}")
            sock.close()
        log = site.refuse(site.config(where=f"inet:{port}@127.0.0.1"))
        check("another process answers at this socket" in log, log)
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
    site = MilterSite(case)
    d = site.start()
    with session(site) as client, session(site, address="192.0.2.1") as inbound:
        equal(stamps(client), 1, "stamps")
        equal(inbound.message(HEADER).answer, "c", "a verified message")
        pid = only_child(d)
        is_shut_in(pid, NOBODY.pw_uid)
        status = status_of(pid)
        equal(status["Gid"].split(), [str(NOBODY.pw_gid)] * 4, "group")
        equal(status["Groups"].split(), [], "groups")
        equal(os.listdir(f"/proc/{pid}/root"), [], "the root folder")
        equal(os.listdir(f"/proc/{pid}/cwd"), [], "the working folder")
        equal(os.stat(f"/proc/{pid}/root").st_nlink, 0, "links to the root folder")
        # /proc/PID/fd speaks of what is outside of the root folder as we see it.
        equal([f for f in files_of(pid) if f != d.log and "verimail-empty" not in f],
              [site.path("state/services")], "files")
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            check("Max core file size        0                    0" in file.read(), "core limit")


class Unprivileged:
    """A site of the user nobody, which starts everything."""

    def __init__(self, case):
        needs_root()
        self.site = MilterSite(case)
        self.program = self.site.path("verimail-milter")
        copy_program("verimail-milter", os.path.dirname(self.program))
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
    equal(d.process.wait(WAIT_LIMIT), 1, d.text())
    check("cannot be given to its group: Operation not permitted" in d.text(), d.text())
    os.chmod(u.folder, 0o2750)
    d = u.start(config)
    found = os.stat(u.site.socket)
    equal((stat.S_IMODE(found.st_mode), found.st_gid), (0o660, daemon), "mode and group")
    stops(d)
