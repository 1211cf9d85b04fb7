# SPDX-License-Identifier: ISC
"""`verimail dns`: what a resolver and the zone's own name servers say, beside what they should."""
import os

import pytest

from harness.checks import check, contains, equal
from harness.commandline import CommandLine
from harness.dnsserver import SILENCE, DnsServer, response
from harness.dnszone import SignedZone
from harness.keys import Key
from harness.namespaces import needs_root

SRV = "_verimail._tcp.example.org"
ZONE = {
    ("example.org", "NS"): ["ns1.example.org."],
    ("ns1.example.org", "A"): ["127.0.0.53"],
    (SRV, "SRV"): ["0 0 26 mail.example.org."],
    ("mail.example.org", "A"): ["192.0.2.1"],
}


@pytest.fixture
def site():
    """A command line, a resolver and a name server, whose records the test says."""
    needs_root()
    made = CommandLine()
    servers = []

    def begin(resolver, server=None, anchor=None, more=""):
        server = server or resolver
        if not callable(server):  # with the zone's own SOA record
            server = SignedZone("example.org", server).answer
        for records, address in ((resolver, "127.0.0.9"), (server, "127.0.0.53")):
            servers.append(DnsServer(records, address, 53))
        anchors = f'"{anchor}"' if anchor else ""
        made.write("v.conf", made.config() + f"""
            verify {{ authserv_id = "mail.example.org" resolver = "127.0.0.9"
                      trust_anchors = {{{anchors}}} }} {more}""", 0o644)
        return made
    yield begin
    for server in servers:
        server.stop()
    made.end()


def rows(out):
    """What stands below each record: {record: [line, ...]}."""
    found = {}
    for line in out.split("\n"):
        if line.startswith("    "):
            found[name].append(" ".join(line.split()))
        elif line:
            name = line
            found[name] = []
    return found


def without(*keys):
    return {key: value for key, value in ZONE.items() if key not in keys}


def test_all_is_well(site):
    done = site(ZONE).run("dns", "example.org", "--address", "192.0.2.1")
    equal(done.status, 0, done.out + done.err)
    equal(rows(done.out), {
        f"{SRV} SRV": [
            "should be 0 0 26 mail.example.org.",
            "resolver 0 0 26 mail.example.org. DNSSEC insecure ok",
            "ns1.example.org (127.0.0.53) 0 0 26 mail.example.org. ok"],
        "mail.example.org A": [
            "should be 192.0.2.1",
            "resolver 192.0.2.1 DNSSEC insecure ok",
            "ns1.example.org (127.0.0.53) 192.0.2.1 ok"]}, done.out)


def test_what_dnssec_vouches_for(site):
    zone = SignedZone("example.org", ZONE)
    done = site(zone.answer, anchor=zone.anchor()).run("dns")
    equal(done.status, 0, done.out + done.err)
    contains(rows(done.out)[f"{SRV} SRV"], "resolver 0 0 26 mail.example.org. DNSSEC secure ok")


def test_what_dnssec_refuses(site):
    zone = SignedZone("example.org", ZONE)
    zone.forge(SRV, "SRV", "0 0 26 mail.example.net.")
    done = site(zone.answer, anchor=zone.anchor()).run("dns")
    equal(done.status, 3, done.out)
    check(any(row.startswith("resolver bogus: ") for row in rows(done.out)[f"{SRV} SRV"]), done.out)


