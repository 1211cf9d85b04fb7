# SPDX-License-Identifier: ISC
"""verimail rotate: keys change under load, whoever dies in the middle, and old ones go."""
import glob
import os
import re
import signal
import subprocess
import time

import pytest

from harness.checks import WAIT_LIMIT, check, contains, equal, wait_for
from harness.client import ask
from harness.commandline import Ended, payload_of
from harness.daemon import BUILD
from harness.files import write_file
from harness.keys import Key
from harness.milterclient import MilterClient
from harness.milterprocess import NOBODY
from harness.movedclock import MovedClock
from harness.programs import free_port
from harness.threads import Threads

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the daemons give up root's rights")

HEADER = [("From", " alice@example.org"), ("To", " bob@example.net"), ("Subject", " s")]
PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))
KILLCALL = os.path.abspath(os.path.join(BUILD, "test/e2e/killcall.so"))


class Machine:
    """A folder with a configuration and folders of keys; `verimail` and the daemons there."""

    def __init__(self, case, name, clock=None):
        self.case, self.folder, self.clock = case, os.path.join(case.folder, name), clock
        self.config, self.port = self.path("verimail.conf"), free_port()
        self.socket = self.path("milter.sock")
        self.daemons = {}
        os.makedirs(self.path("keys"))
        self.state = self.path("state")
        os.makedirs(self.state)
        os.chown(self.state, NOBODY.pw_uid, NOBODY.pw_gid)
        os.chown(self.folder, NOBODY.pw_uid, NOBODY.pw_gid)
        for at in (case.folder, self.folder):
            os.chmod(at, 0o711)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def key_folder(self, name, key=None, suffix="key"):
        folder = self.path("keys", name)
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o750)
        os.chown(folder, 0, NOBODY.pw_gid)
        if key is not None:
            text = key.secret_text() if suffix == "key" else key.public_text()
            path = os.path.join(folder, f"2026-01-01T000000.{suffix}")
            write_file(path, text + "\n")
            os.utime(path, (1767225600, 1767225600))
        return folder

    def service(self, keys, hosts):
        names = ", ".join(re.findall(r'^ *host (".*?")', hosts, re.M))
        return f"""
service {{
    listen = {{"127.0.0.1:{self.port}"}}
    run_as = "nobody"
    state = "{self.state}"
    keys = {{"{keys}"}}
    replay = "none"
    workers = 2
}}
record {{ store = "none" }}
{hosts}
domain "example.org" {{ hosts = {{{names}}} user "*" {{ }} }}
"""

    def stamp(self, key, service_key, more=""):
        return f"""
stamp {{
    host = "mx.example.org"
    key = "{key}"
    service_key = "{service_key}"   # the service's
    domains = {{"example.org"}}
}}
milter {{ socket = "unix:{self.socket}" socket_mode = 0666 run_as = "nobody" }}
{more}"""

    def write(self, text):
        write_file(self.config, text, 0o644)

    def start(self, program):
        """By this machine's one file."""
        env = self.clock.env if self.clock is not None else None
        name = os.path.join(self.case.folder, f"verimail{len(self.case.daemons) or ''}.conf")
        os.symlink(self.config, name)
        with open(self.config, encoding="ascii") as file:
            self.daemons[program] = self.case.daemon(file.read(), program=program, env=env)

    def run(self, *arguments, kill=0):
        env = {**os.environ, **(self.clock.env if self.clock is not None else {})}
        if kill:
            env.update(LD_PRELOAD=KILLCALL, VERIMAIL_KILL=str(kill))
        done = subprocess.run([PROGRAM, "-c", self.config, *arguments], check=False, env=env,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=WAIT_LIMIT)
        return Ended(done.returncode, done.stdout, done.stderr.decode())

    def well(self, *arguments):
        done = self.run(*arguments)
        equal((done.status, done.err), (0, ""), done.out)
        return done.out

    def stamped(self):
        """The payload of a message that the milter stamped, as soon as it takes one."""
        with MilterClient(self.socket) as client:
            client.connect("127.0.0.1")
            (stamp,) = client.message(HEADER, b"text\r\n", sender="<alice@example.org>").stamps()
        return payload_of(b"Verimail:" + stamp.encode() + b"\r\n\r\n")

    def says(self, payload):
        return ask(("127.0.0.1", self.port), f"alice@example.org {payload}\r\n").strip()

    def names(self, folder):
        return sorted(name for name in os.listdir(self.path("keys", folder)))


