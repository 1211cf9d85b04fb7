# SPDX-License-Identifier: ISC
"""The lines that the manual pages and README files have for Redis, Postfix, sendmail and Exim, in the
real programs."""
import os
import re
import shutil
import subprocess

import pytest

from harness.addresses import MTA, needs_mail_servers
from harness.checks import check, equal
from harness.examples import run_by
from harness.exim import INTEGRATION, needs_exim
from harness.files import write_file
from harness.redisserver import Redis

# sendmail asks no DNS about itself.
ALONE = """divert(-1)
divert(0)dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/service.switch')dnl
define(`confDOMAIN_NAME', `mx.example.org')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
FEATURE(`nocanonify')dnl
"""
SUBMIT_MC = """define(`confCF_VERSION', `Submit')dnl
define(`__OSTYPE__',`')dnl
define(`_USE_DECNET_SYNTAX_', `1')dnl
%s
FEATURE(`msp', `[127.0.0.1]')dnl
"""
SENDMAIL_MC = """OSTYPE(`linux')dnl
FEATURE(`no_default_msa')dnl
%s
MAILER(`smtp')dnl
"""


def run(command, **how):
    return subprocess.run(command, capture_output=True, check=False, timeout=60, **how)


def redis(case, example):
    """A command, whose lines end in a backslash where it goes on."""
    server = Redis(case)
    equal(server.ask(*example.text.replace("\\\n", " ").split()), "OK", example.where)


def postfix_folder(case):
    """A folder with a main.cf and a master.cf, and a command that reads them."""
    needs_mail_servers()
    root = os.path.join(MTA, "postfix")
    folder = os.path.join(case.folder, "etc")
    os.mkdir(folder)
    write_file(os.path.join(folder, "main.cf"), f"shlib_directory = {root}/usr/lib/postfix\n"
               f"meta_directory = {root}/etc/postfix\n", 0o644)
    write_file(os.path.join(folder, "master.cf"), "smtp inet n - y - - smtpd\n", 0o644)
    return folder, [os.path.join(root, "usr/sbin/postconf"), "-c", folder]


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def main_cf(case, example):
    """Postfix knows each of them."""
    folder, postconf = postfix_folder(case)
    append(os.path.join(folder, "main.cf"), example.text)
    done = run([*postconf, "-n"])
    equal((done.returncode, done.stderr), (0, b""), example.where)
    shown = dict(re.findall(r"^(\w+) = (.*)$", done.stdout.decode(), re.MULTILINE))
    for name, value in re.findall(r"^(\w+)\s*=\s*(.*)$", example.text, re.MULTILINE):
        equal(shown.get(name), value, f"{example.where}: {name}")


def master_cf(case, example):
    folder, postconf = postfix_folder(case)
    service, kind = re.search(r"^(\S+)\s+(\w+)", example.text, re.MULTILINE).groups()
    append(os.path.join(folder, "master.cf"), example.text)
    done = run([*postconf, "-P", f"{service}/{kind}"])
    equal((done.returncode, done.stderr), (0, b""), example.where)
    equal(done.stdout.decode().count("\n"), example.text.count(" -o "), example.where)


def sendmail(case, example, source):
    """m4 makes a configuration of it, which sendmail reads."""
    needs_mail_servers()
    root = os.path.join(MTA, "sendmail")
    cf = os.path.join(root, "usr/share/sendmail/cf/")
    path = os.path.join(case.folder, "example")

    def make(text):
        write_file(path + ".mc", ALONE.format(folder=case.folder) + source % text)
        made = run(["m4", f"-D_CF_DIR_={cf}", cf + "m4/cf.m4", path + ".mc"])
        equal((made.returncode, made.stderr), (0, b""), f"{example.where}: m4")
        return made.stdout
    write_file(os.path.join(case.folder, "service.switch"), "hosts\tfiles\naliases\tfiles\n", 0o644)
    without, octets = make("dnl"), make(example.text)
    check(octets.count(b"\n") > without.count(b"\n"), f"{example.where}: nothing comes of it")
    write_file(path + ".cf", octets, 0o644)
    # Where the host has a name without a dot, sendmail waits a minute.
    read = run(["unshare", "--uts", "sh", "-c", 'hostname mx.example.org && exec "$@"', "sh",
                os.path.join(root, "usr/libexec/sendmail/sendmail"), "-C", path + ".cf", "-bt"],
               input=b"")
    check(read.returncode == 0 and b": line " not in read.stdout + read.stderr,
          f"{example.where}: {read.stdout + read.stderr}")


