# SPDX-License-Identifier: ISC
"""A section `directory` and the table that it fills, by `verimail table sync`."""
import os
import re
import subprocess

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD
from harness.files import write_file
from harness.slapd import PASSWORD

PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))


class Ended:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


class Directory:
    """A section `directory`, and the table that it fills."""

    def __init__(self, case, source, name="people", **options):
        self.t = case
        self.name = name
        self.table = os.path.join(case.world.state, "users")
        self.config = os.path.join(case.folder, f"sync-{name}.conf")
        self.options = {"source": source, "table": "lmdb:" + self.table, "timeout": "20s",
                        **options}
        self.write()

    def section(self):
        def form(value):
            return str(value).lower() if isinstance(value, (bool, int)) else (
                "{" + ", ".join(map(form, value)) + "}" if isinstance(value, list)
                else "'" + value.replace("'", "\\'") + "'")
        lines = "".join(f"    {name} = {form(value)}\n" for name, value in self.options.items())
        return f'directory "{self.name}" {{\n{lines}}}\n'

    def write(self, **options):
        self.options.update(options)
        self.options = {name: value for name, value in self.options.items() if value is not None}
        write_file(self.config, self.section(), 0o644)

    def start(self, *arguments, **how):
        return subprocess.Popen([PROGRAM, "-c", self.config, "table", "sync", *arguments],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)

    def sync(self, *arguments, **how):
        process = self.start(*arguments, **how)
        out, err = process.communicate(timeout=WAIT_LIMIT)
        ended = subprocess.CompletedProcess([], process.returncode, out, err)
        check(PASSWORD not in out + err, "the password was said")
        return Ended(ended)

    def good(self, *arguments, told=(), **how):
        """The summary, without the directory's name."""
        ended = self.sync(*arguments, **how)
        equal((ended.status, ended.err.splitlines()), (0, list(told)), "sync")
        check(ended.out.startswith(self.name + ": ") and ended.out.count("\n") == 1, ended.out)
        return ended.out[len(self.name) + 2:-1]

    def bad(self, status, why, *arguments):
        """What was told, but for the last line, after a sync that fails and changes nothing."""
        before = self.dump() if os.path.exists(self.table) else None
        ended = self.sync(*arguments)
        told = ended.err.splitlines()
        equal((ended.status, ended.out), (status, ""), ended.err)
        check(re.search(why, told[-1]), f"got {told[-1]!r}, want {why!r}")
        check("the table is as it was" in told[-1], told[-1])
        equal(self.dump() if os.path.exists(self.table) else None, before, "the table")
        return told[:-1]

    def run(self, *arguments):
        done = subprocess.run([PROGRAM, "table", *arguments], text=True, capture_output=True,
                              check=False, timeout=WAIT_LIMIT)
        equal((done.returncode, done.stderr), (0, ""), " ".join(arguments))
        return done.stdout

    def dump(self):
        return self.run("dump", self.table).splitlines()


def secret(case, content=PASSWORD + "\n", mode=0o600):
    path = os.path.join(case.folder, "password")
    write_file(path, content, mode)
    return path
