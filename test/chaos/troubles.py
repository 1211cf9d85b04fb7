# SPDX-License-Identifier: ISC
"""What can go wrong, each for as long as its `with` lasts."""
import contextlib
import errno
import os
import random
import signal
import socket
import sqlite3
import subprocess
import threading
import time

from harness.dnsserver import SILENCE
from harness.movedclock import DAY, HOUR

YEAR_2106 = 1 << 32  # where 32 bits end


def moved(clock, seconds):
    @contextlib.contextmanager
    def trouble():
        clock.move(seconds)
        yield
        clock.move(0)
    trouble.name = f"a clock that is {seconds} s ahead"
    return trouble


def standing_at(clock, unix):
    @contextlib.contextmanager
    def trouble():
        clock.stand_at(unix)
        yield
        clock.move(0)
    trouble.name = f"a clock that says {unix}"
    return trouble


def clocks_behind(clock):
    return [moved(clock, -HOUR), moved(clock, -8 * DAY), standing_at(clock, 0)]


def clocks_ahead(clock):
    return [moved(clock, HOUR), moved(clock, 8 * DAY), standing_at(clock, YEAR_2106)]


def full(folder):
    """A disk on which nothing has room."""
    @contextlib.contextmanager
    def trouble():
        path = os.path.join(folder, "filler")
        with open(path, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * (1 << 20))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            yield
        os.unlink(path)
    trouble.name = "a full disk"
    return trouble


def read_only(folder):
    @contextlib.contextmanager
    def trouble():
        # Files that are open for writing keep a disk as it is; then there is no trouble.
        subprocess.run(["mount", "-o", "remount,ro", folder], check=False, capture_output=True)
        yield
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    trouble.name = "a disk that cannot be written"
    return trouble


def stopped(pids, what):
    """Processes that get no further, as those that wait for a slow disk do."""
    @contextlib.contextmanager
    def trouble():
        held = pids()
        for pid in held:
            signal_quietly(pid, signal.SIGSTOP)
        yield
        for pid in held:
            signal_quietly(pid, signal.SIGCONT)
    trouble.name = f"{what} stopped"
    return trouble


def locked(path):
    """A record that another program writes to."""
    @contextlib.contextmanager
    def trouble():
        with contextlib.suppress(sqlite3.Error), contextlib.closing(
                sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0,
                                isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
            return
        yield
    trouble.name = "a locked record"
    return trouble


def dns_says(site, what, answer):
    @contextlib.contextmanager
    def trouble():
        records, site.dns.records = site.dns.records, answer
        yield
        site.dns.records = records
    trouble.name = f"DNS {what}"
    return trouble


def dns_troubles(site):
    chance = random.Random(1)
    return [dns_says(site, "silent", lambda *_: SILENCE),
            dns_says(site, "garbled", lambda *_: chance.randbytes(chance.randrange(100)))]


class Between:
    """Stands between a service and its store of counts, and hands on what both say."""

    def __init__(self, case, to):
        self.to = to
        self.mode = "normal"
        self._connected = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        case.servers.append(self)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self.to)
            except OSError:
                if self._listener.fileno() < 0:
                    return
                continue
            with self._lock:
                self._connected |= {client, server}
            for here, there in ((client, server), (server, client)):
                threading.Thread(target=self._hand_on, args=(here, there), daemon=True).start()

    def _hand_on(self, here, there):
        chance = random.Random(1)
        try:
            while octets := here.recv(65536):
                while self.mode == "frozen":
                    time.sleep(0.01)
                there.sendall(chance.randbytes(len(octets)) if self.mode == "garbled" else octets)
        except OSError:
            pass
        with self._lock:
            for end in (here, there):
                self._connected.discard(end)
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        with self._lock:
            for end in self._connected:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self._listener.close()
        self.mode = "normal"
        self.cut()

    def troubles(self):
        return [self._trouble(mode) for mode in ("cut", "frozen", "garbled")]

    def _trouble(self, mode):
        @contextlib.contextmanager
        def trouble():
            self.mode = mode
            if mode == "cut":
                self.cut()
            yield
            self.mode = "normal"
            if mode == "garbled":  # whoever was told nonsense begins anew
                self.cut()
        trouble.name = f"counts {mode}"
        return trouble


def signal_quietly(pid, signum):
    """False if the process is gone."""
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return False
    return True
