# SPDX-License-Identifier: ISC
"""The tables of test/attacks: each message to the milter directly and through Postfix."""
import base64
import os
import re
import shutil
import socket
import subprocess

import pytest

from harness.addresses import ADDRESSES, STRANGER
from harness.checks import Failure, check, equal, wait_for
from harness.files import write_file
from harness.mailsite import Site, results_of
from harness.milterclient import LEADSPC, Closed, MilterClient

TABLES = os.path.join(os.path.dirname(__file__), "..", "attacks")
WORDS = {"legit": "origin.test", "atk": "atk.test",
         "payload": base64.urlsafe_b64encode(bytes(range(1, 121))).decode()}


def octets(cell):
    """The escapes of a table's cell."""
    for word, value in WORDS.items():
        cell = cell.replace("{" + word + "}", value)
    return re.sub(rb"\\(r|n|t|\\|x[0-9a-f]{2})", unescape, cell.encode())


def unescape(match):
    named = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
    return named.get(match[1]) or bytes([int(match[1][1:], 16)])


def rows(name):
    with open(os.path.join(TABLES, name), encoding="utf-8") as file:
        for line in file:
            cells = line.rstrip("\n").split(" | ", 4)
            check(len(cells) == 5, f"{name}: {line!r}")
            ident, direct, postfix, sender, header = cells
            yield ident, direct, direct if postfix == "=" else postfix, octets(sender), octets(
                header)


def as_fields(header):
    """What a mail server makes of it: a first line that begins with a space is no field."""
    lines = []
    for line in re.split(rb"\r\n", header):
        if line[:1] in b" \t" and lines:
            lines[-1] += b"\n" + line
        else:
            lines.append(line)
    return [tuple(line.split(b":", 1)) for line in lines if not line.startswith(b" ")]


def outcome(code, text, results):
    if code is not None:
        return "NO" if "did not send" in text else "permerror"
    return "results " + " ".join(" ".join(results).split()) if results else "none"


def directly(site, sender, header):
    with MilterClient(site.socket("receiver")) as client:
        client.connect(STRANGER)
        edits = client.message(as_fields(header), b"text\r\n", sender=b"<" + sender + b">")
    own = "mx.receiver.test; "
    check(all(result.startswith(own) for result in edits.results()), edits.results())
    return outcome(edits.reply and edits.reply[:3], edits.reply or "",
                   [result[len(own):] for result in edits.results()])


class Refused(Exception):
    """By Postfix, before the milter had its say."""


def talk(lines, command, wanted):
    lines.write(command)
    lines.flush()
    reply = lines.readline()
    while reply[3:4] == b"-":
        reply = lines.readline()
    if not reply.startswith(wanted):
        raise Refused(reply.decode("ascii", "replace"))
    return reply.decode("ascii", "replace")


def through_postfix(site, ident, sender, header):
    """With a client that sends what it is told to, octet for octet."""
    with socket.create_connection((ADDRESSES["receiver"], 25), 30, (STRANGER, 0)) as client:
        lines = client.makefile("rwb")
        lines.readline()
        talk(lines, b"EHLO client.test\r\n", b"250")
        talk(lines, b"MAIL FROM:<" + sender + b">\r\n", b"250")
        talk(lines, b"RCPT TO:<bob@receiver.test>\r\n", b"250")
        talk(lines, b"DATA\r\n", b"354")
        try:
            talk(lines, header + b"\r\nX-Id: " + ident.encode() + b"\r\n\r\ntext\r\n.\r\n", b"250")
        except Refused as reply:
            return outcome(str(reply)[:3], str(reply), [])
    wanted = b"X-Id: " + ident.encode() + b"\n"
    mail = wait_for(lambda: [m for m in site.receiver.box() if wanted in m], f"{ident} delivered")[0]
    return outcome(None, "", results_of(mail))


def receiver(case):
    site = Site(case, users="""user "alice" { } user "bob" { allow_unauthorized = true }
        user "*" { hosts = {} }""")
    site.milter("receiver", "budget_per_domain = 100000 budget_per_address = 100000")
    return site


def run_table(name, run, column):
    wrong = []
    count = 0
    for ident, direct, postfix, sender, header in rows(name):
        wanted = (direct, postfix)[column]
        try:
            got = run(ident, sender, header)
        except Refused:
            got = "refused"
        except (Closed, Failure) as error:
            got = f"{type(error).__name__}: {error}"
        count += 1
        if got != wanted:
            wrong.append(f"{ident}: got {got!r}, want {wanted!r}")
    check(not wrong, "\n".join(wrong))
    print(f"# {name}: {count} messages")


def direct_table(case, name):
    site = receiver(case)
    run_table(name, lambda ident, sender, header: directly(site, sender, header), 0)


