# SPDX-License-Identifier: ISC
"""A private sendmail 8.17, in the place of a Postfix: the same names where the same is
meant. Its files lie below /run: sendmail takes no socket, map or queue below a folder that everybody
may write to, such as /tmp."""
import glob
import os
import shutil
import socket
import subprocess
import threading

from harness.addresses import ADDRESSES, MTA
from harness.checks import Failure, equal, wait_for
from harness.files import write_file
from harness.message import Mailbox
from harness.programs import listens, start

CONFIG = """divert(-1)
divert(0)dnl
OSTYPE(`linux')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/service.switch')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`ALIAS_FILE', `text:-k0 -v1 {folder}/aliases')dnl
define(`STATUS_FILE', `{folder}/statistics')dnl
define(`HELP_FILE', `{root}/etc/mail/helpfile')dnl
define(`confPID_FILE', `{folder}/pid')dnl
define(`confCW_FILE', `{folder}/names')dnl
define(`confDOMAIN_NAME', `mx.{name}.test')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confTO_IDENT', `0')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confTO_ICONNECT', `5s')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confAUTH_MECHANISMS', `PLAIN')dnl
TRUST_AUTH_MECH(`PLAIN')dnl
define(`LOCAL_MAILER_PATH', `{folder}/deliver')dnl
define(`LOCAL_MAILER_ARGS', `deliver $u')dnl
define(`LOCAL_MAILER_FLAGS', `Sn9')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `-w')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`access_db', `text -T<TMPF> -k0 -v1 {folder}/access')dnl
FEATURE(`mailertable', `text -k0 -v1 {folder}/mailertable')dnl
FEATURE(`virtusertable', `text -k0 -v1 {folder}/virtusers')dnl
DAEMON_OPTIONS(`Name=MTA, Addr={address}, Port=25')dnl
CLIENT_OPTIONS(`Family=inet, Addr={address}')dnl
{before}
{milter}
{more}
MAILER(`smtp')dnl
MAILER(`local')dnl
"""

# As integrations/sendmail has it, but for the socket's folder.
MILTER = "INPUT_MAIL_FILTER(`verimail', `S=unix:{socket}, F=T, T=C:10s;S:30s;R:30s;E:5m')dnl"

# What Debian's submit.mc comes to; the server it hands mail to is ours. Mail comes from 127.0.0.1.
SUBMIT = """divert(-1)
divert(0)dnl
define(`confCF_VERSION', `Submit')dnl
define(`__OSTYPE__',`')dnl
define(`_USE_DECNET_SYNTAX_', `1')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/service.switch')dnl
define(`confTIME_ZONE', `USE_TZ')dnl
define(`confDONT_INIT_GROUPS', `True')dnl
define(`confPID_FILE', `{folder}/submit.pid')dnl
define(`MSP_QUEUE_DIR', `{folder}/submit')dnl
define(`STATUS_FILE', `{folder}/submit.statistics')dnl
define(`confDOMAIN_NAME', `mx.{name}.test')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')dnl
define(`confQUEUE_LA', `1000')dnl
CLIENT_OPTIONS(`Family=inet, Addr=127.0.0.1')dnl
FEATURE(`nocanonify')dnl
{submit}
FEATURE(`msp', `[{address}]')dnl
"""

SASL = """pwcheck_method: saslauthd
saslauthd_path: {folder}/sasl/mux
mech_list: PLAIN
"""

# Whole files appear in the box.
DELIVER = """#!/bin/sh
file=$(mktemp {folder}/new/$(date +%s.%N).XXXXXX) && cat >"$file" && mv "$file" {folder}/box/
"""


