# SPDX-License-Identifier: ISC
"""verimail(7), STAMP."""
import re

from .octets import B64, FWS, require
from .mailbox import read_canonical

FIELD_NAME = b"Verimail:"
FIELD_LIMIT = 900
LINE_LIMIT = 78
STAMP = re.compile(rb"(?:%s)?([!-~]+)((?:%s%s+)+)(?:%s)?" % (FWS, FWS, B64, FWS))


def read_stamp(value):
    """The user and the payload of what stands behind the colon."""
    line_ends = re.sub(rb"\r?\n", b"\r\n", value)
    require(len(FIELD_NAME + line_ends) <= FIELD_LIMIT)
    found = STAMP.fullmatch(value)
    require(found)
    payload = re.sub(rb"[ \t\r\n]", b"", found[2])
    require(payload != b"-")
    return read_canonical(found[1]).text(), payload


def write_stamp(user, payload):
    lines = [FIELD_NAME]
    if len(FIELD_NAME + b" " + user) > LINE_LIMIT:
        lines.append(b"")
    lines[-1] += b" " + user
    while payload:
        room = LINE_LIMIT - len(lines[-1] + b" ")
        if room < 1:
            lines.append(b"")
            room = LINE_LIMIT - 1
        lines[-1] += b" " + payload[:room]
        payload = payload[room:]
    stamp = b"\r\n".join(lines)
    require(len(stamp) <= FIELD_LIMIT)
    return stamp
