# SPDX-License-Identifier: ISC
"""verimail-milter beside mail servers that speak the milter protocol in another way than Postfix and
sendmail do: scripted peers."""
import subprocess

import pytest

from harness.addresses import STRANGER
from harness.checks import check, contains, equal
from harness.mailsite import Site
from harness.milterprocess import MilterSite
from harness.namespaces import private_network
from harness.programs import free_port
from harness.milterclient import (ADDHDRS, ALL_ACTIONS, CHGHDRS, LEADSPC, QUARANTINE, SKIP,
                                  Closed, MilterClient)

ALICE = "<alice@origin.test>"
FIELDS = [("From", " alice@origin.test"), ("To", " bob@receiver.test"), ("Subject", " s"),
          ("Date", " Mon, 30 Nov 2026 18:00:00 +0000"), ("Message-ID", " <1@x>")]
BODY = "hello\r\n"
PASS = "mx.receiver.test; verimail=pass"
NOT_FIELD = "550 5.7.1 This message has a line in its header section that is no field"


class PeerSite(Site):
    def __init__(self, case, **options):
        super().__init__(case, service=True)
        self.origin_milter = self.milter("origin")
        self.receiver_milter = self.milter("receiver", **options)
        self.fields = [("Verimail", self.stamped(address="127.0.0.1").stamps()[0])] + FIELDS

    def stamped(self, address=STRANGER, fields=(), peer=None, **mail):
        """A message of alice's, as the stamper's mail server has it: Edits."""
        with MilterClient(self.socket("origin"), **(peer or {})) as client:
            client.connect(address)
            return client.message(FIELDS + list(fields), BODY, sender=ALICE, **mail)

    def verified(self, fields=None, peer=None, **mail):
        """A message from outside, as the verifier's mail server has it: Edits."""
        with MilterClient(self.socket("receiver"), **(peer or {})) as client:
            client.connect(STRANGER)
            return client.message(self.fields if fields is None else fields, BODY, **mail)


@pytest.fixture(name="site")
def fixture_site(case):
    return PeerSite(case)


def passes(edits):
    equal(edits.answer, "c", edits.reply)
    check(any(result.startswith(PASS) for result in edits.results()), edits.results())


def test_a_login_is_enough(site):
    for macros in ({"{auth_authen}": "alice@origin.test"},
                   {"auth_authen": "alice@origin.test"},
                   {"{auth_authen}": "alice@origin.test", "{auth_type}": "PLAIN"}):
        edits = site.stamped(macros=macros)
        equal((edits.answer, len(edits.stamps())), ("c", 1), f"{macros}: {edits.reply}")
    for macros in ({}, {"{auth_authen}": ""}, {"{mail_addr}": "alice@origin.test"}):
        equal(len(site.stamped(macros=macros).stamps()), 0, f"stamps: {macros}")


def test_a_direction_lowers_trust_alone(site):
    inward = {"{verimail_direction}": "in"}
    login = {"{auth_authen}": "alice@origin.test"}
    for address, macros, wanted in (("127.0.0.1", {}, 1),
                                    ("127.0.0.1", inward, 0),
                                    ("127.0.0.1", {"verimail_direction": "in"}, 0),
                                    ("127.0.0.1", {"{verimail_direction}": "out"}, 1),
                                    (STRANGER, {"{verimail_direction}": "out"}, 0),
                                    (STRANGER, login, 1),
                                    (STRANGER, login | inward, 0)):
        edits = site.stamped(address, macros=macros)
        equal(len(edits.stamps()), wanted, f"stamps: {address} {macros}")


def test_what_is_no_field_is_no_message(site):
    passes(site.verified())
    for name, value in (("this is no field", ""),
                        (b"X-\xe4", " x"),
                        ("X\x01Y", " x"),
                        ("X-A", " a\nFrom: ceo@bank.test"),
                        ("X-A", " a\r\nFrom: ceo@bank.test"),
                        ("X-A", " a\n\n"),
                        ("From: ceo@bank.test\nX", " a")):
        edits = site.verified([(name, value)] + site.fields)
        check((edits.reply or "").startswith(NOT_FIELD), f"{name!r}: {edits.answer} {edits.reply}")
        contains(site.receiver_milter.wait_log("reason=not-field")[-1], "verdict=permerror")
        edits = site.stamped("127.0.0.1", [(name, value)])
        check((edits.reply or "").startswith(NOT_FIELD), f"{name!r}: {edits.answer} {edits.reply}")
    # libmilter closes the connection at an empty name: such a message does not pass, either.
    with pytest.raises((Closed, BrokenPipeError)):
        site.verified([("", " x")] + site.fields)
    # What is a fold, and what a mail server may leave at a name's end, is as before.
    passes(site.verified([("X-A", " a\r\n b\n\tc")] + site.fields))
    edits = site.verified([("X-A ", " a")] + site.fields)
    contains(edits.reply, "has white space before the colon")


