# SPDX-License-Identifier: ISC
"""Bounces by real mail servers: those of mail that the origin sent pass, those of forgeries are
marked or refused."""
import os

import pytest

from harness.addresses import SERVICE
from harness.checks import check, contains, equal, wait_for
from harness.files import root_folder, write_file
from harness.mailsite import Site, results_of
from harness.message import message, parsed, send, submit
from harness.sendmail import Sendmail

MARK = 'verimail=fail reason="backscatter"'
LONG = "A line of the body.\r\n" * 100
NOBODY_THERE = "nobody@third.test"


@pytest.fixture(scope="module")
def root():
    """sendmail trusts no folder below one that everybody may write to, such as /tmp."""
    with root_folder("/run" if os.geteuid() == 0 else None) as folder:
        yield folder


# Takes mail for everybody and delivers it to one.
UNKNOWN = ("smtpd_reject_unlisted_recipient = no\n"
           "virtual_mailbox_maps = inline:{{{}=inbox/}}\n")


def origin(case, verify="", main="", **how):
    """origin.test, whose users the bounces are for."""
    site = Site(case, **how)
    site.origin_milter = site.milter("origin", verify)
    site.origin = site.postfix("origin", main=main)
    return site


class PeerSite(Site):
    """origin.test with a peer; its DNS knows no service."""

    def __init__(self, case):
        super().__init__(case)
        del self.records["_verimail._tcp.origin.test", "SRV"]
        self.origin_milter = self.milter("origin")
        self.origin = self.postfix("origin")

    def verify_section(self, name, verify=""):
        return super().verify_section(name, verify) + (
            f'\npeer "origin.test" {{ address = "{SERVICE}:26" }}')


def postfix(site, main=""):
    """third.test bounces all mail to nobody."""
    return site.postfix("third", milter=False,
                        main=main + UNKNOWN.format("somebody@third.test"))


def sendmail(site, before=""):
    third = Sendmail(site.case, "third", before=before)
    write_file(os.path.join(third.folder, "deliver"), "#!/bin/sh\nexit 67\n", 0o755)
    return third


SERVERS = {
    "postfix": (postfix, "", "message/rfc822"),
    "postfix, headers": (postfix, "bounce_size_limit = 1\n", "text/rfc822-headers"),
    "sendmail": (sendmail, "", "message/rfc822"),
    "sendmail, headers": (sendmail, "define(`confPRIVACY_FLAGS', `nobodyreturn')dnl",
                          "text/rfc822-headers"),
}


def bounces(site, count=1):
    """What came back to the origin's users."""
    def there():
        found = [mail for mail in site.origin.box() if b"multipart/report" in mail]
        return len(found) >= count and found
    found = wait_for(there, f"{count} bounces; {site.origin_milter.text()}")
    equal(len(found), count, "bounces")
    return found


def returned_type(bounce):
    return [part.get_content_type() for part in parsed(bounce).walk()
            if part.get_content_type() in ("message/rfc822", "text/rfc822-headers")]


def line(site, count=1):
    return site.origin_milter.wait_log("event=bounce", count)[-1]


@pytest.mark.parametrize("server", SERVERS)
def test_a_bounce_of_our_own_mail_passes(case, server):
    make, options, kind = SERVERS[server]
    site = origin(case, "on_backscatter = reject")
    third = make(site, options)
    equal(submit(site.origin, message(subject="ours", to=NOBODY_THERE, body=LONG),
                 to=[NOBODY_THERE])[0], 250)
    bounce, = bounces(site)
    equal(returned_type(bounce), [kind], "what is returned")
    equal(results_of(bounce, "origin"), [], "results")
    for wanted in ("returned=alice@origin.test", "verdict=YES", "action=accept", "by=answer",
                   "class=inbound"):
        contains(line(site), wanted)
    wait_for(lambda: not third.queue(), "the bounce to be gone")


@pytest.mark.parametrize("server", SERVERS)
def test_a_bounce_of_a_forgery_is_marked(case, server):
    make, options, kind = SERVERS[server]
    site = origin(case)
    third = make(site, options)
    equal(send(third, message(subject="forged", to=NOBODY_THERE, body=LONG),
               to=[NOBODY_THERE])[0], 250)
    bounce, = bounces(site)
    equal(returned_type(bounce), [kind], "what is returned")
    equal(results_of(bounce, "origin"), [MARK], "results")
    contains(line(site), "verdict=NO reason=backscatter action=accept")


@pytest.mark.parametrize("make", [postfix, sendmail])
def test_a_bounce_of_a_forgery_is_refused(case, make):
    site = origin(case, "on_backscatter = reject")
    third = make(site)
    equal(send(third, message(subject="forged", to=NOBODY_THERE), to=[NOBODY_THERE])[0], 250)
    contains(line(site), "verdict=NO reason=backscatter action=reject")
    # Nobody gets a bounce of a bounce.
    wait_for(lambda: not third.queue(), "the bounce to be gone")
    contains(third.log_text(), "origin.test did not send the message that is returned here")
    equal(site.origin.box(), [], "what came back")


def test_a_stamp_that_does_not_open_is_none(case):
    site = origin(case)
    third = postfix(site)
    forged = message(subject="forged", to=NOBODY_THERE,
                     more=f"Verimail: alice@origin.test {'QUJD' * 40}\r\n")
    equal(send(third, forged, to=[NOBODY_THERE])[0], 250)
    equal(results_of(bounces(site)[0], "origin"), [MARK], "results")


