# SPDX-License-Identifier: ISC
"""Results that a message brings with it: those in our name do not survive, others' stay."""
from harness.checks import check, equal
from harness.forgeries import FORGED, OTHERS, OURS, field, flat
from harness.mailsite import Site, verdict_is
from harness.message import fields, message, send, submit


def receiver(case, verify=""):
    site = Site(case)
    site.milter("receiver", verify)
    site.receiver = site.postfix("receiver")
    return site


def test_each_form_alone(case):
    site = receiver(case)
    for n, value in enumerate(FORGED):
        code, text = send(site.receiver, message("bob@origin.test", f"forged {n}",
                                                 more=field(value)))
        equal(code, 250, text)
        mail = site.receiver.wait_mail(f"forged {n}")
        equal(fields(mail, "Authentication-Results"),
              [f'{OURS}; verimail=neutral reason="unstamped" header.from=origin.test'], value)


def test_others_stay(case):
    site = receiver(case)
    for n, value in enumerate(OTHERS):
        equal(send(site.receiver, message("eve@elsewhere.test", f"other {n}",
                                          more=field(value)))[0], 250)
        mail = site.receiver.wait_mail(f"other {n}")
        equal(fields(mail, "Authentication-Results"), [flat(value)], value)


def test_all_of_them_mixed(case):
    site = receiver(case)
    lines = ""
    for n in range(max(len(FORGED), len(OTHERS))):
        name = ("Authentication-Results", "AUTHENTICATION-RESULTS", "authentication-results")[n % 3]
        lines += field(FORGED[n % len(FORGED)], name) + field(OTHERS[n % len(OTHERS)], name)
        lines += field(FORGED[(n * 7) % len(FORGED)], name)
    equal(send(site.receiver, message("eve@elsewhere.test", "mixed", more=lines))[0], 250)
    left = fields(site.receiver.wait_mail("mixed"), "Authentication-Results")
    wanted = [flat(OTHERS[n % len(OTHERS)]) for n in range(max(len(FORGED), len(OTHERS)))]
    equal(left, wanted, "what is left")


def test_white_space_before_the_colon(case):
    site = receiver(case)
    for n, name in enumerate(("Authentication-Results ", "Authentication-Results\t")):
        code, text = send(site.receiver, message(
            "eve@elsewhere.test", f"spaced {n}", more=field(f"{OURS}; verimail=pass", name)))
        if code == 250:
            mail = site.receiver.wait_mail(f"spaced {n}")
            check(b"verimail=pass" not in mail, mail)
        else:
            check(code == 550, text)


def test_a_client_with_a_login_cannot_either(case):
    site = Site(case)
    site.milter("origin")
    site.origin = site.postfix("origin", submission=True)
    own = "mx.origin.test"
    for n, how in enumerate(({"login": "alice", "port": 587}, {"source": "127.0.0.1"})):
        equal(send(site.origin, message(subject=f"own {n}", more=field(f"{own}; verimail=pass")),
                   to=["dan@origin.test"], **how)[0], 250)
        mail = site.origin.wait_mail(f"own {n}")
        equal(fields(mail, "Authentication-Results"), [], "results")


def test_a_stamp_counts_only_for_its_author(case):
    site = Site(case)
    site.milter("origin")
    site.milter("receiver", "on_no = mark")
    site.origin = site.postfix("origin")
    site.receiver = site.postfix("receiver")
    equal(submit(site.origin, message(subject="the original"))[0], 250)
    mail = site.receiver.wait_mail("the original")
    stamp = mail[mail.index(b"Verimail:"):mail.index(b"Received: from client.test")].decode()
    stamp = stamp.replace("\n", "\r\n")
    rows = [
        ("another author", message("carol@origin.test", "1", more=stamp), "fail"),
        ("another text", message(subject="2", more=stamp), 'neutral reason="changed"'),
        ("the stamp twice", message(subject="3", more=stamp * 2), "fail"),
        ("another user's beside it", message(subject="4", more=stamp + stamp.replace(
            "alice@", "carol@")), 'neutral reason="changed"'),
        # Postfix takes the space out, so that it is a stamp like others.
        ("spaced", message(subject="5", more=stamp.replace("Verimail:", "Verimail :")),
         'neutral reason="changed"'),
    ]
    for n, (what, text, wanted) in enumerate(rows, 1):
        code, reply = send(site.receiver, text)
        equal(code, 250, f"{what}: {reply}")
        verdict_is(site.receiver.wait_mail(str(n)), f"verimail={wanted} header.from=origin.test")
