# SPDX-License-Identifier: ISC
"""Mail from outside in the name of one's own users: asked at one's own service, without DNS."""
import os
import socket
import subprocess

import pytest

from harness.addresses import SERVICE
from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.daemon import BUILD
from harness.files import write_file
from harness.mailsite import Site, verdict_is
from harness.message import message, send, submit

PEER = f'peer "origin.test" {{ address = "{SERVICE}:26" }}\n'
NOBODY = "127.0.1.54"  # where no DNS server is


class PeerSite(Site):
    """origin.test with a peer, and without a DNS server; receiver.test knows nothing of Verimail."""

    def __init__(self, case, verify="", service=True, dns=False):
        super().__init__(case, service=service)
        if not dns:
            self.dns.stop()
            case.servers.remove(self.dns)
        self.options_of_verify = verify
        self.origin_milter = self.milter("origin", verify)
        self.origin = self.postfix("origin", submission=True)

    def verify_section(self, name, verify=""):
        """Nothing is allowed that the DNS could name."""
        resolver = "127.0.1.53" if self.dns in self.case.servers else NOBODY
        return PEER + f"""
verify {{ authserv_id = "mx.{name}.test" resolver = "{resolver}" trust_anchors = {{}} {verify} }}"""


def from_outside(site, text):
    return send(site.origin, text, to=["alice@origin.test"])


def test_forgeries_of_own_users_end_without_dns(case):
    site = PeerSite(case)
    code, text = from_outside(site, message("alice@origin.test", "forged"))
    equal(code, 550, text)
    check(text.startswith("5.7.1 origin.test says that it did not send this message"), text)
    line = site.origin_milter.wait_log("event=verified")[0]
    for word in ("verdict=NO", "reason=unstamped", "by=answer", f"server={SERVICE}:26", "dns=peer"):
        contains(line, word)
    # Unstamped mail is answered from memory the next time.
    equal(from_outside(site, message("alice@origin.test", "forged"))[0], 550)
    contains(site.origin_milter.wait_log("event=verified", 2)[1], "by=cache")
    equal(from_outside(site, message("bob@origin.test", "lenient"))[0], 250)
    verdict_is(site.origin.wait_mail("lenient"),
               'verimail=neutral reason="unstamped" header.from=origin.test', "origin")


def test_own_mail_that_comes_back_passes(case):
    site = PeerSite(case)
    receiver = site.postfix("receiver", milter=False)
    equal(submit(site.origin, message(subject="to the list"))[0], 250)
    mail = receiver.wait_mail("to the list")
    listed = mail[mail.index(b"Verimail:"):].replace(
        b"Subject: to the list", b"Subject: [list] to the list") + b"-- \nthe list\n"
    equal(from_outside(site, listed.replace(b"\n", b"\r\n"))[0], 250)
    verdict_is(site.origin.wait_mail("[list] to the list"),
               'verimail=neutral reason="changed" header.from=origin.test', "origin")


def test_others_are_looked_up_as_ever(case):
    site = PeerSite(case, verify='allow_networks = {"127.0.0.0/8"}', dns=True)
    equal(from_outside(site, message("eve@elsewhere.test", "a stranger's"))[0], 250)
    verdict_is(site.origin.wait_mail("a stranger's"), None, "origin")
    # A subdomain has the peer of its organization, as it would have its SRV record.
    code, text = from_outside(site, message("eve@sub.origin.test"))
    equal((code, text[:5]), (550, "5.7.1"), text)
    # Whose author is not certain could mean it.
    code, text = from_outside(site, message("a@origin.test, b@elsewhere.test"))
    equal((code, text[:5]), (550, "5.7.1"), text)


