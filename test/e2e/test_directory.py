# SPDX-License-Identifier: ISC
"""`verimail table sync` with a real PostgreSQL and a real slapd, when all is well and when it is not."""
import os
import re
import signal
import subprocess
import time

from harness import ldapserver
from harness.checks import check, equal, wait_for
from harness.daemon import BUILD
from harness.files import write_file
from harness.namespaces import needs_root
from harness.postgresql import Server
from harness.slapd import BASE, PASSWORD, READER, Slapd, certificates, entry

PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))
LIMIT = 60  # seconds after which a program that runs has hung
YES = "YES stamped\r\n"
REFUSED = "NO refused\r\n"


class Ended:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


class Directory:
    """A section `directory`, and the table that it fills."""

    def __init__(self, case, source, name="people", **options):
        self.t = case
        self.name = name
        self.table = os.path.join(case.world.state, "users")
        self.config = os.path.join(case.folder, f"sync-{name}.conf")
        self.options = {"source": source, "table": "lmdb:" + self.table, "timeout": "20s",
                        **options}
        self.write()

    def section(self):
        def form(value):
            return str(value).lower() if isinstance(value, (bool, int)) else (
                "{" + ", ".join(map(form, value)) + "}" if isinstance(value, list)
                else "'" + value.replace("'", "\\'") + "'")
        lines = "".join(f"    {name} = {form(value)}\n" for name, value in self.options.items())
        return f'directory "{self.name}" {{\n{lines}}}\n'

    def write(self, **options):
        self.options.update(options)
        self.options = {name: value for name, value in self.options.items() if value is not None}
        write_file(self.config, self.section(), 0o644)

    def start(self, *arguments, **how):
        return subprocess.Popen([PROGRAM, "-c", self.config, "table", "sync", *arguments],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)

    def sync(self, *arguments, **how):
        process = self.start(*arguments, **how)
        out, err = process.communicate(timeout=LIMIT)
        ended = subprocess.CompletedProcess([], process.returncode, out, err)
        check(PASSWORD not in out + err, "the password was said")
        return Ended(ended)

    def good(self, *arguments, told=(), **how):
        """The summary, without the directory's name."""
        ended = self.sync(*arguments, **how)
        equal((ended.status, ended.err.splitlines()), (0, list(told)), "sync")
        check(ended.out.startswith(self.name + ": ") and ended.out.count("\n") == 1, ended.out)
        return ended.out[len(self.name) + 2:-1]

    def bad(self, status, why, *arguments):
        """What was told, but for the last line, after a sync that fails and changes nothing."""
        before = self.dump() if os.path.exists(self.table) else None
        ended = self.sync(*arguments)
        told = ended.err.splitlines()
        equal((ended.status, ended.out), (status, ""), ended.err)
        check(re.search(why, told[-1]), f"got {told[-1]!r}, want {why!r}")
        check("the table is as it was" in told[-1], told[-1])
        equal(self.dump() if os.path.exists(self.table) else None, before, "the table")
        return told[:-1]

    def run(self, *arguments):
        done = subprocess.run([PROGRAM, "table", *arguments], text=True, capture_output=True,
                              check=False, timeout=LIMIT)
        equal((done.returncode, done.stderr), (0, ""), " ".join(arguments))
        return done.stdout

    def dump(self):
        return self.run("dump", self.table).splitlines()


def secret(case, content=PASSWORD + "\n", mode=0o600):
    path = os.path.join(case.folder, "password")
    write_file(path, content, mode)
    return path


# PostgreSQL


def people(case, *rows, **options):
    """A server with a table of people, and a directory that it is."""
    server = Server(case).start()
    server.do("CREATE TABLE people (address text, hosts text[], more_hosts text,"
              " allow_unauthorized boolean, alias text)")
    for row in rows:
        server.do(f"INSERT INTO people VALUES ({row})")
    return server, Directory(case, server.local_address, query="SELECT *\n  FROM people -- all\n", **options)


