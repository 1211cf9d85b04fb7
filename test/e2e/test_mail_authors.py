# SPDX-License-Identifier: ISC
"""Whose name mail may be in that our own users write: those who log in, and those on the machine."""
import pytest

from harness.checks import check, equal
from harness.mailsite import Site, log_in, origin_and_receiver, verdict_is
from harness.message import fields, message, send, submit
from harness.milterclient import MilterClient

PASS = "verimail=pass header.from=alice@origin.test"
FAIL = "verimail=fail header.from=origin.test"
STRICT = 'user "alice" { } user "bob" { } user "*" { hosts = {} }'
AUTHORLESS = "To: bob@receiver.test\r\nSubject: a case\r\n\r\nA line of text.\r\n"
UNQUALIFIED = "From: alice\r\n" + AUTHORLESS
EMPTY = "From: \r\n" + AUTHORLESS
TWO = "From: alice@origin.test, attacker@origin.test\r\n" + AUTHORLESS


def refused(reply, fault):
    equal(reply, (550, f"5.7.1 {fault} (Verimail)"))


FOREIGN = "The address in From is not one that your login may use"


def test_logins_may_use_their_own_address(case):
    site = origin_and_receiver(case, users=STRICT)
    rows = [
        ("alice", "alice@origin.test", "alice@origin.test"),
        ("alice@origin.test", "alice@origin.test", "alice@origin.test"),
        ("ALICE", "alice@origin.test", "alice@origin.test"),
        ("alice", "alice+news@origin.test", "alice+news@origin.test"),
        ("attacker", "alice@origin.test", None),
        ("alice@elsewhere.test", "alice@origin.test", None),
        ("alice+x", "alice@origin.test", None),
    ]
    for n, (login, author, passes) in enumerate(rows):
        reply = log_in(site, login, author, f"login {n}")
        if passes is None:
            refused(reply, FOREIGN)
            continue
        equal(reply[0], 250, reply[1])
        verdict_is(site.receiver.wait_mail(f"login {n}"), f"verimail=pass header.from={passes}")
    equal(site.origin_milter.count("level=warning event=not-stamped .*reason=foreign-from "
                                   "action=reject"), 3, "warnings")


def test_a_foreign_from_can_be_accepted(case):
    """Then it leaves without a stamp. One whose author is not certain is verified."""
    site = origin_and_receiver(case, milter="on_foreign_from = accept", users=STRICT)
    equal(log_in(site, "attacker", "alice@origin.test", "foreign")[0], 250)
    mail = site.receiver.wait_mail("foreign")
    equal(fields(mail, "Verimail"), [], "stamps")
    verdict_is(mail, FAIL)
    site.origin_milter.wait_log("level=warning .*reason=foreign-from action=accept")
    code, text = send(site.origin, TWO, login="alice", port=587)
    equal((code, text[:24]), (550, "5.7.1 This message has a"), text)
    # Of a client on the machine: it leaves, and the receiver refuses it.
    equal(submit(site.origin, TWO)[0], 250)
    site.origin_milter.wait_log("level=warning .*class=submission .*reason=from action=accept")
    site.receiver_milter.wait_log("verdict=permerror .*action=reject")


def test_a_login_that_names_no_certain_author(case):
    site = origin_and_receiver(case, users=STRICT)
    for text, fault in ((AUTHORLESS, "has no From field"),
                        (UNQUALIFIED, "has a From field that is not one mailbox"),
                        (EMPTY, "has a From field that is not one mailbox"),
                        (TWO, "has a From field that is not one mailbox")):
        refused(send(site.origin, text, login="alice", port=587), "This message " + fault)
    equal(site.origin_milter.count("level=warning event=not-stamped .*action=reject"), 4, "warnings")
    equal(site.receiver.box(), [], "what came")


def test_postfix_can_complete_what_a_login_leaves_out(case):
    """With the line of integrations/postfix."""
    site = origin_and_receiver(
        case, users=STRICT,
        main="local_header_rewrite_clients = permit_inet_interfaces, permit_sasl_authenticated\n")
    for subject, text in (("none", AUTHORLESS), ("unqualified", UNQUALIFIED)):
        text = text.replace("a case", subject)
        equal(send(site.origin, text, login="alice", port=587)[0], 250)
        verdict_is(site.receiver.wait_mail(subject), PASS)


