# SPDX-License-Identifier: ISC
"""What `outage=defer` in a domain's policy record does: without a valid answer its mail waits, whatever
the cause, and mail of a domain without it is treated as the configuration says."""
import contextlib
import json
import os
import socket
import subprocess
import threading
import time

import dns.rcode
import dns.rdatatype
import pytest

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD
from harness.dnsserver import SILENCE, TTL, DnsServer, look_up, response
from harness.dnszone import SignedZone
from harness.files import write_file
from harness.keys import Key
from harness.milterprocess import MilterSite, session
from harness.namespaces import needs_root

STRANGER = "192.0.2.1"
DEFER = '"v=verimail1 outage=defer"'


class Service:
    """Answers each question in one way; None: never."""

    def __init__(self, address, answer):
        self.asked = 0
        self._listener = socket.create_server((address, 26))
        self._listener.settimeout(0.1)
        self._answer = answer
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            client.settimeout(WAIT_LIMIT)
            client.recv(6000)
            self.asked += 1
            if self._answer is None:
                self._end.wait(WAIT_LIMIT)
            else:
                client.sendall(self._answer)

    def stop(self):
        self._end.set()
        self._thread.join()
        self._listener.close()


class Dropped:
    """Packets to it come to nothing, as behind a filter that drops them: its backlog is full."""

    def __init__(self, address):
        self._sockets = [socket.create_server((address, 26), backlog=0)]
        with contextlib.suppress(TimeoutError):
            while True:
                client = socket.socket()
                self._sockets.append(client)
                client.settimeout(0.2)
                client.connect((address, 26))

    def stop(self):
        for each in self._sockets:
            each.close()


class World(MilterSite):
    """A milter for which `records` are the DNS; look-ups of `failing` names fail."""

    def __init__(self, case, records):
        needs_root()
        super().__init__(case)
        self.failing = set()
        self.dns.records = self._answer
        self.records = records

    def _answer(self, query, _):
        question = query.question[0]
        key = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        if key in self.failing:
            return response(query, dns.rcode.SERVFAIL)
        return look_up(self.records, query)

    def service(self, domain, address, *txt):
        self.records[f"_verimail._tcp.{domain}", "SRV"] = [f"0 0 26 mx.{domain}."]
        self.records[f"mx.{domain}", "A"] = [address]
        if txt:
            self.records[f"_verimail._tcp.{domain}", "TXT"] = list(txt)

    def run(self, more=""):
        return self.start(self.config(
            stamp="", verify=self.verify(f'allow_networks = {{"127.0.0.0/8"}} {more}')))


def waits(world, d, domain, by):
    """Mail of the domain is refused for now."""
    with session(world, address=STRANGER) as client:
        edits = client.message([("From", f" a@{domain}")])
    equal(edits.reply[:9], "451 4.7.1", f"{domain}: {edits.reply}")
    check("wants its mail to wait" in edits.reply, edits.reply)
    check(d.lines(f"event=verified .*author=a@{domain} .*verdict=temperror action=tempfail by={by}"
                  " .*outage=defer"), d.text())


def passes(world, d, domain, by, verdict="temperror"):
    """Mail of the domain is accepted."""
    with session(world, address=STRANGER) as client:
        edits = client.message([("From", f" a@{domain}")])
    equal(edits.answer, "c", f"{domain}: {edits.reply}")
    lines = d.lines(f"event=verified .*author=a@{domain} .*verdict={verdict} .*by={by} ")
    check(lines and not any("outage=" in line for line in lines), d.text())


