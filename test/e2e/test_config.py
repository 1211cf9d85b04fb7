# SPDX-License-Identifier: ISC
"""`verimaild -t`: each mistake is named with file, line, value, and what was expected."""
import os
import re
import socket
import subprocess
import time

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD, PROGRAMS
from harness.files import write_file
from harness.keys import Key
from harness.namespaces import needs_root
from harness.programs import free_port

PROGRAM = os.path.abspath(os.path.join(BUILD, PROGRAMS["verimaild"]))


def test(path, *options, env=None):
    """Exit status and what was said. A good file is OK, and what was read is listed."""
    done = subprocess.run([PROGRAM, "-t", "-c", path, *options], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_LIMIT,
                          env={"PATH": "/usr/bin", **(env or {})}, check=False)
    read = [line for line in done.stdout.decode().splitlines() if line.startswith("read: ")]
    if done.returncode == 0:
        check(done.stdout.startswith(b"OK: ") and read[0] == "read: " + path, done.stdout)
    else:
        equal(done.stdout, b"", "standard output")
    return done.returncode, done.stderr.decode("ascii", "backslashreplace")


def said(case, text, env=None):
    path = os.path.join(case.folder, "verimail.conf")
    write_file(path, text)
    status, output = test(path, env=env)
    check(status in (0, os.EX_CONFIG), f"the exit status is {status}: {output[:500]}")
    lines = output.splitlines()
    check(all(line.startswith(path + ":") for line in lines), f"a line without the file: {output}")
    return status, [line[len(path) + 1:] for line in lines]


def refused(case, text, *wanted, env=None):
    """What is wanted are regular expressions, one for each line."""
    status, lines = said(case, text, env)
    equal(status, os.EX_CONFIG, f"the exit status; it said {lines}")
    equal(len(lines), len(wanted), f"problems; it said {lines}")
    for line, pattern in zip(lines, wanted):
        check(re.match(pattern, line), f"{line!r} is not {pattern!r}")


def line_of(text, part):
    return text[:text.index(part)].count("\n") + 1


def test_a_good_file_is_passed_in_silence(case):
    w = case.world
    for text in (w.config(), w.config().replace("127.0.0.1:0", "*:26"),
                 w.config().replace("\n", "\r\n"), "# a comment\n" + w.config() + "# the end"):
        equal(said(case, text), (0, []), "what it said")
    status, output = test(os.path.join(case.folder, "verimail.conf"), "--test")
    equal((status, output), (0, ""), "--test")


def test_each_value_is_checked(case):
    w = case.world
    good = w.config("connections = 100", more="log { level = info\n format = text }", domain="""
    lifetime = 7d
    ttl = 5m
    subdomains = true
    deny = {expired}
    testing = no
    user "alice" { allow_unauthorized = false  not_before = "2026-11-30T12:00+01:00" }""")
    equal(said(case, good), (0, []), "the good one")
    rows = [
        ('"127.0.0.1:0"', '"localhost:26"', "listen", "ADDRESS:PORT"),
        ('"127.0.0.1:0"', '"127.0.0.1"', "listen", "ADDRESS:PORT"),
        ('"127.0.0.1:0"', '"127.0.0.1:65536"', "listen", "ADDRESS:PORT"),
        ('"127.0.0.1:0"', '"[127.0.0.1]:26"', "listen", "ADDRESS:PORT"),
        ('"127.0.0.1:0"', '":26"', "listen", "ADDRESS:PORT"),
        ('"nobody"', '"no body"', "run_as", "a user of this machine"),
        ('"none"', '"sometimes"', "replay", "none"),
        ("workers = 2", "workers = 0", "workers", "a number from 1 to 256"),
        ("workers = 2", "workers = 257", "workers", "a number from 1 to 256"),
        ("workers = 2", "workers = -1", "workers", "a number from 1 to 256"),
        ("workers = 2", "workers = 2x", "workers", "a number from 1 to 256"),
        ("workers = 2", "workers = 99999999999999999999", "workers", "a number from 1 to 256"),
        ("= info", "= chatty", "level", "info or notice or warning or error"),
        ("= info", "= or", "level", "info or notice or warning or error"),
        ("= text", "= xml", "format", "text or json"),
        ("connections = 100", "connections = 100001", "connections", "a number from 1 to 100000"),
        (f'"{w.state}"', '"state"', "state", "an absolute path"),
        (f'"{w.state}"', '""', "state", "an absolute path"),
        ("7d", "366d", "lifetime", "a time from 1m to 365d"),
        ("7d", "59s", "lifetime", "a time from 1m to 365d"),
        ("7d", "7w", "lifetime", "a time from 1m to 365d"),
        ("7d", "d", "lifetime", "a time from 1m to 365d"),
        ("5m", "61m", "ttl", "a time from 0s to 1h"),
        ("subdomains = true", "subdomains = maybe", "subdomains", "true or false"),
        ("{expired}", "{replayed}", "deny", "expired or changed or redirected"),
        ("= false", "= 2", "allow_unauthorized", "true or false"),
        ("testing = no", "testing = some", "testing", "true or false"),
        ('"2026-11-30T12:00+01:00"', '"2026-11-30"', "not_before", "a date with its time"),
        ('"2026-11-30T12:00+01:00"', '"2026-02-30T12:00"', "not_before", "a date with its time"),
        ('"2026-11-30T12:00+01:00"', '"now"', "not_before", "a date with its time"),
        (w.host.public_text(), w.service.public_text(), "keys", "host-public:"),
        (w.host.public_text(), w.host.public_text()[:-1], "keys", "host-public:"),
        (w.host.public_text(), w.host.public_text() + "A", "keys", "host-public:"),
    ]
    for before, after, option, expected in rows:
        check(before in good, f"{before} is not in the good file")
        text = good.replace(before, after, 1)
        line = line_of(good, before)
        value = re.escape(after.split("= ")[-1].strip('"{}'))
        refused(case, text, rf"{line}: bad {option}( \([^)]*\))?: {value}: expected "
                f".*{re.escape(expected)}")


