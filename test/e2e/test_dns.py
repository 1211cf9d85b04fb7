# SPDX-License-Identifier: ISC
"""`verimail dns`: what a resolver and the zone's own name servers say, beside what they should."""
import pytest

from harness.checks import check, contains, equal
from harness.commandline import CommandLine
from harness.dnsserver import SILENCE, DnsServer, response
from harness.dnszone import SignedZone
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
