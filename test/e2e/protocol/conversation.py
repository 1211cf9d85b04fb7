# SPDX-License-Identifier: ISC
"""The conversation: a question's line and an answer's."""
import re
import socket
from dataclasses import dataclass

from .domain import read_ascii_domain
from .mailbox import read_canonical
from .octets import B64, VCHAR, Refused, is_digest, read_number, require

QUESTION_LIMIT, ANSWER_LIMIT, RCPT_LIMIT, IP_LIMIT, NAMES_LIMIT = 4096, 512, 2048, 45, 32
TTL_LIMIT = 3600
VERDICTS = {b"stamped": b"YES", b"redirected": b"ALLOW", b"changed": b"ALLOW", b"replayed": b"ALLOW",
            b"expired": b"ALLOW", b"uncounted": b"ALLOW", b"classic": b"ALLOW",
            b"unstamped": b"ALLOW NO", b"host": b"ALLOW", b"unserved": b"ALLOW",
            b"testing": b"ALLOW", b"forged": b"NO", b"refused": b"NO"}


@dataclass
class Question:
    user: bytes
    payload: bytes
    rcpt: bytes = None
    digest: bytes = None
    ip: bytes = None
    named: bool = False


@dataclass
class Answer:
    verdict: bytes
    reason: bytes = None
    ttl: int = None
    scope: bytes = None


def read_names(words):
    require(len(words) <= NAMES_LIMIT)
    names = {}
    for word in words:
        found = re.fullmatch(rb"(%b+)=(%b+)" % (B64, VCHAR), word)
        require(found and found[1] not in names)
        names[found[1]] = found[2]
    return names


def read_rcpt(text):
    """The domains in lower case, or [*]."""
    require(len(text) <= RCPT_LIMIT)
    return [b"*"] if text == b"*" else [read_ascii_domain(part) for part in text.split(b",")]


def require_ip(text):
    require(len(text) <= IP_LIMIT)
    try:
        socket.inet_pton(socket.AF_INET6 if b":" in text else socket.AF_INET, text.decode())
    except OSError:
        raise Refused() from None


def read_question(octets, default_domain=None):
    line, line_end, _ = octets.partition(b"\n")
    require(len(line) + len(line_end) <= QUESTION_LIMIT)
    if line_end:
        line = line.removesuffix(b"\r")
    require(re.fullmatch(rb"(?:%b| )+" % VCHAR, line))
    user, *words = line.split(b" ")
    require(words and re.fullmatch(B64 + rb"+", words[0]))
    names = read_names(words[1:])
    question = Question(read_canonical(user, default_domain).text(), words[0], names.get(b"rcpt"),
                        names.get(b"digest"), names.get(b"ip"), bool(names))
    if question.rcpt is not None:
        read_rcpt(question.rcpt)
    if question.digest is not None:
        require(is_digest(question.digest))
    if question.ip is not None:
        require_ip(question.ip)
    return question


def write_question(question):
    words = [question.user, question.payload]
    for name in ("rcpt", "digest", "ip"):
        value = getattr(question, name)
        if value is not None:
            words.append(name.encode() + b"=" + value)
    return b" ".join(words) + b"\r\n"


def read_answer(line, stamped):
    """What was said; a client uses ttl and scope only of answers about unstamped mail."""
    require(len(line) <= ANSWER_LIMIT and line.endswith(b"\r\n"))
    verdict, *words = line[:-2].split(b" ")
    require(verdict in (b"YES", b"NO", b"ALLOW") and (stamped or verdict != b"YES"))
    if not words:
        return Answer(verdict)
    reason = words[0]
    require(re.fullmatch(B64 + rb"+", reason))
    names = read_names(words[1:])
    require(names.get(b"scope", b"domain") == b"domain")
    ttl = read_number(names.get(b"ttl", b"0"), 0, TTL_LIMIT)
    if reason not in VERDICTS:
        return Answer(verdict)
    require(verdict in VERDICTS[reason].split())
    return Answer(verdict, reason, ttl or None, names.get(b"scope"))


def write_answer(answer):
    words = [answer.verdict]
    if answer.reason is not None:
        words.append(answer.reason)
    if answer.ttl:
        words.append(b"ttl=%d" % answer.ttl)
        if answer.scope:
            words.append(b"scope=" + answer.scope)
    return b" ".join(words) + b"\r\n"
