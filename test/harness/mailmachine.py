# SPDX-License-Identifier: ISC
"""A machine as `verimail setup` finds it: Postfix as Debian installs it, a resolver that knows our
domains, and systemd, played by a script that starts the daemons as the units do."""
import os
import subprocess

from harness.addresses import MTA, needs_mail_servers
from harness.checks import WAIT_LIMIT, wait_for
from harness.machine import Machine

# Postfix's programs beside the machine's own; its settings, queue and log at their usual places.
POSTFIX = """set -e
mount -t overlay -o "lowerdir=$1/usr:/usr" postfix /usr
cp -a "$1/etc/postfix" /etc/
cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
cp /usr/share/postfix/dynamicmaps.cf /etc/postfix/
sed 's/^\\([a-z]* *\\(inet\\|unix\\) *. *. *\\)-/\\1y/' /usr/share/postfix/master.cf.dist >/etc/postfix/master.cf
sed -i "s/^smtp  *inet/$3:&/" /etc/postfix/master.cf
grep -q ^postdrop: /etc/group || echo 'postdrop:x:2992:' >>/etc/group
mkdir -p -m 755 /var/lib/postfix /run/log
chown postfix /var/lib/postfix
mkdir -p /var/spool/postfix
hostname=$2
sed -i "/^compatibility_level/s/=.*/= 3.7/; /^myhostname/d; /^mynetworks/d" /etc/postfix/main.cf
cat >>/etc/postfix/main.cf <<END
myhostname = $hostname
mydestination = $hostname, localhost
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
mail_spool_directory = /run/mail
maillog_file = /run/log/postfix.log
maillog_file_prefixes = /run/log
disable_dns_lookups = yes
mailbox_size_limit = 0
END
mkdir -m 1777 /run/mail
postfix check
"""
SYSTEMCTL = """#!/bin/sh
# What systemd does with our units.
verb=$1 unit=$3 run=/run/units
mkdir -p $run
active() { [ -s $run/$unit ] && kill -0 "$(cat $run/$unit)" 2>/dev/null; }
case $verb in
is-active) active ;;
enable)
    active && exit 0
    install -d -o verimail -g verimail /run/verimail
    setsid setpriv --reuid verimail --regid verimail --init-groups --inh-caps +net_bind_service \\
        --ambient-caps +net_bind_service $unit >>/run/log/$unit.log 2>&1 </dev/null &
    echo $! >$run/$unit
    (tail --pid "$(cat /run/machine)" -f /dev/null; kill "$(cat $run/$unit)") >/dev/null 2>&1 </dev/null &
    for i in $(seq 200); do
        grep -q event=ready /run/log/$unit.log && exit 0
        active || break
        sleep 0.1
    done
    echo "Job for $unit.service failed." >&2
    exit 1 ;;
reload) active && kill -HUP "$(cat $run/$unit)" ;;
*) exit 1 ;;
esac
"""


class MailMachine(Machine):
    """Ends with the case."""

    def __init__(self, case, hostname="mail.example.org", address="127.0.0.1"):
        needs_mail_servers()
        super().__init__(case)
        self.must("rm -rf /etc/verimail /var/lib/verimail && mkdir -p /run/systemd/system")
        self.write("/run/machine", str(self.process.pid))
        self.write("/opt/bin/systemctl", SYSTEMCTL, 0o755)
        self.write("/opt/postfix", POSTFIX)
        case.servers.append(self)
        self.must(f"sh /opt/postfix {os.path.join(os.path.abspath(MTA), 'postfix')} {hostname} {address}")

    def start_postfix(self):
        """Ends with the machine."""
        process = subprocess.Popen(
            self._command("exec setpriv --pdeathsig KILL /usr/lib/postfix/sbin/master -d"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.case.processes.append(process)
        wait_for(lambda: self.run("postfix status")[0] == 0, "Postfix")

    def stop(self):
        """The daemons that systemd would have."""
        self.run("""for pid in $(cat /run/units/* 2>/dev/null); do
            kill $pid && tail --pid $pid -f /dev/null; done""")

    def boxed(self, user="root"):
        """What was delivered to a user here."""
        return self.run(f"cat /run/mail/{user}")[1]

    def wait_boxed(self, words, user="root"):
        wait_for(lambda: words in self.boxed(user), f"a message to {user} with {words}",
                 limit=WAIT_LIMIT)

    def setup(self, arguments, given=b""):
        """Exit status, and what was said."""
        return self.run(f"verimail setup {arguments}", given)
