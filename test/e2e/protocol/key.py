# SPDX-License-Identifier: ISC
"""Keys and their text form."""
import nacl.bindings
import nacl.exceptions

from .octets import Refused, blake2b_256, read_base64url, require, write_base64url

KINDS = (b"service-secret", b"service-public", b"host-secret", b"host-public", b"answer-secret",
         b"answer-public")


def check_of(kind, octets):
    return blake2b_256(kind + b":" + octets)[:4]


def write_key(kind, octets):
    return kind + b":" + write_base64url(octets + check_of(kind, octets))


def read_key(wanted, text):
    kind, colon, digits = text.partition(b":")
    require(colon and kind in KINDS and len(digits) == 48, "not-key")
    octets = read_base64url(digits, "not-key")
    require(octets[32:] == check_of(kind, octets[:32]), "check")
    require(kind == wanted, "wrong-kind")
    if kind.endswith(b"-public"):
        require_strong(octets[:32])
    return octets[:32]


def require_strong(public):
    """NaCl refuses to multiply by a point of low order."""
    try:
        product = nacl.bindings.crypto_scalarmult(bytes(range(32)), public)
    except (nacl.exceptions.RuntimeError, RuntimeError):
        raise Refused("weak") from None
    require(any(product), "weak")


def public_of(secret):
    return nacl.bindings.crypto_scalarmult_base(secret)


def key_id(host_public, service_public):
    return blake2b_256(host_public + service_public)[:8]
