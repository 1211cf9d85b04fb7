# SPDX-License-Identifier: ISC
"""verimail(7), the payload of 2013."""
import base64
import hashlib
import re
from dataclasses import dataclass

from .octets import Refused, require
from .domain import read_ascii_domain

RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
RSA_LEAST, RSA_MOST = 1024, 4096
PEM = re.compile(rb"\s*-----BEGIN ([A-Z ]+)-----\n(.*)-----END \1-----\s*", re.DOTALL)


@dataclass
class RsaKey:
    modulus: int
    public_exponent: int
    private_exponent: int

    def bits(self):
        return self.modulus.bit_length()

    def octets(self):
        return (self.bits() + 7) // 8


def der_elements(octets):
    """The tags and contents that follow one another."""
    elements = []
    while octets:
        require(len(octets) >= 2, "not-key")
        tag, length, start = octets[0], octets[1], 2
        if length >= 0x80:
            start += length - 0x80
            length = int.from_bytes(octets[2:start], "big")
        require(start + length <= len(octets), "not-key")
        elements.append((tag, octets[start:start + length]))
        octets = octets[start + length:]
    return elements


def der_sequence(octets, least):
    elements = der_elements(octets)
    require(len(elements) == 1 and elements[0][0] == 0x30, "not-key")
    inside = [content for _, content in der_elements(elements[0][1])]
    require(len(inside) >= least, "not-key")
    return inside


def read_rsa_key(pem):
    found = PEM.fullmatch(pem)
    require(found, "not-key")
    kind, body = found.groups()
    require(kind != b"ENCRYPTED PRIVATE KEY" and b"4,ENCRYPTED" not in body, "pass-phrase")
    require(kind != b"EC PRIVATE KEY", "not-rsa")
    require(kind in (b"PRIVATE KEY", b"RSA PRIVATE KEY"), "not-key")
    try:
        der = base64.b64decode(body)
    except ValueError:
        raise Refused("not-key") from None
    if kind == b"PRIVATE KEY":
        _, algorithm, der = der_sequence(der, 3)[:3]
        require(der_elements(algorithm)[0][1] == RSA_ENCRYPTION, "not-rsa")
    numbers = [int.from_bytes(number, "big") for number in der_sequence(der, 9)]
    key = RsaKey(*numbers[1:4])
    require(RSA_LEAST <= key.bits() <= RSA_MOST, "size")
    trial = 2**(key.bits() - 2) + 1
    opened = pow(pow(trial, key.public_exponent, key.modulus), key.private_exponent, key.modulus)
    require(opened == trial, "trial")
    return key


def sha1(octets):
    return hashlib.sha1(octets).digest()


def mgf1(seed, length):
    rounds = range(-(-length // 20))
    return b"".join(sha1(seed + i.to_bytes(4, "big")) for i in rounds)[:length]


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def open_oaep(key, sealed):
    """RFC 8017, section 7.1.2, without a label."""
    number = int.from_bytes(sealed, "big")
    require(number < key.modulus)
    octets = pow(number, key.private_exponent, key.modulus).to_bytes(key.octets(), "big")
    first, masked_seed, masked = octets[0], octets[1:21], octets[21:]
    seed = xor(masked_seed, mgf1(masked, 20))
    data = xor(masked, mgf1(seed, len(masked)))
    padding = re.match(rb"\x00*\x01", data[20:])
    require(first == 0 and data[:20] == sha1(b"") and padding)
    return data[20 + padding.end():]


@dataclass
class Classic:
    sending: bytes
    receiving: bytes
    nonce: bytes


def read_classic(text):
    words = text.split(b" ")
    require(len(words) == 3 and all(words) and not re.search(rb"[\x00-\x1f\x7f]", text))
    read_ascii_domain(words[0])
    return Classic(*words)


def open_classic(payload, key):
    """The three words. Refused has the text where there is one."""
    require(re.fullmatch(rb"[0-9A-Fa-f]+", payload), "not-classic")
    require(len(payload) == 2 * key.octets(), "not-classic")
    text = open_oaep(key, bytes.fromhex(payload.decode()))
    try:
        return read_classic(text)
    except Refused:
        raise Refused(content=text) from None
