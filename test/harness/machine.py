# SPDX-License-Identifier: ISC
"""A machine that looks as a manual has it: Verimail's users, folders, programs and services at their
usual places. It has mounts of its own, so that what a test does there is not seen elsewhere."""
import os
import subprocess

from harness.checks import Failure, wait_for
from harness.daemon import BUILD, PROGRAMS
from harness.namespaces import needs_root, private_network

FOLDERS = ("/etc/verimail", "/var/lib/verimail", "/run/verimail")
# The machine's own folders: /etc as it is here, with the users that packages make; the others empty.
MOUNTS = """set -e
mount --make-rprivate /
mount -t tmpfs machine "$1"
cp -a /etc/. "$1"
mount --bind "$1" /etc
for folder in /run /var/lib /var/spool /opt; do mount -t tmpfs machine $folder; done
mkdir -m 755 -p /var/spool/postfix /opt/bin
rm -rf /etc/verimail
for user in verimail:2990 postfix:2991; do
    sed -i "/^${user%:*}:/d" /etc/passwd /etc/group
    echo "${user%:*}:x:${user#*:}:${user#*:}::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
    echo "${user%:*}:x:${user#*:}:" >>/etc/group
done
printf 'passwd: files\\ngroup: files\\nhosts: files dns\\n' >/etc/nsswitch.conf
echo nameserver 127.0.0.1 >/etc/resolv.conf
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
        folder = os.path.join(case.folder, "etc")
        os.mkdir(folder, 0o755)
        self.path = os.path.join(case.folder, "machine.log")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "-m", "sh", "-c", MOUNTS, "sh",
             folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        case.processes.append(self.process)
        if self.process.stdout.readline() != b"ready\n":
            raise Failure("a machine with mounts of its own does not start")
        for name in FOLDERS:
            self.must(f"install -d -o verimail -g verimail {name}")
        for program in (PROGRAMS["verimaild"], PROGRAMS["verimail-milter"],
                        "src/command/verimail"):
            self.must(f"ln -s {os.path.abspath(os.path.join(BUILD, program))} /opt/bin/")
        self.write("/opt/bin/systemctl", SYSTEMCTL, 0o755)
        self.write("/opt/.spamassassin/user_prefs", "")  # it would say that it makes one

    def _command(self, text):
        # -r and -w: a test may run within a root folder of its own.
        return ["nsenter", "-t", str(self.process.pid), "-m", "-r", "-w", "env", "HOME=/opt",
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
        with open(self.path, "ab") as out:
            process = subprocess.Popen(self._command("exec " + command), stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out)
        self.case.processes.append(process)
        wait_for(lambda: ready in self.log() or process.poll() is not None, f"{command}: {ready}")
        if process.poll() is not None:
            raise Failure(f"{command}: ended: {self.log()}")
        self.must("cat >/run/verimail/pid", str(process.pid).encode())
        return process

    def log(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()
