# SPDX-License-Identifier: ISC
"""The examples of the manual pages and README files: configurations pass -t, commands run on a machine
as the page has it. The mark before a block says how it is run, or `none: ...` why it cannot be."""
import os
import re

import pytest

from harness.checks import check, equal, wait_for
from harness.dnsserver import DnsServer
from harness.examples import ALL, KINDS, SOURCE, run_by
from harness.machine import Machine

CONF = "/etc/verimail/verimail.conf"
# What fragments of a configuration stand in.
SERVICE = 'service { keys = {"/etc/verimail/service.key"} }\n'
HOST = 'host "mail.example.org" { keys = {"host-public:..."} }\n'
DOMAIN = 'domain "example.org" { hosts = {"mail.example.org"} user "*" { } }\n'
MILTER = 'milter { socket = "unix:/run/verimail/milter.sock" }\n'
VERIFY = 'verify { authserv_id = "mx.example.net" }\n'
AROUND = {
    "service": "%s" + SERVICE + HOST,
    "whole-service": "%s" + SERVICE + HOST + DOMAIN,
    "milter": "%s" + MILTER,
    "verify": "%s" + VERIFY,
    "in-milter": 'milter { socket = "unix:/run/verimail/milter.sock"\n%s}\n' + VERIFY,
    "in-service": 'service { keys = {"/etc/verimail/service.key"}\n%s}\n' + HOST + DOMAIN,
    "in-host": (SERVICE + HOST + 'domain "example.org" { user "*" { }\n'
                'hosts = {"mail.example.org", "lists.example.net"} }\n%s'),
    "in-domain": SERVICE + HOST + 'domain "example.org" { hosts = {"mail.example.org"}\n%s}\n',
}
# What the commands of a page find on the machine.
MACHINE_CONF = """
service { keys = {"/etc/verimail/machine.key"} metrics = "unix:/run/verimail/metrics.sock" }
host "mail.example.org" { keys = {"%(host)s"} }
domain "example.org" {
    default = true
    hosts = {"mail.example.org"}
    user "alice" { }
}
domain "example.com" { hosts = {"mail.example.org"} user "bob" { allow_unauthorized = true } }
stamp {
    host = "mail.example.org"
    key = "/etc/verimail/sender.key"
    service_key = "%(service)s"
    domains = {"example.org"}
}
verify {
    authserv_id = "mx.example.net"
    resolver = "127.0.0.1"
    trust_anchors = {}
    allow_networks = {"127.0.0.0/8"}
}
milter { socket = "unix:/run/verimail/milter.sock" }
"""
RECORDS = {("_verimail._tcp.example.org", "SRV"): ["0 0 26 verimail.example.org."],
           ("verimail.example.org", "A"): ["127.0.0.1"]}
MESSAGE = b"From: Alice <alice@example.org>\nTo: bob@example.net\nSubject: Hello\n\nDear Bob\n"
# Words of a log or an answer that are others each time.
CHANGING = re.compile(r"time=\S+|source=\S+|ms=\d+|AQ[\w-]{40,}|key=\S+")


def test_every_block_is_run_or_says_why_not():
    check(len(ALL) > 60, f"only {len(ALL)} examples were found")
    equal([(example.where, example.kind) for example in ALL if example.kind not in KINDS], [],
          "blocks without a mark that says how to run them")
    equal([example.where for example in ALL
           if example.kind == "none" and len(example.arguments) < 4], [], "blocks without a reason")


# Configurations


def make_what_it_names(machine, text):
    """The files, and keys for what is left out; the text with them."""
    for path in sorted(set(re.findall(r'/etc/verimail/[\w./-]+', text))):
        name = os.path.basename(path)
        kind = "service" if "service" in name else "host"
        if "/keys/" in path and "." not in name:
            machine.must(f"install -d -m 750 {path} && verimail keygen {kind} {path}")
        elif name.endswith(".pub"):
            machine.must(f"mkdir -p {os.path.dirname(path)}")
            machine.write(path, public_key(machine, kind, 200) + "\n")
        elif name.endswith(".key"):
            machine.must(f"verimail keygen {kind} {path}")
        elif name.endswith(".pem"):
            machine.must(f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -keyout /dev/null "
                         f"-out {path} 2>/dev/null")
        else:
            machine.write(path, LOGINS if name == "logins" else "a-secret\n", 0o600)
    machine.must("chown -R verimail: /etc/verimail")
    if "users " in text and "lmdb:" in text:
        machine.must("verimail table build /var/lib/verimail/users", b"alice@example.org\n")
        machine.must("chown -R verimail: /var/lib/verimail")
    number = iter(range(100))
    return re.sub(r"host-public:\.\.\.", lambda _: public_key(machine, "host", next(number)), text)


# The keys of an example are nobody's, and its addresses somebody else's.
OF_THE_MACHINE = re.compile(r"warning: (the service_key of another service|a key that no host lists|"
                            r"an address that this machine does not have|a port that is taken)")
LOGINS = "alice alice@example.org\n"


def public_key(machine, kind, number):
    return keygen(machine, kind, f"/opt/{kind}-{number}.key")


