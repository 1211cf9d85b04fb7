# SPDX-License-Identifier: ISC
"""A private OpenSMTPD with filter-verimail, in the place of a Postfix: the same names where the same is
meant. Its paths are compiled in: it runs in mounts of its own."""
import glob
import os
import pwd
import shutil
import subprocess

import pytest

from harness.addresses import ADDRESSES, MTA
from harness.checks import check, equal, wait_for
from harness.daemon import BUILD
from harness.files import write_file
from harness.message import Mailbox, oldest_first
from harness.programs import listens, start

FILTER = os.path.join(BUILD, "integrations/filter-verimail")
USER = "opensmtpd"  # Debian's smtpd wants no other, and `opensmtpq` for its queue
BOX_USER = "nobody"

CONFIG = """
table users {{ "@" = "{box_user}" }}
table hosts {{ "{address}", "127.0.0.1", "127.0.1.1" }}
{tables}
filter "verimail" proc-exec "{command}"
smtp max-message-size 35M
queue ttl 1h
listen on socket {filter}
listen on {address} port 25 hostname "{name}.test" {filter}
{listeners}
action "local" maildir "{folder}/boxes" {junk} virtual <users>
match from any for domain "{name}.test" action "local"
{routes}
"""

# Each path is where smtpd looks for it.
MOUNTS = """
mount -t tmpfs -o mode=755 none /var/spool
mkdir -m 711 /var/spool/smtpd
mkdir -p {folder}/run
mount --bind {folder}/run "$(realpath /var/run)"
mount -t tmpfs -o mode=755 none /var/lib
mkdir -p /var/lib/opensmtpd/empty
mount -t overlay -o lowerdir={root}/usr/libexec:/usr/libexec none /usr/libexec
mount -t overlay -o lowerdir={root}/usr/sbin:/usr/sbin none /usr/sbin
exec "$@"
"""


def needs_opensmtpd():
    """The root folder of Debian's package."""
    root = os.path.join(MTA, "opensmtpd")
    if not os.path.exists(os.path.join(root, "usr/sbin/smtpd")):
        pytest.skip(f"{root} is not there: test/mta/unpack makes it")
    return root


class OpenSmtpd(Mailbox):
    """A private instance for NAME.test. `milter`: its socket, as the milter's configuration has it;
    `listeners`, `tables`: lines of its configuration; `command`: another filter."""

    def __init__(self, case, name, milter="", transports=None, tables="", listeners="", command=None,
                 folder="opensmtpd"):
        self.case, self.name = case, name
        self.address = ADDRESSES[name]
        self.root = needs_opensmtpd()
        self.folder = os.path.join(case.folder, f"{folder}-{name}")
        self.config = os.path.join(self.folder, "smtpd.conf")
        if transports is None:
            transports = {f"{other}.test": address for other, address in ADDRESSES.items()
                          if other != name}
        self._make_folders()
        if milter:
            # smtpd's user need not reach the folder of the build.
            command = f"{shutil.copy(FILTER, self.folder)} {milter}"
        values = {
            "folder": self.folder, "name": name, "address": self.address, "tables": tables,
            "box_user": BOX_USER, "command": command or "/bin/cat", "junk": "junk",
            "filter": 'filter "verimail"' if command else "", "listeners": listeners,
            "routes": "".join(self._route(*route) for route in transports.items()),
        }
        text = CONFIG.format(**values)
        if not command:
            text = "".join(line for line in text.splitlines(True) if not line.startswith("filter "))
        write_file(self.config, text, 0o600)
        write_file(os.path.join(self.folder, "mounts"), MOUNTS.format(folder=self.folder, root=self.root), 0o700)
        self.start()

    def _route(self, domain, server):
        action = f'action "to_{domain}" relay host "smtp://{server}:25" src {self.address}\n'
        return action + "".join(f'match {who} for domain "{domain}" action "to_{domain}"\n'
                                for who in ("from src <hosts>", "from local", "auth from any"))

    def _make_folders(self):
        owner = pwd.getpwnam(BOX_USER)
        for name in ("", "run", "boxes"):
            path = os.path.join(self.folder, name)
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o755)
        os.chown(os.path.join(self.folder, "boxes"), owner.pw_uid, owner.pw_gid)

    def start(self):
        program = os.path.join(self.root, "usr/sbin/smtpd")
        self.process = start(
            self.case, ["unshare", "--mount", "--propagation", "private", "sh", "-eu",
                        os.path.join(self.folder, "mounts"), program, "-d", "-v", "-f", self.config],
            os.path.join(self.folder, "out"), start_new_session=True)
        def ready():
            check(self.process.poll() is None, f"smtpd of {self.name}: {self.log_text()}")
            return listens(self.address, 25)
        wait_for(ready, f"smtpd of {self.name}")

    def log_text(self):
        return self.out()

    def inside(self, *command, octets=b""):
        """A command that sees smtpd's paths."""
        return subprocess.run(["nsenter", "-t", str(self.process.pid), "-m", *command], input=octets,
                              capture_output=True, check=False)

    def submit(self, octets, *arguments):
        """By sendmail(1), as a program on the machine does."""
        if isinstance(octets, str):
            octets = octets.replace("\r\n", "\n").encode()
        done = self.inside("bash", "-c", f'exec -a sendmail {self.root}/usr/sbin/smtpctl "$@"', "sendmail", "-i", *arguments,
                           octets=octets)
        equal((done.returncode, done.stderr), (0, b""), "smtpd's sendmail(1)")

    def filter_pid(self):
        found = subprocess.run(["pgrep", "-f", f"^{self.folder}/filter-verimail"], capture_output=True, check=True)
        return int(found.stdout.split()[0])

    def box(self):
        """What was delivered, oldest first: octets."""
        found = glob.glob(f"{self.folder}/boxes/new/*") + glob.glob(f"{self.folder}/boxes/.Junk/new/*")
        return oldest_first(found)
