# SPDX-License-Identifier: ISC
"""All that the benchmark knows about Verimail's programs: keys, configuration, questions, start."""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import time

DOMAIN = "example.org"
HOST = "mail.example.org"
RECEIVER = "receiver.example"
CLASSIC_TEXT = f"{HOST} {RECEIVER} 1234"
SENDERS_MAX = 64  # different users that ask, spread evenly over those configured
START_SECONDS = 60
DIGESTED = ("from sender reply-to mail-followup-to mail-reply-to to cc subject date message-id in-reply-to "
            "references mime-version content-type content-transfer-encoding content-disposition content-id "
            "content-location list-post list-unsubscribe list-unsubscribe-post disposition-notification-to "
            "autocrypt resent-from resent-sender").split()


def find_program(build, name):
    """The program's path in the build folder, at any depth; None if it is not there."""
    for path in [build / name, *sorted(build.rglob(name))]:
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def output_of(*command, text=None):
    """What the command prints, as octets; a failure raises with the command's own words."""
    done = subprocess.run([str(word) for word in command], input=text, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.decode().strip()}")
    return done.stdout


def digest(fields, body):
    """The digest (design, section 5) of a message with each field once, and no white space that is dropped."""
    text = ""
    for name in DIGESTED:
        text += f"{name}:{int(name in fields)}\r\n"
        if name in fields:
            text += f"{name}:{fields[name]}\r\n"
    octets = hashlib.blake2b((text + "\r\n" + body).encode(), digest_size=32).digest()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Site:
    """One domain: its keys, and the configurations and questions made with them, in one folder."""

    def __init__(self, build, folder):
        self.folder = pathlib.Path(folder)
        self.verimail = find_program(build, "verimail")
        self.daemon = find_program(build, "verimaild-unrationed")
        if not self.verimail or not self.daemon:
            raise RuntimeError(f"{build}: no verimail and verimaild-unrationed there: build with -Dbench=true")
        self.service_public = self.keygen("service")
        self.host_public = self.keygen("host")
        self.keygen("classic")
        self.stamp_config = self.write("stamp.conf", f"""
stamp {{
    host        = "{HOST}"
    key         = "{self.folder}/host.key"
    service_key = "{self.service_public}"
    domains     = {{"{DOMAIN}"}}
}}
""")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def keygen(self, kind):
        """Makes KIND.key and returns the public half."""
        printed = output_of(self.verimail, "keygen", kind, self.folder / f"{kind}.key", "--json")
        return json.loads(printed)["public"]

    def users(self, count):
        return ["alice"] + [f"user{number:05}" for number in range(1, count)]

    def senders(self, count):
        users = self.users(count)
        return users[::max(1, -(-len(users) // SENDERS_MAX))]

    def config(self, users, workers, state=None, replay="none", record="none"):
        """With so many users in it."""
        rules = [f'user "{user}" {{ }}' for user in self.users(users)]
        return self.write(f"verimail-{users}-{workers}.conf",
                          self.config_text(workers, state or self.folder, replay, record, rules))

    def config_of_table(self, table, workers):
        """With the users in a table."""
        rules = [f'users = "lmdb:{table}"']
        return self.write(f"verimail-{table.parent.name}-{workers}.conf",
                          self.config_text(workers, self.folder, "none", "none", rules))

    def config_text(self, workers, state, replay, record, rules):
        rules = "\n    ".join(rules)
        return f"""
service {{
    listen = {{"127.0.0.1:0"}}
    run_as = "nobody"
    state = "{state}"
    workers = {workers}
    keys = {{"{self.folder}/service.key"}}
    replay = "{replay}"
    connections_per_address = 20000
    connections = 20000
}}
record {{ store = "{record}" }}
host "{HOST}" {{ keys = {{"{self.host_public}"}} }}
domain "{DOMAIN}" {{
    default = true
    hosts = {{"{HOST}"}}
    classic_key = "{self.folder}/classic.key"
    {rules}
    user "*" {{ hosts = {{}} }}
}}
"""

    def stamped_question(self, user):
        """What a verifier asks about a stamped message: with rcpt=, digest= and ip=."""
        fields = {
            "from": f"{user}@{DOMAIN}",
            "to": f"bob@{RECEIVER}",
            "subject": "The weather",
            "date": "Mon,01 Jan 2024 12:00:00+0000",
            "message-id": f"<1@{HOST}>",
        }
        body = "It rains.\r\n"
        head = "".join(f"{name.title()}: {value}\r\n" for name, value in fields.items())
        stamped = output_of(self.verimail, "-c", self.stamp_config, "stamp", "--to", RECEIVER,
                            text=f"{head}\r\n{body}".encode()).decode()
        unfolded = re.sub(r"\r?\n[ \t]+", " ", stamped)
        stamped_user, payload = re.search(r"^Verimail:\s*(\S+) (.*)", unfolded, re.M).groups()
        return (f"{stamped_user} {''.join(payload.split())} rcpt={RECEIVER}"
                f" digest={digest(fields, body)} ip=192.0.2.1")

    def classic_question(self, user):
        """What a 2013 client asks: no names, so that the answer is as bare as then."""
        public = self.folder / "classic.pub"
        output_of("openssl", "pkey", "-in", self.folder / "classic.key", "-pubout", "-out", public)
        sealed = output_of("openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", public,
                           "-pkeyopt", "rsa_padding_mode:oaep", text=CLASSIC_TEXT.encode())
        return f"{user}@{DOMAIN} {sealed.hex()}"

    def questions(self, kind, users):
        """A file of questions of one kind: sealed (wants YES), unstamped (NO), classic (YES)."""
        asked = {
            "sealed": self.stamped_question,
            "unstamped": lambda user: f"{user}@{DOMAIN} -",
            "classic": self.classic_question,
        }[kind]
        lines = [asked(user) for user in self.senders(users)]
        return self.write(f"{kind}-{users}.txt", "\n".join(lines) + "\n")


def start(site, config):
    """Starts verimaild and returns (process, port) when it says that it is ready."""
    log_path = site.folder / "verimaild.log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen([str(site.daemon), "-c", str(config)], stderr=log,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        log = log_path.read_text(errors="replace")
        port = re.search(r"\blistening\b.*\baddress=127\.0\.0\.1:(\d+)", log)
        if port and re.search(r"\bready\b", log):
            return process, int(port.group(1))
        time.sleep(0.01)
    process.kill()
    process.wait()
    raise RuntimeError(f"verimaild did not become ready; it said:\n{log_path.read_text()}")
