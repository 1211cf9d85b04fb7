# SPDX-License-Identifier: ISC
"""A machine that looks as a manual has it: Verimail's users, folders, programs and services at their
usual places. It has mounts of its own, so that what a test does there is not seen elsewhere."""
import os
import shutil
import signal
import subprocess

from harness.checks import Failure, wait_for
from harness.daemon import BUILD, PROGRAMS
from harness.files import write_file
from harness.namespaces import needs_root, private_network

PEOPLE = {"verimail": 990, "postfix": 991}
FOLDERS = ("/etc/verimail", "/var/lib/verimail", "/run/verimail")
# The machine's own folders, which are empty at first.
MOUNTS = """set -e
mount --make-rprivate /
mount --bind "$1/etc" /etc
for folder in /run /var/lib /var/spool /opt; do mount -t tmpfs machine $folder; done
mkdir -m 755 -p /var/spool/postfix /opt/bin
echo ready
exec sleep infinity
"""
# What systemd would do; a unit that is enabled runs already.
SYSTEMCTL = """#!/bin/sh
case "$*" in
"enable --now verimaild" | "enable --now verimail-milter") ;;
"reload verimaild") kill -HUP "$(cat /run/verimail/pid)" ;;
*) exit 1 ;;
esac
"""


class Machine:
    """Ends with the case."""

    def __init__(self, case):
        needs_root()
        private_network()
        self.case = case
        self.folder = os.path.join(case.folder, "machine")
        os.mkdir(self.folder, 0o755)
        self._make_etc()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "-m", "sh", "-c", MOUNTS, "sh",
             self.folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        case.processes.append(self.process)
        if self.process.stdout.readline() != b"ready\n":
            raise Failure("a machine with mounts of its own does not start")
        for name in FOLDERS:
            self.must(f"install -d -o verimail -g verimail {name}")
        for program in (PROGRAMS["verimaild"], PROGRAMS["verimail-milter"],
                        "src/command/verimail"):
            self.must(f"ln -s {os.path.abspath(os.path.join(BUILD, program))} /opt/bin/")
        self.write("/opt/bin/systemctl", SYSTEMCTL, 0o755)

    def _make_etc(self):
        """What /etc is here, with the users that packages make."""
        etc = os.path.join(self.folder, "etc")
        subprocess.run(["cp", "-a", "/etc", etc], check=True)
        shutil.rmtree(os.path.join(etc, "verimail"), ignore_errors=True)
        for name in ("passwd", "group"):
            path = os.path.join(etc, name)
            with open(path, encoding="utf-8") as file:
                lines = [line for line in file if line.split(":")[0] not in PEOPLE]
            for user, number in PEOPLE.items():
                lines.append(f"{user}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
                             if name == "passwd" else f"{user}:x:{number}:\n")
            write_file(path, "".join(lines), 0o644)
        for name, text in (("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
                           ("resolv.conf", "nameserver 127.0.0.1\n")):
            write_file(os.path.join(etc, name), text, 0o644)

    def _command(self, text):
        return ["nsenter", "-t", str(self.process.pid), "-m", "env",
                "PATH=/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", f"cd /opt\n{text}"]

    def run(self, text, given=b""):
        """Exit status and all that was said by a command line, in the folder /opt."""
        done = subprocess.run(self._command(text), input=given, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, timeout=60)
        return done.returncode, done.stdout.decode("utf-8", "backslashreplace")

    def must(self, text, given=b""):
        """What a command line said that must not fail."""
        status, said = self.run(text, given)
        if status != 0:
            raise Failure(f"{text}: status {status}: {said}")
        return said

    def write(self, path, text, mode=0o644):
        self.must(f"mkdir -p {os.path.dirname(path)} && cat >{path} && chmod {mode:o} {path}",
                  text.encode())

    def start(self, command, ready):
        """Starts a daemon, and waits for these words in its log."""
        log = os.path.join(self.folder, "log")
        with open(log, "ab") as out:
            process = subprocess.Popen(self._command("exec " + command), stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out)
        self.case.processes.append(process)
        wait_for(lambda: ready in self.log() or process.poll() is not None, f"{command}: {ready}")
        if process.poll() is not None:
            raise Failure(f"{command}: ended: {self.log()}")
        self.must("cat >/run/verimail/pid", str(process.pid).encode())
        return process

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read()
