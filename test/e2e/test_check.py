# SPDX-License-Identifier: ISC
"""verimail check says of any input what the milter says of it, as JSON and with the status of a verdict."""
import json
import os
import subprocess

import pytest

from harness.addresses import DNS
from harness.checks import contains, equal
from harness.daemon import BUILD
from harness.dnsserver import DnsServer
from harness.files import write_file
from harness.namespaces import needs_root, private_network

ALICE = b"From: alice@origin.test\n"
MBOX = b"From alice@origin.test Mon Jan  1 00:00:00 2024\n"
REST = b"To: bob@receiver.test\nSubject: a case\n\nA line of text.\n"
NOT_FIELD, TOO_LARGE = ("permerror", "not-field"), ("permerror", "too-large")
LONG, CR = ("permerror", "long-line"), ("permerror", "bare-cr")
ASKED = ("temperror", None)  # nobody listens where the service should be


@pytest.fixture(name="run")
def fixture_run(case):
    needs_root()
    private_network()
    case.servers.append(DnsServer({
        ("_verimail._tcp.origin.test", "SRV"): ["0 0 26 mx.origin.test."],
        ("mx.origin.test", "A"): ["127.0.3.9"],
    }, DNS, 53))
    config = os.path.join(case.folder, "check.conf")
    write_file(config, f"""verify {{ authserv_id = "mx.receiver.test" resolver = "{DNS}"
        trust_anchors = {{}} allow_networks = {{"127.0.0.0/8"}} }}""")
    return lambda message, *arguments: subprocess.run(
        [os.path.join(BUILD, "src/command/verimail"), "-c", config, "check", *arguments],
        input=message, capture_output=True, check=False)


@pytest.mark.parametrize("name, message, wanted", [
    ("an author", ALICE + REST, ASKED),
    ("behind an mbox line", MBOX + ALICE + REST, ASKED),
    ("behind one with CRLF", (MBOX + ALICE + REST).replace(b"\n", b"\r\n"), ASKED),
    ("behind two", MBOX + MBOX + ALICE + REST, NOT_FIELD),
    ("a line that is no field", ALICE + b"this line is no field\n" + REST, NOT_FIELD),
    ("an empty one behind fields", ALICE + b"X: y\n \nno field\n" + REST, NOT_FIELD),
    ("a header over 1 MiB", ALICE + b"X: y\n" + b" folded\n" * 140000 + REST, TOO_LARGE),
    ("2000 fields", ALICE + b"X: y\n" * 1997 + REST, ASKED),
    ("2001 fields", ALICE + b"X: y\n" * 1998 + REST, TOO_LARGE),
    ("a long Subject", ALICE + b"Subject: " + b"x" * 990 + b"\n" + REST, LONG),
    ("long results", b"Authentication-Results: " + b"x" * 990 + b"\n" + ALICE + REST, LONG),
    ("a long field that does not count", b"X-A: " + b"x" * 990 + b"\n" + ALICE + REST, ASKED),
    ("a first line that begins with a space", b" " + ALICE + b"From: eve@elsewhere.test\n" + REST, NOT_FIELD),
    ("a line that is no field, of a domain without a service",
     b"From: eve@elsewhere.test\nno field\n" + REST, ("none", None)),
    ("a long Subject of such a domain",
     b"From: eve@elsewhere.test\nSubject: " + b"x" * 990 + b"\n" + REST, ("none", None)),
    ("our author behind a CR", b"X-A: one\rFrom: alice@origin.test\nFrom: eve@elsewhere.test\n" + REST, CR),
    ("a CR that ends no line", ALICE + b"X-A: one\rFrom: eve@elsewhere.test\n" + REST, CR),
])
def test_verdicts(run, name, message, wanted):
    done = run(message, "--json")
    got = json.loads(done.stdout)
    equal((got["verdict"], got.get("reason") if wanted[1] else None), wanted, name)
    equal(done.returncode, {"permerror": 5, "none": 4, "temperror": 3}[wanted[0]], name)


def test_a_none_names_what_was_looked_up(run):
    done = run(b"From: eve@a.elsewhere.test\n" + REST, "--explain")
    equal(done.returncode, 4, done.stdout.decode())
    contains(done.stdout.decode(), "discovery: there is no service: no SRV record "
             "_verimail._tcp.a.elsewhere.test, nor _verimail._tcp.elsewhere.test (DNS insecure)\n")
    contains(done.stdout.decode(), "because   the domain does not use Verimail: no SRV record "
             "_verimail._tcp.elsewhere.test\n")


def test_the_line_at_fault_is_named(run):
    done = run(MBOX + ALICE + b"this line is no field\n" + REST)
    equal(done.returncode, 5)
    contains(done.stdout.decode(), "permerror not-field\n")
    contains(done.stderr.decode(), "line 3 of the message ")
