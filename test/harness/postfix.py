# SPDX-License-Identifier: ISC
"""A private Postfix."""
import base64
import glob
import grp
import os
import pwd
import re
import socket
import subprocess
import threading

from harness.addresses import ADDRESSES, MTA, NOBODY
from harness.checks import wait_for
from harness.files import write_file
from harness.message import Mailbox, oldest_first
from harness.programs import listens, start

MAIN = """
compatibility_level = 3.7
config_directory = {etc}
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {root}/usr/lib/postfix/sbin
command_directory = {root}/usr/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {root}/etc/postfix
sendmail_path = {root}/usr/sbin/sendmail
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_bind_address = {address}
myhostname = mx.{name}.test
myorigin = {name}.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.1 127.0.1.1
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated reject_unauth_destination
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtp_host_lookup = native
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = {name}.test
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
virtual_minimum_uid = 1
virtual_alias_maps = texthash:{etc}/aliases
transport_maps = texthash:{etc}/transport
smtpd_milters = {milter}
non_smtpd_milters = {milter}
milter_default_action = tempfail
milter_protocol = 6
internal_mail_filter_classes = bounce
minimal_backoff_time = 300s
smtputf8_enable = yes
smtpd_client_connection_count_limit = 0
default_process_limit = 200
smtp_destination_recipient_limit = 1000
"""
MASTER = """
{address}:25 inet n - n - - smtpd
{submission}
pickup    unix n - n 1 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 1 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
SUBMISSION = """{address}:587 inet n - n - - smtpd
    -o smtpd_sasl_auth_enable=yes -o smtpd_sasl_type=dovecot -o smtpd_sasl_path={folder}/auth
    -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
    -o broken_sasl_auth_clients=yes"""


class Postfix(Mailbox):
    """A private instance for NAME.test. `main`: further lines of main.cf, the last one wins;
    `aliases`: {address: address}; `transports`: {domain: address of a
    server, or a whole transport}."""

    def __init__(self, case, name, milter="", main="", master="", aliases=None, transports=None,
                 submission=False):
        self.case, self.name = case, name
        self.address = ADDRESSES[name]
        self.folder = os.path.join(case.folder, "postfix-" + name)
        self.root = os.path.join(MTA, "postfix")
        self.etc = os.path.join(self.folder, "etc")
        self._make_folders()
        values = {"etc": self.etc, "folder": self.folder, "root": self.root, "name": name,
                  "address": self.address, "nobody": NOBODY, "milter": milter}
        values["submission"] = SUBMISSION.format(**values) if submission else ""
        if submission:
            self.auth = AuthServer(os.path.join(self.folder, "auth"))
        write_file(os.path.join(self.etc, "main.cf"), MAIN.format(**values) + main, 0o644)
        write_file(os.path.join(self.etc, "master.cf"), MASTER.format(**values) + master, 0o644)
        write_file(os.path.join(self.etc, "aliases"), table(aliases or {}), 0o644)
        routes = {domain: to if ":" in to else f"smtp:[{to}]"
                  for domain, to in (transports or {}).items()}
        write_file(os.path.join(self.etc, "transport"), table(routes), 0o644)
        # Postfix waits for a file that has just been written.
        for path in glob.glob(self.etc + "/*"):
            os.utime(path, (1, 1))
        self.log = os.path.join(self.folder, "log")
        # A group of its own, which it signals when it ends.
        self.process = start(
            case, [f"{self.root}/usr/lib/postfix/sbin/master", "-d", "-c", self.etc],
            os.path.join(self.folder, "out"), start_new_session=True)
        served = re.findall(r"(?m)^([\d.]+):(\d+) inet ", MASTER.format(**values) + master)
        for address, port in served:
            wait_for(lambda a=address, p=int(port): listens(a, p),
                     f"Postfix of {name}: {self.out()}")

    def _make_folders(self):
        owner = pwd.getpwnam("postfix").pw_uid
        drop = grp.getgrnam("postdrop").gr_gid
        for name in ("etc", "queue", "boxes", "data", "queue/pid", "queue/etc"):
            os.makedirs(os.path.join(self.folder, name))
            os.chmod(os.path.join(self.folder, name), 0o755)
        os.chmod(self.folder, 0o755)
        os.chown(os.path.join(self.folder, "data"), owner, -1)
        os.chown(os.path.join(self.folder, "boxes"), NOBODY, NOBODY)
        for name in ("active bounce corrupt defer deferred flush hold incoming private saved "
                     "trace").split():
            os.makedirs(os.path.join(self.folder, "queue", name), 0o700)
            os.chown(os.path.join(self.folder, "queue", name), owner, -1)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            path = os.path.join(self.folder, "queue", name)
            os.makedirs(path)
            os.chown(path, owner, drop)
            os.chmod(path, mode)

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def run(self, program, *arguments, **how):
        """postqueue, postsuper, sendmail ... of this instance."""
        command = [os.path.join(self.root, "usr/sbin", program)]
        if program == "sendmail":
            command += ["-C", self.etc]
        elif program != "postdrop":
            command += ["-c", self.etc]
        return subprocess.run(command + list(arguments), capture_output=True, check=False,
                              env={"PATH": "/usr/bin:/bin", "MAIL_CONFIG": self.etc}, **how)

    def queue(self):
        """Files of messages that are neither delivered nor bounced."""
        return [path for state in ("incoming", "active", "deferred", "maildrop", "hold")
                for path in glob.glob(f"{self.folder}/queue/{state}/**", recursive=True)
                if os.path.isfile(path)]

    def box(self):
        """What was delivered, oldest first: octets."""
        found = glob.glob(f"{self.folder}/boxes/inbox/new/*")
        return oldest_first(found)

    def wait_idle(self):
        wait_for(lambda: not self.queue(), f"an empty queue of {self.name}")


def table(rows):
    return "".join(f"{key} {value}\n" for key, value in rows.items())


class AuthServer:
    """Logs everybody in whose password is his login, by Dovecot's protocol."""

    def __init__(self, path):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        os.chmod(path, 0o666)
        self._listener.listen(8)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _serve(client):
        with client, client.makefile("rw", encoding="utf-8", newline="\n") as lines:
            lines.write("VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
                        "COOKIE\t00000000000000000000000000000000\nDONE\n")
            lines.flush()
            for line in lines:
                words = line.rstrip("\n").split("\t")
                if words[0] != "AUTH":
                    continue
                response = [word[5:] for word in words if word.startswith("resp=")][0]
                _, login, password = base64.b64decode(response).decode().split("\0")
                verdict = "OK" if login == password else "FAIL"
                lines.write(f"{verdict}\t{words[1]}\tuser={login}\n")
                lines.flush()
