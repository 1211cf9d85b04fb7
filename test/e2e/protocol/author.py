# SPDX-License-Identifier: ISC
"""verimail(7), THE AUTHOR."""
import base64
import re

from .octets import FWS, Refused, fold, require
from .mailbox import make_canonical

ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]"
DOT_ATOM = re.compile(ATEXT + rb"+(?:\." + ATEXT + rb"+)*")
QUOTED_STRING = re.compile(rb'"((?:[^"\\]|\\[^\r\n])*)"', re.DOTALL)
WORD = re.compile(rb"(?:" + ATEXT + rb"|\.)+")
COMMENT_PART = re.compile(rb"[^()\\]+|\\[^\r\n]|[()]")
SPACE = re.compile(FWS)
HIGH_BEFORE_SPECIAL = re.compile(rb"[\x80-\xff][\\@\[\]]")
ENCODED_WORD = re.compile(rb"=\?([^?]*)\?([bBqQ])\?(.*?)\?=", re.DOTALL)
NOT_ASCII = re.compile(
    rb"utf-?7|utf-?16|utf-?32|(cs)?unicode|(cs)?ucs|iso-10646|(cs)?ebcdic|posix-bc|csibm"
    rb"|ibm(0|10|11|2|42|5|87|880)|cp(037|1025|1026|1047|11|2|37|42|500|87)", re.IGNORECASE)
ESCAPES = re.compile(
    rb"\x1b(?P<ascii>\([BJ])|\x1b(?P<other>\(.|\$\(.|\$[@-\xff])|\x1b[^(][ -/]*.|(?P<shift>[\x0e\x0f])", re.DOTALL)
NOT_IN_FROM = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n(?![ \t])")


class From:
    """Reads the value of a From field, from its beginning to its end."""

    def __init__(self, value):
        self.value = value
        self.at = 0
        self.quoted = b""  # what stands in all quoted strings

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
        start = self.at
        depth = 0
        while True:
            part = self.take(COMMENT_PART)
            require(part)
            depth += {b"(": 1, b")": -1}.get(part[0], 0)
            if depth == 0:
                comment = self.value[start:self.at]
                require(not re.search(rb'[<>@"\\]', comment))
                require(not HIGH_BEFORE_SPECIAL.search(comment))
                return True

    def quoted_string(self):
        found = self.take(QUOTED_STRING)
        if found:
            require(not HIGH_BEFORE_SPECIAL.search(found[1]))
            self.quoted += found[1]
        return found

    def cfws(self):
        while self.take(SPACE) or self.comment():
            pass

    def addr(self):
        """Whether the local part is an atom, its text, and the domain; or None."""
        start = self.at
        atom = self.take(DOT_ATOM)
        quoted = None if atom else self.quoted_string()
        if (atom or quoted) and self.take_octet(b"@"):
            domain = self.take(DOT_ATOM)
            if domain:
                return bool(atom), (atom or quoted)[0 if atom else 1], domain[0]
        self.at = start
        return None

    def author(self):
        self.cfws()
        first = self.addr()
        if not first:
            while self.take(WORD) or self.quoted_string():
                self.cfws()
        self.cfws()
        if first and not self.value.startswith(b"<", self.at):
            require(self.at == len(self.value))
            return first
        require(self.take_octet(b"<"))
        self.take(SPACE)
        addr = self.addr()
        require(addr)
        require(not first or fold_all(addr) == fold_all(first))
        self.take(SPACE)
        require(self.take_octet(b">"))
        self.cfws()
        require(self.at == len(self.value))
        return addr


def fold_all(addr):
    return addr[0], fold(addr[1]), fold(addr[2])


def unquote(text):
    return re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL)


def read_base64_leniently(text):
    octets = b""
    for group in text.translate(bytes.maketrans(b"-_", b"+/")).split(b"="):
        digits = re.sub(rb"[^A-Za-z0-9+/]", b"", group)
        digits = digits[:-1] if len(digits) % 4 == 1 else digits
        octets += base64.b64decode(digits + b"=" * (-len(digits) % 4))
    return octets


def read_quoted_printable(text):
    return re.sub(rb"=([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()),
                  text.replace(b"_", b" "))


def drop_other_sets(octets):
    """What of iso-2022-* stands in ASCII or JIS X 0201 Roman."""
    kept, at, other, shifted = b"", 0, False, False
    for found in [*ESCAPES.finditer(octets), None]:
        end = found.start() if found else len(octets)
        kept += b"" if other or shifted else octets[at:end]
        if found:
            at = found.end()
            other = bool(found["other"]) or (other and not found["ascii"])
            shifted = found["shift"] == b"\x0e" if found["shift"] else shifted
    return kept


def read_encoded_words(value):
    """What all encoded words say."""
    said = b""
    for charset, encoding, text in ENCODED_WORD.findall(value):
        charset = charset.split(b"*")[0]
        require(not NOT_ASCII.match(charset))
        require(not re.search(rb'["<]', charset + text))
        text = re.sub(rb"[\r\n]", b"", text).replace(b"\t", b" ")
        octets = read_base64_leniently(text) if encoding in b"bB" else read_quoted_printable(text)
        said += drop_other_sets(octets) if fold(charset).startswith(b"iso-2022-") else octets
    return said


def read_from(value):
    """The author's mailbox."""
    require(not NOT_IN_FROM.search(value))
    reader = From(value)
    is_atom, local, domain = reader.author()
    for part in (local, domain):
        require(not re.search(rb"\?=", part))
        try:
            part.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused() from None
    said = read_encoded_words(value)
    require(not re.search(rb"[\x00-\x1f\x7f]", said))
    require(not (re.search(rb"[<@]", reader.quoted) and re.search(rb"\n|\\\\", reader.quoted)))
    shown = said + reader.quoted
    require(not (re.search(rb'[<@"\\]', said) and b"<" in shown and b"@" in shown))
    require(b"." in domain)
    local = local if is_atom else unquote(local)
    require(not re.search(rb"[\x00-\x1f\x7f\"(),:;<>@[\\\]]|\A | \Z|  ", local))
    return make_canonical(local, domain)
