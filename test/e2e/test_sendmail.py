#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""sendmail 8.17 in both roles, with the lines of integrations/sendmail."""

from harness import case, check, equal, main, wait_for
from mail import Site, fields, message, results_of, send, submit, verdict_is
from sendmail import Sendmail, use_safe_folders
from forgeries import FORGED, OTHERS, field, flat

PASS = "verimail=pass header.from=alice@origin.test"
FAIL = "verimail=fail header.from=origin.test"


def accepted(reply):
    equal(reply[0], 250, reply[1])


def two(t, verify="", users=None, **how):
    """origin.test and receiver.test, both with sendmail."""
    site = Site(t, users=users)
    site.origin_milter = site.milter("origin")
    site.receiver_milter = site.milter("receiver", verify)
    site.origin = Sendmail(t, "origin", site.socket("origin"), **how)
    site.receiver = Sendmail(t, "receiver", site.socket("receiver"),
                             virtusers={"forward@receiver.test": "carol@third.test"})
    return site


@case
def genuine_and_forged(t):
    site = two(t)
    accepted(submit(site.origin, message(subject="genuine")))
    mail = site.receiver.wait_mail("genuine")
    verdict_is(mail, PASS)
    equal(len(fields(mail, "Verimail")), 1, "stamps")
    check(mail.index(b"Authentication-Results:") < mail.index(b"Received:"),
          "the result is not above the other trace fields")
    code, text = send(site.receiver, message(subject="forged"))
    equal(code, 550, text)
    check("5.7.1 origin.test says that it did not send this message" in text, text)
    check("queue=-" not in site.receiver_milter.text(), site.receiver_milter.text())


@case
def redirected_and_changed(t):
    site = two(t)
    site.milter("third")
    third = site.postfix("third")
    accepted(submit(site.origin, message(subject="forwarded"), to=["forward@receiver.test"]))
    verdict_is(third.wait_mail("forwarded"),
               'verimail=neutral reason="redirected" header.from=origin.test', "third")
    accepted(submit(site.origin, message(subject="listed")))
    mail = site.receiver.wait_mail("listed")
    listed = (mail[mail.index(b"Verimail:"):].replace(b"Subject: listed", b"Subject: [l] listed") +
              b"-- \nthe list\n").replace(b"\n", b"\r\n")
    accepted(send(site.receiver, listed))
    verdict_is(site.receiver.wait_mail("[l] listed"),
               'verimail=neutral reason="changed" header.from=origin.test')


@case
def several_domains_and_a_blind_copy(t):
    site = two(t)
    site.milter("third")
    third = site.postfix("third")
    accepted(submit(site.origin, message(subject="copies"),
                 to=["bob@receiver.test", "carol@third.test"]))
    mail = site.receiver.wait_mail("copies")
    verdict_is(mail, PASS)
    check(b"third" not in mail, "a copy tells of the blind recipient")
    verdict_is(third.wait_mail("copies"), PASS, "third")


@case
def what_sendmail_rewrites(t):
    site = two(t)
    rows = {
        "addresses": dict(to="bob@receiver.test,carol@receiver.test  ,  (x) dan@receiver.test"),
        "folded": dict(to="bob@receiver.test,\r\n\t" + ",\r\n\t".join(
            f"user{n}@receiver.test" for n in range(40))),
        "eight bit": dict(body="Gr\u00fc\u00dfe\r\n"),
        "no body": dict(body=""),
        "dots": dict(body=".\r\n..\r\n"),
        "long": dict(body="x" * 900 + "\r\n"),
    }
    for subject, how in rows.items():
        code, text = submit(site.origin, message(subject=subject, **how), options=["BODY=8BITMIME"])
        equal(code, 250, text)
        verdict_is(site.receiver.wait_mail(subject), PASS)


@case
def five_megabytes(t):
    site = two(t)
    accepted(submit(site.origin, message(subject="large", body="0123456789\r\n" * 430000)))
    verdict_is(site.receiver.wait_mail("large", limit=60), PASS)


@case
def submission_by_sendmail(t):
    site = two(t)
    site.origin.submit(message(subject="submitted"), "-f", "alice@origin.test", "bob@receiver.test")
    verdict_is(site.receiver.wait_mail("submitted"), PASS)
    site.origin.submit(message("root@host1.origin.test", "cron"), "-f", "root@host1.origin.test",
                       "bob@receiver.test")
    verdict_is(site.receiver.wait_mail("cron"),
               'verimail=neutral reason="unserved" header.from=host1.origin.test')


