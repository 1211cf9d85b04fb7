# SPDX-License-Identifier: ISC
"""`verimail table sync` with a real slapd, and with a server that says what a test wants."""
import os
import re
import signal
import subprocess
import time

from harness import ldapserver
from harness.checks import LATE, WAIT_LIMIT, check, equal, wait_for
from harness.directory import Directory, Ended, secret
from harness.files import write_file
from harness.slapd import BASE, PASSWORD, READER, Slapd, certificates, entry


def staff(case, *entries, settings="", tls=None, **options):
    """A slapd with these people, and a directory that it is."""
    server = Slapd(case, *entries, settings=settings, tls=tls)
    return server, Directory(case, server.address, base=f"ou=people,{BASE}", **options)


def as_reader(case):
    return {"bind_dn": READER, "password": secret(case)}


def test_a_table_becomes_what_ldap_says(case):
    server, d = staff(
        case, entry("alice", mail="alice@example.org", proxyAddresses=[
            "SMTP:Alice@example.org", "smtp:ali@example.org", "X400:c=us;a= ;p=x;o=y;s=alice;",
            "SIP:alice@example.org", "smtp:alice@example.net"]),
        entry("bob", mail="bob@example.org", proxyAddresses=[
            "smtp:bob@example.org", "SMTP:Robert.B@example.org"], sendingHosts=[
                "a.example.org", "B.example.org"]),
        entry("carol", mail=["carol@example.org", "c@example.org"], moreHosts="x, y"),
        entry("dave", proxyAddresses="SMTP:dave@example.org", anywhere="TRUE",
              takenBack="20261130120000+0100"),
        entry("erin", mail="erin@example.org", userAccountControl="514"),
        entry("frank", proxyAddresses="SIP:frank@example.org"),
        entry("grace", mail="grace", userAccountControl="512"), entry("heidi"),
        hosts="sendingHosts", more_hosts="moreHosts", allow_unauthorized="anywhere",
        not_before="takenBack", filter="(&(objectClass=mailUser)\n    (!(userAccountControl=514)))")
    rows = ["ali@example.org alias=alice@example.org", "alice@example.net alias=alice@example.org",
            "alice@example.org", "bob@example.org alias=robert.b@example.org", "c@example.org",
            "carol@example.org alias=c@example.org", "dave@example.org allow_unauthorized=yes not_before=2026-11-30T11:00:00Z",
            "robert.b@example.org hosts=a.example.org,b.example.org"]
    rows[4] += " more_hosts=x,y"
    left_out = [f"verimail table sync: people: uid=grace,ou=people,{BASE}: no address: grace: left out"]
    counts = "; 1 value left out that is no address; 3 entries without an address"
    equal(d.good(told=left_out), "8 rows, 0 before: 8 added, 0 changed, 0 removed" + counts)
    equal(d.dump(), rows)
    equal(d.good(told=left_out), "8 rows, 8 before: 0 added, 0 changed, 0 removed" + counts)
    server.delete("grace")
    server.delete("dave")
    server.modify(f"dn: uid=alice,ou=people,{BASE}\nchangetype: modify\n"
                  "delete: proxyAddresses\nproxyAddresses: smtp:ali@example.org\n")
    server.add(entry("ivan", mail="ivan@example.org"))
    d.run("set", d.table, "c@example.org", "hosts=")
    equal(d.good(), "6 rows, 7 before: 1 added, 0 changed, 2 removed; "
          "1 pinned row left as it is; 2 entries without an address")
    rows = [row for row in rows if not row.startswith(("ali@", "dave@", "c@"))]
    equal(d.dump(), sorted(rows + ["c@example.org hosts= pinned=yes", "ivan@example.org"]))
    # The same over a unix socket; and with nothing but an attribute of one's own.
    d.write(source=server.local_address)
    d.good()
    d.write(addresses=["proxyAddresses"], source=server.address)
    equal(d.good(), "4 rows, 6 before: 0 added, 0 changed, 2 removed; "
          "1 pinned row left as it is; 4 entries without an address")


