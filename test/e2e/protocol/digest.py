# SPDX-License-Identifier: ISC
"""verimail(7), DIGEST."""
import re
from dataclasses import field

from .octets import FWS, blake2b_256, fold, require, write_base64url

DIGESTED = (b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id",
            b"mime-version", b"content-type", b"content-transfer-encoding")
SPACED = (b"subject", b"content-type")
HEADER_LIMIT = 1048576
FIELDS_LIMIT = 2000
FIELD = re.compile(rb"([!-9;-~]+)(?:%s)?:(.*)" % FWS, re.DOTALL)
LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")


def split_message(message):
    """The fields, as names in lower case and values, and the body."""
    fields = []
    at = 0
    for line in LINE.finditer(message):
        at = line.end()
        if line[0] in (b"\n", b"\r\n"):
            break
        if line[0][:1] in (b" ", b"\t"):
            require(fields)
            fields[-1] += line[0]
        else:
            fields.append(line[0])
    found = [FIELD.fullmatch(octets) for octets in fields]
    require(at <= HEADER_LIMIT and len(fields) <= FIELDS_LIMIT and all(found))
    return [(fold(field[1]), field[2]) for field in found], message[at:]


def digested_value(name, value):
    if name in SPACED:
        return re.sub(rb"[ \t\r\n]+", b" ", value).strip(b" ")
    return re.sub(rb"[ \t\r\n]", b"", value)


def digested_body(body):
    lines = []
    for found in LINE.finditer(body):
        line = re.sub(rb"\r?\n\Z", b"", found[0])
        lines.append(re.sub(rb"[ \t]+", b" ", line.rstrip(b" \t")))
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def hashed_octets(message):
    fields, body = split_message(message)
    header = b""
    for name in DIGESTED:
        values = [value for other, value in fields if other == name]
        header += b"%s:%d\r\n" % (name, len(values))
        for value in values:
            header += name + b":" + digested_value(name, value) + b"\r\n"
    return header + b"\r\n" + digested_body(body)


def digest_of(hashed):
    return write_base64url(blake2b_256(hashed))