SERVERS = [
    # what the resolver has, what the name server has, status, rows
    (without((SRV, "SRV")), ZONE, 1, [
        "resolver none missing", "ns1.example.org (127.0.0.53) 0 0 26 mail.example.org. ok"]),
    (ZONE, without((SRV, "SRV")), 1, [
        "resolver 0 0 26 mail.example.org. DNSSEC insecure ok",
        "ns1.example.org (127.0.0.53) none missing"]),
    (ZONE | {(SRV, "SRV"): ["0 0 25 mail.example.org."]}, ZONE, 1, [
        "resolver 0 0 25 mail.example.org. DNSSEC insecure different"]),
    (ZONE | {(SRV, "SRV"): ["10 5 26 mail.example.org.", "20 0 26 mail.example.net."]}, ZONE, 0, [
        "resolver 10 5 26 mail.example.org., 20 0 26 mail.example.net. DNSSEC insecure ok"]),
    (ZONE | {(SRV, "SRV"): ["0 0 0 ."]}, ZONE, 1, ["resolver 0 0 0 . DNSSEC insecure different"]),
    (without((SRV, "SRV")) | {(SRV, "CNAME"): ["srv.example.net."],
                              ("srv.example.net", "SRV"): ["0 0 26 mail.example.org."]}, ZONE, 0, [
        "resolver 0 0 26 mail.example.org. (CNAME srv.example.net) DNSSEC insecure ok"]),
    (ZONE, lambda query, _: response(query, 5), 3, ["ns1.example.org (127.0.0.53) failed: "]),
    (without(("example.org", "NS")), ZONE, 0, [
        "authoritative no name server of its zone is known"]),
]


@pytest.mark.parametrize("resolver, server, status, wanted", SERVERS)
def test_each_is_looked_at(site, resolver, server, status, wanted):
    done = site(resolver, server).run("dns", "example.org")
    equal(done.status, status, done.out + done.err)
    got = rows(done.out)[f"{SRV} SRV"]
    for row in wanted:
        check(any(line.startswith(row) for line in got), f"no {row!r} in {got}")


DEFER = "v=verimail1 outage=defer"
OTHER = f"v=verimail1 key={Key('answer', bytes(range(32))).public_text()}"
# The TXT records, whether the service has an answer key, the status, and what is said; `KEY`: of it.
POLICIES = [
    ([DEFER], False, 0, f"{DEFER} DNSSEC insecure ok"),
    (["v=spf1 -all", DEFER], False, 0, f"v=spf1 -all, {DEFER} DNSSEC insecure ok"),
    ([DEFER, DEFER + " x=y"], False, 1,
     f"{DEFER}, {DEFER} x=y DNSSEC insecure is there more than once"),
    (["v=verimail1 key=x"], False, 1,
     "v=verimail1 key=x DNSSEC insecure has a key that cannot be read"),
    (["v=verimail1 outage=accept"], False, 1,
     "v=verimail1 outage=accept DNSSEC insecure has an outage= that is not outage=defer"),
    ([OTHER], False, 1, f"{OTHER} DNSSEC insecure different"),
    ([], True, 1, "none missing"),
    (["v=spf1 -all"], True, 1, "v=spf1 -all DNSSEC insecure missing"),
    ([DEFER], True, 1, f"{DEFER} DNSSEC insecure different"),
    ([OTHER], True, 1, f"{OTHER} DNSSEC insecure different"),
    (["v=verimail1 key=KEY"], True, 0, "v=verimail1 key=KEY DNSSEC insecure ok"),
    (["v=verimail1 outage=defer key=KEY"], True, 0,
     "v=verimail1 outage=defer key=KEY DNSSEC insecure ok"),
    (["v=verimail1 key=OLD"], True, 0, "v=verimail1 key=OLD DNSSEC insecure ok"),
]


def answer_keys(verimail):
    """The service gets two, in a folder: the public halves, newest first."""
    folder = verimail.path("answer")
    os.mkdir(folder, 0o700)
    made = []
    for name in ("2026-02-01.key", "2026-01-01.key"):
        done = verimail.run("keygen", "answer", os.path.join(folder, name), "--json", config=None)
        made.append(done.json["public"])
    with open(verimail.path("v.conf"), encoding="ascii") as file:
        config = file.read()
    verimail.write("v.conf", config.replace("service {", f'service {{ answer_keys = {{"{folder}"}}'),
                   0o644)
    return made