@pytest.mark.parametrize("verify", ["", "on_temperror = accept", "on_temperror = tempfail"])
def test_a_peer_that_is_down_defers(case, verify):
    site = PeerSite(case, verify, service=False)
    for _ in range(5):  # more often than others are tried
        code, text = from_outside(site, message("alice@origin.test", "forged"))
        equal((code, text[:5]), (451, "4.7.1"), text)
        contains(text, "The Verimail service of origin.test does not answer")
    equal(site.origin_milter.count("by=no-answer.*Connection refused"), 5)
    site.start_service()
    equal(from_outside(site, message("alice@origin.test", "forged"))[0], 550, "once it is there")


def test_a_peer_that_is_silent_defers(case):
    site = PeerSite(case, service=False)
    with socket.create_server((SERVICE, 26)):
        code, text = from_outside(site, message("alice@origin.test", "forged"))
    equal((code, text[:5]), (451, "4.7.1"), text)
    contains(site.origin_milter.wait_log("verdict=temperror")[0], "no answer in time")


def test_the_dns_of_a_subdomain_opens_no_door(case):
    """Whether it has a service of its own is not known: its organization has a peer."""
    site = PeerSite(case)
    code, text = from_outside(site, message("eve@sub.origin.test"))
    equal((code, text[:5]), (451, "4.4.3"), text)


def test_recipients_need_not_be_told(case):
    """Without them nobody finds out that a message was forwarded."""
    site = Site(case)
    site.milter("origin")
    site.milter("third", "send_rcpt = no")
    origin, third = site.postfix("origin", submission=True), site.postfix("third")
    receiver = site.postfix("receiver", milter=False,
                            aliases={"forwarded@receiver.test": "carol@third.test",
                                     "carol@third.test": "carol@third.test"})
    equal(submit(origin, message(subject="forwarded"), to=["forwarded@receiver.test"])[0], 250)
    verdict_is(third.wait_mail("forwarded"), "verimail=pass header.from=alice@origin.test", "third")
    equal(receiver.box(), [], "what stayed")


def test_monitoring_only_says_so(case):
    site = PeerSite(case, "mode = monitor")
    equal(from_outside(site, message("alice@origin.test", "forged"))[0], 250)
    verdict_is(site.origin.wait_mail("forged"), "verimail=fail header.from=origin.test", "origin")
    site.origin_milter.wait_log("verdict=NO reason=unstamped would=reject")
    site.service.stop()
    text = message("alice@origin.test", "unanswered", more="Verimail: alice@origin.test QUJD\r\n")
    equal(from_outside(site, text)[0], 250)
    verdict_is(site.origin.wait_mail("unanswered"),
               "verimail=temperror header.from=origin.test", "origin")
    site.origin_milter.wait_log("verdict=temperror would=tempfail")


def test_the_command_line_asks_the_peer(case):
    site = Site(case)
    site.dns.stop()
    case.servers.remove(site.dns)
    config = os.path.join(case.folder, "check.conf")
    write_file(config, PEER + f'verify {{ authserv_id = mx.x.test resolver = "{NOBODY}" }}\n', 0o644)
    command = [os.path.join(BUILD, "src/command/verimail"), "-c", config]

    def run(*arguments, given=""):
        return subprocess.run([*command, *arguments], input=given, capture_output=True, text=True,
                              check=False, timeout=WAIT_LIMIT)
    done = run("check", "--explain", given=message("alice@origin.test"))
    equal(done.returncode, 1, done.stderr)
    contains(done.stdout, 'discovery: none: the peer "origin.test" of the configuration, at '
             f"{SERVICE}:26, is asked directly\n")
    contains(done.stdout, f'from      {SERVICE}:26 (the peer "origin.test" of the configuration)\n')
    done = run("check", "--json", given=message("alice@origin.test"))
    for member in ('"source": "peer"', '"peer": "origin.test"', f'"server": "{SERVICE}:26"'):
        contains(done.stdout, member)
    check('"dns"' not in done.stdout and '"srv"' not in done.stdout, done.stdout)
    equal(run("ask", "alice@origin.test", "-", "--rcpt", "x.test").stdout.split()[:2],
          ["NO", "unstamped"])
