# SPDX-License-Identifier: ISC
"""Tables of users: `verimail table`, and a service that answers from a table while it changes."""
import json
import os
import random
import shutil
import signal
import subprocess
import time

from harness.checks import WAIT_LIMIT, check, equal, wait_for
from harness.daemon import BUILD
from harness.keys import Key
from harness.namespaces import apart, disk, needs_root

PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))
NOBODY = 65534
YES = "YES stamped\r\n"
REFUSED = "NO refused\r\n"


class Ended:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


def table(*arguments, given="", **how):
    """Standard output is looked at unless it is put elsewhere."""
    how = {"stdout": subprocess.PIPE, "timeout": WAIT_LIMIT, **how}
    return Ended(subprocess.run([PROGRAM, "table", *arguments], input=given, text=True, check=False,
                                stderr=subprocess.PIPE, **how))


def done(*arguments, **how):
    """Something that succeeds, and says nothing but its output."""
    ended = table(*arguments, **how)
    equal((ended.status, ended.err), (0, ""), " ".join(arguments))
    return ended.out


def path_of(case):
    return os.path.join(case.world.state, "users")


def build(case, *rows):
    done("build", path_of(case), given="".join(row + "\n" for row in rows))
    return path_of(case)


def owner(path):
    about = os.stat(path)
    return about.st_uid, about.st_gid, about.st_mode & 0o7777


# The command line


def test_a_dump_can_be_built_again(case):
    rows = ["*@example.org hosts=", "alice@example.org", "bob@example.org alias=alice@example.org",
            "c%20d@example.org hosts=a.example.org,b.example.org allow_unauthorized=yes",
            "dave@xn--bcher-kva.example more_hosts=xn--bcher-kva.example pinned=yes",
            "erin@example.org not_before=2026-11-30T11:00:00Z"]
    given = ["# users", "", "ERIN@example.org not_before=2026-11-30T12:00+01:00",
             "DAVE@bücher.example  pinned=yes more_hosts=BÜCHER.example".replace("Ü", "ü"),
             "C%20D@example.org\tallow_unauthorized=yes hosts=A.example.org,b.example.org\r",
             "bob@example.org alias=Alice@Example.org", "Alice@example.org", "*@example.org hosts="]
    path = build(case, *given)
    equal(done("dump", path), "".join(row + "\n" for row in rows))
    other = os.path.join(case.folder, "other")
    source = os.path.join(case.folder, "source")
    with open(source, "w", encoding="ascii") as file:
        file.write(done("dump", path))
    done("build", other, source)
    equal(done("dump", other), done("dump", path))
    equal(json.loads(done("dump", path, "--json")), [
        {"user": "*@example.org", "hosts": [], "allow_unauthorized": False, "pinned": False},
        {"user": "alice@example.org", "allow_unauthorized": False, "pinned": False},
        {"user": "bob@example.org", "alias": "alice@example.org", "pinned": False},
        {"user": "c%20d@example.org", "hosts": ["a.example.org", "b.example.org"],
         "allow_unauthorized": True, "pinned": False},
        {"user": "dave@xn--bcher-kva.example", "more_hosts": ["xn--bcher-kva.example"],
         "allow_unauthorized": False, "pinned": True},
        {"user": "erin@example.org", "allow_unauthorized": False,
         "not_before": "2026-11-30T11:00:00Z", "pinned": False}])
    for nothing in ("", "# none\n"):
        ended = table("build", other, given=nothing)
        equal((ended.status, ended.err), (65, "verimail table build: standard input: no row: expected "
                                              "one at least, or --empty: the table is as it was\n"))
    equal(done("dump", other), done("dump", path))
    done("build", other, "--empty", given="# none\n")
    equal(done("dump", other), "")
    equal(json.loads(done("dump", other, "--json")), [])


def test_a_user_with_hidden_characters_is_none(case):
    """Readers of mail trim or hide them, and show a user who has another rule."""
    path = path_of(case)
    for user in ("%C2%A0alice", "al%E2%80%8Bice", "alice%EF%BB%BF"):
        ended = table("build", path, given=f"{user}@example.org\n")
        equal((ended.status, ended.err.split(": expected")[0]),
              (65, f"standard input:1: bad user: {user}@example.org"), user)