def test_what_is_wrong_in_ldap_is_named(case):
    server, d = staff(
        case, entry("alice", mail="alice@example.org"),
        entry("bob", mail="bob@example.org", proxyAddresses="smtp:ALICE@example.org"),
        hosts="sendingHosts", allow_unauthorized="anywhere", not_before="moreHosts")
    told = d.bad(65, "1 row is wrong")
    check(all(name in told[0] for name in (
        "alice@example.org: expected once", "uid=alice,", "uid=bob,")), told)
    check(not os.path.exists(d.table), "a table was made")
    server.delete("bob")
    d.good()
    server.add(entry("carol", mail="carol@example.org", sendingHosts="no_host"))
    server.add(entry("dave", mail="dave@example.org", anywhere=["TRUE", "FALSE"]))
    server.add(entry("erin", mail="erin@example.org", anywhere="perhaps"))
    server.add(entry("fred", mail="fred@example.org", moreHosts="yesterday"))
    server.add(entry("gail", mail="gail@example.org", moreHosts=["20261130120000Z", "20261201120000Z"]))
    equal(sorted(d.bad(65, "5 rows are wrong")), [
        f"verimail table sync: people: uid={name},ou=people,{BASE}: {why}" for name, why in (
            ("carol", "carol@example.org: bad host: no_host: expected a domain name"),
            ("dave", "a second allow_unauthorized: expected one value"),
            ("erin", "bad allow_unauthorized: perhaps: expected true or false"),
            ("fred", "bad not_before: yesterday: expected a date with its time"),
            ("gail", "a second not_before: expected one value"))])
    for name in ("carol", "dave", "erin", "fred", "gail"):
        server.delete(name)
    d.write(base=f"ou=nowhere,{BASE}")
    d.bad(75, f"{server.address}: search: No such object")
    d.write(base=f"ou=people,{BASE}", filter="(mail=*")
    d.bad(75, "search: Bad search filter")
    d.write(filter="(mail=nobody*)")
    d.bad(1, "there is no row at all")
    # A part of it is elsewhere.
    d.write(filter="(mail=*)")
    server.add(f"dn: ou=branch,ou=people,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\n"
               f"ou: branch\nref: ldap://elsewhere.example/ou=branch,{BASE}\n")
    d.bad(75, "a part is on another server: .*ldap://elsewhere.example/ou=branch")


def test_twenty_thousand_entries_come_in_pages(case):
    entries = [entry(f"user{i}", proxyAddresses=[f"SMTP:user{i}@example.org", f"smtp:u{i}@example.org"])
               for i in range(20000)]
    server, d = staff(case, *entries, **as_reader(case))
    start = time.monotonic()
    equal(d.good(), "40000 rows, 0 before: 40000 added, 0 changed, 0 removed")
    print(f"# 20,000 entries in {time.monotonic() - start:.1f} s", flush=True)
    equal(sorted(d.dump()), sorted([f"user{i}@example.org" for i in range(20000)] + [
        f"u{i}@example.org alias=user{i}@example.org" for i in range(20000)]))
    d.good()
    # Whoever is not the reader gets 500.
    d.write(bind_dn=None, password=None)
    d.bad(75, "search: (Size limit exceeded|Administrative limit exceeded)")
    # Killed and stopped in the middle, when some pages are there.
    d.write(**as_reader(case), timeout="2s")
    for signum, why in ((signal.SIGKILL, "Can't contact LDAP server"),
                        (signal.SIGSTOP, "gives no answer|Timed out|Can't contact")):
        ended = wait_for(lambda signum=signum: interrupted(d, server, signum), "one in time")
        equal((ended.status, ended.out), (75, ""), ended.err)
        check(re.search(why, ended.err), ended.err)
        equal(len(d.dump()), 40000)
    d.good()


def interrupted(d, server, signum):
    """What becomes of a sync whose server gets a signal meanwhile; None if that was too late."""
    process = d.start()
    wait_for(lambda: reading(process.pid) or process.poll() is not None, "some pages")
    server.process.send_signal(signum)
    out, err = process.communicate(timeout=WAIT_LIMIT)
    server.stop()
    ended = Ended(subprocess.CompletedProcess([], process.returncode, out, err))
    if ended.status != 0:
        d.bad(75, f"{server.address}: .*Can't contact LDAP server")
    server.start()
    return ended if ended.status != 0 else None


