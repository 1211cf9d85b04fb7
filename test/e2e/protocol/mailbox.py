# SPDX-License-Identifier: ISC
"""verimail(7), CANONICAL TEXT."""
import re
from dataclasses import dataclass

from .octets import fold, require
from .domain import read_ascii_domain, read_domain

LOCAL_LIMIT = 64
# What readers of mail trim or hide.
HIDDEN = re.compile("[\u0085\u00a0\u00ad\u034f\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164"
                    "\ufe00-\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff%s]" % "".join(
                        chr(plane << 16 | last) for plane in range(17) for last in (0xfffe, 0xffff)))
TO_ENCODE = re.compile(rb"[\x00-\x20\x7f-\xff%@]")


@dataclass
class Mailbox:
    local: bytes  # without quotes and quoted-pairs
    domain: bytes  # A-labels in lower case

    def __post_init__(self):
        require(1 <= len(self.local) <= LOCAL_LIMIT)
        require(self.local != b"*" and self.local.split(b"+")[0])
        require(not HIDDEN.search(self.local.decode("utf-8", "surrogateescape")))

    def local_text(self):
        return TO_ENCODE.sub(lambda octet: b"%%%02X" % ord(octet[0]), self.local)

    def text(self):
        return self.local_text() + b"@" + self.domain


def make_canonical(local, domain):
    return Mailbox(local, read_domain(domain))


def read_canonical(text, default_domain=None):
    """Takes exactly what would be written; only the domain may be in upper case. Without '@' the
    user is one of the default domain."""
    local, at, domain = text.rpartition(b"@")
    if not at:
        require(default_domain is not None)
        local, domain = text, default_domain
    decoded = re.sub(rb"%([0-9A-F]{2})", lambda code: bytes([int(code[1], 16)]), local)
    mailbox = Mailbox(decoded, read_ascii_domain(domain))
    require(mailbox.local_text() == local)
    return mailbox


def without_detail(local):
    return local.split(b"+")[0]


def same_user(one, other):
    return fold(one) == fold(other)