def test_rows_are_edited(case):
    path = build(case, "alice@example.org hosts=a", "bob@example.org")
    equal(done("get", path, "ALICE@example.org"), "alice@example.org hosts=a\n")
    equal(done("set", path, "alice@example.org", "more_hosts=b", "allow_unauthorized=yes"), "")
    equal(done("get", path, "alice@example.org"),
          "alice@example.org more_hosts=b allow_unauthorized=yes pinned=yes\n")
    done("set", path, "alice@example.org", "pinned=no")
    equal(done("get", path, "alice@example.org"), "alice@example.org\n")
    done("set", path, "-", given="carol@example.org alias=bob@example.org pinned=no\n"
                                 "bob@example.org hosts=x\n")
    equal(done("dump", path), "alice@example.org\nbob@example.org hosts=x pinned=yes\n"
                              "carol@example.org alias=bob@example.org\n")
    done("delete", path, "alice@example.org", "Carol@example.org")
    ended = table("delete", path, "alice@example.org", "bob@example.org")
    equal((ended.status, ended.err),
          (1, f"verimail table delete: alice@example.org: no such row in {path}\n"))
    equal(done("dump", path), "")
    ended = table("get", path, "bob@example.org")
    equal((ended.status, ended.out, ended.err),
          (1, "", f"verimail table get: bob@example.org: no such row in {path}\n"))


def test_get_resolves_as_the_service_does(case):
    path = build(case, "*@example.org hosts=", "alice@example.org hosts=a", "bob@example.org "
                 "alias=alice@example.org", "bob+x@example.org more_hosts=x", "lost@example.org "
                 "alias=nobody@example.net", "loop@example.org alias=loop2@example.org",
                 "loop2@example.org alias=loop@example.org")
    for user, row in (("alice", "alice@example.org hosts=a"), ("bob", "bob@example.org hosts=a"),
                      ("bob+x", "bob+x@example.org more_hosts=x"),
                      ("Bob+y+z", "bob@example.org hosts=a"), ("carol+x", "*@example.org hosts="),
                      ("lost", "*@example.org hosts="), ("loop", "*@example.org hosts=")):
        equal(done("get", path, f"{user}@example.org", "--resolve"), row + "\n", user)
    ended = table("get", path, "alice@example.net", "--resolve")
    equal((ended.status, ended.out), (1, ""))


def test_wrong_rows_leave_the_table_alone(case):
    path = build(case, "alice@example.org hosts=a")
    source = os.path.join(case.folder, "new")
    with open(source, "w", encoding="utf-8") as file:
        file.write("bob@example.org\n\nalice\ncarol@example.org hosts=no_host\n"
                   "dave@example.org pinned=maybe\nBOB@example.org\n")
    ended = table("build", path, source)
    equal((ended.status, ended.err.splitlines()), (65, [
        f"{source}:3: bad user: alice: expected local@domain or *@domain",
        f"{source}:4: bad host: no_host: expected a domain name",
        f"{source}:5: bad value: maybe: expected yes or no",
        f"{source}:6: a second row: bob@example.org: expected one, and the first is in line 1"]))
    ended = table("build", path, "-", given="x\n" * 1000)
    equal((ended.status, len(ended.err.splitlines())), (65, 101))
    equal(ended.err.splitlines()[-1], "... and 900 more")
    equal(table("set", path, "-", given="bob@example.org\nx\n").status, 65)
    for arguments in (["set", path, "bob"], ["set", path, "bob@example.org", "hosts"],
                      ["set", path, "bob@example.org", "alias=bob@example.org"],
                      ["set", path], ["set", path, "-", "hosts=a"], ["set", path, "--", "-x"],
                      ["set", path, "bob@example.org", "hosts=" + "a" * 5000],
                      ["delete", path, "bob"], ["delete", path], ["get", path], ["get", path, "x"],
                      ["dump"], ["dump", path, path], ["build"], ["build", path, "a", "b"],
                      ["make", path], [], ["dump", path, "--yaml"]):
        ended = table(*arguments)
        equal((ended.status, len(ended.err.splitlines()), ended.out), (64, 1, ""), str(arguments))
    equal(table("build", path, os.path.join(case.folder, "none")).status, 66)
    equal(table("build", path, case.folder).status, 66)
    equal(done("dump", path), "alice@example.org hosts=a\n")


