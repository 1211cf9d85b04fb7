# SPDX-License-Identifier: ISC
"""`verimail setup` on a machine with Postfix where Debian puts it."""
import re

import pytest

from harness.checks import check, contains, equal
from harness.mailmachine import MailMachine

CONF = "/etc/verimail/verimail.conf"
MILTER = "{ unix:verimail/milter.sock, default_action=tempfail }"


@pytest.fixture
def machine(case):
    made = MailMachine(case)
    made.start_postfix()
    return made


def snapshot(machine):
    """All that a setup could change: names, owners, modes and contents."""
    return machine.must("""
        find /etc/verimail /etc/postfix /var/lib/verimail /var/spool/postfix/verimail /run/units \\
            2>/dev/null | sort | xargs -r stat -c '%n %U %G %a'
        cat /etc/verimail/verimail.conf /etc/postfix/main.cf 2>/dev/null
        cat /etc/verimail/keys/*/* 2>/dev/null
        true""")


def modes(machine, *paths):
    return machine.must("stat -c '%U:%G %a' " + " ".join(paths)).split("\n")[:-1]


def sets_up(machine, arguments="example.org --yes", given=b""):
    status, said = machine.setup(arguments, given)
    equal(status, 0, said)
    return said


# On a bare machine


def test_a_bare_machine_becomes_all_three(machine):
    said = sets_up(machine)
    contains(said, "about a stamp of this host: YES")
    contains(said, "the milter stamped it")
    contains(said, "_verimail._tcp.example.org. 3600 IN SRV 0 0 26 mail.example.org.")
    key = machine.must("grep -h ^answer-public: /etc/verimail/keys/answer/*.pub").strip()
    contains(said, f'_verimail._tcp.example.org. 3600 IN TXT "v=verimail1 key={key}"')
    contains(machine.must("verimail dns --print"), f'IN TXT "v=verimail1 key={key}"')
    machine.wait_boxed("Verimail works on mail.example.org")
    contains(machine.boxed(), "Verimail: postmaster@example.org")
    equal(modes(machine, "/etc/verimail", CONF, "/etc/verimail/keys", "/etc/verimail/keys/service",
                "/etc/verimail/keys/service/*.key", "/etc/verimail/keys/service/*.pub",
                "/etc/verimail/keys/answer/*.key", "/etc/verimail/keys/answer/*.pub",
                "/etc/verimail/keys/host/*.key", "/var/lib/verimail", "/var/spool/postfix/verimail"),
          ["root:root 755", "root:root 644", "root:verimail 750", "root:verimail 750",
           "root:verimail 640", "root:root 644", "root:verimail 640", "root:root 644",
           "root:verimail 640", "verimail:verimail 700",
           "verimail:postfix 2750"], "owners and modes")
    for name in ("smtpd_milters", "non_smtpd_milters"):
        equal(machine.must(f"postconf -h {name}").strip(), MILTER, name)


def test_a_second_run_changes_nothing(machine):
    sets_up(machine)
    before = snapshot(machine)
    said = sets_up(machine)
    contains(said, CONF + " stays as it is")
    contains(said, "main.cf stays as it is")
    equal(snapshot(machine), before, "the machine")


def test_a_dry_run_changes_nothing(machine):
    before = snapshot(machine)
    contains(sets_up(machine, "example.org --yes --dry-run"), "a new key in /etc/verimail/keys/host")
    equal(snapshot(machine), before, "the machine")


# What was left half done


@pytest.mark.parametrize("left", [
    "install -d /etc/verimail/keys/host",
    "install -d -m 700 /etc/verimail/keys/service && verimail keygen service "
    "/etc/verimail/keys/service/2026-01-01T000000.key",
    "install -d /var/spool/postfix/verimail",
    f"postconf -e 'smtpd_milters = {MILTER}'",
], ids=["a folder", "a key of root's", "a socket's folder", "one setting"])
def test_an_interrupted_run_is_finished(machine, left):
    machine.must(left)
    sets_up(machine)
    machine.wait_boxed("Verimail: postmaster@example.org")


# Questions


def test_answers_are_typed(machine):
    answers = ["service,host,receiver", "mx.example.org", "verimail.example.org", "192.0.2.7",
               "127.0.0.0/8", "yes", ""]
    said = sets_up(machine, "example.org", "\n".join(answers).encode())
    contains(said, "verimail.example.org. 3600 IN A 192.0.2.7")
    contains(machine.must(f"cat {CONF}"), 'host "mx.example.org"')
    contains(machine.must(f"cat {CONF}"), 'trusted_networks = {"127.0.0.0/8"}')


def test_no_is_an_answer(machine):
    before = snapshot(machine)
    contains(sets_up(machine, "example.org", b"\n\n\n192.0.2.1\n\nno\n"), "Nothing is changed.")
    equal(snapshot(machine), before, "the machine")


