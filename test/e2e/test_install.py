# SPDX-License-Identifier: ISC
"""What `meson install` installs, and what it says is left to do."""
import os
import subprocess

from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.daemon import BUILD


def install(folder, *options):
    done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", str(folder), *options],
                          capture_output=True, text=True, check=False, timeout=WAIT_LIMIT)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


SAID = [
    "systemd-sysusers", "install -d /etc/verimail", "/var/lib/verimail", "-m 2750 /var/spool/postfix/verimail",
    "systemctl enable verimaild.socket verimaild verimail-milter", "systemctl try-restart", "/usr/share/dns/root.key",
    "examples/verimail.conf", "verimail setup DOMAIN",
]
INSTALLED = [
    "bin/verimail", "sbin/verimaild", "sbin/verimail-milter", "libexec/verimail/verimail-recorder",
    "lib/systemd/system/verimaild.socket", "lib/sysusers.d/verimail.conf", "share/doc/verimail/examples/verimail.conf",
    "share/bash-completion/completions/verimail", "share/zsh/site-functions/_verimail",
]


def test_what_is_installed_and_what_is_left(tmp_path):
    out = install(tmp_path)
    for what in SAID:
        contains(out, what)
    found = [os.path.join(folder, file) for folder, _, files in os.walk(tmp_path) for file in files]
    for name in INSTALLED:
        check(any(path.endswith("/" + name) for path in found), f"no {name} among {len(found)} files")
    equal(install(tmp_path, "--quiet"), "", "quiet")
