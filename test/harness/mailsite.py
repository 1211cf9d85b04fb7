# SPDX-License-Identifier: ISC
"""Real mail servers for the end-to-end tests: private Postfix instances, a DNS server, verimaild and
milters, in a network name space of their own, where each has an address in 127.0.0.0/8.

origin.test stamps (its submission: port 587 with a login, or a client of 127.0.0.1), receiver.test
and third.test verify. A stranger sends from STRANGER."""
import base64
import email
import email.policy
import glob
import grp
import os
import pwd
import re
import smtplib
import socket
import subprocess
import threading

import pytest

from dnsserver import DnsServer
from harness import (PROGRAMS, Daemon, Failure, Key, check, equal, log_value, needs_root,
                     unshare_network, wait_for, write_file)

PROGRAMS["verimail-milter"] = "src/milter/verimail-milter"

MTA = os.environ.get("VERIMAIL_MTA", "")  # what test/mta/unpack made
ADDRESSES = {"origin": "127.0.1.1", "receiver": "127.0.1.2", "third": "127.0.1.3"}
SERVICE = "127.0.1.10"
DNS = "127.0.1.53"
STRANGER = "127.0.9.9"  # no server of ours trusts it
NOBODY = 65534


def needs_mail_servers():
    needs_root()
    if not os.path.exists(os.path.join(MTA, "done")):
        pytest.skip("VERIMAIL_MTA is not a folder that test/mta/unpack made")


_private = []


def private_network():
    """Once for this process and all that it starts."""
    needs_mail_servers()
    if not _private:
        unshare_network()
        _private.append(True)


def start(case, command, log, **popen):
    """A program that ends with the case."""
    with open(log, "ab") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=out,
            stderr=out, **popen)
    case.processes.append(process)
    return process


def listens(address, port):
    try:
        with socket.create_connection((address, port), timeout=5):
            return True
    except OSError:
        return False


# Postfix

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