class Sendmail(Mailbox):
    """A private instance for NAME.test. `milter`: its socket; `more`: further lines of
    sendmail.mc, which `before` has before the milter's; `submit`: of submit.mc; `virtusers`:
    {address: address}; `transports`: {domain: address of a server}."""

    def __init__(self, case, name, milter="", more="", before="", virtusers=None, transports=None,
                 submit=""):
        self.case, self.name = case, name
        self.address = ADDRESSES[name]
        self.folder = os.path.join(case.folder, "sendmail-" + name)
        self.root = os.path.join(MTA, "sendmail")
        self.program = os.path.join(self.root, "usr/libexec/sendmail/sendmail")
        self._make_folders()
        values = {"folder": self.folder, "root": self.root, "name": name, "address": self.address,
                  "more": more, "before": before, "submit": submit,
                  "milter": MILTER.format(socket=milter) if milter else ""}
        others = {f"{other}.test": address for other, address in ADDRESSES.items() if other != name}
        self._write("service.switch", "hosts\tfiles\naliases\tfiles\n")
        self._write("names", f"{name}.test\n")
        self._write("aliases", "")
        self._write("access", "Connect:127.0.0.1\tRELAY\n")
        self._write("mailertable", table(
            {domain: f"esmtp:[{server}]" for domain, server in (transports or others).items()}))
        self._write("virtusers", table(virtusers or {}))
        self._write("deliver", DELIVER.format(**values), 0o755)
        self._write("sasl/Sendmail.conf", SASL.format(**values))
        self.passwords = PasswordServer(os.path.join(self.folder, "sasl/mux"))
        self._make("sendmail", CONFIG.format(**values))
        self._make("submit", SUBMIT.format(**values))
        self.start()

    def start(self):
        # A program that takes its group from its file's mode would outlive the tests' death.
        self.process = start(
            self.case, ["setpriv", "--no-new-privs", *self.command(
                "sendmail", "-bD", "-q1s", "-D", f"{self.folder}/debug",
                "-X", f"{self.folder}/traffic")],
            os.path.join(self.folder, "out"), start_new_session=True)
        try:
            wait_for(lambda: self.process.poll() is None and listens(self.address, 25),
                     f"sendmail of {self.name}")
        except Failure as error:
            raise Failure(f"{error}: {self.log_text()}") from error

    def command(self, configuration, *arguments):
        """sendmail in name spaces of its own: of a host name with a dot, since without one it
        waits a minute, and of files, in which it finds whom to ask about passwords."""
        return ["unshare", "--uts", "--mount", "sh", "-c",
                f'hostname "$0" && mount --bind {self.folder}/sasl /usr/lib/sasl2 && exec "$@"',
                f"mx.{self.name}.test", self.program, "-C", f"{self.folder}/{configuration}.cf",
                *arguments]

    def _make_folders(self):
        for name, mode in (("", 0o755), ("queue", 0o700), ("box", 0o755), ("new", 0o755),
                           ("submit", 0o770), ("sasl", 0o755)):
            os.makedirs(os.path.join(self.folder, name))
            os.chmod(os.path.join(self.folder, name), mode)
        # The submission program gives up root's rights.
        shutil.chown(os.path.join(self.folder, "submit"), "smmsp", "smmsp")

    def _write(self, name, text, mode=0o644):
        write_file(os.path.join(self.folder, name), text, mode)

    def _make(self, name, text):
        self._write(name + ".mc", text)
        cf = os.path.join(self.root, "usr/share/sendmail/cf/")
        done = subprocess.run(
            ["m4", f"-D_CF_DIR_={cf}", cf + "m4/cf.m4", f"{self.folder}/{name}.mc"],
            capture_output=True, check=False)
        equal((done.returncode, done.stderr), (0, b""), "m4")
        self._write(name + ".cf", done.stdout)

    def log_text(self):
        """What it complained of, and the end of its conversations."""
        text = ""
        for name in ("out", "debug", "traffic"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()[-3000:]
        return text

    def submit(self, octets, *arguments):
        """By sendmail(1), as a program on the machine does."""
        if isinstance(octets, str):
            octets = octets.replace("\r\n", "\n").encode()
        done = subprocess.run(self.command("submit", "-Ac", "-i", *arguments), input=octets,
                              capture_output=True, check=False, cwd=self.folder)
        equal((done.returncode, done.stderr), (0, b""), "sendmail(1)")

    def submitted(self):
        """Files of messages that sendmail(1) has taken and not yet handed over."""
        return glob.glob(f"{self.folder}/submit/qf*")

    def run_submitted(self):
        subprocess.run(self.command("submit", "-Ac", "-q"), capture_output=True, check=True,
                       cwd=self.folder)

    def queue(self):
        """Files of messages that are neither delivered nor bounced."""
        return glob.glob(f"{self.folder}/queue/qf*")

    def held(self):
        """Files of messages that are in quarantine."""
        return glob.glob(f"{self.folder}/queue/hf*")

    def box(self):
        """What was delivered, oldest first: octets."""
        found = glob.glob(f"{self.folder}/box/*")
        return [open(path, "rb").read() for path in sorted(found, key=os.path.basename)]


class PasswordServer:
    """Logs everybody in whose password is his login, by saslauthd's protocol."""

    def __init__(self, path):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(8)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            client, _ = self._listener.accept()
            with client, client.makefile("rb") as asked:
                login, password, _, realm = (self._string(asked) for _ in range(4))
                client.sendall(
                    b"\0\2OK" if password in (login, login + b"@" + realm) else b"\0\2NO")

    @staticmethod
    def _string(asked):
        return asked.read(int.from_bytes(asked.read(2), "big"))


def table(rows):
    return "".join(f"{key}\t{value}\n" for key, value in rows.items())