def keygen(machine, kind, path):
    """Makes a key file; its public text."""
    return re.search(r"\w+-public:[\w-]+", machine.must(f"verimail keygen {kind} {path}"))[0]


def said_of(machine, text):
    """What the programs say that read such a configuration."""
    machine.write(CONF, text, 0o640)
    programs = [program for program, section in (("verimaild", "service"),
                                                 ("verimail-milter", "milter"))
                if re.search(rf"^\s*{section}\s*{{", text, re.MULTILINE)]
    check(programs, f"nobody reads this: {text}")
    return [(program, *machine.run(program + " -t >/opt/ok")) for program in programs]


def conf(machine, example):
    around = "%s"
    for name in example.arguments:
        around = AROUND[name].replace("%s", around)
    text = make_what_it_names(machine, around.replace("%s", example.text))
    for program, status, said in said_of(machine, text):
        said = "".join(line for line in said.splitlines(True) if not OF_THE_MACHINE.search(line))
        equal((status, said), (0, ""), f"{example.where}: {program} -t")


def refused(machine, example):
    """The message for a mistake: the arguments are the option with the mistake."""
    words = re.match(r"/etc/verimail/verimail.conf:(\d+): ", example.text)
    text = make_what_it_names(machine, SERVICE + HOST)
    text += 'domain "example.org" { hosts = {"mail.example.org"} user "*" { }\n'
    text += "\n" * (int(words[1]) - text.count("\n") - 1) + " ".join(example.arguments) + "\n}\n"
    (_, status, said), = said_of(machine, text)
    check(status != 0, f"{example.where}: verimaild -t")
    equal(said.split(), example.text.replace("\\\n", " ").split(), example.where)


def logins(machine, example):
    text = make_what_it_names(machine, VERIFY + 'stamp { host = "mail.example.org"\n'
                              'key = "/etc/verimail/host.key" domains = {"example.org"}\n'
                              f'service_key = "{public_key(machine, "service", 0)}" }}\n'
                              'milter { socket = "unix:/run/verimail/milter.sock"\n'
                              'logins = "/etc/verimail/logins" }\n')
    machine.write("/etc/verimail/logins", example.text)
    for program, status, said in said_of(machine, text):
        equal((status, said), (0, ""), f"{example.where}: {program} -t")


CONFIGURATIONS = {"conf": conf, "refused": refused, "logins": logins}


@pytest.mark.parametrize("example", run_by("configuration"), ids=lambda example: example.where)
def test_configuration(case, example):
    CONFIGURATIONS[example.kind](Machine(case), example)


# Commands


class Site:
    """A machine with a verimaild, whose service the DNS has; a message in a file, and those files
    that are beside the page."""

    def __init__(self, case, beside):
        self.machine = Machine(case)
        for path in beside:
            self.machine.write("/opt/" + path.name, path.read_text("utf-8"))
        keys = {kind: keygen(self.machine, kind, f"/etc/verimail/{name}")
                for kind, name in (("service", "machine.key"), ("host", "sender.key"))}
        self.machine.must("chown verimail: /etc/verimail/machine.key")
        self.machine.write(CONF, MACHINE_CONF % keys)
        self.machine.must("cat >message", MESSAGE)
        case.servers.append(DnsServer(RECORDS, "127.0.0.1", 53))
        self.machine.start("verimaild", "event=ready")


def normal(text):
    """Without what changes, and the white space that a page needs to break a line."""
    return CHANGING.sub("*", " ".join(text.split()))


def shell(site, example):
    """Commands behind `$ ` or `# `, each with what it prints below it; or commands alone, whose exit
    status is 0 unless the mark has another."""
    wanted = int(example.arguments[0]) if example.arguments else 0
    if not re.match(r"[$#] ", example.text):
        status, said = site.machine.run(example.text)
        equal(status, wanted, f"{example.where}: {said}")
        return
    for part in re.split(r"^(?=[$#] )", example.text, flags=re.MULTILINE)[1:]:
        command, output = re.fullmatch(r"[$#] ((?:[^\n]*\\\n)*[^\n]*\n)(.*)", part,
                                       re.DOTALL).groups()
        status, said = site.machine.run(command)
        equal(status, wanted, f"{example.where}: {said}")
        if output.strip():
            equal(normal(said), normal(output), example.where)


def table(site, example):
    """Rows of a table of users, which is built of them."""
    site.machine.must("verimail table build /var/lib/verimail/users", example.text.encode())
    rows = [line for line in example.text.splitlines() if not line.startswith("#")]
    equal(len(site.machine.must("verimail table dump /var/lib/verimail/users").splitlines()),
          len(rows), example.where)


def log(site, example):
    """A line that verimaild logged about the command before."""
    wait_for(lambda: normal(example.text) in map(normal, site.machine.log().splitlines()),
             f"{example.where} in the log")


COMMANDS = {"shell": shell, "table": table, "log": log}


@pytest.mark.parametrize("file", sorted({example.file for example in run_by("commands")}))
def test_commands(case, file):
    """All of a page on one machine, as a reader would type them."""
    folder = (SOURCE / file).parent
    site = Site(case, folder.glob("[!R]*") if folder.parent.name == "integrations" else ())
    for example in run_by("commands"):
        if example.file == file:
            COMMANDS[example.kind](site, example)
