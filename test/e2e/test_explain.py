# SPDX-License-Identifier: ISC
"""verimail explain: each step, and each way in which a payload does not open."""
import base64
import ctypes
import hashlib
import os
import re
import subprocess
import time

import pytest

from harness.checks import check, contains, equal
from harness.commandline import ALICE, build_table, one_line, payload_of, raw_key, secret_line, sodium


def steps_of(ended):
    return [step["outcome"] for step in ended.json["steps"]]


@pytest.mark.parametrize("message", [
    ALICE,
    ALICE.replace(b"\r\n", b"\n"),
    b"From: alice@example.org\n",
    b"From: alice@example.org",
    ALICE + bytes(range(256)) + b"\n \n\n",
    b"From: ALICE+x@example.org\n\n"
])
def test_stamp_and_explain_agree(verimail, message):
    stamped = verimail.stamped(message, "--to", "example.net")
    done = verimail.run("explain", "--rcpt", "example.net", given=stamped)
    equal(done.status, 0, done.out + done.err)
    check(done.out.endswith("\nverdict YES stamped\n"), done.out)
    equal(done.out.count(" (not reached)\n"), 0)
    payload = payload_of(stamped)
    equal(done.out.count(payload), 1, "the payload")
    contains(done.out, "receiving  example.net:1")
    contains(done.out, "a service that counts says YES 4 times for example.net")
    done = verimail.run("explain", "--json", given=stamped.replace(b"\r\n", b"\n"))
    equal((done.status, steps_of(done)), (0, ["passes"] * 8 + ["decides"]))
    equal((done.json["verdict"], done.json["reason"]), ("YES", "stamped"))


def test_explain_says_what_went_wrong(verimail):
    now = int(time.time())
    stamped = verimail.stamped(ALICE, "--to", "example.net")
    verimail.configure("deny.conf", domain='deny = {"changed", "expired", "redirected"}')
    rows = (
        (stamped.replace(b"body", b"hello"), [], 7, "ALLOW", "changed"),
        (stamped.replace(b"Subject: hi", b"Subject: ho"), [], 7, "ALLOW", "changed"),
        (b"Subject: more\r\n" + stamped, [], 7, "ALLOW", "changed"),
        (stamped, ["--rcpt", "example.com"], 7, "ALLOW", "redirected"),
        (stamped, ["--rcpt", "example.net,example.com"], 7, "ALLOW", "redirected"),
        (stamped, ["--at", str(now + 8 * 86400)], 7, "ALLOW", "expired"),
        (stamped, ["--at", str(now - 400)], 7, "ALLOW", "expired"),
        (stamped, ["--digest", "A" * 43], 7, "ALLOW", "changed"),
        (stamped, ["--user", "bob@example.org"], 4, "ALLOW", "unstamped"),
        (stamped, ["--user", "carol"], 4, "NO", "unstamped"),
        (stamped, ["--user", "a@example.net"], 2, "NO", "refused"),
        (stamped, ["--user", "a@sub.example.org"], 2, "NO", "refused"),
        (stamped, ["--user", "carol@mail.example.org"], 4, "NO", "unstamped"),
        (stamped, ["--digest", "A" * 43, "--at", str(now + 8 * 86400)], 7, "NO", "unstamped"),
        (ALICE, [], 4, "NO", "unstamped"),
        (b"Verimail: alice@example.org AAAA\r\n" + ALICE, [], 1, "NO", "forged"),
        (b"Verimail: alice@example.org AAAA\r\n" + stamped, [], 4, "NO", "unstamped"),
        (verimail.stamped(b"From: carol@example.org\n\n"), [], 5, "NO", "refused"),
    )
    for message, arguments, step, verdict, reason in rows:
        done = verimail.run("explain", "--json", *arguments, given=message)
        got = (done.json["step"], done.json["verdict"], done.json["reason"])
        equal(got, (step, verdict, reason), f"{message[:40]} {arguments}")
        equal(done.status, {"ALLOW": 2, "NO": 1}[verdict])
        equal(steps_of(done), ["passes"] * (step - 1) + ["decides"] + ["not reached"] * (9 - step))
        check(done.json["why"] != "", "no why")
        text = verimail.run("explain", *arguments, given=message)
        equal(text.status, done.status)
        contains(text.out, f"        {verdict} {reason}: {done.json['why']}\n")
        equal(text.out.count(" (not reached)\n"), 9 - step)
        contains(text.out, "".join([f"\nverdict {verdict} {reason}\n"] +
                                   [f"decided by {line}\n" for line in done.json["decided_by"]] +
                                   [f"to change it: {line}\n" for line in done.json["change"]]))
        check(done.json["change"] != [], "nothing to change")
        if step > 6:
            done = verimail.run("explain", *arguments, given=message, config="deny.conf")
            equal(done.status, 1)
            contains(done.out, "\nverdict NO refused\ndecided by ")
            contains(done.out, 'deny.conf:7: deny = {"changed", "expired", "redirected"}\n')


