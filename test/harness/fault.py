# SPDX-License-Identifier: ISC
"""Calls of a daemon that fail on purpose: `daemon(env=fault.env)` (test/torture/fault.h)."""
import os
import re
import struct

from harness import sanitizer
from harness.daemon import BUILD

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "torture/fault.c")
NONE = 0xffffffff


def kinds():
    with open(SOURCE, encoding="ascii") as file:
        return re.findall(r"^    KIND\((\w+), ", file.read(), re.MULTILINE)


class Fault:
    """All processes of the daemon share the count. The n-th call of a kind fails, with `always` all
    later ones, too; with `path` only those count that name a path that ends so."""

    def __init__(self, path):
        self.path = path
        self.none()
        os.chmod(path, 0o666)
        library = os.path.abspath(os.path.join(BUILD, "test/torture/fault.so"))
        self.env = {"LD_PRELOAD": library, "VERIMAIL_FAULT": path, **sanitizer.ENV}

    def _write(self, kind, left=0, always=False, path=""):
        content = struct.pack("=5I64s64I", NONE, left, int(always), 0, 0, path.encode(), *[0] * 64)
        mode = "r+b" if os.path.exists(self.path) else "w+b"
        with open(self.path, mode, buffering=0) as file:
            os.pwrite(file.fileno(), content, 0)
            os.pwrite(file.fileno(), struct.pack("=I", kind), 0)

    def none(self):
        self._write(NONE)

    def at(self, kind, n=1, path="", always=False):
        self._write(kinds().index(kind), n, always, path)

    def met(self):
        """How many calls failed since at()."""
        with open(self.path, "rb") as file:
            return struct.unpack("=5I", file.read(20))[3]

    def calls(self):
        """The kinds that were called since then, and how often."""
        with open(self.path, "rb") as file:
            counts = struct.unpack("=5I64s64I", file.read())[6:]
        return {kind: count for kind, count in zip(kinds(), counts) if count > 0}

    def seen(self):
        with open(self.path, "rb") as file:
            return struct.unpack("=5I", file.read(20))[4]
