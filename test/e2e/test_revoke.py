# SPDX-License-Identifier: ISC
"""verimail revoke and restore: in the file and the table, with proof from the service that runs."""
import glob
import os
import re
import subprocess
import time

import pytest

from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.commandline import Ended, build_table
from harness.daemon import BUILD
from harness.files import write_file
from harness.programs import as_user, free_port

RULES = """
    # the users
    user "alice" { }   # writes letters
    user "bob" { allow_unauthorized = true }
    user "alice+news" { }
    user "*" { }
"""


class Service:
    """A service at a port of its own, and the command line beside it."""

    def __init__(self, case, domain=RULES, starts=True, table=None):
        self.case, self.port = case, free_port()
        if table is not None:
            self.table = os.path.join(case.world.state, "users")
            build_table(self.table, table)
            if os.geteuid() == 0:
                os.chown(self.table, 65534, 65534)
            domain += f'\n    users = "lmdb:{self.table}"\n'
        text = case.world.config(domain=domain, listen=[f'"127.0.0.1:{self.port}"'])
        self.daemon = case.daemon(text) if starts else None
        self.path = self.daemon.config if starts else os.path.join(case.folder, "verimail.conf")
        if not starts:
            write_file(self.path, text, 0o644)

    def run(self, *arguments, prefix=()):
        done = subprocess.run([*prefix, os.path.abspath(os.path.join(BUILD, "src/command/verimail")),
                               "-c", self.path, *arguments], check=False, capture_output=True,
                              timeout=WAIT_LIMIT, stdin=subprocess.DEVNULL)
        return Ended(done.returncode, done.stdout, done.stderr.decode())

    def text(self):
        with open(self.path, encoding="ascii") as file:
            return file.read()

    def says(self, user, issued=None):
        return self.daemon.ask(self.case.world.question(user=user, issued=issued)).strip()


def done_well(done):
    equal((done.status, done.err), (0, ""), done.out)
    return done.out


def test_a_section_is_revoked_and_restored(case):
    s = Service(case)
    before = s.text()
    equal(s.says("alice@example.org"), "YES stamped")
    done = s.run("revoke", "alice@example.org")
    equal(done.status, 64, "without --yes")
    contains(done.err, "nothing was changed: --yes changes the file")
    equal(s.text(), before)
    out = done_well(s.run("revoke", "alice@example.org", "--yes"))
    line = re.search(r':(\d+):\n-    user "alice" { }   # writes letters\n'
                     r'\+    user "alice" { hosts = {} /\* revoked [-0-9T:]+Z \*/ }   # writes letters\n',
                     out)
    check(line, out)
    equal(before.splitlines()[int(line[1]) - 1], '    user "alice" { }   # writes letters')
    contains(out, "says NO refused to a stamp of mail.example.org for alice@example.org; "
                  "before it said YES stamped\n")
    contains(out, "alice+news@example.org has a rule of its own, which stays")
    equal(s.says("alice@example.org"), "NO refused")
    equal(s.says("carol@example.org"), "YES stamped", "another user")
    # The copy is what the file was, and nothing else changed in the file.
    (copy,) = glob.glob(s.path + ".20*")
    with open(copy, encoding="ascii") as file:
        equal(file.read(), before)
    contains(out, f"what it was is in {copy}\n")
    equal([a for a, b in zip(before.splitlines(), s.text().splitlines()) if a != b],
          ['    user "alice" { }   # writes letters'])
    out = done_well(s.run("revoke", "alice@example.org", "--yes"))  # once more
    contains(out, "says NO refused")
    equal(len(glob.glob(s.path + ".20*")), 1, "copies")
    out = done_well(s.run("restore", "alice", "--yes"))
    contains(out, "says YES stamped to a stamp of mail.example.org for alice@example.org; "
                  "before it said NO refused\n")
    equal(re.sub(r"\{ +\}", "{ }", s.text()), before)
    equal(s.says("alice@example.org"), "YES stamped")


def test_a_user_who_may_send_from_anywhere(case):
    s = Service(case)
    before = s.text()
    done_well(s.run("revoke", "bob", "--yes"))
    equal(s.says("bob@example.org"), "NO refused")
    equal(s.daemon.ask("bob@example.org - rcpt=example.net\r\n").split(" ttl")[0].strip(),
          "NO unstamped", "without a stamp")
    done_well(s.run("restore", "bob", "--yes"))
    equal(s.text(), before)


def test_what_was_sent_is_taken_back(case):
    s = Service(case)
    before = int(time.time())
    out = done_well(s.run("revoke", "alice", "--sent", "--yes"))
    contains(out, '+    user "alice" { not_before = "')
    equal(s.says("alice@example.org", issued=before), "NO refused", "what was sent")
    equal(s.says("alice@example.org", issued=int(time.time()) + 2), "YES stamped", "what comes")
    equal(s.says("carol@example.org", issued=before), "YES stamped", "another user")
    done_well(s.run("revoke", "carol", "--sent", "--yes"))
    contains(s.text(), '    user "carol" { not_before = "')
    equal(s.says("carol@example.org", issued=before), "NO refused", "a user of the rule of *")
    done_well(s.run("restore", "carol", "--yes"))
    check("carol" not in s.text(), s.text())
    done_well(s.run("restore", "alice", "--yes"))
    equal(s.says("alice@example.org", issued=before), "YES stamped")


