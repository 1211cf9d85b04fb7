# SPDX-License-Identifier: ISC
"""sendmail 8.17 in both roles, with the lines of integrations/sendmail."""
import os
import subprocess

import pytest

from harness.checks import check, equal, wait_for
from harness.files import root_folder
from harness.flow import CHANGED, PASS, accepted, forged_is_refused, genuine_passes, has_queue_id
from harness.forgeries import FORGED, OTHERS, OURS, field, flat
from harness.mailsite import Site, results_of, verdict_is
from harness.message import fields, message, send, submit
from harness.opendkim import open_dkim
from harness.sendmail import MILTER, Sendmail

MANUAL = os.path.join(os.path.dirname(__file__), "../../integrations/sendmail/README.md")
FAIL = "verimail=fail header.from=origin.test"
STRICT = 'user "alice" { } user "*" { hosts = {} }'
MAY = 'user "alice" { } user "mailer-daemon" { allow_unauthorized = true }'
UNSTAMPED = 'verimail=neutral reason="unstamped" header.from=origin.test'

# Lines of integrations/sendmail, as they stand there but for names, addresses and folders.
MASQUERADE = """MASQUERADE_AS(`origin.test')dnl
MASQUERADE_DOMAIN(`host1.origin.test')dnl
"""
SUBMISSION = "DAEMON_OPTIONS(`Name=MSA, Addr={address}, Port=587, M=E')dnl\n"
DKIM = "INPUT_MAIL_FILTER(`opendkim', `S={socket}, F=T, T=S:30s;R:30s;E:5m')dnl\n"


@pytest.fixture(scope="module")
def root():
    """sendmail trusts no folder below one that everybody may write to, such as /tmp."""
    with root_folder("/run" if os.geteuid() == 0 else None) as folder:
        yield folder


def two(case, verify="", users=None, milter="", receiver="", **how):
    """origin.test and receiver.test, both with sendmail; `how` is the origin's."""
    site = Site(case, users=users)
    site.origin_milter = site.milter("origin", "on_no = mark", milter=milter)
    site.receiver_milter = site.milter("receiver", verify)
    site.origin = Sendmail(case, "origin", site.socket("origin"), **how)
    site.receiver = Sendmail(case, "receiver", site.socket("receiver"), more=receiver,
                             virtusers={"forward@receiver.test": "carol@third.test"})
    return site


def with_third(case, **how):
    """third.test's server is a Postfix."""
    site = two(case, **how)
    site.milter("third")
    site.third = site.postfix("third")
    return site


def test_genuine_and_forged(case):
    site = two(case)
    check(genuine_passes(site).startswith(b"Authentication-Results:"),
          "the result is not above the other trace fields")
    has_queue_id(forged_is_refused(site))
    equal(len(site.receiver.box()), 1, "what was delivered")


def test_quarantine_holds_it(case):
    site = two(case, verify="on_no = quarantine")
    accepted(send(site.receiver, message(subject="held")))
    wait_for(site.receiver.held, "it to be held")
    equal((site.receiver.queue(), site.receiver.box()), ([], []), "what goes on")


def test_redirected_and_changed(case):
    site = with_third(case)
    accepted(submit(site.origin, message(subject="forwarded"), to=["forward@receiver.test"]))
    verdict_is(site.third.wait_mail("forwarded"),
               'verimail=neutral reason="redirected" header.from=origin.test', "third")
    accepted(submit(site.origin, message(subject="listed")))
    mail = site.receiver.wait_mail("listed")
    listed = (mail[mail.index(b"Verimail:"):].replace(b"Subject: listed", b"Subject: [l] listed") +
              b"-- \nthe list\n").replace(b"\n", b"\r\n")
    accepted(send(site.receiver, listed))
    verdict_is(site.receiver.wait_mail("[l] listed"), CHANGED)


def test_several_domains_and_a_blind_copy(case):
    site = with_third(case)
    accepted(submit(site.origin, message(subject="copies"),
                    to=["bob@receiver.test", "carol@third.test", "dave@receiver.test"]))
    for mail in site.receiver.wait_mail("copies", 2):
        verdict_is(mail, PASS)
        check(b"third" not in mail, "a copy tells of the blind recipient")
    verdict_is(site.third.wait_mail("copies"), PASS, "third")
    # sendmail(1) takes the recipients from the header, and Bcc out of it.
    site.origin.submit(message(subject="blind", more="Bcc: carol@third.test\r\n"), "-t", "-f",
                       "alice@origin.test")
    for server in (site.receiver, site.third):
        mail = server.wait_mail("blind")
        verdict_is(mail, PASS, server.name)
        equal(fields(mail, "Bcc"), [], "Bcc")