REFUSED = [
    ("--yes", b"", "expected a domain"),
    ("exa_mple.org --yes", b"", "DOMAIN exa_mple.org: expected a name with a dot"),
    ("example.org --yes --only sender", b"", "--only sender: expected service, host, receiver"),
    ("example.org --yes --host mail", b"", "--host mail: expected a name with a dot"),
    ("example.org --yes --address example", b"", "--address example: expected an IPv4 or IPv6"),
    ("example.org --yes --network 10.0.0.1/8", b"", "--network 10.0.0.1/8: expected a network"),
    ("example.org --yes --peer here", b"", "--peer here: expected an address and a port"),
    ("example.org --yes --mail-server qmail", b"", "--mail-server qmail: expected postfix"),
    ("example.org --yes --only host", b"", "needs the public key of the service"),
    ("example.org", b"", "no answer: use the option --only, or --yes"),
]


def test_what_is_refused(machine):
    before = snapshot(machine)
    for arguments, given, wanted in REFUSED:
        status, said = machine.setup(arguments, given)
        check(status in (64, 75, 78), f"{arguments}: status {status}: {said}")
        contains(said, wanted)
    equal(snapshot(machine), before, "the machine")


# What is there already

OLD = """# Ours.
service { keys = {"/etc/verimail/keys/service"} } // a service
domain "old.example" {
    hosts = { /* none */ }
    user "bob" { allow_unauthorized = true }
}
"""


def test_an_existing_configuration_is_added_to(machine):
    machine.write(CONF, OLD)
    machine.must("chmod 640 " + CONF)
    said = sets_up(machine, "example.org old.example --yes --only service,host,receiver")
    contains(said, '| +domain "example.org" {')
    now = machine.must("cat " + CONF)
    contains(now, 'hosts = {"mail.example.org",  /* none */ }')
    added = ' answer_keys = {"/etc/verimail/keys/answer"}'
    contains(now, '{"/etc/verimail/keys/service"}' + added)
    now = now.replace(added, "")
    for line in OLD.split("\n"):
        check("hosts" in line or line in now, f"{line!r} is lost: {now}")
    copy = re.search(r"what it was: (\S+verimail.conf\S+)", said).group(1)
    equal(machine.must("cat " + copy), OLD, copy)
    equal(modes(machine, CONF), ["root:verimail 640"], "for the daemons to read")


@pytest.mark.parametrize("before, after", [
    ("inet:localhost:8891", f"{MILTER}, inet:localhost:8891"),
    ("{ inet:localhost:8891, default_action=accept } local:opendmarc/s.sock",
     f"{MILTER}, {{ inet:localhost:8891, default_action=accept }}, local:opendmarc/s.sock"),
    ("inet:localhost:8891, unix:verimail/milter.sock", f"{MILTER}, inet:localhost:8891"),
    ("unix:verimail/milter.sock inet:localhost:8891",
     "unix:verimail/milter.sock inet:localhost:8891"),
])
def test_the_stamp_comes_before_other_signatures(machine, before, after):
    machine.must(f"postconf -e 'smtpd_milters = {before}' 'non_smtpd_milters = $smtpd_milters'")
    sets_up(machine, "example.org --yes --no-test")
    equal(machine.must("postconf -h smtpd_milters").strip(), after, before)
    equal(machine.must("postconf -h non_smtpd_milters").strip(), "$smtpd_milters", before)


# Steps that fail

BROKEN = '#!/bin/sh\n[ "$1" != "{}" ] || {{ echo "it is broken" >&2; exit 1; }}\nexec {} "$@"\n'


@pytest.mark.parametrize("program, real, argument, step, kept", [
    ("verimaild", "/opt/real/verimaild", "-t", "Configuration", "/etc/verimail"),
    ("systemctl", "/opt/real/systemctl", "enable", "Daemons", "/etc/postfix"),
    ("postfix", "/usr/sbin/postfix", "check", "Mail server", "/etc/postfix/main.cf"),
    ("postfix", "/usr/sbin/postfix", "reload", "Mail server", "/etc/postfix/main.cf"),
])
def test_a_step_that_fails_is_undone(machine, program, real, argument, step, kept):
    machine.must("mkdir -p /opt/real; cp -a /opt/bin/* /opt/real; mkdir -p /etc/verimail")
    state = (f"find {kept} -type f ! -path '*/keys/*' ! -name 'main.cf.*' | sort | xargs -r cat; "
             "find /etc/verimail -name verimail.conf")
    before = machine.must(state)
    machine.must("rm -f /opt/bin/" + program)
    machine.write("/opt/bin/" + program, BROKEN.format(argument, real), 0o755)
    status, said = machine.setup("example.org --yes")
    check(status != 0, said)
    contains(said, f"{step}: failed: ")
    contains(said, "it is broken")
    if step != "Daemons":
        after = machine.must(state)
        equal(after.replace(CONF + "\n", ""), before, said)
    machine.must(f"cp -a /opt/real/* /opt/bin/; [ -e /opt/real/{program} ] || rm /opt/bin/{program}")
    sets_up(machine)
    machine.wait_boxed("Verimail: postmaster@example.org")
