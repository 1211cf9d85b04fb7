# SPDX-License-Identifier: ISC
"""Of SpamAssassin's public corpus nothing is refused: no domain in it has a service."""
import re

import pytest

from compare.corpus import HAMS, messages
from compare.process import FOLDER
from harness.checks import check, equal
from harness.milterclient import MilterClient
from harness.milterprocess import MilterSite

SPAM = ("spam-1", "spam-2")
FEW = 100  # of a session: a client sends no more


def fields_of(text):
    """The fields, as Postfix hands them over: the header section ends at a line that is none."""
    fields = []
    for line in text.split(b"\r\n"):
        found = re.match(rb"([!-9;-~]+)[ \t]*:(.*)", line, re.DOTALL)
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1] += b"\n" + line
        elif found:
            fields.append([found[1], found[2]])
        else:
            break
    return [(name, value.replace(b"\r", b" ").replace(b"\0", b"")) for name, value in fields]


def replies(milter_socket, groups):
    """(name, From fields, reply) of each message; None: it passes."""
    client = None
    for number, (name, text) in enumerate(messages(groups)):
        if number % FEW == 0:
            if client:
                client.close()
            client = MilterClient(milter_socket)
            client.connect("198.51.100.9")
        fields = fields_of(text)
        edits = client.message(fields, b"text\r\n", sender=b"<bounce@elsewhere.test>")
        yield name, [value for field, value in fields if field.lower() == b"from"], edits.reply
    if client:
        client.close()


@pytest.fixture
def site(case):
    if not FOLDER:
        pytest.skip("VERIMAIL_READERS names no folder that test/readers/install made")
    return MilterSite(case)


def refused(site, groups, least, own=""):
    """Those that are, of at least so many. `own`: a domain that is served here."""
    milter = site.start(site.config(stamp=f'domain "{own}" {{ }}\n' if own else ""))
    count, found = 0, []
    for name, senders, reply in replies(site.socket, groups):
        count += 1
        if reply:
            found.append((name, senders, reply))
    equal(milter.count("event=verified"), count, "messages that were verified")
    check(count > least, f"{count} messages")
    uncertain = milter.count("event=verified .* author=- ")
    print(f"# {count} messages, {uncertain} without a certain author, {len(found)} refused")
    return found


def test_no_legitimate_mail_is_refused(site):
    equal(refused(site, HAMS, 4000), [])


def test_no_spam_is_refused_either(site):
    """Verimail is not for that."""
    equal(refused(site, SPAM, 1500), [])


def test_where_a_domain_is_served_an_empty_from_is_refused(site):
    """Mail servers complete it, in the name of one of our users."""
    found = refused(site, HAMS + SPAM, 5500, own="receiver.test")
    equal([(name, senders) for name, senders, _ in found
           if not re.fullmatch(rb'\s*(""\s*<>)?', b", ".join(senders))], [])
