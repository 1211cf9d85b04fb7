# SPDX-License-Identifier: ISC
"""Reads test/vectors with a second implementation, protocol/, which was written from verimail(7)
alone: where they agree, the page says enough. A test for each file and kind of record."""
import functools
import re
from pathlib import Path

import pytest

import protocol
from harness.checks import check, equal
from protocol import Refused

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
ESCAPE = re.compile(rb"\\(r|n|t|s|\\|x[0-9A-Fa-f]{2})")
OCTET = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"s": b" ", b"\\": b"\\"}


class Record(dict):
    def __init__(self, line):
        super().__init__()
        self.line = line


def unescape(value):
    def octet(found):
        return OCTET.get(found[1]) or bytes([int(found[1][1:], 16)])
    return ESCAPE.sub(octet, value)


def read_records(path):
    records = [Record(0)]
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line.startswith(b"#"):
            continue
        if not line:
            records.append(Record(0))
            continue
        name, equals, value = line.partition(b"=")
        name = name.strip(b" ").decode()
        if not equals or name in records[-1]:
            raise ValueError(f"{path.name}:{number}: not a line of a record")
        records[-1].line = records[-1].line or number
        records[-1][name] = unescape(value.lstrip(b" "))
    return [record for record in records if record]


class Kind:
    """A kind of record: what it is known by, what else is read from it, what must come out of it.
    check(record, state) gives what comes out; state is shared by the records of a file."""

    def __init__(self, name, known_by, check, inputs="", outputs="", what=None):
        self.name = name
        self.known_by = set(known_by.split())
        self.inputs = self.known_by | set(inputs.split())
        self.outputs = set(outputs.split())
        self.check = check
        self.what = what

    def fits(self, record):
        return (self.known_by <= set(record) <= self.inputs | self.outputs
                and record.get("what") == self.what)

    def differences(self, record, state):
        got = {name: octets(value) for name, value in self.check(record, state).items()}
        for name in sorted(self.outputs | set(got)):
            if got.get(name) != record.get(name):
                yield f"{name}: got {shown(got.get(name))}, want {shown(record.get(name))}"


def octets(value):
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()


def shown(value):
    return "nothing" if value is None else repr(value)[1:]


def yes_no(value):
    return b"yes" if value else b"no"


def allows(function, *arguments):
    try:
        function(*arguments)
        return True
    except Refused:
        return False


# addresses.txt

def check_domain(record, _):
    try:
        return {"result": "ok", "ascii": protocol.read_domain(record["domain"])}
    except Refused:
        return {"result": "refused"}


def check_make(record, _):
    try:
        mailbox = protocol.make_canonical(record["local"], record["domain"])
    except Refused:
        return {"result": "refused"}
    return {"result": "ok", "address": mailbox.text()}


def check_read(record, _):
    try:
        mailbox = protocol.read_canonical(record["canonical"], record.get("default_domain"))
    except Refused:
        return {"result": "refused"}
    return {"result": "ok", "address": mailbox.text(),
            "without_detail": protocol.without_detail(mailbox.local_text())}


def check_equal(record, _):
    return {"result": yes_no(protocol.same_user(record["canonical"], record["other"]))}


# from.txt

def check_from(record, _):
    """The word for a refusal is that of the page's steps."""
    try:
        return {"result": "ok", "address": protocol.read_from(record["value"]).text()}
    except Refused as refused:
        return {"result": refused.word}


# candidates.txt

def check_candidates(record, _):
    """The order is not the protocol's, so neither is which eight come first."""
    try:
        found = protocol.candidates_of(record["value"])
    except Refused:
        return {"unreadable": "yes"}
    wanted = record.get("candidates", b"")
    more = set(wanted.decode().split()) < found
    same = more and len(found) > 8 or found == set(wanted.decode().split())
    got = {"candidates": wanted if same else " ".join(found)}
    return {**got, "more": "yes"} if more else got


# keys.txt

def check_key(record, _):
    kind, text = record["kind"], record["text"]
    try:
        key = protocol.read_key(kind, text)
    except Refused as refused:
        return {"result": refused.word}
    return {"result": "ok", "octets": key.hex(), "text": protocol.write_key(kind, key)}


def check_public(record, _):
    return {"public": protocol.public_of(unhex(record["secret"])).hex()}


def check_key_id(record, _):
    pair = unhex(record["host_public"]), unhex(record["service_public"])
    return {"id": protocol.key_id(*pair).hex()}


