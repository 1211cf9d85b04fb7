# SPDX-License-Identifier: ISC
"""The real OpenDKIM, beside our milter."""
import os
import subprocess

import pytest

from harness.checks import wait_for
from harness.dnsserver import DnsServer
from harness.files import write_file
from harness.programs import start


# libunbound, which OpenDKIM asks with, knows `test.` better than any name server, and asks none in
# 127.0.0.0/8.
DOMAIN = "origin.example"
NAME_SERVER = "192.0.2.53"


def name_server(case, site):
    """The site's records at an address of the loopback device that is not one of loopback."""
    subprocess.run(["ip", "address", "replace", NAME_SERVER + "/32", "dev", "lo"], check=True)
    case.servers.append(DnsServer(site.records, NAME_SERVER, 53))


def open_dkim(case, site, name, mode, bits=1024):
    """An OpenDKIM for origin.test that signs (`s`) or verifies (`v`): its socket for
    Postfix, and its process."""
    folder = os.path.join(case.folder, "dkim-" + name)
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    if not os.path.exists("/usr/sbin/opendkim"):
        pytest.skip("opendkim is not installed")
    key = os.path.join(case.folder, "dkim.private")
    if not os.path.exists(key):
        name_server(case, site)
        subprocess.run(["opendkim-genkey", "-D", case.folder, "-d", "origin.test", "-s", "s", "-b",
                        str(bits)], check=True)
        os.rename(os.path.join(case.folder, "s.private"), key)
        with open(os.path.join(case.folder, "s.txt"), encoding="ascii") as file:
            parts = file.read().split('"')[1::2]
        site.records[f"s._domainkey.{DOMAIN}", "TXT"] = [
            " ".join(f'"{part}"' for part in parts)]
    socket_path = os.path.join(folder, "sock")
    write_file(os.path.join(folder, "conf"), f"""
Syslog no
Mode {mode}
Socket local:{socket_path}
UMask 000
KeyTable {folder}/keys
SigningTable refile:{folder}/signing
Nameservers {NAME_SERVER}
InternalHosts refile:{folder}/internal
SignHeaders *,+verimail
AuthservID dkim.{name}.test
RequireSafeKeys no
""")
    write_file(os.path.join(folder, "keys"), f"key {DOMAIN}:s:{key}\n")
    write_file(os.path.join(folder, "signing"), "*@origin.test key\n")
    write_file(os.path.join(folder, "internal"),
               "127.0.0.1\n127.0.1.1\n" if mode == "s" else "192.0.2.1\n")
    process = start(case, ["/usr/sbin/opendkim", "-f", "-x", os.path.join(folder, "conf")],
                    os.path.join(folder, "out"))
    wait_for(lambda: os.path.exists(socket_path), "OpenDKIM")
    return "unix:" + socket_path, process
