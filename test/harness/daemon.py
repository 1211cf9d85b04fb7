# SPDX-License-Identifier: ISC
"""What the end-to-end tests share: a folder and keys of their own, a verimaild on ports that the
kernel gives, questions over bare sockets, and waiting with a limit."""
import base64
import contextlib
import ctypes
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import nacl.public
import pytest

BUILD = os.environ.get("VERIMAIL_BUILD", "build")
WAIT_LIMIT = 60  # seconds until something that must happen has not; a machine may be busy
ANSWER_LIMIT = 5  # seconds that a client has the patience for
TAIL = 25  # lines of a daemon's log that a failure shows; those about questions are left out


class Failure(AssertionError):
    pass


def check(good, what):
    __tracebackhide__ = True
    if not good:
        raise Failure(what)


def equal(got, want, what=""):
    __tracebackhide__ = True
    if got != want:
        raise Failure(f"{what}: got {got!r}, want {want!r}")


def wait_for(condition, what, limit=WAIT_LIMIT):
    """The condition's first value that is true."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {limit} s in vain for {what}")
        time.sleep(0.01)


# Keys and payloads, by design section 4


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def blake2b(octets):
    return hashlib.blake2b(octets, digest_size=32).digest()


class Key:
    """A key pair of a `host` or of a `service`."""

    def __init__(self, role):
        self.role = role
        self.secret = nacl.public.PrivateKey.generate()
        self.public = self.secret.public_key

    def _text(self, kind, key):
        head = f"{self.role}-{kind}:"
        return head + base64url(key + blake2b(head.encode() + key)[:4])

    def public_text(self):
        return self._text("public", bytes(self.public))

    def secret_text(self):
        return self._text("secret", bytes(self.secret))

    def write(self, path, mode=0o600):
        write_file(path, "# a key\n" + self.secret_text() + "\n", mode)
        return path


def seal(host, service, content):
    """Whatever content, sealed by a host's Key for a service's."""
    key_id = blake2b(bytes(host.public) + bytes(service.public))[:8]
    sealed = nacl.public.Box(host.secret, service.public).encrypt(content.encode())
    return base64url(b"\x01" + key_id + bytes(sealed))


def digest_of(octets):
    return base64url(blake2b(octets))


def write_file(path, content, mode=0o600):
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.chmod(path, mode)


# Questions


def connect(address, source=None, limit=ANSWER_LIMIT):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(limit)
    try:
        if source is not None:
            client.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            client.bind((source, 0))
        client.connect(address)
    except OSError:
        client.close()
        raise
    return client


def read_all(client):
    """Everything up to the other side's end. Raises on a reset and when the limit is over."""
    octets = b""
    while True:
        more = client.recv(65536)
        if not more:
            return octets
        octets += more


def ask(address, question, source=None, half_close=False, limit=ANSWER_LIMIT):
    """The whole answer to a question, which is sent as it is: str or bytes."""
    with connect(address, source, limit) as client:
        client.sendall(question.encode() if isinstance(question, str) else question)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        return read_all(client).decode()


def reset(client):
    """Closes with a reset instead of FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()


class Load:
    """Clients that ask without a pause, each in a thread, until stop() or the case's end.
    `question` is called for each question and returns it with the answers that would be right."""

    def __init__(self, case, addresses, question, threads=4):
        case.loads.append(self)
        self.addresses = list(addresses)
        self.question = question
        self.asked = 0
        self.wrong = []
        self.lost = []
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, i):
        while not self._end.is_set():
            question, wanted = self.question()
            address = self.addresses[i % len(self.addresses)]
            try:
                answer = ask(address, question, limit=20)
            except OSError as error:
                with self._lock:
                    self.lost.append(f"{address}: {error}")
                time.sleep(0.01)
                continue
            with self._lock:
                self.asked += 1
                if not answer:
                    self.lost.append(f"{address}: closed without an answer")
                elif answer not in wanted:
                    self.wrong.append((question, answer, wanted))

    def wait_asked(self, count):
        """Until so many more were answered."""
        target = self.asked + count
        wait_for(lambda: self.asked >= target, f"{count} more answers under load", limit=30)

    def end(self):
        self._end.set()

    def stop(self):
        self.end()
        for thread in self._threads:
            thread.join()


# The daemon

PROGRAMS = {
    "verimaild": "src/verimaild/verimaild",
    "trespass": "test/e2e/verimaild-trespass",
}
READY = 'level=notice event=ready|"level":"notice","event":"ready"'


def process_name(pid):
    """Empty for one that is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


