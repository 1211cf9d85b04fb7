# SPDX-License-Identifier: ISC
"""A private Haraka with the plugin of integrations/haraka, in the place of a Postfix: the same names where
the same is meant."""
import glob
import os
import shutil

import pytest

from harness.addresses import ADDRESSES, DNS, MTA
from harness.checks import check, wait_for
from harness.files import write_file
from harness.message import Mailbox, oldest_first
from harness.programs import listens, start

INTEGRATION = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../integrations/haraka"))

# Stands for whatever delivers: a file for each message.
DELIVER = """
const fs = require('node:fs')
exports.register = function () {{
    this.register_hook('queue', 'deliver')
    this.register_hook('queue_outbound', 'deliver')
}}
exports.deliver = function (next, connection) {{
    const {{ transaction }} = connection
    if (!transaction.rcpt_to.every((to) => to.host === '{name}.test')) return next()
    const path = `{folder}/boxes/${{transaction.uuid}}`
    const file = fs.createWriteStream(`${{path}}.new`)
    file.on('finish', () => fs.rename(`${{path}}.new`, `${{path}}.eml`, () => next(OK)))
    transaction.message_stream.pipe(file, {{ line_endings: '\\n' }})
}}
"""
# Whoever is trusted may send to others, and what comes to this domain is taken.
ACCEPT = """
exports.hook_connect = function (next, connection) {{
    connection.relaying = ['127.0.0.1', '127.0.1.1'].includes(connection.remote.ip)
    next()
}}
exports.hook_rcpt = function (next, connection, params) {{
    next(connection.relaying || params[0].host === '{name}.test' ? OK : DENY)
}}
exports.hook_get_mx = function (next, hmail, domain) {{
    next(OK, {{ priority: 0, exchange: {servers}[domain], bind: '{address}' }})
}}
"""
LOGIN = """
exports.register = function () { this.inherits('auth/auth_base') }
exports.hook_capabilities = function (next, connection) {
    connection.capabilities.push('AUTH PLAIN')
    connection.notes.allowed_auth_methods = ['PLAIN']
    next()
}
exports.check_plain_passwd = (connection, user, password, done) => done(user === password)
"""


def needs_haraka():
    """The folder of npm's modules."""
    modules = os.path.join(MTA, "haraka/node_modules")
    if not os.path.exists(os.path.join(modules, "Haraka/haraka.js")):
        pytest.skip(f"{modules} has no Haraka: test/mta/unpack makes it")
    return modules


class Haraka(Mailbox):
    """A private instance for NAME.test. `milter`: its socket, as the milter's configuration has it;
    `plugins`: {name: source} of others, which stand before ours."""

    def __init__(self, case, name, milter="", transports=None, plugins=None, timeout=25, folder="haraka"):
        self.case, self.name = case, name
        self.address = ADDRESSES[name]
        self.modules = needs_haraka()
        self.folder = os.path.join(case.folder, f"{folder}-{name}")
        if transports is None:
            transports = {f"{other}.test": address for other, address in ADDRESSES.items()
                          if other != name}
        for made in ("plugins", "boxes", "queue"):
            os.makedirs(os.path.join(self.folder, made))
        shutil.copytree(os.path.join(self.modules, "Haraka/config"), os.path.join(self.folder, "config"))
        os.symlink(self.modules, os.path.join(self.folder, "node_modules"))
        own = {"login": LOGIN, "accept": ACCEPT.format(name=name, address=self.address, servers=repr(transports)),
               **(plugins or {})}
        for plugin, source in {**own, "deliver": DELIVER.format(name=name, folder=self.folder)}.items():
            write_file(os.path.join(self.folder, "plugins", plugin + ".js"), source, 0o644)
        listed = [*own, *(["verimail"] if milter else []), "deliver"]
        if milter:
            shutil.copytree(INTEGRATION, os.path.join(self.folder, "plugins/verimail"),
                            ignore=shutil.ignore_patterns("test"))
        for file, text in {
                "plugins": "\n".join(listed) + "\n", "me": f"mx.{name}.test\n",
                "smtp.ini": f"listen={self.address}:25,{self.address}:587\nnodes=0\n",
                "verimail.ini": f"socket={milter}\ntimeout={timeout}\n", "loglevel": "INFO\n",
                "connection.ini": self._connection_config(),
                "outbound.ini": "local_mx_ok=true\nenable_tls=false\n[deferred]\n"}.items():
            write_file(os.path.join(self.folder, "config", file), text, 0o644)
        # Haraka asks for the names of all clients; the machine's resolver is not there.
        write_file(os.path.join(self.folder, "resolver.js"), f"""
            require('node:dns').setServers(['{DNS}'])
            require('node:dns').promises.setServers(['{DNS}'])
            """, 0o644)
        self.start()

    def _connection_config(self):
        """Haraka's own, which takes larger messages."""
        with open(os.path.join(self.modules, "Haraka/config/connection.ini"), encoding="utf-8") as file:
            return file.read().replace("bytes=26214400", "bytes=104857600")

    def start(self):
        self.process = start(self.case, ["node", "-r", os.path.join(self.folder, "resolver.js"),
                                         os.path.join(self.modules, "Haraka/bin/haraka"), "-c", self.folder],
                             os.path.join(self.folder, "out"), start_new_session=True)
        def ready():
            check(self.process.poll() is None, f"Haraka of {self.name}: {self.log_text()}")
            return listens(self.address, 25) and listens(self.address, 587)
        wait_for(ready, f"Haraka of {self.name}")

    def log_text(self):
        return self.out()

    def box(self):
        """What was delivered, oldest first: octets."""
        found = glob.glob(f"{self.folder}/boxes/*.eml")
        return oldest_first(found)