def test_a_file_that_is_no_table_is_left_alone(case):
    path = path_of(case)
    for wrong in (["set", path, "a@example.org"], ["delete", path, "a@example.org"],
                  ["get", path, "a@example.org"], ["dump", path]):
        ended = table(*wrong)
        check(ended.status in (66, 73) and "No such file" in ended.err, (wrong, ended.err))
        check(not os.path.exists(path), "it was made")
    missing = os.path.join(case.folder, "none", "users")
    equal(table("build", missing, given="a@example.org\n").status, 73)
    for content in (b"x" * 5000, os.urandom(50000), b"\0" * 8192):
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o666)
        for wrong in (["build", path, "--empty"], ["set", path, "a@example.org"], ["dump", path],
                      ["delete", path, "a@example.org"], ["get", path, "a@example.org"]):
            ended = table(*wrong)
            check(ended.status in (66, 73), (wrong, ended.status))
            equal(ended.err, f"verimail table {wrong[0]}: {path}: it is no table of users\n")
            check(not os.path.exists(path + "-lock"), f"{wrong}: a lock file is left")
        with open(path, "rb") as file:
            check(file.read() == content, "it was changed")


def test_what_root_makes_is_its_folders(case):
    needs_root()
    path = build(case, "alice@example.org")
    equal(owner(path), (NOBODY, NOBODY, 0o600))
    equal(owner(path + "-lock"), (NOBODY, NOBODY, 0o600))
    equal(done("dump", path, user=NOBODY, group=NOBODY), "alice@example.org\n")
    done("set", path, "bob@example.org", user=NOBODY, group=NOBODY)
    os.chmod(path, 0o400)
    ended = table("set", path, "carol@example.org", user=NOBODY, group=NOBODY)
    equal((ended.status, ended.err), (73, f"verimail table set: {path}: Permission denied\n"))
    equal(done("dump", path), "alice@example.org\nbob@example.org pinned=yes\n")


def test_a_full_disk_leaves_the_table_alone(case):
    needs_root()
    disk = os.path.join(case.folder, "disk")
    os.mkdir(disk)
    equal(subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=False,
                         capture_output=True).returncode, 0, "mount")
    try:
        path = os.path.join(disk, "users")
        before = "".join(f"user{i:03}@example.org\n" for i in range(100))
        done("build", path, given=before)
        for count in (20000, 40000, 80000):
            ended = table("build", path, given="".join(
                f"user{i}@example.org hosts=mail.example.org\n" for i in range(count)))
            if ended.status != 0:
                break
            before = done("dump", path)
        equal((ended.status, ended.err), (
            75, f"verimail table build: {path}: it cannot be written: No space left on device\n"))
        equal(done("dump", path), before)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_million_rows(case):
    path = path_of(case)
    source = os.path.join(case.folder, "million")
    order = list(range(1000000))
    random.Random(1).shuffle(order)
    with open(source, "w", encoding="ascii") as file:
        file.writelines(f"user{i}@example.org hosts=mail{i % 10}.example.org\n" for i in order)
    start = time.monotonic()
    done("build", path, source, timeout=3 * WAIT_LIMIT)
    print(f"# 1,000,000 rows built in {time.monotonic() - start:.1f} s, "
          f"{os.stat(path).st_size >> 20} MiB", flush=True)
    equal(done("get", path, "user567890@example.org"),
          "user567890@example.org hosts=mail0.example.org\n")
    first = os.stat(path).st_size
    for _ in range(4):
        done("build", path, source, timeout=3 * WAIT_LIMIT)
    check(os.stat(path).st_size <= 3.5 * first, f"it grew from {first} to {os.stat(path).st_size}")
    equal(done("dump", path).count("\n"), 1000000)


def test_writers_wait_and_may_be_killed(case):
    path = build(case, "alice@example.org")
    rows = {version: "".join(f"user{i}@example.org hosts=v{version}\n" for i in range(20000))
            for version in (1, 2)}
    sources = {}
    for version, text in rows.items():
        sources[version] = os.path.join(case.folder, f"rows{version}")
        with open(sources[version], "w", encoding="ascii") as file:
            file.write(text)
    wanted = {"alice@example.org\n", *("".join(sorted(text.splitlines(True), key=lambda line:
                                       line.split()[0])) for text in rows.values())}
    for i in range(20):
        both = [subprocess.Popen([PROGRAM, "table", "build", path, sources[version]])
                for version in (1, 2)]
        time.sleep(i * 0.004)  # any moment will do: each shall do no harm
        both[i % 2].kill()
        check(done("dump", path) in wanted, "neither the old nor the new")
        equal(both[(i + 1) % 2].wait(WAIT_LIMIT), 0)
        both[i % 2].wait(WAIT_LIMIT)
        check(done("dump", path) in wanted, "neither the old nor the new")


