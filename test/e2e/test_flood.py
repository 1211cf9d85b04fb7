# SPDX-License-Identifier: ISC
"""A flood of forgeries asks no more than its budget allows, and does not stop genuine mail."""
import threading

from harness.checks import check, equal
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
    with site.service_counter() as counter:
        counts = flood(site, lambda n: fields(
            "alice@origin.test", ("Verimail", f" alice@origin.test {forged_stamp(site, n)}")))
        equal(sum(counts.values()), FLOOD, counts)
        # What the time of the flood itself gives back is a few more.
        check(counter.asked <= BUDGET * 1.5, f"{counter.asked} questions for {FLOOD} forgeries")
        check(counts["451"] >= FLOOD - BUDGET * 1.5, counts)
        print(f"# {FLOOD} messages with forged stamps: {counter.asked} questions, {counts}")
        # Mail without a stamp has a budget of its own.
        with MilterClient(site.socket("receiver")) as client:
            client.connect()
            edits = client.message(fields("alice@origin.test"))
            equal(edits.reply[:3], "550", edits.reply)


def test_unstamped_forgeries_are_answered_from_memory(case):
    site = budgeted(case)
    with site.service_counter() as counter:
        counts = flood(site, lambda n: fields(f"user{n}@origin.test"))
        check(counter.asked <= BUDGET * 1.5, f"{counter.asked} questions for {FLOOD} forgeries")
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
    with site.service_counter() as counter:
        counts = flood(site, lambda n: fields(f"user{n}@d{n % 500}.test"))
        check(counter.asked <= BUDGET * 1.5, f"{counter.asked} questions for {FLOOD} forgeries")
        print(f"# {FLOOD} messages of 500 domains at one address: {counter.asked} questions, {counts}")
        equal(sum(counts.values()), FLOOD, counts)
