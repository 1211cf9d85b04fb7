# SPDX-License-Identifier: ISC
"""`verimail doctor`: each trouble is made on a machine that `verimail setup` set up, is named in one
line, and is mended by the command that the line has."""
import ctypes
import json

import pytest

from harness.case import Case
from harness.checks import check, contains, equal
from harness.dnsserver import DnsServer
from harness.dnszone import SignedZone
from harness.keys import Key
from harness.mailmachine import MailMachine

CONF = "/etc/verimail/verimail.conf"
SRV = ("_verimail._tcp.example.org", "SRV")
RECORDS = {SRV: ["0 0 26 mail.example.org."], ("mail.example.org", "A"): ["127.0.0.1"]}
SYNCHRONISED = "mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized"


@pytest.fixture(scope="module")
def machine(root):
    """One that nothing is wrong with."""
    with Case(root, "doctor") as case:
        made = MailMachine(case)
        made.start_postfix()
        equal(made.setup("example.org --yes --no-test --address 192.0.2.1")[0], 0, "setup")
        # The anchor of another zone: ours is insecure. And what the test's resolver says may be asked.
        anchor = SignedZone("signed.test", {}).anchor()
        verify = (f'resolver = "127.0.0.1" allow_networks = {{"127.0.0.0/8"}} '
                  f'trust_anchors = {{"{anchor}"}}')
        made.must(f"sed -i 's/^verify {{/&\\n{verify.replace('/', '[/]').replace('[/]', chr(92) + '/')}/' {CONF}")
        made.must(f"{SYNCHRONISED} && cp -p {CONF} /opt/good.conf")
        made.key = made.must("grep -h ^answer-public: /etc/verimail/keys/answer/*.pub").strip()
        made.records = RECORDS | {(SRV[0], "TXT"): [f'"v=verimail1 key={made.key}"']}
        made.dns = DnsServer(dict(made.records), "127.0.0.1", 53)
        case.servers.append(made.dns)
        yield made


def doctor(machine):
    """Its exit status, and {check: [finding]} of all that is not good."""
    status, said = machine.run("verimail doctor --json")
    found = json.loads(said)
    bad = {}
    for finding in found["findings"]:
        if finding["state"] != "good":
            bad.setdefault(finding["check"], []).append(finding)
    return status, bad


def is_well(machine):
    equal(doctor(machine), (0, {}), "a machine that nothing is wrong with")


def edit(words):
    return f"sed -i '{words}' {CONF}"


GOOD = f"cp -p /opt/good.conf {CONF}"
KEY = "/etc/verimail/keys/service/*.key"
HOST_KEY = "/etc/verimail/keys/host/*.key"
STOP = "kill $(cat /run/units/{0}); tail --pid $(cat /run/units/{0}) -f /dev/null"
SOCKET = "/var/spool/postfix/verimail"
OTHER = ("python3 -c \"import socket; s = socket.create_server(('', 26)); "
         "c = s.accept()[0]; c.sendall(b'220 mail\\r\\n'); c.close()\" >/dev/null 2>&1 </dev/null & "
         "while ! ss -ltn | grep -q :26; do sleep 0.05; done")
