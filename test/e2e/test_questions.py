# SPDX-License-Identifier: ISC
"""Questions as clients send them, whole and in pieces, well formed and not."""
import random
import socket
import threading
import time

from harness.checks import LATE, WAIT_LIMIT, Failure, check, equal, wait_for
from harness.client import connect, read_all, reset, wait_read
from harness.daemon import log_value
from harness.keys import Key, digest_of

NO = "NO\r\n"
BARE_YES = "YES\r\n"


def table(daemon, rows):
    for what, question, wanted in rows:
        equal(daemon.ask(question), wanted, what)


def test_every_verdict(case):
    w = case.world
    d = case.daemon(w.config(domain="""
        user "alice" { }
        user "bob" { allow_unauthorized = true }
        user "eve" { hosts = {"other.example.org"} }
        user "*" { hosts = {} }""",
        more=f'host "other.example.org" {{ keys = {{"{Key("host").public_text()}"}} }}'))
    digest, other = digest_of(b"this"), digest_of(b"that")
    now = int(time.time())
    good = w.payload()
    middle = len(good) // 2
    changed = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1:]
    named = " rcpt=example.net"
    table(d, [
        ("sealed", w.question(), "YES stamped\r\n"),
        ("sealed with a digest", w.question(digest=digest, names=f" digest={digest}"),
         "YES stamped\r\n"),
        ("in capitals", f"ALICE@Example.ORG {good}{named}\r\n", "YES stamped\r\n"),
        ("with a detail", w.question(user="alice+news@example.org"), "YES stamped\r\n"),
        ("for all receivers", w.question(receiving="*:9", names=" rcpt=*"), "YES stamped\r\n"),
        ("with an unknown name", w.question(names=" rcpt=example.net colour=red"),
         "YES stamped\r\n"),
        ("unstamped", f"alice@example.org -{named}\r\n", "NO unstamped ttl=300\r\n"),
        ("unstamped, lenient", f"bob@example.org -{named}\r\n", "ALLOW unstamped ttl=300\r\n"),
        ("forged", f"alice@example.org {changed}{named}\r\n", "NO forged\r\n"),
        ("forged, lenient", f"bob@example.org {changed}{named}\r\n", "NO forged\r\n"),
        ("another's", f"bob@example.org {good}{named}\r\n", "NO forged\r\n"),
        ("a host that it is not", w.question(sending="other.example.org"), "NO forged\r\n"),
        ("changed", w.question(digest=digest, names=f" digest={other}"), "ALLOW changed\r\n"),
        ("binds no message", w.question(names=f" digest={other}"), "ALLOW changed\r\n"),
        ("redirected", w.question(names=" rcpt=example.com"), "ALLOW redirected\r\n"),
        ("redirected in part", w.question(names=" rcpt=example.net,example.com"),
         "ALLOW redirected\r\n"),
        ("expired", w.question(issued=now - 8 * 86400), "ALLOW expired\r\n"),
        ("not yet expired", w.question(issued=now - 7 * 86400 + 100), "YES stamped\r\n"),
        ("in the future", w.question(issued=now + 400), "ALLOW expired\r\n"),
        ("a clock that is fast", w.question(issued=now + 200), "YES stamped\r\n"),
        ("a host that may not", w.question(user="eve@example.org"), "NO refused\r\n"),
        ("nobody", w.question(user="nobody@example.org"), "NO refused\r\n"),
        ("another domain", f"x@example.com -{named}\r\n", "NO refused\r\n"),
        ("a subdomain", f"x@sub.example.org -{named}\r\n",
         "NO refused ttl=300 scope=domain\r\n"),
        ("a host's own name", f"bob@mail.example.org -{named}\r\n",
         "ALLOW unstamped ttl=300\r\n"),
        ("its stamp", w.question(user="alice@mail.example.org"), "YES stamped\r\n"),
        ("receivers without a digest", w.question(digest=digest), "ALLOW changed\r\n"),
    ])
    wait_for(lambda: d.count("event=question") == 27, "a line for each question")


