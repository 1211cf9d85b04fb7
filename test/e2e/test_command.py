# SPDX-License-Identifier: ISC
"""The command line: its help, keygen, config."""
import os
import re
import stat
import time

import pytest

from harness.checks import check, contains, equal
from harness.commandline import one_line, public_of, secret_line


def test_help_is_printed_in_every_way(verimail):
    overview = verimail.run(config=None)
    equal(overview.status, 0)
    names = re.findall(r"^  (\w+) ", overview.out, re.M)
    contains(overview.out, "Exit status: 0 YES")
    equal(names, ["setup", "enforce", "dns", "doctor", "keygen", "rotate", "stamp", "digest", "check", "ask", "explain",
                  "why", "revoke", "restore", "config", "table", "report", "watch", "help"])
    for arguments in (["help"], ["--help"], ["-h"], ["help", "help"]):
        equal(verimail.run(*arguments, config=None).out, overview.out, str(arguments))
    for name in names[:-1]:
        first = verimail.run("help", name, config=None)
        equal(first.status, 0)
        contains(first.out, f"usage: verimail [-c FILE] {name} ")
        check("Exit status" not in first.out, "states in the help of a command")
        equal(verimail.run(name, "--help", config=None).out, first.out, name)
        equal(verimail.run(name, "what", "--help").out, first.out, name)
    check(verimail.run("--version", config=None).out.startswith("verimail "), "version")


def test_a_configuration_is_named_in_every_way(verimail):
    path = verimail.path("v.conf")
    for arguments in (["-c", path], ["-c" + path], ["--config", path], ["--config=" + path]):
        done = verimail.run(*arguments, "config", config=None)
        equal((done.status, done.err), (0, ""), str(arguments))
    if not os.path.exists("/etc/verimail/verimail.conf"):
        done = verimail.run("config", config=None)
        contains(done.err, "/etc/verimail/verimail.conf: cannot be read")


@pytest.mark.parametrize("arguments", [
    ["what"],
    ["help", "what"],
    ["--what"],
    ["-x"],
    ["-c"],
    ["--config"],
    ["-c", "v.conf", "-x", "config"],
    ["--help=x"],
    ["keygen"],
    ["keygen", "host"],
    ["keygen", "what", "file"],
    ["keygen", "host", "a", "b"],
    ["stamp", "--what"],
    ["stamp", "operand"],
    ["stamp", "--from"],
    ["ask", "a@b.c"],
    ["ask", "--server", "h:0", "a@b.c", "-"],
    ["ask", "--server", "::1", "a@b.c", "-"],
    ["ask", "--server", "h:1", "a@b.c"],
    ["explain", "-"],
    ["explain", "--at", "now", "--user", "a@b.c", "-"],
    ["explain", "--at", "-1", "--user", "a@b.c", "-"],
    ["config", "operand"]
])
def test_a_wrong_command_line_is_64(verimail, arguments):
    done = verimail.run(*arguments, config=None)
    equal((done.status, done.octets), (64, b""), str(arguments))
    one_line(done)


def unescaped(value):
    octets = {"r": b"\r", "n": b"\n", "t": b"\t", "s": b" ", "\\": b"\\"}
    return b"".join(
        bytes.fromhex(part[2:]) if part[1:2] == "x" and part[0] == "\\" else
        octets[part[1]] if part[0] == "\\" else part.encode()
        for part in re.findall(r"\\x[0-9a-fA-F]{2}|\\.|[^\\]", value))


def test_a_digest_is_the_one_of_the_vectors(verimail):
    path = os.path.join(os.path.dirname(__file__), "..", "vectors", "digests.txt")
    with open(path, encoding="ascii") as vectors:
        records = vectors.read().split("\n\n")
    done = 0
    for record in records:
        fields = dict(re.findall(r"^(\w+) = ?(.*)$", record, re.M))
        if "message" in fields and "digest" in fields:
            got = verimail.run("digest", given=unescaped(fields["message"]), config=None)
            equal((got.status, got.out), (0, fields["digest"] + "\n"), fields["name"])
            done += 1
    check(done >= 20, f"{done} digests")


def test_what_is_no_message_has_no_digest(verimail):
    done = verimail.run("digest", given=b"a mailbox\n\nx\n", config=None)
    equal((done.status, done.out), (65, ""))
    contains(one_line(done) or done.err, "line 1")
    equal(verimail.run("digest", "operand", config=None).status, 64)


def test_no_control_octet_reaches_the_terminal(verimail):
    evil = "\x1b[2J\x07\x7f"
    verimail.write("evil.conf", "\x1b[2J { }\n", 0o644)
    for arguments in ([evil], ["--" + evil], ["help", evil], ["stamp", "--" + evil],
                      ["keygen", evil, "x"], ["keygen", "host", "/no/" + evil],
                      ["ask", "--server", evil, "a", "-"], ["explain", "--user", evil, "-"],
                      ["ask", "--server", "h:1", evil, "-"], ["stamp", "--from", evil],
                      ["stamp", "--to", evil], ["-c", "evil.conf", "config"],
                      ["-c", "/no/" + evil, "config"]):
        done = verimail.run(*arguments, config=None)
        check(done.status not in (0, 1, 2), str(arguments))
        check(re.fullmatch(r"[\n -~]+", done.err + done.out), f"{arguments}: {done.err!r}")


