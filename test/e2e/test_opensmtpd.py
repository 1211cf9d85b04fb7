# SPDX-License-Identifier: ISC
"""OpenSMTPD with filter-verimail: what only OpenSMTPD can do."""
import os
import socket
import threading
import time

from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.flow import (CHANGED, PASS, SURVIVING, accepted, forged_is_refused, genuine_passes,
                          has_queue_id, survive, two_from_are_refused)
from harness.mailsite import Site, verdict_is
from harness.message import fields, message, send, submit
from harness.opensmtpd import OpenSmtpd

AWAY = "4.7.1 The mail filter (Verimail) is not available; try again later"


def two(case, verify="", users=None, milter="", receiver=True):
    """origin.test and receiver.test, both with OpenSMTPD."""
    site = Site(case, users=users)
    site.origin_milter = site.milter("origin", "on_no = mark", milter=milter)
    site.receiver_milter = site.milter("receiver", verify)
    site.origin = OpenSmtpd(case, "origin", "unix:" + site.socket("origin"))
    if receiver:
        site.receiver = OpenSmtpd(case, "receiver", "unix:" + site.socket("receiver"))
    return site


def test_genuine_and_forged(case):
    site = two(case)
    genuine_passes(site)
    has_queue_id(forged_is_refused(site))
    two_from_are_refused(site)
    equal(len(site.receiver.box()), 1, "what was delivered")


def test_what_survives(case):
    survive(two(case), {
        **SURVIVING,
        "completed": {"to": "bob, Carol <carol> (a, b), \"Dan, D\" <dan>,\r\n eve (her), frank@receiver.test"},
        "completed Cc": {"more": "Cc: bob\r\ncc: Carol\r\n <carol>\r\n"},
        "group": {"to": "friends: bob, carol;", "more": "Cc: undisclosed-recipients:;\r\n"},
        "bars": {"body": "a|b|c\r\n|\r\n", "more": "X-Bar: |x|\r\n"},
    })


def test_completed_addresses_are_stamped(case):
    site = two(case)
    accepted(submit(site.origin, message(author="alice", subject="completed", to="bob@receiver.test")))
    mail = site.receiver.wait_mail("completed")
    equal(fields(mail, "From"), ["alice@origin.test"])
    verdict_is(mail, PASS)


def test_changed_and_forged_results(case):
    site = two(case)
    accepted(submit(site.origin, message(subject="sent"), to=["bob@receiver.test"]))
    mail = site.receiver.wait_mail("sent")
    stamped = mail[mail.index(b"Verimail:"):].replace(b"\n", b"\r\n")
    forged = b"Authentication-Results: mx.receiver.test; verimail=pass header.from=ceo@bank.test\r\n"
    accepted(send(site.receiver, forged + stamped.replace(b"The body.", b"Another.").replace(b"sent", b"changed")))
    verdict_is(site.receiver.wait_mail("changed"), CHANGED)


def test_programs_and_blind_copies(case):
    site = two(case)
    site.origin.submit("From: alice@origin.test\nTo: bob@receiver.test\nBcc: carol@receiver.test\n"
                       "Subject: local\n\nHi.\n", "-t", "-f", "alice@origin.test")
    for mail in site.receiver.wait_mail("local", 2):
        verdict_is(mail, PASS)
        equal(fields(mail, "Bcc"), [])


def test_milter_that_is_away(case):
    site = two(case)
    site.receiver_milter.stop()
    equal(send(site.receiver, message(subject="later")), (451, AWAY))
    contains(site.receiver.log_text(), "cannot connect")
    equal(site.receiver.box(), [])
    check(site.receiver.process.poll() is None, "smtpd has ended")


def test_milter_that_is_killed_meanwhile(case):
    site = Site(case)
    path = site.socket("receiver")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        receiver = OpenSmtpd(case, "receiver", "unix:" + path)
        def accept_and_close():
            peer, _ = listener.accept()
            peer.recv(100)
            peer.close()
        thread = threading.Thread(target=accept_and_close)
        thread.start()
        equal(send(receiver, message(subject="killed")), (451, AWAY))
        thread.join()


def test_milter_that_is_mute_holds_up_nobody_else(case):
    site = two(case)
    with socket.socket(socket.AF_UNIX) as listener:
        path = site.socket("receiver")
        os.unlink(path)
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen(16)
        replies = []
        began = time.monotonic()
        threads = [threading.Thread(target=lambda: replies.append(send(site.receiver, message(subject="mute"))))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        # Each is at the milter before one of them has been given up.
        listener.settimeout(WAIT_LIMIT)
        peers = [listener.accept()[0] for _ in threads]
        equal(replies, [])
        for thread in threads:
            thread.join()
        equal(replies, [(451, AWAY)] * 4)
        check(29 < time.monotonic() - began, f"{time.monotonic() - began} seconds")
        for peer in peers:
            peer.close()


def test_lines_that_smtpd_would_cut(case):
    site = two(case)
    for length, wanted in ((1900, 250), (1997, 250), (1998, 554), (60000, 554)):
        code, text = submit(site.origin, message(subject=f"long {length}", body="x" * length + "\r\n"))
        equal(code, wanted, f"{length}: {text}")
        if wanted == 250:
            verdict_is(site.receiver.wait_mail(f"long {length}"), PASS)


def test_fields_of_70_kb(case):
    site = two(case)
    more = "X-Long: " + "\r\n ".join(["x" * 70] * 1000) + "\r\n"
    accepted(submit(site.origin, message(subject="long field", more=more)))
    verdict_is(site.receiver.wait_mail("long field"), PASS)
    # smtpd itself takes no To of more than 64 KiB.
    long_to = ",\r\n ".join(f"user{n}@receiver.test" for n in range(3500))
    code, text = submit(site.origin, message(subject="long To", to=long_to))
    equal(code, 550, text)


def test_large(case):
    site = two(case)
    body = ("A" * 76 + "\r\n") * ((25 << 20) // 78)
    accepted(submit(site.origin, message(subject="large", body=body)))
    verdict_is(site.receiver.wait_mail("large", limit=6 * WAIT_LIMIT), PASS)