def test_ttl_and_scope_follow_the_domain(case):
    w = case.world
    d = case.daemon(w.config(more='''
        domain "uniform.example" { ttl = 15m user "a" { } }
        domain "mixed.example" { user "a" { } user "b" { allow_unauthorized = true } }
        domain "none.example" { ttl = 0s user "a" { } }
        domain "open.example" { subdomains = yes user "a" { } }
        domain "trial.example" { testing = yes ttl = 15m user "a" { } }'''))
    table(d, [
        ("all alike", "a@uniform.example - ip=192.0.2.1\r\n",
         "NO unstamped ttl=900 scope=domain\r\n"),
        ("one is lenient", "a@mixed.example - ip=192.0.2.1\r\n", "NO unstamped ttl=300\r\n"),
        ("not to be kept", "a@none.example - ip=192.0.2.1\r\n", "NO unstamped\r\n"),
        ("no subdomains", "a@sub.none.example - ip=2001:db8::1\r\n", "NO refused\r\n"),
        ("with subdomains", "a@sub.open.example - ip=2001:db8::1\r\n",
         "ALLOW unserved ttl=300 scope=domain\r\n"),
        ("under test", "a@trial.example - ip=192.0.2.1\r\n",
         "ALLOW testing ttl=300 scope=domain\r\n"),
        ("below it", "a@sub.trial.example - ip=192.0.2.1\r\n",
         "ALLOW testing ttl=300 scope=domain\r\n"),
    ])


def test_an_old_stamp_hides_nothing(case):
    """Another text with a genuine stamp, at once and when the stamp is older than its lifetime. The
    service cannot tell how long somebody waited: the stamp says when it was issued."""
    w = case.world
    d = case.daemon(w.config(more="""
        domain "denied.example" {
            lifetime = 1m deny = {"changed", "redirected"} hosts = {"mail.example.org"}
            user "alice" { } user "bob" { allow_unauthorized = true } }
        domain "plain.example" {
            lifetime = 1m hosts = {"mail.example.org"}
            user "alice" { } user "bob" { allow_unauthorized = true } }"""))
    now = int(time.time())
    digest, other = digest_of(b"this"), digest_of(b"that")

    def forged(user, age, names=f" rcpt=example.net digest={other}"):
        return w.question(user=user, issued=now - age, digest=digest, names=names)

    elsewhere = f" rcpt=example.com digest={digest}"
    table(d, [
        ("denied, at once", forged("alice@denied.example", 0), "NO refused\r\n"),
        ("denied, too old", forged("alice@denied.example", 3600), "NO refused\r\n"),
        ("denied, lenient", forged("bob@denied.example", 3600), "NO refused\r\n"),
        ("elsewhere, too old", forged("alice@denied.example", 3600, elsewhere), "NO refused\r\n"),
        ("itself, too old", forged("alice@denied.example", 3600,
                                   f" rcpt=example.net digest={digest}"), "ALLOW expired\r\n"),
        ("allowed, at once", forged("alice@plain.example", 0), "ALLOW changed\r\n"),
        ("allowed, too old", forged("alice@plain.example", 3600), "NO unstamped\r\n"),
        ("lenient, too old", forged("bob@plain.example", 3600), "ALLOW unstamped\r\n"),
    ])
    wait_for(lambda: d.count("reason=unstamped cause=stale") == 2, "a word for the stale ones")
    wait_for(lambda: d.count("reason=refused cause=changed") == 3, "and for those denied")


def test_stamps_can_be_taken_back(case):
    w = case.world
    now = int(time.time())
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 50))
    d = case.daemon(w.config(domain=f"""
        user "alice" {{ not_before = "{date}" }}
        user "bob" {{ not_before = "{date}" allow_unauthorized = true }}
        user "carol" {{ }}"""))
    table(d, [
        ("before", w.question(issued=now - 51), "NO refused\r\n"),
        ("in the very second", w.question(issued=now - 50), "YES stamped\r\n"),
        ("since", w.question(issued=now), "YES stamped\r\n"),
        ("before, lenient", w.question(user="bob@example.org", issued=now - 51), "NO refused\r\n"),
        ("its stamp taken off", "bob@example.org - rcpt=example.net\r\n",
         "ALLOW unstamped ttl=300\r\n"),
        ("another user", w.question(user="carol@example.org", issued=now - 51), "YES stamped\r\n"),
    ])
    wait_for(lambda: d.count("reason=refused cause=withdrawn") == 2, "a word for those taken back")


