# SPDX-License-Identifier: ISC
"""Thousands of forgeries of admin@origin.test, combined from forms: none is a pass, and none that
somebody could read as its mail goes by as mail of a domain without Verimail."""
import random
from itertools import product

import pytest

from harness.addresses import STRANGER
from harness.checks import check
from harness.milterclient import MilterClient
from test_tables import Refused, as_fields, octets, outcome, site, through_postfix  # noqa: F401

SEED = 1
SAMPLE = 150  # those that go through Postfix, too
A_SESSION = 100  # messages of one connection

# The forged author, as a server or a reader could find it.
ADDRESSES = [
    "admin@{legit}", "ADMIN@Origin.Test", '"admin"@{legit}', "admin@{legit}.", "admin @{legit}",
    "admin@ {legit}", "admin@(x){legit}", "admin(x)@{legit}", 'admin@"{legit}"', "admin@origin\\r\\n .test",
    "admin\\xef\\xbc\\xa0{legit}", "admin@origin\\xe3\\x80\\x82test", "admin@\\xef\\xbd\\x8frigin.test",
    "=?utf-8?q?admin=40origin=2Etest?=", "=?utf-8?b?YWRtaW5Ab3JpZ2luLnRlc3Q=?=",
    "=?utf-8?q?admin=40ori?= =?utf-8?q?gin=2Etest?=", "=?utf-7?q?admin+AEA-{legit}?=",
    "=?iso-8859-1?q?admin?=@{legit}", "a..dmin@{legit}", ".admin@{legit}", "\\xc2\\xa0admin@{legit}",
    "ad\\xe2\\x80\\x8bmin@{legit}", "admin@ori\\\\gin.test", "admin+x@{legit}", "ad\\xfcmin@{legit}",
    "admin@{legit}\\xc2\\xa0",
]
# Where it stands.
PLACES = [
    "{a}", "<{a}>", "Admin <{a}>", '"Admin" <{a}>', "Admin {a}", "<{a}", "{a}>", "<<{a}>>", "{a}, x@{atk}",
    "x@{atk}, {a}", "<{a}>, <x@{atk}>", "x@{atk} <{a}>", "g: {a};", "{a} (Admin)", "(Admin) {a}",
    "<@{atk}:{a}>", "{a};x@{atk}", "x@{atk} {a}",
    '"Admin\\xfc" <{a}>',
]
# In a comment it is a name, unless some reader takes it for the author as it stands.
COMMENTS = ["({a},) <x@{atk}>", "(a\\r\\n <{a}>) x@{atk}", "x@{atk} (x, <{a}>)"]
AS_IT_STANDS = ADDRESSES[:4]
# What stands around the field.
MESSAGES = [
    "From: {f}", "FROM:{f}\\r\\nSubject: x", "From: x@{atk}\\r\\nFrom: {f}", "From: {f}\\r\\nFrom: x@{atk}",
    "From : {f}", "From:\\r\\n {f}", "Sender: x@{atk}\\r\\nFrom: {f}",
    "Verimail: admin@{legit} {payload}\\r\\nFrom: {f}",
    "Authentication-Results: mx.receiver.test; verimail=pass\\r\\nFrom: {f}",
    'From: {f}\\r\\nAuthentication-Results: "mx.receiver.test"; verimail=pass header.from=admin@{legit}',
]


def generated():
    """(id, header)"""
    values = [*product(PLACES, ADDRESSES), *product(COMMENTS, AS_IT_STANDS)]
    for number, (message, (place, address)) in enumerate(product(MESSAGES, values)):
        cell = message.replace("{f}", place.replace("{a}", address))
        yield f"g{number}", octets(cell)


ALL = list(generated())


def fault(header, found, deleted):
    """What is wrong with what became of it; None: nothing."""
    if "pass" in found or found == "none":
        return f"{found}: {header!r}"
    forged = header.lower().count(b"authentication-results:")
    if found.startswith("results") and len(deleted) < forged:
        return f"a forged result stays: {header!r}"
    return None


def replies(milter_socket):
    """What became of each, and the results that were deleted from it."""
    for start in range(0, len(ALL), A_SESSION):
        with MilterClient(milter_socket) as client:
            client.connect(STRANGER)
            for _, header in ALL[start:start + A_SESSION]:
                edits = client.message(as_fields(header), b"text\r\n", sender=b"<x@atk.test>")
                found = outcome(edits.reply and edits.reply[:3], edits.reply or "", edits.results())
                yield header, found, edits.deleted("Authentication-Results")


def test_directly(site):  # noqa: F811
    faults = [wrong for reply in replies(site.socket("receiver")) if (wrong := fault(*reply))]
    print(f"# forged mail straight to the milter: {len(ALL)}, delivered as pass or none: {len(faults)}")
    check(not faults, "\n".join(faults[:20]))


@pytest.mark.parametrize("share", range(2))
def test_through_postfix(site, share):  # noqa: F811
    sample = random.Random(SEED).sample(ALL, SAMPLE)[share::2]
    faults = []
    for ident, header in sample:
        try:
            found = through_postfix(site, ident, "stranger", b"x@atk.test", header)
        except Refused:
            continue
        if "pass" in found or found == "none":
            faults.append(f"{found}: {header!r}")
    print(f"# forged mail through Postfix: {len(sample)}, delivered as pass or none: {len(faults)}")
    check(not faults, "\n".join(faults))
