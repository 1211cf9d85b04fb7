#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Real mail between two real mail servers, step by step, and a table of what came of it. Run by
./demo in the repository's root."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from harness.addresses import needs_mail_servers
from harness.case import Case
from harness.checks import wait_for
from harness.daemon import BUILD
from harness.mailsite import Site, results_of
from harness.message import message, send, submit

VERIMAIL = os.path.join(BUILD, "src/command/verimail")
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
ROWS = []


def say(text):
    print(f"\n{BOLD}# {text}{PLAIN}", flush=True)


def show(text, limit=150):
    for line in text.splitlines():
        print("    " + (line if len(line) <= limit else line[:limit - 3] + "..."), flush=True)


def without_payload(text):
    """A stamp's payload is long, and nobody but the origin can read it."""
    return re.sub(r"(Verimail: \S+ \S{20})[^\n]*(\n [A-Za-z0-9_-]+)+", r"\1...", text)


class Logs:
    """What the daemons said since the last look."""

    def __init__(self, site):
        self.daemons = {"origin milter": site.origin_milter, "receiver milter": site.receiver_milter,
                        "third milter": site.third_milter, "verimaild": site.service}
        self.seen = {}

    def show(self):
        # verimaild writes its lines a moment later.
        asked = sum(daemon.count("by=answer") for daemon in self.daemons.values())
        wait_for(lambda: self.daemons["verimaild"].count("event=question") >= asked, "its log")
        for name, daemon in self.daemons.items():
            lines = daemon.lines("event=(stamped|not-stamped|verified|question)")
            for line in lines[self.seen.get(name, 0):]:
                line = re.sub(r"^time=\S+ level=\S+ ", "", line)
                for part in textwrap.wrap(line, 78):
                    print(f"    {name:<16}{part}", flush=True)
                    name = ""
            self.seen[name] = len(lines)
        for name, daemon in self.daemons.items():
            self.seen[name] = len(daemon.lines("event=(stamped|not-stamped|verified|question)"))


def note(what, reply, came, wanted):
    """A row of the table."""
    good = came == wanted
    ROWS.append((what, reply, came or "no field: untouched", good))
    if not good:
        print(f"    WRONG     expected: {wanted or 'no field'}")


def delivered(server, subject, name):
    mail = server.wait_mail(subject)
    results = results_of(mail, name)
    show("\n".join(f"Authentication-Results: mx.{name}.test; {r}" for r in results) or
         "delivered as it was, without a field of ours")
    return " ".join(results)


def stamped(mail):
    """A delivered message as it left its server."""
    return mail[mail.index(b"Verimail:"):].replace(b"\n", b"\r\n")


def genuine(site, logs):
    say("alice's mail program sends to bob@receiver.test; her server stamps, his asks and believes")
    code, _ = submit(site.origin, message(subject="genuine"))
    mail = site.receiver.wait_mail("genuine")
    show(without_payload(mail[mail.index(b"Authentication-Results:"):].decode()))
    logs.show()
    note("genuine", code, " ".join(results_of(mail)), "verimail=pass header.from=alice@origin.test")
    return mail


def forged(site, logs):
    say("somebody else sends in her name")
    code, text = send(site.receiver, message(subject="forged"))
    show(f"{code} {text}")
    logs.show()
    note("forged", code, "rejected" if (code, text[:5]) == (550, "5.7.1") else "accepted", "rejected")


def redirected(site, logs):
    say("alice writes to an address at receiver.test that forwards to third.test")
    code, _ = submit(site.origin, message(subject="forwarded"), to=["forward@receiver.test"])
    came = delivered(site.third, "forwarded", "third")
    logs.show()
    note("forwarded", code, came, 'verimail=neutral reason="redirected" header.from=origin.test')


def changed(site, logs, mail):
    say("a mailing list takes the first message, adds a footer, and sends it on")
    listed = stamped(mail).replace(b"Subject: genuine", b"Subject: [list] genuine")
    listed += b"-- \r\nthe list\r\n"
    code, _ = send(site.receiver, listed, sender="list@lists.test")
    came = delivered(site.receiver, "[list] genuine", "receiver")
    logs.show()
    note("mailing list", code, came, 'verimail=neutral reason="changed" header.from=origin.test')


