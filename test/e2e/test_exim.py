# SPDX-License-Identifier: ISC
"""Exim with the module and the ACL of integrations/exim: what only Exim can do."""
import concurrent.futures
import contextlib
import os
import re
import smtplib
import socket
import threading
import time

import pytest

from harness.checks import LATE, WAIT_LIMIT, check, contains, equal, wait_for
from harness.exim import Exim, needs_exim
from harness.flow import (CHANGED, PASS, SURVIVING, accepted, forged_is_refused, genuine_passes,
                          has_queue_id, survive)
from harness.mailsite import Site, results_of, verdict_is
from harness.message import fields, message, send, submit

REDIRECTED = 'verimail=neutral reason="redirected" header.from=origin.test'

FORWARD = """forward:
  driver = redirect
  local_parts = forward
  domains = +ours
  data = carol@third.test
"""


def two(case, verify="", users=None, milter="", receiver=None, **how):
    """origin.test and receiver.test, both with Exim; `how` is the origin's."""
    site = Site(case, users=users)
    site.origin_milter = site.milter("origin", "on_no = mark", milter=milter)
    site.receiver_milter = site.milter("receiver", verify)
    site.origin = Exim(case, "origin", "unix:" + site.socket("origin"), **how)
    site.receiver = Exim(case, "receiver", "unix:" + site.socket("receiver"), **(receiver or {}))
    return site


def test_genuine_and_forged(case):
    site = two(case)
    genuine_passes(site)
    has_queue_id(forged_is_refused(site))
    equal(len(site.receiver.box()), 1, "what was delivered")


def test_what_survives(case):
    survive(two(case), SURVIVING)


def send_chunks(server, octets, size):
    """By BDAT (CHUNKING), as a client of 127.0.0.1; the last reply."""
    with smtplib.SMTP(server.address, local_hostname="client.test", timeout=WAIT_LIMIT,
                      source_address=("127.0.0.1", 0)) as client:
        client.ehlo()
        check(client.has_extn("chunking"), "no CHUNKING")
        client.mail("alice@origin.test")
        client.rcpt("bob@receiver.test")
        octets = octets.encode()
        for at in range(0, len(octets), size):
            last = " LAST" if at + size >= len(octets) else ""
            client.send(f"BDAT {len(octets[at:at + size])}{last}\r\n".encode() + octets[at:at + size])
            reply = client.getreply()
        return reply


@pytest.mark.parametrize("main", ["", "split_spool_directory = true\n", "spool_wireformat = true\n",
                                  "spool_wireformat = true\nsplit_spool_directory = true\n"])
def test_chunks_and_spools(case, main):
    site = two(case, main=main, receiver={"main": main})
    rows = {"a chunk": "a\r\n\r\n.\r\nb \r\n", "no end of the line": "end", "no body": "",
            "long": "line\r\n" * 20000}
    for subject, body in rows.items():
        for way, sent in (("BDAT", lambda m: send_chunks(site.origin, m, 7 if len(m) < 1000 else 9999)),
                          ("DATA", lambda m: submit(site.origin, m))):
            accepted(sent(message(subject=f"{subject} {way}", body=body)))
            verdict_is(site.receiver.wait_mail(f"{subject} {way}"), PASS)
    check(" K " in site.receiver.log_text(), "nothing came by BDAT")


def test_blind_copies_redirections_and_lists(case):
    site = two(case, receiver={"routers": FORWARD})
    site.milter("third")
    site.third = Exim(case, "third", "unix:" + site.socket("third"))
    accepted(submit(site.origin, message(subject="blind"), to=["bob@receiver.test", "carol@third.test"]))
    for server in (site.receiver, site.third):
        mail = server.wait_mail("blind")
        verdict_is(mail, PASS, server.name)
        check(server is site.third or b"third" not in mail, "the copy tells of the blind recipient")
    accepted(submit(site.origin, message(subject="forwarded"), to=["forward@receiver.test"]))
    verdict_is(site.third.wait_mail("forwarded"), REDIRECTED, "third")
    accepted(submit(site.origin, message(subject="listed")))
    mail = site.receiver.wait_mail("listed")
    listed = (mail[mail.index(b"Verimail:"):].replace(b"Subject: listed", b"Subject: [l] listed") +
              b"-- \nthe list\n").replace(b"\n", b"\r\n")
    accepted(send(site.receiver, listed, sender="list@lists.test"))
    verdict_is(site.receiver.wait_mail("[l] listed"), CHANGED)