def asking(words):
    """A statement that finds out which process asks something with these words."""
    return (f"SELECT pid FROM pg_stat_activity WHERE query LIKE '%{words}%'"
            " AND pid <> pg_backend_pid()")


def test_a_table_becomes_what_postgresql_says(case):
    server, d = people(case, "'Alice@Example.org'", "'bob@example.org', '{a.example.org,\"B.example.org\"}'",
                       "'carol@example.org', '{}'", "'dave@example.org', NULL, 'x, y', true",
                       "'\"e e\"@bücher.example', NULL, '', false",
                       "'ali@example.org', NULL, NULL, NULL, 'Alice@example.org'",
                       "'*@example.org', '{}'", "'a%b@example.org'")
    equal(d.good(), "8 rows, 0 before: 8 added, 0 changed, 0 removed")
    first = ["*@example.org hosts=", "a%25b@example.org", "ali@example.org alias=alice@example.org",
             "alice@example.org", "bob@example.org hosts=a.example.org,b.example.org",
             "carol@example.org hosts=",
             "dave@example.org more_hosts=x,y allow_unauthorized=yes", "e%20e@xn--bcher-kva.example"]
    equal(d.dump(), first)
    equal(os.stat(d.table).st_uid, os.stat(case.world.state).st_uid, "whom the table belongs to")
    before = os.stat(d.table).st_mtime_ns
    equal(d.good(), "8 rows, 8 before: 0 added, 0 changed, 0 removed")
    equal(d.dump(), first)
    d.run("set", d.table, "carol@example.org", "hosts=pinned")
    d.run("set", d.table, "zoe@example.org")
    server.do("DELETE FROM people WHERE address LIKE 'bob%' OR address LIKE '%*%';"
               "UPDATE people SET allow_unauthorized = NULL;"
               "INSERT INTO people VALUES ('frank@example.org')")
    equal(d.good(), "6 rows, 7 before: 1 added, 1 changed, 2 removed; 2 pinned rows left as they are")
    equal(d.dump(), ["a%25b@example.org", "ali@example.org alias=alice@example.org",
                     "alice@example.org", "carol@example.org hosts=pinned pinned=yes",
                     "dave@example.org more_hosts=x,y", "e%20e@xn--bcher-kva.example",
                     "frank@example.org", "zoe@example.org pinned=yes"])
    d.run("delete", d.table, "carol@example.org")
    equal(d.good(), "7 rows, 6 before: 1 added, 0 changed, 0 removed; 1 pinned row left as it is")
    check(os.stat(d.table).st_mtime_ns >= before, "it went back")
    # Beside what is wrong with rows, what is wrong with the query.
    for query, why in (
            ("SELECT address, hosts AS host FROM people", "unknown column: host: expected address,"),
            ("SELECT hosts FROM people", "has no column `address`"),
            ("SELECT address, address FROM people", "a second column: address"),
            ("SELECT addres FROM people", 'ERROR: .*column "addres" does not exist'),
            ("SELECT address FROM people; DELETE FROM people", "ERROR: .*multiple commands"),
            ("DELETE FROM people RETURNING address", "ERROR: .*read-only transaction"),
            ("SET search_path = x", "no rows: expected a SELECT"),
            ("COPY people TO STDOUT", "no rows: expected a SELECT"),
            ("-- nothing", "no rows: expected a SELECT"),
            ("SELECT address, 1/(6-row_number() OVER ()) AS hosts FROM people", "ERROR: .*division by zero"),
            ("SELECT address FROM people WHERE pg_sleep(60) IS NULL", "ERROR: .*statement timeout")):
        d.write(query=query, timeout="2s")
        equal(d.bad(75, why), [], query)
    equal(server.ask("SELECT count(*) FROM people"), "7")