def test_names_are_checked(case):
    w = case.world
    for good, bad, wanted in (
            ('domain "example.org"', 'domain "exa_mple.org"', "exa_mple.org: expected a domain"),
            ('domain "example.org"', 'domain ""', ": expected a domain"),
            ('user "alice"', 'user "al ice"', "al ice: expected the part before"),
            ('user "alice"', 'user "alice@example.org"', "expected the part before"),
            ('user "alice"', 'user "%C2%A0alice"', "%C2%A0alice: expected the part before"),
            ('user "alice"', 'user "+x"', "expected the part before"),
            ('user "alice"', f'user "{"x" * 65}"', "expected the part before")):
        text = w.config().replace(good, bad)
        status, lines = said(case, text)
        equal((status, len(lines)), (os.EX_CONFIG, 1), f"{bad}: {lines}")
        check(wanted in lines[0], lines[0])


def test_all_mistakes_are_named_in_one_go(case):
    w = case.world
    text = w.config(more="log { level = loud }", domain="""
    lifetime = long
    user "alice" { allow_unauthorized = perhaps hosts = {"a_b.example"} }
    user "bob" { hosts = {"unknown.example.net"} }""").replace("workers = 2", "workers = many")
    refused(case, text,
            f"{line_of(text, 'many')}: bad workers: many: expected",
            f"{line_of(text, 'long')}: bad lifetime: long: expected",
            f"{line_of(text, 'perhaps')}: bad allow_unauthorized: perhaps: expected",
            f"{line_of(text, 'a_b')}: bad hosts: a_b.example: expected a domain name",
            f"{line_of(text, 'loud')}: bad level: loud: expected",
            f"{line_of(text, 'unknown.ex')}: a host without keys: unknown.example.net: expected")


def test_lines_are_counted_right_behind_comments(case):
    w = case.world
    comments = [
        "# a comment\n", "// a comment\n", "/* a comment */\n", "/* a\ncomment\n\n*/\n", "\n\n\n",
        "# { \" ' /*\n", "// \\\n", "/* # // \" */\n", "\r\n\r\n", "# \xff\n", "/**/\n", "/***/\n",
    ]
    good = w.config()
    for i in range(len(comments)):
        text = "".join(comments[:i + 1]) + good.replace(
            "workers = 2", f"{comments[i]}    workers = many {comments[i]}")
        refused(case, text, f"{line_of(text, 'many')}: bad workers: many")
    # What looks like a comment and is none.
    for url in ('"http://x"', "'a # b'", '"/* x"', "a//b"):
        text = good.replace("workers = 2", f"metrics = {url}\n    workers = many")
        refused(case, text, f"{line_of(text, url)}: bad metrics: ",
                f"{line_of(text, 'many')}: bad workers: many")


