# SPDX-License-Identifier: ISC
"""From Postfix or sendmail to Postfix no digest of the public corpus changes but by long lines, and
at sendmail by what it rewrites."""
import glob
import os
import re
import socket

import pytest

from compare.corpus import messages
from harness.addresses import ADDRESSES, needs_mail_servers
from harness.checks import check, equal, wait_for
from harness.files import root_folder
from harness.mailsite import Site
from harness.sendmail import Sendmail

MARK = re.compile(rb"^X-Number: (\d+)\r?\n", re.MULTILINE)


@pytest.fixture(scope="module")
def root():
    """sendmail trusts no folder below one that everybody may write to, such as /tmp."""
    with root_folder("/run" if os.geteuid() == 0 else None) as folder:
        yield folder


def say(lines, command, wanted):
    lines.write(command)
    lines.flush()
    reply = lines.readline()
    while reply[3:4] == b"-":
        reply = lines.readline()
    check(reply.startswith(wanted), f"{command[:60]!r}: {reply!r}")


def send_all(octets_of_each):
    """Octet for octet, over one connection."""
    with socket.create_connection((ADDRESSES["origin"], 25), 60, ("127.0.0.1", 0)) as client:
        lines = client.makefile("rwb")
        lines.readline()
        say(lines, b"EHLO client.test\r\n", b"250")
        for octets in octets_of_each:
            say(lines, b"MAIL FROM:<alice@origin.test>\r\n", b"250")
            say(lines, b"RCPT TO:<bob@receiver.test>\r\n", b"250")
            say(lines, b"DATA\r\n", b"354")
            say(lines, re.sub(rb"^\.", b"..", octets, flags=re.MULTILINE) + b".\r\n", b"250")


def delivered(folder, count):
    """{number: octets}"""
    paths = wait_for(lambda: len(found := glob.glob(f"{folder}/boxes/inbox/new/*")) >= count and found,
                     f"{count} messages", limit=240)
    texts = [open(path, "rb").read() for path in paths]
    return {int(MARK.search(text)[1]): text for text in texts}


def changed_on_the_way(case, readers, limit, origin):
    """The messages whose digest is another one behind the server that `origin` starts, which have no
    line over the limit."""
    needs_mail_servers()
    site = Site(case, service=False)
    receiver = site.postfix("receiver", milter=False)
    name = origin(site)
    texts = [text for _, text in messages()]
    said = readers.ours.read("M", texts)
    sent = {number: text if text.endswith(b"\r\n") else text + b"\r\n"
            for number, (text, words) in enumerate(zip(texts, said)) if words.startswith("ok ")}
    check(len(sent) > 4000, len(sent))
    send_all(b"X-Number: %d\r\n" % number + text for number, text in sent.items())
    came = delivered(receiver.folder, len(sent))
    equal(set(came), set(sent), "messages that arrived")
    after = readers.ours.read("M", [came[number] for number in sent])
    changed = [number for number, words in zip(sent, after) if words != said[number]]
    long_lines = {number for number in changed if max(map(len, texts[number].split(b"\r\n"))) > limit}
    print(f"# from {name} to Postfix: {len(sent)} messages, {len(changed)} digests changed, "
          f"{len(long_lines)} of these by long lines")
    return [texts[number] for number in changed if number not in long_lines]


def test_no_digest_changes_at_postfix(case, readers):
    def postfix(site):
        # Header fields are completed for nobody.
        site.postfix("origin", milter=False,
                     main="local_header_rewrite_clients =\nheader_size_limit = 1048576\n")
        return "Postfix"
    equal(changed_on_the_way(case, readers, 998, postfix), [])


def test_few_digests_change_at_sendmail(case, readers):
    """It quotes a name with dots, adds a semicolon to a broken group, and a final boundary."""
    def sendmail(site):
        Sendmail(site.case, "origin")
        return "sendmail"
    changed = changed_on_the_way(case, readers, 990, sendmail)
    check(len(changed) <= 6, changed)
