# SPDX-License-Identifier: ISC
"""verimail(7), KEYS."""

import nacl.bindings
import nacl.exceptions

from .octets import Refused, blake2b_256, read_base64url, require, write_base64url

KINDS = (b"service-secret", b"service-public", b"host-secret", b"host-public")


def key_check(kind, octets):
    return blake2b_256(kind + b":" + octets)[:4]


def write_key(kind, octets):
    return kind + b":" + write_base64url(octets + key_check(kind, octets))


def read_key(kind, text):
    named, colon, digits = text.partition(b":")
    require(named in KINDS and colon and len(digits) == 48, "not-key")
    try:
        octets = read_base64url(digits)
    except Refused:
        raise Refused("not-key") from None
    key, check = octets[:32], octets[32:]
    require(check == key_check(named, key), "check")
    require(named == kind, "wrong-kind")
    require(not kind.endswith(b"-public") or not is_of_low_order(key), "weak")
    return key


def is_of_low_order(public):
    """Every clamped scalar takes such a point to zero, which libsodium refuses."""
    try:
        nacl.bindings.crypto_scalarmult(b"\x01" * 32, public)
    except nacl.exceptions.RuntimeError:
        return True
    return False


def public_of(secret):
    return nacl.bindings.crypto_scalarmult_base(secret)


def key_id(host_public, service_public):
    return blake2b_256(host_public + service_public)[:8]
