# SPDX-License-Identifier: ISC
"""The digest of a message."""
import re

from .octets import FWS, blake2b_256, fold, require, write_base64url

SPACED = (b"subject date content-type content-disposition content-location list-post list-unsubscribe "
          b"list-unsubscribe-post autocrypt").split()
QUOTING = b"content-type content-disposition".split()
NAMES = (b"from sender reply-to mail-followup-to mail-reply-to to cc subject date message-id "
         b"in-reply-to references mime-version content-type content-transfer-encoding "
         b"content-disposition content-id content-location list-post list-unsubscribe "
         b"list-unsubscribe-post disposition-notification-to autocrypt resent-from "
         b"resent-sender").split()
WHITE_SPACE = re.compile(rb"[ \t\r\n]+")
# What stands in quotes, up to the end of the value where they do not close.
QUOTED = re.compile(rb'("(?:\\[\r\n]*[^\r\n]|[^"\\])*(?:"|\\?\Z))')
HEADER_LIMIT, FIELDS_LIMIT, LINE_LIMIT = 1048576, 2000, 990


def split_message(message):
    """The header section with its empty line, and the body."""
    found = re.search(rb"(?:\A|\n)\r?\n", message)
    return (message[:found.end()], message[found.end():]) if found else (message, b"")


def read_fields(header):
    """[(name in lower case, value without its last line end)]"""
    require(len(header) <= HEADER_LIMIT, "too-large")
    lines = [line for line in re.findall(rb"[^\n]*\n|[^\n]+", header) if line.strip(b"\r\n")]
    fields = []
    for line in lines:
        if line[:1] in b" \t":
            require(fields, "not-field")
            fields[-1] += line
        else:
            fields.append(line)
    require(len(fields) <= FIELDS_LIMIT, "too-large")
    return [read_field(text) for text in fields]


def read_field(text):
    text = re.sub(rb"\r?\n\Z", b"", text)
    found = re.match(rb"([\x21-\x39\x3b-\x7e]+)((?:%b)?):" % FWS, text)
    require(found, "not-field")
    require(not re.search(rb"\r(?!\n)", text), "bare-cr")
    require(not found[2], "spaced")
    name = fold(found[1])
    if name in NAMES or name == b"authentication-results":
        require(all(len(line) <= LINE_LIMIT for line in re.split(rb"\r?\n", text)), "long-line")
    return name, text[found.end():]


def hashed_value(name, value):
    if name in QUOTING:
        parts = QUOTED.split(value)
        parts[::2] = [WHITE_SPACE.sub(b" ", part) for part in parts[::2]]
        parts[1::2] = [re.sub(rb"\r?\n", b"", part) for part in parts[1::2]]
        return b"".join(parts).strip(b" \t")
    text = WHITE_SPACE.sub(b" ", value).strip(b" ")
    return text if name in SPACED else re.sub(rb' ?([,;<>()"]) ?', rb"\1", text)


def hashed_body(body):
    if not body:
        return b""
    lines = re.split(rb"\r?\n", body)
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def hashed_octets(message):
    header, body = split_message(message)
    fields = read_fields(header)
    parts = []
    for name in NAMES:
        values = [hashed_value(name, value) for found, value in fields if found == name]
        parts.append(b"%b:%d\r\n" % (name, len(values)))
        parts += [name + b":" + value + b"\r\n" for value in values]
    return b"".join(parts) + b"\r\n" + hashed_body(body)


def digest_of(hashed):
    return write_base64url(blake2b_256(hashed))