def test_twice_is_once_too_often(case):
    w = case.world
    good = w.config()
    rows = [
        (good.replace("workers = 2", "workers = 2\n    workers = 3"),
         "a second workers: 3: expected it once"),
        (good.replace("workers = 2", 'keys = {"/x"}'), "a second keys: /x: expected it once"),
        (good + "service { }", "a second section service"),
        (good + 'domain "EXAMPLE.org" { }', "a second domain: example.org: expected each once"),
        (good + f'host "Mail.Example.Org" {{ keys = {{"{Key("host").public_text()}"}} }}',
         "a second host: mail.example.org: expected each once"),
        (good.replace('user "bob"', 'user "ALICE"'), "a second user: (ALICE|alice): expected"),
        (good + 'domain "example.net" { default = true }', "a second default domain: example.net"),
        (good.replace('{"127.0.0.1:0"}', '{"127.0.0.1:26", "127.0.0.1:26"}'), "a second address"),
        (good.replace("{ }", '{ hosts = {} more_hosts = {"mail.example.org"} }', 1),
         "both hosts and more_hosts: alice: expected"),
    ]
    for text, wanted in rows:
        status, lines = said(case, text)
        equal(status, os.EX_CONFIG, f"{wanted}: the exit status")
        check(any(re.search(wanted, line) for line in lines), f"{wanted!r} is not in {lines}")


def test_unknown_options_are_named_in_one_go(case):
    good = case.world.config()
    text = good.replace("workers = 2", "colour = red\n    wokers = 2\n    lifetime = 1d")
    text = text.replace("{ }", "{ hots = {} }", 1) + "user x { hosts = {} }\npaint { a = {b} }\n"
    known = "expected a name that verimail.conf\\(5\\) lists"
    refused(case, text, *(
        f"{line_of(text, name)}: no such option {where}: {name.split()[0]}: {wanted}$"
        for name, where, wanted in (
            ("colour", "in service", known),
            ("wokers", "in service", known + "; did you mean workers\\?"),
            ("lifetime", "in service", "expected it in a section domain"),
            ("hots", "in user", known + "; did you mean hosts\\?"),
            ("user x", "or section", "expected it in a section domain"),
            ("paint", "or section", known))))


def test_what_is_missing_is_named(case):
    good = case.world.config()
    refused(case, "", ".*no section.*service")
    refused(case, "# nothing\n\n", ".*no section.*service")
    for part, wanted in (
            (r"    keys = .*\n", "service without keys: expected keys ="),
            (r"(?s)domain .*", "a service without a domain: expected domain"),
            (r' keys = \{"host-public[^}]*\} ', "host without keys: expected keys")):
        text, count = re.subn(part, "", good, count=1)
        equal(count, 1, part)
        status, lines = said(case, text)
        equal(status, os.EX_CONFIG, wanted)
        check(any(wanted in line for line in lines), f"{wanted!r} is not in {lines}")


def test_secrets_of_strayed_values_are_not_said(case):
    good = case.world.config()
    for wrong in ('replay = "redis://u:hunter2@h"', 'replay_password = "hunter2"',
                  'keys = {"host-secret:hunter2"}', 'store = "postgresql://u:hunter2@h/d"',
                  'store = "postgresql://u@h/d?password=hunter2"'):
        name = wrong.split()[0]
        lines = [line for line in good.splitlines() if not line.strip().startswith(name + " ")]
        text = "\n".join(lines).replace("    workers", f"    {wrong}\n    workers") + "\n"
        if name == "store":
            text = good.replace('store = "none"', wrong)
        status, said_lines = said(case, text)
        equal(status, os.EX_CONFIG, wrong)
        check(any(f"bad {name}: " in line and "***" in line for line in said_lines), f"{said_lines}")
        check("hunter2" not in "\n".join(said_lines), f"{said_lines}")


def test_files_that_are_none(case):
    for path, wanted in (
            (os.path.join(case.folder, "missing"), "No such file or directory"),
            (case.folder, "Is a directory"), ("/dev/zero", "NUL|large"),
            (case.world.service_path + "/x", "Not a directory"), ("", "No such file")):
        status, output = test(path)
        equal(status, os.EX_CONFIG, f"{path}: the exit status")
        check(output.startswith(path + ":") and re.search(wanted, output), f"{path}: {output}")


