# SPDX-License-Identifier: ISC
"""Mail between real Postfix instances: what each verdict comes to."""
import os
import signal

from harness.checks import check, equal, wait_for
from harness.mailsite import Site, verdict_is
from harness.message import fields, message, send, submit


def two(case, verify="", **how):
    """origin.test and receiver.test, each with its milter."""
    site = Site(case, **how)
    site.origin_milter = site.milter("origin")
    site.receiver_milter = site.milter("receiver", verify)
    site.origin = site.postfix("origin", submission=True)
    site.receiver = site.postfix("receiver", aliases={
        "forwarded@receiver.test": "carol@third.test",
        "carol@third.test": "carol@third.test",
    })
    return site


def test_genuine_mail_passes(case):
    site = two(case)
    equal(submit(site.origin, message(subject="genuine"))[0], 250, "submission")
    mail = site.receiver.wait_mail("genuine")
    verdict_is(mail, "verimail=pass header.from=alice@origin.test")
    equal(len(fields(mail, "Verimail")), 1, "stamps")
    check(mail.index(b"Authentication-Results:") < mail.index(b"Received:"),
          "the result is not above the other trace fields")
    line = site.receiver_milter.wait_log("event=verified")[0]
    check("verdict=YES" in line and "action=accept" in line and "queue=" in line, line)
    check("event=stamped" in site.origin_milter.text(), site.origin_milter.text())


def test_forged_mail_is_rejected(case):
    site = two(case)
    code, text = send(site.receiver, message(subject="forged"))
    equal(code, 550, text)
    check(text.startswith("5.7.1 origin.test says that it did not send this message"), text)
    # A stamp that nobody of origin.test made is no better, whomever it is for.
    for user in ("alice", "bob", "nobody"):
        code, text = send(site.receiver, message(
            f"{user}@origin.test", more=f"Verimail: {user}@origin.test {'QUJD' * 40}\r\n"))
        equal(code, 550, text)
    equal(site.receiver.box(), [], "what was delivered")


def test_lenient_users_are_neutral(case):
    site = two(case)
    equal(send(site.receiver, message("bob@origin.test", "lenient"))[0], 250)
    verdict_is(site.receiver.wait_mail("lenient"),
               'verimail=neutral reason="unstamped" header.from=origin.test')


def test_forwarded_mail_is_redirected(case):
    site = two(case)
    site.milter("third")
    third = site.postfix("third")
    equal(submit(site.origin, message(subject="forwarded"), to=["forwarded@receiver.test"])[0],
          250)
    mail = third.wait_mail("forwarded")
    verdict_is(mail, "verimail=pass header.from=alice@origin.test", "receiver")
    verdict_is(mail, 'verimail=neutral reason="redirected" header.from=origin.test', "third")


def test_a_list_changes_mail(case):
    site = two(case)
    equal(submit(site.origin, message(subject="for the list"))[0], 250)
    mail = site.receiver.wait_mail("for the list")
    listed = mail[mail.index(b"Verimail:"):].replace(
        b"Subject: for the list", b"Subject: [list] for the list") + b"-- \nthe list\n"
    equal(send(site.receiver, listed.replace(b"\n", b"\r\n"))[0], 250)
    verdict_is(site.receiver.wait_mail("[list] for the list"),
               'verimail=neutral reason="changed" header.from=origin.test')


def test_other_domains_are_left_alone(case):
    site = two(case)
    text = message("eve@elsewhere.test", "untouched", more="X-First: one\r\n",
                   body="A body.\r\n  with  blanks\r\n")
    equal(send(site.receiver, text)[0], 250)
    mail = site.receiver.wait_mail("untouched")
    equal(fields(mail, "Authentication-Results"), [], "results")
    kept = mail[mail.index(b"X-First:"):mail.index(b"\n\n")]
    kept = b"".join(line + b"\n" for line in kept.split(b"\n")
                    if not line.startswith((b"Message-Id:", b"Date:")))
    equal(kept + mail[mail.index(b"\n\n") + 1:], text.replace("\r\n", "\n").encode(), "the message")


def test_the_service_is_down(case):
    site = two(case, service=False)
    equal(submit(site.origin, message(subject="nobody answers"))[0], 250)
    verdict_is(site.receiver.wait_mail("nobody answers"),
               "verimail=temperror header.from=origin.test")
    site.start_service()
    equal(submit(site.origin, message(subject="somebody answers"))[0], 250)
    verdict_is(site.receiver.wait_mail("somebody answers"),
               "verimail=pass header.from=alice@origin.test")


def test_the_service_is_down_and_that_is_an_error(case):
    site = two(case, verify="on_temperror = tempfail", service=False)
    code, text = send(site.receiver, message())
    equal((code, text[:5]), (451, "4.7.1"), text)
    site.records["_verimail._tcp.lost.test", "SRV"] = ["0 0 26 nowhere.lost.test."]
    code, text = send(site.receiver, message("dan@lost.test"))
    equal((code, text[:5]), (451, "4.4.3"), text)


def test_monitoring_only_says_so(case):
    site = two(case, verify="mode = monitor")
    equal(send(site.receiver, message(subject="monitored"))[0], 250)
    verdict_is(site.receiver.wait_mail("monitored"), "verimail=fail header.from=origin.test")
    site.receiver_milter.wait_log("verdict=NO reason=unstamped would=reject")


def test_quarantine_holds_it(case):
    site = two(case, verify="on_no = quarantine")
    equal(send(site.receiver, message(subject="held"))[0], 250)
    wait_for(lambda: any("/hold/" in path for path in site.receiver.queue()), "it to be held")
    equal(site.receiver.box(), [], "what was delivered")


