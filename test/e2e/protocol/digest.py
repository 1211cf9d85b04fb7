# SPDX-License-Identifier: ISC
"""verimail(7), DIGEST."""
import re

from .octets import FWS, blake2b_256, fold, require, write_base64url

DIGESTED = (b"from", b"sender", b"reply-to", b"mail-followup-to", b"mail-reply-to", b"to", b"cc",
            b"subject", b"date", b"message-id", b"in-reply-to", b"references", b"mime-version",
            b"content-type", b"content-transfer-encoding", b"content-disposition", b"content-id",
            b"content-location", b"list-post", b"list-unsubscribe", b"list-unsubscribe-post",
            b"disposition-notification-to", b"autocrypt", b"resent-from", b"resent-sender")
QUOTED = (b"content-type", b"content-disposition")
SPACED = (b"subject", b"content-location", b"list-post", b"list-unsubscribe",
          b"list-unsubscribe-post", b"autocrypt")
READ = DIGESTED + (b"authentication-results",)
HEADER_LIMIT = 1048576
FIELDS_LIMIT = 2000
LINE_LIMIT = 990
FIELD = re.compile(rb"([!-9;-~]+)(%s)?:(.*)" % FWS, re.DOTALL)
LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
LINE_END = re.compile(rb"\r?\n")
WHITE = rb"[ \t\r\n]+"
DIVIDER = rb'[,;<>()"]'
BESIDE_DIVIDERS = re.compile(rb"(?<=%s) | (?=%s)" % (DIVIDER, DIVIDER))
IN_QUOTES = re.compile(rb'("(?:\\.|[^"\\])*(?:"|\\?\Z))', re.DOTALL)


def without_line_end(line):
    return re.sub(rb"\r?\n\Z", b"", line)


def require_readable(name, field, is_spaced):
    lines = LINE_END.split(without_line_end(field))
    require(not any(b"\r" in line for line in lines), "bare-cr")
    require(not is_spaced, "spaced")
    require(name not in READ or all(len(line) <= LINE_LIMIT for line in lines), "long-line")


def split_message(message):
    """The fields, as names in lower case and values, and the body."""
    fields = []
    at = 0
    for line in LINE.finditer(message):
        at = line.end()
        if line[0] in (b"\n", b"\r\n"):
            break
        if line[0][:1] in (b" ", b"\t"):
            require(fields, "not-field")
            fields[-1] += line[0]
        else:
            fields.append(line[0])
    found = [FIELD.fullmatch(octets) for octets in fields]
    require(all(found), "not-field")
    require(at <= HEADER_LIMIT and len(fields) <= FIELDS_LIMIT, "too-large")
    for field in found:
        require_readable(fold(field[1]), field[0], field[2])
    return [(fold(field[1]), field[3]) for field in found], message[at:]


def digested_value(name, value):
    value = value.strip(b" \t\r\n")
    if name in QUOTED:
        parts = IN_QUOTES.split(re.sub(rb"[\r\n]", b"", value))
        parts[::2] = [re.sub(WHITE, b" ", part) for part in parts[::2]]
        return b"".join(parts)
    value = re.sub(WHITE, b" ", value)
    return value if name in SPACED else BESIDE_DIVIDERS.sub(b"", value)


def digested_body(body):
    lines = []
    for found in LINE.finditer(body):
        line = without_line_end(found[0])
        lines.append(re.sub(rb"[ \t]+", b" ", line.rstrip(b" \t")))
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def hashed_octets(message):
    """Refused with the word that the vectors have for it, where the message has no digest."""
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