class Daemon:
    """A verimaild that runs. Its configuration is in `config`, its log in `log`."""

    def __init__(self, case, config, program="verimaild", path=None, command=(), env=None,
                 stderr=None, ready=True, **popen):
        suffix = str(len(case.daemons) or "")
        self.config = os.path.join(case.folder, f"verimail{suffix}.conf")
        self.log = os.path.join(case.folder, f"log{suffix}")
        write_file(self.config, config, 0o644)
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), **(env or {})}
        path = path or os.path.abspath(os.path.join(BUILD, PROGRAMS[program]))
        with open(self.log, "ab") as out:
            # Should this process be killed, so is the daemon.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command, path, "-c", self.config],
                stdin=subprocess.DEVNULL, stdout=out, stderr=stderr or out, env=environment,
                **popen)
        self.pid = self.process.pid
        case.daemons.append(self)
        if ready:
            self.wait_log(READY)

    def text(self):
        with open(self.log, "rb") as file:
            return file.read().decode("ascii", "backslashreplace")

    def lines(self, pattern=""):
        return [line for line in self.text().splitlines() if re.search(pattern, line)]

    def count(self, pattern):
        return len(self.lines(pattern))

    def wait_log(self, pattern, count=1, limit=WAIT_LIMIT):
        """The lines that match, as soon as there are so many."""
        def there():
            lines = self.lines(pattern)
            if len(lines) < count and self.process.poll() is not None:
                lines = self.lines(pattern)
                check(len(lines) >= count, f"verimaild ended before it logged {pattern}")
            return len(lines) >= count and lines
        return wait_for(there, f"{count} x {pattern} in the log", limit)

    def addresses(self):
        """Where it listens since its last start or reload, in the configuration's order."""
        found = []
        for line in self.text().splitlines():
            match = re.search(r"level=notice event=listening address=(\S+)|"
                              r'"level":"notice","event":"listening","address":"([^"]+)"', line)
            if match:
                host, port = (match[1] or match[2]).rsplit(":", 1)
                found.append((host.strip("[]"), int(port)))
            elif re.search(READY, line):
                last, found = found, []
        return last

    @property
    def address(self):
        return self.addresses()[0]

    def ask(self, question, **how):
        return ask(self.address, question, **how)

    def reload(self, config=None, wanted="event=reloaded"):
        if config is not None:
            write_file(self.config, config)
        before = self.count(wanted)
        os.kill(self.pid, signal.SIGHUP)
        return self.wait_log(wanted, before + 1)[-1]

    def _children(self, wanted):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split() if wanted(process_name(pid))]

    def workers(self):
        return self._children(lambda name: name not in ("verimail-record", ""))

    def recorders(self):
        return self._children(lambda name: name == "verimail-record")

    def wait_workers(self, count, without=()):
        """As many workers, none of which is one of those."""
        def there():
            pids = self.workers()
            return len(pids) == count and not set(pids) & set(without) and pids
        return wait_for(there, f"{count} workers")

    def stop(self, signum=signal.SIGTERM, limit=WAIT_LIMIT):
        """The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"verimaild still runs {limit} s after signal {signum}") from error

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class World:
    """A domain with a service key, a sending host and users: what most cases need."""

    def __init__(self, folder):
        self.folder = folder
        self.service = Key("service")
        self.host = Key("host")
        self.service_path = self.service.write(os.path.join(folder, "service.key"))
        self.state = os.path.join(folder, "state")
        os.makedirs(self.state, exist_ok=True)
        if os.geteuid() == 0:  # what workers make in there they make as nobody
            os.chmod(folder, 0o711)
            os.chown(self.state, 65534, 65534)

    def config(self, service="", domain=None, more="", listen=('"127.0.0.1:0"',), keys=None,
               host_keys=None, workers=2, run_as="nobody", replay='"none"', events='"none"'):
        keys = keys or [self.service_path]
        host_keys = host_keys or [self.host.public_text()]
        domain = USERS if domain is None else domain
        return f"""service {{
    listen = {{{", ".join(listen)}}}
    run_as = "{run_as}"
    state = "{self.state}"
    keys = {{{", ".join(f'"{key}"' for key in keys)}}}
    replay = {replay}
    events = {events}
    workers = {workers}
    {service}
}}
host "mail.example.org" {{ keys = {{{", ".join(f'"{key}"' for key in host_keys)}}} }}
domain "example.org" {{
    default = true
    hosts = {{"mail.example.org"}}
    {domain}
}}
{more}
"""

    def payload(self, user="alice@example.org", receiving="example.net:1", issued=None, digest="-",
                sending="mail.example.org", host=None, service=None):
        issued = int(time.time()) if issued is None else issued
        return seal(host or self.host, service or self.service,
                    f"{sending} {receiving} {issued} {user} {digest}")

    def question(self, user="alice@example.org", names=" rcpt=example.net", **payload):
        return f"{user} {self.payload(user=user, **payload)}{names}\r\n"


USERS = """
    user "alice" { }
    user "bob" { allow_unauthorized = true }
    user "*" { hosts = {} }