def test_a_domain_under_test_says_no_to_nothing(case):
    w = case.world
    d = case.daemon(w.config(domain="""
        testing = yes
        user "alice" { }
        user "eve" { hosts = {} }"""))
    named = " rcpt=example.net ip=192.0.2.1"
    table(d, [
        ("unstamped", f"alice@example.org -{named}\r\n",
         "ALLOW testing ttl=300 scope=domain\r\n"),
        ("unstamped, as in 2013", "alice -\r\n", "ALLOW\r\n"),
        ("forged", f"alice@example.org AAAA{named}\r\n", "ALLOW testing\r\n"),
        ("forged, nobody", f"nobody@example.org AAAA{named}\r\n", "ALLOW testing\r\n"),
        ("a host that may not", w.question(user="eve@example.org"), "ALLOW testing\r\n"),
        ("a subdomain", f"x@sub.example.org -{named}\r\n",
         "ALLOW testing ttl=300 scope=domain\r\n"),
        ("stamped", w.question(), "YES stamped\r\n"),
        ("changed", w.question(names=f" digest={digest_of(b'this')}"), "ALLOW changed\r\n"),
        ("another domain", f"x@example.com -{named}\r\n", "NO refused\r\n"),
        ("malformed", "alice@example.org -  x=y\r\n", NO),
    ])
    for would_be, count in (("unstamped", 2), ("forged", 2), ("refused cause=host", 1),
                            ("refused cause=subdomain", 1)):
        wait_for(lambda: d.count(f"verdict=ALLOW reason=testing would_be={would_be}") == count,
                 f"would be {would_be}")


def test_without_names_the_verdict_stands_alone(case):
    w = case.world
    d = case.daemon()
    table(d, [
        ("sealed", w.question(names=""), BARE_YES),
        ("a bare user", f"alice {w.payload()}\r\n", BARE_YES),
        ("a bare user with names", f"alice {w.payload()} rcpt=example.net\r\n", "YES stamped\r\n"),
        ("unstamped", "alice -\r\n", NO),
        ("unstamped, lenient", "bob -\r\n", "ALLOW\r\n"),
        ("LF alone", "bob -\n", "ALLOW\r\n"),
    ])
    equal(d.ask("bob -", half_close=True), "ALLOW\r\n", "no line end")
    equal(d.ask("bob -\r\n", half_close=True), "ALLOW\r\n", "CRLF and half-close")


def test_a_bare_user_needs_a_default_domain(case):
    d = case.daemon(case.world.config().replace("default = true", ""))
    equal(d.ask("alice -\r\n"), NO, "no default domain")
    equal(d.ask("alice@example.org -\r\n"), NO, "a full user")
    d.wait_log("event=malformed")
    d.wait_log("event=question.*user=alice@example.org")


def test_malformed_lines_get_a_bare_no(case):
    d = case.daemon()
    rows = [
        b"\r\n", b"\n", b" \r\n", b"alice\r\n", b"alice \r\n", b"alice  -\r\n", b" alice -\r\n",
        b"alice - \r\n", b"alice -\tx=1\r\n", b"alice - x\r\n", b"alice - x=\r\n",
        b"alice - =1\r\n", b"alice - rcpt=a.example rcpt=a.example\r\n", b"alice - x=1 x=2\r\n",
        b"alice - digest=short\r\n", b"alice - ip=300.1.1.1\r\n", b"alice - rcpt=a..b\r\n",
        b"alice - rcpt=,\r\n", b"* -\r\n", b"*@example.org -\r\n", b"+x@example.org -\r\n",
        b"@example.org -\r\n", b"alice@ -\r\n", b"a%2bb@example.org -\r\n", b"alice !\r\n",
        b"alice -\r\r\n", b"bob\0 -\r\n", b"bob -\0\r\n", b"\0\r\n", b"bob - x=\0\r\n",
        b"b\xc3\xb6b -\r\n", b"bob - x=\xff\r\n", b"GET / HTTP/1.1\r\n", b"EHLO example.org\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", bytes(range(256)),
        b"alice - rcpt=" + b"a" * 2049 + b"\r\n",
    ]
    for row in rows:
        equal(d.ask(row), NO, repr(row[:60]))
    for row in [b"", b"alice", b"bob -\0"]:
        equal(d.ask(row, half_close=True), NO, f"{row!r} and half-close")
    equal(d.stop(), 0)
    left_out = sum(int(log_value(line, "count")) for line in d.lines("event=left-out"))
    equal(d.count("event=malformed") + left_out, len(rows) + 3, "lines, and what is left out")


