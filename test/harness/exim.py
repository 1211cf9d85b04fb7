# SPDX-License-Identifier: ISC
"""A private Exim with the module of integrations/exim, in the place of a Postfix: the same names where
the same is meant."""
import glob
import os
import pwd
import re
import shutil
import subprocess

import pytest

from harness.addresses import ADDRESSES, MTA
from harness.checks import check, equal, wait_for
from harness.daemon import BUILD
from harness.files import write_file
from harness.message import Mailbox, oldest_first
from harness.programs import listens, start

INTEGRATION = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../integrations/exim"))
MODULE = os.path.join(BUILD, "integrations/verimail-exim.so")
USER = "Debian-exim"  # Debian's Exim wants no other

CONFIG = """
exim_path = {program}
exim_user = {user}
exim_group = {user}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/pid
primary_hostname = mx.{name}.test
qualify_domain = {name}.test
local_interfaces = <; {listeners}
deliver_drop_privilege = true
never_users =
trusted_users = {user}
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
auth_advertise_hosts = *
chunking_advertise_hosts = *
prdr_enable = false
check_spool_space = 0
smtp_accept_max = 0
message_size_limit = 0
accept_8bitmime = true
ignore_bounce_errors_after = 0s
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
acl_not_smtp = {local_acl}
domainlist ours = {name}.test
{main}

begin acl
acl_rcpt:
{rcpt}
  accept hosts = : 127.0.0.1 : 127.0.1.1
  accept authenticated = *
  accept domains = +ours
  deny message = relaying denied
acl_data:
{data}
{end_of_data}
  {last}

begin routers
{first_router}
{routers}
local:
  driver = accept
  domains = +ours
  transport = maildir
{routes}
lost:
  driver = redirect
  allow_fail
  data = :fail: no route

begin transports
maildir:
  driver = appendfile
  directory = {folder}/boxes
  maildir_format
  create_directory
  user = {user}
smtp:
  driver = smtp
  interface = {address}
  allow_localhost
  hosts_try_dane =
  {transport}
{our_transport}

begin retry
* * F,1h,1m

{rewrite}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth2}}{{$auth3}}}}
  server_set_id = $auth2
"""

ROUTE = """
to_{number}:
  driver = manualroute
  domains = {domain}
  route_list = * {server} byname
  self = send
  transport = smtp
"""


def include(path):
    return f".include {path}\n" if path else ""


def needs_exim(kind="heavy"):
    """The program of Debian's package exim4-daemon-KIND."""
    program = os.path.join(MTA, f"exim4-{kind}", "usr/sbin/exim4")
    if not os.path.exists(program):
        pytest.skip(f"{program} is not there: test/mta/unpack makes it")
    if not os.path.exists(MODULE):
        pytest.skip("the module for Exim was not built: exim4-dev was missing")
    return program


class Exim(Mailbox):
    """A private instance for NAME.test. `milter`: its socket, as the milter's configuration has it;
    `parts`: further lines of some of PARTS; `transports`: {domain: address of a server};
    `throw_away`: what was accepted is not delivered."""

    PARTS = ("main", "rcpt", "data", "routers", "transport", "rewrite")

    def __init__(self, case, name, milter="", transports=None, kind="heavy", folder="exim",
                 throw_away=False, **parts):
        self.case, self.name = case, name
        self.address = ADDRESSES[name]
        self.program = needs_exim(kind)
        self.folder = os.path.join(case.folder, f"{folder}-{name}")
        self.config = os.path.join(self.folder, "exim.conf")
        if transports is None:
            transports = {f"{other}.test": address for other, address in ADDRESSES.items()
                          if other != name}
        self.throws_away = throw_away
        self._make_folders()
        # Exim's user need not reach the folder of the build.
        self.module = shutil.copy(MODULE, self.folder)
        ours = {part: self._integrate(part, milter) if milter else ""
                for part in ("data.acl", "local.acl", "router", "transport")}
        values = {
            **dict.fromkeys(self.PARTS, ""), **parts,
            "program": self.program, "user": USER, "folder": self.folder, "name": name,
            "address": self.address, "listeners": f"[{self.address}]:25 ; [{self.address}]:587",
            "end_of_data": include(ours["data.acl"]), "local_acl": ours["local.acl"],
            "first_router": include(ours["router"]), "our_transport": include(ours["transport"]),
            "last": "discard" if throw_away else "accept",
            "routes": "".join(ROUTE.format(number=number, domain=domain, server=server)
                              for number, (domain, server) in enumerate(transports.items())),
        }
        write_file(self.config, CONFIG.format(**values), 0o644)
        self.start()

    def start(self):
        self.process = start(self.case, [self.program, "-C", self.config, "-bdf", "-q10s"],
                             os.path.join(self.folder, "out"), start_new_session=True)
        def ready():
            check(self.process.poll() is None, f"Exim of {self.name}: {self.log_text()}")
            return listens(self.address, 25) and listens(self.address, 587)
        wait_for(ready, f"Exim of {self.name}")

    def _integrate(self, part, socket):
        """The file that the package has, for this module and this socket; its path."""
        with open(os.path.join(INTEGRATION, part), encoding="utf-8") as file:
            text = (file.read().replace("/usr/lib/exim4/verimail-exim.so", self.module)
                    .replace("unix:/run/verimail/milter.sock", socket)
                    .replace("* 127.0.0.1 byname", f"* {self.address} byname"))
        path = os.path.join(self.folder, part)
        if self.throws_away:
            text = re.sub(r"(?m)^  accept$", "  discard", text)
        write_file(path, text, 0o644)
        return path

    def _make_folders(self):
        owner = pwd.getpwnam(USER)
        for name in ("", "spool", "log", "boxes"):
            path = os.path.join(self.folder, name)
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o755)
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def log_text(self):
        text = ""
        for path in [os.path.join(self.folder, "out"), *sorted(glob.glob(f"{self.folder}/log/*"))]:
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text

    def run(self, *arguments, octets=b"", user=None):
        """exim with these arguments, as sendmail(1): what it says, and its exit status."""
        return subprocess.run([self.program, "-C", self.config, *arguments], input=octets, user=user,
                              capture_output=True, check=False, cwd=self.folder)

    def submit(self, octets, *arguments):
        """By sendmail(1), as a program on the machine does."""
        if isinstance(octets, str):
            octets = octets.replace("\r\n", "\n").encode()
        done = self.run("-i", *arguments, octets=octets)
        equal((done.returncode, done.stderr), (0, b""), "exim as sendmail(1)")

    def queue(self):
        """Files of messages that are neither delivered nor bounced."""
        return glob.glob(f"{self.folder}/spool/input/**/*-H", recursive=True)

    def box(self):
        """What was delivered, oldest first: octets."""
        found = glob.glob(f"{self.folder}/boxes/new/*")
        return oldest_first(found)

    def wait_idle(self):
        wait_for(lambda: not self.queue(), f"an empty queue of {self.name}")

    def stop(self):
        super().stop()
        # Its processes have the sockets, too.
        wait_for(lambda: not listens(self.address, 25), f"the end of Exim of {self.name}")
