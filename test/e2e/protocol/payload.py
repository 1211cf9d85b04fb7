# SPDX-License-Identifier: ISC
"""verimail(7), SEALED PAYLOAD."""
from dataclasses import dataclass

import nacl.bindings
import nacl.exceptions

from .octets import Refused, fold, is_digest, read_base64url, read_number, require, write_base64url
from .domain import read_ascii_domain
from .mailbox import read_canonical
from .conversation import read_rcpt
from .key import key_id, public_of

VERSION = b"\x01"
NONCE = 24
BOX_OVERHEAD = 16
INSIDE_LIMIT = 640
RECEIVING_LIMIT = 300
RECIPIENTS_LIMIT = 1000000


def read_receiving(text):
    """The recipients by domain, or those of '*'."""
    require(len(text) <= RECEIVING_LIMIT)
    receiving = {}
    for entry in text.split(b","):
        domain, _, recipients = entry.partition(b":")
        if text != b"*:" + recipients:
            require(read_ascii_domain(domain) == domain)
        require(domain not in receiving)
        receiving[domain] = read_number(recipients, RECIPIENTS_LIMIT)
        require(receiving[domain] >= 1)
    require(sum(receiving.values()) <= RECIPIENTS_LIMIT)
    return receiving


def recipients_at(receiving, domain):
    """'*' in the payload names all; '*' in the question is named by no other."""
    try:
        domain = domain if domain == b"*" else read_ascii_domain(domain)
    except Refused:
        return 0
    return receiving.get(b"*", receiving.get(domain, 0))


def covers(receiving, rcpt):
    try:
        return all(recipients_at(receiving, domain) for domain in read_rcpt(rcpt))
    except Refused:
        return False


def write_receiving(added):
    """added: pairs of a domain, or '*', and its recipients."""
    receiving = {}
    for domain, recipients in added:
        domain = fold(domain)
        receiving[domain] = receiving.get(domain, 0) + recipients
    text = b",".join(b"%s:%d" % entry for entry in receiving.items())
    if b"*" in receiving or len(text) > RECEIVING_LIMIT:
        text = b"*:%d" % sum(receiving.values())
    return text


@dataclass
class Inside:
    sending: bytes
    receiving: bytes
    issued: int
    user: bytes
    digest: bytes


def read_inside(text):
    require(len(text) <= INSIDE_LIMIT)
    words = text.split(b" ")
    require(len(words) == 5)
    sending, receiving, issued, user, digest = words
    read_ascii_domain(sending)
    read_receiving(receiving)
    require(read_canonical(user).text() == user)
    require(digest == b"-" or is_digest(digest))
    return Inside(sending, receiving, read_number(issued, 2**64 - 1), user, digest)


def write_inside(inside):
    return b"%s %s %d %s %s" % (inside.sending, inside.receiving, inside.issued, inside.user,
                                inside.digest)


def seal(inside, nonce, host_secret, service_public):
    box = nacl.bindings.crypto_box(write_inside(inside), nonce, service_public, host_secret)
    pair = key_id(public_of(host_secret), service_public)
    return write_base64url(VERSION + pair + nonce + box)


@dataclass
class Pair:
    host: bytes
    host_public: bytes
    service_secret: bytes

    def id(self):
        return key_id(self.host_public, public_of(self.service_secret))


def open_sealed(payload, pairs):
    """What is inside, the text of it, and the nonce. Refused has the text where there is one."""
    try:
        octets = read_base64url(payload)
    except Refused:
        raise Refused("not-sealed") from None
    start = len(VERSION) + 8
    least = start + NONCE + BOX_OVERHEAD
    require(least <= len(octets) <= least + INSIDE_LIMIT, "not-sealed")
    require(octets.startswith(VERSION), "not-sealed")
    nonce, box = octets[start:start + NONCE], octets[start + NONCE:]
    pair = next((pair for pair in pairs if pair.id() == octets[1:start]), None)
    require(pair, "key")
    try:
        text = nacl.bindings.crypto_box_open(box, nonce, pair.host_public, pair.service_secret)
    except nacl.exceptions.CryptoError:
        raise Refused("box") from None
    try:
        inside = read_inside(text)
    except Refused:
        raise Refused("content", content=text) from None
    if fold(inside.sending) != fold(pair.host):
        raise Refused("host", content=text)
    return inside, text, nonce
