# SPDX-License-Identifier: ISC
"""Relayed mail that is our users' all the same: own lists, filters before the queue, and gateways, as
integrations/ has them. The lines of master.cf and verimail.conf are those of the pages."""
import os

from harness.checks import check, equal
from harness.examples import ALL
from harness.files import write_file
from harness.mailsite import Site, verdict_is
from harness.message import Host, fields, message, send, submit
from harness.smtpprogram import ListManager, ProxyFilter

PASS = "verimail=pass header.from=alice@origin.test"
LISTS = "integrations/mailing-lists/README.md"
PROXY = "integrations/proxy-filter/README.md"
POSTFIX = "integrations/postfix/README.md"
LMTP = "\nlmtp unix - - n - - lmtp\n"
HERE = Host("127.0.0.1")


def lines_of(page, kind, word):
    """The one block of this kind in a page that has the word."""
    found = [e.text for e in ALL if e.file == page and e.kind == kind and word in e.text]
    equal(len(found), 1, f"blocks of {page} with {word}")
    return found[0]


def with_list(case, milter):
    """list@origin.test, whose manager hands mail back as the page has it."""
    site = Site(case, users='user "alice" { }' + lines_of(LISTS, "conf", 'user "list"'))
    site.origin_milter = site.milter("origin", milter=milter)
    site.receiver_milter = site.milter("receiver")
    site.origin = site.postfix(
        "origin", master=LMTP + lines_of(LISTS, "master.cf", "lists"),
        transports={"list@origin.test": "lmtp:[127.0.0.1]:8024", "receiver.test": "127.0.1.2"})
    site.receiver = site.postfix("receiver")
    manager = lines_of(LISTS, "none", "[mta]")
    check("smtp_host: 127.0.0.1\nsmtp_port: 10025\n" in manager, manager)
    ListManager("127.0.0.1", 8024, "list@origin.test", ["bob@receiver.test"], (HERE, 10025))
    return site


def test_an_own_list(case):
    site = with_list(case, lines_of(LISTS, "conf", "stamp_relayed"))
    for author, source in (("alice@origin.test", "127.0.0.1"), ("eve@elsewhere.test", "127.0.9.9")):
        code, text = send(site.origin, message(author, author, to="list@origin.test"),
                          sender=author, to=["list@origin.test"], source=source)
        equal(code, 250, text)
        mail = site.receiver.wait_mail(f"[list] {author}")
        equal(fields(mail, "From"), ["Somebody via List <list@origin.test>"])
        verdict_is(mail, "verimail=pass header.from=list@origin.test")
    # What comes to the list in our own user's name, and is forged, does not come to it.
    code, text = send(site.origin, message(subject="forged"), to=["list@origin.test"])
    equal((code, text[:5]), (550, "5.7.1"), text)
    site.origin_milter.wait_log("event=stamped .*class=relayed author=list@origin.test", 2)
    # At another listener the same message is not stamped.
    listed = message("Alice via List <list@origin.test>", "elsewhere",
                     more="Received: from mx.origin.test by mx.origin.test; now\r\n")
    equal(submit(site.origin, listed)[0], 250)
    site.origin_milter.wait_log("reason=relayed action=accept")
    site.receiver_milter.wait_log("author=list@origin.test verdict=NO")


def filtered(case, name, port, back, **how):
    """A mail server with a filter before its queue."""
    site = Site(case)
    # Port 25 of this machine is the server's that has no filter.
    front = lines_of(PROXY, "master.cf", f":{port}\n").replace("smtp inet", "127.0.1.12:25 inet")
    site.server = site.postfix(
        name, master="\n" + front + lines_of(PROXY, "master.cf", f":{back[1]} inet"), **how)
    ProxyFilter("127.0.0.1", port, back)
    return site


def test_a_filter_before_the_queue_of_what_users_submit(case):
    auth = os.path.join(case.folder, "postfix-origin", "auth")
    site = filtered(case, "origin", 10026, ("127.0.0.1", 10027), submission=True,
                    main=f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {auth}\n"
                         "broken_sasl_auth_clients = yes\n")
    conf = lines_of(PROXY, "conf", "filtered").replace("trusted_networks", "# trusted_networks")
    milter = site.milter("origin", milter="\n" + conf, trusted='"127.0.0.1"')
    site.milter("receiver")
    receiver = site.postfix("receiver")
    code, text = send(HERE, message(subject="filtered"), login="alice", port=587)
    equal(code, 250, text)
    mail = receiver.wait_mail("filtered")
    verdict_is(mail, PASS)
    equal((fields(mail, "X-Filtered"), len(fields(mail, "Verimail"))), (["yes"], 1))
    milter.wait_log("event=stamped .*class=relayed")


def test_a_filter_before_the_queue_of_what_others_send(case):
    site = filtered(case, "receiver", 10028, ("::1", 10029), main="inet_protocols = all\n")
    front = Host("127.0.1.12")
    conf = [e.text for e in ALL if e.file == PROXY and e.kind == "conf"][-1]
    equal(conf, 'trusted_networks = {"127.0.0.1"}\n')
    milter = site.milter("receiver", trusted='"127.0.0.1"')
    site.milter("origin")
    origin = site.postfix("origin", transports={"receiver.test": front.address})
    equal(submit(origin, message(subject="genuine"))[0], 250)
    mail = site.server.wait_mail("genuine")
    verdict_is(mail, PASS)
    equal(fields(mail, "X-Filtered"), ["yes"])
    code, text = send(front, message(subject="forged"))
    equal((code, text[:5]), (550, "5.7.1"), text)
    check("class=relayed" not in milter.text(), milter.text())


def test_a_gateway_that_marks_its_users_mail(case):
    """third.test's server is an internal one, which has the origin send its mail."""
    mark = lines_of(POSTFIX, "conf", "relayed_mark")
    site = Site(case)
    site.milter("origin", milter="\n" + mark, trusted='"127.0.0.1", "127.0.1.3"')
    site.milter("receiver")
    origin = site.postfix("origin", main="mynetworks = 127.0.0.1 127.0.1.3\n")
    receiver = site.postfix("receiver")
    checks = os.path.join(case.folder, "mark")
    write_file(checks, lines_of(POSTFIX, "none", "PREPEND"), 0o644)
    users = f"""
127.0.1.3:588 inet n - n - - smtpd -o cleanup_service_name=marked
marked unix n - n - 0 cleanup -o header_checks=regexp:{checks}
"""
    inner = site.postfix("third", milter=False, master=users,
                         transports={"receiver.test": origin.address})
    equal(submit(inner, message(subject="ours"), port=588)[0], 250)
    mail = receiver.wait_mail("ours")
    verdict_is(mail, PASS)
    equal(fields(mail, "X-Our-Gateway"), [], "the secret")
    # What it only forwards has no mark, and gets no stamp.
    equal(submit(inner, message(subject="forwarded"))[0], 250)
    inner.wait_idle()
    origin.wait_idle()
    equal([m for m in receiver.box() if b"forwarded" in m], [], "what was delivered")
    # From a stranger the secret counts for nothing, and is removed all the same.
    forged = message("bob@origin.test", "a mark from outside",
                     more=mark.split('"')[1] + "\r\nX-Our-Gateway: another\r\n")
    equal(send(origin, forged, to=["dan@origin.test"])[0], 250)
    mail = origin.wait_mail("a mark from outside")
    equal((fields(mail, "X-Our-Gateway"), fields(mail, "Verimail")), ([], []))