# What Debian's installation asks about. The commands of an example meet these.
UPDATE_EXIM4 = """dc_eximconfig_configtype='internet'
dc_use_split_config='{split}'
CFILEMODE='644'
"""
COMMANDS = """systemctl() {{ :; }}
update-exim4.conf() {{ rm -f {out}; sh {update} -d {etc} -o {out} --keepcomments; }}
"""


def debian_exim(case, split):
    """Debian's configuration of Exim in a folder, and a function that runs commands on it. It returns what
    Exim reads: the value of an option, or a list of names."""
    needs_exim()
    root = os.path.join(MTA, "exim4-config")
    etc, out, update = (os.path.join(case.folder, name) for name in ("exim4", "exim.conf", "update"))
    if not os.path.exists(etc):
        shutil.copytree(os.path.join(root, "etc/exim4"), etc)
        os.symlink(INTEGRATION, os.path.join(etc, "verimail"))
        with open(os.path.join(root, "usr/sbin/update-exim4.conf"), encoding="utf-8") as file:
            write_file(update, file.read().replace("/usr/sbin/exim4", needs_exim())
                       .replace("/etc/exim4", etc).replace("/etc/mailname", os.path.join(etc, "mailname")))
        write_file(os.path.join(etc, "mailname"), "mx.example.org\n")
    write_file(os.path.join(etc, "update-exim4.conf.conf"),
               UPDATE_EXIM4.format(split="true" if split else "false"))

    def apply(text):
        commands = COMMANDS.format(out=out, update=update, etc=etc) + text
        done = run(["bash", "-e", "-c", commands.replace("/etc/exim4", etc)])
        equal((done.returncode, done.stderr), (0, b""), text)
        with open(out, encoding="utf-8") as file:
            made = file.read()
        write_file(out, made.replace("/etc/exim4", etc), 0o644)
        return exim_reads(out)
    return apply


def exim_reads(path):
    """The options that the module needs, as Exim reads them: data ACL, local ACL, first router, transports."""
    said = [run([needs_exim(), "-C", path, "-bP", *what]) for what in
            (["macro", "CHECK_DATA_LOCAL_ACL_FILE"], ["acl_not_smtp"], ["router_list"], ["transport_list"])]
    for done in said[1:]:
        equal((done.returncode, done.stderr), (0, b""), path)
    data, local, routers, transports = (done.stdout.decode().split() for done in said)
    return ("data.acl" in "".join(data), "local.acl" in "".join(local),
            routers[:1] == ["verimail_again"], "verimail_again" in transports)


def exim(case, example):
    """Of Debian's configuration, with the commands to undo it, or one of the reader's own."""
    kind, = example.arguments
    if kind == "plain":
        path = os.path.join(case.folder, "plain.conf")
        write_file(path, example.text.replace("/etc/exim4/verimail", INTEGRATION), 0o644)
        equal(exim_reads(path)[1:], (True, True, True), example.where)
        return
    others = {other.arguments[0]: other.text for other in run_by("servers") if other.kind == "exim"}
    for way in ("split", "unsplit") if kind == "undo" else (kind,):
        apply = debian_exim(case, way == "split")
        equal(apply(others[way]), (True, True, True, True), f"{example.where}: {way}")
        if kind == "undo":
            equal(apply(others["undo"]), (False, False, False, False), f"{example.where}: {way}")


RUN = {
    "exim": exim,
    "redis": redis, "main.cf": main_cf, "master.cf": master_cf,
    "sendmail.mc": lambda case, example: sendmail(case, example, SENDMAIL_MC),
    "submit.mc": lambda case, example: sendmail(case, example, SUBMIT_MC),
}


@pytest.mark.parametrize("example", run_by("servers"), ids=lambda example: example.where)
def test_server_reads(case, example):
    RUN[example.kind](case, example)