def unhex(text):
    return bytes.fromhex(text.decode())


# payloads.txt

def check_pair(record, state):
    host_secret, service_secret = unhex(record["host_secret"]), unhex(record["service_secret"])
    state["host_secret"] = host_secret
    state["pair"] = protocol.Pair(record["host"], protocol.public_of(host_secret), service_secret)
    texts = {"host_secret": "host-secret", "service_secret": "service-secret"}
    got = {name: protocol.read_key(kind.encode(), record[name + "_text"]).hex()
           for name, kind in texts.items()}
    got["host_secret_text"] = protocol.write_key(b"host-secret", host_secret)
    got["service_secret_text"] = protocol.write_key(b"service-secret", service_secret)
    return got


def check_sealed(record, state):
    pair = state["pair"]
    try:
        inside, text, nonce = protocol.open_sealed(record["payload"], [pair])
    except Refused as refused:
        return {"result": refused.word, **refused.known}
    service_public = protocol.public_of(pair.service_secret)
    return {"result": "ok", "content": text, "nonce": nonce.hex(), "sending_fqdn": inside.sending,
            "receiving": inside.receiving, "issued": inside.issued, "user": inside.user,
            "digest": inside.digest,
            "payload": protocol.seal(inside, nonce, state["host_secret"], service_public)}


# sealed.txt

def check_answer_key(record, state):
    state["answer_secret"], state["client_secret"] = (
        unhex(record["answer_secret"]), unhex(record["client_secret"]))
    answer_public = protocol.public_of(state["answer_secret"])
    state["secret"] = protocol.shared_secret(state["client_secret"], answer_public)
    return {"key_id": protocol.answer_key_id(answer_public).hex(), "secret": state["secret"].hex()}


def check_sealed_question(record, state):
    try:
        question, nonce, _ = protocol.open_question(record["line"], state["answer_secret"])
    except Refused as refused:
        return {"result": refused.word}
    return {"result": "ok", "question": question, "nonce": nonce.hex(),
            "line": protocol.seal_question(question, nonce, state["client_secret"],
                                           protocol.public_of(state["answer_secret"]))}


def check_sealed_answer(record, state):
    asked = unhex(record["question_nonce"])
    try:
        answer = protocol.open_answer(record["answer_line"], asked, state["secret"])
    except Refused as refused:
        return {"result": refused.word}
    return {"result": "ok", "answer": answer, "answer_line": protocol.seal_answer(
        answer, asked, unhex(record["answer_nonce"]), state["secret"])}


# receiving.txt

def check_receiving(record, _):
    return {"valid": yes_no(allows(protocol.read_receiving, record["receiving"]))}


def check_recipients(record, _):
    receiving = protocol.read_receiving(record["receiving"])
    return {"recipients": protocol.recipients_at(receiving, record["domain"])}


def check_covers(record, _):
    receiving = protocol.read_receiving(record["receiving"])
    return {"covers": yes_no(protocol.covers(receiving, record["rcpt"]))}


def check_added(record, _):
    entries = [entry.rpartition(b":") for entry in record["added"].split(b" ")]
    text = protocol.write_receiving([(domain, int(number)) for domain, _, number in entries])
    protocol.read_receiving(text)
    return {"receiving": text}


# classic.txt

def check_rsa_key(record, state):
    try:
        state["key"] = protocol.read_rsa_key(record["key"])
    except Refused as refused:
        return {"refused": refused.word}
    return {"bits": state["key"].bits()}


def check_classic(record, state):
    try:
        classic = protocol.open_classic(record["payload"], state["key"])
    except Refused as refused:
        return {"result": refused.word, **refused.known}
    return {"host": classic.sending, "receiving": classic.receiving, "nonce": classic.nonce}


# stamps.txt

def check_field(record, _):
    field = protocol.write_stamp(record["user"], record["payload"])
    user, payload = protocol.read_stamp(field[len(protocol.FIELD_NAME):])
    return {"field": field, "user": user, "payload": payload}


def check_stamp(record, _):
    try:
        user, payload = protocol.read_stamp(record["value"])
    except Refused:
        return {"stamp": "no"}
    return {"user": user, "payload": payload}


# digests.txt

def check_digest(record, state):
    try:
        hashed = protocol.hashed_octets(record["message"])
    except Refused as why:
        return {"none": why.word}
    digest = protocol.digest_of(hashed)
    state[record["name"]] = digest
    got = {"digest": digest}
    if "hashed" in record:
        got["hashed"] = hashed
    if "like" in record:
        got["like"] = record["like"] if state[record["like"]] == digest else "another"
    if "unlike" in record:
        got["unlike"] = record["unlike"] if state[record["unlike"]] != digest else "the same"
    return got


