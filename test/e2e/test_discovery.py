# SPDX-License-Identifier: ISC
"""Name servers that are slow, lie, loop, flood or forge: `verimail check` ends in time each time, and
asks nobody whom it must not ask. In a network name space of its own."""
import json
import os
import socket
import subprocess
import threading
import time

import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset

from harness.addresses import DNS
from harness.checks import LATE, WAIT_LIMIT, check, equal
from harness.daemon import BUILD
from harness.dnsserver import SILENCE, DnsServer, look_up, response, rrset
from harness.dnszone import SignedZone
from harness.files import write_file
from harness.milterprocess import MilterSite, only_child, session
from harness.namespaces import needs_root

PLACE = "127.0.3.1"
LIMIT = 5  # seconds that a check may take


class Service:
    """Says ALLOW to everything, and counts."""

    def __init__(self, case, address=PLACE, port=26, answer=b"ALLOW unstamped\r\n"):
        self.asked = []
        self._listener = socket.create_server((address, port))
        self._listener.settimeout(0.1)
        self._answer = answer
        self._end = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        case.servers.append(self)

    def _run(self):
        while not self._end:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            with client:
                client.settimeout(WAIT_LIMIT)
                self.asked.append(client.recv(4096).decode())
                client.sendall(self._answer)
                client.shutdown(socket.SHUT_WR)

    def stop(self):
        self._end = True
        self._thread.join()
        self._listener.close()


class World:
    def __init__(self, case, records, anchors=(), allow='"127.0.0.0/8"'):
        needs_root()
        self.case = case
        self.dns = DnsServer(records, DNS, 53)
        case.servers.append(self.dns)
        quoted = ", ".join(f'"{anchor}"' for anchor in anchors)
        self.config = os.path.join(case.folder, "check.conf")
        write_file(self.config, f"""verify {{ authserv_id = "mx.receiver.test"
            resolver = "{DNS}" trust_anchors = {{{quoted}}} allow_networks = {{{allow}}} }}""")

    def check(self, domain="origin.test", env=None):
        """What `verimail check --json` says of a message from there."""
        began = time.monotonic()
        done = subprocess.run(
            [os.path.join(BUILD, "src/command/verimail"), "-c", self.config, "check", "--json",
             "--rcpt", "bob@receiver.test"],
            input=f"From: alice@{domain}\n\n".encode(), capture_output=True, check=False,
            env=os.environ | (env or {}))
        took = time.monotonic() - began
        check(took < LIMIT + LATE, f"{domain} took {took:.1f} s")
        return json.loads(done.stdout or "{}") or done.stderr

    def verdicts(self, rows):
        for domain, verdict, by in rows:
            got = self.check(domain)
            equal((got["verdict"], got["by"]), (verdict, by), f"{domain}: {got}")


def srv(domain, *targets):
    return {(f"_verimail._tcp.{domain}", "SRV"): list(targets)}


def test_who_is_asked(case):
    needs_root()
    service = Service(case)
    w = World(case, {
        **srv("origin.test", "0 0 26 mx.origin.test."),
        **srv("own.origin.test", "0 0 26 mx.origin.test."),
        **srv("absent.test", "0 0 0 ."),
        **srv("child.absent2.test", "0 0 0 ."), **srv("absent2.test", "0 0 26 mx.origin.test."),
        **srv("alias.test", "0 0 26 cname.origin.test."),
        **srv("half.test", "0 0 26 nowhere.test.", "1 0 26 mx.origin.test."),
        **srv("nowhere.test", "0 0 26 missing.nowhere.test."),
        ("*.wild.test", "SRV"): ["0 0 26 mx.origin.test."],
        ("mx.origin.test", "A"): [PLACE],
        ("cname.origin.test", "CNAME"): ["mx.origin.test."],
    })
    w.verdicts([
        ("origin.test", "ALLOW", "answer"),
        ("sub.origin.test", "ALLOW", "answer"),
        ("own.origin.test", "ALLOW", "answer"),
        ("absent.test", "none", "no-service"),
        ("child.absent2.test", "none", "no-service"),
        ("alias.test", "ALLOW", "answer"),
        ("half.test", "ALLOW", "answer"),
        ("nowhere.test", "temperror", "dns"),
        ("nothing.test", "none", "no-service"),
        ("elsewhere.example", "none", "no-service"),
        ("any.wild.test", "ALLOW", "answer"),
    ])
    check(all("alice@" in line for line in service.asked), service.asked)
    equal(w.check("sub.origin.test")["srv"], "origin.test")


