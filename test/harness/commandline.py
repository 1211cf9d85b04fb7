# SPDX-License-Identifier: ISC
"""What the tests of the command line share: a folder with keys and a configuration, the program in
it."""
import base64
import ctypes
import ctypes.util
import email
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD

ALICE = b"From: Alice <alice@example.org>\r\nTo: x@example.net\r\nSubject: hi\r\n\r\nbody\r\n"


# The program, and a folder with keys and a configuration


class Ended:
    def __init__(self, status, out, err):
        self.status, self.octets, self.err = status, out, err

    @property
    def out(self):
        return self.octets.decode("ascii")

    @property
    def json(self):
        return json.loads(self.octets)


def build_table(path, rows):
    done = subprocess.run([os.path.join(BUILD, "src/command/verimail"), "table", "build", path],
                          input=rows, capture_output=True, text=True, check=False,
                          timeout=WAIT_LIMIT)
    equal((done.returncode, done.stderr), (0, ""), "verimail table build")


class CommandLine:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="verimail-command-")
        os.chmod(self.folder, 0o755)
        self.program = self.path("verimail")
        shutil.copy(os.path.join(BUILD, "src/command/verimail"), self.program)
        self.service_public = self.make_key("service")
        self.host_public = self.make_key("host")
        self.make_key("classic")
        self.configure()

    def end(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content, mode=0o600):
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def run(self, *arguments, given=b"", config="v.conf", **how):
        """Standard output is looked at unless it is put elsewhere."""
        before = ["-c", self.path(config)] if config else []
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": WAIT_LIMIT, **how}
        if "stdin" not in how:
            how["input"] = given
        done = subprocess.run([self.program, *before, *arguments], check=False, cwd=self.folder,
                              **how)
        return Ended(done.returncode, done.stdout, (done.stderr or b"").decode("ascii"))

    def make_key(self, kind):
        done = self.run("keygen", kind, f"{kind}.key", "--json", config=None)
        equal(done.status, 0, done.err)
        return done.json["public"]

    def new_public(self, kind):
        """The public half of a key that nobody keeps."""
        done = self.run("keygen", kind, "kept.key", "--json", config=None)
        os.unlink(self.path("kept.key"))
        return done.json["public"]

    def config(self, host="mail.example.org", domain="", stamp="", key="host.key",
               public=None, service='replay = "none"'):
        return f"""
service {{ keys = {{"{self.path('service.key')}"}} {service} }}
host "{host}" {{ keys = {{"{public or self.host_public}"}} }}
domain "example.org" {{
    default = true
    hosts = {{"{host}"}}
    {domain}
    user "alice" {{ }}
    user "bob" {{ allow_unauthorized = true }}
    user "*" {{ hosts = {{}} }}
}}
stamp {{
    host = "mail.example.org"
    key = "{self.path(key)}"
    service_key = "{self.service_public}"
    domains = {{"example.org"}}
    {stamp}
}}
"""

    def configure(self, name="v.conf", **how):
        self.write(name, self.config(**how), 0o644)
        return name

    def stamped(self, message=ALICE, *arguments):
        done = self.run("stamp", *arguments, given=message)
        equal((done.status, done.err), (0, ""), "stamp")
        return done.octets

    def payload(self, *arguments):
        return payload_of(self.stamped(ALICE, *arguments))


def payload_of(message):
    value = email.message_from_bytes(message)["Verimail"]
    return "".join(value.split()[1:])


def one_line(ended):
    check(re.fullmatch(r"[^\n]+\n", ended.err), f"not one line: {ended.err!r}")
    return ended.err


# Keys


def raw_key(text):
    return base64.urlsafe_b64decode(text.split(":")[1] + "==")[:32]


def secret_line(path):
    with open(path, encoding="ascii") as file:
        return [line for line in file.read().splitlines() if not line.startswith("#")][0]


def sodium():
    return ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")


def public_of(path):
    """What libsodium makes of a key file, in the form that design section 4 gives."""
    line = secret_line(path)
    public = ctypes.create_string_buffer(32)
    sodium().crypto_scalarmult_base(public, raw_key(line))
    kind = line.split("-")[0] + "-public:"
    sum_of = hashlib.blake2b(kind.encode() + public.raw, digest_size=32).digest()[:4]
    return kind + base64.urlsafe_b64encode(public.raw + sum_of).decode().rstrip("=")
