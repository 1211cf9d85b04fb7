# SPDX-License-Identifier: ISC
"""A PostgreSQL server of a test's own, in the folder of its case."""
import contextlib
import glob
import os
import shutil
import signal
import subprocess

import pytest

from harness.checks import wait_for
from harness.programs import USER, as_user, free_port


class Server:
    """It does not run before start(). Its unix socket is in `folder`; with `tcp` it listens at a
    loopback port, too."""

    def __init__(self, case, user="tester", tcp=False):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not found:
            pytest.skip("no PostgreSQL server")
        self.bin = os.path.dirname(found[-1])
        self.user = user
        self.folder = os.path.join(case.folder, "pg")
        self.data = os.path.join(self.folder, "data")
        self.process = None
        self.tcp = tcp
        self.port = free_port() if tcp else 5432
        self.path = os.path.join(self.folder, f".s.PGSQL.{self.port}")
        os.mkdir(self.folder, 0o755)
        os.chmod(case.folder, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        subprocess.run(as_user(f"{self.bin}/initdb", "-D", self.data, "-A", "trust", "-U", user,
                               "-N"), check=True, capture_output=True)
        case.servers.append(self)

    def start(self):
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                as_user("setpriv", "--pdeathsig", "QUIT", f"{self.bin}/postgres", "-F", "-D",
                        self.data, "-p", str(self.port), "-k", self.folder, "-c",
                        "listen_addresses=" + ("127.0.0.1" if self.tcp else "")),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: self.ask("SELECT 1") == "1", "PostgreSQL")
        return self

    def ask(self, sql, check=False):
        """What psql prints; empty when it cannot be asked."""
        host = "127.0.0.1" if self.tcp else self.folder
        done = subprocess.run(
            [f"{self.bin}/psql", "-AtqX", "-h", host, "-p", str(self.port), "-U", self.user, "-d",
             "postgres", "-c", sql], capture_output=True, check=check)
        return done.stdout.decode().strip()

    def do(self, sql):
        """Statements that succeed, in one transaction."""
        self.ask(sql, check=True)

    def processes(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            return [self.process.pid] + [int(pid) for pid in file.read().split()]

    def signal(self, signum, pids):
        """To those that are still there: one may just have ended."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    @property
    def address(self):
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/postgres"

    @property
    def local_address(self):
        return f"postgresql://{self.user}@/postgres?host={self.folder}&port={self.port}"
