# SPDX-License-Identifier: ISC
"""The tokens of a From field, with what stands between them."""
import re
from dataclasses import dataclass

from .octets import require

ATOM = re.compile(rb"[A-Za-z0-9\x80-\xff!#$%&'*+/=?^_`{|}~.-]+")
QUOTED = re.compile(rb'"((?:[^"\\]|\\[^\r\n])*)"')
COMMENT_PART = re.compile(rb"[^()\\]|\\[^\r\n]")
SPLIT_CHARACTER = re.compile(rb"[\x80-\xff][\\@\[\]]")


@dataclass
class Token:
    """kind is atom, quoted, an octet, or nothing at the end; spaced and commented say what stands
    before it."""
    kind: bytes
    text: bytes = b""
    spaced: bool = False
    commented: bool = False

    def is_word(self):
        return self.kind in (b"atom", b"quoted")


class Tokens:
    def __init__(self, value):
        self.value = value
        self.at = 0

    def next(self):
        begin, commented = self.at, False
        while self.value[self.at:self.at + 1] in (b" ", b"\t", b"\r", b"\n", b"("):
            if self.value[self.at:self.at + 1] == b"(":
                self.skip_comment()
                commented = True
            else:
                self.at += 1
        spaced = self.at > begin
        kind, text = self.read()
        return Token(kind, text, spaced, commented)

    def skip_comment(self):
        begin, depth = self.at, 0
        while True:
            octet = self.value[self.at:self.at + 1]
            if octet == b"(":
                depth, self.at = depth + 1, self.at + 1
            elif octet == b")":
                depth, self.at = depth - 1, self.at + 1
            else:
                part = COMMENT_PART.match(self.value, self.at)
                require(part, "comment")
                self.at = part.end()
            if not depth:
                break
        comment = self.value[begin:self.at]
        require(not SPLIT_CHARACTER.search(comment), "octet")
        require(not re.search(rb'[<>@"\\]', comment), "misleading")

    def read(self):
        atom = ATOM.match(self.value, self.at)
        if atom:
            self.at = atom.end()
            return b"atom", atom[0]
        octet = self.value[self.at:self.at + 1]
        if octet != b'"':
            self.at += len(octet)
            return octet, octet
        quoted = QUOTED.match(self.value, self.at)
        require(quoted, "syntax")
        require(not SPLIT_CHARACTER.search(quoted[1]), "octet")
        self.at = quoted.end()
        return b"quoted", quoted[1]


def quoted_strings(value):
    """The text of the quoted strings among the tokens of a value that fits the grammar."""
    tokens, texts = Tokens(value), []
    token = tokens.next()
    while token.kind:
        texts += [token.text] if token.kind == b"quoted" else []
        token = tokens.next()
    return texts