def test_what_exim_completes_and_rewrites(case):
    """Before the ACL sees it."""
    rewrite = "begin rewrite\n*@host.origin.test $1@origin.test Ffrs\n"
    site = two(case, rewrite=rewrite, rcpt="  warn control = submission/sender_retain\n")
    rows = {"rewritten": message(author="alice@host.origin.test", subject="rewritten"),
            "completed": message(author="Alice <alice>", to="bob@receiver.test, carol", subject="completed"),
            "without From": "To: bob@receiver.test\nSubject: without From\n\nhi\n"}
    for subject, text in rows.items():
        site.origin.submit(text, "-f", "alice@origin.test", "bob@receiver.test")
        verdict_is(site.receiver.wait_mail(subject), PASS)
    accepted(submit(site.origin, message(author="alice@host.origin.test", subject="by SMTP")))
    verdict_is(site.receiver.wait_mail("by SMTP"), PASS)


def test_by_sendmail(case):
    site = two(case)
    site.milter("third")
    site.third = site.postfix("third")
    site.origin.submit(message(subject="blind", more="Bcc: carol@third.test\r\n"), "-t", "-f",
                       "alice@origin.test")
    for server in (site.receiver, site.third):
        mail = server.wait_mail("blind")
        verdict_is(mail, PASS, server.name)
        equal(fields(mail, "Bcc"), [], "Bcc")
    # A conversation over standard input.
    talk = ("HELO x\r\nMAIL FROM:<alice@origin.test>\r\nRCPT TO:<bob@receiver.test>\r\nDATA\r\n" +
            message(subject="batch") + "\r\n.\r\nQUIT\r\n")
    said = site.origin.run("-bs", octets=talk.encode()).stdout
    check(b"250 OK id=" in said, said)
    verdict_is(site.receiver.wait_mail("batch"), PASS)


def test_bounces(case):
    """Exim submits its own to itself."""
    site = two(case)
    accepted(send(site.origin, message(author="x@receiver.test", subject="gone"),
                  sender="x@receiver.test", to=["nobody@nowhere.test"], source="127.0.0.1"))
    mail = site.receiver.wait_mail("Mail delivery failed: returning message to sender")
    verdict_is(mail, "verimail=pass header.from=Mailer-Daemon@origin.test")


def test_the_header_is_edited_in_place(case):
    """Forged results go, others stay where they are, and ours are on top."""
    site = two(case)
    forged = "Authentication-Results: mx.receiver.test; verimail=pass header.from=ceo@bank.test\r\n"
    other = "Authentication-Results: other.test; spf=pass\r\n"
    accepted(send(site.receiver, message(author="x@nobody.test", subject="forged results",
                                         more=forged + other + "X-A: 1\r\n" + forged),
                  sender="x@nobody.test"))
    mail = site.receiver.wait_mail("forged results")
    equal(fields(mail, "Authentication-Results"), ["other.test; spf=pass"], "what is left")
    equal(results_of(mail), [], "results")
    site.origin.submit(message(subject="on top"), "-f", "alice@origin.test", "bob@receiver.test")
    mail = site.receiver.wait_mail("on top").decode()
    names = [line.split(":")[0] for line in mail.split("\n\n")[0].split("\n") if line[0] not in " \t"]
    equal(names[:4], ["Authentication-Results", "Received", "Verimail", "Received"], "the order")


def test_thousands_of_forged_results(case):
    site = two(case)
    forged = "Authentication-Results: mx.receiver.test; verimail=pass\r\nX: 1\r\n" * 10000
    began = time.monotonic()
    accepted(send(site.receiver, message(author="x@nobody.test", subject="many", more=forged),
                  sender="x@nobody.test"))
    mail = site.receiver.wait_mail("many")
    equal(mail.count(b"Authentication-Results:"), 0, "forged results that are left")
    check(time.monotonic() - began < LATE, "it took too long")


def test_quarantine_holds_it(case):
    site = two(case, verify="on_no = quarantine")
    accepted(send(site.receiver, message(subject="held")))
    wait_for(lambda: "frozen" in site.receiver.log_text(), "it to be frozen")
    equal((len(site.receiver.queue()), site.receiver.box()), (1, []), "what goes on")


def test_what_a_user_may_not_write(case):
    site = two(case)
    for login, author, code in (("alice@origin.test", "alice@origin.test", 250),
                                ("eve@origin.test", "alice@origin.test", 550)):
        got, text = send(site.origin, message(author=author, subject=login), login=login, port=587)
        equal(got, code, text)
    verdict_is(site.receiver.wait_mail("alice@origin.test"), PASS)