# The trouble, what is found, words of its line, and what mends it: None: the command that it has.
TROUBLES = [
    (f"chgrp root {KEY}", "files", "error", "the user verimail cannot read it: Permission denied", None),
    ("chgrp root /etc/verimail/keys/answer/*.key", "files", "error",
     "the user verimail cannot read it: Permission denied", None),
    (f"chmod 644 {HOST_KEY}", "files", "error", "everybody may read this secret key", None),
    ("chgrp root /etc/verimail/keys/host", "files", "error", "verimail cannot read it", None),
    (f"chmod 600 {CONF}", "files", "error", f"{CONF}: the user verimail cannot read it", None),
    ("chmod 757 /etc/verimail/keys/service", "files", "error", "everybody may put keys", None),
    ("chown root:root /var/lib/verimail", "state", "error", "the user verimail cannot write there",
     None),
    (f"touch -d '500 days ago' {HOST_KEY}", "key-age", "warning", "this key is 500 days old",
     f"touch {HOST_KEY}"),
    (edit("s/^milter {/&\\n stamp_relayed = {\"192.0.2.0\\/24\"}/"), "daemons", "warning",
     "verimail-milter -t: ", GOOD),
    ("mv /opt/bin/verimaild /opt/; printf '#!/bin/sh\\ncase $1 in -V) echo verimaild 0.0.9 ;; *) "
     "exec /opt/verimaild \"$@\" ;; esac' >/opt/bin/verimaild; chmod 755 /opt/bin/verimaild",
     "versions", "warning", "verimaild 0.0.9 is installed beside verimail 0.",
     "mv /opt/verimaild /opt/bin/verimaild"),
    ("mv /opt/bin/verimaild /opt/", "daemons", "error", "verimaild is not installed",
     "mv /opt/verimaild /opt/bin/"),
    (STOP.format("verimaild"), "port", "error", "nothing answers at port 26", None),
    (f"{STOP.format('verimaild')}; {OTHER}", "port", "error", "is not verimaild",
     "systemctl enable --now verimaild"),
    (STOP.format("verimail-milter"), "socket", "error", "verimail-milter does not answer", None),
    (f"chgrp verimail {SOCKET}", "socket", "error", "Postfix cannot connect to", None),
    (f"chgrp verimail {SOCKET}/milter.sock", "socket", "error", "Permission denied", None),
    (edit("s/unix:[^\"]*/unix:\\/run\\/verimail\\/m.sock/"), "socket", "error",
     "is outside of Postfix", GOOD),
    ("postconf -e 'smtpd_milters ='", "mail-server", "error", "smtpd_milters does not name the milter",
     None),
    ("postconf -e 'non_smtpd_milters = inet:localhost:1'", "mail-server", "error",
     "non_smtpd_milters does not name the milter: inet:localhost:1", None),
    ("postconf -e 'smtpd_milters = inet:localhost:8891, unix:verimail/milter.sock'", "mail-server",
     "warning", "what signs comes before the milter", None),
    ("postconf -e 'smtpd_milters = { unix:dkim2/sign.sock }, unix:verimail/milter.sock'",
     "mail-server", "warning", "what signs comes before the milter", None),
    (edit("s/trust_anchors = {.*}/trust_anchors = {}/"), "dnssec", "warning", "trust_anchors is empty",
     GOOD),
    (edit("s/trust_anchors = {.*}//") + " && mount -t tmpfs none /usr/share/dns", "dnssec", "warning",
     "/usr/share/dns/root.key: No such file or directory", f"umount /usr/share/dns && {GOOD}"),
    (edit("s/resolver = \"[^\"]*\"//; $a domain \"house.home.arpa\" { hosts = {} }"), "zones",
     "warning", "house.home.arpa is in a zone that no resolver is asked about", GOOD),
    (edit("s/resolver = \"[^\"]*\"//; $a domain \"house.test\" { hosts = {} }"), "zones",
     "warning", "house.test is in a zone that no resolver is asked about", GOOD),
    (f"touch -d '40 days ago' {CONF}", "testing", "warning",
     "example.org has been under test for over 30 days", f"touch {CONF}"),
    (f"touch -d '40 days ago' {CONF}", "testing", "warning", "mode = monitor for over 30 days",
     f"touch {CONF}"),
]


@pytest.mark.parametrize("trouble, name, state, words, mend", TROUBLES)
def test_a_trouble_is_found_and_mended(machine, trouble, name, state, words, mend):
    is_well(machine)
    machine.must(trouble)
    status, bad = doctor(machine)
    found = [finding for finding in bad.get(name, []) if words in finding["text"]]
    equal([finding["state"] for finding in found], [state], f"{words}: {bad}")
    equal(status, 2 if any(f["state"] == "error" for all_ in bad.values() for f in all_) else 1,
          "the exit status")
    if mend is None:
        # One trouble may have several lines, each with its command.
        for finding in [finding for all_ in bad.values() for finding in all_]:
            if finding.get("remedy", "").split(" ")[0] in ("chgrp", "install", "systemctl", "postconf"):
                machine.must(finding["remedy"])
    else:
        machine.must(mend)
    is_well(machine)


def test_the_clock(machine):
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != 5:
        pytest.skip("this machine's clock is synchronised by the kernel")
    machine.must("rm /run/systemd/timesync/synchronized")
    status, bad = doctor(machine)
    equal((status, list(bad)), (1, ["clock"]), bad)
    contains(bad["clock"][0]["text"], "the clock is not synchronised")
    equal(bad["clock"][0]["remedy"], "timedatectl set-ntp true", "the remedy")
    machine.must(SYNCHRONISED)
    is_well(machine)


@pytest.mark.parametrize("records, words", [
    ({}, "the domain does not use Verimail: no SRV record _verimail._tcp.example.org"),
    ({("mail.example.org", "A"): ["10.0.0.1"]}, "its address is not one of the public"),
    ({("mail.example.org", "A"): ["127.0.0.77"], SRV: ["0 0 2626 mail.example.org."]},
     "Connection refused"),
])
def test_discovery(machine, records, words):
    machine.dns.records = machine.records | records if records else {}
    status, bad = doctor(machine)
    machine.dns.records = dict(machine.records)
    equal((status, list(bad)), (2, ["discovery"]), bad)
    contains(bad["discovery"][0]["text"], "example.org: a verifier gets no answer: ")
    contains(bad["discovery"][0]["text"], words)
    equal(bad["discovery"][0]["remedy"], "verimail dns example.org", "the remedy")