def test_errors_are_never_none(case):
    def answer(query, tcp):
        name = query.question[0].name.to_text().split(".")[2]
        if name == "servfail":
            return response(query, dns.rcode.SERVFAIL)
        if name == "refused":
            return response(query, dns.rcode.REFUSED)
        if name == "notimp":
            return response(query, dns.rcode.NOTIMP)
        if name == "silent":
            return SILENCE
        if name == "garbage":
            return b"\xff" * 40
        if name == "short":
            return query.to_wire()[:8]
        return response(query, dns.rcode.NXDOMAIN)

    w = World(case, answer)
    w.verdicts([(f"{name}.test", "temperror", "dns")
                for name in ("servfail", "refused", "notimp", "silent", "garbage", "short")])
    w.verdicts([("other.test", "none", "no-service")])


def test_a_slow_name_server(case):
    needs_root()
    Service(case)
    records = {**srv("origin.test", "0 0 26 mx.origin.test."), ("mx.origin.test", "A"): [PLACE]}
    pause = [0.3]

    def answer(query, tcp):
        time.sleep(pause[0])
        return look_up(records, query)
    w = World(case, answer)
    w.verdicts([("origin.test", "ALLOW", "answer")])
    pause[0] = LIMIT * 3
    w.verdicts([("origin.test", "temperror", "dns")])


def test_one_family_is_silent(case):
    needs_root()
    Service(case)
    records = {**srv("origin.test", "0 0 26 mx.origin.test."), ("mx.origin.test", "A"): [PLACE]}

    def answer(query, tcp):
        if query.question[0].rdtype == dns.rdatatype.AAAA:
            return SILENCE
        return look_up(records, query)
    World(case, answer).verdicts([("origin.test", "ALLOW", "answer")])


def test_lies(case):
    def answer(query, tcp):
        question = query.question[0]
        name = "loop" if question.name.to_text() == "loop2.test." else \
            question.name.to_text().split(".")[2]
        evil = rrset(question.name.to_text(), "SRV", ["0 0 26 evil.test."])
        if name == "wrongid":
            made = response(query, dns.rcode.NOERROR, [evil])
            made.id = (query.id + 1) % 65536
            return made
        if name == "othername":
            return response(query, dns.rcode.NOERROR,
                            [rrset("_verimail._tcp.victim.test.", "SRV", ["0 0 26 evil.test."])])
        if name == "othertype":
            return response(query, dns.rcode.NOERROR,
                            [rrset(question.name.to_text(), "A", ["127.0.3.1"])])
        if name == "rdata":
            return response(query, dns.rcode.NOERROR, [dns.rrset.from_rdata(
                question.name, 1, dns.rdata.GenericRdata(1, dns.rdatatype.SRV, b"\0\0\0"))])
        if name == "loop":
            return response(query, dns.rcode.NOERROR, [
                rrset("_verimail._tcp.loop.test.", "CNAME", ["loop2.test."]),
                rrset("loop2.test.", "CNAME", ["_verimail._tcp.loop.test."])])
        if name == "chain":
            return response(query, dns.rcode.NOERROR, [
                rrset(f"a{n}.test." if n else question.name.to_text(), "CNAME", [f"a{n + 1}.test."])
                for n in range(40)])
        return response(query, dns.rcode.NXDOMAIN)
    needs_root()
    service = Service(case)
    w = World(case, answer)
    for name in ("wrongid", "rdata", "loop"):
        got = w.check(f"{name}.test")
        equal((got["verdict"], got["by"]), ("temperror", "dns"), f"{name}: {got}")
    # What was not asked for is left out, and aliases that lead nowhere lead to no record.
    for name in ("othername", "othertype", "chain"):
        got = w.check(f"{name}.test")
        check(got["verdict"] in ("temperror", "none"), f"{name}: {got}")
    equal(service.asked, [], "questions")


