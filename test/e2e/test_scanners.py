# SPDX-License-Identifier: ISC
"""The rules of integrations/rspamd and integrations/spamassassin in the real programs: what our own
result is worth, and that nobody else's counts."""
import http.client
import json
import os
import pwd
import re
import shutil
import socket
import subprocess

import pytest

from harness.checks import WAIT_LIMIT, check, equal, wait_for
from harness.dnsserver import DnsServer
from harness.files import write_file
from harness.mailsite import Site
from harness.message import fields, message as mail_message, send, submit
from harness.programs import start

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integrations")
ID = "mx.example.com"
OURS = f"{ID}; verimail="
FROM = " header.from=example.org"
FAIL = OURS + "fail" + FROM
FORGED = OURS + "pass header.from=a@b.c"
REASONS = ("redirected", "changed", "replayed", "expired", "uncounted", "classic", "unstamped",
           "host", "testing", "unserved")
SCORES = {"FAIL": 10, "PERMERROR": 4, "NEUTRAL_REPLAYED": 1, "NEUTRAL_EXPIRED": 0.5,
          "NEUTRAL_UNSERVED": 0.5}  # all others: 0


def results(*values):
    """A field for each, from top to bottom."""
    return "".join(f"Authentication-Results: {value}\r\n" for value in values)


