# SPDX-License-Identifier: ISC
"""What a client with a login may claim, and whom a stamp counts for."""
from harness.checks import equal
from harness.forgeries import field
from harness.mailsite import Site, verdict_is
from harness.message import fields, message, send, submit


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
        ("the stamp twice", message(subject="3", more=stamp * 2), 'neutral reason="changed"'),
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
