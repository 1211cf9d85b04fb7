# SPDX-License-Identifier: ISC
"""verimail stamp: what it adds, what it removes, and that nothing is ever lost."""
import email
import email.utils
import os
import re
import resource
import subprocess
import tempfile

import pytest

from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.commandline import ALICE, one_line, payload_of, secret_line

LARGE = 50 * 1024 * 1024


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
def test_a_stamp_stands_on_top(verimail, eol):
    message = ALICE.replace(b"\r\n", eol)
    got = verimail.stamped(message, "--to", "Example.NET:2")
    head = got[:-len(message)]
    equal(got[len(head):], message)
    lines = re.sub(eol + b"[ \t]", b" ", head).split(eol)
    equal([line.split(b":")[0] for line in lines], [b"Verimail", b"Date", b"Message-ID", b""])
    equal(head.count(b"\n"), head.count(eol), "line ends")
    check(all(len(line) <= 78 for line in head.split(eol)), "a line is too long")
    check(email.utils.parsedate_to_datetime(lines[1][6:].decode()), "Date")
    check(re.fullmatch(rb"Message-ID: <[\w-]{22}@mail\.example\.org>", lines[2]), str(lines[2]))


def test_what_is_there_is_not_added(verimail):
    message = b"DATE: x\nmessage-id: y\n" + ALICE.replace(b"\r\n", b"\n")
    got = verimail.stamped(message)
    check(got.endswith(message) and got.count(b"\n") - message.count(b"\n") < 8, "added")
    equal(email.message_from_bytes(got).get_all("Date"), ["x"])
    equal(email.message_from_bytes(got).get_all("Message-ID"), ["y"])


def test_an_empty_date_stays(verimail):
    message = b"Date:\nMessage-ID: \nFrom: alice@example.org\n\nx\n"
    got = verimail.stamped(message)
    check(got.endswith(b"\n" + message), got)
    equal(email.message_from_bytes(got).get_all("Date"), [""])
    equal(verimail.run("explain", given=got).status, 0)


def test_stamped_twice_is_stamped_once(verimail):
    once = verimail.stamped()
    twice = verimail.stamped(once)
    equal(len(email.message_from_bytes(twice).get_all("Verimail")), 1)
    check(payload_of(once) != payload_of(twice), "the old stamp stayed")
    equal(len(once), len(twice))
    equal(verimail.run("explain", given=twice).status, 0)


def test_only_stamps_of_our_own_go(verimail):
    foreign = b"Verimail: x@example.net AAAA\r\n"
    broken = b"Verimail: alice@example.org\r\n"
    bob = b"VERIMAIL: bob@EXAMPLE.org AAAA\r\n BBBB\r\n"
    body = b"\r\nVerimail: alice@example.org AAAA\r\n"
    message = foreign + b"Date: x\r\n" + bob + b"Message-ID: y\r\n" + broken + \
        b"From: alice@example.org\r\n" + bob + body
    got = verimail.stamped(message)
    check(got.endswith(message.replace(bob, b"")), repr(got))
    equal(verimail.run("explain", given=got).status, 0)


def test_a_message_that_cannot_be_stamped_passes_unchanged(verimail):
    for name, message, status in (
            ("empty", b"", 65),
            ("binary", bytes(range(256)) * 1000, 65),
            ("NULs", b"\0" * 100000, 65),
            ("no From", b"Subject: x\n\nFrom: alice@example.org\n", 65),
            ("two From fields", b"From: alice@example.org\n" * 2 + b"\nx\n", 65),
            ("spaced From", b"From : alice@example.org\n\nx\n", 65),
            ("two mailboxes", b"From: alice@example.org, bob@example.org\n\nx\n", 65),
            ("leading space", b" x\n" + ALICE, 65),
            ("an mbox line", b"From alice\nno field\n" + ALICE, 65),
            ("a long line", b"Subject: " + b"y" * 1000 + b"\n" + ALICE, 65),
            ("a CR that ends no line", b"X: y\rFrom: bob@example.org\n" + ALICE, 65),
            ("a line that is no field", b"X: y\nno field\n" + ALICE, 65),
            ("too many fields", b"X: y\n" * 2001 + ALICE, 65),
            ("another's, or ours behind a CR", b"From: eve@example.net\nX: y\rFrom: a@example.org\n\n", 65),
            ("no domain", b"From: alice\n\nx\n", 65),
            ("a huge header", b"X: " + b"y" * 1100000 + b"\n" + ALICE, 65)):
        done = verimail.run("stamp", given=message)
        equal(done.status, status, name)
        check(done.octets == message, f"{name}: it was changed")
        contains(one_line(done), "not stamped: ")


