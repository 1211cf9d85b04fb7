# SPDX-License-Identifier: ISC
"""libverimail asks over the network, as a program of somebody else does."""
import os
import subprocess

from harness.addresses import DNS, SERVICE
from harness.checks import check, contains, equal
from harness.daemon import BUILD
from harness.keys import Key
from harness.mailsite import Site


def run(user, resolver=DNS, network="127.0.0.0/8", rcpt="receiver.test", threads=1, more=()):
    done = subprocess.run([os.path.join(BUILD, "test/e2e/librarycheck"), resolver, network, user, rcpt,
                           str(threads), *more], capture_output=True, check=True)
    return done.stdout.decode().splitlines()


def test_verdicts(case):
    Site(case)
    place = f"{SERVICE}:26|verimail.origin.test|"
    rows = [
        ("alice@origin.test", "NO|unstamped|" + place),
        ("bob@origin.test", "ALLOW|unstamped|" + place),
        ("x@elsewhere.test", "none||||"),
        ("not a user", "failed: the user is not the canonical text of an address"),
    ]
    for user, wanted in rows:
        equal(run(user), [wanted], user)
    equal(run("alice@origin.test", rcpt="no domain!"), ["failed: a receiving domain is not a domain"])


def test_errors(case):
    site = Site(case, service=False)
    equal(run("alice@origin.test"), ["temperror||||no connection: Connection refused"])
    site.dns.stop()
    equal(run("alice@origin.test"), ["temperror||||the DNS: its SRV record: no answer in time"])
    case.servers.remove(site.dns)


def test_where_it_must_not_go(case):
    Site(case)
    lines = run("alice@origin.test", network="10.0.0.0/8")
    check("must not be asked" in lines[0] and lines[0].startswith("temperror"), lines)
    equal(run("a@b.c", network="10.0.0.1/8"),
          ["no checker: an allowed network is not a range of addresses"])
    equal(run("a@b.c", resolver="nonsense"), ["no checker: the resolver or a trust anchor is not one"])


def test_a_peer_needs_no_dns(case, monkeypatch):
    site = Site(case)
    site.dns.stop()
    case.servers.remove(site.dns)
    monkeypatch.setenv("PEER", f"{SERVICE}:26")
    equal(run("alice@origin.test", network="10.0.0.0/8"), [f"NO|unstamped|{SERVICE}:26||"])
    monkeypatch.setenv("PEER", "nowhere")
    equal(run("alice@origin.test"), ["no checker: a peer is not a domain, an address with a port, and a key or none"])


def test_a_peer_with_a_key(case, monkeypatch):
    site = Site(case, service=False)
    key = Key("answer")
    site.options += f' answer_keys = {{"{key.write(os.path.join(case.folder, "answer.key"))}"}}'
    site.start_service()
    monkeypatch.setenv("PEER", f"{SERVICE}:26")
    monkeypatch.setenv("PEER_KEY", key.public_text())
    equal(run("alice@origin.test"), [f"NO|unstamped|{SERVICE}:26||"])
    contains(site.service.wait_log("event=question")[0], "channel=sealed")
    monkeypatch.setenv("PEER_KEY", Key("answer").public_text())
    equal(run("alice@origin.test")[0].split("|")[0], "temperror", "the key of another service")


def test_many_threads(case):
    Site(case)
    lines = run("alice@origin.test", threads=50)
    equal(len(lines), 50)
    check(all(line.startswith("NO|unstamped|") for line in lines), lines)


def test_a_flood(case):
    Site(case)
    lines = run("alice@origin.test", threads=10, more=("forged", "3"))
    equal([line.split("|")[0] for line in sorted(lines)], 3 * ["NO"] + 7 * ["temperror"])
    equal([line[-1] for line in lines if line.startswith("temperror")], 7 * ["!"])
