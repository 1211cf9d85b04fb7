# SPDX-License-Identifier: ISC
"""Canonical text: the one way to write a mailbox."""
import re
from dataclasses import dataclass

from .domain import read_ascii_domain, read_domain
from .octets import fold, require

ENCODED = re.compile(rb"[\x00-\x20\x7f-\xff%@]")
HIDDEN = {*range(0x80, 0xA1), 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x1680, 0x17B4, 0x17B5, 0x3000, 0x3164, 0xFEFF,
          0xFFA0, *range(0x180B, 0x1810), *range(0x2000, 0x2010), *range(0x2028, 0x2030),
          *range(0x205F, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF0, 0x10000), *range(0x1BCA0, 0x1BCA4),
          *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)}


@dataclass
class Mailbox:
    local: bytes
    domain: bytes

    def local_text(self):
        return ENCODED.sub(lambda found: b"%%%02X" % found[0][0], self.local)

    def text(self):
        return self.local_text() + b"@" + self.domain


def is_hidden(character):
    code = ord(character)
    return code in HIDDEN or code & 0xFFFE == 0xFFFE


def require_user(local):
    require(1 <= len(local) <= 64 and local != b"*" and not local.startswith(b"+"))
    # What is not UTF-8 becomes a lone surrogate, which is never hidden.
    require(not any(map(is_hidden, local.decode("utf-8", "surrogateescape"))))


def make_canonical(local, domain):
    """The local part without its quotes, and the domain as people write it."""
    require_user(local)
    return Mailbox(local, read_domain(domain))


def read_canonical(text, default_domain=None):
    local_text, at, domain = text.rpartition(b"@")
    if not at:
        require(default_domain is not None)
        local_text, domain = text, default_domain
    local = re.sub(rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), local_text)
    require_user(local)
    mailbox = Mailbox(local, read_ascii_domain(domain))
    require(mailbox.local_text() == local_text)
    return mailbox


def same_user(text, other):
    return fold(text) == fold(other)


def without_detail(local_text):
    return local_text.partition(b"+")[0]