def test_what_is_not_ours_passes_unchanged(verimail):
    """In a mail server's pipe that is no error."""
    old = b"Verimail: alice@example.org AAAA\r\n"
    for message in (b"From: eve@elsewhere.test\r\nTo: bob@receiver.test\r\n\r\nA line of text.\r\n",
                    old + b"From: x@example.net\r\n\r\nx\r\n",
                    b"From: x@sub.example.org\n\nx\n",
                    b"From eve\nFrom: eve@example.net\n\nx\n",
                    b"From: eve@example.net, mallory@example.net\n\nx\n",
                    b"From: eve..@example.net\nno field\n\nx\n",
                    b"From: eve@example.net\nSubject: " + b"y" * 1000 + b"\n\nx\n",
                    b"From: J\xfcrgen <j..@example.net>\n\nx\n"):
        done = verimail.run("stamp", given=message)
        equal((done.status, done.octets, done.err), (0, message, ""), message)
    done = verimail.run("stamp", "--from", "x@example.net", given=ALICE)
    equal((done.status, done.octets, done.err), (0, ALICE, ""))
    pipe = f"printf %s 'From: eve@elsewhere.test' | {verimail.program} -c v.conf stamp"
    equal(subprocess.check_output(pipe, shell=True, cwd=verimail.folder), b"From: eve@elsewhere.test")


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
def test_an_mbox_line_stays_on_top(verimail, eol):
    mbox = b"From alice@example.org Mon Jan  1 00:00:00 2024" + eol
    old = b"Verimail: alice@example.org AAAA" + eol
    message = ALICE.replace(b"\r\n", eol)
    got = verimail.stamped(mbox + old + message)
    check(got.startswith(mbox + b"Verimail: alice@example.org ") and got.endswith(eol + message), got)
    equal(len(email.message_from_bytes(got[len(mbox):]).get_all("Verimail")), 1)
    equal(verimail.run("explain", given=got).status, 0)
    equal(verimail.run("digest", given=got).out, verimail.run("digest", given=got[len(mbox):]).out)


def test_a_stamp_that_would_be_too_long_is_none(verimail):
    long = ".".join(["l" * 60] * 4)
    verimail.write("long.conf", verimail.config().replace('{"example.org"}', f'{{"{long}"}}'), 0o644)
    message = b'From: "' + b"%" * 64 + b'"@' + long.encode() + b"\n\nx\n"
    done = verimail.run("stamp", "--to", long, given=message, config="long.conf")
    equal((done.status, done.octets), (65, message))
    contains(one_line(done), "longer than 900 octets")


def test_from_is_another_user(verimail):
    got = verimail.stamped(b"Subject: no author\n\nx\n", "--from", "Bob@Example.ORG")
    contains(got, b"Verimail: Bob@example.org ")
    message = b"From: x@example.net\n\nx\n"
    for address in ("nobody", "a@b@example.org", ""):
        done = verimail.run("stamp", "--from", address, given=message)
        equal((done.status, done.octets), (65, message), address)
        one_line(done)


def test_to_names_the_receivers(verimail):
    for arguments, want in (
            ([], "*:1"),
            (["--to", "a.example"], "a.example:1"),
            (["--to=A.example:2", "--to", "b.example:3", "--to", "a.example"],
             "a.example:3,b.example:3"),
            (["--to", "bücher.example:7"], "xn--bcher-kva.example:7"),
            (["--to", "*:5"], "*:5"),
            (["--to", "a.example:2", "--to", "*"], "*:3"),
            ([x for i in range(60) for x in ("--to", f"domain{i}.example")], "*:60")):
        payload = verimail.payload(*arguments)
        done = verimail.run("explain", "--json", "--user", "alice@example.org", payload)
        equal(done.json["payload"]["receiving"], want, str(arguments))
    for value in ("", ":1", "a.example:0", "a.example:x", "a.example:1000001", "a b", "a..b",
                  "[::1]"):
        done = verimail.run("stamp", "--to", value, given=ALICE)
        equal((done.status, done.octets), (65, ALICE), value)
        contains(one_line(done), "--to")


def test_without_a_key_it_passes_unchanged(verimail):
    verimail.write("readable.key", secret_line(verimail.path("host.key")) + "\n", 0o604)
    verimail.write("wrong.key", secret_line(verimail.path("service.key")) + "\n")
    verimail.write("two.key", (secret_line(verimail.path("host.key")) + "\n") * 2)
    verimail.write("empty.key", "")
    verimail.write("large.key", "#" * 20000)
    for key, why in (("missing.key", "No such file"), ("readable.key", "read by everybody"),
                     ("wrong.key", "another kind"), ("two.key", "more than one"),
                     ("empty.key", "not the text of a key"), ("large.key", "too large"),
                     ("", "wrong.key: is a key of another kind")):
        verimail.configure("key.conf", key=key)
        done = verimail.run("stamp", given=ALICE, config="key.conf")
        equal((done.status, done.octets), (78, ALICE), key)
        contains(one_line(done), why)
    for config, content in (("none.conf", None), ("empty.conf", ""), ("bad.conf", "stamp\n")):
        if content is not None:
            verimail.write(config, content, 0o644)
        done = verimail.run("stamp", given=ALICE, config=config)
        equal((done.status, done.octets), (78, ALICE), config)
        one_line(done)


