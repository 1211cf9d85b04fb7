# SPDX-License-Identifier: ISC
"""What mail between origin.test and receiver.test comes to, whichever mail server both have."""
from harness.checks import check, equal
from harness.mailsite import verdict_is
from harness.message import fields, message, send, submit

PASS = "verimail=pass header.from=alice@origin.test"
CHANGED = 'verimail=neutral reason="changed" header.from=origin.test'

# Messages that reach the receiver as they were stamped: what message() makes of them.
SURVIVING = {
    "folded": {"to": "bob@receiver.test,\r\n\t" + ",\r\n\t".join(
        f"user{n}@receiver.test" for n in range(40))},
    "addresses": {"to": "bob@receiver.test,carol@receiver.test  ,  (x) dan@Receiver.test"},
    "names": {"to": '"Bob \\"B\\"" <bob@receiver.test>,Eve<eve@receiver.test> (her)'},
    "empty Cc": {"more": "Cc:\r\n"},
    "eight bit": {"body": "Gr\u00fc\u00dfe\t \r\n\r\n\r\n"},
    "eight bit name": {"author": "\u00c4lice <alice@origin.test>"},
    "no body": {"body": ""},
    "dots": {"body": ".\r\n..\r\n"},
    "no end of the line": {"body": "the end"},
    "From": {"body": "From here\r\n\r\nFrom there\r\n"},
    "long line": {"body": "x" * 990 + "\r\n"},
    "5 MiB": {"body": ("A" * 76 + "\r\n") * ((5 << 20) // 78)},
}


def accepted(reply):
    equal(reply[0], 250, reply[1])


def genuine_passes(site):
    """The message at the receiver."""
    accepted(submit(site.origin, message(subject="genuine")))
    mail = site.receiver.wait_mail("genuine")
    verdict_is(mail, PASS)
    for name in ("Verimail", "Date", "Message-ID"):
        equal(len(fields(mail, name)), 1, name)
    return mail


def forged_is_refused(site):
    """Its line in the milter's log."""
    code, text = send(site.receiver, message(subject="forged"))
    equal(code, 550, text)
    check(text.startswith("5.7.1 origin.test says that it did not send this message"), text)
    return site.receiver_milter.wait_log("verdict=NO")[0]


def has_queue_id(line):
    check("queue=-" not in line and "queue=" in line, line)


def two_from_are_refused(site):
    code, text = send(site.receiver, message(author="Alice <alice@origin.test>\r\nFrom: eve@third.test"))
    equal(code, 550, text)


def survive(site, rows):
    for subject, how in rows.items():
        accepted(submit(site.origin, message(subject=subject, **how), options=("BODY=8BITMIME",)))
        verdict_is(site.receiver.wait_mail(subject), PASS)
