# SPDX-License-Identifier: ISC
"""The stamp: the header field that carries a payload."""
import re

from .mailbox import read_canonical, same_user
from .octets import B64, FWS, Refused, fold, require

FIELD_NAME = b"Verimail:"
FIELD_LIMIT, LINE_LIMIT = 900, 78


def field_length(value):
    """Each line end inside counts as two octets."""
    return len(FIELD_NAME) + len(re.sub(rb"\r?\n", b"\r\n", value))


def read_stamp(value):
    """A field's value without its last line end, to its user and its payload."""
    require(field_length(value) <= FIELD_LIMIT)
    found = re.fullmatch(rb"(?:%b)?([^ \t\r\n]+)%b(%b+(?:%b%b+)*)(?:%b)?" %
                         (FWS, FWS, B64, FWS, B64, FWS), value)
    require(found and b"@" in found[1])
    payload = re.sub(rb"[ \t\r\n]", b"", found[2])
    require(payload != b"-")
    return read_canonical(found[1]).text(), payload


def write_stamp(user, payload):
    lines = [FIELD_NAME + b" " + user]
    if len(lines[0]) > LINE_LIMIT:
        lines = [FIELD_NAME, b" " + user]
    rest = payload
    if len(lines[-1]) + 1 < LINE_LIMIT:
        room = LINE_LIMIT - len(lines[-1]) - 1
        lines[-1] += b" " + rest[:room]
        rest = rest[room:]
    while rest:
        lines.append(b" " + rest[:LINE_LIMIT - 1])
        rest = rest[LINE_LIMIT - 1:]
    return b"\r\n".join(lines)


def stamp_that_counts(fields, author):
    """The payload for the question. fields are (name, value) of a message."""
    fields = {(name, value) for name, value in fields if fold(name) == fold(FIELD_NAME[:-1])}
    payloads = []
    for _, value in fields:
        try:
            user, payload = read_stamp(value)
        except Refused:
            continue
        if same_user(user, author):
            payloads.append(payload)
    return payloads[0] if len(payloads) == 1 else b"-"
