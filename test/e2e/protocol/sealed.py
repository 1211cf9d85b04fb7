# SPDX-License-Identifier: ISC
"""Sealed conversations."""
import nacl.bindings
import nacl.exceptions

from .key import public_of
from .octets import Refused, blake2b_256, read_base64url, require, write_base64url

VERSION = b"\x01"
STEP, QUESTION_LIMIT, ANSWER_LIMIT = 128, 4096, 512
NO_NONCE = bytes(12)
TAG = 16


def answer_key_id(answer_public):
    return blake2b_256(answer_public)[:8]


def shared_secret(secret, public):
    try:
        return nacl.bindings.crypto_box_beforenm(public, secret)
    except (nacl.exceptions.CryptoError, RuntimeError):
        raise Refused("box") from None


def _box(secret, nonce, text, limit):
    padded = text + b" " * (-len(text) % STEP)
    require(0 < len(padded) <= limit and not text.endswith(b" "))
    return nacl.bindings.crypto_box_afternm(padded, nonce, secret)


def _open(secret, nonce, box):
    require(len(box) >= TAG, "box")
    try:
        return nacl.bindings.crypto_box_open_afternm(box, nonce, secret).rstrip(b" ")
    except nacl.exceptions.CryptoError:
        raise Refused("box") from None


def seal_question(question, nonce, client_secret, answer_public):
    secret = shared_secret(client_secret, answer_public)
    box = _box(secret, nonce + NO_NONCE, question, QUESTION_LIMIT)
    return b"* " + write_base64url(VERSION + answer_key_id(answer_public) +
                                   public_of(client_secret) + nonce + box) + b"\r\n"


def open_question(line, answer_secret):
    """The question, the nonce, and the secret that its answer is sealed with. Refused: `plain` for
    what is an ordinary line; `unreadable`, `key` and `box` for what gets no answer."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    require(line.startswith(b"* "), "plain")
    octets = read_base64url(line[2:], "plain")
    require(octets, "plain")
    require(octets[:1] == VERSION and len(octets) >= 53 + TAG, "unreadable")
    require(octets[1:9] == answer_key_id(public_of(answer_secret)), "key")
    client, nonce = octets[9:41], octets[41:53]
    secret = shared_secret(answer_secret, client)
    return _open(secret, nonce + NO_NONCE, octets[53:]), nonce, secret


def seal_answer(answer, question_nonce, nonce, secret):
    require(nonce != NO_NONCE)
    return b"* " + write_base64url(
        nonce + _box(secret, question_nonce + nonce, answer, ANSWER_LIMIT)) + b"\r\n"


def open_answer(line, question_nonce, secret):
    require(line.startswith(b"* ") and line.endswith(b"\r\n"), "box")
    octets = read_base64url(line[2:-2], "box")
    require(len(octets) >= 12 + TAG and octets[:12] != NO_NONCE, "box")
    return _open(secret, question_nonce + octets[:12], octets[12:])