# keygen


def test_keygen_writes_for_its_owner_alone(verimail):
    for kind in ("service", "host", "classic"):
        done = verimail.run("keygen", kind, f"new-{kind}", umask=0)
        equal(done.status, 0, done.err)
        path = verimail.path(f"new-{kind}")
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, kind)
        contains(done.out, f'"{path}"')
        with open(path, encoding="ascii") as file:
            lines = file.read().splitlines()
        if kind == "classic":
            contains(done.out, "-----BEGIN PUBLIC KEY-----")
            equal(lines[0], "-----BEGIN PRIVATE KEY-----")
            continue
        secrets = [line for line in lines if not line.startswith("#")]
        equal(len(secrets), 1)
        check(secrets[0].startswith(f"{kind}-secret:"), secrets[0])
        check(secrets[0] not in done.out, "the secret was printed")
        public = re.search(rf'"({kind}-public:[\w-]+)"', done.out)[1]
        check(any(public in line for line in lines if line.startswith("#")), "no public key")
        equal(public_of(path), public, kind)


@pytest.mark.parametrize("kind", ["service", "host"])
def test_keygen_names_what_it_writes_into_a_folder(verimail, kind):
    folder = verimail.path(f"keys-{kind}")
    os.mkdir(folder, 0o750)
    done = verimail.run("keygen", kind, folder, umask=0)
    equal(done.status, 0, done.err)
    names = sorted(os.listdir(folder))
    equal(len(names), 2, names)
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}\.key", names[0]), names[0])
    equal(names[1], names[0].replace(".key", ".pub"))
    paths = [os.path.join(folder, name) for name in names]
    equal([stat.S_IMODE(os.stat(path).st_mode) for path in paths], [0o640, 0o644])
    equal({os.stat(path).st_gid for path in paths}, {os.stat(folder).st_gid})
    contains(done.out, f'{{"{folder}"}}' if kind == "service" else f'key = "{folder}"')
    with open(paths[1], encoding="ascii") as file:
        equal(file.read().splitlines()[-1], public_of(paths[0]), "the public half")


def test_keygen_into_a_folder_says_both_names(verimail):
    for kind, public in (("classic", False), ("host", True)):
        folder = verimail.path(f"json-{kind}")
        os.mkdir(folder, 0o700)
        done = verimail.run("keygen", kind, folder + "/", "--json").json
        equal(os.path.dirname(done["file"]), folder)
        equal(done.get("public_file"), done["file"].replace(".key", ".pub") if public else None)


def test_keygen_never_writes_over_a_file(verimail):
    for content in (b"", b"something"):
        path = verimail.write("taken", content)
        done = verimail.run("keygen", "host", "taken")
        equal((done.status, done.octets), (73, b""))
        contains(one_line(done), "is there already")
        with open(path, "rb") as file:
            equal(file.read(), content)
    os.symlink(verimail.path("nowhere"), verimail.path("link"))
    equal(verimail.run("keygen", "host", "link").status, 73)
    check(not os.path.lexists(verimail.path("nowhere")), "went through a symbolic link")


def test_keygen_that_cannot_write_says_so(verimail):
    for path, why in (("/nonexistent/key", "No such file"), ("/dev/null", "already")):
        done = verimail.run("keygen", "service", path)
        equal(done.status, 73)
        contains(one_line(done), why)


def test_keygen_takes_any_name(verimail):
    done = verimail.run("keygen", "host", b"a\xff\x1b \"b", "--json")
    equal((done.status, done.json["file"]), (0, verimail.path('a\\xff\\x1b "b')))
    done = verimail.run("keygen", "host", b"c\xff\x1b \"d")
    equal(done.status, 0)
    contains(done.out, 'c\\xff\\x1b \\"d"')


def test_keygen_says_how_long_an_older_key_stays(verimail):
    for domain, lifetime in (("", 7 * 86400), ("lifetime = 30d", 30 * 86400)):
        verimail.configure("life.conf", domain=domain)
        before = int(time.time())
        name = f"life-{lifetime}"
        done = verimail.run("keygen", "host", name, "--json", config="life.conf")
        after = int(time.time())
        until = done.json["keep_older_until"]
        check(before + lifetime + 300 <= until <= after + lifetime + 300, str(until))
        equal(sorted(done.json), ["file", "keep_older_until", "kind", "public"])
        equal((done.json["kind"], done.json["file"]), ("host", verimail.path(name)))
    done = verimail.run("keygen", "host", "life-none", "--json", config="none.conf")
    check(done.json["keep_older_until"] <= time.time() + 7 * 86400 + 300, "no configuration")
    # One that cannot be read may say anything: there is no date.
    verimail.write("broken.conf", "service { what = 1 }")
    done = verimail.run("keygen", "host", "broken.key", "--json", config="broken.conf")
    equal((done.status, done.json["keep_older_until"]), (0, None))
    done = verimail.run("keygen", "service", "broken2.key", config="broken.conf")
    contains(done.out, "for the longest `lifetime` of a domain")
    check("until" not in done.out, done.out)
    done = verimail.run("keygen", "host", "life-text", config="life.conf")
    contains(done.out, 'host "mail.example.org" { keys = {"host-public:')
    contains(done.out, time.strftime("until %Y-%m-", time.gmtime(time.time() + 30 * 86400 + 300)))