def whole_machine(case, clock=None, start=True):
    """Service and sending host by one file; both halves of a host's key in one folder."""
    m = Machine(case, "machine", clock)
    host, service = Key("host"), Key("service")
    keys = m.key_folder("service", service)
    m.key_folder("host", host)
    own = m.key_folder("host", host, "pub")
    m.write(m.service(keys, f'host "mx.example.org" {{ keys = {{"{own}"}} }}') +
            m.stamp(own, service.public_text()))
    if start:
        m.start("verimaild")
        m.start("verimail-milter")
    return m


class Mail(Threads):
    """Messages without a pause: the service has to say YES to each stamp, the moment it was made and
    a while later."""

    def __init__(self, case, machine):
        super().__init__(case, 2)
        self.machine, self.wrong, self.count, self.earlier = machine, [], 0, []
        self.start()

    def once(self, i):
        payload = self.machine.stamped()
        with self.lock:
            self.earlier.append(payload)
            older = self.earlier.pop(0) if len(self.earlier) > 50 else payload
        for stamp in (payload, older):
            answer = self.machine.says(stamp)
            with self.lock:
                self.count += 1
                if answer != "YES":
                    self.wrong.append((stamp[:12], answer))

    def more(self, count=20):
        target = self.count + count
        wait_for(lambda: self.count >= target or self.failed(), f"{count} more answers")
        equal(self.wrong, [], "answers")

    def failed(self):
        return bool(self.wrong)


def another_second():
    """Names of keys are as fine as a second."""
    begin = int(time.time())
    wait_for(lambda: time.time() > begin + 1, "the next second")


def rotated(machine, folder, used):
    """The newest of the folder's keys is another one than before, and it is in use."""
    wait_for(lambda: machine.stamped()[:12] != used, f"a stamp by the new key of {folder}")
    check(not any(name.startswith(".") or name.endswith(".new") for name in machine.names(folder)),
          machine.names(folder))


@pytest.mark.parametrize("kind", ["service", "host"])
def test_no_stamp_is_forged_while_keys_change(case, kind):
    m = whole_machine(case)
    mail = Mail(case, m)
    mail.more()
    for count in (2, 3):
        used = m.stamped()[:12]
        out = m.well("rotate", kind)
        contains(out, "verimaild has reloaded\n")
        contains(out, "verimail-milter reloads\n")
        rotated(m, kind, used)
        equal([name[-4:] for name in m.names(kind)],
              [".key", ".pub"] * count if kind == "host" else
              [".key"] + [".key", ".pub"] * (count - 1), "keys")
        mail.more()
        another_second()
    mail.stop()


@pytest.mark.parametrize("kind", ["service", "host"])
def test_whoever_dies_in_the_middle_finishes_later(case, kind):
    m = whole_machine(case)
    mail = Mail(case, m)
    keys = 1
    for call in range(1, 100):
        used = m.stamped()[:12]
        killed = m.run("rotate", kind, kill=call).status
        mail.more(4)
        another_second()
        if killed != -signal.SIGKILL:
            equal(killed, 0)
        else:
            m.well("rotate", kind)
        keys += 1
        rotated(m, kind, used)
        equal(len(glob.glob(m.path("keys", kind, "*.key"))), keys, f"keys, killed before call {call}")
        mail.more(4)
        if killed == 0:
            break
        another_second()
    mail.stop()
    check(call > 8, f"it has {call} calls")