class Postfix:
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

    def out(self):
        with open(os.path.join(self.folder, "out"), encoding="utf-8", errors="replace") as file:
            return file.read()

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
        return [open(path, "rb").read() for path in sorted(found, key=os.path.getmtime)]

    def wait_mail(self, subject, count=1, limit=20):
        """The messages with this subject, once there are so many."""
        def there():
            found = [m for m in self.box() if subject_of(m) == subject]
            return len(found) >= count and found
        try:
            found = wait_for(there, f"{count} x {subject!r} at {self.name}", limit)
        except Failure as error:
            raise Failure(f"{error}\n{self.log_text()[-2000:]}") from error
        equal(len(found), count, f"copies of {subject!r}")
        return found if count > 1 else found[0]

    def wait_idle(self):
        wait_for(lambda: not self.queue(), f"an empty queue of {self.name}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


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


# Messages


def message(author="Alice <alice@origin.test>", subject="hello", to="bob@receiver.test",
            body="The body.\r\n", more=""):
    return (f"{more}From: {author}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{body}")


def parsed(octets):
    return email.message_from_bytes(octets, policy=email.policy.compat32)


def subject_of(octets):
    return str(parsed(octets)["Subject"])


def fields(octets, name):
    """The values of all fields of a name, unfolded."""
    return [" ".join(str(value).split()) for value in parsed(octets).get_all(name, [])]


def send(server, octets, sender="alice@origin.test", to=("bob@receiver.test",), source=STRANGER,
         port=25, login=None, options=()):
    """Sends as a client; the reply to the end of the message: (code, text)."""
    if isinstance(octets, str):
        octets = octets.encode()
    with smtplib.SMTP(server.address, port, local_hostname="client.test",
                      source_address=(source, 0), timeout=60) as client:
        client.ehlo()
        if login is not None:
            client.login(login, login)
        code, text = client.mail(sender, options)
        for recipient in to:
            if code == 250:
                code, text = client.rcpt(recipient)
        if code == 250:
            code, text = client.data(octets)
        return code, text.decode("utf-8", "replace")


def submit(server, octets, **how):
    """As a client that the origin trusts."""
    return send(server, octets, source="127.0.0.1", **how)


# A site


class Milter(Daemon):
    def __init__(self, case, config, **how):
        super().__init__(case, config, program="verimail-milter", **how)

    def wait_message(self, subject_or_pattern, count=1):
        return self.wait_log(subject_or_pattern, count)


class Counter:
    """Takes the service's place in the DNS, counts connections and hands them on."""

    ADDRESS = "127.0.1.11"

    def __init__(self, site):
        self._site = site
        self.asked = 0

    def __enter__(self):
        self._listener = socket.create_server((self.ADDRESS, 26), backlog=1024)
        self._listener.settimeout(0.1)
        self._site.records["verimail.origin.test", "A"] = [self.ADDRESS]
        self._end = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end = True
        self._thread.join()
        self._listener.close()

    def _run(self):
        while not self._end:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.asked += 1
            with client, socket.create_connection((SERVICE, 26), timeout=10) as service:
                client.settimeout(10)
                try:
                    service.sendall(client.recv(4096))
                    while octets := service.recv(4096):
                        client.sendall(octets)
                    client.shutdown(socket.SHUT_WR)
                except OSError:
                    pass


class Site:
    """The service of origin.test, the DNS, and what each server needs. Nothing is started but the
    DNS and the service."""

    def __init__(self, case, users=None, service=True):
        private_network()
        os.chmod(os.path.dirname(case.folder), 0o711)
        os.chmod(case.folder, 0o711)
        self.case = case
        self.host = Key("host")
        self.key = Key("service")
        self.users = users or """
    user "alice" { }
    user "bob" { allow_unauthorized = true }
    user "mailer-daemon" { }
    user "*" { hosts = {} }"""
        self.records = {
            ("_verimail._tcp.origin.test", "SRV"): ["0 0 26 verimail.origin.test."],
            ("verimail.origin.test", "A"): [SERVICE],
        }
        self.dns = DnsServer(self.records, DNS, 53)
        case.servers.append(self.dns)
        self.key_path = self.key.write(os.path.join(case.folder, "service.key"))
        self.host_path = self.host.write(os.path.join(case.folder, "host.key"))
        self.state = os.path.join(case.folder, "service")
        os.makedirs(self.state, exist_ok=True)
        os.chown(self.state, NOBODY, NOBODY)
        self.options = 'replay = "none"'
        self.service = None
        if service:
            self.start_service()

    def start_service(self):
        self.service = Daemon(self.case, f"""
service {{ listen = {{"{SERVICE}:26"}} run_as = "nobody" state = "{self.state}"
          keys = {{"{self.key_path}"}} workers = 1 {self.options} }}
host "mx.origin.test" {{ keys = {{"{self.host.public_text()}"}} }}
domain "origin.test" {{ hosts = {{"mx.origin.test"}} {self.users} }}
""")
        return self.service

    def service_counter(self):
        """A place in front of the service that counts what passes it."""
        return Counter(self)

    def verify_section(self, name, verify=""):
        return f"""
verify {{ authserv_id = "mx.{name}.test"
         resolver = "{DNS}" trust_anchors = {{}} allow_networks = {{"127.0.0.0/8"}} {verify} }}"""

    def stamp_section(self):
        return f"""
stamp {{ host = "mx.origin.test" key = "{self.host_path}" domains = {{"origin.test"}}
        service_key = "{self.key.public_text()}" }}"""

    def milter_section(self, name, milter="", trusted=None):
        trusted = '"127.0.0.1", "127.0.1.1"' if trusted is None else trusted
        return f"""
milter {{ socket = "unix:{self.socket(name)}" socket_mode = 0666 run_as = "nobody"
         {f'trusted_networks = {{{trusted}}}' if trusted else 'trusted_networks = {}'} {milter} }}
"""

    def socket(self, name):
        return os.path.join(self.case.folder, name + ".sock")

    def milter(self, name, verify="", milter="", stamp=None, trusted=None):
        """origin stamps and verifies; the others only verify and trust nobody."""
        stamp = name == "origin" if stamp is None else stamp
        if trusted is None:
            trusted = '"127.0.0.1", "127.0.1.1"' if name == "origin" else ""
        return Milter(self.case, self.verify_section(name, verify) +
                      (self.stamp_section() if stamp else "") +
                      self.milter_section(name, milter, trusted))

    def postfix(self, name, milter=True, **how):
        if milter and not isinstance(milter, str):
            milter = "unix:" + self.socket(name)
        others = {f"{other}.test": address for other, address in ADDRESSES.items()
                  if other != name}
        transports = how.pop("transports", others)
        return Postfix(self.case, name, milter or "", transports=transports, **how)


def results_of(octets, server="receiver"):
    """Our own results in a message: those of fields that begin with the server's id."""
    own = f"mx.{server}.test;"
    return [value[len(own):].strip() for value in fields(octets, "Authentication-Results")
            if value.lower().startswith(own)]


def verdict_is(octets, wanted, server="receiver"):
    equal(results_of(octets, server), [wanted] if wanted else [], f"results at {server}")


__all__ = ["ADDRESSES", "DNS", "MTA", "Milter", "Postfix", "SERVICE", "STRANGER", "Site", "check",
           "equal", "fields", "listens", "log_value", "message", "needs_mail_servers", "parsed",
           "private_network", "results_of", "send", "start", "subject_of", "submit", "verdict_is",
           "wait_for"]
