# SPDX-License-Identifier: ISC
"""`verimail setup --export` and `--import`: several machines of one origin."""
import re

import pytest

from harness.case import Case
from harness.checks import contains, equal, wait_for
from harness.mailmachine import MailMachine

CONF = "/etc/verimail/verimail.conf"


@pytest.fixture
def machines(root):
    """One for the service, and one that sends."""
    with Case(root, "service") as one, Case(root, "host") as other:
        service = MailMachine(one)
        host = MailMachine(other, "out.example.org", "127.0.0.2")
        service.start_postfix()
        host.start_postfix()
        yield service, host


def sets_up(machine, arguments):
    status, said = machine.setup(arguments + " --yes")
    equal(status, 0, said)
    return said


def carry(source, target, name, arguments=""):
    """The file from one machine to the other."""
    source.must(f"verimail setup --export /opt/{name} {arguments}")
    text = source.must(f"cat /opt/{name}")
    target.write(f"/opt/{name}", text)
    return text


def payload(machine, message="From: alice@example.org\n\nhi\n"):
    said = machine.must("verimail stamp", message.encode())
    return "".join(re.search(r"Verimail: \S+\s+((?:\S+\n\s+)*\S+)", said)[1].split())


def test_a_service_and_a_host(machines):
    service, host = machines
    sets_up(service, "example.org --only service,receiver --no-test --address 192.0.2.1")
    text = carry(service, host, "service", "--address 127.0.0.1")
    equal([line.split()[0] for line in text.split("\n")[1:-1]], ["domain", "service", "address"], text)
    said = sets_up(host, "--import /opt/service --only host --test-to root@localhost")
    contains(said, "the milter stamped it")
    contains(said, "verimail setup --export FILE")
    conf = host.must(f"cat {CONF}")
    contains(conf, 'domains     = {"example.org"}')
    text = carry(host, service, "host")
    equal([line.split()[0] for line in text.split("\n")[1:-1]], ["domain", "host"], text)
    for secret in ("service-secret", "host-secret"):
        equal(text.count(secret), 0, text)
    ask = f"verimail ask --server 127.0.0.1:26 alice@example.org {payload(host)}"
    equal(service.run(ask), (2, "ALLOW\n"), "before the import: it is under test")
    sets_up(service, "--import /opt/host --no-test")
    wait_for(lambda: service.run(ask) == (0, "YES\n"), "a YES after the import")
    before = service.must(f"cat {CONF}")
    contains(sets_up(service, "--import /opt/host --no-test"), "stays as it is")
    equal(service.must(f"cat {CONF}"), before, "a second import")


def test_a_host_has_its_second_key_carried_over(machines):
    service, host = machines
    sets_up(service, "example.org --only service --no-test")
    carry(service, host, "service")
    sets_up(host, "--import /opt/service --only host --no-test")
    carry(host, service, "host")
    sets_up(service, "--import /opt/host --no-test")
    host.must("sleep 1.1; verimail keygen host /etc/verimail/keys/host")
    text = carry(host, service, "host")
    equal(text.count("host out.example.org host-public:"), 2, text)
    contains(sets_up(service, "--import /opt/host --no-test"), "| +host")
    ask = f"verimail ask --server 127.0.0.1:26 alice@example.org {payload(host)}"
    wait_for(lambda: service.run(ask) == (0, "YES\n"), "a YES to a stamp by the second key")


def test_a_receiver_asks_the_service_of_another_machine(machines):
    service, host = machines
    sets_up(service, "example.org --only service --no-test")
    carry(service, host, "service", "--address 127.0.0.1")
    sets_up(host, "--import /opt/service --no-test")
    conf = host.must(f"cat {CONF}")
    contains(conf, 'peer "example.org" { address = "127.0.0.1:26" }')
    equal(conf.count("service {"), 0, conf)


def test_files_that_are_wrong(machines):
    service, _ = machines
    for text, wanted in (
            ("hosts a\n", "f:1: expected domain, service, address or host"),
            ("# fine\n\ndomain example.org extra words here\n", "f:3: too many words"),
            ("domain exa_mple\n", "f:1: expected `domain NAME`"),
            ("service host-public:abc\n", "f:1: expected `service service-public:...`"),
            ("host a.example.org\n", "f:1: expected `host NAME host-public:...`"),
            ("address here\n", "f:1: expected `address ADDRESS:PORT`")):
        service.write("/opt/f", text)
        status, said = service.setup("example.org --yes --import /opt/f")
        equal(status, 66, said)
        contains(said, "/opt/" + wanted)
    equal(service.setup("example.org --yes --import /opt/none")[0], 66, "no such file")
    equal(service.setup("--export /opt/out")[0], 78, "nothing to export")
    equal(service.run(f"ls {CONF}")[0], 2, "the configuration")
