# SPDX-License-Identifier: ISC
"""Haraka with the plugin of integrations/haraka: what only Haraka can do."""
import os
import socket
import subprocess
import threading

from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.flow import (CHANGED, PASS, SURVIVING, accepted, forged_is_refused, genuine_passes,
                          survive, two_from_are_refused)
from harness.haraka import INTEGRATION, Haraka
from harness.mailsite import Site, verdict_is
from harness.message import fields, message, send, submit

AWAY = "4.7.1 The mail filter (Verimail) is not available; try again later"


def two(case, verify="", milter="", **how):
    """origin.test and receiver.test, both with Haraka; `how` is the receiver's."""
    site = Site(case)
    site.origin_milter = site.milter("origin", "on_no = mark", milter=milter)
    site.receiver_milter = site.milter("receiver", verify)
    site.origin = Haraka(case, "origin", "unix:" + site.socket("origin"))
    site.receiver = Haraka(case, "receiver", "unix:" + site.socket("receiver"), **how)
    return site


def deferred(reply):
    equal(reply[0], 450, reply[1])
    check(reply[1].startswith(AWAY), reply[1])


def test_genuine_and_forged(case):
    site = two(case)
    genuine_passes(site)
    forged_is_refused(site)
    two_from_are_refused(site)
    equal(len(site.receiver.box()), 1, "what was delivered")


def test_what_survives(case):
    survive(two(case), {
        **SURVIVING,
        "not qualified": {"to": "bob, Carol <carol>"},
        "long field": {"more": "X-Long: " + "\r\n ".join(["x" * 90] * 800) + "\r\n"},
        "25 MiB": {"body": ("A" * 76 + "\r\n") * ((25 << 20) // 78)},
    })


def test_logins(case):
    site = two(case)
    accepted(send(site.origin, message(subject="logged in"), login="alice@origin.test", port=587))
    verdict_is(site.receiver.wait_mail("logged in"), PASS)
    code, text = send(site.origin, message(subject="foreign"), login="bob@origin.test", port=587)
    equal(code, 550, text)


def test_changed_forged_results_and_blind_copies(case):
    site = two(case)
    accepted(submit(site.origin, message(subject="sent"), to=["bob@receiver.test", "carol@receiver.test"]))
    mail = site.receiver.wait_mail("sent")
    verdict_is(mail, PASS)
    stamped = mail[mail.index(b"Verimail:"):].replace(b"\n", b"\r\n")
    forged = (b"Authentication-Results: mx.receiver.test; verimail=pass header.from=ceo@bank.test\r\n"
              b"Authentication-Results: other.test; spf=pass\r\n"
              b"AUTHENTICATION-results: mx.receiver.test; verimail=pass\r\n")
    changed = stamped.replace(b"The body.", b"Another.").replace(b"Subject: sent", b"Subject: changed")
    accepted(send(site.receiver, forged + changed))
    mail = site.receiver.wait_mail("changed")
    verdict_is(mail, CHANGED)
    # Haraka itself removes all that come with a message.
    equal(fields(mail, "Authentication-Results"), [f"mx.receiver.test; {CHANGED}"])
    # The earlier stamp is removed, and no other field with it.
    twice = stamped[:stamped.index(b"Received:")] + stamped[stamped.index(b"From:"):]
    twice = twice.replace(b"Subject: sent", b"X-A: 1\r\nSubject: twice")
    accepted(submit(site.origin, twice))
    mail = site.receiver.wait_mail("twice")
    verdict_is(mail, PASS)
    equal(len(fields(mail, "Verimail")), 1)
    equal(fields(mail, "X-A"), ["1"])


def test_milter_that_is_away(case):
    site = two(case)
    site.receiver_milter.stop()
    deferred(send(site.receiver, message(subject="later")))
    contains(site.receiver.log_text(), "ENOENT")
    equal(site.receiver.box(), [])


def test_milters_that_are_mute_or_killed(case):
    site = Site(case)
    path = site.socket("receiver")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        receiver = Haraka(case, "receiver", "unix:" + path, timeout=2)
        deferred(send(receiver, message(subject="mute")))
        contains(receiver.log_text(), "no answer in time")

        def accept_and_close():
            for _ in range(2):
                peer, _ = listener.accept()
                if peer.recv(100, socket.MSG_PEEK):
                    peer.close()
        thread = threading.Thread(target=accept_and_close, daemon=True)
        thread.start()
        deferred(send(receiver, message(subject="killed", body="x\r\n" * 100000)))
        thread.join(WAIT_LIMIT)
    equal(receiver.box(), [])


def test_what_throws_is_deferred(case):
    spoiler = """exports.hook_data_post = function (next, connection) {
        const { transaction } = connection
        switch (transaction.header.get('Subject').trim()) {
        case 'stream': transaction.message_stream.pipe = () => { throw new Error('spoilt') }; break
        case 'header': transaction.header.header_list = null; break
        case 'sender': transaction.mail_from = null; break
        }
        next()
    }"""
    site = two(case, "on_no = mark", plugins={"spoiler": spoiler})
    for subject in ("stream", "header", "sender"):
        deferred(send(site.receiver, message(subject=subject)))
    equal(site.receiver.box(), [])


def test_client_of_the_plugin():
    done = subprocess.run(["node", "--test", "test/"], cwd=INTEGRATION, capture_output=True, check=False)
    equal(done.returncode, 0, done.stdout.decode()[-3000:])