def test_texts_that_are_none(case):
    good = case.world.config()
    line = good.count("\n") + 1
    refused(case, good + "\0", f"{line}: a NUL octet: expected text")
    refused(case, good.replace("workers", "\0workers"), r"\d+: a NUL octet")
    refused(case, "\x7fELF\2\1\1\0\0", "1: a NUL octet")
    for quote in ("'", '"'):
        refused(case, good + quote, f"{line}: a text in quotes that does not end: expected")
        refused(case, f"service {{\n    run_as = {quote}many\n\n",
                "2: a text in quotes that does not end: expected")
    refused(case, good + "/* never\nended\n", f"{line}: a comment that does not end: expected")
    for text in (good + "{", good + "}", good + "service {", good[:-3],
                 good.replace("= {", "= ", 1), "(", "=", "service", 'service "x" { }', "a" * 100000,
                 '"' * 1001, "{" * 1000, "\x01\x02\xff\xfe", 'domain { }', 'host "a" "b" { }'):
        status, lines = said(case, text)
        equal(status, os.EX_CONFIG, f"{text[-20:]!r}: {lines}")
        check(lines and re.match(r"\d+: ", lines[0]), f"{text[-20:]!r}: {lines}")


def test_the_environment_is_not_looked_at(case):
    good = case.world.config()
    for quote in ('"', "'"):
        text = good.replace('workers = 2', f'workers = {quote}${{WORKERS}}{quote}')
        refused(case, text, rf"{line_of(text, 'WORKERS')}: bad workers: \$\{{WORKERS\}}",
                env={"WORKERS": "2"})


def test_values_of_strangers_are_shown_escaped(case):
    text = case.world.config().replace('"nobody"', '"no\tbody\x1b[2J\xff' + "x" * 500 + '"')
    status, lines = said(case, text)
    equal(status, os.EX_CONFIG, "the exit status")
    check(re.search(r"no\\x09body\\x1b\[2J\\x", lines[0]), lines[0])
    check(len(lines[0]) < 500, f"{len(lines[0])} octets")


def test_a_huge_file_is_read_in_time(case):
    users = "\n".join(f'    user "user{i}" {{ }}' for i in range(5))
    domains = "\n".join(f'domain "d{i}.example.org" {{ hosts = {{"mail.example.org"}}\n{users}\n}}'
                        for i in range(20_000))
    start = time.monotonic()
    equal(said(case, case.world.config(more=domains)), (0, []), "20,000 domains, 100,000 users")
    check(time.monotonic() - start < 10, "it takes time in proportion to the file")
    users = "\n".join(f'    user "user{i}" {{ }}' for i in range(100_000))
    equal(said(case, case.world.config(domain=users)), (0, []), "100,000 users of one domain")
    equal(said(case, "# comment\n" * 500_000 + case.world.config()), (0, []), "5 MB of comment")
    path = os.path.join(case.folder, "verimail.conf")
    with open(path, "wb") as file:
        file.write(b" " * 1000)
        file.seek(70_000_000)
        file.write(b" ")
    status, output = test(path)
    equal(status, os.EX_CONFIG, output[:200])


def test_key_files_are_checked(case):
    w = case.world
    good, path = w.config(), w.service_path
    line = line_of(good, path)

    def unusable(why):
        refused(case, good, rf"{line}: unusable service key \(.*{why}.*\): {path}: expected")
    w.service.write(path, 0o604)
    unusable("may be read by everybody")
    w.service.write(path, 0o640)
    equal(said(case, good), (0, []), "a group may read it")
    text = w.service.secret_text()
    for content, why in (("", "is not the text of a key"), (text[:-1], "is not the text of a key"),
                         (text[:20] + ("A" if text[20] != "A" else "B") + text[21:], "mistyped"),
                         (w.service.public_text(), "another kind"),
                         (w.host.secret_text(), "another kind"), (text + "\n" + text, "more than"),
                         ("#" * 20000, "too large"), ("\0" * 60, "is not the text of a key")):
        write_file(path, content)
        unusable(why)
    os.unlink(path)
    unusable("No such file")
    os.mkdir(path)
    unusable("is a folder without a file")
    os.rmdir(path)
    os.mkfifo(path)
    unusable("is no plain file")
    os.unlink(path)
    # Two files, and both are wrong.
    two = w.config(keys=[path, path + "2"])
    refused(case, two, rf".*{path}: expected", rf".*{path}2: expected")


def test_a_host_key_speaks_for_one_host(case):
    w = case.world
    text = w.config(more=f"""
host "other.example.org" {{
    keys = {{"{w.host.public_text()}"}}
}}""")
    status, lines = said(case, text)
    equal((status, len(lines)), (os.EX_CONFIG, 1), f"{lines}")
    check(re.match(r"\d+: .*: host-public:.*expected a key of its own", lines[0]), lines[0])