def test_explain_says_what_is_taken_back_and_what_is_tested(verimail):
    stamped = verimail.stamped(b"From: alice+x@example.org\n\n", "--to", "example.net")
    date = "2099-11-30T12:00:00Z"
    verimail.configure("withdrawn.conf", domain=f'user "alice+x" {{ not_before = "{date}" }}')
    verimail.configure("testing.conf", domain="testing = yes")
    done = verimail.run("explain", given=stamped, config="withdrawn.conf")
    equal(done.status, 1)
    contains(done.out, f"; what was issued before 4099723200 {date} is taken back\n")
    contains(done.out, "NO refused: the user's stamps of that time are taken back\n")
    contains(done.out, f'withdrawn.conf:7: not_before = "{date}"\n')

    end = "2020-01-01T12:00:00Z"
    config = verimail.config().replace("{ keys = ", f'{{ expires = "{end}" keys = ', 2)
    config = config.replace(f'service {{ expires = "{end}"', "service {")
    verimail.write("ended.conf", config, 0o644)
    done = verimail.run("explain", given=stamped, config="ended.conf")
    equal(done.status, 1)
    contains(done.out, f"; that host is permitted until 1577880000 {end}")
    contains(done.out, "NO refused: the host was permitted, but only until a date that has passed\n")
    contains(done.out, f'ended.conf:3: expires = "{end}"\nto change it: a later `expires` ')

    done = verimail.run("explain", given=ALICE, config="testing.conf")
    equal(done.status, 2)
    contains(done.out, "ALLOW testing (would be NO unstamped): this user's mail must be stamped, ")
    contains(done.out, "\nverdict ALLOW testing (would be NO unstamped)\ndecided by "
             f"{verimail.path('testing.conf')}:7: testing = yes\nto change it: ")
    done = verimail.run("explain", "--json", given=ALICE, config="testing.conf")
    equal((done.json["verdict"], done.json["reason"], done.json["would_be"], done.json["step"]),
          ("ALLOW", "testing", "unstamped", 4))


RULED = """
service { keys = {"KEYS"} replay = "none" }
host "mail.example.org" { keys = {"PUBLIC"} }
domain "example.org" {
    default = true
    hosts = {"mail.example.org"}   # one
    subdomains = false
    user "bob" {
        allow_unauthorized = true  /* anywhere */
    }
    user "carol" { hosts = {} }
    user "dan" { more_hosts = {"lists.example.net"} }
    users = "lmdb:TABLE"
    deny = {
        "expired"
    }
}
domain "example.com" { hosts = {"mail.example.org"} lifetime = 1h user "alice" { } }
domain "example.net" { hosts = {"lists.example.org"} user "*" { } }
host "lists.example.org" { keys = {"OTHER"} }
host "lists.example.net" { keys = {"THIRD"} }
"""


