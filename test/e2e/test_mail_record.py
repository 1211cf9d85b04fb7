# SPDX-License-Identifier: ISC
"""What the milter's record says of each kind of message, and what strangers cannot do to it."""
import os

from harness.checks import check, equal, wait_for
from harness.milterclient import MilterClient
from harness.milterprocess import (MilterSite, from_elsewhere, mail_record, serves, session, stamps,
                                   stops)

COLUMNS = "direction, action, would_be, verdict, reason, author, ip, receiving, source, service"


def rows(site, query):
    return mail_record(site.state, query)


def number(site, query):
    found = rows(site, query)
    return (found[0][0] or 0) if found else 0


def silent_peer():
    """A peer where nothing listens."""
    return 'peer "silent.test" { address = "127.0.0.1:9" }\n'


def test_each_kind_of_message(case):
    site = MilterSite(case)
    d = site.start(site.config() + silent_peer())
    with session(site) as client:
        equal(stamps(client), 1)
    with MilterClient(site.socket) as client:
        client.connect("198.51.100.77")
        from_elsewhere(client, "carol@silent.test")
        for _ in range(3):
            from_elsewhere(client, "dave@nowhere.test")
    wait_for(lambda: number(site, "SELECT sum(count) FROM mail_hour") == 5, "five messages")
    equal(rows(site, f"SELECT {COLUMNS} FROM mail ORDER BY direction"), [
        ("in", "deferred", "", "temperror", "no-answer", "carol@silent.test", "198.51.100.0",
         "receiver.test", "", "127.0.0.1:9"),
        ("out", "stamped", "", "", "", "alice@origin.test", "127.0.0.0", "receiver.test", "", "")])
    equal(rows(site, "SELECT length(stamp) FROM mail WHERE direction = 'out'"), [(32,)])
    # Mail of domains that do not use Verimail is counted, and leaves no name.
    equal(rows(site, "SELECT verdict, domain, count FROM mail_hour WHERE verdict = 'none'"),
          [("none", "", 3)])
    stops(d)


def test_monitor_says_what_it_would_have_done(case):
    site = MilterSite(case)
    d = site.start(site.config(verify=site.verify("mode = monitor")) + silent_peer())
    with MilterClient(site.socket) as client:
        client.connect("198.51.100.77")
        from_elsewhere(client, "carol@silent.test")
    wait_for(lambda: number(site, "SELECT count(*) FROM mail") == 1, "the message on record")
    equal(rows(site, "SELECT action, would_be, verdict FROM mail"),
          [("passed", "deferred", "temperror")])
    stops(d)


def test_hostile_names_are_cut_and_escaped(case):
    site = MilterSite(case)
    d = site.start(site.config() + silent_peer())
    hostile = ["<\x1b[2J\x07@x>", "<" + "y" * 60000 + "@x>", "<a'); DROP TABLE mail;--@x>",
               "<\t|\"\\\x7f@x>"]
    with MilterClient(site.socket) as client:
        client.connect("198.51.100.77")
        for message_id in hostile:
            from_elsewhere(client, "carol@silent.test", [("Message-ID", f" {message_id}")])
    wait_for(lambda: number(site, "SELECT count(*) FROM mail") == len(hostile), "all on record")
    found = [row[0] for row in rows(site, "SELECT message FROM mail ORDER BY id")]
    equal(found[0], "%1B[2J%07@x")
    equal(found[1], "y" * 320)
    equal(found[2], "a'); DROP TABLE mail;--@x")
    check(all(" " <= c <= "~" for text in found for c in text), found)
    stops(d)


def test_a_flood_is_counted_beyond_its_ration(case):
    site = MilterSite(case)
    d = site.start(site.config() + silent_peer())
    count = 400
    with MilterClient(site.socket) as client:
        client.connect("198.51.100.77")
        for _ in range(count):
            from_elsewhere(client, "carol@silent.test")
    serves(site)  # a stamp is not rationed
    stops(d)
    recorded = number(site, "SELECT count(*) FROM mail WHERE direction = 'in'")
    check(100 <= recorded < count, f"{recorded} on record")
    equal(recorded + number(site, "SELECT sum(left_out) FROM mail_gap"), count, "on record or not")
    equal(number(site, "SELECT count(*) FROM mail WHERE direction = 'out'"), 1)
    equal(number(site, "SELECT sum(lost) FROM mail_gap"), 0)


def test_a_store_that_fails_is_tried_again(case):
    site = MilterSite(case)
    os.chmod(site.state, 0o500)
    path = os.path.join(site.state, "mail.db")
    os.makedirs(path)  # nobody can write a file there
    d = site.start()
    d.wait_log("event=alarm about=events")
    for _ in range(5):
        serves(site)
    os.rmdir(path)
    os.chmod(site.state, 0o700)
    wait_for(lambda: number(site, "SELECT count(*) FROM mail") == 5, "all on record")
    equal(number(site, "SELECT sum(lost) FROM mail_gap"), 0)
    stops(d)
