# SPDX-License-Identifier: ISC
"""The payload of 2013: RSA-OAEP of three words."""
import base64
import hashlib
import re
from dataclasses import dataclass

from .domain import read_ascii_domain
from .octets import Refused, require

# rsaEncryption, with NULL for its parameters.
ALGORITHM = bytes.fromhex("06092a864886f70d0101010500")
SHA1_LEN = 20


@dataclass
class RsaKey:
    modulus: int
    public: int
    private: int

    def bits(self):
        return self.modulus.bit_length()

    def octets(self):
        return (self.bits() + 7) // 8


@dataclass
class Classic:
    sending: bytes
    receiving: bytes
    nonce: bytes


def read_der(octets, tag):
    """The value of the first element, and what stands behind it."""
    require(len(octets) > 1 and octets[0] == tag, "not-key")
    begin, length = 2, octets[1]
    if length > 0x80:
        begin += length - 0x80
        length = int.from_bytes(octets[2:begin], "big")
    require(len(octets) >= begin + length, "not-key")
    return octets[begin:begin + length], octets[begin + length:]


def read_rsa_key(text):
    require(b"ENCRYPTED" not in text, "pass-phrase")
    found = re.search(rb"-----BEGIN (RSA )?PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)"
                      rb"-----END (?:RSA )?PRIVATE KEY-----", text)
    require(b"BEGIN EC PRIVATE KEY" not in text, "not-rsa")
    require(found, "not-key")
    try:
        octets = base64.b64decode(found[2])
    except ValueError:
        raise Refused("not-key") from None
    key = read_pkcs1(octets if found[1] else inside_pkcs8(octets))
    require(1024 <= key.bits() <= 4096, "size")
    require(pow(pow(2, key.public, key.modulus), key.private, key.modulus) == 2, "trial")
    return key


def inside_pkcs8(octets):
    sequence, _ = read_der(octets, 0x30)
    _, rest = read_der(sequence, 0x02)
    algorithm, rest = read_der(rest, 0x30)
    require(algorithm == ALGORITHM, "not-rsa")
    return read_der(rest, 0x04)[0]


def read_pkcs1(octets):
    rest, _ = read_der(octets, 0x30)
    numbers = []
    while rest and len(numbers) < 4:
        value, rest = read_der(rest, 0x02)
        numbers.append(int.from_bytes(value, "big"))
    require(len(numbers) == 4, "not-key")
    return RsaKey(*numbers[1:])


def mask(seed, length):
    """MGF1 with SHA-1."""
    blocks = (hashlib.sha1(seed + number.to_bytes(4, "big")).digest()
              for number in range(length // SHA1_LEN + 1))
    return b"".join(blocks)[:length]


def xor(octets, others):
    return bytes(a ^ b for a, b in zip(octets, others))


def open_oaep(sealed, key):
    number = int.from_bytes(sealed, "big")
    require(number < key.modulus)
    encoded = pow(number, key.private, key.modulus).to_bytes(key.octets(), "big")
    masked_seed, masked_block = encoded[1:1 + SHA1_LEN], encoded[1 + SHA1_LEN:]
    seed = xor(masked_seed, mask(masked_block, SHA1_LEN))
    block = xor(masked_block, mask(seed, len(masked_block)))
    padding, one, text = block[SHA1_LEN:].partition(b"\x01")
    require(encoded[0] == 0 and block[:SHA1_LEN] == hashlib.sha1().digest())
    require(one and not any(padding))
    return text


def read_classic(text):
    words = text.split(b" ")
    require(len(words) == 3 and all(words))
    require(not re.search(rb"[\x00-\x1f\x7f]", text))
    read_ascii_domain(words[0])
    return Classic(*words)


def open_classic(payload, key):
    is_classic = re.fullmatch(rb"[0-9A-Fa-f]+", payload) and len(payload) == 2 * key.octets()
    require(is_classic, "not-classic")
    text = open_oaep(bytes.fromhex(payload.decode()), key)
    try:
        return read_classic(text)
    except Refused as refused:
        raise Refused(refused.word, content=text) from None
