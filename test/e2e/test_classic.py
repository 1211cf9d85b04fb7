# SPDX-License-Identifier: ISC
"""Payloads of 2013, made by openssl, and clients of 2013 that know nothing but a socket."""
import contextlib
import os
import subprocess
import time

import pytest

from harness.case import Case
from harness.checks import check, equal, wait_for
from harness.client import connect, read_all, reset
from harness.files import write_file

# config.js of 2013, translated: a domain, its permitted hosts, one user, nobody else.
DOMAIN_2013 = """
domain "synapsesoftware.net" {{
    default = true
    hosts = {{"mail.synapsesoftware.net", "localhost", "127.0.0.1"}}
    classic_key = "{key}"
    user "bparks" {{ }}
    user "lenient" {{ allow_unauthorized = true }}
    user "*" {{ hosts = {{}} }}
}}
"""


class Site:
    """A service that has only what one of 2013 had."""

    def __init__(self, case: Case, service="", bits=2048):
        self.folder = case.folder
        self.key = os.path.join(case.folder, "private.pem")
        self.public = os.path.join(case.folder, "public.pem")
        openssl("genrsa", "-out", self.key, str(bits))
        os.chmod(self.key, 0o600)
        openssl("rsa", "-in", self.key, "-pubout", "-out", self.public)
        config = f"""service {{
            listen = {{"127.0.0.1:0"}} run_as = "nobody" state = "{case.world.state}" workers = 1
            keys = {{"{case.world.service_path}"}} replay = "none" {service}
        }}
        host "mail.example.org" {{ keys = {{"{case.world.host.public_text()}"}} }}
        domain "example.org" {{ hosts = {{"mail.example.org"}} user "alice" {{ }} }}
        """ + DOMAIN_2013.format(key=self.key)
        self.daemon = case.daemon(config)

    def payload(self, text, digest="sha1"):
        plain = os.path.join(self.folder, "plain")
        write_file(plain, text)
        return openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", self.public, "-in", plain,
                       "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt",
                       f"rsa_oaep_md:{digest}").hex()

    def ask(self, user, text, names=""):
        return self.daemon.ask(f"{user} {self.payload(text)}{names}\r\n")


def openssl(*args):
    return subprocess.run(["openssl", *args], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def test_the_configuration_of_2013_answers_as_in_2013(case):
    site = Site(case)
    rows = [
        ("bparks", "localhost gmail.com 12345", "YES\r\n"),
        ("bparks", "mail.synapsesoftware.net gmail.com 12345", "YES\r\n"),
        ("bparks", "127.0.0.1 gmail.com 12345", "YES\r\n"),
        ("BParks", "LOCALHOST gmail.com 12345", "YES\r\n"),
        ("bparks", "mail.example.com gmail.com 12345", "NO\r\n"),
        ("jdoe", "localhost gmail.com 12345", "NO\r\n"),
        ("lenient", "mail.example.com gmail.com 12345", "ALLOW\r\n"),
        ("bparks@synapsesoftware.net", "localhost gmail.com 12345", "YES\r\n"),
        ("bparks@example.org", "localhost gmail.com 12345", "NO\r\n"),
    ]
    for user, text, wanted in rows:
        equal(site.ask(user, text), wanted, f"{user}, {text}")
    equal(site.daemon.ask("bparks -\r\n"), "NO\r\n", "unstamped")
    equal(site.daemon.ask("lenient -\r\n"), "ALLOW\r\n", "unstamped, lenient")


def test_what_does_not_fit_is_no(case):
    site = Site(case)
    good = site.payload("localhost gmail.com 12345")
    rows = {
        "garbage of the right size": os.urandom(256).hex(),
        "zeros": "0" * 512,
        "all ones": "f" * 512,
        "one digit short": good[:-1],
        "two digits short": good[:-2],
        "two digits long": good + "00",
        "one bit changed": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "OAEP with SHA-256": site.payload("localhost gmail.com 12345", "sha256"),
        "two words": site.payload("localhost gmail.com"),
        "four words": site.payload("localhost gmail.com 1 2"),
        "no words": site.payload(" "),
        "a control octet": site.payload("localhost gmail.com 1\n"),
    }
    for user in ("bparks", "lenient"):
        for what, payload in rows.items():
            equal(site.daemon.ask(f"{user} {payload}\r\n"), "NO\r\n", f"{user}, {what}")
    equal(site.daemon.ask(f"bparks {good.upper()}\r\n"), "YES\r\n", "in capitals")


def test_with_names_it_is_allow_at_best(case):
    site = Site(case)
    names = " rcpt=gmail.com ip=192.0.2.1"
    rows = [
        ("bparks", "localhost gmail.com 1", "ALLOW classic\r\n"),
        ("bparks", "mail.example.com gmail.com 1", "NO refused\r\n"),
        ("lenient", "mail.example.com gmail.com 1", "ALLOW host\r\n"),
        ("jdoe", "localhost gmail.com 1", "NO refused\r\n"),
    ]
    for user, text, wanted in rows:
        equal(site.ask(user, text, names), wanted, f"{user}, {text}")
    garbage = os.urandom(256).hex()
    equal(site.daemon.ask(f"bparks {garbage}{names}\r\n"), "NO forged\r\n", "garbage")


def test_a_client_needs_no_more_than_a_socket(case):
    """As the client of 2013: one write, and what the first read brings is the whole answer."""
    site = Site(case)
    payload = site.payload("localhost gmail.com 12345")
    for end in (b"\r\n", b"\n"):
        with connect(site.daemon.address) as client:
            client.sendall(f"bparks {payload}".encode() + end)
            equal(client.recv(1024), b"YES\r\n", f"one read, {end!r}")
            equal(client.recv(1024), b"", f"the end, {end!r}")
    host, port = site.daemon.address
    script = f'exec 3<>/dev/tcp/{host}/{port}; printf "bparks {payload}\\r\\n" >&3; cat <&3'
    equal(subprocess.run(["bash", "-c", script], check=True, stdout=subprocess.PIPE).stdout,
          b"YES\r\n", "a shell")


@pytest.mark.parametrize("bits", [1024, 4096])
def test_keys_of_other_sizes(case, bits):
    site = Site(case, bits=bits)
    equal(site.ask("bparks", "localhost gmail.com 1"), "YES\r\n", f"{bits} bits")
    site.daemon.kill()


PER_SOURCE = 50  # what a worker opens in a second for one address


def burst(site, source, count):
    """Asks `count` questions of the source as fast as it can, over as many connections. Returns how
    many got an answer, and the seconds that it took."""
    question = f"bparks {os.urandom(256).hex()}\r\n".encode()
    clients = []
    answers = []
    begin = time.monotonic()
    for _ in range(count):
        clients.append(connect(site.daemon.address, source))
        clients[-1].sendall(question)
    for client in clients:
        try:
            answers.append(read_all(client))
        except ConnectionResetError:
            answers.append(b"")
        reset(client)
    check(set(answers) <= {b"", b"NO\r\n"}, f"other answers: {set(answers)}")
    return answers.count(b"NO\r\n"), time.monotonic() - begin


def test_openings_are_capped_per_source(case):
    site = Site(case)
    answered, seconds = burst(site, "127.0.0.2", 2 * PER_SOURCE)
    check(PER_SOURCE <= answered <= PER_SOURCE * (1 + seconds), f"{answered} in {seconds:.2f} s")
    equal(burst(site, "127.0.0.3", 5)[0], 5, "from another source")
    site.daemon.wait_log("event=unanswered why=classic-rate source=127.0.0.2")