@pytest.mark.parametrize("steps", (0, SKIP | LEADSPC, 0x1fffff), ids="%x".__mod__)
def test_long_fields_and_chunks(site, steps):
    for octets in (65530, 70000, 200000, 1000000):
        # A field as Exim has it, folded.
        recipients = ",\r\n ".join(["bob@receiver.test"] * (octets // 22))
        peer = {"steps": steps}
        edits = site.stamped("127.0.0.1", [("Cc", " " + recipients)], peer=peer)
        equal((edits.answer, len(edits.stamps())), ("c", 1), f"a field of {octets}: {edits.reply}")
    with MilterClient(site.socket("origin"), steps=steps) as client:
        client.connect("127.0.0.1")
        for octets in (65535, 65536, 300000, 1048000):
            client.mail(ALICE)
            client.rcpt()
            for field in FIELDS:
                client.field(*field)
            client.header_end()
            client.body("a" * octets)
            equal(len(client.end().stamps()), 1, f"a chunk of {octets}")


def test_without_deletions(site):
    forged = [("Authentication-Results", " mx.receiver.test; verimail=pass")]
    for actions in (ADDHDRS, ADDHDRS | QUARANTINE, ALL_ACTIONS & ~CHGHDRS):
        peer = {"actions": actions}
        passes(site.verified(peer=peer))
        edits = site.verified(forged + site.fields, peer=peer)
        contains(edits.reply, "550 5.7.1 This message has header fields that must be removed")
        contains(site.receiver_milter.wait_log("event=refused")[-1],
                 "the mail server does not let header fields be deleted")
        equal(len(site.stamped("127.0.0.1", peer=peer).stamps()), 1, "stamps")
    # Without additions nothing can be stamped, but forgeries are refused.
    peer = {"actions": QUARANTINE}
    equal(site.stamped("127.0.0.1", peer=peer).answer, "t", "an answer")
    contains(site.verified(FIELDS, peer=peer).reply, "550 5.7.1 origin.test says")


def test_another_session_on_one_connection(site):
    for steps in (0, 0x1fffff):
        with MilterClient(site.socket("origin"), steps=steps) as client:
            for address, wanted in (("127.0.0.1", 1), (STRANGER, 0), ("127.0.0.1", 1)):
                client.connect(address)
                for _ in range(2):
                    # libmilter ignores QUIT_NC behind a message that it refused.
                    author = "alice@origin.test" if wanted else "someone@elsewhere.test"
                    fields = [("From", " " + author)] + FIELDS[1:]
                    edits = client.message(fields, BODY, sender=ALICE)
                    equal(edits.answer, "c", edits.reply)
                    equal(len(edits.stamps()), wanted, f"stamps for {address}, steps {steps:x}")
                client.quit_nc()
            client.connect("127.0.0.1")
            client.mail(ALICE)
            client.abort()
            client.quit_nc()
            client.connect("127.0.0.1")
            equal(len(client.message(FIELDS, BODY, sender=ALICE).stamps()), 1, "stamps")


def test_older_protocols_and_paths(site):
    for version in range(2, 8):
        passes(site.verified(peer={"version": version, "steps": 0}))
    for recipient in ("bob@receiver.test", "<bob@receiver.test>", "<>", ""):
        equal(len(site.stamped("127.0.0.1", recipients=[recipient]).stamps()), 1, recipient)


def is_loopback(address):
    return address.startswith("127.") or address == "::1"


@pytest.mark.parametrize("socket, clients, admitted, refused", [
    ("inet:{}@0.0.0.0", "", ["127.0.0.1", "127.0.5.7"], []),
    ("inet:{}@0.0.0.0", 'clients = {"10.99.0.0/24"}', ["127.0.0.1", "10.99.0.7"], ["10.99.1.7"]),
    ("inet:{}@0.0.0.0", 'clients = {"10.99.1.7"}', ["10.99.1.7"], ["10.99.0.7"]),
    ("inet:{}@0.0.0.0", "", ["127.0.0.1"], ["10.99.0.7", "10.99.1.7"]),
    ("inet6:{}@::", 'clients = {"fd99:0:0:1::/64", "10.99.0.7"}',
     ["::1", "fd99:0:0:1::7", "10.99.0.7"], ["fd99:0:0:2::7", "10.99.1.7"]),
    ("inet6:{}@::", "", ["::1", "127.0.0.1"], ["fd99:0:0:1::7", "10.99.0.7"]),
], ids=str)
def test_clients_of_a_tcp_socket(case, socket, clients, admitted, refused):
    private_network()
    for address in (source for source in admitted + refused if not is_loopback(source)):
        # One that is there from another case stays.
        subprocess.run(["ip", "address", "replace", address, "dev", "lo"], check=True)
    site = MilterSite(case)
    port = free_port()
    config = site.config(clients, where=socket.format(port)).replace("socket_mode = 0666", "")
    site.start(config)
    for source in admitted + refused:
        # A packet from an address of this machine to the same address looks like one from a peer.
        target = source if source != "127.0.5.7" else "127.0.0.1"
        if source in admitted:
            with MilterClient((target, port), source=source) as client:
                client.connect("127.0.0.1")
                equal(len(client.message(FIELDS, BODY, sender=ALICE).stamps()), 1, source)
        else:
            with pytest.raises(TimeoutError):
                MilterClient((target, port), source=source, timeout=0.5)
