# SPDX-License-Identifier: ISC
"""verimail(7), CONVERSATION."""
import re
import socket
from dataclasses import dataclass

from .octets import B64, is_digest, read_number, require
from .domain import read_ascii_domain
from .mailbox import read_canonical

QUESTION_LIMIT = 4096
ANSWER_LIMIT = 512
NAMES_LIMIT = 32
RCPT_LIMIT = 2048
TTL_LIMIT = 3600
REASONS = {
    b"YES": [b"stamped"],
    b"ALLOW": [b"redirected", b"changed", b"replayed", b"expired", b"uncounted", b"classic",
               b"unstamped", b"host", b"unserved", b"testing"],
    b"NO": [b"unstamped", b"forged", b"refused"],
}


def read_names(words):
    """name=value, each name once."""
    require(len(words) <= NAMES_LIMIT)
    names = {}
    for word in words:
        name, equals, value = word.partition(b"=")
        require(re.fullmatch(B64 + rb"+", name) and equals and value and name not in names)
        names[name] = value
    return names


def read_rcpt(value):
    """The domains, in lower case, or ['*']."""
    require(len(value) <= RCPT_LIMIT)
    if value == b"*":
        return [b"*"]
    return [read_ascii_domain(domain) for domain in value.split(b",")]


def is_ip(value):
    if len(value) > 45:
        return False
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, value.decode("ascii"))
            return True
        except (OSError, ValueError):
            pass
    return False


@dataclass
class Question:
    user: bytes
    payload: bytes
    rcpt: bytes = None
    digest: bytes = None
    ip: bytes = None
    named: bool = False


def read_question(line, default_domain=None):
    """line: all up to and with the first LF, or up to the end of file."""
    require(len(line) <= QUESTION_LIMIT)
    line = re.sub(rb"\r?\n\Z", b"", line)
    require(re.fullmatch(rb"[ -~]*", line))
    words = line.split(b" ")
    require(len(words) >= 2 and all(words))
    names = read_names(words[2:])
    require(re.fullmatch(B64 + rb"+", words[1]))
    if b"rcpt" in names:
        read_rcpt(names[b"rcpt"])
    require(b"digest" not in names or is_digest(names[b"digest"]))
    require(b"ip" not in names or is_ip(names[b"ip"]))
    return Question(read_canonical(words[0], default_domain).text(), words[1], names.get(b"rcpt"),
                    names.get(b"digest"), names.get(b"ip"), bool(names))


def write_question(question):
    known = [(b"rcpt", question.rcpt), (b"digest", question.digest), (b"ip", question.ip)]
    words = [question.user, question.payload]
    words += [name + b"=" + value for name, value in known if value is not None]
    return b" ".join(words) + b"\r\n"


@dataclass
class Answer:
    verdict: bytes
    reason: bytes = None
    ttl: int = None
    scope: bytes = None


def read_answer(octets, stamped=True):
    """octets: all that came until the service closed. stamped: whether it was asked about a
    payload."""
    require(len(octets) <= ANSWER_LIMIT and octets.endswith(b"\r\n"))
    line = octets[:-2]
    require(re.fullmatch(rb"[ -~]*", line))
    verdict, *rest = line.split(b" ")
    require(verdict in REASONS and (stamped or verdict != b"YES"))
    if not rest:
        return Answer(verdict)
    known = any(rest[0] in reasons for reasons in REASONS.values())
    require(rest[0] in REASONS[verdict] if known else re.fullmatch(B64 + rb"+", rest[0]))
    names = read_names(rest[1:])
    ttl = read_number(names.get(b"ttl", b"0"), TTL_LIMIT)
    scope = names.get(b"scope")
    require(scope in (None, b"domain"))
    if not known:
        return Answer(verdict)
    return Answer(verdict, rest[0], ttl or None, scope)


def write_answer(answer):
    words = [answer.verdict]
    if answer.reason:
        words.append(answer.reason)
    if answer.reason and answer.ttl:
        words.append(b"ttl=%d" % answer.ttl)
        if answer.scope:
            words.append(b"scope=" + answer.scope)
    return b" ".join(words) + b"\r\n"
