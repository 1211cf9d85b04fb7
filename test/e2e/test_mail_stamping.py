# SPDX-License-Identifier: ISC
"""Whose mail is stamped: submission on the machine, what was relayed, and other filters."""
import os

import pytest

from harness.addresses import needs_mail_servers
from harness.checks import check, equal, wait_for
from harness.files import write_file
from harness.mailsite import Site, log_in, origin_and_receiver, verdict_is
from harness.message import fields, message, send, submit
from harness.opendkim import open_dkim
from harness.programs import listens

PASS = "verimail=pass header.from=alice@origin.test"


def test_a_table_of_logins(case):
    path = os.path.join(case.folder, "logins")
    write_file(path, "# who may be whom\nnewsletter *@origin.test\noffice alice@origin.test\n")
    site = origin_and_receiver(case, milter=f'logins = "{path}"')
    for login in ("newsletter", "office"):
        equal(log_in(site, login, "alice@origin.test", login)[0], 250)
        verdict_is(site.receiver.wait_mail(login), PASS)
    equal(log_in(site, "alice", "alice@origin.test", "alice")[0], 550)


def test_any_login_may_be_anybody(case):
    site = origin_and_receiver(case, milter="logins = any")
    equal(log_in(site, "attacker", "alice@origin.test", "any")[0], 250)
    verdict_is(site.receiver.wait_mail("any"), PASS)


def test_submission_on_the_machine(case):
    site = origin_and_receiver(case)
    done = site.origin.run("sendmail", "-i", "-f", "alice@origin.test", "bob@receiver.test",
                           input=message(subject="by sendmail").replace("\r\n", "\n").encode())
    equal(done.returncode, 0, done.stderr)
    mail = site.receiver.wait_mail("by sendmail")
    verdict_is(mail, PASS)
    equal(len(fields(mail, "Date")), 1, "Date fields")
    equal(len(fields(mail, "Message-Id")), 1, "Message-ID fields")


def test_a_subdomain_that_is_not_listed(case):
    site = origin_and_receiver(case)
    equal(submit(site.origin, message("root@host1.origin.test", "cron"),
                 sender="root@host1.origin.test")[0], 250)
    verdict_is(site.receiver.wait_mail("cron"), "verimail=fail header.from=host1.origin.test")


def test_earlier_stamps_are_replaced(case):
    site = origin_and_receiver(case)
    own = "Verimail: alice@origin.test " + "QUJD" * 30 + "\r\n"
    other = "Verimail: eve@elsewhere.test " + "QUJD" * 30 + "\r\n"
    equal(submit(site.origin, message(subject="stamped before", more=own + other + own))[0], 250)
    mail = site.receiver.wait_mail("stamped before")
    verdict_is(mail, PASS)
    users = sorted(value.split()[0] for value in fields(mail, "Verimail"))
    equal(users, ["alice@origin.test", "eve@elsewhere.test"], "stamps")


def test_mail_that_is_queued_again(case):
    site = origin_and_receiver(case, main="defer_transports = smtp\n")
    equal(submit(site.origin, message(subject="again"))[0], 250)
    wait_for(lambda: any("/deferred/" in p for p in site.origin.queue()), "it to be deferred")
    equal(site.origin.run("postsuper", "-r", "ALL").returncode, 0)
    site.origin.run("postkick", "public", "pickup", "W")
    wait_for(lambda: any("/deferred/" in p for p in site.origin.queue()), "it to be there again")
    main_cf = os.path.join(site.origin.etc, "main.cf")
    with open(main_cf, encoding="ascii") as file:
        text = file.read().replace("defer_transports = smtp", "")
    write_file(main_cf, text, 0o644)
    os.utime(main_cf, (1, 1))
    site.origin.run("postfix", "reload")
    os.kill(site.origin.process.pid, 1)
    wait_for(lambda: site.origin.run("postqueue", "-f").returncode == 0 and site.receiver.box(),
             "the message")
    mail = site.receiver.wait_mail("again")
    verdict_is(mail, PASS)
    equal(len(fields(mail, "Verimail")), 1, "stamps")


def test_nothing_from_outside_is_laundered(case):
    """A forgery of our own user comes in from outside, is taken, and leaves again by a forward."""
    site = origin_and_receiver(case, aliases={"forward@origin.test": "bob@receiver.test"})
    forged = message(subject="laundered")
    equal(send(site.origin, forged, to=["forward@origin.test"])[0], 250)
    mail = site.receiver.wait_mail("laundered")
    equal(fields(mail, "Verimail"), [], "stamps")
    verdict_is(mail, "verimail=fail header.from=origin.test")


def test_a_content_filter_on_the_machine(case):
    """What a filter injects again on 127.0.0.1 has been here before: its Received field shows it."""
    site = origin_and_receiver(
        case, main="content_filter = smtp:[127.0.1.1]:10026\n",
        master="\n127.0.1.1:10026 inet n - n - - smtpd -o content_filter=\n")
    equal(send(site.origin, message(subject="filtered"), to=["dan@origin.test"])[0], 250)
    site.origin.wait_mail("filtered")
    equal(site.origin_milter.count("event=stamped"), 0, "stamps for a forgery")
    check(site.origin_milter.count("class=relayed") == 1, site.origin_milter.text())
    # Our own user's mail, stamped at its submission, keeps that stamp.
    equal(submit(site.origin, message(subject="ours"))[0], 250)
    mail = site.receiver.wait_mail("ours")
    verdict_is(mail, PASS)
    equal(len(fields(mail, "Verimail")), 1, "stamps")


