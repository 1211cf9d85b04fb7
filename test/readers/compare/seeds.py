# SPDX-License-Identifier: ISC
"""Values to begin with: those of the vectors, the attacks and the fuzzers' corpora."""
import glob
import os
import re

TEST = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ESCAPE = re.compile(rb"\\(r|n|t|s|\\|x[0-9a-fA-F]{2})")
NAMED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"s": b" ", b"\\": b"\\"}


def read(*path):
    with open(os.path.join(TEST, *path), "rb") as file:
        return file.read()


def unescape(text):
    return ESCAPE.sub(lambda found: NAMED.get(found[1]) or bytes([int(found[1][1:], 16)]), text)


def vectors(name, key):
    """The values of one name in a file of vectors."""
    return [unescape(value) for value in re.findall(
        rb"^" + key.encode() + rb" *= *(.*)$", read("vectors", name), re.MULTILINE)]


def corpus(name):
    """The corpus of a fuzzer."""
    return [read(path) for path in sorted(glob.glob(os.path.join(TEST, "fuzz", "corpus", name, "*")))]