def test_an_unreadable_key_is_said(verimail):
    os.chmod(verimail.path("v.conf"), 0o644)
    how = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    verimail.write("locked.key", secret_line(verimail.path("host.key")) + "\n", 0o600 if how else 0)
    verimail.configure("locked.conf", key="locked.key")
    done = verimail.run("stamp", given=ALICE, config="locked.conf", **how)
    equal((done.status, done.octets), (78, ALICE))
    contains(one_line(done), "Permission denied")


def measured(verimail, message, out):
    """Status, and the largest resident size of the program in octets."""
    with open(message, "rb") as given, open(out, "wb") as taken:
        process = subprocess.Popen([verimail.program, "-c", verimail.path("v.conf"), "stamp"],
                                   stdin=given, stdout=taken)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * 1024


def test_a_large_message_takes_no_memory(verimail):
    small = verimail.write("small", ALICE)
    line = b"0123456789abcdef" * 4 + b"\r\n"
    large = verimail.write("large", ALICE + line * (LARGE // len(line)))
    status, least = measured(verimail, small, verimail.path("out"))
    equal(status, 0)
    status, most = measured(verimail, large, verimail.path("out"))
    equal(status, 0)
    check(most - least < 8 * 1024 * 1024, f"{least} octets for a small one, {most} for a large one")
    with open(large, "rb") as file, open(verimail.path("out"), "rb") as out:
        given, got = file.read(), out.read()
    check(got.endswith(given), "it was changed")
    one = b"0" * (LARGE // 4)  # a body without a line end
    check(verimail.stamped(ALICE + one).endswith(ALICE + one), "one long line")
    with open(verimail.path("out"), "rb") as given:
        done = verimail.run("explain", "--json", stdin=given)
    equal((done.status, done.json["verdict"]), (0, "YES"))
    for name in ("large", "out"):
        os.unlink(verimail.path(name))


def test_a_full_disk_is_said(verimail):
    with open("/dev/full", "wb") as full:
        done = verimail.run("stamp", given=ALICE, stdout=full)
        equal(done.status, 75)
        contains(one_line(done), "No space left")
        for arguments in (["config"], ["config", "--json"], ["help"], ["explain"],
                          ["keygen", "host", "full.key"]):
            done = verimail.run(*arguments, given=verimail.stamped(), stdout=full)
            equal(done.status, 75, str(arguments))
            contains(one_line(done), "No space left")


def test_without_room_for_the_spool_it_passes_unchanged(verimail):
    body = os.urandom(3000000)
    for how in ({"env": {**os.environ, "TMPDIR": "/nonexistent"}},
                {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000000,) * 2)}):
        done = subprocess.run([verimail.program, "-c", verimail.path("v.conf"), "stamp"], check=False,
                              input=ALICE + body, capture_output=True, timeout=WAIT_LIMIT, **how)
        equal(done.returncode, 75, repr(done.stderr))
        check(done.stdout == ALICE + body, "not all of it passed")
        contains(done.stderr, b"not stamped: ")


def test_closed_standard_files_do_no_harm(verimail):
    for closed, status in (("<&-", 66), (">&-", 75), ("2>&-", 0)):
        done = subprocess.run(
            ["/bin/sh", "-c", f'"$@" {closed}', "sh", verimail.program, "-c", verimail.path("v.conf"),
             "stamp"], input=ALICE, capture_output=True, check=False, timeout=WAIT_LIMIT)
        equal((done.returncode, len(done.stdout) > len(ALICE)), (status, status == 0), closed)
    folder = os.open(verimail.folder, os.O_RDONLY)
    done = verimail.run("stamp", stdin=folder)
    os.close(folder)
    equal((done.status, done.octets), (66, b""))
    contains(one_line(done), "Is a directory")


def test_nothing_stays_in_the_folder_for_temporary_files(verimail):
    folder = tempfile.mkdtemp(dir=verimail.folder)
    verimail.run("stamp", given=ALICE, env={**os.environ, "TMPDIR": folder})
    verimail.run("stamp", given=b"", env={**os.environ, "TMPDIR": folder})
    equal(os.listdir(folder), [])