def postfix_table(case, name):
    site = receiver(case)
    site.receiver = site.postfix("receiver", main="smtpd_hard_error_limit = 1000\n")
    run_table(name, lambda ident, sender, header: through_postfix(site, ident, sender, header), 1)


def test_public_cases_directly(case):
    direct_table(case, "public.txt")


def test_public_cases_through_postfix(case):
    postfix_table(case, "public.txt")


def test_own_cases_directly(case):
    direct_table(case, "own.txt")


def test_own_cases_through_postfix(case):
    postfix_table(case, "own.txt")


def lua(octets_of):
    """A string of Lua."""
    return '"' + "".join(f"\\{octet:03}" for octet in octets_of) + '"'


def script_of(path, ident, sender, header, wanted):
    """What miltertest is to say and to hear."""
    lines = [f'conn = mt.connect("unix:{path}", 40, 0.05)',
             'if conn == nil then error("no connection") end',
             f'mt.conninfo(conn, "client.test", "{STRANGER}")',
             f"mt.mailfrom(conn, {lua(b'<' + sender + b'>')})", 'mt.rcptto(conn, "<bob@receiver.test>")']
    lines += [f"mt.header(conn, {lua(name)}, {lua(value)})" for name, value in as_fields(header)]
    lines += ["mt.eoh(conn)", 'mt.bodystring(conn, "text\\r\\n")', "mt.eom(conn)"]
    if wanted in ("NO", "permerror"):
        lines.append(f'if mt.getreply(conn) ~= SMFIR_REPLYCODE then error("{ident}: not refused") end')
    else:
        lines.append(f'if mt.getreply(conn) == SMFIR_REPLYCODE then error("{ident}: refused") end')
        lines.append(f'if mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results") ~= '
                     f'{"true" if wanted.startswith("results") else "false"} then '
                     f'error("{ident}: result") end')
    return lines + ["mt.disconnect(conn)"]