def test_both_at_once_and_old_ones_go(case):
    clock = MovedClock(case)
    m = whole_machine(case, clock)
    equal(m.says(m.stamped()), "YES")
    out = m.well("rotate")
    equal(len(m.names("service")), 3)
    equal(len(m.names("host")), 4)
    check("removed" not in out, out)
    old = (m.names("service")[0], m.names("host")[0])
    clock.move(6 * 86400)
    m.well("rotate")
    check(old[0] in m.names("service") and old[1] in m.names("host"), "within their lifetime")
    clock.move(15 * 86400)
    equal(m.says(m.stamped()), "YES")
    out = m.well("rotate")
    check(old[0] not in m.names("service") and old[1] not in m.names("host"), out)
    contains(out, f"removed {m.path('keys', 'service', old[0])}: its stamps are past\n")
    check(not os.path.exists(m.path("keys", "host", old[1].replace(".key", ".pub"))), "the other half")
    equal(m.says(m.stamped()), "YES")


def two_machines(case):
    """The service, and a sending host that asks it by a peer section."""
    origin, sender = Machine(case, "origin"), Machine(case, "sender")
    host, service = Key("host"), Key("service")
    known = origin.key_folder("mx", host, "pub")
    origin.write(origin.service(origin.key_folder("service", service), f"""
host "mx.example.org" {{ keys = {{"{known}"}} }}
host "lists.example.net" {{ keys = {{"{Key("host").public_text()}"}} }}"""))
    sender.write(sender.stamp(sender.key_folder("host", host), service.public_text(), f"""
verify {{ authserv_id = "mx.example.org" allow_networks = {{"127.0.0.0/8"}} }}
peer "example.org" {{ address = "127.0.0.1:{origin.port}" }}"""))
    origin.start("verimaild")
    sender.start("verimail-milter")
    sender.port = origin.port
    return origin, sender


def command_in(out):
    """The command line for the other machine."""
    (command,) = re.findall(r"^    verimail (rotate accept .*)$", out, re.M)
    return command.split()


def test_a_host_whose_service_is_elsewhere(case):
    origin, sender = two_machines(case)
    used = sender.stamped()
    done = sender.run("rotate", "host")
    equal(done.status, 75)
    contains(done.out, "On the machine of the service: this host's new key must be known there first")
    command = command_in(done.out)
    equal(command[:3], ["rotate", "accept", "mx.example.org"])
    equal(sender.stamped()[:12], used[:12], "the key before")
    again = sender.run("rotate", "host")
    equal((again.status, command_in(again.out)), (75, command), "the same key")
    out = origin.well(*command)
    contains(out, "verimaild has reloaded\n")
    out = sender.well("rotate", "host")
    contains(out, "the service says YES stamped to a stamp by the new key\n")
    rotated(sender, "host", used[:12])
    equal((sender.says(sender.stamped()), sender.says(used)), ("YES", "YES"))
    origin.well(*command)  # once more
    equal(len(origin.names("mx")), 2)


def test_a_service_whose_hosts_are_elsewhere(case):
    origin, sender = two_machines(case)
    used = sender.stamped()
    out = origin.well("rotate", "service")
    contains(out, "On the machine of mx.example.org: this host should take the service's new key:\n")
    contains(out, "On the machine of lists.example.net: ")
    command = re.search(r"^    verimail (rotate accept service-public:.*)$", out, re.M)[1].split()
    names = origin.names("service")
    out = origin.well("rotate", "service")
    contains(out, "no host uses the newest key yet: no other one is made\n")
    equal(origin.names("service"), names)
    out = sender.well(*command)
    contains(out, f'+    service_key = "{command[-1]}"   # the service\'s\n')
    wait_for(lambda: sender.stamped()[:12] != used[:12], "a stamp for the new key")
    equal((sender.says(sender.stamped()), sender.says(used)), ("YES", "YES"))


