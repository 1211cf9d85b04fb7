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

from harness.checks import check
from harness.dnsserver import SILENCE
from harness.movedclock import DAY, HOUR

YEAR_2106 = 1 << 32  # where 32 bits end


class NoTrouble(Exception):
    """What was tried had no effect."""


def trouble(name, begin, end):
    """A trouble that begin() makes; end() is called with what that returned. `with` gives whether it
    took effect."""
    @contextlib.contextmanager
    def lasting():
        try:
            made = begin()
        except NoTrouble:
            yield False
            return
        try:
            yield True
        finally:
            end(made)
    lasting.name = name
    return lasting


def moved(clock, seconds):
    return trouble(f"a clock that is {seconds} s ahead", lambda: clock.move(seconds),
                   lambda _: clock.move(0))


def standing_at(clock, unix):
    return trouble(f"a clock that says {unix}", lambda: clock.stand_at(unix),
                   lambda _: clock.move(0))


def clocks_behind(clock):
    return [moved(clock, -HOUR), moved(clock, -8 * DAY), standing_at(clock, 0)]


def clocks_ahead(clock):
    return [moved(clock, HOUR), moved(clock, 8 * DAY), standing_at(clock, YEAR_2106)]


def full(folder):
    """A disk on which nothing has room."""
    path = os.path.join(folder, "filler")

    def fill():
        with open(path, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * (1 << 20))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return trouble("a full disk", fill, lambda _: os.unlink(path))


def read_only(folder):
    def remount(how):
        return subprocess.run(["mount", "-o", "remount," + how, folder], check=False,
                              capture_output=True, text=True)

    def begin():
        # Files that are open for writing keep a disk as it is.
        if remount("ro").returncode != 0:
            raise NoTrouble

    def end(_):
        done = remount("rw")
        check(done.returncode == 0, done.stderr)
    return trouble("a disk that cannot be written", begin, end)


def stopped(pids, what):
    """Processes that get no further, as those that wait for a slow disk do."""
    def signal_all(held, signum):
        return [pid for pid in held if signal_quietly(pid, signum)]

    def begin():
        try:
            held = signal_all(pids(), signal.SIGSTOP)
        except OSError:  # the daemon is not there yet
            raise NoTrouble from None
        if not held:
            raise NoTrouble
        return held
    return trouble(f"{what} stopped", begin,
                   lambda held: signal_all(held, signal.SIGCONT))


def locked(path):
    """A record that another program writes to."""
    def lock():
        other = None
        try:
            other = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=1,
                                    isolation_level=None, check_same_thread=False)
            other.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error:  # it is not there, or is written all the time
            if other is not None:
                other.close()
            raise NoTrouble from None
        return other
    return trouble("a locked record", lock, lambda other: other.close())


def dns_says(site, what, answer):
    def say(records):
        before, site.dns.records = site.dns.records, records
        return before
    return trouble(f"DNS {what}", lambda: say(answer), say)


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
        def begin():
            self.mode = mode
            if mode == "cut":
                self.cut()

        def end(_):
            self.mode = "normal"
            if mode == "garbled":  # whoever was told nonsense begins anew
                self.cut()
        return trouble(f"counts {mode}", begin, end)


def signal_quietly(pid, signum):
    """False if the process is gone."""
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return False
    return True