def reading(pid):
    """Whether a process has read some pages of a directory."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            return int(re.search(r"rchar: (\d+)", file.read())[1]) > 600000
    except (OSError, TypeError):
        return False


def test_a_password_is_for_ldap_alone(case):
    server, d = staff(case, entry("alice", mail="alice@example.org"), **as_reader(case))
    d.good()
    secret(case, "Not-the-word-99\n")
    d.bad(75, "bind: Invalid credentials")
    check("Not-the-word-99" not in d.sync().err, "the password was said")
    secret(case, "\n")
    d.bad(75, "password is empty")
    secret(case)
    d.write(bind_dn=f"cn=nobody,{BASE}")
    d.bad(75, "bind: Invalid credentials")
    d.write(bind_dn="nobody")
    d.bad(75, "bind: Invalid DN syntax")
    process = d.start()
    with open(f"/proc/{process.pid}/cmdline", "rb") as file:
        check(PASSWORD.encode() not in file.read(), "the password is an argument")
    process.communicate(timeout=WAIT_LIMIT)
    equal(server.process.poll(), None)


def test_a_certificate_is_verified(case):
    tls = certificates(os.path.join(case.folder, "tls"))
    other = certificates(os.path.join(case.folder, "other"))
    elsewhere = certificates(os.path.join(case.folder, "elsewhere"), "127.0.0.2")
    server, d = staff(case, entry("alice", mail="alice@example.org"), tls=tls, ca=f"{tls}/ca.pem",
                      **as_reader(case))
    environment = {"LDAPTLS_REQCERT": "never", "PATH": "/usr/bin:/bin"}
    for source, start_tls in ((server.tls_address, False), (server.address, True)):
        d.write(source=source, start_tls=start_tls, ca=f"{tls}/ca.pem")
        d.good()
        for ca in (f"{other}/ca.pem", None, "/dev/null", "/nowhere"):
            d.write(ca=ca)
            why = "(StartTLS|TLS): .*it shows no certificate for this host that one in |" \
                "the file of certificates cannot be used: "
            d.bad(75, why)
            ended = d.sync(env=environment)
            check(ended.status == 75 and re.search(why, ended.err), "a variable switched it off")
    server.stop()
    # The right one at the wrong address.
    server, d = staff(case, entry("alice", mail="alice@example.org"), tls=elsewhere,
                      ca=f"{elsewhere}/ca.pem")
    d.write(source=server.tls_address)
    d.bad(75, "TLS: .*it shows no certificate for this host")
    # Without TLS at all.
    server.stop()
    server, d = staff(case, entry("alice", mail="alice@example.org"), start_tls=True)
    d.bad(75, "StartTLS: Protocol error: ")
    d.write(start_tls=None, source="ldaps" + server.address[4:])
    d.bad(75, "TLS: .*it shows no certificate")
    d.write(source="ldapi://%2Fnowhere")
    d.bad(75, "ldapi://%2Fnowhere: connect: .*: No such file or directory")


def test_a_slapd_that_hangs(case):
    tls = certificates(os.path.join(case.folder, "tls"))
    server, d = staff(case, entry("alice", mail="alice@example.org"), timeout="1s", tls=tls,
                      ca=f"{tls}/ca.pem")
    d.good()
    server.process.send_signal(signal.SIGSTOP)
    start = time.monotonic()
    for options in ({}, as_reader(case), {"start_tls": True},
                    {"start_tls": False, "source": server.tls_address},
                    {"source": server.local_address}):
        d.write(**options)
        d.bad(75, "gives no answer|Timed out|Can't contact LDAP server")
    check(time.monotonic() - start < 5 * LATE, "it took long")


def test_active_directory_is_told_apart(case):
    """A directory that says it is one is asked not to speak of its other parts."""
    write_file(f"{case.folder}/root.ldif", "dn:\nsupportedCapabilities: 1.2.840.113556.1.4.800\n", 0o644)
    os.chmod(case.folder, 0o755)
    server = Slapd(case, entry("alice", mail="alice@example.org"),
                   settings=f"rootDSE {case.folder}/root.ldif")
    d = Directory(case, server.address, base=BASE)
    server.add(f"dn: dc=DomainDnsZones,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\n"
               f"dc: DomainDnsZones\nref: ldap://DomainDnsZones.example.org/DC=DomainDnsZones,{BASE}\n")
    equal(d.good(), "1 row, 0 before: 1 added, 0 changed, 0 removed")


def many(first, last):
    return [f"smtp:a{i}@example.org" for i in range(first, last + 1)]


def test_values_in_ranges_are_fetched(case):
    dn = f"cn=alice,{BASE}"

    def answer(base, scope, wanted):
        if scope == 2:
            return [(ldapserver.entry(dn, **{"mail": ["alice@example.org"], "proxyAddresses": [],
                                             "proxyAddresses;range=0-1499": many(0, 1499)}), b""),
                    (ldapserver.entry(f"cn=bob,{BASE}", mail=["bob@example.org"]), b""),
                    (ldapserver.result(), ldapserver.page())]
        equal((base, wanted), (dn, [wanted[0]]))
        first = int(re.fullmatch(r"proxyAddresses;range=(\d+)-\*", wanted[0])[1])
        last = min(first + 1499, 3700)
        name = f"proxyAddresses;range={first}-{'*' if last == 3700 else last}"
        return [(ldapserver.entry(dn, **{name: many(first, last)}), b""), (ldapserver.result(), b"")]
    script = ldapserver.Script(case, answer)
    d = Directory(case, script.address, base=BASE)
    equal(d.good(), "3703 rows, 0 before: 3703 added, 0 changed, 0 removed")
    equal(d.dump(), sorted([f"a{i}@example.org alias=alice@example.org" for i in range(3701)] +
                           ["alice@example.org", "bob@example.org"]))
    equal([search[2][0] for search in script.searches][1:],
          ["proxyAddresses;range=1500-*", "proxyAddresses;range=3000-*"])


def test_answers_that_are_not_all_are_none(case):
    dn = f"cn=alice,{BASE}"
    alice = (ldapserver.entry(dn, mail=["alice@example.org"]), b"")
    done, last = ldapserver.result(), ldapserver.page()
    state = {}

    def answer(base, scope, wanted):
        return state["script"](base, scope, wanted)
    script = ldapserver.Script(case, answer)
    d = Directory(case, script.address, base=BASE, timeout="1s")
    part = {"proxyAddresses;range=0-1": many(0, 1)}

    def ranged(more):
        return lambda base, scope, wanted: [(ldapserver.entry(dn, **part), b""), (done, last)] \
            if scope == 2 else more
    pages = iter(range(1000))
    for script, why in (
            (lambda *_: [alice, (done, b"")], "does not support paged results"),
            (lambda *_: [alice, (ldapserver.result(4), last)], "Size limit exceeded"),
            (lambda *_: [alice, (ldapserver.result(3), last)], "Time limit exceeded"),
            (lambda *_: [alice, (ldapserver.result(11), last)], "Administrative limit exceeded"),
            (lambda *_: [alice, (ldapserver.result(9), last)], "Partial results|Unknown|Referral"),
            (lambda *_: [alice, (ldapserver.result(10), last)], "Referral"),
            (lambda *_: [alice, (ldapserver.result(51, "come back\nlater"), last)],
             "Server is busy: come back later"),
            (lambda *_: [alice, (ldapserver.result(12), b"")], "Critical extension is unavailable"),
            (lambda *_: [alice, (ldapserver.reference("ldap://x/"), b""), (done, last)],
             "a part is on another server: .*ldap://x/"),
            (lambda *_: [alice], "gives no answer"),
            (lambda *_: [alice, None], "Can't contact LDAP server"),
            (lambda *_: [alice, (b"\x30\x84\xff\xff\xff\xff", None)],
             "gives no answer|Can't contact|Decoding"),
            (lambda *_: [alice, (alice[0][:20], None)], "gives no answer|Can't contact|Decoding"),
            (lambda *_: [alice, (b"GET / HTTP/1.0\r\n\r\n", None)],
             "gives no answer|Can't contact|Decoding"),
            (lambda *_: [alice, (done, ldapserver.page(b"x")) if next(pages) < 3 else None],
             "Can't contact LDAP server"),
            (ranged([(done, b"")]), "more values of an entry"),
            (ranged([alice, (done, b"")]), "more values of an entry: No such attribute"),
            (ranged([(ldapserver.result(32), b"")]), "more values of an entry: No such object"),
            (ranged([(ldapserver.entry(dn, **{"proxyAddresses;range=5-*": many(5, 6)}), b""), (done, b"")]),
             "range=5-"),
            (ranged([(ldapserver.entry(dn, **{"proxyAddresses;range=2-1": many(2, 2)}), b""), (done, b"")]),
             "range=2-1")):
        state["script"] = script
        d.bad(75, why)
        check(not os.path.exists(d.table), "a table was made")
    # An answer without the values that there were a moment ago: somebody took them away.
    state["script"] = lambda *_: [alice, (done, last)]
    d.good()
