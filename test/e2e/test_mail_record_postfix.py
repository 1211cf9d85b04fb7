# SPDX-License-Identifier: ISC
"""What the milter's record says of mail that Postfix handed over, beside what Postfix itself says."""
import contextlib
import os

import pytest

from harness.checks import contains, equal, wait_for
from harness.mailsite import Site, verdict_is
from harness.message import message, send, submit
from harness.milterprocess import mail_record
from harness.namespaces import disk


def mail(site, name="receiver", columns="*", where="direction = 'in'"):
    """The rows of a milter's record, oldest first."""
    return mail_record(site.mail_state(name), f"SELECT {columns} FROM mail WHERE {where} ORDER BY id")


def wait_rows(site, count, **how):
    return wait_for(lambda: len(found := mail(site, **how)) == count and found, f"{count} on record")


def receiver(case, verify="", **how):
    site = Site(case, **how)
    site.receiver_milter = site.milter("receiver", verify)
    site.receiver = site.postfix("receiver")
    return site


DONE = "action, would_be, verdict, reason, source"


@pytest.mark.parametrize("verify, wanted", [
    ("", ("rejected", "", "NO", "unstamped", "service")),
    ("on_no = quarantine", ("quarantined", "", "NO", "unstamped", "service")),
    ("on_no = mark", ("marked", "", "NO", "unstamped", "service")),
    ("mode = monitor", ("passed", "rejected", "NO", "unstamped", "service")),
    ("mode = monitor on_no = quarantine", ("passed", "quarantined", "NO", "unstamped", "service")),
])
def test_what_was_done_with_a_forgery(case, verify, wanted):
    site = receiver(case, verify)
    send(site.receiver, message(subject="forged"))
    equal(wait_rows(site, 1, columns=DONE), [wanted])


def test_queue_ids_and_message_ids_are_those_of_postfix(case):
    site = receiver(case)
    site.origin_milter = site.milter("origin")
    site.origin = site.postfix("origin", submission=True)
    equal(submit(site.origin, message(subject="genuine", more="Message-ID: <first@origin.test>\r\n"))[0], 250)
    verdict_is(site.receiver.wait_mail("genuine"), "verimail=pass header.from=alice@origin.test")
    for name, server, done in (("origin", site.origin, "stamped"), ("receiver", site.receiver, "passed")):
        (action, message_id, queue, author), = wait_rows(
            site, 1, name=name, where="true", columns="action, message, queue, author")
        equal((action, message_id, author), (done, "first@origin.test", "alice@origin.test"))
        contains(server.log_text(), f" {queue}: ")
    stamp, = wait_rows(site, 1, columns="stamp")
    equal(mail(site, "origin", "stamp", "true"), [stamp], "the stamp at both ends")


def test_an_answer_from_the_cache(case):
    site = receiver(case, "on_no = mark")
    for i in range(2):
        equal(send(site.receiver, message("bob@origin.test", f"lenient {i}"))[0], 250)
        site.receiver.wait_mail(f"lenient {i}")
    equal(wait_rows(site, 2, columns="verdict, reason, source"),
          [("ALLOW", "unstamped", "service"), ("ALLOW", "unstamped", "cache")])


def test_an_author_who_is_not_certain(case):
    site = receiver(case)
    equal(send(site.receiver, message("alice@origin.test, bob@origin.test", "two"))[0], 550)
    equal(wait_rows(site, 1, columns="action, verdict, reason"), [("rejected", "permerror", "from")])


def test_a_service_that_is_down(case):
    site = receiver(case, "on_temperror = tempfail", service=False)
    equal(send(site.receiver, message(subject="nobody answers"))[0], 451)
    found = wait_rows(site, 1, columns="action, verdict, source, service, lookup")
    equal(found, [("deferred", "temperror", "", "127.0.1.10:26", "_verimail._tcp.origin.test")])


def test_nothing_is_lost_on_a_full_disk(case):
    """No mail is delayed. What the disk has no room for is counted."""
    site = Site(case)
    state = site.mail_state("receiver")
    with disk(state, "2m"):
        site.receiver_milter = site.milter("receiver", "on_no = mark")
        site.receiver = site.postfix("receiver")
        equal(send(site.receiver, message(subject="room"))[0], 250)
        wait_rows(site, 1)
        ballast = os.path.join(state, "ballast")
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        for i in range(40):
            equal(send(site.receiver, message(subject=f"full {i}"))[0], 250)
            site.receiver.wait_mail(f"full {i}")
        site.receiver_milter.wait_log("event=alarm about=events")
        os.unlink(ballast)
        site.receiver_milter.wait_log("event=events-recorded-again")
        wait_rows(site, 41)


BOUNCE = """From: MAILER-DAEMON@elsewhere.test
To: alice@origin.test
Subject: undelivered
MIME-Version: 1.0
Content-Type: multipart/report; boundary=b

--b
Content-Type: text/rfc822-headers

From: alice@origin.test
To: nobody@elsewhere.test
Subject: forged
Message-ID: <forged@elsewhere.test>

--b--
""".replace("\n", "\r\n")


def test_a_bounce_of_a_forgery(case):
    site = Site(case)
    site.origin_milter = site.milter("origin", "on_backscatter = reject")
    site.origin = site.postfix("origin")
    equal(send(site.origin, BOUNCE, sender="", to=["alice@origin.test"])[0], 550)
    found = wait_rows(site, 1, name="origin", columns="action, verdict, reason, source")
    equal(found, [("rejected", "NO", "backscatter", "service")])