def test_large_messages(case):
    site = two(case)
    for subject, how in (("25 MiB", {"body": ("A" * 76 + "\r\n") * ((25 << 20) // 78)}),
                         ("60 KB in a field", {"to": ",\r\n\t".join(
                             f"user{n:04}@receiver.test" for n in range(2400))})):
        accepted(submit(site.origin, message(subject=subject, **how)))
        verdict_is(site.receiver.wait_mail(subject), PASS)


def test_the_listener_has_a_name(case):
    """Its port, for clients that do not log in."""
    site = two(case, milter='trusted_daemons = {"587"}', rcpt="  accept\n")
    for port in (587, 25):
        accepted(send(site.origin, message(subject=f"port {port}"), port=port, to=["dan@origin.test"]))
        mail = site.origin.wait_mail(f"port {port}")
        equal(bool(fields(mail, "Verimail")), port == 587, f"stamped at port {port}")


# Exim takes NULs out of the header, and accepts names of fields with blanks behind them.
SPACED = "white space before the colon"
NOT_SENT = "origin.test says that it did not send"
HOSTILE = {
    "a NUL in a field": ("X-A: a\0b\r\n", "alice@origin.test", NOT_SENT),
    "a NUL in From": ("", "alice@origin.test\0", "not one mailbox"),
    "a second From": ("From: x@nobody.test\r\n", "alice@origin.test", "more than one From"),
    "a spaced name": ("From : x@nobody.test\r\n", "alice@origin.test", SPACED),
    "a folded name": ("From\r\n : x@nobody.test\r\n", "alice@origin.test", SPACED),
    "a folded first line": (" From: x@nobody.test\r\n", "alice@origin.test", "no From field"),
    "a bare CR": ("X-A: a\rFrom: x@nobody.test\r\n", "alice@origin.test", NOT_SENT),
    "a bare LF": ("X-A: a\nFrom: x@nobody.test\r\n", "alice@origin.test", "more than one From"),
}


def test_hostile_headers(case):
    """What Exim makes of a header is what the filter judges."""
    site = two(case)
    for name, (more, author, wanted) in HOSTILE.items():
        code, text = send(site.receiver, message(author=author, subject=name, more=more))
        equal(code, 550, f"{name}: {text}")
        contains(" ".join(text.replace("\n5.7.1", "").split()), wanted)
    equal(site.receiver.box(), [], "what was delivered")


class Filter(threading.Thread):
    """A filter that goes wrong: it hears so many octets, says something, and closes or goes on to
    hear."""

    def __init__(self, path, hears, says=b"", closes=True):
        super().__init__(daemon=True)
        self.hears, self.says, self.closes = hears, says, closes
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        os.chmod(path, 0o666)
        self.server.listen(8)
        self.start()

    def run(self):
        kept = []
        while True:
            client, _ = self.server.accept()
            kept.append(client)
            # It says it at once: who asks reads it when it is its turn.
            with contextlib.suppress(ConnectionError):
                client.sendall(self.says)
                heard = 0
                while heard < self.hears and (octets := client.recv(min(65536, self.hears - heard))):
                    heard += len(octets)
            if self.closes:
                client.close()


TERMS = b"\0\0\0\x0dO\0\0\0\6\0\0\0\x31\0\x1c\x97\x82"
GO_ON = b"\0\0\0\1c"
NOT_AVAILABLE = "4.7.1 The mail filter (Verimail) is not available; try again later"
TROUBLES = {
    "gone": (None, "cannot connect: No such file or directory"),
    "it closes at once": ((0,), "connection was closed|connection broke"),
    "it ends in mid-message": ((1 << 20, TERMS + GO_ON), "connection was closed|connection broke"),
    "it ends before its answer": ((1, TERMS + GO_ON), "connection was closed|connection broke"),
    "garbage": ((1, b"220 mx.test ESMTP\r\n"), "this is no milter"),
    "a strange answer": ((1 << 30, TERMS + GO_ON + b"\0\0\0\1x", False), "unknown kind"),
    "an edit that Exim cannot make": (
        (1 << 30, TERMS + GO_ON + b"\0\0\0\x0ai\0\0\0\7A\0 b\0" + GO_ON), "an edit of the header"),
    "the removal of what is not there": (
        (1 << 30, TERMS + GO_ON + b"\0\0\0\x0bm\0\0\0\2From\0\0" + GO_ON), "an edit of the header"),
    "a field of 9000 octets": (
        (1 << 30, TERMS + GO_ON + b"\0\0\x23\x2ehA\0 " + b"v" * 9001 + b"\0\0\0\0\1c"),
        "makes no field|an edit of the header"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_filters_in_trouble(case, name):
    """The message is deferred, and its sender keeps it."""
    needs_exim()
    site = Site(case, service=False)
    how, wanted = TROUBLES[name]
    path = site.socket("receiver")
    if how is not None:
        Filter(path, *how)
    site.receiver = Exim(case, "receiver", "unix:" + path)
    code, text = send(site.receiver, message(body="line\r\n" * 300000))
    equal(code, 451, text)
    check(re.search(wanted, site.receiver.log_text()), site.receiver.log_text())
    equal((site.receiver.box(), site.receiver.queue()), ([], []), "what was accepted")


def test_a_milter_that_is_killed_while_it_asks(case):
    site = two(case)
    with socket.create_server(("127.0.1.11", 26)) as silent, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        site.records["verimail.origin.test", "A"] = ["127.0.1.11"]
        silent.settimeout(WAIT_LIMIT)
        sent = pool.submit(send, site.receiver, message(subject="killed"))
        with silent.accept()[0]:
            site.receiver_milter.kill()
            code, text = sent.result(WAIT_LIMIT)
    equal((code, " ".join(text.replace("\n4.7.1", "").split())), (451, NOT_AVAILABLE), "the reply")
    equal((site.receiver.box(), site.receiver.queue()), ([], []), "what was accepted")


def test_local_mail_waits(case):
    """A program cannot try again: what it submits, and bounces, wait in the queue until the filter is
    there."""
    site = two(case)
    site.origin_milter.kill()
    site.origin.submit(message(subject="waits"), "-f", "alice@origin.test", "bob@receiver.test")
    site.origin.submit(message(subject="fails", to="x@nowhere.test"), "-f",
                       "bob@receiver.test", "x@nowhere.test")
    wait_for(lambda: "451 4.7.1" in site.origin.log_text(), "it to be deferred")
    equal((len(site.origin.queue()), site.receiver.box()), (2, []), "what waits")
    site.milter("origin")
    site.origin.run("-qff")
    verdict_is(site.receiver.wait_mail("waits"), PASS)
    verdict_is(site.receiver.wait_mail("Mail delivery failed: returning message to sender"),
               "verimail=pass header.from=Mailer-Daemon@origin.test")
    site.origin.wait_idle()


def test_a_mute_filter(case):
    needs_exim()
    site = Site(case, service=False)
    Filter(site.socket("receiver"), 1 << 30, TERMS + GO_ON, False)
    site.receiver = Exim(case, "receiver", "unix:" + site.socket("receiver"))
    began = time.monotonic()
    code, text = send(site.receiver, message())
    took = time.monotonic() - began
    equal((code, " ".join(text.replace("\n4.7.1", "").split())), (451, NOT_AVAILABLE), "the reply")
    check(29 < took < 30 + LATE, f"it took {took} s")
    check("no answer in time" in site.receiver.log_text(), site.receiver.log_text())


def test_without_a_module(case):
    """Debian's default package has no dlfunc. Nothing passes, and the log says why."""
    needs_exim("light")
    site = Site(case, service=False)
    for kind, wanted in (("light", "this facility is not included in this binary"),
                         ("heavy", "dlopen")):
        site.receiver = Exim(case, "receiver", "unix:" + site.socket("receiver"), kind=kind)
        os.remove(os.path.join(site.receiver.folder, "verimail-exim.so"))
        code, text = send(site.receiver, message())
        equal((code, text), (451, "Temporary local problem - please try later"), "the reply")
        check(wanted in site.receiver.log_text(), site.receiver.log_text())
        site.receiver.stop()


def test_what_must_not_be(case):
    """What integrations/exim/README.md warns of is true."""
    site = two(case, rcpt="  warn control = cutthrough_delivery\n", verify="on_no = mark")
    accepted(submit(site.origin, message(subject="cut through")))
    site.origin_milter.wait_log("event=stamped")
    verdict_is(site.receiver.wait_mail("cut through"), "verimail=fail header.from=origin.test")
    site.origin.stop()
    site.origin = Exim(case, "origin", "unix:" + site.socket("origin"), folder="rewriting",
                       transport="headers_rewrite = alice@origin.test eve@origin.test f")
    accepted(submit(site.origin, message(subject="rewritten")))
    verdict_is(site.receiver.wait_mail("rewritten"), "verimail=fail header.from=origin.test")