def test_both_tables_by_miltertest(case):
    """What another implementation of the protocol hears."""
    site = receiver(case)
    if shutil.which("miltertest") is None:
        pytest.skip("miltertest is not installed")
    lines = []
    for name in ("public.txt", "own.txt"):
        for ident, direct, _, sender, header in rows(name):
            if all(b"\0" not in part for field in as_fields(header) for part in field):
                lines += script_of(site.socket("receiver"), ident, sender, header, direct)
    script = os.path.join(case.folder, "script.lua")
    write_file(script, "\n".join(lines + ['mt.echo("PASS")']))
    done = subprocess.run(["miltertest", "-vv", "-s", script], capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    check(done.returncode == 0 and "PASS" in said, said[-1500:])


FORGED = ("Authentication-Results", " mx.receiver.test; verimail=pass")
OTHER = ("Authentication-Results", " mx.receiver.test; spf=pass")


def test_deletions_go_from_the_highest_down(case):
    site = receiver(case)
    with MilterClient(site.socket("receiver")) as client:
        client.connect(STRANGER)
        header = [FORGED, OTHER] * 25 + [("From", " bob@origin.test")] + [FORGED] * 10
        edits = client.message(header)
    wanted = list(range(60, 50, -1)) + list(range(49, 0, -2))
    equal(edits.deleted("Authentication-Results"), wanted)
    equal(len(edits.results()), 1)


def test_header_sections_without_end(case):
    site = receiver(case)
    tables = {
        "fields": [("From", " alice@origin.test")] + [("X", " y")] * 2100 + [FORGED] * 3,
        "octets": [("From", " alice@origin.test")] + [("X", " " + "y" * 60000)] * 20,
        "results": [FORGED] * 2500 + [("From", " alice@origin.test")],
    }
    for what, header in tables.items():
        with MilterClient(site.socket("receiver")) as client:
            client.connect(STRANGER)
            edits = client.message(header)
        check(edits.reply is not None and edits.reply.startswith("550 5.7.1"), f"{what}: {edits.reply}")


def test_a_mail_server_that_can_do_less(case):
    site = receiver(case)
    with MilterClient(site.socket("receiver"), steps=0x1fffff & ~LEADSPC) as client:
        client.connect(STRANGER)
        edits = client.message([("From", "bob@origin.test")])
        check(edits.inserted[0][2].startswith("mx.receiver.test;"), edits.inserted)
    with MilterClient(site.socket("receiver"), version=2, actions=0x3f, steps=0x7f) as client:
        client.connect(STRANGER)
        equal(client.message([("From", "alice@origin.test")]).reply[:3], "550")
    for actions in (0, 0x1, 0x10):
        try:
            client = MilterClient(site.socket("receiver"), actions=actions)
        except Closed:
            continue
        client.connect(STRANGER)
        raise Failure(f"actions {actions:#x} were taken")


def test_broken_conversations(case):
    """After each of them the next one is served."""
    site = receiver(case)

    def ask():
        with MilterClient(site.socket("receiver")) as client:
            client.connect(STRANGER)
            equal(client.message([("From", " alice@origin.test")]).reply[:3], "550")
    attempts = [
        b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xffO", b"\0\0\0\x01Q",
        b"\0\0\0\x05Oabcd", b"GET / HTTP/1.0\r\n\r\n", os.urandom(4096), b"\0\0\0\x01E" * 100,
        b"\0\0\0\x02L\0", b"\0\0\0\x01B", b"\0\0\0\x04D\0\0\0",
    ]
    for attempt in attempts:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(site.socket("receiver"))
            client.sendall(attempt)
    orders = ["ME", "EE", "BB", "LL", "NN", "CMRE", "CCME", "CMRLNBEE", "CMRLNEMRLNE", "CMAMRLNE",
              "CMRNLBNE", "CRME", "CMMRLNE", "CQ", "CMRBE"]
    data = {"C": b"client.test\0" + b"4\x12\x67127.0.9.9\0", "M": b"<x@y.test>\0",
            "R": b"<bob@receiver.test>\0", "L": b"From\0 alice@origin.test\0", "B": b"text"}
    for order in orders:
        client = MilterClient(site.socket("receiver"))
        for kind in order:
            client.command(kind.encode(), data.get(kind, b""))
        client.close()
    ask()
    equal(site.case.daemons[-1].count("process-died"), 0, "deaths of the milter process")


def test_messages_in_one_session_know_nothing_of_each_other(case):
    site = receiver(case)
    with MilterClient(site.socket("receiver")) as client:
        client.connect(STRANGER)
        for _ in range(3):
            equal(client.message([("From", " alice@origin.test")]).reply[:3], "550")
            client.mail()
            client.rcpt()
            client.field("From", " alice@origin.test")
            client.abort()
            edits = client.message([FORGED, ("From", " bob@origin.test")])
            equal(edits.deleted("Authentication-Results"), [1])
            equal(client.message([("From", " x@atk.test")]).results(), [])


def test_who_is_trusted(case):
    site = Site(case)
    site.milter("origin", trusted='"127.0.0.0/8", "::1"', milter='trusted_daemons = {"submission"}')
    header = [("From", " alice@origin.test")]
    received = [("Received", " from x by y; now"), *header]
    submit = [("Received", " (from alice@localhost)\n\tby x (8.17/8.17/Submit) id 1;\n\tnow"), *header]
    rows_of = [
        ("loopback", {"address": "127.0.0.1"}, {}, header, True),
        ("IPv6 loopback", {"address": "::1"}, {}, header, True),
        ("mapped loopback", {"address": "::ffff:127.0.0.1"}, {}, header, True),
        ("relayed", {"address": "127.0.0.1"}, {}, received, False),
        ("sendmail's own field", {"address": "127.0.0.1"}, {}, submit, True),
        ("that field and another", {"address": "127.0.0.1"}, {}, submit[:1] + received, False),
        ("sendmail -bs", {"address": None, "hostname": "localhost"}, {}, header, True),
        ("unknown family", {"address": None, "hostname": "unknown"}, {}, header, False),
        ("a name that says so", {"address": "192.0.2.1", "hostname": "localhost"}, {}, header, False),
        ("stranger", {"address": "192.0.2.1"}, {}, header, False),
        ("a daemon's name", {"address": "192.0.2.1", "daemon": "submission"}, {}, header, True),
        ("its login", {"address": "192.0.2.1"}, {"login": "alice"}, header, True),
        ("another login", {"address": "127.0.0.1"}, {"login": "eve"}, header, False),
        ("no login, but a method", {"address": "192.0.2.1"}, {"auth_type": "PLAIN"}, header, False),
        ("an empty login", {"address": "192.0.2.1"}, {"login": "", "auth_type": "PLAIN"}, header,
         False),
        ("a login with a detail", {"address": "192.0.2.1"}, {"login": "alice+x"}, header, False),
        ("a login elsewhere", {"address": "192.0.2.1"}, {"login": "alice@atk.test"}, header, False),
        ("two authors", {"address": "192.0.2.1"}, {"login": "alice"}, header * 2, False),
        ("two mailboxes", {"address": "192.0.2.1"}, {"login": "alice"},
         [("From", " alice@origin.test, x@atk.test")], False),
    ]
    for what, connection, mail, fields_of, wanted in rows_of:
        with MilterClient(site.socket("origin")) as client:
            client.connect(**connection)
            edits = client.message(fields_of, **mail)
        equal(len(edits.stamps()), int(wanted), what)