def test_few_rows_are_not_believed(case):
    server, d = people(case, *(f"'user{i}@example.org'" for i in range(10)))
    d.good()
    d.run("set", d.table, "boss@example.org")  # pinned: does not count
    server.do("DELETE FROM people WHERE address > 'user4'")
    d.bad(1, r"4 rows instead of 10 before: expected at least 50% of them \(keep_at_least\): .*--believe")
    d.write(keep_at_least=40)
    equal(d.good(), "4 rows, 10 before: 0 added, 0 changed, 6 removed; 1 pinned row left as it is")
    server.do("DELETE FROM people WHERE address > 'user2'")
    server.do("INSERT INTO people VALUES ('user2@example.org')")
    server.do("DELETE FROM people WHERE address <> 'user2@example.org'")
    d.bad(1, "1 rows instead of 4 before")
    equal(d.good("--believe"), "1 row, 4 before: 0 added, 0 changed, 3 removed; "
          "1 pinned row left as it is")
    server.do("DELETE FROM people")
    d.write(keep_at_least=0)
    d.bad(1, "there is no row at all: expected at least one: .*--believe")
    d.good("--believe", "people")
    equal(d.dump(), ["boss@example.org pinned=yes"])
    os.remove(d.table)
    d.bad(1, "there is no row at all")
    check(not os.path.exists(d.table), "an empty table was made, by which everybody is refused")


def test_wrong_rows_are_named(case):
    server, d = people(case, "'alice@example.org'")
    d.good()
    for i in range(25):
        server.do(f"INSERT INTO people VALUES ('no address {i}')")
    server.do("INSERT INTO people VALUES (NULL), ('x@[192.0.2.1]'), ('SMTP:x@example.org'),"
               " ('x <x@example.org>'), ('*@'), (E'x\\n@example.org'), ('bob@example.org')")
    ended = d.sync()
    equal((ended.status, ended.out), (0, "people: 2 rows, 1 before: 1 added, 0 changed, 0 removed;"
                                      " 31 values left out that are no addresses\n"))
    equal(ended.err.splitlines(), [
        f"verimail table sync: people: row {i + 2}: no address: no address {i}: left out"
        for i in range(20)])
    server.do("DELETE FROM people; INSERT INTO people VALUES ('alice@example.org', '{no_host}', NULL),"
              " ('bob@example.org', '{a,NULL}', NULL), ('carol@example.org', '{a}', 'b'),"
               " ('dave@example.org', '{a b}', NULL); INSERT INTO people VALUES"
              " ('erin@example.org', NULL, NULL, true, 'bob@example.org'),"
              " ('frank@example.org', NULL, NULL, NULL, 'frank@EXAMPLE.org'),"
              " ('grace@example.org', NULL, NULL, NULL, 'bob')")
    told = d.bad(65, "people: 7 rows are wrong")
    equal(told, ["verimail table sync: people: " + line for line in (
        "row 1: alice@example.org: bad host: no_host: expected a domain name",
        "row 2: bob@example.org: a NULL among hosts: expected names, or no array",
        "row 3: carol@example.org: hosts twice: b: expected hosts= or more_hosts=, once",
        'row 4: dave@example.org: bad host: "a: expected a domain name',
        "row 5: erin@example.org: an alias with a rule: expected the rule in the row that it names",
        "row 6: bad alias: frank@example.org: expected another user",
        "row 7: grace@example.org: bad alias: bob: expected an address")])
    server.do("DELETE FROM people; INSERT INTO people VALUES ('alice@example.org'),"
               " ('bob@example.org'), ('Alice@EXAMPLE.org'), ('alice@example.org')")
    told = d.bad(65, "2 rows are wrong")
    check(all("alice@example.org: expected once, and it is at row " in line for line in told) and
          {"row 1", "row 3", "row 4"} <= set(re.findall(r"row \d", " ".join(told))), told)


