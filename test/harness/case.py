# SPDX-License-Identifier: ISC
"""A folder and a configuration of a test's own, and what ends with the test."""
import os
import re
import subprocess
import tempfile
import time

from harness.checks import WAIT_LIMIT
from harness.daemon import Daemon
from harness.keys import Key, seal

TAIL = 25  # lines of a daemon's log that a failure shows; those about questions are left out
USERS = """
    user "alice" { }
    user "bob" { allow_unauthorized = true }
    user "*" { hosts = {} }
"""


class World:
    """A domain with a service key, a sending host and users: what most cases need."""

    def __init__(self, folder):
        self.folder = folder
        self.service = Key("service")
        self.host = Key("host")
        self.service_path = self.service.write(os.path.join(folder, "service.key"))
        if os.geteuid() == 0:  # what workers make in there they make as nobody
            os.chmod(folder, 0o711)
        self.state = self.make_state("state")

    def make_state(self, name):
        """A state folder, which one service at a time can have."""
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        return path

    def config(self, service="", domain=None, more="", listen=('"127.0.0.1:0"',), keys=None,
               host_keys=None, workers=2, run_as="nobody", replay='"none"',
               record='store = "none"', state=None):
        keys = keys or [self.service_path]
        host_keys = host_keys or [self.host.public_text()]
        domain = USERS if domain is None else domain
        return f"""service {{
    listen = {{{", ".join(listen)}}}
    run_as = "{run_as}"
    state = "{state or self.state}"
    keys = {{{", ".join(f'"{key}"' for key in keys)}}}
    replay = {replay}
    workers = {workers}
    {service}
}}
record {{ {record} }}
host "mail.example.org" {{ keys = {{{", ".join(f'"{key}"' for key in host_keys)}}} }}
domain "example.org" {{
    default = true
    hosts = {{"mail.example.org"}}
    {domain}
}}
{more}
"""

    def payload(self, user="alice@example.org", receiving="example.net:1", issued=None, digest="-",
                sending="mail.example.org", host=None, service=None):
        issued = int(time.time()) if issued is None else issued
        return seal(host or self.host, service or self.service,
                    f"{sending} {receiving} {issued} {user} {digest}")

    def question(self, user="alice@example.org", names=" rcpt=example.net", **payload):
        return f"{user} {self.payload(user=user, **payload)}{names}\r\n"


class Case:
    def __init__(self, root, name):
        self.folder = tempfile.mkdtemp(prefix=re.sub(r"\W+", "-", name)[:16] + "-", dir=root)
        self.daemons = []
        self.processes = []  # others that end with the case
        self.servers = []  # threads of ours, with a stop()
        self.loads = []
        self.world = World(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def tails(self):
        """What each daemon logged last: pairs of its name and lines."""
        return [(f"log of pid {daemon.pid}", daemon.lines("^(?!.*event=question )")[-TAIL:])
                for daemon in self.daemons]

    def daemon(self, config=None, **how):
        return Daemon(self, self.world.config() if config is None else config, **how)

    def end(self):
        for load in self.loads:
            load.end()
        for server in self.servers:
            server.stop()
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for daemon in self.daemons:
            daemon.kill()
        for process in self.processes:
            try:
                process.wait(WAIT_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
