# SPDX-License-Identifier: ISC
"""Where a reader shows something else than what was stamped, the digest is another one."""
import json
import os
import re

from compare.corpus import messages
from compare.messages import MESSAGES, Tampering, with_crlf
from compare.mutation import SEED
from harness.checks import check

VALUES = int(os.environ.get("READERS_VALUES", "60000")) * 2
ROUND = 10000
CORPUS_LIMIT = 6000  # octets of a message from the corpus
CORPUS_COUNT = 10


def originals():
    short = [octets for _, octets in messages() if len(octets) < CORPUS_LIMIT]
    return [with_crlf(message) for message in MESSAGES] + short[::len(short) // CORPUS_COUNT]


def flat(shown):
    """White space aside, which mail servers change."""
    return re.sub(r"\s|\\[rnt]", "", json.dumps(shown, sort_keys=True))


def is_nothing(shown):
    """What a reader cannot read it does not show; a list of parts is never nothing."""
    if isinstance(shown, list):
        return all(map(is_nothing, shown))
    return shown in (None, "") or (isinstance(shown, str) and shown.startswith("Invalid"))


def differences(want, got):
    """The views that show something else, and what."""
    for view in want.keys() & got.keys():
        others = {name: (want[view].get(name), got[view].get(name)) for name in {*want[view], *got[view]}
                  if flat(want[view].get(name)) != flat(got[view].get(name))}
        others = {name: values for name, values in others.items() if not is_nothing(values[1])}
        if others:
            yield view, others


def unnoticed(readers, original, others):
    """(octets, view, what it shows): those whose digest is the original's."""
    said = readers.ours.read("M", [original, *others])
    same = [octets for octets, words in zip(others, said[1:]) if words == said[0]]
    views = readers.read("M", [original, *same])
    return len(same), [(octets, *difference) for octets, shown in zip(same, views[1:])
                       for difference in differences(views[0], shown)]


def described(readers, original, fault):
    """A fault with the fewest lines changed."""
    octets, view, _ = fault
    old, new = original.split(b"\n"), octets.split(b"\n")
    shown = unnoticed(readers, original, [octets])[1]
    lines = [line for line in new if line not in old] + [b"without:"] + [
        line for line in old if line not in new]
    return f"{view}: {dict((one[1], one[2]) for one in shown)[view]!r}\n    " + "\n    ".join(map(repr, lines))


def test_the_digest_notices_what_readers_show(readers):
    tamper = Tampering()
    good = [octets for octets in originals() if readers.ours.read("M", [octets])[0].startswith("ok ")]
    faults, tried, same = {}, 0, 0
    for original in good:
        others = sorted({tamper(original) for _ in range(VALUES // len(good))} - {original})
        count, found = unnoticed(readers, original, others)
        tried, same = tried + len(others), same + count
        for fault in found:
            faults.setdefault(tuple(sorted(fault[2])), []).append((original, fault))
    print(f"# digests: {tried} changes of {len(good)} messages with seed {SEED}, {same} with the same digest, "
          f"{sum(map(len, faults.values()))} of these shown in another way")
    check(not faults, "\n".join(
        f"{len(found)} x {described(readers, *min(found, key=lambda one: len(one[1][0])))}"
        for found in faults.values()))
