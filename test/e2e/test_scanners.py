#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The rules of integrations/rspamd and integrations/spamassassin in the real programs: what our own
result is worth, and that nobody else's counts."""
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import urllib.request

from harness import Skip, case, check, equal, main, needs_root, wait_for, write_file
from mail import start

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integrations")
ID = "mx.example.com"
OURS = ID + "; verimail="
FROM = " header.from=example.org"

# The fields of a message from top to bottom, and the result that counts.
TABLE = [
    ([OURS + "pass header.from=alice@example.org"], "PASS"),
    ([OURS + "pass\r\n header.from=alice@example.org"], "PASS"),
    (["MX.EXAMPLE.COM; verimail=pass header.from=a@example.org"], "PASS"),
    ([OURS + 'pass header.from="john doe"@example.org'], "PASS"),
    ([OURS + "fail" + FROM], "FAIL"),
    ([OURS + 'neutral reason="redirected"' + FROM], "NEUTRAL"),
    ([OURS + 'neutral reason="changed"\r\n' + FROM], "NEUTRAL"),
    ([OURS + "temperror" + FROM], "TEMPERROR"),
    ([OURS + 'permerror reason="from"'], "PERMERROR"),
    ([], None),
    # other tools of ours, and others' results above and below
    ([OURS + "fail" + FROM, f"{ID}; dkim=pass header.d=example.org"], "FAIL"),
    ([f"{ID}; dkim=pass header.d=example.org", OURS + "fail" + FROM], "FAIL"),
    (["mx.other.test; verimail=pass header.from=a@b.c", OURS + "fail" + FROM], "FAIL"),
    ([OURS + "fail" + FROM, "mx.other.test; verimail=pass header.from=a@b.c"], "FAIL"),
    ([OURS + "fail" + FROM, OURS + "pass header.from=a@b.c"], "FAIL"),
    # nobody else's
    (["mx.other.test; verimail=pass header.from=a@b.c"], None),
    ([f"{ID}.evil.test; verimail=pass header.from=a@b.c"], None),
    ([f"evil.{ID}; verimail=pass header.from=a@b.c"], None),
    (["mxXexampleXcom; verimail=pass header.from=a@b.c"], None),
    ([f"evil.test; x={OURS}pass header.from=a@b.c"], None),
    ([f"evil.test;\r\n {OURS}pass header.from=a@b.c"], None),
    ([f"({ID}; verimail=pass ) evil.test; none"], None),
    ([f'evil.test; dkim=fail reason="{OURS}pass "'], None),
    ([f"{ID}; dkim=pass header.i=@verimail=pass"], None),
    ([f"{ID}; dkim=fail; verimail=pass header.from=a@b.c"], None),
    ([OURS + "passed header.from=a@b.c"], None),
    ([OURS + "nonsense" + FROM], None),
    ([OURS + 'neutral reason="verimail=pass"' + FROM], "NEUTRAL"),
]


def message(values):
    fields = "".join(f"Authentication-Results: {value}\r\n" for value in values)
    return (fields + "From: alice@example.org\r\nTo: bob@example.com\r\nSubject: hello\r\n"
            "Date: Tue, 24 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n"
            "The body.\r\n").encode()


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def program(name):
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin")
    if found is None:
        raise Skip(f"{name} is not installed")
    return found


