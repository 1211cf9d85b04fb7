#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The recorder and a PostgreSQL server that is down, comes, goes, and hangs."""
import contextlib
import glob
import os
import shutil
import signal
import socket
import subprocess

from harness import Skip, case, check, equal, main, wait_for

YES = "YES stamped\r\n"
USER = "nobody"  # a server refuses to be root's


def as_user(*command):
    if os.geteuid() != 0:
        return command
    return ("setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups", *command)


class Server:
    """Its files are in the case's folder; it does not run yet."""

    def __init__(self, t):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not found:
            raise Skip("no PostgreSQL server")
        self.bin = os.path.dirname(found[-1])
        self.folder = os.path.join(t.folder, "pg")
        self.process = None
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            self.port = server.getsockname()[1]
        os.mkdir(self.folder, 0o755)
        os.chmod(t.folder, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        subprocess.run(as_user(f"{self.bin}/initdb", "-D", f"{self.folder}/data", "-A", "trust",
                               "-U", "recorder", "-N"), check=True, capture_output=True)
        t.servers.append(self)

    def start(self):
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                as_user("setpriv", "--pdeathsig", "QUIT", f"{self.bin}/postgres", "-F",
                        "-D", f"{self.folder}/data", "-p", str(self.port), "-k", self.folder,
                        "-c", "listen_addresses=127.0.0.1"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: self.ask("SELECT 1") == "1", "PostgreSQL")

    def ask(self, sql):
        """What psql prints; empty when it cannot be asked."""
        done = subprocess.run(
            [f"{self.bin}/psql", "-AtqX", "-h", "127.0.0.1", "-p", str(self.port), "-U",
             "recorder", "-d", "postgres", "-c", sql], capture_output=True, check=False)
        return done.stdout.decode().strip()

    def processes(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            return [self.process.pid] + [int(pid) for pid in file.read().split()]

    def signal(self, signum, pids):
        """Some of them may have ended by themselves."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    @property
    def address(self):
        return f"postgresql://recorder@127.0.0.1:{self.port}/postgres"

    @property
    def local_address(self):
        return f"postgresql://recorder@/postgres?host={self.folder}&port={self.port}"

    def wait_events(self, count):
        sql = "SELECT count(*) FROM verimail.event"
        wait_for(lambda: int(self.ask(sql) or 0) >= count, f"{count} events", limit=30)
        equal(self.ask(sql), str(count), "events")


def ask_many(t, d, count=40):
    for _ in range(count):
        equal(d.ask(t.world.question()), YES)


@case
def server_that_comes_late_gets_all(t):
    server = Server(t)
    d = t.daemon(t.world.config(events=f'"{server.address}"'))
    ask_many(t, d)
    d.wait_log("level=alarm event=alarm about=events")
    server.start()
    server.wait_events(40)
    d.wait_log("event=events-recorded-again")
    # It goes and comes again.
    server.stop()
    ask_many(t, d)
    server.start()
    server.wait_events(80)
    equal(server.ask("SELECT count(*) FROM verimail.gap"), "0")
    equal(d.count("event=alarm about=events"), 1, "alarms")
    equal(d.stop(), 0)


@case
def over_a_unix_socket_and_reloads(t):
    server = Server(t)
    server.start()
    config = t.world.config(events=f'"{server.local_address}"')
    d = t.daemon(config)
    for _ in range(4):
        ask_many(t, d)
        d.reload(config)
    equal(d.stop(), 0)
    server.wait_events(160)


@case
def server_that_hangs_delays_no_answer_and_no_end_for_ever(t):
    server = Server(t)
    server.start()
    d = t.daemon(t.world.config(events=f'"{server.address}"'))
    ask_many(t, d)
    server.wait_events(40)
    pids = server.processes()
    server.signal(signal.SIGSTOP, pids)
    try:
        ask_many(t, d)
        equal(d.stop(), 0)
        check(d.count("level=error event=events-lost") == 1, "no word of what is lost")
    finally:
        server.signal(signal.SIGCONT, pids)


main()