# The user, whether it has a stamp, and what decided. FILE and TABLE are those of the test.
@pytest.mark.parametrize("user, has_stamp, reason, decided_by, change", [
    ("bob@example.org", False, "ALLOW unstamped",
     ["FILE:8: allow_unauthorized = true"], "without `allow_unauthorized` it is NO"),
    ("carol@example.org", True, "NO refused",
     ["FILE:10: hosts = {}"], "the host's name among the hosts that are permitted"),
    ("carol@example.org", False, "NO unstamped",
     ['FILE:10: user "carol" { hosts = {} } does not set allow_unauthorized'], "send through a host"),
    ("erin+x@example.org", True, "NO refused",
     ["TABLE: erin@example.org hosts=lists.example.net"], "the host's name"),
    ("frank@example.org", False, "ALLOW unstamped",
     ["TABLE: frank@example.org alias=gil@example.org"], "without `allow_unauthorized`"),
    ("nobody@example.org", True, "NO refused",
     ['FILE:3: domain "example.org" { ...'], "a section `user`, or a row"),
    ("a@x.example.org", True, "NO refused",
     ["FILE:6: subdomains = false"], "a section `domain` for the subdomain"),
    ("a@other.example", True, "NO refused", [], "a section `domain` for it"),
    ("alice@example.net", True, "NO refused",
     ['FILE:18: user "*" { }', 'FILE:18: hosts = {"lists.example.org"}'], "the host's name"),
])
def test_explain_names_the_line_that_decided(verimail, user, has_stamp, reason, decided_by, change):
    table = verimail.path("users")
    build_table(table, "erin@example.org hosts=lists.example.net\n"
                       "frank@example.org alias=gil@example.org\n"
                       "gil@example.org allow_unauthorized=yes\n")
    text = RULED
    for name, value in (("KEYS", verimail.path("service.key")), ("PUBLIC", verimail.host_public),
                        ("OTHER", verimail.new_public("host")), ("TABLE", table),
                        ("THIRD", verimail.new_public("host"))):
        text = text.replace(name, value)
    path = verimail.write("ruled.conf", text.lstrip(), 0o644)
    payload = "-"
    if has_stamp:
        payload = sealed(verimail, f"mail.example.org *:1 {int(time.time())} {user} -".encode())
    done = verimail.run("explain", "--json", "--user", user, payload, config="ruled.conf")
    equal(f"{done.json['verdict']} {done.json['reason']}", reason)
    equal(done.json["decided_by"],
          [line.replace("FILE", path).replace("TABLE", table) for line in decided_by])
    check(done.json["change"][0].startswith(change), done.json["change"])


def sealed(verimail, content):
    """Whatever content, sealed by our host's key for our service's."""
    lib = sodium()
    secret = raw_key(secret_line(verimail.path("host.key")))
    service = raw_key(verimail.service_public)
    nonce = os.urandom(24)
    box = ctypes.create_string_buffer(len(content) + 16)
    equal(lib.crypto_box_easy(box, content, ctypes.c_ulonglong(len(content)), nonce, service,
                              secret), 0)
    name = hashlib.blake2b(raw_key(verimail.host_public) + service, digest_size=32).digest()[:8]
    whole = b"\x01" + name + nonce + box.raw
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def test_explain_says_why_a_payload_does_not_open(verimail):
    payload = verimail.payload()
    flipped = "B" if payload[-5] == "A" else "A"
    evil = b"\x1b[2J\xff \x7f"
    foreign = b"other.example *:1 %d alice@example.org -" % time.time()
    for given, why in (
            ("AAAA", "is not a sealed payload"),
            (payload[:20], "is not a sealed payload"),
            (payload[:6] + flipped + flipped + payload[8:], "a key that is none of ours"),
            (payload[:-5] + flipped + payload[-4:], "made without the key, or altered"),
            (sealed(verimail, evil), "the text inside is not well formed"),
            (sealed(verimail, foreign), "names another host")):
        done = verimail.run("explain", "--user", "alice", given)
        one = verimail.run("explain", "--json", "--user", "alice", given)
        check(re.fullmatch(r"[\n -~]+", done.out), repr(done.out))
        equal((done.status, one.status, one.json["reason"]), (1, 1, "forged"), given)
        contains(done.out, why)
        contains(one.json["payload"]["result"], why)
        equal(one.json["payload"]["opens"], False)
    one = verimail.run("explain", "--json", "--user", "alice", sealed(verimail, evil))
    equal(one.json["payload"]["content"], r"\x1b[2J\xff \x7f")
    one = verimail.run("explain", "--json", "--user", "alice",
                       sealed(verimail, foreign))
    equal((one.json["payload"]["key"], one.json["payload"]["host"]),
          ("mail.example.org", "other.example"))
    one = verimail.run("explain", "--json", "--user", "bob", payload)
    equal((one.status, one.json["cause"]), (1, "user"))