# The top of a message, and what counts: the result, and the reason behind a blank.
ORDINARY = [
    (results(OURS + "pass header.from=alice@example.org"), "PASS"),
    (results(OURS + "pass\r\n header.from=alice@example.org"), "PASS"),
    (results(ID + ";\r\n\tverimail=pass header.from=alice@example.org"), "PASS"),
    (results(f"\r\n {OURS}pass header.from=alice@example.org"), "PASS"),
    (results("MX.Example.COM; verimail=pass header.from=a@example.org"), "PASS"),
    (f"AUTHENTICATION-results:{OURS}pass header.from=alice@example.org\r\n", "PASS"),
    (results(OURS + 'pass header.from="john doe"@example.org'), "PASS"),
    (results(OURS + 'pass header.from="a;verimail=fail \\" "@example.org'), "PASS"),
    (results(FAIL), "FAIL"),
    (results(OURS + "temperror" + FROM), "TEMPERROR"),
    (results(OURS + 'temperror reason="connect"' + FROM), "TEMPERROR"),
    (results(OURS + 'permerror reason="from"'), "PERMERROR"),
    (results(OURS + "permerror"), "PERMERROR"),
    *((results(OURS + f'neutral reason="{reason}"' + FROM), "NEUTRAL " + reason)
      for reason in REASONS),
    (results(OURS + 'neutral reason="changed"\r\n' + FROM), "NEUTRAL changed"),
    (results(OURS + "neutral" + FROM), "NEUTRAL"),
    (results(OURS + 'neutral reason="tomorrow"' + FROM), "NEUTRAL"),
    ("", None),
    # what others say above and below ours
    ("Received: from a by b; Tue, 24 Nov 2026 00:00:00 +0000\r\n" + results(FAIL), "FAIL"),
    (results(FAIL, f"{ID}; dkim=pass header.d=example.org"), "FAIL"),
    (results(f"{ID}; dkim=pass header.d=example.org", FAIL), "FAIL"),
    (results(f"{ID}; none", FAIL), "FAIL"),
    (results("mx.other.test; verimail=pass header.from=a@b.c", FAIL), "FAIL"),
    (results(FAIL, "mx.other.test; verimail=pass header.from=a@b.c"), "FAIL"),
]
HOSTILE = [
    # the topmost of ours counts, whatever it is
    (results(FAIL, FORGED), "FAIL"),
    (results(OURS + "permerror", FORGED), "PERMERROR"),
    (results(OURS + "nonsense", FORGED), None),
    (results(OURS + "PASS header.from=a@b.c", FORGED), None),
    (results(OURS + "passed header.from=a@b.c"), None),
    (results(OURS + "pass; dkim=pass"), None),
    (results(OURS), None),
    (results(OURS + 'neutral reason="verimail=pass"' + FROM), "NEUTRAL"),
    (results(OURS + 'neutral reason="replayed'), "NEUTRAL"),
    (results(OURS + "fail header.from=x;verimail=pass"), "FAIL"),
    # another's id
    (results("mx.other.test; verimail=pass header.from=a@b.c"), None),
    (results(f"{ID}.evil.test; verimail=pass header.from=a@b.c"), None),
    (results(f"evil.{ID}; verimail=pass header.from=a@b.c"), None),
    (results("mxXexampleXcom; verimail=pass header.from=a@b.c"), None),
    (results("mx.example; verimail=pass header.from=a@b.c"), None),
    (results("; verimail=pass header.from=a@b.c"), None),
    (results("verimail=pass header.from=a@b.c"), None),
    # our id and our method in another's field
    (results(f"evil.test; x={FORGED}"), None),
    (results(f"evil.test;\r\n {FORGED}"), None),
    (results(f"evil.test;\r\n \r\n {FORGED}"), None),
    (results(f"evil.test {FORGED}"), None),
    (results(f"({FORGED} ) evil.test; none"), None),
    (results(f"evil.test ({FORGED}); none"), None),
    (results(f'evil.test; dkim=fail reason="{FORGED}"'), None),
    (results(f'"{ID}"; verimail=pass header.from=a@b.c'), None),
    (results(f"(c) {FORGED}"), None),
    (results(f"{ID} 1; verimail=pass header.from=a@b.c"), None),
    (results(f"{ID}; dkim=pass header.i=@verimail=pass"), None),
    (results(f"{ID}; dkim=fail; verimail=pass header.from=a@b.c"), None),
    (results(f"{ID}; x-verimail=pass header.from=a@b.c"), None),
    (results(f"{ID}; (c) verimail=pass header.from=a@b.c"), None),
    # what a decoder of words makes of it
    (results("x =?utf-8?Q?=0Amx.example.com;_=76erimail=3Dpass_?= y"), None),
    (results("=?utf-8?Q?mx.example.com;_=76erimail=3Dpass_a?="), None),
    (results("=?utf-8?B?bXguZXhhbXBsZS5jb207IHZlcmltYWlsPXBhc3MgYQ==?="), None),
    # other octets than blanks where a field would begin
    (f"X-Foo: a\rAuthentication-Results: {FORGED}\r\n", None),
    (f"X-Foo: a\r\r\n Authentication-Results: {FORGED}\r\n", None),
    (results(f"x\r{FORGED}"), None),
    (results(f"\r{FORGED}"), None),
    (results(f"\0{FORGED}"), None),
    (results(f"\v{FORGED}"), None),
    (results(f"\u00a0{FORGED}"), None),
    (results(f"x\u2028{FORGED}"), None),
    # other names
    (f"Authentication-Results\0: {FORGED}\r\n", None),
    (f"Authentication-Results : {FORGED}\r\n", None),
    (f"Authentication-Results\r\n : {FORGED}\r\n", None),
    (f"X-Authentication-Results: {FORGED}\r\n", None),
    (f"ARC-Authentication-Results: i=1; {FORGED}\r\n", None),
    (f"Comments: Authentication-Results: {FORGED}\r\n", None),
    (f"Received: a\r\n Authentication-Results: {FORGED}\r\n", None),
    (f"Comments: a\r\n Authentication-Results: {FORGED}\r\n", None),
    # not in the message's own head
    (f"Content-Type: message/rfc822\r\n\r\n{results(FORGED)}", None),
    ("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
     f"{results(FORGED)}\r\ntext\r\n--b--\r\n", None),
    # a great many
    (results(*[f"x; {FORGED}"] * 2000, FAIL), "FAIL"),
    (results(FAIL, *[FORGED] * 2000), "FAIL"),
]
TABLE = ORDINARY + HOSTILE


def message(top):
    return (top + "From: alice@example.org\r\nTo: bob@example.com\r\nSubject: hello\r\n"
            "Date: Tue, 24 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n"
            "The body.\r\n").encode()


def wanted_scores(wanted, zero):
    """Each symbol that should be there and what it is worth."""
    if wanted is None:
        return {}
    result, _, reason = wanted.partition(" ")
    names = [result] + ([f"{result}_{reason.upper()}"] if reason else [])
    return {"VERIMAIL_" + name: SCORES.get(name, zero) for name in names}


def compare(got, zero):
    """The scores that a program gave to each message of the table, and those it should have."""
    equal(len(got), len(TABLE), "messages looked at")
    wrong = [f"{top[:200]!r}: got {scores}, want {wanted_scores(wanted, zero)}"
             for (top, wanted), scores in zip(TABLE, got) if scores != wanted_scores(wanted, zero)]
    check(not wrong, "\n".join(wrong))


def program(name):
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(command, **how):
    return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=WAIT_LIMIT, **how)


# rspamd


