# SPDX-License-Identifier: ISC
"""Exim with the module and the ACL of integrations/exim: what only Exim can do."""
import pytest

from harness.checks import check, equal, wait_for
from harness.exim import Exim
from harness.mailsite import Site, results_of, verdict_is
from harness.message import fields, message, send, submit

PASS = "verimail=pass header.from=alice@origin.test"
CHANGED = 'verimail=neutral reason="changed" header.from=origin.test'


def two(case, verify="", users=None, milter="", receiver=None, **how):
    """origin.test and receiver.test, both with Exim; `how` is the origin's."""
    site = Site(case, users=users)
    site.origin_milter = site.milter("origin", "on_no = mark", milter=milter)
    site.receiver_milter = site.milter("receiver", verify)
    site.origin = Exim(case, "origin", "unix:" + site.socket("origin"), **how)
    site.receiver = Exim(case, "receiver", "unix:" + site.socket("receiver"), **(receiver or {}))
    return site


def accepted(reply):
    equal(reply[0], 250, reply[1])


def test_genuine_and_forged(case):
    site = two(case)
    accepted(submit(site.origin, message(subject="genuine")))
    mail = site.receiver.wait_mail("genuine")
    verdict_is(mail, PASS)
    for name in ("Verimail", "Date", "Message-ID"):
        equal(len(fields(mail, name)), 1, name)
    code, text = send(site.receiver, message(subject="forged"))
    equal(code, 550, text)
    check(text.startswith("5.7.1 origin.test says that it did not send this message"), text)
    line = site.receiver_milter.wait_log("verdict=NO")[0]
    check("queue=-" not in line and "queue=" in line, line)
    equal(len(site.receiver.box()), 1, "what was delivered")