def test_what_sendmail_rewrites_and_the_digest_bears(case):
    site = two(case)
    rows = {
        "addresses": {"to": "bob@receiver.test,carol@receiver.test  ,  (x) dan@Receiver.test"},
        "names": {"to": '"Bob \\"B\\"" <bob@receiver.test>,Eve<eve@receiver.test> (her)'},
        "folded": {"to": "bob@receiver.test,\r\n\t" + ",\r\n\t".join(
            f"user{n}@receiver.test" for n in range(40))},
        "empty": {"more": "Cc:\r\n"},
        "empty Date": {"more": "Date:\r\n"},
        "empty Message-ID": {"more": "Message-ID: \r\n"},
        "both empty": {"more": "Date:\r\nMessage-ID:\r\n"},
        "group": {"to": "undisclosed-recipients:;"},
        "eight bit": {"body": "Gr\u00fc\u00dfe\r\n"},
        "no body": {"body": ""},
        "dots": {"body": ".\r\n..\r\n"},
        "From": {"body": "From here\r\n\r\nFrom there\r\n"},
        "long": {"body": "x" * 900 + "\r\n"},
    }
    for subject, how in rows.items():
        for n, options in enumerate(((), ("BODY=8BITMIME",))):
            text = message(subject=f"{subject} {n}", **how)
            accepted(submit(site.origin, text, options=options))
            verdict_is(site.receiver.wait_mail(f"{subject} {n}"), PASS)


def test_what_sendmail_repairs_after_the_milter(case):
    """Addresses without a domain, or not as they should be: by SMTP, that is a change. sendmail(1)
    repairs them before."""
    site = two(case)
    for n, to in enumerate(("bob", "Bob B. <bob@receiver.test>",
                            "bob@receiver.test,, carol@receiver.test,")):
        accepted(submit(site.origin, message(subject=f"repaired {n}", to=to)))
        verdict_is(site.receiver.wait_mail(f"repaired {n}"), CHANGED)
        site.origin.submit(message(subject=f"repaired before {n}", to=to), "-f",
                           "alice@origin.test", "bob@receiver.test")
        verdict_is(site.receiver.wait_mail(f"repaired before {n}"), PASS)


UNCLOSED = """MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="b"\r
Content-Transfer-Encoding: 8bit\r
"""


def test_a_final_boundary_that_sendmail_adds(case):
    """After the milter, to a multipart message with 8-bit text."""
    site = two(case)
    for subject, end, wanted in (("open", "", CHANGED), ("closed", "--b--\r\n", PASS)):
        body = "--b\r\n\r\nGr\u00fc\u00dfe\r\n" + end
        accepted(submit(site.origin, message(subject=subject, more=UNCLOSED, body=body),
                        options=["BODY=8BITMIME"]))
        verdict_is(site.receiver.wait_mail(subject), wanted)


def test_five_megabytes(case):
    site = two(case)
    accepted(submit(site.origin, message(subject="large", body="0123456789\r\n" * 430000)))
    verdict_is(site.receiver.wait_mail("large"), PASS)


def test_submission_by_sendmail(case):
    site = two(case, verify="on_no = mark")
    site.origin.submit(message(subject="submitted"), "-f", "alice@origin.test", "bob@receiver.test")
    mail = site.receiver.wait_mail("submitted")
    verdict_is(mail, PASS)
    equal(len(fields(mail, "Verimail")), 1, "stamps")
    site.origin_milter.wait_log("event=stamped.* class=submission")
    # Cron's mail is from the host. No user has a rule there.
    for n, author in enumerate(("root@host1.origin.test", "root (Cron Daemon)")):
        site.origin.submit(message(author, f"cron {n}", to="root"), "-f", "root",
                           "bob@receiver.test")
        host = ("host1.origin.test", "mx.origin.test")[n]
        verdict_is(site.receiver.wait_mail(f"cron {n}"), f"verimail=fail header.from={host}")


