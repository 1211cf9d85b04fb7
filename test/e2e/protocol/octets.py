# SPDX-License-Identifier: ISC
"""What all of it is made of: octets, numbers, base64url, the way to refuse."""
import base64
import hashlib
import re

B64 = rb"[A-Za-z0-9_-]"
FWS = rb"(?:[ \t]|\r?\n(?=[ \t]))+"
NUMBER = re.compile(rb"0|[1-9][0-9]*")


class Refused(Exception):
    def __init__(self, word="refused", **known):
        super().__init__(word)
        self.word = word
        self.known = known


def require(good, word="refused"):
    if not good:
        raise Refused(word)


def fold(text):
    return text.lower()  # of bytes: ASCII alone


def read_number(text, most):
    """Without leading zeros."""
    require(NUMBER.fullmatch(text) and len(text) <= 20 and int(text) <= most)
    return int(text)


def blake2b_256(octets):
    return hashlib.blake2b(octets, digest_size=32).digest()


def write_base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def read_base64url(text):
    """Each run of octets has one text: what is read must be what would be written."""
    require(re.fullmatch(B64 + rb"*", text) and len(text) % 4 != 1)
    octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    require(write_base64url(octets) == text)
    return octets


def is_digest(text):
    try:
        return len(read_base64url(text)) == 32
    except Refused:
        return False
