# SPDX-License-Identifier: ISC
"""What ours accepts as author X no reader shows as author Y."""
import os
import re
from itertools import islice

from compare import seeds
from compare.author import Authors
from compare.mutation import SEED, Mutator, smallest
from harness.checks import check

VALUES = int(os.environ.get("READERS_VALUES", "60000"))
ROUND = 5000
# Postfix makes a space of a bare CR, sendmail refuses the message; behind a LF there is another line.
NO_VALUE = re.compile(rb"\r(?!\n)|\n(?![ \t])")
PLAIN = [b" alice@origin.test", b" Alice <alice@origin.test>", b' "A, B" <alice@origin.test>',
         b" =?utf-8?q?A_B?= <alice@origin.test>", b" (a) Alice (b) <alice@origin.test> (c)",
         b' "a\r\n b" (c\r\n d) <alice@origin.test>', b' "al ice"@origin.test',
         b" J\xc3\xbcrgen <alice@b\xc3\xbccher.test>", b" J\xfcrgen <alice@origin.test>"]
TOKENS = [b"<", b">", b"<x@atk.test>", b"x@atk.test", b"@", b"@atk.test", b"<x@atk.test>,", b",", b";",
          b":", b"g:", b"(", b")", b"(x)", b"((", b'"', b'""', b'"x@atk.test"', b"\\", b"\\\\", b'\\"',
          b"\\)", b"[", b"]", b".", b"..", b" ", b"  ", b"\t", b"\r\n ", b"\n\t", b"\r", b"\0", b"\x0b",
          b"\x0c", b"\x1c", b"=?", b"?=", b"=?utf-8?q?", b"=?utf-8?q?x=40atk.test?=",
          b"=?utf-8?q?=3Cx=40atk.test=3E?=", b"=?utf-8?b?PHhAYXRrLnRlc3Q+?=", b"=?x?q?=00=22?=", b"'",
          b"`", b"%", b"+", b"*", b"!", b"_", b"-", b"/", b"\xc2\xa0", b"\xef\xbb\xbf", b"\xe2\x80\x8b",
          b"\xc2\xad", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe3\x80\x80", b"\xef\xbc\xa0", b"\xef\xbc\x8e",
          b"\xe3\x80\x82", b"\xc3\xbc", b"\xfc", b"\x81@", b"\x81\\", b"\xff", b"\xed\xa0\x80"]


def from_seeds():
    values = seeds.vectors("from.txt", "value") + seeds.corpus("from") + PLAIN
    return [value if value[:1] in b" \t\r\n" else b" " + value for value in values]


def batches(mutator):
    """Each token everywhere in the plain values, then mutations of all."""
    plain = Mutator(PLAIN, TOKENS).everywhere()
    yield from_seeds()
    made = 0
    while made < VALUES:
        batch = list(islice(plain, ROUND)) or [mutator.one() for _ in range(ROUND)]
        made += len(batch)
        yield batch


def accepted(ours, values):
    """The values that ours finds an author in, and the author."""
    said = ours.read("F", values)
    return [(value, words[3:]) for value, words in zip(values, said) if words.startswith("ok ")]


def misread(readers, authors, values):
    """(value, author, view, whom it shows)"""
    found = accepted(readers.ours, values)
    shown = readers.read("F", [value for value, _ in found])
    return [(value, author, view, other) for (value, author), views in zip(found, shown)
            for view, other in authors.others(views, author)]


def unthought(readers, authors, values):
    """(value, candidates, view, domain): whose mail somebody takes what ours refuses for, and ours has
    not thought of."""
    left = [value for value, words in zip(values, readers.ours.read("F", values))
            if not words.startswith("ok ") and not NO_VALUE.search(value)]
    candidates = [words.split() for words in readers.ours.read("C", left)]
    shown = readers.read("F", left)
    return [(value, thought, view, domain)
            for value, thought, views in zip(left, candidates, shown) if "any" not in thought
            for view, domains in authors.domains(views).items() for domain in domains - set(thought)]


def made_small(find, readers, authors, faults):
    """One of each view, as small as it gets."""
    for view, value in {view: value for value, _, view, _ in reversed(faults)}.items():
        def fails(shorter, view=view):
            return any(fault[2] == view for fault in find(readers, authors, [shorter]))
        value = smallest(value, fails)
        yield from (fault for fault in find(readers, authors, [value]) if fault[2] == view)


def test_no_reader_shows_another_author(readers):
    mutator = Mutator(from_seeds(), TOKENS)
    authors = Authors(readers.ours)
    faults, known, good = [], set(), 0
    for batch in batches(mutator):
        values = [value for value in dict.fromkeys(batch) if value not in known]
        known.update(values)
        found = misread(readers, authors, values)
        faults += found
        bad = {fault[0] for fault in found}
        taken = [value for value, _ in accepted(readers.ours, values) if value not in bad]
        good += len(taken)
        mutator.keep(taken)
    print(f"# From: {len(known)} values with seed {SEED}, {good} accepted, "
          f"{len({fault[0] for fault in faults})} shown as another author")
    check(not faults, "\n".join(f"{value!r}: ours {author}, {view} {other!r}" for value, author, view, other
                                in made_small(misread, readers, authors, faults)))


def test_every_domain_that_a_reader_shows_is_looked_up(readers):
    """Where ours finds no certain author: the way out for broken mail is no way in."""
    mutator = Mutator(from_seeds(), TOKENS)
    authors = Authors(readers.ours)
    values = [*from_seeds(), *Mutator(PLAIN[:6], TOKENS).everywhere()]
    values += [mutator.one() for _ in range(VALUES // 3)]
    values = list(dict.fromkeys(values))
    faults = [fault for start in range(0, len(values), ROUND)
              for fault in unthought(readers, authors, values[start:start + ROUND])]
    print(f"# From: {len(values)} values with seed {SEED}, {len({fault[0] for fault in faults})} of those "
          "refused shown as mail of a domain that is not looked up")
    check(not faults, "\n".join(
        f"{value!r}: ours {thought}, {view} {domain!r}"
        for value, thought, view, domain in made_small(unthought, readers, authors, faults)))