def test_submission_by_smtp_on_standard_input(case):
    """sendmail -bs has no client's address."""
    site = two(case)
    steps = ["", "EHLO localhost\r\n", "MAIL FROM:<alice@origin.test>\r\n",
             "RCPT TO:<bob@receiver.test>\r\n", "DATA\r\n",
             message(subject="standard input") + ".\r\n", "QUIT\r\n"]
    with subprocess.Popen(site.origin.command("sendmail", "-bs"), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as program:
        for step in steps:
            program.stdin.write(step.encode())
            program.stdin.flush()
            while (line := program.stdout.readline())[3:4] == b"-":
                pass
            check(line[:1] in (b"2", b"3"), f"{step}: {line}")
    verdict_is(site.receiver.wait_mail("standard input"), PASS)


def test_submission_with_a_login(case):
    site = two(case, verify="on_no = mark", users=STRICT)
    for n, login in enumerate(("alice", "alice@origin.test")):
        accepted(send(site.origin, message("alice@origin.test", f"login {n}"), login=login))
        verdict_is(site.receiver.wait_mail(f"login {n}"), PASS)
    for text in (message("alice@origin.test", "foreign"), message(subject="x").split("\r\n", 1)[1]):
        code, reply = send(site.origin, text, login="mallory")
        equal((code, reply[:5]), (550, "5.7.1"), reply)
    site.origin_milter.wait_log("level=warning .*reason=foreign-from action=reject")
    site.origin_milter.wait_log("level=warning .*reason=no-from action=reject")
    code, text = send(site.origin, message(subject="no login"))
    check(code in (450, 550), text)


def test_an_author_that_is_left_out(case):
    """sendmail would write it behind the milter."""
    site = two(case, users=STRICT)
    for n, author in enumerate(("", "From:\r\n", "From: \r\n\t\r\n")):
        text = author + message(subject=f"no author {n}").split("\r\n", 1)[1]
        accepted(submit(site.origin, text))
        mail = site.receiver.wait_mail(f"no author {n}")
        equal(fields(mail, "From"), ["alice@origin.test"])
        verdict_is(mail, PASS)
        code, reply = submit(site.origin, text, sender="")
        equal((code, reply[:18]), (550, "5.7.1 This message"), reply)
    # The submission program writes it before the milter.
    site.origin.submit(message(subject="by a program").split("\r\n", 1)[1], "-f",
                       "alice@origin.test", "bob@receiver.test")
    verdict_is(site.receiver.wait_mail("by a program"), PASS)


def test_a_line_that_mailers_cut(case):
    site = two(case, users=STRICT)
    long = "Content-Type: text/plain; charset=" + "x" * 956
    accepted(submit(site.origin, long + "\r\n" + message(subject="at the limit")))
    verdict_is(site.receiver.wait_mail("at the limit"), PASS)
    for login in (None, "alice"):
        source = {"source": "127.0.0.1"} if login is None else {"login": login}
        code, text = send(site.origin, long + "x\r\n" + message(subject="over it"), **source)
        equal((code, text), (550, "5.7.1 This message has a header line over 990 octets, which "
                                  "mail servers cut (Verimail)"))


def test_without_its_macros_who_logs_in_is_a_stranger(case):
    site = two(case, more="define(`confMILTER_MACROS_ENVFROM', `i')dnl")
    accepted(send(site.origin, message(subject="unknown"), login="alice", to=["dan@origin.test"]))
    verdict_is(site.origin.wait_mail("unknown"), FAIL, "origin")


def test_submission_at_a_port_of_its_own(case):
    site = two(case, milter='trusted_daemons = {"MSA"}',
               more=SUBMISSION.format(address="127.0.1.1"))
    accepted(send(site.origin, message(subject="by its daemon"), to=["dan@origin.test"], port=587))
    equal(len(fields(site.origin.wait_mail("by its daemon"), "Verimail")), 1, "stamps")
    accepted(send(site.origin, message(subject="at port 25"), to=["dan@origin.test"]))
    equal(fields(site.origin.wait_mail("at port 25"), "Verimail"), [], "stamps")


def test_nothing_from_outside_is_laundered(case):
    site = two(case, verify="on_no = mark", virtusers={"out@origin.test": "bob@receiver.test"})
    accepted(send(site.origin, message(subject="laundered"), to=["out@origin.test"]))
    mail = site.receiver.wait_mail("laundered")
    equal(fields(mail, "Verimail"), [], "stamps")
    verdict_is(mail, FAIL)
    # Neither with the line that sendmail(1) writes: who is no client of ours writes what he likes.
    line = ("Received: (from root@localhost)\r\n\tby mx.origin.test (8.17.1.9/8.17.1.9/Submit) id "
            "6AO3acnJ019141;\r\n\tTue, 24 Nov 2026 03:36:38 GMT\r\n")
    accepted(send(site.origin, message(subject="as if submitted", more=line),
                  to=["out@origin.test"]))
    mail = site.receiver.wait_mail("as if submitted")
    equal(fields(mail, "Verimail"), [], "stamps")
    verdict_is(mail, FAIL)
    # Nor what a program was handed and submits again.
    site.origin.submit(message(subject="again", more="Received: from a stranger by mx.origin.test; "
                               "Tue, 24 Nov 2026 03:36:38 GMT\r\n"),
                       "-f", "alice@origin.test", "bob@receiver.test")
    mail = site.receiver.wait_mail("again")
    equal(fields(mail, "Verimail"), [], "stamps")
    equal(site.origin_milter.count("event=stamped"), 0, "stamps")


def test_masquerading(case):
    """The server masquerades after the milter, so that there is no stamp for the author; the
    submission program does it before."""
    site = two(case, verify="on_no = mark", users=STRICT, more=MASQUERADE, submit=MASQUERADE)
    author = "alice@host1.origin.test"
    accepted(submit(site.origin, message(author, "after"), sender=author))
    mail = site.receiver.wait_mail("after")
    equal(fields(mail, "From"), ["alice@origin.test"])
    verdict_is(mail, FAIL)
    site.origin.submit(message(author, "before"), "-f", author, "bob@receiver.test")
    verdict_is(site.receiver.wait_mail("before"), PASS)
    # Somebody without a domain: likewise.
    site.origin.submit(message("alice", "short"), "-f", "alice", "bob@receiver.test")
    verdict_is(site.receiver.wait_mail("short"), PASS)


def test_forged_results(case):
    site = two(case)
    lines = "".join(field(value) for pair in zip(FORGED, OTHERS * 4) for value in pair)
    accepted(send(site.receiver, message("bob@origin.test", "mixed", more=lines)))
    left = fields(site.receiver.wait_mail("mixed"), "Authentication-Results")
    equal(left, [f"{OURS}; {UNSTAMPED}"] + [flat(v) for v in (OTHERS * 4)[:len(FORGED)]])
    for n, value in enumerate(FORGED):
        name = ("Authentication-Results", "AUTHENTICATION-RESULTS")[n % 2]
        accepted(send(site.receiver, message("eve@elsewhere.test", f"f{n}",
                                             more=field(value, name))))
        equal(fields(site.receiver.wait_mail(f"f{n}"), "Authentication-Results"), [], value)


def test_white_space_before_a_colon(case):
    site = two(case)
    for n, name in enumerate(("From ", "From\t")):
        code, text = send(site.receiver, f"X: y\r\n{name}: bob@origin.test\r\nSubject: s{n}\r\n\r\n"
                          "text\r\n")
        if code == 250:
            equal(results_of(site.receiver.wait_mail(f"s{n}")), [UNSTAMPED])
        else:
            equal(code, 550, text)
    for n, name in enumerate(("Authentication-Results ", "Authentication-Results\t")):
        code, text = send(site.receiver, message("eve@elsewhere.test", f"r{n}",
                                                 more=field(f"{OURS}; verimail=pass", name)))
        if code == 250:
            check(b"verimail=pass" not in site.receiver.wait_mail(f"r{n}"), "a forged result")
        else:
            equal(code, 550, text)


def bounce(case, more="", users=None):
    """What the origin tells bob@receiver.test of mail that third.test has no such user for."""
    site = two(case, verify="on_no = mark", more=more, users=users)
    site.postfix("third", milter=False,
                 main="virtual_mailbox_maps = inline:{carol@third.test=inbox/}\n")
    accepted(submit(site.origin, message(subject="to nobody"), sender="bob@receiver.test",
                    to=["nobody@third.test"]))
    return wait_for(site.receiver.box, "the bounce")[0]


def test_a_bounce_passes_no_filter(case):
    """sendmail's own bounces have no stamp, and are from the host, which the domain's rules count
    for."""
    mail = bounce(case)
    check("<MAILER-DAEMON@mx.origin.test>" in fields(mail, "From")[0], fields(mail, "From"))
    verdict_is(mail, "verimail=fail header.from=mx.origin.test")


def test_a_bounce_that_may(case):
    mail = bounce(case, users=MAY)
    verdict_is(mail, 'verimail=neutral reason="unstamped" header.from=mx.origin.test')


def test_a_bounce_that_masquerades(case):
    mail = bounce(case, "MASQUERADE_AS(`origin.test')dnl\n")
    check("<MAILER-DAEMON@origin.test>" in fields(mail, "From")[0], fields(mail, "From"))
    verdict_is(mail, FAIL)


def test_a_bounce_that_masquerades_and_may(case):
    verdict_is(bounce(case, "MASQUERADE_AS(`origin.test')dnl\n", MAY), UNSTAMPED)


def test_nothing_is_lost_without_the_milter(case):
    site = two(case)
    site.receiver_milter.stop()
    code, text = send(site.receiver, message("bob@origin.test", "later"))
    equal(code // 100, 4, text)
    accepted(submit(site.origin, message(subject="waits")))
    equal(site.receiver.box(), [], "what was delivered")
    site.receiver_milter = site.milter("receiver")
    verdict_is(site.receiver.wait_mail("waits"), PASS)
    site.origin_milter.stop()
    code, text = submit(site.origin, message(subject="not out"))
    equal((code, text), (451, "4.3.2 Please try again later"))


def test_without_its_flag_everything_passes(case):
    """Why F=T stands in the line."""
    site = Site(case)
    site.receiver = Sendmail(
        case, "receiver", before="INPUT_MAIL_FILTER(`verimail', "
        f"`S=unix:{site.socket('receiver')}, T=C:10s;S:30s;R:30s;E:5m')dnl")
    accepted(send(site.receiver, message(subject="forged")))
    verdict_is(site.receiver.wait_mail("forged"), None)


def test_nothing_is_lost_when_it_is_submitted_without_the_milter(case):
    site = two(case)
    site.origin_milter.stop()
    site.origin.submit(message(subject="kept"), "-f", "alice@origin.test", "bob@receiver.test")
    wait_for(site.origin.submitted, "it to wait at its submission")
    site.origin_milter = site.milter("origin")
    site.origin.run_submitted()
    verdict_is(site.receiver.wait_mail("kept"), PASS)


def check_dkim(case, order):
    site = Site(case)
    site.milter("origin")
    site.milter("receiver")
    dkim, _ = open_dkim(case, site, "origin", "s")
    verifying, _ = open_dkim(case, site, "receiver", "v")
    site.origin = Sendmail(case, "origin", site.socket("origin"), **{order: DKIM.format(socket=dkim)})
    site.receiver = Sendmail(case, "receiver", site.socket("receiver"),
                             more=DKIM.format(socket=verifying))
    accepted(submit(site.origin, message(subject="signed", to="a@receiver.test, b@receiver.test")))
    mail = site.receiver.wait_mail("signed")
    verdict_is(mail, PASS)
    results = " ".join(fields(mail, "Authentication-Results"))
    check("dkim=pass" in results, results)
    return mail


def test_dkim_signs_after_stamping(case):
    mail = check_dkim(case, "more")
    signed = fields(mail, "DKIM-Signature")[0].replace(" ", "").lower()
    check("verimail" in signed.split(";h=")[1].split(";")[0].split(":"), signed)


def test_stamping_after_dkim_breaks_nothing(case):
    check_dkim(case, "before")


def test_the_lines_of_the_manual():
    """What is tested here is what it says."""
    with open(MANUAL, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    used = [MILTER.format(socket="/run/verimail/milter.sock"),
            DKIM.format(socket="unix:/run/opendkim/opendkim.sock"),
            SUBMISSION.format(address="192.0.2.1"),
            *MASQUERADE.replace("origin.test", "example.org").splitlines()]
    for line in used:
        check(line.strip() in lines, f"not in the manual: {line}")
    given = [line for line in lines if line.endswith("dnl")]
    equal([line for line in given if line not in map(str.strip, used)], [], "not tested")