# questions.txt, answers.txt

def check_question(record, _):
    try:
        question = protocol.read_question(record["line"], record.get("default_domain"))
    except Refused:
        return {"malformed": "yes"}
    return {"user": question.user, "payload": question.payload, "rcpt": question.rcpt,
            "digest": question.digest, "ip": question.ip, "named": yes_no(question.named),
            "formatted": protocol.write_question(question)}


def check_answer(record, _):
    try:
        answer = protocol.read_answer(record["line"], record.get("unstamped") != b"yes")
    except Refused:
        return {"malformed": "yes"}
    return {"verdict": answer.verdict, "reason": answer.reason, "ttl": answer.ttl,
            "scope": answer.scope, "formatted": protocol.write_answer(answer)}


# judgements.txt

JUDGED = ("domain hosts users expires lifetime ttl subdomains testing deny question payload inside now purged "
          "replay")


def read_rule(text, hosts):
    local, *words = text.split()
    rule = protocol.Rule(list(hosts))
    for word in words:
        name, _, value = word.partition(b"=")
        if name == b"hosts":
            rule.hosts = [] if value == b"none" else [value]
        elif name == b"more_hosts":
            rule.hosts.append(value)
        elif word == b"allow_unauthorized":
            rule.unauthorized = True
        elif name == b"not_before":
            rule.not_before = int(value)
        else:
            raise ValueError(f"no rule: {text}")
    return local, rule


def known(word, words):
    if word not in words.encode().split():
        raise ValueError(f"{word} is none of {words}")
    return word


def read_ends(text):
    if not text:
        return {}
    host, seconds = text.split()
    return {host.lower(): int(seconds)}


def read_service(record):
    denied = record["deny"].split()
    for word in denied:
        known(word, "expired changed redirected")
    hosts = record["hosts"].split()
    rules = dict(read_rule(text, hosts) for text in record["users"].split(b";"))
    domain = protocol.Domain(rules, int(record["lifetime"]), int(record["ttl"]),
                             known(record["subdomains"], "yes no") == b"yes",
                             known(record["testing"], "yes no") == b"yes", denied,
                             read_ends(record["expires"]))
    listed = hosts + [host for rule in rules.values() for host in rule.hosts]
    return {record["domain"]: domain}, listed


def read_opened(record):
    kinds = {b"absent": lambda _: None, b"unopened": lambda _: protocol.FORGED,
             b"sealed": protocol.read_inside, b"classic": protocol.read_classic}
    return kinds[record["payload"]](record["inside"])


def check_first(record, state):
    state["first"] = dict(record)
    return {}


def check_judgement(record, state):
    told = {**state["first"], **record}
    replay = known(told["replay"], "skipped within over failed")
    domains, hosts = read_service(told)
    question = protocol.read_question(told["question"])
    judgement = protocol.judge(domains, hosts, question, read_opened(told), int(told["now"]),
                               int(told["purged"]), lambda: replay)
    answer = protocol.answer_to(domains, hosts, question, judgement)
    return {"step": judgement.step, "answer": protocol.write_answer(answer),
            "cause": judgement.cause, "would_be": judgement.would_be}


