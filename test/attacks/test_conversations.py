# SPDX-License-Identifier: ISC
"""What a mail server could say to the milter to break it, and what one message could do to the next."""
import os
import socket

from harness.addresses import STRANGER
from harness.checks import check, equal
from harness.mailsite import Site, receiver
from harness.milterclient import LEADSPC, Closed, MilterClient

FORGED = ("Authentication-Results", " mx.receiver.test; verimail=pass")
OTHER = ("Authentication-Results", " mx.receiver.test; spf=pass")


def test_deletions_go_from_the_highest_down(case):
    site = receiver(case)
    with MilterClient(site.socket("receiver")) as client:
        client.connect(STRANGER)
        header = [FORGED, OTHER] * 25 + [("From", " bob@origin.test")] + [FORGED] * 10
        edits = client.message(header)
    wanted = list(range(60, 50, -1)) + list(range(49, 0, -2))
    equal(edits.deleted("Authentication-Results"), wanted)
    equal(len(edits.results()), 1)


def test_header_sections_without_end(case):
    site = receiver(case)
    tables = {
        "fields": [("From", " alice@origin.test")] + [("X", " y")] * 2100 + [FORGED] * 3,
        "octets": [("From", " alice@origin.test")] + [("X", " " + "y" * 60000)] * 20,
        "results": [FORGED] * 2500 + [("From", " alice@origin.test")],
    }
    for what, header in tables.items():
        with MilterClient(site.socket("receiver")) as client:
            client.connect(STRANGER)
            edits = client.message(header)
        check(edits.reply is not None and edits.reply.startswith("550 5.7.1"), f"{what}: {edits.reply}")


def test_a_mail_server_that_can_do_less(case):
    site = receiver(case)
    with MilterClient(site.socket("receiver"), steps=0x1fffff & ~LEADSPC) as client:
        client.connect(STRANGER)
        edits = client.message([("From", "bob@origin.test")])
        check(edits.inserted[0][2].startswith("mx.receiver.test;"), edits.inserted)
    with MilterClient(site.socket("receiver"), version=2, actions=0x3f, steps=0x7f) as client:
        client.connect(STRANGER)
        equal(client.message([("From", "alice@origin.test")]).reply[:3], "550")
    # What cannot be changed is refused, and never passed as it is. To libmilter 0 means the actions of
    # the first version, of which fields are one.
    for actions in (0, 0x1, 0x10):
        with MilterClient(site.socket("receiver"), actions=actions) as client:
            client.connect(STRANGER)
            equal(client.message([("From", "alice@origin.test")]).reply[:3], "550", f"{actions:#x}")
        with MilterClient(site.socket("receiver"), actions=actions) as client:
            client.connect(STRANGER)
            edits = client.message([("From", "bob@origin.test")])
            equal((edits.answer, len(edits.inserted)), ("t", 0) if actions == 0x10 else ("c", 1),
                  f"{actions:#x}")


def test_broken_conversations(case):
    """After each of them the next one is served."""
    site = receiver(case)

    def ask():
        with MilterClient(site.socket("receiver")) as client:
            client.connect(STRANGER)
            equal(client.message([("From", " alice@origin.test")]).reply[:3], "550")
    attempts = [
        b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xffO", b"\0\0\0\x01Q",
        b"\0\0\0\x05Oabcd", b"GET / HTTP/1.0\r\n\r\n", os.urandom(4096), b"\0\0\0\x01E" * 100,
        b"\0\0\0\x02L\0", b"\0\0\0\x01B", b"\0\0\0\x04D\0\0\0",
    ]
    for attempt in attempts:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(site.socket("receiver"))
            client.sendall(attempt)
    orders = ["ME", "EE", "BB", "LL", "NN", "CMRE", "CCME", "CMRLNBEE", "CMRLNEMRLNE", "CMAMRLNE",
              "CMRNLBNE", "CRME", "CMMRLNE", "CQ", "CMRBE"]
    data = {"C": b"client.test\0" + b"4\x12\x67127.0.9.9\0", "M": b"<x@y.test>\0",
            "R": b"<bob@receiver.test>\0", "L": b"From\0 alice@origin.test\0", "B": b"text"}
    for order in orders:
        client = MilterClient(site.socket("receiver"))
        for kind in order:
            client.command(kind.encode(), data.get(kind, b""))
        client.close()
    ask()
    equal(site.case.daemons[-1].count("worker-died"), 0, "deaths of the milter process")


def test_messages_in_one_session_know_nothing_of_each_other(case):
    site = receiver(case)
    with MilterClient(site.socket("receiver")) as client:
        client.connect(STRANGER)
        for _ in range(3):
            equal(client.message([("From", " alice@origin.test")]).reply[:3], "550")
            client.mail()
            client.rcpt()
            client.field("From", " alice@origin.test")
            client.abort()
            edits = client.message([FORGED, ("From", " bob@origin.test")])
            equal(edits.deleted("Authentication-Results"), [1])
            equal(client.message([("From", " x@atk.test")]).results(), [])


def test_who_is_trusted(case):
    site = Site(case)
    site.milter("origin", trusted='"127.0.0.0/8", "::1"', milter='trusted_daemons = {"submission"}')
    header = [("From", " alice@origin.test")]
    received = [("Received", " from x by y; now"), *header]
    submit = [("Received", " (from alice@localhost)\n\tby x (8.17/8.17/Submit) id 1;\n\tnow"), *header]
    rows_of = [
        ("loopback", {"address": "127.0.0.1"}, {}, header, True),
        ("IPv6 loopback", {"address": "::1"}, {}, header, True),
        ("mapped loopback", {"address": "::ffff:127.0.0.1"}, {}, header, True),
        ("relayed", {"address": "127.0.0.1"}, {}, received, False),
        ("sendmail's own field", {"address": "127.0.0.1"}, {}, submit, True),
        ("that field and another", {"address": "127.0.0.1"}, {}, submit[:1] + received, False),
        ("sendmail -bs", {"address": None, "hostname": "localhost"}, {}, header, True),
        ("unknown family", {"address": None, "hostname": "unknown"}, {}, header, False),
        ("a name that says so", {"address": "192.0.2.1", "hostname": "localhost"}, {}, header, False),
        ("stranger", {"address": "192.0.2.1"}, {}, header, False),
        ("a daemon's name", {"address": "192.0.2.1", "daemon": "submission"}, {}, header, True),
        ("its login", {"address": "192.0.2.1"}, {"login": "alice"}, header, True),
        ("another login", {"address": "127.0.0.1"}, {"login": "eve"}, header, False),
        ("no login, but a method", {"address": "192.0.2.1"}, {"auth_type": "PLAIN"}, header, False),
        ("an empty login", {"address": "192.0.2.1"}, {"login": "", "auth_type": "PLAIN"}, header,
         False),
        ("a login with a detail", {"address": "192.0.2.1"}, {"login": "alice+x"}, header, False),
        ("a login elsewhere", {"address": "192.0.2.1"}, {"login": "alice@atk.test"}, header, False),
        ("two authors", {"address": "192.0.2.1"}, {"login": "alice"}, header * 2, False),
        ("two mailboxes", {"address": "192.0.2.1"}, {"login": "alice"},
         [("From", " alice@origin.test, x@atk.test")], False),
    ]
    for what, connection, mail, fields_of, wanted in rows_of:
        with MilterClient(site.socket("origin")) as client:
            client.connect(**connection)
            edits = client.message(fields_of, **mail)
        equal(len(edits.stamps()), int(wanted), what)