@pytest.mark.parametrize("text", [AUTHORLESS, EMPTY], ids=["none", "empty"])
def test_a_submission_without_an_author_gets_the_envelope_sender(case, text):
    """Where Postfix does not write it itself."""
    site = origin_and_receiver(case, users=STRICT, main="local_header_rewrite_clients =\n")
    equal(submit(site.origin, text)[0], 250)
    mail = site.receiver.wait_mail("a case")
    equal(fields(mail, "From"), ["alice@origin.test"])
    verdict_is(mail, PASS)
    code, reply = submit(site.origin, text, sender="")
    equal((code, reply[:18]), (550, "5.7.1 This message"), reply)


def test_a_submission_without_a_certain_author(case):
    site = origin_and_receiver(case, users=STRICT, main="local_header_rewrite_clients =\n")
    refused(submit(site.origin, UNQUALIFIED),
            "This message has a From field that is not one mailbox")
    refused(submit(site.origin, TWO), "This message has a From field that is not one mailbox")


LONG = "has a header line over 990 octets, which mail servers cut"


def test_a_line_that_mail_servers_cut(case):
    """Its digest would not be the receiver's, and another author may begin where it is cut."""
    site = origin_and_receiver(case, users=STRICT)
    for name in ("Subject", "Content-Type", "Authentication-Results"):
        long = f"{name}: {'x' * (990 - len(name) - 2)}"
        equal(submit(site.origin, long + "\r\n" + message(subject="at the limit"))[0], 250)
        refused(submit(site.origin, long + "x\r\n" + message(subject="over it")),
                "This message " + LONG)
        refused(send(site.origin, long + "x\r\n" + message(subject="over it"), login="alice",
                     port=587), "This message " + LONG)
    other = f"X-Other: {'x' * 1100}\r\n"
    equal(submit(site.origin, message(subject="another field", more=other))[0], 250)
    verdict_is(site.receiver.wait_mail("another field"), PASS)
    equal(site.origin_milter.count("level=warning event=not-stamped .*reason=long-line "
                                   "action=reject"), 6, "warnings")


def test_a_cr_that_ends_no_line(case):
    """No Postfix hands one over, so this is said by the milter protocol."""
    site = Site(case, users=STRICT)
    milter = site.milter("origin", trusted='"127.0.0.1"')
    with MilterClient(site.socket("origin")) as client:
        client.connect("127.0.0.1")
        for login in (None, "alice"):
            edits = client.message([("From", " alice@origin.test"), ("X-A", " a\rFrom: b@c.test")],
                                   sender="<alice@origin.test>", login=login)
            equal(edits.reply,
                  "550 5.7.1 This message has a CR in its header section that ends no line "
                  "(Verimail)")
    equal(milter.count("level=warning .*reason=bare-cr action=reject"), 2, "warnings")


def test_who_logs_in_is_verified_in_another_domains_name(case):
    """A login at receiver.test gives no right to names of origin.test."""
    site = Site(case, users='user "alice" { } user "bob" { allow_unauthorized = true }')
    receiver_milter = site.milter("receiver")
    receiver = site.postfix("receiver", submission=True)
    code, text = send(receiver, message(subject="forged"), login="eve", port=587)
    equal((code, text[:5]), (550, "5.7.1"), text)
    receiver_milter.wait_log("class=authenticated login=eve .*verdict=NO reason=unstamped")
    forged = "Authentication-Results: mx.receiver.test; verimail=pass\r\n"
    rows = [("bob@origin.test", 'verimail=neutral reason="unstamped" header.from=origin.test'),
            ("eve@receiver.test", None), ("eve@elsewhere.test", None)]
    for author, wanted in rows:
        reply = send(receiver, message(author, author, more=forged), login="eve", port=587)
        equal(reply[0], 250, reply[1])
        verdict_is(receiver.wait_mail(author), wanted)
    check("class=inbound" not in receiver_milter.text(), receiver_milter.text())


def test_a_stamped_message_that_a_user_sends_on(case):
    """What came to a user, sent on as it was by his own login: with the stamp that it came with."""
    site = origin_and_receiver(case)
    equal(submit(site.origin, message(subject="to a user"), to=["bob@receiver.test"])[0], 250)
    mail = site.receiver.wait_mail("to a user")
    site.receiver.stop()
    site.milter("third")
    third = site.postfix("third", submission=True)
    octets = mail[mail.index(b"Verimail:"):].replace(b"\n", b"\r\n")
    equal(send(third, octets, to=["carol@third.test"], login="carol", port=587)[0], 250)
    verdict_is(third.wait_mail("to a user"),
               'verimail=neutral reason="redirected" header.from=origin.test', "third")
