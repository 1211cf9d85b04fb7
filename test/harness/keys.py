# SPDX-License-Identifier: ISC
"""Keys and payloads, by design section 4."""
import base64
import hashlib

import nacl.public

from harness.files import write_file


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def blake2b(octets):
    return hashlib.blake2b(octets, digest_size=32).digest()


class Key:
    """A key pair of a `host`, of a `service` or for an `answer`. `secret`: its octets; a new one
    where they do not matter. Names of tests must be the same each time."""

    def __init__(self, role, secret=None):
        self.role = role
        self.secret = (nacl.public.PrivateKey(secret) if secret else
                       nacl.public.PrivateKey.generate())
        self.public = self.secret.public_key

    def _text(self, kind, key):
        head = f"{self.role}-{kind}:"
        return head + base64url(key + blake2b(head.encode() + key)[:4])

    def public_text(self):
        return self._text("public", bytes(self.public))

    def secret_text(self):
        return self._text("secret", bytes(self.secret))

    def write(self, path, mode=0o640):
        write_file(path, "# a key\n" + self.secret_text() + "\n", mode)
        return path


def seal(host, service, content):
    """Whatever content, sealed by a host's Key for a service's."""
    key_id = blake2b(bytes(host.public) + bytes(service.public))[:8]
    sealed = nacl.public.Box(host.secret, service.public).encrypt(content.encode())
    return base64url(b"\x01" + key_id + bytes(sealed))


def digest_of(octets):
    return base64url(blake2b(octets))