@pytest.mark.parametrize("records, key, status, wanted", POLICIES)
def test_the_policy_record(site, records, key, status, wanted):
    known = dict(ZONE)  # read when they are asked

    def answer(query, _):
        return SignedZone("example.org", known).answer(query)
    verimail = site(answer)
    new, old = answer_keys(verimail) if key else ("", "")
    known[SRV, "TXT"] = [f'"{r}"'.replace("KEY", new).replace("OLD", old) for r in records]
    if not records:
        del known[SRV, "TXT"]
    done = verimail.run("dns", "example.org", "--address", "192.0.2.1")
    equal(done.status, status, done.out + done.err)
    got = rows(done.out)[f"{SRV} TXT"]
    contains(got, "resolver " + wanted.replace("KEY", new).replace("OLD", old))
    if key:
        contains(got, f"should be v=verimail1 key={new}")


def test_the_policy_record_of_others_is_only_shown(site):
    name = "_verimail._tcp.example.net"
    done = site(ZONE | {(name, "SRV"): ["0 0 26 mx.example.net."], (name, "TXT"): [f'"{OTHER}"']}).run(
        "dns", "example.net")
    equal(done.status, 0, done.out)
    contains(done.out, f"{OTHER}  DNSSEC insecure\n")


def test_the_policy_record_to_publish(site):
    verimail = site(ZONE)
    new, _ = answer_keys(verimail)
    done = verimail.run("dns", "example.org", "--print", "--address", "192.0.2.1")
    lines = [line for line in done.out.split("\n") if line and not line.startswith(";")]
    equal(lines, [f"{SRV}. 3600 IN SRV 0 0 26 mail.example.org.",
                  f'{SRV}. 3600 IN TXT "v=verimail1 key={new}"',
                  "mail.example.org. 3600 IN A 192.0.2.1"], "lines of a zone file")
    contains(done.out, "outage=defer")


def test_an_answer_key_that_cannot_be_read(site):
    verimail = site(ZONE)
    answer_keys(verimail)
    verimail.write("answer/2026-03-01.key", "no key")
    done = verimail.run("dns", "example.org", "--print")
    equal(done.status, 78, done.out)
    contains(done.err, "2026-03-01.key is not the text of a key")


def test_addresses_that_are_missing(site):
    done = site(without(("mail.example.org", "A"))).run("dns", "example.org")
    equal(done.status, 1, done.out)
    contains(rows(done.out)["mail.example.org A"], "resolver none missing")
    contains(done.out, "`verimail dns --print` has the records to publish.")


def test_a_domain_of_others_is_only_shown(site):
    done = site(ZONE | {("_verimail._tcp.example.net", "SRV"): ["0 0 26 mx.example.net."]}).run(
        "dns", "example.net")
    equal(done.status, 0, done.out)
    contains(done.out, "0 0 26 mx.example.net.  DNSSEC insecure\n")


def test_a_resolver_that_is_silent(site):
    done = site(lambda *_: SILENCE).run("dns", "example.org")
    equal(done.status, 3, done.out)
    contains(done.out, "failed: ")


def test_records_to_publish(site):
    verimail = site(ZONE)
    done = verimail.run("dns", "example.org", "--print", "--address", "192.0.2.1", "--address",
                        "2001:db8::1")
    lines = [line for line in done.out.split("\n") if line and not line.startswith(";")]
    equal(lines, [f"{SRV}. 3600 IN SRV 0 0 26 mail.example.org.",
                  "mail.example.org. 3600 IN A 192.0.2.1",
                  "mail.example.org. 3600 IN AAAA 2001:db8::1"], "lines of a zone file")
    check(all(line.startswith(";") for line in done.out.split("\n") if line not in lines and line),
          done.out)
    done = verimail.run("dns", "example.net", "--print", "--target", "mx.example.net")
    contains(done.out, "_verimail._tcp.example.net. 3600 IN SRV 0 0 26 mx.example.net.\n")
    done = verimail.run("dns", "example.net", "--print")
    equal(done.status, 78, done.out)
    contains(done.err, "no service for example.net is configured here")