def install_rspamd(folder, config):
    """As the README says, with another folder for /etc/rspamd."""
    os.makedirs(os.path.join(folder, "local.d"))
    shutil.copy(os.path.join(SOURCES, "rspamd", "verimail.lua"), folder)
    shutil.copy(os.path.join(SOURCES, "rspamd", "groups.conf"), os.path.join(folder, "local.d"))
    write_file(os.path.join(folder, "rspamd.local.lua"), f"dofile('{folder}/verimail.lua')\n",
               0o644)
    write_file(os.path.join(folder, "rspamd.conf.local"), config, 0o644)


class UnixHttp(http.client.HTTPConnection):
    """HTTP over a unix socket, which nobody else can have taken."""

    def __init__(self, path):
        super().__init__("localhost", timeout=WAIT_LIMIT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask_rspamd(path, target, body=None, envelope=None):
    connection = UnixHttp(path)
    try:
        connection.request("GET" if body is None else "POST", target, body, envelope or {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def verimail_id(text):
    return f'verimail {{ authserv_id = "{text}"; }}\n'


def private_options(case, state):
    """Where rspamd keeps what it compiled; and few top-level domains: all take it ten seconds."""
    path = os.path.join(case.folder, "tld")
    write_file(path, "com\norg\ntest\n", 0o644)
    return f'hs_cache_dir = "{state}"; url_tld = "{path}";\n'


def run_rspamd(case, own=ID, more="", filters="", dns="127.0.0.1:1"):
    """One that knows no other rule than ours. Its socket."""
    rspamd = program("rspamd")
    state = os.path.join(case.folder, "rspamd")
    os.mkdir(state)
    install_rspamd(os.path.join(case.folder, "etc"), verimail_id(own))
    user = []
    if os.geteuid() == 0:  # it does not run as root
        os.chmod(os.path.dirname(case.folder), 0o711)
        os.chmod(case.folder, 0o711)
        account = pwd.getpwnam("_rspamd")
        os.chown(state, account.pw_uid, account.pw_gid)
        user = ["-u", "_rspamd", "-g", "_rspamd"]
    config = os.path.join(case.folder, "rspamd.conf")
    write_file(config, f"""
options {{
    pidfile = "{state}/pid"; filters = "{filters}"; tempdir = "{state}";
    {private_options(case, state)}
    dns {{ nameserver = ["{dns}"]; timeout = {0.1 if dns.endswith(":1") else 5}s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{state}/log"; level = "info"; }}
worker "normal" {{ bind_socket = "{state}/socket mode=0666"; count = 1; }}
metric {{ name = "default"; actions {{ reject = 1000; }} }}
lua = "{case.folder}/etc/rspamd.local.lua";
.include "{case.folder}/etc/rspamd.conf.local"
.include "{case.folder}/etc/local.d/groups.conf"
{more}
""", 0o644)
    start(case, [rspamd, "-f", *user, "-c", config], os.path.join(case.folder, "out"))

    def answers():
        try:
            return ask_rspamd(f"{state}/socket", "/ping")[0] == 200
        except OSError:
            return False
    wait_for(answers, "rspamd")
    return f"{state}/socket"


def rspamd_log(case):
    path = os.path.join(case.folder, "rspamd", "log")
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def test_rspamd_reads_our_result(case):
    path = run_rspamd(case)
    got = []
    for top, wanted in TABLE:
        status, reply = ask_rspamd(path, "/checkv2", message(top))
        equal(status, 200, top)
        symbols = {name: symbol for name, symbol in json.loads(reply)["symbols"].items()
                   if name.startswith("VERIMAIL_") and name != "VERIMAIL_CHECK"}
        got.append({name: symbol["score"] for name, symbol in symbols.items()})
        reason = (wanted or "").partition(" ")[2]
        if reason and "VERIMAIL_NEUTRAL" in symbols:
            equal(symbols["VERIMAIL_NEUTRAL"].get("options"), [reason], top)
    compare(got, 0)
    failed = [line for line in rspamd_log(case).splitlines() if "verimail.lua" in line]
    check(not failed, "\n".join(failed[:5]))


# What DMARC says of a message of each domain from 198.51.100.1, and the symbol for it.
POLICIES = {"pass.test": ("reject", "198.51.100.1", "PASS"), "reject.test": ("reject", None, "FAIL"),
            "quarantine.test": ("quarantine", None, "FAIL"), "none.test": ("none", None, "SOFTFAIL"),
            "unpublished.test": (None, None, None)}
DMARC_SCORES = {"PASS": 0, "FAIL": 10, "SOFTFAIL": 2}
# Results, and whether DMARC is to decide.
DECIDED = [(OURS + 'neutral reason="changed"', True), (OURS + 'neutral reason="redirected"', True),
           (OURS + 'neutral reason="expired"', False), (OURS + "pass", False),
           (OURS + "fail", False), (None, False)]


def test_dmarc_decides_in_rspamd(case):
    """With its own modules for SPF and DMARC, and a DNS that has the policies."""
    records = {}
    for domain, (policy, sender, _) in POLICIES.items():
        records[domain, "TXT"] = [f'"v=spf1 {f"ip4:{sender} " if sender else ""}-all"']
        if policy is not None:
            records["_dmarc." + domain, "TXT"] = [f'"v=DMARC1; p={policy}"']
    dns = DnsServer(records)
    case.servers.append(dns)
    plugins = "/usr/share/rspamd/plugins"
    path = run_rspamd(case, filters="dkim", dns=f"127.0.0.1:{dns.port}", more=f"""
modules {{ path = "{plugins}/spf.lua"; path = "{plugins}/dmarc.lua"; }}
spf {{ }}
dkim {{ }}
dmarc {{ }}
""")
    for domain, (_, _, symbol) in POLICIES.items():
        for result, decides in DECIDED:
            top = results(f"{result} header.from={domain}") if result else ""
            status, reply = ask_rspamd(
                path, "/checkv2", message(top).replace(b"example.org", domain.encode()),
                {"IP": "198.51.100.1", "From": f"alice@{domain}", "Helo": f"mx.{domain}"})
            equal(status, 200, domain)
            got = {name: found["score"] for name, found in json.loads(reply)["symbols"].items()
                   if name.startswith(("VERIMAIL_DMARC_", "VERIMAIL_NEUTRAL_", "DMARC_POLICY"))}
            ours = {name: score for name, score in got.items() if "VERIMAIL_DMARC" in name}
            wanted = {"VERIMAIL_DMARC_" + symbol: DMARC_SCORES[symbol]} if decides and symbol else {}
            equal(ours, wanted, f"{domain}: {top}: {got}")
            # What it is made of stays.
            equal(len(got) - len(ours), ("neutral" in top) + (symbol is not None), f"{top}: {got}")


def test_rspamd_takes_our_rule_beside_its_own(case):
    stock = "/etc/rspamd/rspamd.conf"
    rspamadm = program("rspamadm")
    for name, config, complains in (
            ("with", verimail_id(ID), None),
            ("without", "", "authserv_id: not set"),
            ("pattern", verimail_id(".*"), "authserv_id: .*: expected"),
            ("number", "verimail { authserv_id = 1; }\n", "authserv_id: 1: expected")):
        folder = os.path.join(case.folder, name)
        install_rspamd(folder, config)
        write_file(os.path.join(folder, "local.d", "options.inc"), private_options(case, case.folder))
        # It would look up its server's name.
        write_file(os.path.join(folder, "local.d", "fuzzy_check.conf"), "enabled = false;\n")
        done = run([rspamadm, f"--var=LOCAL_CONFDIR={folder}", f"--var=DBDIR={case.folder}",
                    "configtest", "-c", stock])
        said = (done.stdout + done.stderr).decode()
        equal(done.returncode, 0, said)
        check("syntax OK" in said, said)
        equal("verimail" in said, complains is not None, said)
        check(complains is None or complains in said, said)


# SpamAssassin


def install_spamassassin(case, name="site", line=f"verimail_authserv_id {ID}"):
    """As the README says, with a folder for /etc/spamassassin and no other rules. The options that
    make SpamAssassin use them."""
    site = os.path.join(case.folder, name)
    rules = os.path.join(case.folder, name + "-rules")
    os.mkdir(site)
    os.mkdir(rules)
    write_file(os.path.join(site, "init.pre"), "loadplugin Mail::SpamAssassin::Plugin::Check\n")
    write_file(os.path.join(rules, "base.cf"), "use_bayes 0\nutil_rb_tld org com\n")
    shutil.copy(os.path.join(SOURCES, "spamassassin", "Verimail.pm"), site)
    with open(os.path.join(SOURCES, "spamassassin", "verimail.cf"), encoding="ascii") as file:
        shipped = file.read()
    edited = re.sub("^# verimail_authserv_id .*", line, shipped, flags=re.M)
    check(edited != shipped, "verimail.cf has no line with the id to set")
    write_file(os.path.join(site, "verimail.cf"), edited)
    return rules, site


def run_spamassassin(case, rules, site, *options, **how):
    return run([program("spamassassin"), "--local", "-x", "-C", rules, "--siteconfigpath", site,
                *options], env={"PATH": "/usr/bin:/bin", "HOME": case.folder}, **how)


def test_spamassassin_reads_our_result(case):
    program("spamassassin")
    installed = install_spamassassin(case)
    for ending in (b"\n", b"\r\n"):
        messages = [message(top).replace(b"\r\n", ending) for top, _ in TABLE]
        compare(scan(case, installed, messages), 0.001)


def scan(case, installed, messages, local="1"):
    """The scores of each, by one process: it takes a second to start. `local`: without rules that
    ask the network."""
    paths = []
    for number, octets in enumerate(messages):
        paths.append(os.path.join(case.folder, f"{number:03}"))
        write_file(paths[-1], octets)
    done = run(["perl", "-T", "-e", SCAN, local, *installed, *paths],
               env={"PATH": "/usr/bin:/bin", "HOME": case.folder})
    equal(done.stderr.decode(), "", "what SpamAssassin says")
    return [{name: float(score) for name, score in re.findall(r"(VERIMAIL_\w+)=([-\d.]+)", line)}
            for line in done.stdout.decode().splitlines()]


SCAN = """
use Mail::SpamAssassin;
my ($local, $rules, $site, @paths) = map { /(.*)/s } @ARGV;
my $sa = Mail::SpamAssassin->new({rules_filename => $rules, site_rules_filename => $site,
    local_tests_only => $local, dont_copy_prefs => 1, userstate_dir => $ENV{HOME}});
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


# Stands in for the plugin of this name, which would ask the DNS: the policy that failed, or `pass`, is
# in a field of the message.
DMARC_PLUGIN = """
package Mail::SpamAssassin::Plugin::DMARC;
use strict;
use Mail::SpamAssassin::Plugin;
our @ISA = qw(Mail::SpamAssassin::Plugin);
sub new {
    my ($class, $main) = @_;
    my $self = bless $class->SUPER::new($main), $class;
    for my $result (qw(pass reject quarantine none missing)) {
        no strict 'refs';
        *{"check_dmarc_$result"} = sub { $_[1]->get('X-Test-Dmarc') =~ /^$result$/ ? 1 : 0 };
        $self->register_eval_rule("check_dmarc_$result", $Mail::SpamAssassin::Conf::TYPE_HEAD_EVALS);
    }
    return $self;
}
1;
"""


def test_dmarc_decides_in_spamassassin(case):
    program("spamassassin")
    rules, site = install_spamassassin(case)
    plugin = os.path.join(case.folder, "DMARC.pm")
    write_file(plugin, DMARC_PLUGIN)
    with open(os.path.join(site, "init.pre"), "a", encoding="ascii") as file:
        file.write(f"loadplugin Mail::SpamAssassin::Plugin::DMARC {plugin}\n")
    equal(run_spamassassin(case, rules, site, "--lint").stderr.decode(), "", "what lint says")
    rows = [(domain, *row) for domain in POLICIES for row in DECIDED]
    mails = []
    for domain, result, _ in rows:
        policy, sender, _ = POLICIES[domain]
        said = "pass" if sender else policy or "missing"
        top = results(f"{result} header.from={domain}") if result else ""
        mails.append(message(f"{top}X-Test-Dmarc: {said}\r\n"))
    for (domain, result, decides), scores in zip(rows, scan(case, (rules, site), mails, "0")):
        symbol = POLICIES[domain][2]
        wanted = {}
        if decides and symbol:
            wanted["VERIMAIL_DMARC_" + symbol] = DMARC_SCORES[symbol] or 0.001
        got = {name: score for name, score in scores.items() if "DMARC" in name}
        equal(got, wanted, f"{domain}: {result}")


@pytest.mark.parametrize("name, line, status, complaint", [
    ("with", f"verimail_authserv_id {ID}", 0, ""),
    ("without", "# nothing", 1, "verimail_authserv_id is not set"),
    ("empty", "verimail_authserv_id", 1, "verimail_authserv_id"),
    ("pattern", "verimail_authserv_id mx.*", 1, "verimail_authserv_id mx.*"),
    ("two", "verimail_authserv_id mx.a mx.b", 1, "verimail_authserv_id mx.a mx.b")
])
def test_spamassassin_says_whether_it_reads_our_rules(case, name, line, status, complaint):
    done = run_spamassassin(case, *install_spamassassin(case, name, line), "--lint")
    said = done.stderr.decode()
    equal(done.returncode != 0, status != 0, f"{name}: {said}")
    check(complaint in said and (status != 0 or said == ""), f"{name}: {said}")


def test_spamassassin_takes_our_rules_beside_its_own(case):
    _, site = install_spamassassin(case)
    for name in os.listdir("/etc/spamassassin"):
        if name.endswith((".pre", ".cf")) and name != "verimail.cf":
            shutil.copy(os.path.join("/etc/spamassassin", name), site)
    stock = "/usr/share/spamassassin"
    equal(run_spamassassin(case, stock, site, "--lint").stderr.decode(), "", "what lint says")
    path = os.path.join(case.folder, "message")
    write_file(path, message(results(FAIL)))
    done = run_spamassassin(case, stock, site, "-t", path)
    report = done.stdout.decode()
    check(re.search(r"^X-Spam-Status: Yes.*\bVERIMAIL_FAIL\b", report, re.M | re.S), report)
    check(re.search(r"^ +10 VERIMAIL_FAIL +The author", report, re.M), report)


# Behind the milter


def tried(receiver):
    """Mail from strangers that would be forgeries to a scanner: by subject, the fields above From.
    nowhere.test does not use Verimail, so that no field of ours stands above them."""
    forged = f"mx.{receiver}.test; verimail=pass header.from=a@nowhere.test"
    return {
        "plain": results(forged),
        "quoted": results(f'"mx.{receiver}.test"; verimail=pass header.from=a@nowhere.test'),
        "embedded": results(f"evil.test; x={forged}"),
        "words": results(f"=?utf-8?Q?mx.{receiver}.test;_=76erimail=3Dpass_a?="),
        "line in words": results(f"x =?utf-8?Q?=0Amx.{receiver}.test;_=76erimail=3Dpass_?= y"),
        "bare CR": f"X-Foo: a\rAuthentication-Results: {forged}\r\n",
        "spaced": f"Authentication-Results : {forged}\r\n",
    }


def test_scanners_behind_the_milter(case):
    site = Site(case)
    program("spamassassin")
    proxy = os.path.join(case.folder, "rspamd", "milter")
    run_rspamd(case, "mx.receiver.test", f"""
worker "rspamd_proxy" {{ bind_socket = "{proxy} mode=0666"; milter = yes; timeout = 20s; count = 1;
    upstream "local" {{ default = yes; self_scan = yes; }} }}""")
    wait_for(lambda: os.path.exists(proxy), "rspamd's milter")
    site.milter("origin")
    site.milter("receiver", "on_no = mark on_permerror = mark")
    origin = site.postfix("origin", submission=True)
    receiver = site.postfix("receiver", main="smtpd_milters = "
                            f"unix:{site.socket('receiver')}, unix:{proxy}\n")
    wanted = {"stamped": "PASS", "lenient": "NEUTRAL unstamped", "fake": "FAIL", "two": "PERMERROR"}
    equal(submit(origin, mail_message(subject="stamped"))[0], 250)
    for subject, author, more in [
            ("lenient", "bob@origin.test", ""), ("fake", "alice@origin.test", ""),
            ("two", "alice@origin.test", "From: x@nowhere.test\r\n"),
            *((subject, "a@nowhere.test", more) for subject, more in tried("receiver").items())]:
        more += f"Message-ID: <{subject.replace(' ', '-')}@nowhere.test>\r\n"
        equal(send(receiver, mail_message(author, subject, more=more))[0], 250, subject)
        wanted.setdefault(subject, None)
    mails = [receiver.wait_mail(subject) for subject in wanted]
    got = dict(zip(wanted, scan(case, install_spamassassin(
        case, line="verimail_authserv_id mx.receiver.test"), mails)))
    equal(got, {subject: wanted_scores(what, 0.001) for subject, what in wanted.items()},
          "SpamAssassin")
    log = rspamd_log(case)
    for mail, (subject, what) in zip(mails, wanted.items()):
        name = re.escape(fields(mail, "Message-ID")[0])
        line = re.search(rf"rspamd_task_write_log: id: {name},.*", log)
        check(line, f"rspamd: {subject}: it did not see the message")
        symbols = re.findall(r"\b(VERIMAIL_(?!CHECK)\w+)\((-?[\d.]+)\)", line[0])
        equal({symbol: float(score) for symbol, score in symbols}, wanted_scores(what, 0),
              f"rspamd: {subject}")
