# SPDX-License-Identifier: ISC
"""What the other modules share: base64url, numbers, BLAKE2b-256, ASCII case."""
import base64
import hashlib
import re

B64 = rb"[A-Za-z0-9_-]"
FWS = rb"(?:[ \t]|\r?\n(?=[ \t]))+"
VCHAR = rb"[\x21-\x7e]"


class Refused(Exception):
    """What the page refuses; word says why, known is what could be read all the same."""

    def __init__(self, word="refused", **known):
        super().__init__(word)
        self.word = word
        self.known = known


def require(condition, word="refused", **known):
    if not condition:
        raise Refused(word, **known)


def fold(text):
    """bytes.lower() folds ASCII alone."""
    return text.lower()


def blake2b_256(text):
    return hashlib.blake2b(text, digest_size=32).digest()


def write_base64url(text):
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def read_base64url(text, word="refused"):
    require(re.fullmatch(B64 + rb"*", text) and len(text) % 4 != 1, word)
    octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    require(write_base64url(octets) == text, word)
    return octets


def is_digest(text):
    """43 digits; base64url is strict here too."""
    try:
        return len(read_base64url(text)) == 32
    except Refused:
        return False


def read_number(text, low, high):
    require(re.fullmatch(rb"0|[1-9][0-9]*", text) and len(text) <= 20)
    number = int(text)
    require(low <= number <= high)
    return number