def test_explain_needs_a_service_and_a_question(verimail):
    verimail.write("stamponly.conf", verimail.config().split("stamp {")[0].split("service {")[0] +
                   "stamp {" + verimail.config().split("stamp {")[1], 0o644)
    done = verimail.run("explain", "--user", "a", "-", config="stamponly.conf")
    equal((done.status, done.octets), (78, b""))
    contains(one_line(done), "no service section")
    verimail.write("open.key", secret_line(verimail.path("service.key")) + "\n", 0o644)
    verimail.write("open.conf", verimail.config().replace("service.key", "open.key"), 0o644)
    done = verimail.run("explain", "--user", "a", "-", config="open.conf")
    equal(done.status, 78)
    contains(one_line(done), "read by everybody")
    for arguments, given, status in (([], b"", 65), ([], bytes(range(256)), 65),
                                     ([], b"Subject: x\n\n", 65), (["--user", "a b"], ALICE, 65),
                                     (["--user", "*"], ALICE, 65),
                                     (["--user", "a", "= ="], b"", 65),
                                     (["--rcpt", "a b"], ALICE, 65),
                                     (["--digest", "AAAA"], ALICE, 65)):
        done = verimail.run("explain", *arguments, given=given)
        equal((done.status, done.octets), (status, b""), str(arguments))
        check(done.err.count("\n") in (1, 2), done.err)
    verimail.write("nodefault.conf", verimail.config().replace("default = true", ""), 0o644)
    done = verimail.run("explain", "--user", "a", "-", config="nodefault.conf")
    equal(done.status, 65)
    contains(one_line(done), "default = true")


def test_explain_opens_payloads_of_2013(verimail):
    verimail.configure("classic.conf", domain=f'classic_key = "{verimail.path("classic.key")}"')
    content = b"mail.example.org example.net 12345"
    hexed = classic_payload(verimail, content)
    done = verimail.run("explain", "--json", "--user", "alice", hexed, config="classic.conf")
    equal((done.status, done.json["reason"], done.json["cause"]), (0, "stamped", "classic"))
    equal(done.json["payload"]["nonce"], "12345")
    done = verimail.run("explain", "--json", "--user", "alice", "--rcpt", "example.net", hexed,
                        config="classic.conf")
    equal((done.status, done.json["step"], done.json["reason"]), (2, 6, "classic"))
    done = verimail.run("explain", "--user", "alice", "00" + hexed[2:-2] + "00", config="classic.conf")
    equal(done.status, 1)
    contains(done.out, "does not open with the domain's classic_key")
    done = verimail.run("explain", "--user", "alice", hexed)
    equal(done.status, 1)
    contains(done.out, "is not a sealed payload")


def classic_payload(verimail, content):
    """By the openssl program: RSA-OAEP with SHA-1, in hex."""
    command = ["openssl", "pkeyutl", "-encrypt", "-inkey", verimail.path("classic.key"), "-pkeyopt",
               "rsa_padding_mode:oaep"]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    return done.stdout.hex()
