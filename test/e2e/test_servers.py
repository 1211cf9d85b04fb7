# SPDX-License-Identifier: ISC
"""Which servers are found for a domain, by a discovery alone: name servers that are good, bad, late
or silent, signed zones and their faults, many questions at once, and the milter's sandbox."""
import json
import os
import subprocess
import threading
import time
from types import MappingProxyType

import dns.flags
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest

from harness.checks import LATE, WAIT_LIMIT, check, equal, wait_for
from harness.daemon import BUILD, PROGRAMS
from harness.dnsserver import SILENCE, DnsServer, look_up, response, rrset
from harness.dnszone import SignedZone
from harness.namespaces import needs_root

PROGRAMS["discover"] = "test/e2e/discover"
LIMIT = 6  # seconds that a discovery may take
AWAY = 35  # seconds after which libunbound has given a name server up
MX = {("mx.origin.test", "A"): ["192.0.2.1"]}


def command(*options):
    return [os.path.join(BUILD, PROGRAMS["discover"]), *options]


class Discovery:
    """Asks a name server that answers with `records`."""

    def __init__(self, case, records, *options, anchors=(), limit=LIMIT, threads=1, before=(),
                 env=MappingProxyType({})):
        self.dns = DnsServer(records)
        case.servers.append(self.dns)
        self._limit = limit
        self._threads = threads
        for anchor in anchors:
            options += ("-a", anchor)
        # The sandbox leaves nothing that a search for leaks could work with.
        extra = {"ASAN_OPTIONS": "detect_leaks=0"} if "-s" in options else {}
        extra |= env
        self._process = subprocess.Popen(
            [*before, *command("-r", f"{self.dns.address}@{self.dns.port}",
                               "-l", str(int(limit * 1000)), "-t", str(threads), *options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | extra)
        case.servers.append(self)

    def stop(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def end(self):
        """It ends well, with questions that still wait for an answer as well."""
        self._process.stdin.close()
        equal(self._process.wait(WAIT_LIMIT), 0, "status")

    def find_all(self, domain="origin.test", ip=""):
        """Of each thread; a `#` in the domain stands for its number."""
        self._process.stdin.write(f"{domain} {ip}".rstrip() + "\n")
        self._process.stdin.flush()
        answers = [json.loads(self._process.stdout.readline()) for _ in range(self._threads)]
        for answer in answers:
            check(answer["took"] / 1000 < self._limit + LATE, f"{domain}: {answer}")
            equal(answer["result"] == "found", answer["servers"] != [], f"{domain}: {answer}")
            equal(answer["result"] in ("error", "shortage"), answer["cause"] != "",
                  f"{domain}: {answer}")
        return answers

    def find(self, domain="origin.test", ip=""):
        return self.find_all(domain, ip)[0]

    def expect(self, rows):
        """Each row: domain, result, its places and targets in their order."""
        for domain, result, *servers in rows:
            got = self.find(domain)
            equal((got["result"], [" ".join(pair) for pair in got["servers"]]), (result, servers),
                  f"{domain}: {got}")


def srv(domain, *records):
    return {(f"_verimail._tcp.{domain}", "SRV"): list(records)}


def labels_of(query):
    return query.question[0].name.to_text(omit_final_dot=True).lower().split(".")


def test_found_and_not_found(case):
    long = ".".join(["a" * 61, "b" * 61, "c" * 61])  # with the prefix longer than a name may be
    d = Discovery(case, {
        **MX,
        **srv("origin.test", "0 0 4443 mx.origin.test."),
        **srv("own.origin.test", "0 0 26 MX.Origin.test."),
        **srv("absent.origin.test", "0 0 0 ."),
        **srv(f"{'d' * 30}.test", "0 0 26 mx.origin.test."),
        **srv("alias.test", "0 0 26 cname.origin.test."),
        ("cname.origin.test", "CNAME"): ["mx.origin.test."],
        ("*.wild.test", "SRV"): ["0 0 26 mx.origin.test."],
        ("known.wild.test", "A"): ["192.0.2.2"],
        ("*.known.wild2.test", "TXT"): ["not an SRV record"],
        **srv("co.uk", "0 0 26 mx.origin.test."),
        ("_verimail._tcp.moved.test", "CNAME"): ["_verimail._tcp.origin.test."],
    })
    mx = "192.0.2.1:26 mx.origin.test"
    d.expect([
        ("origin.test", "found", "192.0.2.1:4443 mx.origin.test"),
        ("a.sub.origin.test", "found", "192.0.2.1:4443 mx.origin.test"),
        ("own.origin.test", "found", mx),
        # A target `.` is final.
        ("absent.origin.test", "none"),
        ("nothing.test", "none"),
        ("test", "none"),
        ("alias.test", "found", "192.0.2.1:26 cname.origin.test"),
        ("new.wild.test", "found", mx),
        # A name that exists is not the wildcard's, but its organizational domain's prefix is.
        ("known.wild.test", "found", mx),
        ("known.wild2.test", "none"),
        # There is no such name; the organizational domain has one.
        (f"{long}.{'d' * 30}.test", "found", mx),
        (f"{long}.{'e' * 30}.test", "none"),
        # A public suffix is asked when it is the author's domain, not for those below it.
        ("co.uk", "found", mx),
        ("shop.co.uk", "none"),
        ("moved.test", "found", "192.0.2.1:4443 mx.origin.test"),
    ])
    equal(d.find("a.sub.origin.test")["srv"], "origin.test")
    equal(d.find("own.origin.test")["srv"], "own.origin.test")


def test_addresses_and_their_order(case):
    def both(name, *numbers):
        return {(f"{name}.test", "A"): [f"192.0.2.{n}" for n in numbers],
                (f"{name}.test", "AAAA"): [f"2001:db8::{n}" for n in numbers]}
    d = Discovery(case, {
        **both("one", 1), **both("two", 2), **both("three", 3), **both("many", *range(10, 20)),
        ("six.test", "AAAA"): ["2001:db8::6"],
        ("four.test", "A"): ["192.0.2.4"],
        ("text.test", "TXT"): ["no address"],
        ("local.test", "A"): ["127.0.0.1"], ("local.test", "AAAA"): ["::1"],
        ("cloud.test", "A"): ["169.254.169.254"],
        **srv("priority.test", "2 0 26 two.test.", "1 0 26 one.test.", "3 0 26 three.test."),
        **srv("six.test", "0 0 26 six.test."),
        **srv("mixed.test", "1 0 26 six.test.", "2 0 27 four.test."),
        **srv("many.test", "0 0 26 many.test."),
        **srv("gone.test", "1 0 26 gone.test.", "2 0 26 text.test.", "3 0 26 four.test."),
        **srv("lost.test", "1 0 26 gone.test.", "2 0 26 text.test."),
        **srv("same.test", "1 0 26 four.test.", "2 0 26 four.test.", "3 0 27 four.test."),
        **srv("local.test", "1 0 26 local.test.", "2 0 26 cloud.test."),
        **srv("partly.test", "1 0 26 four.test.", "0 0 0 ."),
    })
    d.expect([
        ("priority.test", "found", "[2001:db8::1]:26 one.test", "192.0.2.1:26 one.test",
         "[2001:db8::2]:26 two.test", "192.0.2.2:26 two.test"),
        ("six.test", "found", "[2001:db8::6]:26 six.test"),
        ("mixed.test", "found", "[2001:db8::6]:26 six.test", "192.0.2.4:27 four.test"),
        ("gone.test", "found", "192.0.2.4:26 four.test"),
        ("lost.test", "error"),
        ("same.test", "found", "192.0.2.4:26 four.test", "192.0.2.4:27 four.test"),
        # Who connects refuses them.
        ("local.test", "found", "[::1]:26 local.test", "127.0.0.1:26 local.test",
         "169.254.169.254:26 cloud.test"),
        ("partly.test", "found", "192.0.2.4:26 four.test"),
    ])
    families = [place.startswith("[") for place, _ in d.find("many.test")["servers"]]
    equal(families, [True, False, True, False])


def test_weights(case):
    """Three of four are sent to the heavier one; the limits are passed once in millions of runs."""
    d = Discovery(case, {
        **srv("origin.test", "0 10 26 a.test.", "0 30 27 b.test."),
        ("a.test", "A"): ["192.0.2.1"], ("b.test", "A"): ["192.0.2.2"],
    }, threads=100)
    first = [answer["servers"][0][1] for _ in range(5) for answer in d.find_all()]
    check(320 < first.count("b.test") < 430, f"{first.count('b.test')} of {len(first)}")


BAD = {
    "servfail": lambda query: response(query, dns.rcode.SERVFAIL),
    "refused": lambda query: response(query, dns.rcode.REFUSED),
    "notimp": lambda query: response(query, dns.rcode.NOTIMP),
    "formerr": lambda query: response(query, dns.rcode.FORMERR),
    "silent": lambda query: SILENCE,
    "garbage": lambda query: b"\xff" * 40,
    "short": lambda query: query.to_wire()[:8],
    "wrongid": lambda query: b"\0\0" + look_up({}, query).to_wire()[2:],
    "loop": lambda query: response(query, rrsets=[
        rrset(query.question[0].name.to_text(), "CNAME", [query.question[0].name.to_text()])]),
    "chain": lambda query: response(query, rrsets=[
        rrset(query.question[0].name.to_text(), "CNAME",
              ["x" + query.question[0].name.to_text()])]),
}


def test_an_error_is_never_none(case):
    """Nor is the organizational domain asked, which says that there is no service."""
    d = Discovery(case, lambda query, tcp: BAD[labels_of(query)[2]](query)
                  if labels_of(query)[2] in BAD else look_up({}, query))
    d.expect([(f"{name}.origin.test", "error") for name in BAD])
    d.expect([("other.origin.test", "none")])


def test_targets_that_fail(case):
    """A target passed over for an error as for no address; an error if there is no other."""
    records = {**MX}
    for name in BAD:
        records |= srv(f"only-{name}.test", f"0 0 26 a.b.{name}.")
        records |= srv(f"with-{name}.test", f"0 0 26 a.b.{name}.", "1 0 26 mx.origin.test.")

    def answer(query, tcp):
        last = labels_of(query)[-1]
        return BAD[last](query) if last in BAD else look_up(records, query)
    d = Discovery(case, answer)
    d.expect([(f"only-{name}.test", "error") for name in BAD])
    d.expect([(f"with-{name}.test", "found", "192.0.2.1:26 mx.origin.test") for name in BAD])


def test_malformed_records(case):
    bad = [b"", b"\0\0\0", b"\0" * 6, b"\0\0\0\0\0\x1a\x03mx", b"\0\0\0\0\0\0\x02mx\0",
           b"\0\0\0\0\0\x1a\x04m.x!\0"]
    good = dns.rdata.from_text(1, dns.rdatatype.SRV, "0 0 26 mx.origin.test.").to_wire()

    def generic(name, octets):
        found = dns.rrset.RRset(name, 1, dns.rdatatype.SRV)
        for each in octets:
            found.add(dns.rdata.GenericRdata(1, dns.rdatatype.SRV, each), 1)
        return found

    def answer(query, tcp):
        name, label = query.question[0].name, labels_of(query)[2]
        if label.startswith("bad"):
            return response(query, rrsets=[generic(name, [bad[int(label[3:])]])])
        if label.startswith("mixed"):
            return response(query, rrsets=[generic(name, [bad[int(label[5:])], good])])
        return look_up(MX, query)
    d = Discovery(case, answer)
    d.expect([(f"bad{n}.test", "error") for n in range(len(bad))])
    for n in range(len(bad)):
        got = d.find(f"mixed{n}.test")
        # libunbound itself may refuse the whole answer for what is no name.
        check(got["result"] in ("found", "error"), f"mixed{n}: {got}")
        check(got["result"] == "error" or
              got["servers"] == [["192.0.2.1:26", "mx.origin.test"]], got)
    # These are well formed for it, and not for us: the good one counts.
    equal([d.find(f"mixed{n}.test")["result"] for n in (4, 5)], ["found"] * 2)


def test_an_answer_too_long_for_udp(case):
    records = {**srv("origin.test", *(f"{n} 0 26 mx{n}.origin.test." for n in range(100)))}
    for n in range(100):
        records[f"mx{n}.origin.test", "A"] = ["192.0.2.7"]
    over_tcp = []

    def answer(query, tcp):
        over_tcp.append(tcp)
        return look_up(records, query)
    d = Discovery(case, answer)
    equal(d.find()["servers"][0][0], "192.0.2.7:26")
    check(any(over_tcp), "nothing was asked over TCP")
    check(d.dns.queries < 14, f"{d.dns.queries} queries for one domain")


def test_more_records_than_are_looked_at(case):
    def many(count):
        return srv("origin.test", *(f"1 1 {1024 + n} mx.origin.test." for n in range(count)))
    # libunbound 1.26 takes at most 2,048 compressed names in one message: three in each record.
    equal(len(Discovery(case, many(650) | MX, limit=LATE).find()["servers"]), 4)
    # They fit into a message when names are compressed only, and libunbound does not do that.
    equal(Discovery(case, many(3000) | MX).find()["result"], "error")


def test_silence(case):
    speaking = threading.Event()
    records = {**MX, **srv("origin.test", "0 0 26 mx.origin.test.")}
    d = Discovery(case, lambda query, tcp: look_up(records, query) if speaking.is_set() else SILENCE,
                  limit=1, threads=50)
    for answer in d.find_all():
        equal(answer["result"], "error", answer)
        check(answer["took"] >= 950, f"gave up early: {answer}")
    speaking.set()
    wait_for(lambda: all(answer["result"] == "found" for answer in d.find_all()), "answers")
    speaking.clear()
    d.find_all("last.test")
    d.end()


PLACES = 64  # of a process with 256 descriptors
SHARE = PLACES // 8
FEW = ("prlimit", f"--nofile={4 * PLACES}:{4 * PLACES}")


def silent_world(case, limit, **how):
    """A name server that is silent until the event is set, but for kept.test."""
    speaking = threading.Event()

    def answer(query, tcp):
        if not speaking.is_set() and "kept" not in labels_of(query):
            return SILENCE
        made = look_up(Everything(), query)
        for found in made.answer:
            found.ttl = 600
        return made
    return Discovery(case, answer, limit=limit, before=FEW, **how), speaking


class Everything(dict):
    """Records of a DNS in which each domain has the same service."""

    def get(self, key, default=None):
        name, kind = key
        if kind == "SRV":
            return ["0 0 26 mx.kept.test."] if name.startswith("_verimail") else default
        return {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"], "TXT": ['"v=spf1 -all"']}.get(
            kind, default)

    def __contains__(self, key):
        return self.get(key) is not None

    def __getitem__(self, key):
        return self.get(key)


def test_nobody_holds_more_than_a_share_of_the_places(case):
    """libunbound goes on with look-ups when time is over; each holds its place until then."""
    d, _ = silent_world(case, 0.05)
    rows = [(f"n{n}.origin.test", "", "error") for n in range(SHARE)]
    rows += [("more.origin.test", "", "shortage"),  # one registrable domain
             ("n0.origin.test", "", "error")]  # an equal look-up needs no place
    rows += [(f"d{n}.test", f"192.0.2.{n}", "error") for n in range(SHARE)]
    rows += [("e.test", "192.0.2.77", "shortage"),  # one network
             ("e.test", "198.51.100.1", "error"),
             ("f.test", "2001:db8:1::1", "error")]
    for domain, ip, result in rows:
        got = d.find(domain, ip)
        equal(got["result"], result, f"{domain} {ip}: {got}")


def test_all_places_are_taken(case):
    d, speaking = silent_world(case, 0.05)
    equal(d.find("kept.test")["result"], "found")
    for n in range(PLACES):
        equal(d.find(f"d{n}.test", f"192.0.{n}.1")["result"], "error")
    got = d.find("late.test", "198.51.100.1")
    equal((got["result"], got["cause"]), ("shortage", "its SRV record: too many look-ups wait for "
                                          "name servers, or out of memory"))
    # What was looked up before needs no place.
    equal(d.find("kept.test")["result"], "found")
    speaking.set()
    wait_for(lambda: d.find("late.test")["result"] == "found", "the name server's return")
    d.end()


def test_a_look_up_waits_for_a_place(case):
    d, speaking = silent_world(case, 3, threads=SHARE + 4)
    results = [answer["result"] for answer in d.find_all("n#.silent.test")]
    equal(sorted(results), ["error"] * SHARE + ["shortage"] * 4)
    threading.Timer(0.5, speaking.set).start()
    results = [answer["result"] for answer in d.find_all("n#.origin.test")]
    equal(results, ["found"] * (SHARE + 4))


HANGS = {"LD_PRELOAD": os.path.abspath(os.path.join(BUILD, "test/e2e/hangresolver.so"))}


@pytest.mark.parametrize("options", [(), ("-s",)], ids=["plain", "sandbox"])
def test_one_failing_call_inside_libunbound(case, options):
    """Its thread ends. Another one takes its place, without a file or a way to one; who waited is
    told that the fault is ours."""
    if options:
        needs_root()
    records = {**MX, **srv("origin.test", "0 0 26 mx.origin.test."),
               **srv("hang-now.test", "0 0 26 mx.origin.test.")}
    d = Discovery(case, records, *options, limit=2, env=HANGS)
    equal(d.find("origin.test")["result"], "found")
    for _ in range(2):
        got = d.find("hang-now.test")
        equal(got["result"], "shortage", got)
        equal(d.find("sub.origin.test")["result"], "found")
    d.end()


def test_a_name_server_that_returns(case):
    """It is asked again soon, even if it was away for so long that libunbound gave it up: its waits
    double from 0.4 s to 12 s."""
    speaking = threading.Event()
    records = {**MX, **srv("origin.test", "0 0 26 mx.origin.test.")}
    d = Discovery(case, lambda query, tcp: look_up(records, query) if speaking.is_set() else SILENCE,
                  limit=1)
    end = time.monotonic() + AWAY
    while time.monotonic() < end:
        equal(d.find(f"n{d.dns.queries}.origin.test")["result"], "error")
    speaking.set()
    wait_for(lambda: d.find(f"n{d.dns.queries}.origin.test")["result"] == "found",
             "the name server's return")


def test_one_family_is_silent(case):
    records = {**MX, **srv("origin.test", "0 0 26 mx.origin.test.")}
    d = Discovery(case, lambda query, tcp: SILENCE if query.question[0].rdtype == dns.rdatatype.AAAA
                  else look_up(records, query))
    got = d.find()
    equal(got["servers"], [["192.0.2.1:26", "mx.origin.test"]], got)
    check(got["took"] < LIMIT * 750, f"no time is left for the question: {got}")


def test_fifty_at_once(case):
    records = {**MX, **srv("origin.test", "0 0 26 mx.origin.test.")}

    def answer(query, tcp):
        time.sleep(0.05)
        return look_up(records, query)
    d = Discovery(case, answer, threads=50)
    for n in range(20):
        for got in d.find_all(f"n{n}.origin.test"):
            equal(got["servers"], [["192.0.2.1:26", "mx.origin.test"]], got)
    d.end()


# DNSSEC


def signed_zone():
    mx = "0 0 26 mx.signed.test."
    names = ("good", "expired", "forged", "bare", "mix", "outside", "badmx")
    records = {}
    for name in names:
        records |= srv(f"{name}.signed.test", mx)
    records |= srv("signed.test", mx) | srv("absent.signed.test", "0 0 0 .")
    records |= srv("outside.signed.test", "0 0 26 mx.outside.test.")
    records |= srv("badmx.signed.test", "0 0 26 expired-mx.signed.test.")
    records |= srv("mix.signed.test", "0 0 26 expired-mx.signed.test.", mx)
    records |= {("mx.signed.test", "A"): ["192.0.2.1"],
                ("mx.signed.test", "AAAA"): ["2001:db8::1"],
                ("expired-mx.signed.test", "A"): ["192.0.2.2"]}
    zone = SignedZone("signed.test", records)
    zone.expire("_verimail._tcp.expired.signed.test", "SRV")
    zone.forge("_verimail._tcp.forged.signed.test", "SRV", "0 0 26 evil.signed.test.")
    zone.strip("_verimail._tcp.bare.signed.test", "SRV")
    zone.expire("expired-mx.signed.test", "A")
    return zone


def judge_signatures(d):
    rows = [
        # domain, result, secure
        ("good.signed.test", "found", True),
        ("sub.signed.test", "found", True),  # proven: it has none, and the zone's name has one
        ("absent.signed.test", "none", True),
        ("mix.signed.test", "found", True),
        ("expired.signed.test", "error", False),
        ("forged.signed.test", "error", False),
        ("bare.signed.test", "error", False),
        ("badmx.signed.test", "error", False),
        ("outside.signed.test", "found", False),
        ("unsigned.test", "found", False),
        ("nothing.test", "none", False),
    ]
    for domain, result, secure in rows:
        got = d.find(domain)
        equal((got["result"], got["secure"]), (result, secure), f"{domain}: {got}")
    both = ["[2001:db8::1]:26", "192.0.2.1:26"]
    equal([place for place, _ in d.find("mix.signed.test")["servers"]], both)
    check("DNSSEC" in d.find("forged.signed.test")["cause"], "the cause names DNSSEC")
    d.end()


def signed_world():
    zone = signed_zone()
    outside = {("mx.outside.test", "A"): ["192.0.2.9"],
               **srv("unsigned.test", "0 0 26 mx.outside.test.")}

    def answer(query, tcp):
        below = query.question[0].name.is_subdomain(dns.name.from_text("signed.test"))
        return zone.answer(query) if below else look_up(outside, query)
    return zone, answer


def test_signatures(case):
    zone, answer = signed_world()
    judge_signatures(Discovery(case, answer, anchors=[zone.anchor()]))


def test_signatures_without_an_anchor(case):
    _, answer = signed_world()
    d = Discovery(case, answer)
    for name in ("good", "expired", "forged", "bare"):
        equal(d.find(f"{name}.signed.test")["secure"], False, name)


def test_nothing_is_none_without_its_proof(case):
    """Who answers for a signed domain that it does not exist has to show it."""
    zone = signed_zone()
    lies = {
        "nxdomain": lambda query: response(query, dns.rcode.NXDOMAIN),
        "nodata": response,
        "unsigned": lambda query: response(query, rrsets=[
            rrset(query.question[0].name.to_text(), "SRV", ["0 0 0 ."])]),
    }
    for name, lie in lies.items():
        d = Discovery(case, lambda query, tcp, lie=lie: lie(query)
                      if query.question[0].rdtype == dns.rdatatype.SRV else zone.answer(query),
                      anchors=[zone.anchor()])
        got = d.find("good.signed.test")
        equal(got["result"], "error", f"{name}: {got}")


def test_in_the_sandbox(case):
    """Everything that is needed was read before: no file is there any more, nor a way to one."""
    needs_root()
    zone, answer = signed_world()
    judge_signatures(Discovery(case, answer, "-s", anchors=[zone.anchor()], threads=20))


@pytest.mark.parametrize("options, cause", [
    (("-r", "host.test"), "resolver: expected ADDRESS or ADDRESS@PORT"),
    (("-a", "test. IN DS 1 13 2 " + "00" * 32, "-a", "test. IN DS many"),
     "trust anchor 2 is no DS or DNSKEY record")
])
def test_wrong_options(case, options, cause):
    done = subprocess.run(command(*options), stdin=subprocess.DEVNULL, capture_output=True,
                          check=False)
    equal(json.loads(done.stdout), {"result": "refused", "cause": cause}, options)
    equal(done.stderr, b"", "on standard error")
