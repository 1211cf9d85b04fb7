# SPDX-License-Identifier: ISC
"""The sealed payload, and the receivers in it."""
from dataclasses import dataclass

import nacl.bindings
import nacl.exceptions

from .conversation import read_rcpt
from .domain import read_ascii_domain
from .key import key_id, public_of
from .mailbox import read_canonical
from .octets import (Refused, fold, is_digest, read_base64url, read_number, require,
                     write_base64url)

VERSION = b"\x01"
PAYLOAD_LEAST, PAYLOAD_LIMIT, TEXT_LIMIT, RECEIVING_LIMIT = 49, 689, 640, 300
RECIPIENTS_LIMIT = 1000000


@dataclass
class Pair:
    """A host as the service lists it, with the keys of both ends."""
    host: bytes
    host_public: bytes
    service_secret: bytes


@dataclass
class Inside:
    sending: bytes
    receiving: bytes
    issued: int
    user: bytes
    digest: bytes

    def text(self):
        return b"%b %b %d %b %b" % (self.sending, self.receiving, self.issued, self.user, self.digest)


def read_receiving(text):
    """{domain: recipients}; {*: recipients} for any domain."""
    require(len(text) <= RECEIVING_LIMIT)
    receiving = {}
    for entry in text.split(b","):
        domain, colon, recipients = entry.partition(b":")
        require(colon and domain not in receiving)
        require(domain == read_ascii_domain(domain) if domain != b"*" else text == entry)
        receiving[domain] = read_number(recipients, 1, RECIPIENTS_LIMIT)
    require(sum(receiving.values()) <= RECIPIENTS_LIMIT)
    return receiving


def write_receiving(added):
    """added is [(domain, recipients)] in the order in which they came."""
    receiving = {}
    for domain, recipients in added:
        domain = fold(domain)
        receiving[domain] = receiving.get(domain, 0) + recipients
    recipients = sum(receiving.values())
    require(recipients <= RECIPIENTS_LIMIT)
    text = b",".join(b"%b:%d" % entry for entry in receiving.items())
    if b"*" in receiving or len(text) > RECEIVING_LIMIT:
        return b"*:%d" % recipients
    return text


def recipients_at(receiving, domain):
    """0 for what is neither a domain nor [*]."""
    try:
        name, = read_rcpt(domain)
    except (Refused, ValueError):
        return 0
    return receiving.get(name, receiving.get(b"*", 0))


def covers(receiving, rcpt):
    """Whether all that a question's rcpt= names is named."""
    try:
        domains = read_rcpt(rcpt)
    except Refused:
        return False
    return b"*" in receiving or all(domain in receiving for domain in domains)


def read_inside(text):
    require(len(text) <= TEXT_LIMIT)
    words = text.split(b" ")
    require(len(words) == 5)
    sending, receiving, issued, user, digest = words
    read_ascii_domain(sending)
    read_receiving(receiving)
    require(b"@" in user and read_canonical(user).text() == user)
    require(digest == b"-" or is_digest(digest))
    return Inside(sending, receiving, read_number(issued, 0, 2 ** 64 - 1), user, digest)


def seal(inside, nonce, host_secret, service_public):
    box = nacl.bindings.crypto_box(inside.text(), nonce, service_public, host_secret)
    return write_base64url(VERSION + key_id(public_of(host_secret), service_public) + nonce + box)


def open_sealed(payload, pairs):
    """What is inside, its text, and the nonce."""
    octets = read_base64url(payload, "not-sealed")
    require(PAYLOAD_LEAST <= len(octets) <= PAYLOAD_LIMIT and octets[:1] == VERSION, "not-sealed")
    pair = next((pair for pair in pairs if octets[1:9] ==
                 key_id(pair.host_public, public_of(pair.service_secret))), None)
    require(pair, "key")
    nonce = octets[9:33]
    try:
        text = nacl.bindings.crypto_box_open(octets[33:], nonce, pair.host_public,
                                             pair.service_secret)
    except nacl.exceptions.CryptoError:
        raise Refused("box") from None
    try:
        inside = read_inside(text)
    except Refused:
        raise Refused("content", content=text) from None
    require(fold(inside.sending) == fold(pair.host), "host", content=text)
    return inside, text, nonce
