# SPDX-License-Identifier: ISC
"""Sealed conversations with the service: an independent client, and a hostile one."""
import os
import sqlite3
import subprocess
import threading
import time

import nacl.public
import pytest

import protocol
from harness.checks import check, contains, equal, wait_for
from harness.client import ask
from harness.files import write_file
from harness.keys import Key, base64url
from harness.daemon import BUILD, PROGRAMS
from harness.sealed import NONE, Question, id_of, padded

UNSTAMPED = "NO unstamped ttl=300 scope=domain"
PLAIN = b"alice@example.org - rcpt=example.net"
# Public keys with which every secret is zero.
WEAK = (bytes(32), b"\x01" + bytes(31),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"))


class Site:
    def __init__(self, case, **options):
        self.case = case
        self.world = case.world
        self.key = Key("answer")
        path = self.key.write(os.path.join(case.folder, "answer.key"))
        self.daemon = case.daemon(self.world.config(
            service=f'answer_keys = {{"{path}"}}', domain='user "alice" { }', **options))

    def question(self, text=PLAIN, **how):
        return Question(self.key.public, text, **how)

    def raw(self, line):
        try:
            return ask(self.daemon.address, line).encode()
        except ConnectionResetError:  # closed while there was more to read
            return b""

    def ask(self, text=PLAIN, **how):
        question = self.question(text, **how)
        return question.open(self.raw(question.line))


@pytest.fixture(name="site")
def fixture_site(case):
    return Site(case)


def not_answered(site, line, what):
    before = site.daemon.count("why=not-opened")
    equal(site.raw(line), b"", what)
    site.daemon.wait_log("why=not-opened", before + 1)


def test_answers_are_those_of_plain_questions(site):
    stamped = site.world.question().rstrip("\r\n").encode()
    equal(site.ask(stamped), "YES stamped", "stamped")
    equal(site.ask(), UNSTAMPED, "unstamped")
    equal(site.raw(PLAIN + b"\r\n").decode(), UNSTAMPED + "\r\n", "in plain, as ever")
    equal(site.ask(b"alice@example.org -"), "NO", "without names")
    for text in (b"", b"* x", b"*", b"nonsense", b"alice@example.org - rcpt=a.example rcpt=b.example",
                 b"\0", b"alice@example.org -\r\n", site.question().line.strip()):
        equal(site.ask(text), "NO", f"what is no question: {text!r}")
    longest = b"alice@example.org - x=" + b"y" * (4096 - 22)
    equal(site.ask(longest), UNSTAMPED, "the longest")
    site.daemon.wait_log("event=question", 5)
    channels = [line.split("channel=")[1].split()[0]
                for line in site.daemon.lines("event=question")]
    equal((channels.count("sealed"), channels.count("plain")), (4, 1), "the log")


def test_a_client_written_from_the_page(site):
    """protocol/ is a second implementation, from verimail(7) alone."""
    client = os.urandom(32)
    public = bytes(site.key.public)
    secret = protocol.shared_secret(client, public)
    for text, wanted in ((PLAIN, UNSTAMPED), (b"alice@example.org -", "NO"),
                         (site.world.question().rstrip("\r\n").encode(), "YES stamped"),
                         (b"*", "NO")):
        nonce = os.urandom(12)
        answer = site.raw(protocol.seal_question(text, nonce, client, public))
        equal(protocol.open_answer(answer, nonce, secret).decode(), wanted, text)


def test_line_ends(site):
    for end in (b"\r\n", b"\n"):
        question = site.question()
        equal(question.open(site.raw(question.line.rstrip() + end)), UNSTAMPED, end)
    question = site.question()
    equal(question.open(ask(site.daemon.address, question.line.rstrip(), half_close=True).encode()),
          UNSTAMPED, "an end of file")


def test_every_octet_counts(site):
    octets = bytearray(site.question().octets)
    for at in range(len(octets)):
        octets[at] ^= 1
        equal(site.raw(b"* " + base64url(octets).encode() + b"\r\n"), b"", f"octet {at} was flipped")
        octets[at] ^= 1
    for cut in (1, 9, 41, 53, 68, len(octets) - 1):
        equal(site.raw(b"* " + base64url(octets[:cut]).encode() + b"\r\n"), b"", f"cut at {cut}")


def test_what_is_not_sealed_for_us(site):
    other = Key("answer")
    not_answered(site, Question(other.public, PLAIN).line, "another service's")
    check(f"answer_key={id_of(other.public).hex()}" in site.daemon.text(), site.daemon.text())
    not_answered(site, site.question(key_id=bytes(8)).line, "another key's id")
    not_answered(site, site.question(version=2).line, "another version")
    for line in (b"* AA\r\n", b"* AQ\r\n", b"* " + b"A" * 5000 + b"\r\n"):
        not_answered(site, line, line[:20])
    for line in (b"* \r\n", b"* ====\r\n", b"* A\r\n", b"* - rcpt=a.example\r\n",
                 b"* " + b"A" * 9000 + b"\r\n"):
        equal(site.raw(line), b"NO\r\n", f"not the form of anything sealed: {line[:20]}")
    for public in WEAK:
        octets = site.question().octets
        not_answered(site, b"* " + base64url(octets[:9] + public + octets[41:]).encode() + b"\r\n",
                     f"a key of low order: {public.hex()}")
    equal(site.ask(), UNSTAMPED, "afterwards")


def test_an_answer_is_of_its_question(site):
    first, second = site.question(), site.question()
    answer = site.raw(first.line)
    equal((first.open(answer), second.open(answer)), (UNSTAMPED, None), "of another client")
    third = site.question(client=first.client)
    equal(third.open(answer), None, "of the same client")
    again = site.raw(first.line)
    equal(first.open(again), UNSTAMPED, "a question that is sent twice")
    check(again != answer, "the same nonce")
    # What it gets back is not its own box.
    equal(first.open(b"* " + base64url(NONE + first.octets[53:]).encode() + b"\r\n"), None)
    check((len(answer) - 4) * 3 // 4 == 12 + 16 + len(padded(UNSTAMPED.encode())), len(answer))


def test_keys_are_changed_without_a_gap(case):
    folder = os.path.join(case.folder, "answer")
    os.mkdir(folder, 0o755)
    old, new = Key("answer"), Key("answer")
    old.write(os.path.join(folder, "1.key"))
    config = case.world.config(service=f'answer_keys = {{"{folder}"}}', domain='user "alice" { }')
    daemon = case.daemon(config)

    def answered():
        found = []
        for key in (old, new):
            question = Question(key.public, PLAIN)
            found.append(question.open(ask(daemon.address, question.line).encode()) == UNSTAMPED)
        return found

    equal(answered(), [True, False], "before")
    new.write(os.path.join(folder, "2.key"))
    daemon.reload()
    wait_for(lambda: answered() == [True, True], "both keys")
    os.unlink(os.path.join(folder, "1.key"))
    daemon.reload()
    wait_for(lambda: answered() == [False, True], "the new key alone")


def test_a_flood_of_new_keys(site):
    """A fresh key with each question, from other networks, costs no genuine client its answer."""
    end = threading.Event()
    asked = [0, 0]

    def flood(number):
        while not end.is_set():
            line = site.question().line
            try:
                ask(site.daemon.address, line, source=f"127.3.{asked[number] % 250}.{number + 1}")
                asked[number] += 1
            except OSError:
                pass

    threads = [threading.Thread(target=flood, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    client = nacl.public.PrivateKey.generate()
    times = []
    try:
        for n in range(300):
            began = time.monotonic()
            equal(site.ask(client=client), UNSTAMPED, f"question {n}")
            times.append(time.monotonic() - began)
    finally:
        end.set()
        for thread in threads:
            thread.join()
    check(all(asked), f"questions of the flood: {asked}")
    print(f"# {sum(asked)} questions with a key each; p99 of {len(times)} beside them: "
          f"{sorted(times)[int(len(times) * 0.99)] * 1000:.1f} ms")


def test_the_record_says_how_it_came(case):
    site = Site(case, record='store = "sqlite"')
    equal(site.ask(), UNSTAMPED)
    site.raw(PLAIN + b"\r\n")

    def rows():
        try:
            store = sqlite3.connect(f"file:{case.world.state}/events.db?mode=ro", uri=True)
            return [row[0] for row in store.execute("SELECT channel FROM event ORDER BY id")]
        except sqlite3.OperationalError:
            return []
    # Two workers may have answered: their order is their own.
    wait_for(lambda: sorted(rows()) == ["plain", "sealed"], "the record")


def test_without_an_answer_key(case):
    daemon = case.daemon(case.world.config(domain='user "alice" { }'))
    equal(ask(daemon.address, Question(Key("answer").public, PLAIN).line), "")
    equal(ask(daemon.address, PLAIN + b"\r\n"), UNSTAMPED + "\r\n")


def test_a_key_of_two_kinds_is_refused(case):
    secret = Key("service")
    twin = Key("answer")
    twin.secret, twin.public = secret.secret, secret.public
    service = secret.write(os.path.join(case.folder, "s.key"))
    answer = twin.write(os.path.join(case.folder, "a.key"))
    path = os.path.join(case.folder, "conf")
    for answer_key, wanted in ((answer, "an answer key that is another key too: a service key"),
                               (service, "unusable answer key"),
                               (answer + "x", "No such file")):
        write_file(path, case.world.config(service=f'answer_keys = {{"{answer_key}"}}',
                                           keys=[service]))
        done = subprocess.run([os.path.join(BUILD, PROGRAMS["verimaild"]), "-t", "-c", path], capture_output=True,
                              text=True, check=False)
        equal(done.returncode, 78, done.stderr)
        contains(done.stderr, wanted)
