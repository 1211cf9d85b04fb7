# SPDX-License-Identifier: ISC
"""From Postfix to Postfix no digest of the public corpus changes but by long lines."""
import glob
import re
import socket

from compare.corpus import messages
from harness.addresses import ADDRESSES, needs_mail_servers
from harness.checks import check, equal, wait_for
from harness.mailsite import Site

CUT = 998  # octets of a line that Postfix still sends whole
MARK = re.compile(rb"^X-Number: (\d+)\r?\n", re.MULTILINE)


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


def test_no_digest_changes(case, readers):
    needs_mail_servers()
    site = Site(case, service=False)
    receiver = site.postfix("receiver", milter=False)
    # Header fields are completed for nobody.
    site.postfix("origin", milter=False, main="local_header_rewrite_clients =\nheader_size_limit = 1048576\n")
    texts = [text for _, text in messages()]
    said = readers.ours.read("M", texts)
    sent = {number: text if text.endswith(b"\r\n") else text + b"\r\n"
            for number, (text, words) in enumerate(zip(texts, said)) if words.startswith("ok ")}
    send_all(b"X-Number: %d\r\n" % number + text for number, text in sent.items())
    came = delivered(receiver.folder, len(sent))
    equal(set(came), set(sent), "messages that arrived")
    after = readers.ours.read("M", [came[number] for number in sent])
    changed = [number for number, words in zip(sent, after) if words != said[number]]
    long_lines = [number for number in changed if max(map(len, texts[number].split(b"\r\n"))) > CUT]
    print(f"# from Postfix to Postfix: {len(sent)} messages, {len(changed)} digests changed, "
          f"{len(long_lines)} of these by long lines")
    check(len(sent) > 4000, len(sent))
    equal(sorted(set(changed) - set(long_lines)), [], "changed by something else")