def test_a_hundred_records(case):
    needs_root()
    service = Service(case)
    records = srv("origin.test", *(f"{n} 0 26 mx{n}.origin.test." for n in range(100)))
    for n in range(100):
        records[f"mx{n}.origin.test", "A"] = [f"127.0.4.{n + 1}"]
    records["mx3.origin.test", "A"] = [PLACE]
    w = World(case, records)
    w.verdicts([("origin.test", "ALLOW", "answer")])
    check(w.dns.queries < 12, f"{w.dns.queries} queries for one message")
    records["mx3.origin.test", "A"] = ["127.0.4.4"]
    w.verdicts([("origin.test", "temperror", "no-answer")])
    equal(len(service.asked), 1, "questions")


def test_where_nobody_may_be_sent(case):
    needs_root()
    service = Service(case)
    metadata = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0",
                "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"]
    six = ["::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1",
           "ff02::1", "2001:db8::1", "::127.0.0.1", "2001::1"]
    records = {}
    for n, address in enumerate(metadata):
        records.update(srv(f"v4-{n}.test", f"0 0 26 a{n}.test."))
        records[f"a{n}.test", "A"] = [address]
    for n, address in enumerate(six):
        records.update(srv(f"v6-{n}.test", f"0 0 26 b{n}.test."))
        records[f"b{n}.test", "AAAA"] = [address]
    for n, port in enumerate((25, 80, 443, 1023, 22)):
        records.update(srv(f"port-{n}.test", f"0 0 {port} mx.test."))
    records["mx.test", "A"] = ["127.0.3.1"]
    w = World(case, records, allow="")
    w.verdicts([(f"v4-{n}.test", "temperror", "forbidden") for n in range(len(metadata))])
    w.verdicts([(f"v6-{n}.test", "temperror", "forbidden") for n in range(len(six))])
    write_file(w.config, open(w.config, encoding="ascii").read().replace(
        "allow_networks = {}", 'allow_networks = {"127.0.0.0/8"}'))
    w.verdicts([(f"port-{n}.test", "temperror", "forbidden") for n in range(5)])
    equal(service.asked, [], "questions")


def test_signatures(case):
    needs_root()
    service = Service(case)
    records = {("mx.signed.test", "A"): [PLACE]}
    for name in ("good", "expired", "forged", "bare"):
        records |= srv(f"{name}.signed.test", "0 0 26 mx.signed.test.")
    zone = SignedZone("signed.test", records)
    zone.expire("_verimail._tcp.expired.signed.test", "SRV")
    zone.forge("_verimail._tcp.forged.signed.test", "SRV", "0 0 26 evil.signed.test.")
    zone.strip("_verimail._tcp.bare.signed.test", "SRV")
    w = World(case, zone.answer, anchors=[zone.anchor()])
    for name in ("expired", "forged", "bare"):
        got = w.check(f"{name}.signed.test")
        equal((got["verdict"], got["by"]), ("temperror", "dns"), f"{name}: {got}")
    equal(service.asked, [], "questions")
    got = w.check("good.signed.test")
    equal((got["verdict"], got["dns"]), ("ALLOW", "secure"), got)
    write_file(w.config, open(w.config, encoding="ascii").read().replace(zone.anchor(), "")
               .replace('{""}', "{}"))
    equal(w.check("good.signed.test")["dns"], "insecure")


HANGS = {"LD_PRELOAD": os.path.abspath(os.path.join(BUILD, "test/e2e/hangresolver.so"))}


def test_libunbound_that_hangs_is_not_waited_for(case):
    w = World(case, {})
    got = w.check("hang-now.test", env=HANGS)
    equal((got["verdict"], got["by"], got["action"]), ("temperror", "shortage", "tempfail"), got)


def test_the_milter_replaces_libunbound_that_hangs(case):
    site = MilterSite(case)
    d = site.start(env=HANGS)
    child = only_child(d)
    with session(site, address="192.0.2.1") as going_on:
        equal(going_on.message([("From", " a@elsewhere.test")]).answer, "c")
        with session(site, address="192.0.2.1") as client:
            edits = client.message([("From", " a@hang-now.test")])
            equal(edits.reply[:3], "451", edits.reply)
        d.wait_log("event=resolver-replaced")
        equal(going_on.message([("From", " a@another.test")]).answer, "c")
    check(d.lines("author=a@another.test .*verdict=none"), d.text())
    equal(only_child(d), child, "the process")