def test_who_also_sends_from_elsewhere_has_no_backscatter(case):
    site = origin(case, "on_backscatter = reject")
    third = postfix(site)
    equal(send(third, message("bob@origin.test", "elsewhere", NOBODY_THERE),
               sender="bob@origin.test", to=[NOBODY_THERE])[0], 250)
    equal(results_of(bounces(site)[0], "origin"), [], "results")
    contains(line(site), "verdict=ALLOW action=accept")


def test_monitor_delivers_it(case):
    site = origin(case, "on_backscatter = reject mode = monitor")
    third = postfix(site)
    equal(send(third, message(subject="forged", to=NOBODY_THERE), to=[NOBODY_THERE])[0], 250)
    equal(results_of(bounces(site)[0], "origin"), [MARK], "results")
    contains(line(site), "verdict=NO reason=backscatter would=reject")


def test_accept_looks_into_no_bounce(case):
    site = origin(case, "on_backscatter = accept")
    third = postfix(site)
    equal(send(third, message(subject="forged", to=NOBODY_THERE), to=[NOBODY_THERE])[0], 250)
    equal(results_of(bounces(site)[0], "origin"), [], "results")
    check("event=bounce" not in site.origin_milter.text(), site.origin_milter.text())


VACATION = message("Bob <bob@third.test>", "Out of office", "alice@origin.test", more=(
    "Auto-Submitted: auto-replied\r\n"), body=(
    "I am away.\r\n\r\nYour message\r\nTo: bob@third.test\r\nSubject: x\r\nwill be read.\r\n"))
TEXT = message("MAILER-DAEMON@third.test", "failure notice", "alice@origin.test", body=(
    "Hi. This is the qmail-send program at third.test.\r\n\r\n"
    "--- Below this line is a copy of the message.\r\n\r\n"
    "Return-Path: <alice@origin.test>\r\nFrom: alice@origin.test\r\nTo: x@third.test\r\n"
    "Subject: x\r\nMessage-ID: <1@origin.test>\r\n\r\nThe body.\r\n"))
OTHERS = TEXT.replace("From: alice@origin.test", "From: carol@third.test")
PLAIN = [
    ("vacation", VACATION, "", "alice@origin.test", False),
    ("a bounce in a text", TEXT, "", "alice@origin.test", True),
    ("a bounce of somebody else's mail", OTHERS, "", "alice@origin.test", False),
    ("to a list's own address", TEXT, "", "list+bounce=x@origin.test", True),
    ("no bounce", TEXT, "carol@third.test", "alice@origin.test", False),
]


def test_what_is_judged(case):
    """Only a message with an empty envelope sender that returns a header of one of our users."""
    site = origin(case)
    for name, octets, sender, to, is_marked in PLAIN:
        equal(send(site.origin, octets.replace("Subject: ", f"Subject: {name}: ", 1),
                   sender=sender, to=[to])[0], 250, name)
        subject = f"{name}: {parsed(octets.encode())['Subject']}"
        mail = site.origin.wait_mail(subject)
        equal(results_of(mail, "origin"), [MARK] if is_marked else [], name)
    equal(len(site.origin_milter.lines("event=bounce")), 2, site.origin_milter.text())


def test_a_silent_service_delays_no_bounce_that_would_be_marked(case):
    site = origin(case, service=False)
    equal(send(site.origin, TEXT, sender="", to=["alice@origin.test"])[0], 250)
    equal(results_of(site.origin.wait_mail("failure notice"), "origin"), [], "results")
    contains(line(site), "level=warning")
    contains(line(site), "verdict=temperror action=accept by=no-answer")


def test_a_bounce_waits_for_a_silent_service_that_could_have_it_refused(case):
    site = origin(case, "on_backscatter = reject", service=False)
    code, text = send(site.origin, TEXT, sender="", to=["alice@origin.test"])
    equal(code, 451, text)
    contains(text, "Whether origin.test sent the message that is returned here is not known")
    contains(line(site), "verdict=temperror action=tempfail by=no-answer")
    equal(site.origin.box(), [], "what was delivered")


def test_a_bounce_of_the_machine_itself_is_not_from_outside(case):
    """Its own mail server cannot deliver what a user of ours sent."""
    site = origin(case, "on_backscatter = reject", main=UNKNOWN.format("alice@origin.test"))
    equal(submit(site.origin, message(subject="ours", to="nobody@origin.test"),
                 to=["nobody@origin.test"])[0], 250)
    bounces(site)
    check("event=bounce" not in site.origin_milter.text(), site.origin_milter.text())


def test_a_peer_is_asked_without_dns(case):
    """And its silence delays no bounce that would only be marked, although it delays mail of its
    users."""
    site = PeerSite(case)
    equal(send(site.origin, TEXT, sender="", to=["alice@origin.test"])[0], 250)
    equal(results_of(site.origin.wait_mail("failure notice"), "origin"), [MARK], "results")
    for wanted in ("verdict=NO reason=backscatter", f"server={SERVICE}:26 dns=peer"):
        contains(line(site), wanted)
    equal(site.service.stop(), 0)
    silent = TEXT.replace("failure notice", "silent").replace("alice@origin", "carol@origin")
    equal(send(site.origin, silent, sender="", to=["carol@origin.test"])[0], 250)
    equal(results_of(site.origin.wait_mail("silent"), "origin"), [], "results")
    equal(send(site.origin, message("carol@origin.test"), to=["alice@origin.test"])[0], 451)