def run_rspamd(t):
    rspamd = program("rspamd")
    needs_root()
    os.chmod(os.path.dirname(t.folder), 0o711)
    os.chmod(t.folder, 0o711)
    folder = os.path.join(t.folder, "rspamd")
    os.mkdir(folder)
    user = pwd.getpwnam("_rspamd")
    os.chown(folder, user.pw_uid, user.pw_gid)
    port = free_port()
    config = os.path.join(t.folder, "rspamd.conf")
    groups = os.path.join(SOURCES, "rspamd", "groups.conf")
    shutil.copy(os.path.join(SOURCES, "rspamd", "verimail.lua"), t.folder)
    os.chmod(os.path.join(t.folder, "verimail.lua"), 0o644)
    write_file(config, f"""
options {{
    pidfile = "{folder}/pid"; filters = ""; tempdir = "{folder}"; hs_cache_dir = "{folder}";
    dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
metric {{ name = "default"; actions {{ reject = 1000; }} }}
verimail {{ authserv_id = "{ID}"; }}
lua = "{t.folder}/verimail.lua";
.include "{groups}"
""", 0o644)
    start(t, [rspamd, "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", config],
          os.path.join(t.folder, "out"))
    url = f"http://127.0.0.1:{port}"

    def answers():
        try:
            with urllib.request.urlopen(url + "/ping", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False
    wait_for(answers, "rspamd", 30)
    return url


@case
def rspamd_reads_our_result(t):
    url = run_rspamd(t)
    scores = {"PASS": -1, "FAIL": 10, "NEUTRAL": 0, "TEMPERROR": 0, "PERMERROR": 4}
    wrong = []
    for values, wanted in TABLE:
        request = urllib.request.Request(url + "/checkv2", data=message(values))
        with urllib.request.urlopen(request, timeout=20) as reply:
            symbols = json.load(reply)["symbols"]
        got = {name[9:]: symbol["score"] for name, symbol in symbols.items()
               if name.startswith("VERIMAIL_") and name != "VERIMAIL_CHECK"}
        if got != ({wanted: scores[wanted]} if wanted else {}):
            wrong.append(f"{values}: got {got}, want {wanted}")
        reason = re.search(r'reason="([a-z]+)"', values[0]) if values and wanted == "NEUTRAL" else None
        if reason:
            equal(symbols["VERIMAIL_NEUTRAL"].get("options"), [reason[1]], values)
    check(not wrong, "\n".join(wrong))


@case
def spamassassin_reads_our_result(t):
    spamassassin = program("spamassassin")
    rules = os.path.join(t.folder, "rules")
    site = os.path.join(t.folder, "site")
    os.mkdir(rules)
    os.mkdir(site)
    write_file(os.path.join(site, "init.pre"), "".join(
        f"loadplugin Mail::SpamAssassin::Plugin::{name}\n" for name in ("Check", "ReplaceTags")))
    write_file(os.path.join(rules, "base.cf"), "use_bayes 0\n"
               "add_header all Status _YESNO_ tests=_TESTSSCORES(,)_\n", 0o644)
    shutil.copy(os.path.join(SOURCES, "spamassassin", "verimail.cf"), site)
    command = [spamassassin, "--local", "-x", "-C", rules, "--siteconfigpath", site]
    lint = subprocess.run(command + ["--lint"], capture_output=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "HOME": t.folder})
    equal(lint.returncode, 0, lint.stderr)
    wrong = []
    scores = {"PASS": "-1", "FAIL": "10", "NEUTRAL": "0.001", "TEMPERROR": "0.001", "PERMERROR": "4"}
    for n, (values, wanted) in enumerate(TABLE):
        write_file(os.path.join(t.folder, f"m{n:02}"), message(values).replace(b"\r\n", b"\n"))
    paths = [os.path.join(t.folder, f"m{n:02}") for n in range(len(TABLE))]
    done = subprocess.run(["perl", "-e", SCAN, rules, site, *paths], capture_output=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "HOME": t.folder})
    lines = done.stdout.decode().splitlines()
    equal(len(lines), len(TABLE), done.stderr.decode())
    for (values, wanted), line in zip(TABLE, lines):
        got = [hit for hit in line.split(",") if hit.startswith("VERIMAIL_")]
        if got != ([f"VERIMAIL_{wanted}={scores[wanted]}"] if wanted else []):
            wrong.append(f"{values}: got {got}, want {wanted}")
    check(not wrong, "\n".join(wrong))


# One process for all messages: it takes a second to start.
SCAN = """
use Mail::SpamAssassin;
my ($rules, $site, @paths) = @ARGV;
my $sa = Mail::SpamAssassin->new({rules_filename => $rules, site_rules_filename => $site,
    local_tests_only => 1, dont_copy_prefs => 1, userstate_dir => $ENV{HOME}});
for my $path (@paths) {
    open(my $file, '<', $path) or die;
    local $/;
    my $mail = $sa->parse(<$file>);
    my $status = $sa->check($mail);
    print $status->get_tag('TESTSSCORES', ','), "\\n";
    $status->finish();
    $mail->finish();
}
"""


if __name__ == "__main__":
    main()