@case
def nothing_from_outside_is_laundered(t):
    site = two(t, verify="on_no = mark", virtusers={"out@origin.test": "bob@receiver.test"})
    site.origin_milter.reload(site.verify_section("origin", "on_no = mark") + site.stamp_section() +
                              site.milter_section("origin"))
    accepted(send(site.origin, message(subject="laundered"), to=["out@origin.test"]))
    mail = site.receiver.wait_mail("laundered")
    equal(fields(mail, "Verimail"), [], "stamps")
    verdict_is(mail, FAIL)


MASQUERADE = """MASQUERADE_AS(`origin.test')dnl
MASQUERADE_DOMAIN(`host1.origin.test')dnl
"""


@case
def masquerading(t):
    """The MTA masquerades after the milter, so that the stamp is missing or another user's; the
    submission program does it before."""
    users = 'user "alice" { } user "*" { hosts = {} }'
    site = two(t, verify="on_no = mark", users=users, more=MASQUERADE, submit=MASQUERADE)
    accepted(submit(site.origin, message("alice@host1.origin.test", "after"),
                 sender="alice@host1.origin.test"))
    mail = site.receiver.wait_mail("after")
    check("alice@origin.test" in fields(mail, "From")[0], fields(mail, "From"))
    verdict_is(mail, FAIL)
    site.origin.submit(message("alice@host1.origin.test", "before"),
                       "-f", "alice@host1.origin.test", "bob@receiver.test")
    verdict_is(site.receiver.wait_mail("before"), PASS)


@case
def forged_results(t):
    site = two(t)
    lines = "".join(field(value) for pair in zip(FORGED, OTHERS * 4) for value in pair)
    accepted(send(site.receiver, message("bob@origin.test", "mixed", more=lines)))
    left = fields(site.receiver.wait_mail("mixed"), "Authentication-Results")
    equal(left[0], 'mx.receiver.test; verimail=neutral reason="unstamped" header.from=origin.test')
    equal([value.replace(" ", "") for value in left[1:]],
          [flat(value).replace(" ", "") for value in (OTHERS * 4)[:len(FORGED)]])
    for n, value in enumerate(FORGED):
        accepted(send(site.receiver, message("eve@elsewhere.test", f"f{n}", more=field(value))))
        equal(fields(site.receiver.wait_mail(f"f{n}"), "Authentication-Results"), [], value)


@case
def white_space_before_a_colon(t):
    site = two(t)
    for author in ("From : bob@origin.test\r\n", "From\t: bob@origin.test\r\n"):
        code, text = send(site.receiver, "X: y\r\n" + author + "Subject: spaced\r\n\r\ntext\r\n")
        if code == 250:
            equal(results_of(site.receiver.wait_mail("spaced")),
                  ['verimail=neutral reason="unstamped" header.from=origin.test'])
        else:
            equal(code, 550, text)
    code, _ = send(site.receiver, message(
        "eve@elsewhere.test", "results", more="Authentication-Results : mx.receiver.test; "
        "verimail=pass\r\n"))
    if code == 250:
        check(b"verimail=pass" not in site.receiver.wait_mail("results"), "a forged result")


@case
def a_bounce_is_vouched_for(t):
    site = two(t)
    site.postfix("third", milter=False,
                 main="virtual_mailbox_maps = inline:{carol@third.test=inbox/}\n")
    accepted(submit(site.origin, message(subject="to nobody"), sender="bob@receiver.test",
                 to=["nobody@third.test"]))
    mail = wait_for(site.receiver.box, "the bounce")[0]
    check("mailer-daemon@" in fields(mail, "From")[0].lower(), fields(mail, "From"))
    # sendmail sends its own bounces past its filters, from its own name: a rule for that name, as
    # integrations/sendmail says, makes them neutral where they would be refused.
    check(results_of(mail) == ['verimail=neutral reason="unserved" header.from=mx.origin.test'],
          results_of(mail))


@case
def nothing_is_lost_without_the_milter(t):
    site = two(t)
    site.receiver_milter.stop()
    code, _ = send(site.receiver, message("bob@origin.test", "later"))
    check(400 <= code < 500, f"{code}")
    accepted(submit(site.origin, message(subject="waits")))
    equal(site.receiver.box(), [], "what was delivered")
    site.receiver_milter = site.milter("receiver")
    verdict_is(site.receiver.wait_mail("waits", limit=30), PASS)


if __name__ == "__main__":
    use_safe_folders()
    main()