def test_a_user_without_a_section_gets_one(case):
    s = Service(case)
    before = s.text()
    out = done_well(s.run("revoke", "dora@example.org", "--yes"))
    contains(out, '+    user "dora" { hosts = {} /* revoked ')
    equal((s.says("dora@example.org"), s.says("dora+x@example.org")), ("NO refused", "NO refused"))
    done_well(s.run("restore", "dora@example.org", "--yes"))
    equal(s.text(), before)


def test_rows_of_a_table(case):
    s = Service(case, domain='user "carol" { }',
                table="alice@example.org allow_unauthorized=yes\nali@example.org alias=alice@example.org\n"
                      "carol@example.org\n*@example.org\n")
    dump = ("table", "dump", s.table)
    before, text = s.run(*dump).out, s.text()
    for user in ("ali@example.org", "alice@example.org", "erin@example.org"):
        out = done_well(s.run("revoke", user))
        contains(out, f"the row of {user} is written\n")
        contains(out, f"says NO refused to a stamp of mail.example.org for {user}; before it said YES")
        equal(s.says(user), "NO refused")
    done_well(s.run("revoke", "ali@example.org"))  # once more
    equal(s.says("frank@example.org"), "YES stamped", "another user")
    for user in ("alice@example.org", "ali@example.org", "erin@example.org"):
        contains(done_well(s.run("restore", user)), "says YES stamped")
    equal((s.run(*dump).out, s.text()), (before, text))
    now = int(time.time())
    done_well(s.run("revoke", "ali@example.org", "--sent"))
    done_well(s.run("revoke", "ali@example.org", "--sent"))
    contains(s.run(*dump).out, "ali@example.org allow_unauthorized=yes not_before=")
    equal((s.says("ali@example.org", issued=now), s.says("alice@example.org", issued=now)),
          ("NO refused", "YES stamped"))
    done_well(s.run("restore", "ali@example.org"))
    equal(s.run(*dump).out, before)


def test_a_row_beside_a_section(case):
    """The section decides, and so both are changed."""
    s = Service(case, domain='user "carol" { }', table="carol@example.org\n")
    out = done_well(s.run("revoke", "carol", "--yes"))
    contains(out, "the row of carol@example.org is written\n")
    contains(out, '+    user "carol" { hosts = {} ')
    equal(s.says("carol@example.org"), "NO refused")
    contains(s.run("table", "dump", s.table).out, "carol@example.org hosts=")
    done_well(s.run("restore", "carol", "--yes"))
    equal((s.says("carol@example.org"), s.run("table", "dump", s.table).out),
          ("YES stamped", "carol@example.org\n"))


def test_a_domain_under_test_says_so(case):
    s = Service(case, domain='testing = true user "alice" { }')
    out = done_well(s.run("revoke", "alice", "--yes"))
    contains(out, "says ALLOW testing to a stamp")
    contains(out, "example.org is under test: the NO is an ALLOW until `verimail enforce origin`\n")


@pytest.mark.parametrize("arguments, status, error", [
    (("revoke", "a b"), 65, "a b: expected a user, as in alice@example.org"),
    (("revoke", "*@example.org"), 65, "expected a user"),
    (("revoke", "alice@example.net"), 65, "no such domain in "),
    (("revoke",), 64, "see `verimail help revoke`"),
    (("revoke", "nobody@example.org"), 1, "has no rule in "),
    (("restore", "alice"), 1, "was not revoked by `verimail revoke`"),
    (("restore", "alice", "--sent"), 64, "--sent"),
])
def test_what_cannot_be_revoked(case, arguments, status, error):
    s = Service(case, domain='user "alice" { }', starts=False)
    before = s.text()
    done = s.run(*arguments)
    equal((done.status, done.out), (status, ""))
    contains(done.err, error)
    equal(s.text(), before)


def test_the_service_does_not_run(case):
    s = Service(case, starts=False)
    done = s.run("revoke", "alice", "--yes")
    equal(done.status, 75)
    contains(done.err, "verimaild does not run here by this file")
    contains(done.err, "not proven: the service at 127.0.0.1:")
    contains(s.text(), 'user "alice" { hosts = {} /* revoked ')


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_a_file_that_cannot_be_written(case):
    s = Service(case)
    before = s.text()
    done = s.run("revoke", "alice", "--yes", prefix=as_user())
    equal((done.status, s.text()), (73, before))
    contains(done.out, '+    user "alice" { hosts = {} ')
    contains(done.err, "Permission denied: write this by hand, and reload")
    t = Service(case, domain="", starts=False, table="*@example.org\n")
    os.chown(t.table, 0, 0)
    os.chmod(t.table, 0o644)
    done = t.run("revoke", "alice@example.org", prefix=as_user())
    equal(done.status, 73)
    contains(done.err, f"verimail table set {t.table} alice@example.org hosts=")


def test_a_file_that_would_be_no_good_is_not_written(case):
    s = Service(case)
    write_file(s.path, s.text() + "nonsense\n", 0o644)
    before = s.text()
    done = s.run("revoke", "alice", "--yes")
    equal((done.status, s.text()), (78, before))
    contains(done.err, "nonsense")