FILES = {
    "addresses.txt": [
        Kind("domain", "what domain", check_domain, outputs="result ascii", what=b"domain"),
        Kind("make", "what local domain", check_make, outputs="result address", what=b"make"),
        Kind("read", "what canonical", check_read, "default_domain",
             "result address without_detail", what=b"read"),
        Kind("equal", "what canonical other", check_equal, outputs="result", what=b"equal"),
    ],
    "from.txt": [Kind("from", "value result", check_from, outputs="result address")],
    "candidates.txt": [
        Kind("candidates", "value", check_candidates, "no_domain", "candidates unreadable more"),
    ],
    "keys.txt": [
        Kind("text", "kind text", check_key, outputs="result octets"),
        Kind("public half", "secret", check_public, outputs="public"),
        Kind("key id", "host_public service_public", check_key_id, outputs="id"),
    ],
    "payloads.txt": [
        Kind("pair", "host host_secret host_secret_text service_secret service_secret_text",
             check_pair),
        Kind("sealed", "payload", check_sealed,
             outputs="result content nonce sending_fqdn receiving issued user digest"),
    ],
    "sealed.txt": [
        Kind("keys", "answer_secret client_secret", check_answer_key, outputs="key_id secret"),
        Kind("question", "line", check_sealed_question, outputs="result question nonce"),
        Kind("answer", "answer_line question_nonce", check_sealed_answer, "answer_nonce",
             "result answer"),
    ],
    "receiving.txt": [
        Kind("form", "receiving valid", check_receiving, outputs="valid"),
        Kind("recipients", "receiving domain", check_recipients, outputs="recipients"),
        Kind("covers", "receiving rcpt", check_covers, outputs="covers"),
        Kind("added", "added", check_added, outputs="receiving"),
    ],
    "classic.txt": [
        Kind("key", "key", check_rsa_key, outputs="bits refused"),
        Kind("payload", "payload", check_classic, outputs="result host receiving nonce content"),
    ],
    "stamps.txt": [
        Kind("field", "field user payload", check_field),
        Kind("value", "value", check_stamp, outputs="user payload stamp"),
    ],
    "digests.txt": [
        Kind("digest", "name message", check_digest, outputs="none hashed digest like unlike"),
    ],
    "questions.txt": [
        Kind("question", "line", check_question, "default_domain",
             "malformed user payload rcpt digest ip named formatted"),
    ],
    "answers.txt": [
        Kind("answer", "line", check_answer, "unstamped",
             "malformed verdict reason ttl scope formatted"),
    ],
    "judgements.txt": [
        Kind("first", JUDGED, check_first),
        Kind("judgement", "step answer", check_judgement, JUDGED, "step answer cause would_be"),
    ],
}


def complaints_about(kind, record, state):
    try:
        return list(kind.differences(record, state))
    except Exception as error:  # a record that cannot be checked is a failure like others
        return [f"{type(error).__name__}: {error}"]


@functools.cache
def checked(name):
    """What a file has of each kind of record: {kind: [(place, complaints)]}. Those of None fit none."""
    found = {kind: [] for kind in (*FILES[name], None)}
    state = {}
    for record in read_records(VECTORS / name):
        kind = next((kind for kind in FILES[name] if kind.fits(record)), None)
        complaints = complaints_about(kind, record, state) if kind else [
            f"got an unknown kind of record, with {', '.join(record)}"]
        found[kind].append((f"{name}:{record.line}", complaints))
    return found


def all_complaints(records):
    return [f"{place}: {text}" for place, complaints in records for text in complaints]


@pytest.mark.parametrize("name, kind", [
    pytest.param(name, kind, id=f"{name}-{kind.name}") for name in FILES for kind in FILES[name]])
def test_records(name, kind):
    records = checked(name)[kind]
    check(records, "got no such record, want at least one")
    equal(all_complaints(records), [], f"{len(records)} records")


@pytest.mark.parametrize("name", FILES)
def test_every_record_is_of_a_known_kind(name):
    equal(all_complaints(checked(name)[None]), [])


def test_every_file_is_read():
    equal({path.name for path in VECTORS.glob("*.txt")}, set(FILES))


ALICE, BOB = b" alice@example.org AbC", b" bob@example.org AbC"
COUNTS = [
    ("none", [], b"-"),
    ("one", [(b"Verimail", ALICE)], b"AbC"),
    ("name and user in another case", [(b"VERIMAIL", b" ALICE@EXAMPLE.org AbC")], b"AbC"),
    ("another user's", [(b"Verimail", BOB)], b"-"),
    ("hers beside another's", [(b"Verimail", BOB), (b"Verimail", ALICE)], b"AbC"),
    ("the same twice", [(b"Verimail", ALICE), (b"Verimail", ALICE)], b"AbC"),
    ("two that differ", [(b"Verimail", ALICE), (b"Verimail", ALICE + b"d")], b"-"),
    ("two that differ in a space", [(b"Verimail", ALICE), (b"Verimail", ALICE + b" ")], b"-"),
    ("two that differ in the name", [(b"Verimail", ALICE), (b"verimail", ALICE)], b"-"),
    ("one that is no stamp", [(b"Verimail", ALICE), (b"Verimail", ALICE + b"!")], b"AbC"),
]


@pytest.mark.parametrize("fields, want", [pytest.param(*row[1:], id=row[0]) for row in COUNTS])
def test_stamp_that_counts(fields, want):
    equal(protocol.stamp_that_counts(fields, b"alice@example.org"), want)