DEFER = "v=verimail1 outage=defer"
NO_KEY = edit("/answer_keys/d")
POLICIES = [
    # The TXT records, whether the service has an answer key, what is found.
    ([DEFER], False, None, ""),
    ([DEFER, DEFER + " x=y"], False, "error", "its policy record is there more than once"),
    (["v=verimail1 key=x"], False, "error", "its policy record has a key that cannot be read"),
    ([f"v=verimail1 key={Key('answer', bytes(range(32))).public_text()}"], False, "error",
     "its policy record has a key that the service does not have"),
    ([f"v=verimail1 key={Key('answer', bytes(range(32))).public_text()}"], True, "error",
     "its policy record has a key that the service does not have"),
    ([DEFER], True, "warning", "the service has an answer key, but no policy record says so"),
    (["v=spf1 -all"], True, "warning", "the service has an answer key, but no policy record says so"),
]


@pytest.mark.parametrize("records, key, state, words", POLICIES)
def test_the_policy_record(machine, records, key, state, words):
    machine.dns.records = RECORDS | {(SRV[0], "TXT"): [f'"{record}"' for record in records]}
    if not key:
        machine.must(NO_KEY)
    _, bad = doctor(machine)
    machine.dns.records = dict(machine.records)
    machine.must(GOOD)
    found = [finding for finding in bad.get("discovery", []) if words in finding["text"]]
    equal([finding["state"] for finding in found], [state] if state else [], bad)
    if state:
        equal(found[0]["remedy"], "verimail dns example.org", "the remedy")
    is_well(machine)


# Copies of an answer that the service gave, a day apart each, as if `asker` had asked.
ANSWERS = """
import sqlite3, sys, time
store = sqlite3.connect("/var/lib/verimail/events.db")
columns = [row[1] for row in store.execute("PRAGMA table_info(event)") if row[1] != "id"]
row = dict(zip(columns, store.execute(
    "SELECT " + ", ".join(f'"{c}"' for c in columns) + " FROM event WHERE domain = 'example.org'").fetchone()))
for day in range(int(sys.argv[2])):
    row |= {"asker": sys.argv[1], "time": int(time.time() * 1000) - day * 86400000 - 1000}
    store.execute("INSERT INTO event (" + ", ".join(f'"{c}"' for c in columns) + ") VALUES (" +
                  ", ".join("?" * len(columns)) + ")", list(row.values()))
store.commit()
"""
ASKERS = [
    # Who asked, on how many days, and whether outage=defer is proposed from then on.
    ("127.0.0.0", 7, False),
    ("10.1.2.0", 7, False),
    ("9.9.9.0", 6, False),
    ("2620:fe::", 7, True),
]


def test_outage_is_proposed_to_who_has_answered_for_a_week(machine):
    def proposed():
        found = json.loads(machine.must("verimail doctor --json"))["findings"]
        return [finding["remedy"] for finding in found
                if "answered other networks on each of the last 7 days" in finding["text"]]
    machine.write("/opt/answers.py", ANSWERS, 0o644)
    for asker, days, wanted in ASKERS:
        machine.must(f"python3 /opt/answers.py {asker} {days}")
        equal(proposed(), ["verimail dns --print example.org"] if wanted else [], asker)
    machine.dns.records = RECORDS | {
        (SRV[0], "TXT"): [f'"v=verimail1 key={machine.key} outage=defer"']}
    equal(proposed(), [], "once it is published")
    machine.dns.records = dict(machine.records)
    is_well(machine)


def test_lines_for_people(machine):
    machine.must("postconf -e 'smtpd_milters ='")
    status, said = machine.run("verimail doctor")
    equal(status, 2, said)
    lines = [" ".join(line.split()) for line in said.strip().split("\n")]
    contains(lines, "good clock the clock is synchronised")
    contains(lines, "error mail-server smtpd_milters does not name the milter: it is empty -> "
             "postconf -e 'smtpd_milters = { unix:verimail/milter.sock, default_action=tempfail }' && "
             "postfix reload")
    machine.must("postconf -e 'smtpd_milters = { unix:verimail/milter.sock, default_action=tempfail }'")


def test_each_check_has_a_trouble(machine):
    """A check that nothing makes fail would not be known to work."""
    status, said = machine.run("verimail doctor --json")
    equal(status, 0, said)
    names = {finding["check"] for finding in json.loads(said)["findings"]}
    equal(names, {row[1] for row in TROUBLES} | {"clock", "discovery"}, "checks")


def test_who_may_not(machine):
    status, said = machine.run("setpriv --reuid verimail --regid verimail --clear-groups "
                               "verimail doctor")
    equal(status, 75, said)
    contains(said, "run it as root")
    check(machine.run("verimail doctor here")[0] == 64, "an operand")