"""


# Cases


@contextlib.contextmanager
def root_folder(parent=None):
    """A folder for the folders of cases."""
    folder = tempfile.mkdtemp(prefix="verimail-e2e-", dir=parent)
    os.chmod(folder, 0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Case:
    def __init__(self, root, name):
        self.folder = tempfile.mkdtemp(prefix=re.sub(r"\W+", "-", name)[:16] + "-", dir=root)
        self.daemons = []
        self.processes = []  # others that end with the case
        self.servers = []  # threads of ours, with a stop()
        self.loads = []
        self.world = World(self.folder)

    def tails(self):
        """What each daemon logged last: pairs of its name and lines."""
        return [(f"log of pid {daemon.pid}", daemon.lines("^(?!.*event=question )")[-TAIL:])
                for daemon in self.daemons]

    def daemon(self, config=None, **how):
        return Daemon(self, self.world.config() if config is None else config, **how)

    def end(self):
        for load in self.loads:
            load.end()
        for server in self.servers:
            server.stop()
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for daemon in self.daemons:
            daemon.kill()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("only root may do this")


def log_value(line, name):
    """The value of a name in a line of the text or JSON log; None if it is not there."""
    if line.startswith("{"):
        return json.loads(line).get(name)
    match = re.search(rf'(?:^| ){name}=("(?:[^"\\]|\\.)*"|\S*)', line)
    return match[1].strip('"') if match else None


# Name spaces


def apart(test):
    """Runs a test in a thread of its own, with which the name spaces end that it makes."""
    @functools.wraps(test)
    def run(*arguments, **named):
        raised = []

        def collect():
            try:
                test(*arguments, **named)
            except BaseException as error:  # a skip is none of the others
                raised.append(error)
        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]
    return run


def unshare(kind, what):
    """This thread gets a name space of its own. Skips where it may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(kind) != 0:
        pytest.skip(f"no {what} of its own: " + os.strerror(ctypes.get_errno()))


def unshare_network():
    """A network of this thread's own and of all that it starts, with a loopback only."""
    unshare(0x40000000, "network")  # CLONE_NEWNET
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def unshare_mounts():
    """What this thread mounts is not seen by others."""
    unshare(0x00020000, "mounts")  # CLONE_NEWNS