def test_what_cannot_be_printed_is_said(case):
    path = build(case, *(f"user{i}@example.org" for i in range(1000)))
    with open("/dev/full", "w", encoding="ascii") as full:
        ended = table("dump", path, stdout=full)
        equal(ended.status, 75)
        check("No space left" in ended.err, ended.err)
        equal(table("get", path, "user1@example.org", stdout=full).status, 75)


# The service


def serving(case, rows, users="", service="", more="", **how):
    """A service whose users are in a table."""
    build(case, *rows)
    case.lists = Key("host")
    more += f'host "lists.example.org" {{ keys = {{"{case.lists.public_text()}"}} }}\n'
    return case.daemon(case.world.config(domain=users + f'\n    users = "lmdb:{path_of(case)}"', more=more,
                                         service=service, **how))


def always(case, daemon, question, want, what="", times=8):
    """Each question on a connection of its own, which any of the workers may take."""
    for _ in range(times):
        equal(daemon.ask(question), want, what)


def test_a_change_counts_from_the_next_question_on(case):
    daemon = serving(case, ["alice@example.org"])
    question = case.world.question()
    path = path_of(case)
    daemon.wait_workers(2)
    always(case, daemon, question, YES, times=20)
    for i in range(15):
        done("set", path, "alice@example.org", "hosts=")
        always(case, daemon, question, REFUSED, f"revoked, {i}")
        done("set", path, "alice@example.org")
        always(case, daemon, question, YES, f"permitted, {i}")
    done("delete", path, "alice@example.org")
    always(case, daemon, question, REFUSED, "deleted", times=20)
    done("build", path, given="alice@example.org\n")
    always(case, daemon, question, YES, "built", times=20)
    used = {line.split("pid=")[1].split()[0] for line in daemon.lines("event=question") if "pid=" in line}
    check(not used or len(used) == 2, f"asked {used}")


def test_rows_mean_what_they_say(case):
    daemon = serving(case, ["alice@example.org", "lenient@example.org allow_unauthorized=yes",
                            "more@example.org more_hosts=lists.example.org",
                            "only@example.org hosts=lists.example.org",
                            "alias@example.org alias=more@example.org",
                            "far@example.org alias=lenient@example.org",
                            "lost@example.org alias=nobody@example.org"])
    path = path_of(case)

    def stamped(user, by_lists=False):
        how = {"host": case.lists, "sending": "lists.example.org"} if by_lists else {}
        return daemon.ask(case.world.question(user=f"{user}@example.org", **how)).split("\r")[0]

    def unstamped(user):
        return daemon.ask(f"{user}@example.org - rcpt=example.net\r\n").split()[0]

    for user, ours, lists, none in (
            ("alice", "YES stamped", "NO refused", "NO"),
            ("Alice+news", "YES stamped", "NO refused", "NO"),
            ("lenient", "YES stamped", "ALLOW host", "ALLOW"),
            ("more", "YES stamped", "YES stamped", "NO"),
            ("only", "NO refused", "YES stamped", "NO"),
            ("alias", "YES stamped", "YES stamped", "NO"),
            ("far+x", "YES stamped", "ALLOW host", "ALLOW"),
            ("lost", "NO refused", "NO refused", "NO"),
            ("nobody", "NO refused", "NO refused", "NO")):
        equal((stamped(user), stamped(user, True), unstamped(user)), (ours, lists, none), user)
    done("set", path, "*@example.org")
    equal((stamped("nobody"), stamped("lost+x"), stamped("only")),
          ("YES stamped", "YES stamped", "NO refused"))
    done("set", path, "only+list@example.org")
    equal((stamped("only+list"), stamped("only+other")), ("YES stamped", "NO refused"))
    for date, want in (("2099-11-30T12:00", "NO refused"), ("2020-11-30T12:00", "YES stamped")):
        done("set", path, "alice@example.org", f"not_before={date}")
        equal(done("get", path, "alice@example.org"),
              f"alice@example.org not_before={date}:00Z pinned=yes\n")
        equal(stamped("alice"), want, date)


