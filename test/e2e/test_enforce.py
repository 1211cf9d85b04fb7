# SPDX-License-Identifier: ISC
"""`verimail enforce`: it shows what would have been refused, and ends the test."""
import os

from harness.checks import check, contains, equal
from harness.eventstore import DAY, add, add_mail, event, mail_path, message, new_store, now, run
from harness.files import write_file
from harness.mailmachine import MailMachine


class Record:
    """Records of a service and a milter under test, and their configuration."""

    def __init__(self, case, store="sqlite"):
        self.case = case
        self.path = new_store(case, mail=True)
        self.conf = os.path.join(case.folder, "report.conf")
        write_file(self.conf, case.world.config(
            record=f'store = "{store}"', domain='testing = true  # for now\n user "*" { }',
            more=f'verify {{ authserv_id = "mx.example.org" mode = monitor }}\n'
                 f'milter {{ socket = "unix:{case.folder}/s" state = "{case.world.state}" }}\n'), 0o640)

    def text(self):
        with open(self.conf, encoding="ascii") as file:
            return file.read()

    def run(self, *arguments):
        done = run(self.case, "enforce", *arguments)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_what_would_have_been_refused(case):
    record = Record(case)
    add(record.path, [
        *[event(verdict="ALLOW", reason="testing", would_be="unstamped", user="eve@example.org")] * 3,
        event(verdict="ALLOW", reason="testing", would_be="refused", cause="host"),
        event(now() - 8 * DAY, "ALLOW", "testing", would_be="forged"),
        event()])
    add_mail(mail_path(record.path), [
        *[message(verdict="NO", reason="unstamped", would_be="rejected")] * 2,
        message(verdict="NO", reason="forged", would_be="marked"), message()])
    for arguments, words in (
            (["origin", "--yes"], [
                "the service would have refused 4 times; the most often:\n"
                "       3  eve@example.org  unstamped\n       1  alice@example.org  refused, host\n",
                "Others refuse from now on what the service says NO to."]),
            (["receiver", "--yes"], [
                "this machine would have refused 2 times; the most often:\n"
                "       2  jane@example.com  rejected, unstamped\n"])):
        status, out, err = record.run(*arguments)
        equal(status, 0, out + err)
        for part in words:
            contains(out, part)
        contains(err, "does not run here: it counts when it is started")
    contains(record.text(), "testing = false  # for now")
    contains(record.text(), "mode = enforce")


def test_since(case):
    record = Record(case)
    add(record.path, [event(now() - 8 * DAY, "ALLOW", "testing", would_be="forged")])
    contains(record.run("origin", "--since", "30d")[1], "would have refused 1 times")
    contains(record.run("origin")[1], "the service would have refused nothing")
    equal(record.run("origin", "--since", "soon")[0], 64, "a bad time")


def test_nobody_agrees(case):
    record = Record(case)
    before = record.text()
    status, out, _ = record.run("origin")
    check(status != 0, out)
    contains(out, "-")
    equal(record.text(), before, "the configuration")


def test_the_next_stage(case):
    record = Record(case)
    for wanted in ("mode = enforce", "testing = false"):
        check(wanted not in record.text(), record.text())
        equal(record.run("--yes")[0], 0, wanted)
        contains(record.text(), wanted)
    before = record.text()
    for arguments, said in (([], "Nothing is under test.\n"),
                            (["origin"], "No domain is under test.\n"),
                            (["receiver"], "The milter is not in `mode = monitor`, or does not verify.\n")):
        equal(record.run(*arguments, "--yes"), (0, said, ""), str(arguments))
    equal(record.text(), before, "the configuration")
    equal(record.run("sender")[0], 64, "no such stage")


def test_without_a_record(case):
    record = Record(case, store="none")
    status, out, _ = record.run("origin", "--yes")
    equal(status, 0, out)
    contains(out, "There is no record of what the service would have refused.")


def test_the_daemons_follow(case):
    machine = MailMachine(case)
    machine.start_postfix()
    equal(machine.setup("example.org --yes --no-test")[0], 0, "setup")
    ask = "verimail ask --server 127.0.0.1:26 --rcpt example.net eve@example.org -"
    contains(machine.run(ask)[1], "ALLOW testing ")
    said = machine.must("verimail enforce origin --yes")
    contains(said, "-    testing = true")
    contains(machine.run(ask)[1], "NO unstamped ")
    machine.must("verimail enforce receiver --yes")
    machine.must("postconf -e 'smtpd_authorized_xclient_hosts = 127.0.0.0/8' && postfix reload")
    said = machine.must("""python3 -c "import smtplib
with smtplib.SMTP('127.0.0.1') as server:
    server.ehlo('elsewhere.example')
    server.docmd('XCLIENT', 'ADDR=192.0.2.9 NAME=elsewhere.example')
    server.ehlo('elsewhere.example')
    server.mail('eve@elsewhere.example')
    server.rcpt('root@localhost')
    print(server.data('From: eve@example.org\\r\\nSubject: no\\r\\n\\r\\nno\\r\\n'))" """)
    contains(said, "(550, ")
