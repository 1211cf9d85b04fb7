# SPDX-License-Identifier: ISC
"""An LDAP server of a test's own, OpenLDAP's slapd, in the folder of its case: a directory of people
with Active Directory's proxyAddresses, which whoever binds as the reader may read in pages."""
import os
import shutil
import signal
import socket
import subprocess
import urllib.parse

import pytest

from harness.checks import wait_for
from harness.files import write_file
from harness.programs import USER, as_user, free_port

PROGRAM = "/usr/sbin/slapd"
BASE = "dc=example,dc=org"
READER = f"cn=reader,{BASE}"
PASSWORD = "Readers-secret-17"
SCHEMA = """
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
    SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.1677 NAME 'supportedCapabilities'
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.38 )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.1 NAME 'sendingHosts' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.2 NAME 'moreHosts' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.3 NAME 'anywhere' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.1.4 NAME 'takenBack' EQUALITY generalizedTimeMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 )
objectclass ( 1.3.6.1.4.1.4203.666.2.1 NAME 'mailUser' SUP top AUXILIARY
    MAY ( mail $ proxyAddresses $ userAccountControl $ sendingHosts $ moreHosts $ anywhere $
        takenBack ) )
"""
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include {folder}/people.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
{settings}
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw admin
directory {folder}/data
maxsize 1073741824
dbnosync
sizelimit 500
limits dn.exact="{reader}" size=2000 size.prtotal=unlimited time=unlimited
access to attrs=userPassword by * auth
access to * by * read
"""
ROOT = f"""dn: {BASE}
objectClass: domain
dc: example

dn: {READER}
objectClass: person
cn: reader
sn: reader
userPassword: {PASSWORD}

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people
"""


def entry(name, **attributes):
    """A person's entry as LDIF. Values are a text or a list of them."""
    lines = [f"dn: uid={name},ou=people,{BASE}", "objectClass: inetOrgPerson",
             "objectClass: mailUser", f"uid: {name}", f"cn: {name}", f"sn: {name}"]
    for attribute, values in attributes.items():
        for value in [values] if isinstance(values, str) else values:
            lines.append(f"{attribute}: {value}")
    return "\n".join(lines) + "\n"


def certificates(folder, name="127.0.0.1"):
    """ca.pem, cert.pem and key.pem for a server at a loopback address, in a new folder."""
    os.mkdir(folder, 0o755)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=A test CA",
            "-days", "2")
    openssl("req", *ec, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=server")
    write_file(os.path.join(folder, "extensions"), f"subjectAltName=IP:{name}\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "cert.pem", "-days", "2", "-extfile", "extensions")
    os.chmod(os.path.join(folder, "key.pem"), 0o644)
    return folder


class Slapd:
    """It runs. `ldif`: what it has beside its root. `settings`: more of slapd.conf(5), before the
    database."""

    def __init__(self, case, *ldif, settings="", tls=None):
        if not os.access(PROGRAM, os.X_OK):
            pytest.skip("no slapd")
        self.folder = os.path.join(case.folder, "slapd" + str(len(case.servers)))
        os.makedirs(os.path.join(self.folder, "data"))
        os.chmod(case.folder, 0o755)
        if tls is not None:
            settings += (f"\nTLSCACertificateFile {tls}/ca.pem\nTLSCertificateFile {tls}/cert.pem\n"
                         f"TLSCertificateKeyFile {tls}/key.pem\n")
        write_file(self._path("people.schema"), SCHEMA, 0o644)
        write_file(self._path("slapd.conf"), CONFIG.format(
            folder=self.folder, settings=settings, base=BASE, reader=READER), 0o644)
        write_file(self._path("ldif"), "\n".join((ROOT, *ldif)), 0o644)
        if os.geteuid() == 0:
            for path in (self.folder, self._path("data")):
                shutil.chown(path, USER)
        subprocess.run(as_user("slapadd", "-q", "-f", self._path("slapd.conf"), "-l",
                               self._path("ldif")), check=True, capture_output=True)
        self.port = free_port()
        self.tls_port = free_port()
        self.process = None
        self.with_tls = tls is not None
        self.start()
        case.servers.append(self)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        listen = f"{self.address} {self.local_address}"
        if self.with_tls:
            listen += f" {self.tls_address}"
        with open(self._path("log"), "ab") as log:
            self.process = subprocess.Popen(
                as_user("setpriv", "--pdeathsig", "KILL", PROGRAM, "-h", listen, "-f",
                        self._path("slapd.conf"), "-d", "0"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._listens, "slapd")

    def _listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    @property
    def address(self):
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_address(self):
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def local_address(self):
        return "ldapi://" + urllib.parse.quote(self._path("socket"), safe="")

    def modify(self, ldif):
        """Adds or changes entries, by LDIF."""
        subprocess.run(["ldapmodify", "-x", "-H", self.address, "-D", f"cn=admin,{BASE}", "-w",
                        "admin"], input=ldif, text=True, check=True, capture_output=True)

    def add(self, ldif):
        subprocess.run(["ldapadd", "-x", "-H", self.address, "-D", f"cn=admin,{BASE}", "-w",
                        "admin"], input=ldif, text=True, check=True, capture_output=True)

    def delete(self, name):
        subprocess.run(["ldapdelete", "-x", "-H", self.address, "-D", f"cn=admin,{BASE}", "-w",
                        "admin", f"uid={name},ou=people,{BASE}"], check=True, capture_output=True)
