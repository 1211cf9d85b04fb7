# SPDX-License-Identifier: ISC
"""Lines that mail servers cut behind the milter: Postfix those over 998 octets, sendmail those over 990. In a
header they would show another author, or a result in our name; in a body they change what was stamped."""
import os

import pytest

from harness.checks import check, contains, equal
from harness.files import root_folder
from harness.mailsite import Site, verdict_is
from harness.message import fields, message, parsed, send, submit
from harness.sendmail import Sendmail

PASS = "verimail=pass header.from=alice@origin.test"
CHANGED = 'verimail=neutral reason="changed" header.from=origin.test'
TOO_LONG = "This message has a header line over 990 octets, which mail servers cut (Verimail)"
CUT_AT = (990, 998)
USERS = 'user "alice" { } user "bob" { allow_unauthorized = true } user "*" { hosts = {} }'


@pytest.fixture(scope="module")
def root():
    """sendmail trusts no folder below one that everybody may write to, such as /tmp."""
    with root_folder("/run" if os.geteuid() == 0 else None) as folder:
        yield folder


@pytest.fixture(name="site", params=["postfix", "sendmail"])
def fixture_site(case, request):
    """origin.test and receiver.test, both with the same mail server; third.test's milter is not asked."""
    site = Site(case, users=USERS)
    site.origin_milter = site.milter("origin", "on_no = mark")
    site.receiver_milter = site.milter("receiver", "on_no = mark")
    if request.param == "postfix":
        site.origin = site.postfix("origin", submission=True)
        site.receiver = site.postfix("receiver", aliases={"forward@receiver.test": "carol@third.test"})
        site.third = site.postfix("third", milter=False)
    else:
        site.origin = Sendmail(case, "origin", site.socket("origin"))
        site.receiver = Sendmail(case, "receiver", site.socket("receiver"),
                                 virtusers={"forward@receiver.test": "carol@third.test"})
        site.third = Sendmail(case, "third")
    site.longest = {"postfix": 998, "sendmail": 990}[request.param]
    return site


def with_backslash_at(octet, head, tail):
    """A line in which a backslash is this octet, the last before a mail server's cut."""
    return head + "a" * (octet - len(head) - 1) + "\\" + tail


def author_at(octet, other):
    """One mailbox, `other`; behind a cut at the backslash admin@origin.test is one, too."""
    line = with_backslash_at(octet, 'From: "', f'" <admin@origin.test>, \\"" <{other}>')
    return line.removeprefix("From: ")


def results_at(octet):
    """A result of mx.elsewhere.test; behind a cut at the backslash it is one of ours."""
    return with_backslash_at(octet, "Authentication-Results: (",
                             ") mx.receiver.test; verimail=pass header.from=alice@origin.test)"
                             " mx.elsewhere.test; spf=none") + "\r\n"


@pytest.mark.parametrize("octet", CUT_AT)
def test_no_author_comes_out_of_a_cut(site, octet):
    code, text = send(site.receiver, message(author_at(octet, "x@atk.test"), "cut author"),
                      sender="x@atk.test", to=["bob@receiver.test", "forward@receiver.test"])
    equal(code, 550, text)
    contains(site.receiver_milter.wait_log("event=verified")[0], "verdict=permerror reason=long-line ")
    code, text = submit(site.origin, message(author_at(octet, "alice@origin.test"), "cut author"))
    equal((code, text), (550, "5.7.1 " + TOO_LONG))
    contains(site.origin_milter.wait_log("event=not-stamped")[0], "author=- reason=long-line action=reject")
    # Nothing forged was written above: a mailbox at a domain without a service passes.
    code, text = send(site.receiver, message(f'"{"a" * 990}" <x@elsewhere.test>', "nobody's"),
                      sender="x@elsewhere.test")
    equal(code, 250, text)
    verdict_is(site.receiver.wait_mail("nobody's"), None)


@pytest.mark.parametrize("octet", CUT_AT)
def test_no_result_of_ours_comes_out_of_a_cut(site, octet):
    """Our own server cuts it when it sends the message on."""
    code, text = send(site.receiver, message("x@elsewhere.test", "cut result", more=results_at(octet)),
                      sender="x@elsewhere.test", to=["forward@receiver.test"])
    equal(code, 250, text)
    mail = site.third.wait_mail("cut result")
    equal(fields(mail, "Authentication-Results"), [], "results")
    code, text = send(site.receiver, message("bob@origin.test", "cut result", more=results_at(octet)))
    equal(code, 550, text)
    contains(site.receiver_milter.wait_log("event=verified .*author=-")[0], "reason=long-line ")
    code, text = submit(site.origin, message(subject="cut result", more=results_at(octet)))
    equal((code, text), (550, "5.7.1 " + TOO_LONG))


def test_servers_do_cut_there(site):
    """What the two tests above keep out: where the mail server makes a line of its own."""
    for length, cut in ((site.longest, False), (site.longest + 1, True)):
        line = "X-Long: " + "a" * (length - len("X-Long: "))
        code, text = send(site.receiver, message("x@elsewhere.test", f"{length}", more=line + "\r\n"),
                          sender="x@elsewhere.test", to=["forward@receiver.test"])
        equal(code, 250, text)
        value = str(parsed(site.third.wait_mail(f"{length}"))["X-Long"])
        equal("\n" in value, cut, f"a line of {length} octets is cut")


def test_fields_at_the_limit_pass(site):
    """The longest line that is stamped arrives as it was, with any other field as long as it likes."""
    subject = "s" * (990 - len("Subject: "))
    code, text = submit(site.origin, message(subject=subject, more="X-Long: " + "a" * 1200 + "\r\n"))
    equal(code, 250, text)
    verdict_is(site.receiver.wait_mail(subject), PASS)


def test_long_lines_of_a_body(site):
    for length in (990, site.longest, site.longest + 1):
        code, text = submit(site.origin, message(subject=f"body {length}", body="b" * length + "\r\n"))
        equal(code, 250, text)
        verdict_is(site.receiver.wait_mail(f"body {length}"),
                   PASS if length <= site.longest else CHANGED)
        count = site.origin_milter.count(f"level=notice event=long-lines .* longest={length}")
        equal(count, int(length > 990), f"event=long-lines for {length} octets")
    check(site.origin_milter.count("event=stamped") == 3, site.origin_milter.text())
