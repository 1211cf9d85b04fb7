# SPDX-License-Identifier: ISC
"""The table of this folder: each message to the milter directly and through Postfix."""
import base64
import os
import re
import shutil
import socket
import subprocess

import pytest

from harness.addresses import ADDRESSES, STRANGER
from harness.case import Case
from harness.checks import check, equal, wait_for
from harness.files import write_file
from harness.mailsite import receiver, results_of
from harness.milterclient import MilterClient

TABLE = os.path.join(os.path.dirname(__file__), "table.tsv")
WORDS = {"legit": "origin.test", "atk": "atk.test",
         "payload": base64.urlsafe_b64encode(bytes(range(1, 121))).decode()}
LOGIN = base64.b64encode(b"\0alice\0alice")


def octets(cell):
    """The escapes of a table's cell."""
    for word, value in WORDS.items():
        cell = cell.replace("{" + word + "}", value)
    cell = re.sub(r"\{(.)\*(\d+)\}", lambda run: run[1] * int(run[2]), cell)
    return re.sub(rb"\\(r|n|t|\\|x[0-9a-f]{2})", unescape, cell.encode())


def unescape(match):
    named = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
    return named.get(match[1]) or bytes([int(match[1][1:], 16)])


def read_rows():
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            check(len(cells) == 6, f"{TABLE}: {line!r}")
            ident, how, direct, postfix, sender, header = cells
            yield ident, how, direct, direct if postfix == "=" else postfix, octets(sender), octets(
                header)


ROWS = list(read_rows())


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
        if code.startswith("4"):
            return "tempfail"
        return "NO" if "did not send" in text else "permerror"
    return "results " + " ".join(" ".join(results).split()) if results else "none"


def directly(site, how, sender, header):
    if how != "stranger":
        return submitted_directly(site, how, sender, header)
    with MilterClient(site.socket("receiver")) as client:
        client.connect(STRANGER)
        edits = client.message(as_fields(header), b"text\r\n", sender=b"<" + sender + b">")
    own = "mx.receiver.test; "
    check(all(result.startswith(own) for result in edits.results()), edits.results())
    return outcome(edits.reply and edits.reply[:3], edits.reply or "",
                   [result[len(own):] for result in edits.results()])


def submitted_directly(site, how, sender, header):
    with MilterClient(site.socket("origin")) as client:
        client.connect("127.0.0.1" if how == "local" else STRANGER)
        edits = client.message(as_fields(header), b"text\r\n", sender=b"<" + sender + b">",
                               login="alice" if how == "login" else None)
    return "refused" if edits.reply else "stamped" if edits.stamps() else "unstamped"


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


# From which address to which server and port.
WAYS = {"stranger": (STRANGER, "receiver", 25), "login": (STRANGER, "origin", 587),
        "local": ("127.0.0.1", "origin", 25)}


def through_postfix(site, ident, how, sender, header):
    """With a client that sends what it is told to, octet for octet."""
    source, server, port = WAYS[how]
    with socket.create_connection((ADDRESSES[server], port), 30, (source, 0)) as client:
        lines = client.makefile("rwb")
        lines.readline()
        talk(lines, b"EHLO client.test\r\n", b"250")
        if how == "login":
            talk(lines, b"AUTH PLAIN " + LOGIN + b"\r\n", b"235")
        talk(lines, b"MAIL FROM:<" + sender + b">\r\n", b"250")
        talk(lines, b"RCPT TO:<bob@receiver.test>\r\n", b"250")
        talk(lines, b"DATA\r\n", b"354")
        try:
            talk(lines, header + b"\r\nX-Id: " + ident.encode() + b"\r\n\r\ntext\r\n.\r\n", b"250")
        except Refused as reply:
            return outcome(str(reply)[:3], str(reply), []) if how == "stranger" else "refused"
    wanted = b"X-Id: " + ident.encode() + b"\n"
    mail = wait_for(lambda: [m for m in site.receiver.box() if wanted in m], f"{ident} delivered")[0]
    return outcome(None, "", results_of(mail))


@pytest.fixture(scope="module")
def site(root):
    """A receiver that strangers send to, and an origin whose users do."""
    with Case(root, "receiver") as case:
        made = receiver(case)
        made.milter("origin")
        made.receiver = made.postfix("receiver", main="smtpd_hard_error_limit = 1000\n")
        made.origin = made.postfix("origin", submission=True, main="smtpd_hard_error_limit = 1000\n")
        yield made


EVERY_ROW = pytest.mark.parametrize("ident, how, direct, postfix, sender, header",
                                    [pytest.param(*row, id=row[0]) for row in ROWS])


def test_the_rows_have_names_of_their_own():
    equal(len({row[0] for row in ROWS}), len(ROWS))
    print(f"# hostile messages: {len(ROWS)}")


@EVERY_ROW
def test_directly(site, ident, how, direct, postfix, sender, header):
    equal(directly(site, how, sender, header), direct)


@EVERY_ROW
def test_through_postfix(site, ident, how, direct, postfix, sender, header):
    try:
        got = through_postfix(site, ident, how, sender, header)
    except Refused:
        got = "refused"
    equal(got, postfix)


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
    if wanted in ("NO", "permerror", "tempfail"):
        lines.append(f'if mt.getreply(conn) ~= SMFIR_REPLYCODE then error("{ident}: not refused") end')
    else:
        lines.append(f'if mt.getreply(conn) == SMFIR_REPLYCODE then error("{ident}: refused") end')
        lines.append(f'if mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results") ~= '
                     f'{"true" if wanted.startswith("results") else "false"} then '
                     f'error("{ident}: result") end')
    return lines + ["mt.disconnect(conn)"]


def test_the_strangers_by_miltertest(site):
    """What another implementation of the protocol hears."""
    if shutil.which("miltertest") is None:
        pytest.skip("miltertest is not installed")
    lines = []
    for ident, how, direct, _, sender, header in ROWS:
        # It cannot say NUL, and overruns a buffer of its own with long fields.
        if how == "stranger" and b"\0" not in header and len(header) < 900:
            lines += script_of(site.socket("receiver"), ident, sender, header, direct)
    script = os.path.join(site.case.folder, "script.lua")
    write_file(script, "\n".join(lines + ['mt.echo("PASS")']))
    done = subprocess.run(["miltertest", "-vv", "-s", script], capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    check(done.returncode == 0 and "PASS" in said, said[-1500:])
