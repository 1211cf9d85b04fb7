# SPDX-License-Identifier: ISC
"""Results that a message brings with it: those in our name do not survive, others' stay."""
import pytest

from harness.case import Case
from harness.checks import check, equal
from harness.forgeries import FORGED, OTHERS, OURS, field, flat
from harness.mailsite import Site
from harness.message import fields, message, send


@pytest.fixture(scope="module")
def receiver(root):
    """A server that all of them are sent to."""
    with Case(root, "receiver") as case:
        site = Site(case)
        site.milter("receiver")
        site.receiver = site.postfix("receiver")
        yield site


@pytest.mark.parametrize("value", FORGED)
def test_each_form_alone(receiver, value):
    subject = f"forged {FORGED.index(value)}"
    code, text = send(receiver.receiver, message("bob@origin.test", subject, more=field(value)))
    equal(code, 250, text)
    equal(fields(receiver.receiver.wait_mail(subject), "Authentication-Results"),
          [f'{OURS}; verimail=neutral reason="unstamped" header.from=origin.test'])


@pytest.mark.parametrize("value", OTHERS)
def test_others_stay(receiver, value):
    subject = f"other {OTHERS.index(value)}"
    code, text = send(receiver.receiver, message("eve@elsewhere.test", subject, more=field(value)))
    equal(code, 250, text)
    equal(fields(receiver.receiver.wait_mail(subject), "Authentication-Results"), [flat(value)])


def test_all_of_them_mixed(receiver):
    lines = ""
    for n in range(max(len(FORGED), len(OTHERS))):
        name = ("Authentication-Results", "AUTHENTICATION-RESULTS", "authentication-results")[n % 3]
        lines += field(FORGED[n % len(FORGED)], name) + field(OTHERS[n % len(OTHERS)], name)
        lines += field(FORGED[(n * 7) % len(FORGED)], name)
    equal(send(receiver.receiver, message("eve@elsewhere.test", "mixed", more=lines))[0], 250)
    left = fields(receiver.receiver.wait_mail("mixed"), "Authentication-Results")
    wanted = [flat(OTHERS[n % len(OTHERS)]) for n in range(max(len(FORGED), len(OTHERS)))]
    equal(left, wanted, "what is left")


@pytest.mark.parametrize("name", ["Authentication-Results ", "Authentication-Results\t"])
def test_white_space_before_the_colon(receiver, name):
    subject = f"spaced {ord(name[-1])}"
    code, text = send(receiver.receiver, message(
        "eve@elsewhere.test", subject, more=field(f"{OURS}; verimail=pass", name)))
    if code == 250:
        mail = receiver.receiver.wait_mail(subject)
        check(b"verimail=pass" not in mail, mail)
    else:
        check(code == 550, text)
