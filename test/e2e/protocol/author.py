# SPDX-License-Identifier: ISC
"""verimail(7), THE AUTHOR."""
import re

from .octets import FWS, Refused, require
from .mailbox import make_canonical

ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]"
DOT_ATOM = re.compile(ATEXT + rb"+(?:\." + ATEXT + rb"+)*")
QUOTED_STRING = re.compile(rb'"((?:[^"\\]|\\[^\r\n])*)"', re.DOTALL)
WORD = re.compile(rb"(?:" + ATEXT + rb"|\.)+")
COMMENT_PART = re.compile(rb"[^()\\]+|\\[^\r\n]|[()]")
SPACE = re.compile(FWS)
NOT_IN_FROM = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n(?![ \t])")


class From:
    """Reads the value of a From field, from its beginning to its end."""

    def __init__(self, value):
        self.value = value
        self.at = 0

    def take(self, pattern):
        found = pattern.match(self.value, self.at)
        if found:
            self.at = found.end()
        return found

    def take_octet(self, octet):
        found = self.value.startswith(octet, self.at)
        self.at += found
        return found

    def comment(self):
        if not self.value.startswith(b"(", self.at):
            return False
        depth = 0
        while True:
            part = self.take(COMMENT_PART)
            require(part)
            depth += {b"(": 1, b")": -1}.get(part[0], 0)
            if depth == 0:
                return True

    def cfws(self):
        while self.take(SPACE) or self.comment():
            pass

    def addr(self):
        """The local part without quotes, quoted-pairs and line ends, and the domain; or None."""
        start = self.at
        atom = self.take(DOT_ATOM)
        quoted = None if atom else self.take(QUOTED_STRING)
        if (atom or quoted) and self.take_octet(b"@"):
            domain = self.take(DOT_ATOM)
            if domain:
                return atom[0] if atom else unquote(quoted[1]), domain[0]
        self.at = start
        return None

    def author(self):
        self.cfws()
        addr = self.addr()
        if not addr:
            while self.take(WORD) or self.take(QUOTED_STRING):
                self.cfws()
            require(self.take_octet(b"<"))
            self.take(SPACE)
            addr = self.addr()
            require(addr)
            self.take(SPACE)
            require(self.take_octet(b">"))
        self.cfws()
        require(self.at == len(self.value))
        return addr


def unquote(text):
    return re.sub(rb"\\(.)|\r?\n", lambda found: found[1] or b"", text, flags=re.DOTALL)


def read_from(value):
    """The author's mailbox."""
    require(not NOT_IN_FROM.search(value))
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused() from None
    local, domain = From(value).author()
    require(b"." in domain)
    require(not any(re.search(rb"=\?.*\?=", part, re.DOTALL) for part in (local, domain)))
    return make_canonical(local, domain)
