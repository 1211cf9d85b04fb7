# SPDX-License-Identifier: ISC
"""Mail of domains that do not use Verimail: its body is not read, as soon as that is known."""
import os
import threading

import dns.rcode
import pytest

from harness.checks import WAIT_LIMIT, check, contains, equal, wait_for
from harness.addresses import STRANGER
from harness.dnsserver import look_up, response
from harness.files import root_folder
from harness.mailsite import Site
from harness.message import message, send
from harness.milterclient import ALL_STEPS, NO_REPLY, SKIP, MilterClient
from harness.sendmail import Sendmail

EVE = "eve@stranger.test"
CHUNK = b"0123456789abcdef" * 64
LARGE = 5 << 20


@pytest.fixture(scope="module")
def root():
    """sendmail trusts no folder below one that everybody may write to, such as /tmp."""
    with root_folder("/run" if os.geteuid() == 0 else None) as folder:
        yield folder


@pytest.fixture(name="site")
def fixture_site(case):
    site = Site(case)
    site.receiver_milter = site.milter("receiver", "on_no = mark")
    return site


def header(client, author):
    client.connect(STRANGER)
    client.mail(f"<{author}>")
    client.rcpt()
    for name, value in (("From", f" {author}"), ("To", " bob@receiver.test"), ("Subject", " s")):
        client.field(name, value)
    client.header_end()


def know_no_service(site):
    """What the DNS says of Eve's domain is known from here on."""
    with MilterClient(site.socket("receiver")) as client:
        header(client, EVE)
        equal(client.end().answer, "c")


def test_the_rest_of_the_body_is_skipped(site):
    know_no_service(site)
    with MilterClient(site.socket("receiver")) as client:
        check(client.steps & SKIP and not client.steps & NO_REPLY["B"], hex(client.steps))
        header(client, EVE)
        equal(client.body(CHUNK), b"s", "the answer to the first piece")
        edits = client.end()
        equal((edits.answer, edits.results()), ("c", []))


def test_below_an_organization(site):
    """Whether the organizational domain has a service matters as well."""
    with MilterClient(site.socket("receiver")) as client:
        header(client, "eve@news.stranger.test")
        wait_for(lambda: client.body(CHUNK) == b"s", "an answer that says to skip")
    with MilterClient(site.socket("receiver")) as client:
        header(client, "eve@news.origin.test")
        equal([client.body(CHUNK) for _ in range(3)], [b"c"] * 3, "of a domain that may matter")
        contains(client.end().results()[0], "verimail=fail")


def test_what_the_cache_answers_needs_no_digest(site):
    for wanted in (b"c", b"s"):
        with MilterClient(site.socket("receiver")) as client:
            header(client, "nobody@origin.test")
            equal(client.body(CHUNK), wanted, "an unstamped message")
            contains(client.end().results()[0], "verimail=fail")


def test_while_the_dns_is_silent_the_body_is_read(site):
    answers = threading.Event()

    def slow(query, _):
        if "stranger" in query.question[0].name.to_text():
            answers.wait(WAIT_LIMIT)
        return look_up(site.records, query)

    site.dns.records = slow
    with MilterClient(site.socket("receiver")) as client:
        header(client, EVE)
        equal([client.body(CHUNK) for _ in range(3)], [b"c"] * 3, "before the DNS answers")
        answers.set()
        wait_for(lambda: client.body(CHUNK) == b"s", "an answer that says to skip")
        equal(client.end().answer, "c")


def test_a_failure_is_looked_up_again(site):
    """What fails while a message comes may be over at its end. And who keeps such a message open does
    not keep the failure for others."""
    failing = True

    def broken(query, _):
        if failing and "origin" in query.question[0].name.to_text():
            return response(query, dns.rcode.SERVFAIL)
        return look_up(site.records, query)

    def verdict():
        with MilterClient(site.socket("receiver")) as other:
            header(other, "alice@origin.test")
            return other.end().results()[0].split()[1]

    site.dns.records = broken
    with MilterClient(site.socket("receiver")) as client:
        header(client, "alice@origin.test")
        equal(verdict(), "verimail=temperror", "another message meanwhile")
        failing = False
        wait_for(lambda: verdict() == "verimail=fail", "a verdict once the DNS answers")
        contains(client.end().results()[0], "verimail=fail")


def test_mail_servers_that_cannot_skip(site):
    know_no_service(site)
    with MilterClient(site.socket("receiver"), steps=ALL_STEPS & ~SKIP) as client:
        check(client.steps & NO_REPLY["B"], hex(client.steps))
        header(client, EVE)
        for _ in range(3):
            equal(client.body(CHUNK), None, "an answer")
        equal(client.end().answer, "c")


def read_by(daemon):
    """Octets that its workers have read."""
    total = 0
    for pid in daemon.workers():
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            total += int(dict(line.split(": ") for line in file)["rchar"])
    return total


SERVERS = {
    "postfix": lambda site: site.postfix("receiver"),
    "sendmail": lambda site: Sendmail(site.case, "receiver", site.socket("receiver")),
}


@pytest.mark.parametrize("server", SERVERS)
def test_mail_servers_skip(site, server):
    """Real ones do not send what nobody wants."""
    receiver = SERVERS[server](site)
    body = ("0123456789" * 7 + "\r\n") * (LARGE // 72)
    equal(send(receiver, message(EVE, "small"))[0], 250)
    receiver.wait_mail("small")
    before = read_by(site.receiver_milter)
    equal(send(receiver, message(EVE, "large", body=body))[0], 250)
    receiver.wait_mail("large")
    check(read_by(site.receiver_milter) - before < LARGE / 10, "octets of mail of no concern")
    before = read_by(site.receiver_milter)
    equal(send(receiver, message("alice@origin.test", "forged", body=body))[0], 250)
    receiver.wait_mail("forged")
    check(read_by(site.receiver_milter) - before > LARGE, "octets of mail that is verified")