def test_a_classic_key_is_checked(case):
    path = os.path.join(case.folder, "classic.pem")
    text = case.world.config(domain=f'classic_key = "{path}"\n user "alice" {{ }}')
    curve = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    locked = subprocess.run(["openssl", "genrsa", "-aes128", "-passout", "pass:x", "2048"],
                            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    small = subprocess.run(["openssl", "genrsa", "512"], check=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout
    for content, why in ((b"", "not a private key"), (curve, "is not an RSA key"),
                         (locked, "pass phrase"), (small, "less than 1024")):
        write_file(path, content)
        refused(case, text, rf"{line_of(text, path)}: unusable classic_key \(.*{why}.*\): {path}")
    os.unlink(path)
    refused(case, text, rf"{line_of(text, path)}: unusable classic_key \(No such file")


def test_a_user_who_is_not_there_is_found_before_the_start(case):
    needs_root()
    text = case.world.config(run_as="no-such-user")
    refused(case, text, f"{line_of(text, 'no-such')}: run_as: no-such-user: expected a user of this")
    text = case.world.config(run_as="root")
    refused(case, text, f"{line_of(text, 'root')}: run_as: root: expected .*not root")


def test_without_a_good_configuration_it_does_not_start(case):
    d = case.daemon(case.world.config().replace("workers = 2", "workers = many"), ready=False)
    equal(d.process.wait(WAIT_LIMIT), os.EX_CONFIG, "the exit status")
    d.wait_log(r"event=not-started problem=.*:\d+: bad workers: many: expected a number")


def test_options_are_few(case):
    def run(*options):
        return subprocess.run([PROGRAM, *options], stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=WAIT_LIMIT)
    check(b"usage: verimaild" in run("-h").stdout and run("-h").returncode == 0, "-h")
    check(run("--version").stdout.startswith(b"verimaild "), "--version")
    for options in (("-x",), ("--colour",), ("surplus",), ("-c",)):
        done = run(*options)
        equal(done.returncode, 1, str(options))
        check(b"usage: verimaild" in done.stderr, str(options))


def warned(case, text, *wanted):
    """A good file, of which something is said: regular expressions, one for each line."""
    status, lines = said(case, text)
    equal(status, 0, lines)
    equal(len(lines), len(wanted), lines)
    for line, pattern in zip(lines, wanted):
        check(re.search(pattern, line), f"{line!r} has no {pattern!r}")


def test_sections_that_do_not_fit_together(case):
    w, other = case.world, Key("service")
    key = Key("host").write(os.path.join(case.folder, "other-host.key"))

    def stamp(service=w.service, path=None, domain="example.org"):
        return f"""stamp {{ host = "mail.example.org" domains = "{domain}"
            key = "{path or w.host.write(os.path.join(case.folder, 'host.key'))}"
            service_key = "{service.public_text()}" }}"""
    equal(said(case, w.config(more=stamp())), (0, []), "one that fits")
    warned(case, w.config(more=stamp(service=other)), "the service_key of another service")
    warned(case, w.config(more=stamp(path=key)),
           'a key that no host lists: .*expected host "mail.example.org" { keys = {"host-public:')
    warned(case, w.config(more=stamp(domain="example.com")), "the service does not answer for")
    warned(case, w.config(more='peer "example.org" { address = "127.0.0.1:9" }'),
           "a peer where the service of this file does not listen")
    warned(case, w.config(domain="") , "a domain with hosts and without users")


def test_what_the_user_of_the_daemon_cannot_use(case):
    needs_root()
    w = case.world
    state = os.path.join(case.folder, "of-root")
    os.mkdir(state, 0o755)
    warned(case, w.config(state=state),
           f"the user nobody cannot make files in this folder .*: {state}: expected a folder of "
           f"the user nobody: chown nobody {state}$")
    warned(case, w.config(replay=f'"lmdb:{state}/replay"'), f"make files in this folder.*{state}: ")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        warned(case, w.config(listen=[f'"127.0.0.1:{port}"']),
               f"a port that is taken by .*, pid {os.getpid()}: 127.0.0.1:{port}: ")
    equal(said(case, w.config(listen=[f'"127.0.0.1:{port}"'])), (0, []), "a port that is free")
    warned(case, w.config(listen=['"192.0.2.99:26"']), "an address that this machine does not have")


def test_a_running_service_does_not_stand_in_its_own_way(case):
    needs_root()
    w = case.world
    port = free_port()
    config = w.config(listen=[f'"127.0.0.1:{port}"'])
    case.daemon(config)
    equal(said(case, config), (0, []), "what it said")