def test_a_key_of_a_host_in_the_file(case):
    """Where the section `host` has no folder, its line changes."""
    m = whole_machine(case, start=False)
    with open(m.path("keys/host/2026-01-01T000000.pub"), encoding="ascii") as file:
        public = file.read().strip()
    with open(m.config, encoding="ascii") as file:
        text = file.read()
    m.write(text.replace(f'host "mx.example.org" {{ keys = {{"{m.path("keys/host")}"}} }}',
                         f'host "mx.example.org" {{ keys = "{public}" }} # one'))
    m.start("verimaild")
    m.start("verimail-milter")
    used = m.stamped()
    out = m.well("rotate", "host")
    check(re.search(r'\+host "mx.example.org" { keys = {"host-public:\S+", "' + public + '"} } # one\n',
                    out), out)
    rotated(m, "host", used[:12])
    equal((m.says(m.stamped()), m.says(used)), ("YES", "YES"))


def test_prepare_stops_before_the_key_is_used(case):
    m = whole_machine(case)
    used = m.stamped()[:12]
    contains(m.well("rotate", "host", "--prepare"), "    verimail rotate accept mx.example.org host-public:")
    contains(m.well("rotate", "service", "--prepare"), "to the other services, reload them, and run this")
    equal(m.stamped()[:12], used)
    another_second()
    m.well("rotate")
    rotated(m, "host", used)
    equal((len(glob.glob(m.path("keys/host/*.key"))), len(glob.glob(m.path("keys/service/*.key")))),
          (2, 2))


def test_a_timer_changes_what_needs_nobody(case):
    m = whole_machine(case)
    used = m.stamped()[:12]
    done = m.run("rotate", "--unattended")
    equal((done.status, done.err), (0, ""), done.out)
    rotated(m, "service", used)
    origin, sender = two_machines(case)
    before = (origin.names("service"), sender.names("host"))
    done = origin.run("rotate", "--unattended")
    equal(done.status, 0)
    check(re.search(r'level=alarm event=alarm about=key subject=service because="[^"]+" '
                    r'remedy="verimail rotate service"\n', done.err), done.err)
    done = sender.run("rotate", "--unattended")
    contains(done.err, 'subject=mx.example.org because="the service of this host is on another machine')
    contains(done.err, 'remedy="verimail rotate host"')
    equal((origin.names("service"), sender.names("host")), before)


@pytest.mark.parametrize("arguments, status, error", [
    (("rotate", "what"), 64, "expected nothing, service, host, or accept"),
    (("rotate", "host", "more"), 64, "expected nothing, service, host, or accept"),
    (("rotate", "accept", "service-public:AAAA"), 65, "is not the text of a key"),
    (("rotate", "accept", "mx.example.org", Key("service").public_text()), 65, "expected the text host-public"),
    (("rotate", "accept", Key("host").public_text()), 65, "expected the text service-public"),
    (("rotate", "accept", "other.example", Key("host").public_text()), 78, "no section host of that name"),
])
def test_what_cannot_be_rotated(case, arguments, status, error):
    m = whole_machine(case, start=False)
    before = (m.names("service"), m.names("host"))
    done = m.run(*arguments)
    equal(done.status, status, done.err)
    contains(done.err, error)
    equal((m.names("service"), m.names("host")), before)


def test_keys_that_are_no_folders_and_daemons_that_do_not_run(case):
    m = whole_machine(case, start=False)
    out = m.well("rotate")
    contains(out, "verimaild does not run here by this file: nothing to reload\n")
    equal(len(glob.glob(m.path("keys/host/*.key"))), 2)
    with open(m.config, encoding="ascii") as file:
        text = file.read()
    newest = sorted(glob.glob(m.path("keys/service/*.key")))[-1]
    m.write(text.replace(f'keys = {{"{m.path("keys/service")}"}}', f'keys = {{"{newest}"}}'))
    done = m.run("rotate", "service")
    equal(done.status, 78)
    contains(done.err, "the option keys names no folder: make one (install -d -g ")
    contains(done.err, f"mv {newest} /etc/verimail/keys/service/2026-01-01.key")
