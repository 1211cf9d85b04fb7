# SPDX-License-Identifier: ISC
"""A site that sends and receives mail: a DNS server, verimaild, milters and mail servers.

origin.test stamps (its submission: port 587 with a login, or a client of 127.0.0.1), receiver.test
and third.test verify. A stranger sends from STRANGER."""
import os
import socket
import threading

from harness.addresses import ADDRESSES, DNS, NOBODY, SERVICE, needs_mail_servers
from harness.checks import WAIT_LIMIT, equal
from harness.daemon import Daemon
from harness.dnsserver import DnsServer
from harness.keys import Key
from harness.message import fields, message, send
from harness.namespaces import private_network
from harness.postfix import Postfix


class Milter(Daemon):
    def __init__(self, case, config, **how):
        # There may be a secret in it.
        super().__init__(case, config, program="verimail-milter", mode=0o640, **how)

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
            with client, socket.create_connection((SERVICE, 26), timeout=WAIT_LIMIT) as service:
                client.settimeout(WAIT_LIMIT)
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
        needs_mail_servers()
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

    def start_service(self, workers=1, **how):
        self.service = Daemon(self.case, f"""
service {{ listen = {{"{SERVICE}:26"}} run_as = "nobody" state = "{self.state}"
          keys = {{"{self.key_path}"}} workers = {workers} {self.options} }}
host "mx.origin.test" {{ keys = {{"{self.host.public_text()}"}} }}
domain "origin.test" {{ hosts = {{"mx.origin.test"}} {self.users} }}
""", **how)
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
milter {{ socket = "unix:{self.socket(name)}" socket_mode = 0666 run_as = "nobody" state = "{self.mail_state(name)}"
         {f'trusted_networks = {{{trusted}}}' if trusted else 'trusted_networks = {}'} {milter} }}
"""

    def socket(self, name):
        return os.path.join(self.case.folder, name + ".sock")

    def mail_state(self, name):
        """Where that milter keeps its record."""
        folder = os.path.join(self.case.folder, f"mail-{name}")
        if not os.path.exists(folder):
            os.mkdir(folder, 0o700)
            os.chown(folder, NOBODY, NOBODY)
        return folder

    def milter(self, name, verify="", milter="", stamp=None, trusted=None, own=""):
        """origin stamps and verifies; the others only verify and trust nobody. `own`: a domain that
        is served there."""
        stamp = name == "origin" if stamp is None else stamp
        if trusted is None:
            trusted = '"127.0.0.1", "127.0.1.1"' if name == "origin" else ""
        return Milter(self.case, self.verify_section(name, verify) +
                      (self.stamp_section() if stamp else "") +
                      (f'domain "{own}" {{ }}\n' if own else "") +
                      self.milter_section(name, milter, trusted))

    def postfix(self, name, milter=True, **how):
        if milter and not isinstance(milter, str):
            milter = "unix:" + self.socket(name)
        others = {f"{other}.test": address for other, address in ADDRESSES.items()
                  if other != name}
        transports = how.pop("transports", others)
        return Postfix(self.case, name, milter or "", transports=transports, **how)


def origin_and_receiver(case, milter="", verify="on_no = mark", users=None, **how):
    """The receiver marks what the origin says NO to, so that it can be looked at. The origin has a
    submission port."""
    site = Site(case, users=users)
    site.origin_milter = site.milter("origin", verify="on_no = mark", milter=milter)
    site.receiver_milter = site.milter("receiver", verify=verify)
    site.origin = site.postfix("origin", submission=True, **how)
    site.receiver = site.postfix("receiver")
    return site


def log_in(site, login, author, subject):
    return send(site.origin, message(author, subject), login=login, port=587)


def receiver(case):
    """A site whose receiver verifies, and whose budgets nobody comes to the end of."""
    site = Site(case, users="""user "alice" { } user "bob" { allow_unauthorized = true }
        user "*" { hosts = {} }""")
    site.milter("receiver", "budget_per_domain = 100000", own="receiver.test")
    return site


def results_of(octets, server="receiver"):
    """Our own results in a message: those of fields that begin with the server's id."""
    own = f"mx.{server}.test;"
    return [value[len(own):].strip() for value in fields(octets, "Authentication-Results")
            if value.lower().startswith(own)]


def verdict_is(octets, wanted, server="receiver"):
    equal(results_of(octets, server), [wanted] if wanted else [], f"results at {server}")