def test_marking_only_marks(case):
    site = two(case, verify="on_no = mark on_permerror = mark")
    equal(send(site.receiver, message(subject="marked"))[0], 250)
    verdict_is(site.receiver.wait_mail("marked"), "verimail=fail header.from=origin.test")
    equal(send(site.receiver, message("a@origin.test, b@origin.test", "two authors"))[0], 250)
    verdict_is(site.receiver.wait_mail("two authors"), 'verimail=permerror reason="from"')


def test_several_domains_and_a_blind_copy(case):
    site = two(case)
    site.milter("third")
    third = site.postfix("third")
    equal(submit(site.origin, message(subject="copies", to="bob@receiver.test"),
                 to=["bob@receiver.test", "carol@third.test", "dave@receiver.test"])[0], 250)
    copies = site.receiver.wait_mail("copies", 2)
    blind = third.wait_mail("copies")
    for mail in copies:
        verdict_is(mail, "verimail=pass header.from=alice@origin.test")
        check(b"third" not in mail, "a copy tells of the blind recipient")
    verdict_is(blind, "verimail=pass header.from=alice@origin.test", "third")


def test_unusual_messages(case):
    site = two(case)
    bodies = {
        "eight bit": "Gr\u00fc\u00dfe \u2603\r\n",
        "no body": "",
        "empty lines": "\r\n\r\n\r\n",
        "dots": ".\r\n..\r\n.x\r\n",
        "blanks": "a  b \t c   \r\n   \r\n",
        "long line": "x" * 900 + "\r\n",
    }
    for subject, body in bodies.items():
        code, text = submit(site.origin, message(subject=subject, body=body),
                            options=["BODY=8BITMIME"])
        equal(code, 250, text)
        verdict_is(site.receiver.wait_mail(subject), "verimail=pass header.from=alice@origin.test")
    folded = message(subject="folded", to="bob@receiver.test,\r\n\t carol@receiver.test")
    equal(submit(site.origin, folded)[0], 250)
    verdict_is(site.receiver.wait_mail("folded"), "verimail=pass header.from=alice@origin.test")


def test_a_message_of_25_megabytes(case):
    site = two(case)
    line = "0123456789" * 7 + "\r\n"
    equal(submit(site.origin, message(subject="huge", body=line * (25 * 1024 * 1024 // 72)))[0],
          250)
    verdict_is(site.receiver.wait_mail("huge"),
               "verimail=pass header.from=alice@origin.test")
    with open(f"/proc/{milter_process(site.receiver_milter)}/status", encoding="ascii") as file:
        peak = [int(l.split()[1]) for l in file if l.startswith("VmHWM")][0]
    check(peak < 40000, f"the milter took {peak} KiB")


def milter_process(milter):
    """The one that mail servers talk to."""
    return milter.workers()[0]


def test_internationalized_mail(case):
    site = two(case)
    text = message("J\u00f6rg <alice@origin.test>", "Gr\u00fc\u00dfe", to="m\u00fcller@receiver.test")
    equal(submit(site.origin, text, to=["m\u00fcller@receiver.test"],
                 options=["SMTPUTF8", "BODY=8BITMIME"])[0], 250)
    mails = wait_for(site.receiver.box, "the message")
    verdict_is(mails[0], "verimail=pass header.from=alice@origin.test")


def test_no_header_at_all(case):
    site = two(case)
    code, text = send(site.receiver, "\r\nOnly a body.\r\n")
    equal(code, 550, text)
    # A trusted client's passes: it is not ours to judge, and nobody vouches for it.
    equal(submit(site.origin, "\r\nOnly a body.\r\n", to=["dan@origin.test"])[0], 250)


def test_the_milter_dies_under_load(case):
    import threading
    site = two(case)
    sent, failed = [], []
    lock = threading.Lock()

    def one(n):
        for k in range(6):
            subject = f"load {n} {k}"
            while True:
                code, _ = submit(site.origin, message(subject=subject))
                with lock:
                    (sent if code == 250 else failed).append(subject)
                if code == 250:
                    break
                check(code == 451 or code == 421, f"{code}")
    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for count in (4, 14):
        wait_for(lambda: len(sent) >= count, "some mail")
        os.kill(milter_process(site.origin_milter), signal.SIGKILL)
        site.origin_milter.wait_log("event=worker-died.* signal=KILL")
    for thread in threads:
        thread.join()
    # A deferred one waits for the next run of the queue.
    wait_for(lambda: site.receiver.run("postqueue", "-f") and site.origin.run("postqueue", "-f") and
             len(site.receiver.box()) >= len(sent), "every message", 60)
    equal(sorted(m.split(b"Subject: ")[1].split(b"\n")[0].decode() for m in site.receiver.box()),
          sorted(sent), "what came")
    for mail in site.receiver.box():
        verdict_is(mail, "verimail=pass header.from=alice@origin.test")


def test_a_reload_under_load(case):
    site = two(case)
    equal(submit(site.origin, message(subject="before"))[0], 250)
    config = site.verify_section("receiver", "on_no = mark") + site.milter_section(
        "receiver", trusted="")
    site.receiver.wait_mail("before")
    site.receiver_milter.reload(config)
    equal(send(site.receiver, message(subject="after"))[0], 250)
    verdict_is(site.receiver.wait_mail("after"), "verimail=fail header.from=origin.test")
    refused = site.receiver_milter.reload(
        config.replace("mark", "perhaps"), "event=reload-refused")
    check("perhaps" in refused, refused)
    equal(send(site.receiver, message(subject="still"))[0], 250)
    site.receiver.wait_mail("still")