def test_a_password_is_for_postgresql_alone(case):
    server, d = people(case, "'alice@example.org'")
    server.do(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; GRANT SELECT ON people TO reader")
    write_file(f"{server.data}/pg_hba.conf", "local all reader scram-sha-256\nlocal all all trust\n", 0o644)
    server.do("SELECT pg_reload_conf()")
    d.write(source=server.local_address.replace("tester", "reader"))
    wait_for(lambda: d.sync().status == 75, "passwords to be asked for")
    d.bad(75, "PostgreSQL, database postgres at .*: .*no password supplied")
    d.write(password=secret(case))
    d.good()
    secret(case, "Not-the-word-99\n")
    d.bad(75, "password authentication failed for user")
    ended = d.sync()
    check("Not-the-word-99" not in ended.err, ended.err)
    # A server that gives it away.
    secret(case)
    server.do(f"CREATE FUNCTION tell() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
               f" 'his password is {PASSWORD}'; END $$")
    d.write(query="SELECT tell() AS address")
    d.bad(75, r"his password is \*{17}")
    for content, mode, why in (("", 0o600, "is empty"), ("\n", 0o600, "is empty"),
                               ("a\nb\n", 0o600, "is not one line"),
                               ("word\n", 0o644, "may be read by everybody")):
        secret(case, content, mode)
        d.bad(75, f"{case.folder}/password {why}")
    os.remove(os.path.join(case.folder, "password"))
    d.bad(75, "password No such file")


def test_a_postgresql_that_is_away_or_hangs_or_dies(case):
    server, d = people(case, "'alice@example.org'", timeout="2s")
    d.good()
    pids = server.processes()
    server.signal(signal.SIGSTOP, pids)
    try:
        start = time.monotonic()
        d.bad(75, "timeout expired")
        check(time.monotonic() - start < 10, "it took long")
    finally:
        server.signal(signal.SIGCONT, pids)
    # In the middle of an answer: rows came, and then no more.
    server.do("INSERT INTO people SELECT 'user' || i || '@example.org' FROM generate_series(1, 1000) i")
    slow = "SELECT address, CASE WHEN address LIKE 'user9%' THEN pg_sleep(0.2)::text END AS alias FROM people"
    for signum, why in ((signal.SIGSTOP, "gives no answer"), (signal.SIGKILL, "server closed|terminat")):
        d.write(query=slow, timeout="6s" if signum == signal.SIGSTOP else "30s")
        process = d.start()
        pid = int(wait_for(lambda: server.ask(asking("pg_sleep(0.2)")), "the query"))
        os.kill(pid, signum)
        out, err = process.communicate(timeout=LIMIT)
        if signum == signal.SIGSTOP:
            os.kill(pid, signal.SIGKILL)
        equal((process.returncode, out), (75, ""), err)
        check(re.search(why, err), err)
        equal(d.dump(), ["alice@example.org"])
        wait_for(lambda: server.ask("SELECT 1") == "1", "PostgreSQL again")
    server.stop()
    d.bad(75, "PostgreSQL, database postgres at .*: connection to server .* failed: ")


def test_a_hundred_thousand_rows_and_kills_at_any_moment(case):
    server, d = people(case)
    d.write(query="SELECT 'user' || i || '@example.org' AS address, 'v1' AS hosts"
                  " FROM generate_series(1, 100000) i")
    d.good()
    wanted = {}
    for version in (1, 2):
        wanted[version] = sorted(f"user{i}@example.org hosts=v{version}" for i in range(1, 100001))
    wanted = {version: sorted(rows, key=lambda row: row.split()[0]) for version, rows in wanted.items()}
    equal(d.dump(), wanted[1])
    d.write(query=d.options["query"].replace("v1", "v2"))
    start = time.monotonic()
    d.start().communicate(timeout=LIMIT)
    took = time.monotonic() - start
    d.write(query=d.options["query"].replace("v2", "v1"))
    d.good()
    d.write(query=d.options["query"].replace("v1", "v2"))
    for i in range(8):
        process = d.start()
        time.sleep(took * (i + 1) / 9)  # any moment will do: each shall do no harm
        process.send_signal(signal.SIGKILL if i % 2 else signal.SIGTERM)
        process.communicate(timeout=LIMIT)
        check(d.dump() in wanted.values(), "neither the old nor the new")
    d.good()
    equal(d.dump(), wanted[2])
    equal(server.ask("SELECT 1"), "1")


def test_a_million_rows_take_little(case):
    server = Server(case).start()
    d = Directory(case, server.local_address, query="SELECT 'user' || i || '@example.org' AS address"
                  " FROM generate_series(1, 1000000) i", timeout="60s")
    start = time.monotonic()
    process = d.start()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    out, err = process.communicate()
    equal((process.returncode, err), (0, ""), "sync")
    equal(out, "people: 1000000 rows, 0 before: 1000000 added, 0 changed, 0 removed\n")
    print(f"# 1,000,000 rows in {time.monotonic() - start:.1f} s, {used.ru_maxrss >> 10} MiB",
          flush=True)
    check(used.ru_maxrss < 300 << 10, "it took much memory")
    equal(d.run("get", d.table, "user567890@example.org"), "user567890@example.org\n")


def test_syncs_of_one_folder_take_turns(case):
    server, d = people(case, "'alice@example.org'")
    d.good()
    slow = Directory(case, server.local_address, name="slow",
                     query="SELECT address FROM people WHERE pg_sleep(60) IS NOT NULL")
    first = slow.start()
    pid = wait_for(lambda: server.ask(asking("pg_sleep(60)")), "the query")
    d.write(timeout="1s")
    d.bad(75, "another sync of a table in this folder is under way")
    d.write(timeout="20s")
    second = d.start()
    server.ask(f"SELECT pg_terminate_backend({pid})")
    equal((first.wait(LIMIT), second.wait(LIMIT)), (75, 0))
    first.communicate()
    second.communicate()
    # One that is killed leaves nothing behind.
    first = slow.start()
    wait_for(lambda: server.ask(asking("pg_sleep(60)")), "the query")
    first.kill()
    first.communicate()
    d.write(timeout="5s")
    d.good()


def test_a_full_disk_leaves_the_table(case):
    needs_root()
    disk = os.path.join(case.folder, "disk")
    os.mkdir(disk)
    server, d = people(case)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
    try:
        d.table = os.path.join(disk, "users")
        d.write(table="lmdb:" + d.table, query="SELECT 'alice@example.org' AS address")
        d.good()
        d.write(query="SELECT 'user' || i || '@example.org' AS address FROM generate_series(1, 100000) i")
        d.bad(73, f"{d.table}: it cannot be written: No space left on device")
        equal(d.dump(), ["alice@example.org"])
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    equal(server.ask("SELECT 1"), "1")


def test_a_changed_user_counts_from_the_next_question_on(case):
    server, d = people(case, "'alice@example.org'", "'bob@example.org'")
    d.good()
    daemon = case.daemon(case.world.config(domain=f'users = "lmdb:{d.table}"'))
    daemon.wait_workers(2)
    for _ in range(5):
        for hosts, want in (("'{}'", REFUSED), ("NULL", YES)):
            server.do(f"UPDATE people SET hosts = {hosts} WHERE address LIKE 'alice%'")
            d.good()
            for _ in range(6):
                equal(daemon.ask(case.world.question()), want, hosts)
    server.do("DELETE FROM people WHERE address LIKE 'alice%'")
    d.good()
    for _ in range(6):
        equal(daemon.ask(case.world.question()), REFUSED, "removed")
    # It waits for nobody.
    server.stop()
    d.bad(75, "PostgreSQL")
    equal(daemon.ask(case.world.question(user="bob@example.org")), YES)


def test_the_command_line(case):
    server, d = people(case, "'alice@example.org'")
    other = Directory(case, server.local_address, name="other", query="SELECT nothing",
                      table="lmdb:" + os.path.join(case.world.state, "others"))
    write_file(d.config, other.section() + d.section(), 0o644)
    # One that fails does not keep the other from it.
    ended = d.sync()
    equal((ended.status, ended.out), (75, "people: 1 row, 0 before: 1 added, 0 changed, 0 removed\n"))
    check(ended.err.startswith("verimail table sync: other: PostgreSQL"), ended.err)
    d.good("people")
    for arguments, status, why in (
            (["nobody"], 64, 'nobody: no such directory: expected a section `directory "nobody"` in '),
            (["people", "nobody"], 64, "nobody: no such directory"), (["--force"], 64, "--force")):
        ended = d.sync(*arguments)
        equal((ended.status, ended.out, ended.err.count("\n")), (status, "", 1), ended.err)
        check(why in ended.err, ended.err)
    write_file(d.config, case.world.config(), 0o644)
    ended = d.sync()
    equal((ended.status, ended.out), (78, ""))
    check("there is no section `directory`" in ended.err, ended.err)
    write_file(d.config, "directory x { source = 'ldap://db' }\n", 0o644)
    equal(d.sync().status, 78)


# LDAP


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
        entry("dave", proxyAddresses="SMTP:dave@example.org", anywhere="TRUE"),
        entry("erin", mail="erin@example.org", userAccountControl="514"),
        entry("frank", proxyAddresses="SIP:frank@example.org"),
        entry("grace", mail="grace", userAccountControl="512"), entry("heidi"),
        hosts="sendingHosts", more_hosts="moreHosts", allow_unauthorized="anywhere",
        filter="(&(objectClass=mailUser)\n    (!(userAccountControl=514)))")
    rows = ["ali@example.org alias=alice@example.org", "alice@example.net alias=alice@example.org",
            "alice@example.org", "bob@example.org alias=robert.b@example.org", "c@example.org",
            "carol@example.org alias=c@example.org", "dave@example.org allow_unauthorized=yes",
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
        hosts="sendingHosts", allow_unauthorized="anywhere")
    told = d.bad(65, "1 row is wrong")
    check(all(name in told[0] for name in (
        "alice@example.org: expected once", "uid=alice,", "uid=bob,")), told)
    check(not os.path.exists(d.table), "a table was made")
    server.delete("bob")
    d.good()
    server.add(entry("carol", mail="carol@example.org", sendingHosts="no_host"))
    server.add(entry("dave", mail="dave@example.org", anywhere=["TRUE", "FALSE"]))
    server.add(entry("erin", mail="erin@example.org", anywhere="perhaps"))
    equal(sorted(d.bad(65, "3 rows are wrong")), [
        f"verimail table sync: people: uid={name},ou=people,{BASE}: {why}" for name, why in (
            ("carol", "carol@example.org: bad host: no_host: expected a domain name"),
            ("dave", "a second allow_unauthorized: expected one value"),
            ("erin", "bad allow_unauthorized: perhaps: expected true or false"))])
    for name in ("carol", "dave", "erin"):
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
    d.bad(75, "a part is elsewhere: .*ldap://elsewhere.example/ou=branch")


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
        ended = wait_for(lambda signum=signum: interrupted(d, server, signum), "one in time", LIMIT)
        equal((ended.status, ended.out), (75, ""), ended.err)
        check(re.search(why, ended.err), ended.err)
        equal(len(d.dump()), 40000)
    d.good()


