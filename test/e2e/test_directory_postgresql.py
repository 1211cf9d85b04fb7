# SPDX-License-Identifier: ISC
"""`verimail table sync` with a real PostgreSQL, when all is well and when it is not."""
import os
import re
import signal
import subprocess
import time

from harness.checks import LATE, WAIT_LIMIT, check, equal, wait_for
from harness.directory import Directory, secret
from harness.files import write_file
from harness.namespaces import needs_root
from harness.postgresql import Server
from harness.slapd import PASSWORD

YES = "YES stamped\r\n"
REFUSED = "NO refused\r\n"


def people(case, *rows, **options):
    """A server with a table of people, and a directory that it is."""
    server = Server(case).start()
    server.do("CREATE TABLE people (address text, hosts text[], more_hosts text,"
              " allow_unauthorized boolean, alias text, not_before timestamptz)")
    for row in rows:
        server.do(f"INSERT INTO people VALUES ({row})")
    return server, Directory(case, server.local_address, query="SELECT *\n  FROM people -- all\n", **options)


def asking(words):
    """A statement that finds out which process asks something with these words."""
    return (f"SELECT pid FROM pg_stat_activity WHERE query LIKE '%{words}%'"
            " AND pid <> pg_backend_pid()")


def test_a_table_becomes_what_postgresql_says(case):
    server, d = people(case, "'Alice@Example.org'", "'bob@example.org', '{a.example.org,\"B.example.org\"}'",
                       "'carol@example.org', '{}', NULL, NULL, NULL, '2026-11-30 12:00:00.5+01'", "'dave@example.org', NULL, 'x, y', true",
                       "'\"e e\"@bücher.example', NULL, '', false",
                       "'ali@example.org', NULL, NULL, NULL, 'Alice@example.org'",
                       "'*@example.org', '{}'", "'a%b@example.org'")
    equal(d.good(), "8 rows, 0 before: 8 added, 0 changed, 0 removed")
    first = ["*@example.org hosts=", "a%25b@example.org", "ali@example.org alias=alice@example.org",
             "alice@example.org", "bob@example.org hosts=a.example.org,b.example.org",
             "carol@example.org hosts= not_before=2026-11-30T11:00:01Z",
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
    d.bad(1, r"4 rows instead of 10 before: expected at least half of them: .*--believe")
    equal(d.good("--believe"), "4 rows, 10 before: 0 added, 0 changed, 6 removed; 1 pinned row left as it is")
    server.do("DELETE FROM people WHERE address > 'user2'")
    server.do("INSERT INTO people VALUES ('user2@example.org')")
    server.do("DELETE FROM people WHERE address <> 'user2@example.org'")
    d.bad(1, "1 rows instead of 4 before")
    equal(d.good("--believe"), "1 row, 4 before: 0 added, 0 changed, 3 removed; "
          "1 pinned row left as it is")
    server.do("DELETE FROM people")
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
              " ('grace@example.org', NULL, NULL, NULL, 'bob'); INSERT INTO people VALUES"
              " ('heidi@example.org', NULL, NULL, NULL, NULL, 'infinity')")
    told = d.bad(65, "people: 8 rows are wrong")
    equal(told, ["verimail table sync: people: " + line for line in (
        "row 1: alice@example.org: bad host: no_host: expected a domain name",
        "row 2: bob@example.org: a NULL among hosts: expected names, or no array",
        "row 3: carol@example.org: hosts twice: b: expected hosts= or more_hosts=, once",
        'row 4: dave@example.org: bad host: "a: expected a domain name',
        "row 5: erin@example.org: an alias with a rule: expected the rule in the row that it names",
        "row 6: bad alias: frank@example.org: expected another user",
        "row 7: grace@example.org: bad alias: bob: expected an address",
        "row 8: heidi@example.org: bad not_before: infinity: expected a date with its time")])
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
        check(time.monotonic() - start < 2 + LATE, "it took long")
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
        out, err = process.communicate(timeout=WAIT_LIMIT)
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
    d.start().communicate(timeout=WAIT_LIMIT)
    took = time.monotonic() - start
    d.write(query=d.options["query"].replace("v2", "v1"))
    d.good()
    d.write(query=d.options["query"].replace("v1", "v2"))
    for i in range(8):
        process = d.start()
        time.sleep(took * (i + 1) / 9)  # any moment will do: each shall do no harm
        process.send_signal(signal.SIGKILL if i % 2 else signal.SIGTERM)
        process.communicate(timeout=WAIT_LIMIT)
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
    equal((first.wait(WAIT_LIMIT), second.wait(WAIT_LIMIT)), (75, 0))
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
