# SPDX-License-Identifier: ISC
"""A flood asks no more than its budget allows, lets nothing forged pass, and does not hold up genuine
mail."""
import collections
import socket
import struct
import threading
import time

from harness.addresses import DNS
from harness.checks import check, equal, wait_for
from harness.dnsserver import SILENCE, look_up
from harness.keys import seal
from harness.mailsite import Site
from harness.milterclient import MilterClient

FLOOD = 10000
SESSIONS = 16
BUDGET = 200


def flood(site, message):
    """So many messages in several sessions; what came of each: {answer: count}."""
    counts, lock = {}, threading.Lock()

    def run(first):
        with MilterClient(site.socket("receiver")) as client:
            client.connect()
            for n in range(first, FLOOD, SESSIONS):
                edits = client.message(message(n))
                with lock:
                    key = edits.reply[:3] if edits.reply else edits.answer
                    counts[key] = counts.get(key, 0) + 1
    threads = [threading.Thread(target=run, args=(first,)) for first in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def fields(author, *more):
    return [("From", f" {author}"), ("Subject", " x"), *more]


def forged_stamp(site, n):
    return seal(site.host, site.key, f"evil {n}")[:200]


def budgeted(case):
    site = Site(case, users='user "alice" { } user "*" { hosts = {} }')
    site.milter("receiver", f"budget_per_domain = {BUDGET}")
    return site


def test_forged_stamps_have_a_budget(case):
    site = budgeted(case)
    began = time.monotonic()
    with site.service_counter() as counter:
        counts = flood(site, lambda n: fields(
            "alice@origin.test", ("Verimail", f" alice@origin.test {forged_stamp(site, n)}")))
        equal(sum(counts.values()), FLOOD, counts)
        within_budget(counter, began)
        check(counts["451"] >= FLOOD - counter.asked, counts)
        print(f"# {FLOOD} messages with forged stamps: {counter.asked} questions, {counts}")
        # Mail without a stamp has a budget of its own.
        with MilterClient(site.socket("receiver")) as client:
            client.connect()
            edits = client.message(fields("alice@origin.test"))
            equal(edits.reply[:3], "550", edits.reply)


def within_budget(counter, began):
    """What the time of the flood itself gives back is more."""
    minutes = (time.monotonic() - began) / 60
    check(counter.asked <= BUDGET * (1.2 + minutes),
          f"{counter.asked} questions for {FLOOD} forgeries in {minutes:.1f} minutes")


def test_unstamped_forgeries_are_answered_from_memory(case):
    site = budgeted(case)
    began = time.monotonic()
    with site.service_counter() as counter:
        counts = flood(site, lambda n: fields(f"user{n}@origin.test"))
        within_budget(counter, began)
        equal(sum(counts.values()), FLOOD, counts)
        print(f"# {FLOOD} messages without a stamp: {counter.asked} questions, {counts}")
        # Genuine mail of the same domain goes on.
        site.milter("origin")
        with MilterClient(site.socket("origin")) as client:
            client.connect("127.0.0.1")
            stamped = client.message(fields("alice@origin.test"), login="alice")
            stamp = stamped.stamps()[0]
            added = [(name, value) for name, value in stamped.added]
        with MilterClient(site.socket("receiver")) as client:
            client.connect()
            edits = client.message(fields("alice@origin.test", ("Verimail", stamp), *added))
            equal(edits.results(), ["mx.receiver.test; verimail=pass\n header.from=alice@origin.test"])


def test_many_domains_at_one_address(case):
    site = Site(case)
    for n in range(500):
        site.records[f"_verimail._tcp.d{n}.test", "SRV"] = ["0 0 26 verimail.origin.test."]
    site.milter("receiver", f"budget_per_domain = {BUDGET // 10}")
    began = time.monotonic()
    with site.service_counter() as counter:
        counts = flood(site, lambda n: fields(f"user{n}@d{n % 500}.test"))
        within_budget(counter, began)
        print(f"# {FLOOD} messages of 500 domains at one address: {counter.asked} questions, {counts}")
        equal(sum(counts.values()), FLOOD, counts)


def in_threads(count, run):
    """`run` with each number below `count`, all at once; what they return."""
    results = [None] * count

    def keep(n):
        results[n] = run(n)
    threads = [threading.Thread(target=keep, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def client_address(n):
    """An address in the n-th network."""
    return f"198.{18 + n // 250}.{n % 250}.1"


def outcome(edits):
    """What became of a message: an SMTP code, or its result."""
    if edits.reply:
        return edits.reply[:3]
    results = edits.results()
    return results[0].split("verimail=")[1].split()[0] if results else "none"


def tally(outcomes):
    return {name: outcomes.count(name) for name in sorted(set(outcomes))}


SILENT_SESSIONS, FORGERIES = 70, 48


def test_slow_names_do_not_let_forgeries_pass(case):
    """70 sessions of mail from domains with four SRV targets each under a zone that is silent."""
    site = Site(case)
    targets = [f"{n} 0 26 mx{n}." for n in range(4)]

    def answer(query, tcp):
        labels = query.question[0].name.to_text().split(".")
        if "silent" in labels:
            return SILENCE
        if labels[-3].startswith("slow"):
            domain = labels[-3]
            return look_up({(f"_verimail._tcp.{domain}.test", "SRV"):
                            [target + f"{domain}.silent.test." for target in targets]}, query)
        return look_up(site.records, query)
    site.dns.records = answer
    receiver = site.milter("receiver")
    end = threading.Event()

    def flood(n):
        with MilterClient(site.socket("receiver")) as client:
            client.connect(client_address(n))
            count = 0
            while not end.is_set():
                client.message(fields(f"a@slow{n}x{count}.test"))
                count += 1
            return count

    def forge(n):
        time.sleep(n * 0.2)
        with MilterClient(site.socket("receiver")) as client:
            client.connect(client_address(500 + n))
            return outcome(client.message(fields("alice@origin.test")))

    def run(n):
        if n < SILENT_SESSIONS:
            return flood(n)
        # The flood has filled what it can.
        wait_for(lambda: receiver.count("verdict=temperror") >= SILENT_SESSIONS, "the flood")
        if n > SILENT_SESSIONS:
            return None
        try:
            return in_threads(FORGERIES, forge)
        finally:
            end.set()
    outcomes = in_threads(SILENT_SESSIONS + 1, run)
    forged = tally(outcomes[SILENT_SESSIONS])
    print(f"# {sum(outcomes[:SILENT_SESSIONS])} messages of slow domains in {SILENT_SESSIONS} sessions;"
          f" {FORGERIES} forgeries beside them: {forged}")
    print(f"# forged passing as temperror: {forged.get('temperror', 0)}")
    equal(forged, {"550": FORGERIES})


class LateDns(threading.Thread):
    """Says that no name exists, each time a second later: in one thread, whatever the load."""

    SOA = (b"\4test\0" + struct.pack("!HHIH", 6, 1, 60, 37) + b"\2ns\4test\0" + b"\1h\4test\0" +
           struct.pack("!IIIII", 1, 3600, 600, 86400, 60))

    def __init__(self, case):
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE)
        self._socket.bind((DNS, 53))
        self._waiting = collections.deque()
        self._end = False
        self.start()
        case.servers.append(self)

    def stop(self):
        self._end = True
        self.join()
        self._socket.close()

    def run(self):
        while not self._end:
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                _, query, peer = self._waiting.popleft()
                self._socket.sendto(self._answer(query), peer)
            pause = self._waiting[0][0] - now if self._waiting else 0.1
            self._socket.settimeout(max(pause, 0.001))
            try:
                query, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            self._waiting.append((time.monotonic() + 1, query, peer))

    def _answer(self, query):
        end = query.index(b"\0", 12) + 5  # of the question
        return query[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 1, 0) + query[12:end] + self.SOA


HONEST_SESSIONS = 1500
SO_RCVBUFFORCE, QUEUE = 33, 16 << 20  # socket(7); octets of questions that wait


def test_slow_names_do_not_hold_up_honest_mail(case):
    """1,500 sessions at once, each with mail of another domain whose DNS takes a second."""
    site = Site(case)
    site.dns.stop()
    LateDns(case)
    receiver = site.milter("receiver")

    def send(n):
        with MilterClient(site.socket("receiver"), timeout=60) as client:
            client.connect(client_address(n))
            return outcome(client.message(fields(f"a@honest{n}.test")))
    outcomes = tally(in_threads(HONEST_SESSIONS, send))
    shortage = receiver.count("by=shortage")
    print(f"# {HONEST_SESSIONS} sessions with slow DNS: {outcomes}, for want of room: {shortage}")
    equal(shortage, 0, "messages that met a shortage")
    equal(outcomes, {"none": HONEST_SESSIONS})


GENUINE, RATE, SMALL_BUDGET = 20, 40, 240


def test_strangers_do_not_hold_up_genuine_stamped_mail(case):
    """40 made-up stamps a second in a domain's name, from 16 networks, until the domain's budget is
    spent; and mail of another domain whose SRV records name closed ports of the same service."""
    site = Site(case, users='user "alice" { } user "*" { hosts = {} }')
    site.records["_verimail._tcp.evil.test", "SRV"] = [
        f"0 0 {port} verimail.origin.test." for port in range(5001, 5005)]
    receiver = site.milter("receiver", f"budget_per_domain = {SMALL_BUDGET}")
    site.milter("origin")
    end = threading.Event()

    def forge(n):
        sent = 0
        with MilterClient(site.socket("receiver")) as client:
            client.connect(client_address(n))
            while not end.wait(16 / RATE):
                client.message(fields("alice@origin.test", (
                    "Verimail", f" alice@origin.test {forged_stamp(site, f'{n} {sent}')}")))
                client.message(fields(f"a{sent}@evil.test"))
                sent += 1
        return sent

    def genuine():
        with MilterClient(site.socket("origin")) as client:
            client.connect("127.0.0.1")
            stamped = client.message(fields("alice@origin.test"), login="alice")
            added = [(name, value) for name, value in stamped.added]
        with MilterClient(site.socket("receiver")) as client:
            client.connect("203.0.113.7")
            return outcome(client.message(fields(
                "alice@origin.test", ("Verimail", stamped.stamps()[0]), *added)))

    def run(n):
        if n < 16:
            return forge(n)
        try:
            # Others' budget is spent.
            wait_for(lambda: receiver.count("by=budget") >= 100, "the flood")
            return [genuine() for _ in range(GENUINE)]
        finally:
            end.set()
    equal(genuine(), "pass", "before the flood")
    outcomes = in_threads(17, run)
    print(f"# {sum(outcomes[:16])} made-up stamps, {receiver.count('by=budget')} questions over the "
          f"budget; {GENUINE} genuine messages beside them: {tally(outcomes[16])}")
    print(f"# genuine stamped mail waiting: {GENUINE - outcomes[16].count('pass')}")
    equal(tally(outcomes[16]), {"pass": GENUINE})


BURST, TIMEOUT = 400, 5


def test_a_burst_at_the_start_waits_no_longer_than_the_limit(case):
    """Each mail server waits from the end of its message on, whatever the milter's other threads
    wait for."""
    site = Site(case)
    site.dns.records = lambda query, tcp: SILENCE
    site.milter("receiver")
    together = threading.Barrier(BURST)

    def send(n):
        with MilterClient(site.socket("receiver"), timeout=60) as client:
            client.connect(client_address(n))
            client.mail()
            client.rcpt()
            together.wait()
            client.field("From", f" a@silent{n}.test")
            client.header_end()
            began = time.monotonic()
            equal(outcome(client.end()), "temperror", f"message {n}")
            return time.monotonic() - began
    slowest = max(in_threads(BURST, send))
    print(f"# {BURST} messages at once with silent DNS: the slowest took {slowest:.2f} s")
    # A second turn of a thread would take twice the limit.
    check(slowest < 1.5 * TIMEOUT, f"{slowest:.2f} s")