def interrupted(d, server, signum):
    """What becomes of a sync whose server gets a signal meanwhile; None if that was too late."""
    process = d.start()
    wait_for(lambda: reading(process.pid) or process.poll() is not None, "some pages")
    server.process.send_signal(signum)
    out, err = process.communicate(timeout=LIMIT)
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
    process.communicate(timeout=LIMIT)
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
    check(time.monotonic() - start < 20, "it took long")


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
            (lambda *_: [alice, (done, b"")], "does not give pages"),
            (lambda *_: [alice, (ldapserver.result(4), last)], "Size limit exceeded"),
            (lambda *_: [alice, (ldapserver.result(3), last)], "Time limit exceeded"),
            (lambda *_: [alice, (ldapserver.result(11), last)], "Administrative limit exceeded"),
            (lambda *_: [alice, (ldapserver.result(9), last)], "Partial results|Unknown|Referral"),
            (lambda *_: [alice, (ldapserver.result(10), last)], "Referral"),
            (lambda *_: [alice, (ldapserver.result(51, "come back\nlater"), last)],
             "Server is busy: come back later"),
            (lambda *_: [alice, (ldapserver.result(12), b"")], "Critical extension is unavailable"),
            (lambda *_: [alice, (ldapserver.reference("ldap://x/"), b""), (done, last)],
             "a part is elsewhere: .*ldap://x/"),
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