def test_a_line_has_4096_octets_at_most(case):
    d = case.daemon()
    for end in ("\r\n", "\n"):
        def line(octets):
            return ("bob - x=" + "y" * 5000)[:octets - len(end)] + end
        equal(d.ask(line(4096)), "ALLOW unstamped ttl=300\r\n", f"4096 octets, {end!r}")
        equal(d.ask(line(4097)), NO, f"4097 octets, {end!r}")
    bare = "bob - x=" + "y" * 4088
    equal(d.ask(bare, half_close=True), "ALLOW unstamped ttl=300\r\n", "4096 without a line end")
    equal(d.ask(bare + "y", half_close=True), NO, "4097 without a line end")
    equal(d.ask(bare + "\n", half_close=True), NO, "4096 and LF")


def test_an_endless_line_is_answered_and_not_reset(case):
    d = case.daemon()
    for octets in (4097, 8192, 100 * 1024, 900 * 1024):
        for wait in (lambda _: None, wait_read):
            with connect(d.address) as client:
                client.sendall(b"x" * 4096)
                wait(client)
                client.sendall(b"x" * (octets - 4096))
                wait(client)
                equal(read_all(client), NO.encode(), f"{octets} octets")


def test_a_line_may_come_in_pieces(case):
    w = case.world
    d = case.daemon()
    question = w.question().encode()
    for cut in list(range(0, 40)) + [len(question) - 2, len(question) - 1]:
        with connect(d.address) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(question[:cut])
            if cut:
                wait_read(client)
            client.sendall(question[cut:])
            equal(read_all(client), b"YES stamped\r\n", f"cut at {cut}")
    with connect(d.address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in question:
            client.sendall(bytes([octet]))
        equal(read_all(client), b"YES stamped\r\n", "an octet at a time")


def test_only_the_first_line_counts(case):
    d = case.daemon()
    for second in ("bob -\r\n", "x", "\r\n", "\0", "x" * 4000, "bob -\r\n" * 3000):
        equal(d.ask("alice -\r\n" + second), NO, f"with {second[:20]!r} behind it")
        equal(d.ask("bob -\r\n" + second), "ALLOW\r\n", f"with {second[:20]!r} behind it")
    wait_for(lambda: d.count("event=question") == 12, "one question for each connection")


def test_a_reset_at_any_point_harms_nobody(case):
    w = case.world
    d = case.daemon()
    pids = d.workers()
    question = w.question().encode()
    for octets in range(len(question) + 1):
        client = connect(d.address)
        client.sendall(question[:octets])
        if octets and octets % 3 == 0:
            wait_read(client)
        reset(client)
    for octets in (5000, 50000):
        client = connect(d.address)
        client.sendall(b"x" * octets)
        reset(client)
    for _ in range(20):
        equal(d.ask(w.question()), "YES stamped\r\n", "afterwards")
    equal(d.workers(), pids, "the workers")


def test_words_of_other_languages_are_users_like_others(case):
    d = case.daemon(case.world.config(domain='user "bob" { allow_unauthorized = true }'))
    for user in ("constructor", "__proto__", "toString", "hasOwnProperty", "null", "undefined",
                 "true", "0", "-", "..", "'", '"', "$", "`id`", "a>b", "a=b", "{}", "x" * 64):
        equal(d.ask(f"{user} - ip=192.0.2.1\r\n"), "NO unstamped ttl=300\r\n", user)
    equal(d.ask("x" * 65 + " -\r\n"), NO, "a local part of 65 octets")


def test_one_users_hosts_are_not_anothers(case):
    w = case.world
    lists, own = Key("host"), Key("host")
    d = case.daemon(w.config(domain="""
        user "news" { more_hosts = {"lists.example.net"} }
        user "own" { hosts = {"own.example.net"} }
        user "plain" { }
        user "none" { hosts = {} }""", more=f"""
        host "lists.example.net" {{ keys = {{"{lists.public_text()}"}} }}
        host "own.example.net" {{ keys = {{"{own.public_text()}"}} }}"""))
    hosts = {"mail.example.org": w.host, "lists.example.net": lists, "own.example.net": own}
    permitted = {"news": "mail.example.org lists.example.net", "own": "own.example.net",
                 "plain": "mail.example.org", "none": ""}
    pairs = [(user, host) for user in permitted for host in hosts] * 3
    random.Random(1).shuffle(pairs)
    for user, host in pairs:
        wanted = "YES stamped\r\n" if host in permitted[user].split() else "NO refused\r\n"
        got = d.ask(w.question(user=f"{user}@example.org", sending=host, host=hosts[host]))
        equal(got, wanted, f"{user} by {host}")


def closed_after(client, begin):
    """Seconds until the other side closed, one way or the other, and what it said before."""
    client.settimeout(WAIT_LIMIT)
    try:
        octets = read_all(client)
    except ConnectionError:
        octets = b""
    return time.monotonic() - begin, octets


def test_a_connection_has_ten_seconds(case):
    d = case.daemon()
    results = {}

    def half_a_line(name):
        begin = time.monotonic()
        with connect(d.address) as client:
            client.sendall(b"alice")
            results[name] = closed_after(client, begin)

    def an_octet_a_second(name):
        begin = time.monotonic()
        with connect(d.address) as client:
            def drip():
                for _ in range(30):
                    try:
                        client.sendall(b"x")
                    except OSError:
                        return
                    time.sleep(1)
            thread = threading.Thread(target=drip)
            thread.start()
            results[name] = closed_after(client, begin)
            thread.join()

    def still_sends(name):
        begin = time.monotonic()
        with connect(d.address) as client:
            client.sendall(b"alice -\r\nmore")
            equal(client.recv(100), b"NO\r\n", "the answer")
            while time.monotonic() - begin < 30:
                try:
                    client.sendall(b"x")
                except OSError:
                    break
                time.sleep(0.2)
            results[name] = time.monotonic() - begin, b""

    jobs = [half_a_line, an_octet_a_second, still_sends]
    threads = [threading.Thread(target=job, args=(job.__name__,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in jobs:
        check(job.__name__ in results, f"{job.__name__} ended with an exception")
        seconds, octets = results[job.__name__]
        check(9.5 <= seconds <= 10 + LATE, f"{job.__name__}: closed after {seconds:.1f} s")
        equal(octets, b"", f"{job.__name__}: octets before that")
    d.wait_log("event=unanswered why=timeout", 2)


def test_a_silent_connection_is_closed(case):
    """The kernel keeps it from us for a while; then it has its ten seconds."""
    d = case.daemon()
    begin = time.monotonic()
    with connect(d.address) as client:
        seconds, octets = closed_after(client, begin)
    check(9 <= seconds <= 16 + LATE, f"closed after {seconds:.1f} s")
    equal(octets, b"", "octets before that")


def test_what_is_never_closed_is_discarded_to_a_limit(case):
    """A peer that sends for ever is cut off before its ten seconds are over."""
    d = case.daemon()
    sent = 0
    begin = time.monotonic()
    with connect(d.address) as client:
        try:
            while time.monotonic() - begin < 9:
                sent += client.send(b"x" * 65536)
        except ConnectionError:
            pass
        else:
            raise Failure(f"{sent} octets were taken")
    equal(d.ask("bob -\r\n"), "ALLOW\r\n", "afterwards")
