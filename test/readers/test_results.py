# SPDX-License-Identifier: ISC
"""A result in our name that somebody could read is found forged, so that it does not stay."""
import os
import re

from compare import seeds
from compare.mutation import SEED, Mutator, smallest
from compare.process import ID
from compare.results import views
from harness.checks import check
from harness.forgeries import FORGED, OTHERS

VALUES = int(os.environ.get("READERS_VALUES", "60000")) // 2
ROUND = 5000
NEXT_LINE = re.compile(rb"\n(?![ \t])")  # not in a value
PLAIN = [b" mx.receiver.test; verimail=pass", b" (c) mx.receiver.test 1 ; verimail/1 = pass header.from=a@b.c",
         b' "mx.receiver.test"; dkim=pass reason="x"; verimail=pass (c)']
TOKENS = [b"mx.receiver.test", b"verimail", b"verimail=pass", b"; verimail=pass", b"pass", b"none", b";",
          b"=", b"/", b"/1", b"1", b" 1", b'"', b'""', b"(", b")", b"(x)", b"(;", b"\\", b'\\"', b"\\)",
          b" ", b"\t", b"\r\n ", b"\n ", b"\r", b"\0", b"\x0b", b"\xc2\xa0", b"\xff", b".", b",", b"@", b"?",
          b"=?utf-8?q?verimail=3Dpass?=", b"=?utf-8?q?", b"?=", b"=?utf-8?b?dmVyaW1haWw9cGFzcw==?=",
          b"=?utf-8?q?mx.receiver.test?=", b"=?utf-8?q?=3B?=", b"dkim=pass", b"reason=x", b"policy.x=y"]


def readable(readers, values):
    """(value, view): who reads verimail=pass in our name in what ours lets stand"""
    left = [value for value, word in zip(values, readers.ours.read("R", values)) if word == "stands"]
    others = readers.read("R", left)
    return [(value, view) for value, shown in zip(left, others)
            for view, passes in {**shown, **views(value, ID)}.items() if passes]


def test_no_forged_result_stays(readers):
    texts = [value.encode() for value in FORGED + OTHERS]
    start = [b" " + value.replace(b"mx.example.org", ID.encode())
             for value in texts + seeds.corpus("results")]
    mutator = Mutator(start + PLAIN, TOKENS)
    values = start + list(Mutator(PLAIN, TOKENS).everywhere())
    faults, known = [], set()
    while values:
        known.update(values)
        faults += readable(readers, values)
        more = {mutator.one() for _ in range(ROUND if len(known) < VALUES else 0)} - known
        values = sorted(value for value in more if not NEXT_LINE.search(value))
    print(f"# Authentication-Results: {len(known)} values with seed {SEED}, "
          f"{len({value for value, _ in faults})} forged ones stay")
    small = []
    for view, value in {view: value for value, view in reversed(faults)}.items():
        small.append((view, smallest(
            value, lambda one, view=view: (one, view) in readable(readers, [one]))))
    check(not faults, "\n".join(f"{view} reads our pass in {value!r}" for view, value in small))
