# SPDX-License-Identifier: ISC
"""The programs that read values: ours and others', each a process that gets a line and says a line."""
import base64
import json
import os
import subprocess
import threading

from harness.checks import Failure, check
from harness.daemon import BUILD

PROGRAMS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "programs")
FOLDER = os.environ.get("VERIMAIL_READERS", "")
OURS = os.path.join(BUILD, "test/readers/ours")


ID = "mx.receiver.test"  # the authserv-id that is ours


def program(name):
    return os.path.join(PROGRAMS, name)


def integration(name):
    return os.path.join(PROGRAMS, "../../../integrations", name)


def commands():
    """Others' readers, and the kinds of values that they read."""
    return [
        ("Python", "FRM", ["/usr/bin/python3", program("reader.py"), ID]),
        ("Perl", "FR", ["perl", program("reader.pl"), integration("spamassassin/Verimail.pm"), ID]),
        ("Go", "FM", [os.path.join(FOLDER, "reader-go")]),
        ("npm", "FM", ["node", program("reader.js"), os.path.join(FOLDER, "node_modules")]),
        ("Lua", "R", ["lua5.4", program("reader.lua"), integration("rspamd/verimail.lua"), ID]),
    ]


class Reader:
    """One of them. What it says is JSON; ours says words."""

    def __init__(self, name, kinds, command, load=json.loads):
        self.name = name
        self.kinds = kinds
        self._load = load
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _write(self, kind, values):
        for value in values:
            self._process.stdin.write(kind + b" " + base64.b64encode(value) + b"\n")
        self._process.stdin.flush()

    def read(self, kind, values):
        """What it makes of each."""
        writing = threading.Thread(target=self._write, args=(kind.encode(), values), daemon=True)
        writing.start()
        said = []
        for value in values:
            line = self._process.stdout.readline()
            if not line:
                raise Failure(f"{self.name} died of one of these, from the first on: {value!r}")
            said.append(self._load(line))
        writing.join()
        return said

    def end(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Readers:
    """Ours, and all others side by side."""

    def __init__(self):
        self.ours = Reader("ours", "FCRMD", [os.path.abspath(OURS)],
                           lambda line: line.decode().rstrip("\n"))
        self.others = [Reader(*one) for one in commands()]

    def read(self, kind, values):
        """For each value what the views of all of the others show: {view: what}."""
        said = {reader.name: None for reader in self.others if kind in reader.kinds}
        threads = [threading.Thread(
            target=lambda reader=reader: said.update({reader.name: reader.read(kind, values)}))
            for reader in self.others if kind in reader.kinds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(None not in said.values(), "a reader died")
        return [{f"{name} {view}": shown for name, all_views in zip(said, views)
                 for view, shown in all_views.items() if shown is not None}
                for views in zip(*said.values())]

    def end(self):
        for reader in [self.ours, *self.others]:
            reader.end()
