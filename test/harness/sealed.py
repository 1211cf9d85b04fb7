# SPDX-License-Identifier: ISC
"""Sealed conversations, by design section 2: the other end of ours."""
import base64
import os

import nacl.bindings
import nacl.exceptions
import nacl.public

from harness.keys import base64url, blake2b

STEP = 128
NONE = bytes(12)


def id_of(answer_public):
    return blake2b(bytes(answer_public))[:8]


def padded(text):
    return text + b" " * (-len(text) % STEP)


class Question:
    """A question from a client's key pair to an answer key; every part of it may be another's."""

    def __init__(self, answer_public, text, client=None, nonce=None, key_id=None, version=1):
        self.client = client or nacl.public.PrivateKey.generate()
        self.nonce = os.urandom(12) if nonce is None else nonce
        self._shared = nacl.bindings.crypto_box_beforenm(bytes(answer_public), bytes(self.client))
        box = nacl.bindings.crypto_box_afternm(padded(text), self.nonce + NONE, self._shared)
        self.octets = (bytes([version]) + (id_of(answer_public) if key_id is None else key_id) +
                       bytes(self.client.public_key) + self.nonce + box)

    @property
    def line(self):
        return b"* " + base64url(self.octets).encode() + b"\r\n"

    def open(self, line):
        """The text of an answer; None: it is no answer to this question."""
        if not line.startswith(b"* ") or not line.endswith(b"\r\n"):
            return None
        octets = base64.urlsafe_b64decode(line[2:-2] + b"=" * (-len(line[2:-2]) % 4))
        if octets[:12] == NONE:
            return None
        try:
            return nacl.bindings.crypto_box_open_afternm(
                octets[12:], self.nonce + octets[:12], self._shared).rstrip(b" ").decode()
        except nacl.exceptions.CryptoError:
            return None


class Asked:
    """A sealed question as a service opens it: `text`, and what its answer is sealed with."""

    def __init__(self, answer_secret, line):
        """ValueError: it is plain; CryptoError: it does not open."""
        if not line.startswith(b"* "):
            raise ValueError(line)
        self.line, self.answer_secret = line, bytes(answer_secret)
        octets = base64.urlsafe_b64decode(line[2:].strip() + b"=" * (-len(line[2:].strip()) % 4))
        self.version, self.key_id = octets[0], octets[1:9]
        self.client, self.nonce, self.box = octets[9:41], octets[41:53], octets[53:]
        self._shared = nacl.bindings.crypto_box_beforenm(self.client, self.answer_secret)
        self.text = nacl.bindings.crypto_box_open_afternm(
            self.box, self.nonce + NONE, self._shared).rstrip(b" ")

    def answer(self, text, nonce=None):
        nonce = os.urandom(12) if nonce is None else nonce
        box = nacl.bindings.crypto_box_afternm(padded(text), self.nonce + nonce, self._shared)
        return b"* " + base64url(nonce + box).encode() + b"\r\n"