def test_the_files_rules_come_first_at_each_level(case):
    daemon = serving(case, ["file@example.org hosts=", "table@example.org", "file+x@example.org",
                            "table+y@example.org hosts=", "*@example.org"],
                     users='user "file" { }\n    user "table+x" { hosts = {} }\n'
                           '    user "*" { hosts = {} }')
    for user, want in (("file", YES), ("table", YES), ("table+x", REFUSED), ("table+y", REFUSED),
                       ("file+x", YES), ("file+y", YES), ("table+z", YES), ("nobody", REFUSED)):
        always(case, daemon, case.world.question(user=f"{user}@example.org"), want, user, times=2)
    done("set", path_of(case), "file+x@example.org", "hosts=")
    equal(daemon.ask(case.world.question(user="file+x@example.org")), REFUSED)


def silent(case, daemon, question, why):
    """From some moment on there is no answer, and until then only the right one."""
    def is_silent():
        answer = daemon.ask(question)
        check(answer in ("", YES), f"got {answer!r}")
        return answer == ""
    wait_for(is_silent, "no answer")
    for _ in range(20):
        is_silent()
    always(case, daemon, question, "", why, times=20)
    line = daemon.wait_log("event=alarm")[0]
    check("users" in line and why in line, line)


def damaged(case, spoil, why, **how):
    daemon = serving(case, [f"user{i}@example.org" for i in range(20000)], **how)
    question = case.world.question(user="user10000@example.org", receiving="example.net:1000")
    always(case, daemon, question, YES)
    workers = daemon.wait_workers(2)
    copy = os.path.join(case.folder, "copy")
    shutil.copy(path_of(case), copy)
    spoil(path_of(case))
    silent(case, daemon, question, why)
    equal(sorted(daemon.workers()), sorted(workers), "workers")
    return daemon, question, copy


def overwrite(path, octets):
    with open(path, "r+b") as file:
        file.write(octets)


def test_a_removed_table_is_no_answer(case):
    daemon, question, _ = damaged(case, os.remove, "it was removed while it was in use")
    build(case, "user10000@example.org")
    always(case, daemon, question, "", "the new one is not the one that was opened")
    daemon.reload()
    always(case, daemon, question, YES, "a new generation opens it")


def test_an_overwritten_table_is_no_answer(case):
    for replay in ('"none"', f'"lmdb:{case.world.state}/replay"'):
        def spoil(path):
            overwrite(path, b"\0" * os.stat(path).st_size)
        daemon, question, copy = damaged(case, spoil, "it cannot be read", replay=replay)
        with open(copy, "rb") as file:
            overwrite(path_of(case), file.read())
        wait_for(lambda: daemon.ask(question).startswith("YES"), "an answer from the copy")
        equal(daemon.stop(), 0)


def test_a_truncated_table_is_no_answer(case):
    for i, replay in enumerate(('"none"', f'"lmdb:{case.world.state}/replay"')):
        for pages in (0, 2, 10):
            def spoil(path, pages=pages):
                os.truncate(path, pages * 4096)
            daemon = damaged(case, spoil, "it is damaged", replay=replay)[0]
            equal(daemon.stop(), 0, f"{i}, {pages} pages")
            os.remove(path_of(case))


def test_a_table_that_is_not_there_is_said_at_once(case):
    path = build(case, "alice@example.org")
    config = case.world.config(domain=f'users = "lmdb:{path}"')
    daemon = case.daemon(config)
    os.remove(path)
    line = daemon.reload(wanted="event=reload-failed|No such file")
    check("No such file" in daemon.text(), line)
    equal(daemon.stop(signal.SIGTERM), 0)


# Full when the file is made, while its first pages are written, and while rows are.
@apart
def test_a_full_disk_is_called_full(case):
    rows = "".join(f"user{i}@example.org\n" for i in range(100000))
    for free in (0, 4, 8, 16, 512):  # KiB
        with disk(case.world.state, "1m"):
            with open(os.path.join(case.world.state, "fill"), "wb") as file:
                file.write(bytes((1024 - free) * 1024))
            ended = table("build", os.path.join(case.world.state, "users"), given=rows)
            check(ended.status != 0 and "users: " in ended.err
                  and ended.err.endswith("No space left on device\n"), f"{free}: {ended.err}")