def test_a_result_of_ours_survives_the_filter(case):
    site = origin_and_receiver(
        case, main="content_filter = smtp:[127.0.1.1]:10026\n",
        master="\n127.0.1.1:10026 inet n - n - - smtpd -o content_filter=\n")
    equal(send(site.origin, message("bob@origin.test", "kept"), to=["dan@origin.test"])[0], 250)
    verdict_is(site.origin.wait_mail("kept"),
               'verimail=neutral reason="unstamped" header.from=origin.test', "origin")


def test_relayed_networks_can_be_stamped(case):
    site = origin_and_receiver(case, milter='stamp_relayed = {"127.0.0.1"}')
    relayed = message(subject="relayed", more="Received: from inside by outside; now\r\n")
    equal(submit(site.origin, relayed)[0], 250)
    verdict_is(site.receiver.wait_mail("relayed"), PASS)


def test_generic_maps_come_after_the_milter(case):
    """smtp_generic_maps changes the author after the stamp; canonical_maps does it before."""
    site = origin_and_receiver(case, main="smtp_generic_maps = inline:{a@local.test=alice@origin.test}\n")
    equal(submit(site.origin, message("a@local.test", "generic"))[0], 250)
    verdict_is(site.receiver.wait_mail("generic"), "verimail=fail header.from=origin.test")
    site.origin.stop()
    wait_for(lambda: not listens(site.origin.address, 25), "the first instance to end")
    case.folder = os.path.join(case.folder, "2")
    os.makedirs(case.folder)
    os.chmod(case.folder, 0o755)
    origin = site.postfix("origin", milter="unix:" + site.socket("origin").replace("/2/", "/"),
                          main="canonical_maps = inline:{a@local.test=alice@origin.test}\n")
    equal(submit(origin, message("a@local.test", "canonical"))[0], 250)
    verdict_is(site.receiver.wait_mail("canonical"), PASS)


@pytest.mark.parametrize("name", ["origin.test", "mx.origin.test"])
def test_a_bounce_between_two_domains(case, name):
    """In the domain's name, or in that of the host, which is Postfix's default."""
    site = origin_and_receiver(case, main=f"myorigin = {name}\n")
    site.postfix("third", milter=False,
                 main="virtual_mailbox_maps = inline:{carol@third.test=inbox/}\n")
    # The sender is bob, so that it is the receiver whom the origin's MAILER-DAEMON writes to.
    equal(submit(site.origin, message(subject="to nobody"), sender="bob@receiver.test",
                 to=["nobody@third.test"])[0], 250)
    mail = wait_for(site.receiver.box, "the bounce")[0]
    check(f"<MAILER-DAEMON@{name}>" in fields(mail, "From")[0], fields(mail, "From"))
    verdict_is(mail, f"verimail=pass header.from=MAILER-DAEMON@{name}")


def check_dkim(case, order):
    needs_mail_servers()
    site = Site(case)
    site.milter("origin")
    site.milter("receiver")
    dkim, _ = open_dkim(case, site, "origin", "s")
    verifying, _ = open_dkim(case, site, "receiver", "v")
    ours = "unix:" + site.socket("origin")
    site.origin = site.postfix("origin", milter=", ".join(order(ours, dkim)))
    site.receiver = site.postfix(
        "receiver", milter=f"unix:{site.socket('receiver')}, {verifying}")
    equal(submit(site.origin, message(subject="signed"))[0], 250)
    mail = site.receiver.wait_mail("signed")
    verdict_is(mail, PASS)
    results = " ".join(fields(mail, "Authentication-Results"))
    check("dkim=pass" in results, results)
    return mail


def test_the_lines_of_the_manual(case):
    """main.cf and master.cf as integrations/postfix has them, but for the folder."""
    site = Site(case)
    site.origin_milter = site.milter("origin", milter='trusted_daemons = {"submission"}')
    milter = f"{{ unix:{site.socket('origin')}, default_action=tempfail }}"
    site.origin = site.postfix("origin", milter=milter, submission=True, master="""
127.0.1.1:588 inet n - n - - smtpd
    -o smtpd_relay_restrictions=reject_unauth_destination
    -o milter_macro_daemon_name=submission
127.0.1.1:10026 inet n - n - - smtpd
    -o smtpd_milters=
""")
    equal(send(site.origin, message(subject="by its daemon"), to=["dan@origin.test"], port=588)[0],
          250)
    check(fields(site.origin.wait_mail("by its daemon"), "Verimail"), "no stamp")
    site.origin_milter.stop()
    code, text = submit(site.origin, message(subject="nobody there"), to=["dan@origin.test"])
    check(400 <= code < 500, f"{code} {text}")


def test_dkim_signs_after_stamping(case):
    mail = check_dkim(case, lambda ours, dkim: (ours, dkim))
    signed = fields(mail, "DKIM-Signature")[0].replace(" ", "").lower()
    check("verimail" in signed.split(";h=")[1].split(";")[0].split(":"), signed)


def test_stamping_after_dkim_breaks_nothing(case):
    check_dkim(case, lambda ours, dkim: (dkim, ours))
