# SPDX-License-Identifier: ISC
"""The unit tests of stores of events with a real PostgreSQL, also behind a network that loses
connections at the worst moments."""
import os
import re
import select
import socket
import subprocess
import threading

from harness.checks import check, equal
from harness.daemon import BUILD
from harness.postgresql import Server

COMMIT = b"Q\0\0\0\x0bCOMMIT\0"
COMMITTED = b"C\0\0\0\x0bCOMMIT\0"


class Network:
    """Between a client and a server. The second COMMIT of every connection is its end: in turn, before
    the server hears of it, and after it has done it but before the client hears of that."""

    def __init__(self, case, server):
        self.server = server
        self.folder = os.path.join(case.folder, "net")
        os.mkdir(self.folder)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(os.path.join(self.folder, ".s.PGSQL.5432"))
        self.listener.listen(64)
        self.lost_before = 0
        self.lost_after = 0
        self.lock = threading.Lock()
        case.servers.append(self)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _turn(self):
        with self.lock:
            before = self.lost_before <= self.lost_after
            if before:
                self.lost_before += 1
            else:
                self.lost_after += 1
            return before

    def _carry(self, client):
        commits = 0
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.connect(self.server.path)
            while True:
                for end in select.select([client, server], [], [])[0]:
                    try:
                        octets = end.recv(65536)
                    except OSError:
                        octets = b""
                    if not octets:
                        return
                    if end is client and octets.endswith(COMMIT):
                        commits += 1
                        if commits == 2:
                            if not self._turn():
                                server.sendall(octets)
                                while COMMITTED not in octets:
                                    octets = octets[-64:] + server.recv(65536)
                            return
                    (server if end is client else client).sendall(octets)


def run(program, folder):
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP",
                       VERIMAIL_POSTGRESQL=f"postgresql://tester@/postgres?host={folder}")
    done = subprocess.run([os.path.join(BUILD, "test/unit", program)], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace")
    equal((done.returncode, re.findall(r"^not ok.*", text, re.MULTILINE)), (0, []), text)
    check(re.search(r"^ok .*_postgresql|^ok .*partitions", text, re.MULTILINE), text)


def test_every_kind_of_store(case):
    run("test_store", Server(case).start().folder)


def test_sums_of_every_kind_of_store(case):
    run("test_rollup", Server(case).start().folder)


def test_what_is_the_servers_own(case):
    run("test_postgresql", Server(case).start().folder)


def test_what_reports_say(case):
    run("test_report", Server(case).start().folder)


def test_nothing_is_lost_or_doubled_under_commit(case):
    network = Network(case, Server(case).start())
    run("test_store", network.folder)
    check(network.lost_before > 10 and network.lost_after > 10,
          f"{network.lost_before} connections lost before a COMMIT, {network.lost_after} after")