ANSWERS = {
    "garbled": b"\xff\xfeYES stamped\r\n",
    "cut": b"YES stamp",
    "closed": b"",
    "late": None,
    "unstamped-yes": b"YES stamped\r\n",
    "sealed-without-a-key": b"* AAAAAAAA\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_service_without_a_valid_answer(case, name):
    w = World(case, {})
    for n, (domain, txt) in enumerate((("defer.test", [DEFER]), ("other.test", []))):
        w.service(domain, f"127.0.3.{n + 1}", *txt)
        case.servers.append(Service(f"127.0.3.{n + 1}", ANSWERS[name]))
    d = w.run()
    waits(w, d, "defer.test", "no-answer")
    passes(w, d, "other.test", "no-answer")


def test_plain_instead_of_sealed(case):
    """A service that lost its answer key, or somebody on the path who answers in its place."""
    w = World(case, {})
    key = Key("answer").public_text()
    for n, (domain, outage) in enumerate((("defer.test", " outage=defer"), ("other.test", ""))):
        w.service(domain, f"127.0.3.{n + 1}", f'"v=verimail1 key={key}{outage}"')
        case.servers.append(Service(f"127.0.3.{n + 1}", b"YES stamped\r\n"))
    d = w.run()
    waits(w, d, "defer.test", "no-answer")
    passes(w, d, "other.test", "no-answer")
    check(all(service.asked == 1 for service in case.servers[-2:]), "they were asked")


def test_nobody_listens_and_then_the_service_is_left_alone(case):
    w = World(case, {})
    w.service("defer.test", "127.0.3.1", DEFER)
    w.service("other.test", "127.0.3.2")
    d = w.run()
    for by in ("no-answer", "no-answer", "no-answer", "resting"):
        waits(w, d, "defer.test", by)
        passes(w, d, "other.test", by)


def test_packets_are_dropped(case):
    w = World(case, {})
    for n, (domain, txt) in enumerate((("defer.test", [DEFER]), ("other.test", []))):
        w.service(domain, f"127.0.3.{n + 1}", *txt)
        case.servers.append(Dropped(f"127.0.3.{n + 1}"))
    d = w.run()
    waits(w, d, "defer.test", "no-answer")
    passes(w, d, "other.test", "no-answer")


def test_addresses_that_may_not_be_asked(case):
    w = World(case, {})
    w.service("defer.test", "10.1.2.3", DEFER)
    w.service("other.test", "10.1.2.3")
    d = w.run()
    waits(w, d, "defer.test", "forbidden")
    passes(w, d, "other.test", "forbidden")


def test_addresses_that_are_not_found(case):
    w = World(case, {})
    w.service("defer.test", "127.0.3.1", DEFER)
    w.service("other.test", "127.0.3.1")
    w.failing = {(f"mx.{domain}.test", kind) for domain in ("defer", "other") for kind in ("A", "AAAA")}
    d = w.run()
    waits(w, d, "defer.test", "dns")
    passes(w, d, "other.test", "dns")


def test_a_policy_record_whose_look_up_fails(case):
    w = World(case, {})
    case.servers.append(Service("127.0.3.1", b"ALLOW unstamped\r\n"))
    w.service("never.test", "127.0.3.1", DEFER)
    w.failing = {("_verimail._tcp.never.test", "TXT")}
    d = w.run()
    passes(w, d, "never.test", "dns")
    check(d.lines("its policy record: the name servers failed"), d.text())
    equal(case.servers[-1].asked, 0, "questions")


def test_a_service_that_answers(case):
    w = World(case, {})
    case.servers.append(Service("127.0.3.1", b"ALLOW unstamped\r\n"))
    case.servers.append(Service("127.0.3.2", b"NO unstamped\r\n"))
    w.service("allow.test", "127.0.3.1", DEFER)
    w.service("no.test", "127.0.3.2", DEFER)
    d = w.run("on_temperror = tempfail")
    passes(w, d, "allow.test", "answer", "ALLOW")
    with session(w, address=STRANGER) as client:
        equal(client.message([("From", " a@no.test")]).reply[:9], "550 5.7.1")


def test_domains_below(case):
    w = World(case, {})
    w.service("defer.test", "127.0.3.1", DEFER)
    d = w.run()
    waits(w, d, "sub.defer.test", "no-answer")


def test_a_hoster_hands_over_all_of_it(case):
    w = World(case, {})
    w.service("hoster.test", "127.0.3.1", DEFER)
    w.records["_verimail._tcp.customer.test", "CNAME"] = ["_verimail._tcp.hoster.test."]
    d = w.run()
    waits(w, d, "customer.test", "no-answer")


def test_monitoring_only_says_so(case):
    w = World(case, {})
    w.service("defer.test", "127.0.3.1", DEFER)
    d = w.run("mode = monitor")
    with session(w, address=STRANGER) as client:
        equal(client.message([("From", " a@defer.test")]).answer, "c")
    check(d.lines("verdict=temperror would=tempfail .*outage=defer"), d.text())


# What the command line says of the record

SETS = [
    ("no record", [], "none", False),
    ("one", [DEFER], "v=verimail1 outage=defer", True),
    ("in strings", ['"v=veri" "mail1 out" "age=defer"'], "v=verimail1 outage=defer", True),
    ("beside a wildcard's", ['"v=spf1 -all"', DEFER], "v=verimail1 outage=defer", True),
    ("words that are not known", ['"v=verimail1 colour=red outage=defer"'],
     "v=verimail1 outage=defer", True),
    ("two", [DEFER, '"v=verimail1 outage=defer x=y"'],
     "it is there more than once, so it counts as none", False),
    ("unreadable", ['"v=verimail1 outage=defer key=x"'],
     "it has a key that cannot be read, so it counts as none", False),
    ("too long", [" ".join(['"v=verimail1 "'] + ['"' + "x" * 255 + '"'] * 5)],
     "it is too long, so it counts as none", False),
]


def run_check(config, *options):
    return subprocess.run(
        [os.path.join(BUILD, "src/command/verimail"), "-c", config, "check", *options],
        input=b"From: a@origin.test\n\n", capture_output=True, check=False).stdout.decode()


@pytest.fixture(name="config")
def fixture_config(case):
    """Where the command reads which name server to ask, and whom to trust."""
    def write(records, anchor=None):
        needs_root()
        server = DnsServer(records)
        case.servers.append(server)
        path = os.path.join(case.folder, "check.conf")
        anchors = f'"{anchor}"' if anchor else ""
        write_file(path, f'verify {{ authserv_id = "mx.receiver.test" trust_anchors = {{{anchors}}} '
                         f'resolver = "127.0.0.1@{server.port}" allow_networks = {{"127.0.0.0/8"}} }}')
        return path
    return write


def records_of(txt):
    records = {("_verimail._tcp.origin.test", "SRV"): ["0 0 26 mx.origin.test."],
               ("mx.origin.test", "A"): ["127.0.3.1"]}
    if txt:
        records["_verimail._tcp.origin.test", "TXT"] = txt
    return records


@pytest.mark.parametrize("txt, said, defer", [row[1:] for row in SETS], ids=[row[0] for row in SETS])
def test_check_says_what_the_record_is(config, txt, said, defer):
    path = config(records_of(txt))
    lines = run_check(path, "--explain").splitlines()
    check(f"policy record: {said}" in lines, lines)
    got = json.loads(run_check(path, "--json"))
    equal((got["verdict"], got["defer"], got["action"]),
          ("temperror", defer, "tempfail" if defer else "accept"), got)


def test_forged_policy_records(config):
    name = "_verimail._tcp.origin.test"

    def checked(txt, fault):
        zone = SignedZone("origin.test", records_of(txt))
        fault(zone)
        return json.loads(run_check(config(zone.answer, zone.anchor()), "--json"))

    got = checked([DEFER], lambda zone: None)
    equal((got["by"], got["dns"], got["defer"]), ("no-answer", "secure", True), got)
    for fault in (lambda zone: zone.forge(name, "TXT", '"v=verimail1"'),
                  lambda zone: zone.expire(name, "TXT"), lambda zone: zone.strip(name, "TXT"),
                  lambda zone: zone.hide(name, "TXT")):
        got = checked([DEFER], fault)
        equal((got["by"], got["cause"], got["defer"]),
              ("dns", "the DNS: its policy record: its DNSSEC signature is not valid", False), got)


# What is known when the DNS fails

def forget():
    """Answers of the DNS hold for their TTL, which libunbound counts in whole seconds."""
    time.sleep(TTL + 1.1)


def blocked(world, *domains):
    """Look-ups of the domains fail, of all that they need."""
    for domain in domains:
        world.failing |= {(f"_verimail._tcp.{domain}", kind) for kind in ("SRV", "TXT")}
        world.failing |= {(f"mx.{domain}", kind) for kind in ("A", "AAAA")}
    forget()


def known_world(case):
    """A service with outage=defer that gave an answer, and one without; the milter that knows them."""
    w = World(case, {})
    for n, (domain, txt) in enumerate((("defer.test", [DEFER]), ("other.test", []))):
        w.service(domain, f"127.0.3.{n + 1}", *txt)
        case.servers.append(Service(f"127.0.3.{n + 1}", b"ALLOW unstamped\r\n"))
    d = w.run()
    for domain in ("defer.test", "other.test"):
        passes(w, d, domain, "answer", "ALLOW")
    return w, d


def silence(case, domains=2):
    for service in case.servers[-domains:]:
        service.stop()
    del case.servers[-domains:]


def known(d, domain):
    return d.lines(f"author=a@{domain} .* discovery=kept ")


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_the_dns_is_blocked_after_it_was_known(case, restart):
    w, d = known_world(case)
    blocked(w, "defer.test", "other.test", "unknown.test", "sub.defer.test", "sub.other.test")
    if restart:
        equal(d.stop(), 0, "the exit status")
        check(os.path.exists(os.path.join(w.state, "services")), os.listdir(w.state))
        d = w.run()
    # They are asked where they were.
    for domain in ("defer.test", "other.test"):
        passes(w, d, domain, "answer", "ALLOW")
        check(known(d, domain), d.text())
    silence(case)
    waits(w, d, "defer.test", "no-answer")
    passes(w, d, "other.test", "no-answer")
    # Below a domain only the wish to wait is known.
    waits(w, d, "sub.defer.test", "dns")
    passes(w, d, "sub.other.test", "dns")
    passes(w, d, "unknown.test", "dns")


def test_a_silent_dns_leaves_time_to_ask(case):
    w, d = known_world(case)
    forget()
    w.dns.records = lambda query, tcp: SILENCE
    passes(w, d, "defer.test", "answer", "ALLOW")
    check(known(d, "defer.test"), d.text())
    silence(case)
    waits(w, d, "defer.test", "no-answer")


def test_who_gave_verimail_up_is_not_held_to_it(case):
    w, d = known_world(case)
    gone = {key: w.records.pop(key) for key in list(w.records) if "defer.test" in key[0]}
    forget()
    passes(w, d, "defer.test", "no-service", "none")
    blocked(w, "defer.test")
    passes(w, d, "defer.test", "dns")
    w.failing.clear()
    w.records |= gone
    forget()
    passes(w, d, "defer.test", "answer", "ALLOW")


def test_a_service_that_never_answered_is_not_kept(case):
    w = World(case, {})
    w.service("defer.test", "127.0.3.1", DEFER)
    d = w.run()
    waits(w, d, "defer.test", "no-answer")
    blocked(w, "defer.test")
    passes(w, d, "defer.test", "dns")


def test_a_damaged_file_is_set_aside(case):
    w, d = known_world(case)
    equal(d.stop(), 0, "the exit status")
    path = os.path.join(w.state, "services")
    with open(path, "r+b") as file:
        file.write(b"damaged")
    blocked(w, "defer.test")
    d = w.run()
    check(d.lines(f"event=kept-services-damaged set_aside={path}.damaged"), d.text())
    passes(w, d, "defer.test", "dns")
    with open(path + ".damaged", "rb") as file:
        equal(file.read(7), b"damaged")
