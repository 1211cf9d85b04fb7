# SPDX-License-Identifier: ISC
"""A verimaild, or another of our daemons, that runs: its configuration, log and processes."""
import json
import os
import re
import shutil
import signal
import subprocess

from harness.checks import WAIT_LIMIT, Failure, check, wait_for
from harness.client import ask
from harness.files import write_file

BUILD = os.environ.get("VERIMAIL_BUILD", "build")
PROGRAMS = {
    "verimaild": "src/verimaild/verimaild",
    "verimail-milter": "src/milter/verimail-milter",
    "trespass": "test/e2e/verimaild-trespass",
}
RECORDER = "verimail-recorder"
READY = 'level=notice event=ready|"level":"notice","event":"ready"'


def copy_program(name, folder, recorder=True):
    """A daemon and, where it looks for it, its recorder. Any user may execute them. The path."""
    path = os.path.join(BUILD, PROGRAMS[name])
    names = [os.path.basename(path)] + ([RECORDER] if recorder else [])
    for copied in names:
        shutil.copy(os.path.join(os.path.dirname(path), copied), folder)
        os.chmod(os.path.join(folder, copied), 0o755)
    return os.path.join(folder, names[0])


def process_name(pid):
    """Empty for one that is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def log_value(line, name):
    """The value of a name in a line of the text or JSON log; None if it is not there."""
    if line.startswith("{"):
        return json.loads(line).get(name)
    match = re.search(rf'(?:^| ){name}=("(?:[^"\\]|\\.)*"|\S*)', line)
    return match[1].strip('"') if match else None


class Daemon:
    """A verimaild that runs. Its configuration is in `config`, its log in `log`."""

    def __init__(self, case, config, program="verimaild", path=None, command=(), env=None,
                 stderr=None, ready=True, mode=0o644, **popen):
        suffix = str(len(case.daemons) or "")
        self.config = os.path.join(case.folder, f"verimail{suffix}.conf")
        self.log = os.path.join(case.folder, f"log{suffix}")
        write_file(self.config, config, mode)
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), **(env or {})}
        path = path or os.path.abspath(os.path.join(BUILD, PROGRAMS[program]))
        with open(self.log, "ab") as out:
            # Should this process be killed, so is the daemon.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command, path, "-c", self.config],
                stdin=subprocess.DEVNULL, stdout=out, stderr=stderr or out, env=environment,
                **popen)
        self.pid = self.process.pid
        case.daemons.append(self)
        if ready:
            self.wait_log(READY)

    def text(self):
        with open(self.log, "rb") as file:
            return file.read().decode("ascii", "backslashreplace")

    def lines(self, pattern=""):
        return [line for line in self.text().splitlines() if re.search(pattern, line)]

    def count(self, pattern):
        return len(self.lines(pattern))

    def wait_log(self, pattern, count=1, limit=WAIT_LIMIT):
        """The lines that match, as soon as there are so many."""
        def there():
            lines = self.lines(pattern)
            if len(lines) < count and self.process.poll() is not None:
                lines = self.lines(pattern)
                check(len(lines) >= count, f"verimaild ended before it logged {pattern}")
            return len(lines) >= count and lines
        return wait_for(there, f"{count} x {pattern} in the log", limit)

    def addresses(self):
        """Where it listens since its last start or reload, in the configuration's order."""
        found = []
        for line in self.text().splitlines():
            match = re.search(r"level=notice event=listening address=(\S+)|"
                              r'"level":"notice","event":"listening","address":"([^"]+)"', line)
            if match:
                host, port = (match[1] or match[2]).rsplit(":", 1)
                found.append((host.strip("[]"), int(port)))
            elif re.search(READY, line):
                last, found = found, []
        return last

    @property
    def address(self):
        return self.addresses()[0]

    def ask(self, question, **how):
        return ask(self.address, question, **how)

    def reload(self, config=None, wanted="event=reloaded"):
        if config is not None:
            write_file(self.config, config)
        before = self.count(wanted)
        os.kill(self.pid, signal.SIGHUP)
        return self.wait_log(wanted, before + 1)[-1]

    def _children(self, wanted):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split() if wanted(process_name(pid))]

    def workers(self):
        return self._children(lambda name: name not in ("verimail-record", ""))

    def recorders(self):
        return self._children(lambda name: name == "verimail-record")

    def wait_workers(self, count, without=()):
        """As many workers, none of which is one of those."""
        def there():
            pids = self.workers()
            return len(pids) == count and not set(pids) & set(without) and pids
        return wait_for(there, f"{count} workers")

    def stop(self, signum=signal.SIGTERM, limit=WAIT_LIMIT):
        """The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"verimaild still runs {limit} s after signal {signum}") from error

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