# config


def test_config_prints_what_it_reads(verimail):
    verimail.write("full.conf", verimail.config(domain="lifetime = 36h ttl = 90s subdomains = off",
                                                host="MAIL.Example.org") +
                   'domain "Bücher.example" { hosts = {"mail.example.org"} user "a\\"b\\\\" { }\n'
                   "user 'x${y}' { more_hosts = {\"mail.example.org\"} } }\n", 0o644)
    first = verimail.run("config", config="full.conf")
    equal((first.status, first.err), (0, ""))
    verimail.write("printed.conf", first.octets, 0o644)
    second = verimail.run("config", config="printed.conf")
    equal((second.status, second.out), (0, first.out), second.err)
    one = verimail.run("config", "--json", config="full.conf").json
    equal(verimail.run("config", "--json", config="printed.conf").json, one)
    domain = one["domain"]["example.org"]
    equal((domain["lifetime"], domain["ttl"], domain["subdomains"]), (129600, 90, False))
    equal(domain["user"]["*"]["hosts"], [])
    equal(domain["user"]["alice"]["hosts"], None)
    equal(one["host"]["mail.example.org"]["keys"], [verimail.host_public])
    equal(sorted(one["domain"]["xn--bcher-kva.example"]["user"]), ['a"b\\', "x${y}"])
    equal((one["service"]["listen"], one["service"]["workers"]), (["*:26"], None))
    contains(first.out, "lifetime = 36h\n")
    contains(first.out, "ttl = 90s\n")
    contains(first.out, "# workers is not set\n")
    for name in ("host.key", "service.key"):
        check(secret_line(verimail.path(name)) not in first.out, "a secret was printed")


VERIFY = '''
verify {
    authserv_id = "MX.Bücher.example"
    budget_per_domain = 1200
    send_ip = off
    trust_anchors = {}
    allow_networks = {"10.0.0.0/8", "::1"}
}
milter {
    socket = "unix:/run/m y"
    socket_mode = 600
    trusted_networks = {}
    logins = "/etc/verimail/logins"
}
'''


def test_config_prints_verify_and_milter(verimail):
    verimail.write("receiver.conf", VERIFY, 0o644)
    first = verimail.run("config", config="receiver.conf")
    equal((first.status, first.err), (0, ""))
    for line in ("budget_per_domain = 1200", "send_ip = false", "trust_anchors = {}", "socket_mode = 0600",
                 'allow_networks = {"10.0.0.0/8", "::1"}', "trusted_networks = {}",
                 "# resolver is not set", "# socket_group is not set", 'on_no = "reject"',
                 'authserv_id = "mx.xn--bcher-kva.example"'):
        contains(first.out, f"    {line}\n")
    verimail.write("printed.conf", first.octets, 0o644)
    second = verimail.run("config", config="printed.conf")
    equal((second.status, second.out), (0, first.out), second.err)
    one = verimail.run("config", "--json", config="receiver.conf").json
    equal(verimail.run("config", "--json", config="printed.conf").json, one)
    equal((one["milter"]["socket_mode"], one["verify"]["budget_per_domain"]), ("0600", 1200))
    equal(one["verify"]["trust_anchors"], [])
    verimail.write("bare.conf",
                   "verify { authserv_id = a.b }\nmilter { socket = \"unix:/m\" }\n", 0o644)
    bare = verimail.run("config", config="bare.conf")
    contains(bare.out, '    trusted_networks = {"127.0.0.0/8", "::1"}\n')
    contains(bare.out, "    # trust_anchors is not set\n")
    contains(bare.out, "    socket_mode = 0660\n")
    one = verimail.run("config", "--json", config="bare.conf").json
    equal((one["verify"]["trust_anchors"], one["milter"]["run_as"]), (None, "verimail"))


def test_config_says_every_wrong_value(verimail):
    verimail.write("wrong.conf", verimail.config(domain="lifetime = 1y ttl = never"), 0o644)
    done = verimail.run("config", config="wrong.conf")
    equal((done.status, done.octets), (78, b""))
    for value in ("1y", "never"):
        check(re.search(rf"^{verimail.path('wrong.conf')}:\d+: .*{value}: expected ", done.err, re.M),
              done.err)
    for config in ("none.conf", ".", "host.key"):
        done = verimail.run("config", "--json", config=config)
        equal((done.status, done.octets), (78, b""), config)
        check(done.err != "", config)