def replayed(site, logs, mail):
    say("somebody sends alice's first message to bob again and again: a stamp is good for four looks\n"
        "  by each recipient's server, and one was taken when it came")
    for _ in range(4):
        code, _ = send(site.receiver, stamped(mail), sender="eve@elsewhere.test")
    came = [" ".join(results_of(copy)) for copy in site.receiver.wait_mail("genuine", count=5)]
    show("\n".join(f"Authentication-Results: mx.receiver.test; {result}" for result in came))
    logs.show()
    again = [result for result in came if "pass" not in result]
    note("sent too often", code, " ".join(again),
         'verimail=neutral reason="replayed" header.from=origin.test')


def revoked(site, logs):
    say("the password of temp@origin.test is stolen: one command, and stamps that were already made\n"
        "  are refused")
    submit(site.origin, message("temp@origin.test", "stolen"), sender="temp@origin.test")
    mail = site.receiver.wait_mail("stolen")
    show("before: " + " ".join(results_of(mail)))
    command = [VERIMAIL, "table", "set", site.table, "temp@origin.test", "hosts="]
    show("$ verimail " + " ".join(["table", "set", "users", *command[4:]]))
    subprocess.run(command, check=True)
    code, text = send(site.receiver, stamped(mail), sender="temp@origin.test")
    show(f"{code} {text}")
    logs.show()
    note("revoked user", code, "rejected" if (code, text[:5]) == (550, "5.7.1") else "accepted", "rejected")


def stranger(site, logs):
    say("mail from a domain that knows nothing of Verimail")
    code, _ = send(site.receiver, message("eve@elsewhere.test", "other"), sender="eve@elsewhere.test")
    came = delivered(site.receiver, "other", "receiver")
    logs.show()
    note("no Verimail there", code, came, "")


def down(site, logs):
    say("the service of origin.test is down: mail goes through, and says so")
    site.service.stop()
    code, _ = submit(site.origin, message(subject="down"))
    came = delivered(site.receiver, "down", "receiver")
    logs.show()
    note("service down", code, came, "verimail=temperror header.from=origin.test")


def report(site):
    say("what the operator of origin.test sees: verimail report")
    command = [VERIMAIL, "-c", site.service.config, "report", "--since", "1h"]
    wait_for(lambda: "replayed" in subprocess.run(command, check=True, capture_output=True,
                                                  text=True).stdout, "the record of events")
    show(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def set_up(case):
    say("origin.test and receiver.test (and third.test): a Postfix and a verimail-milter each, on "
        "addresses\n  of loopback; verimaild for origin.test; a DNS server with its SRV record")
    site = Site(case, service=False)
    site.table = os.path.join(site.state, "users")
    site.options = ""
    site.users = f'''
    users = "lmdb:{site.table}"
    user "alice" {{ }}
    user "*" {{ hosts = {{}} }}'''
    subprocess.run([VERIMAIL, "table", "build", site.table], input=b"temp@origin.test\n", check=True)
    site.start_service()
    site.origin_milter = site.milter("origin")
    site.receiver_milter = site.milter("receiver")
    site.third_milter = site.milter("third")
    site.origin = site.postfix("origin")
    site.receiver = site.postfix("receiver", aliases={"forward@receiver.test": "carol@third.test"})
    site.third = site.postfix("third")
    show("_verimail._tcp.origin.test. SRV 0 0 26 verimail.origin.test.\n")
    for name, daemon in (("verimaild", site.service), ("origin's milter", site.origin_milter),
                         ("receiver's milter", site.receiver_milter)):
        with open(daemon.config, encoding="utf-8") as file:
            show(f"# {name}\n" + re.sub(r'"(\w+-public:\w{6})[^"]*"', r'"\1..."', file.read().strip()))
    return site


def print_table():
    say("what was sent, and what came out")
    print(f"    {'message':<19}{'reply':<7}what the receiver saw")
    for what, reply, came, good in ROWS:
        print(f"    {what:<19}{reply:<7}{came}{'' if good else '   WRONG'}")


def run(root):
    case = Case(root, "demo")
    try:
        site = set_up(case)
        logs = Logs(site)
        mail = genuine(site, logs)
        forged(site, logs)
        redirected(site, logs)
        changed(site, logs, mail)
        replayed(site, logs, mail)
        revoked(site, logs)
        stranger(site, logs)
        report(site)
        down(site, logs)
    finally:
        case.end()
    print_table()
    wrong = sum(not good for *_, good in ROWS)
    print("\ndemo: " + (f"{wrong} wrong" if wrong else "everything came out as it should"))
    return wrong


def main():
    needs_mail_servers()
    root = tempfile.mkdtemp(prefix="verimail-demo-")
    try:
        status = run(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(min(status, 1))


if __name__ == "__main__":
    main()
