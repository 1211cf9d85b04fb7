# SPDX-License-Identifier: ISC
"""Keys in folders: newest first by name, and a reload picks up new ones."""
import os
import re
import subprocess

from harness.checks import WAIT_LIMIT, check, contains, equal
from harness.commandline import ALICE
from harness.daemon import BUILD
from harness.files import write_file
from harness.keys import Key, base64url, blake2b
from harness.milterclient import MilterClient
from harness.milterprocess import HEADER, MilterSite


def key_folder(case, name):
    path = os.path.join(case.folder, name)
    os.mkdir(path, 0o755)
    return path


def public(key, path):
    write_file(path, "# a public key\n" + key.public_text() + "\n", 0o644)


def test_a_service_takes_all_that_lie_in_its_folders(case):
    w = case.world
    service, host = key_folder(case, "service"), key_folder(case, "host")
    old, new, second = w.host, Key("host"), Key("service")
    w.service.write(os.path.join(service, "2026-11-01.key"))
    public(old, os.path.join(host, "2026-11-01.pub"))
    write_file(os.path.join(host, "2026-12-01.pub~"), "half a k")
    d = case.daemon(w.config(keys=[service], host_keys=[host]))
    later = w.question(host=new)
    equal(d.ask(w.question()), "YES stamped\r\n", "the first key of the host")
    equal(d.ask(later), "NO forged\r\n", "before it is there")
    public(new, os.path.join(host, "2026-12-01.pub"))
    second.write(os.path.join(service, "2026-12-01.key"))
    equal(d.ask(later), "NO forged\r\n", "before the reload")
    d.reload()
    for who in (old, new):
        for what in (w.service, second):
            equal(d.ask(w.question(host=who, service=what)), "YES stamped\r\n")
    # What is broken is named, and nothing changes.
    path = os.path.join(service, "2026-12-24.key")
    write_file(path, second.secret_text()[:30] + "\n")
    d.reload(wanted="event=reload-refused")
    contains(d.lines("reload-refused")[-1], f"unusable service key (is not the text of a key): {path}")
    equal(d.ask(w.question(host=new, service=second)), "YES stamped\r\n", "with a broken key")
    os.unlink(path)
    os.unlink(os.path.join(host, "2026-11-01.pub"))
    d.reload()
    equal(d.ask(w.question()), "NO forged\r\n", "a host key that was taken out")


def stamped_by(site, service, keys):
    """Which of a host's keys made the stamp of a message of alice's."""
    with MilterClient(site.socket) as client:
        client.connect("127.0.0.1")
        (stamp,) = client.message(HEADER, b"text\r\n", sender="<alice@origin.test>").stamps()
    return key_of(stamp, service, keys)


def key_of(stamp, service, keys):
    payload = re.sub(r"\s", "", stamp.split(None, 1)[1])
    ids = [blake2b(bytes(key.public) + bytes(service.public))[:8] for key in keys]
    heads = [base64url(b"\x01" + key_id)[:12] for key_id in ids]
    return heads.index(payload[:12])


def test_a_milter_seals_with_the_newest(case):
    site = MilterSite(case)
    folder = key_folder(case, "keys")
    service, keys = Key("service"), [Key("host"), Key("host")]
    site.service_key = service.public_text()
    keys[0].write(os.path.join(folder, "2026-11-01.key"))
    public(keys[0], os.path.join(folder, "2026-11-01.pub"))
    d = site.start(site.config(stamp=site.stamp(folder)))
    equal(stamped_by(site, service, keys), 0, "the only key")
    keys[1].write(os.path.join(folder, "2026-12-01.key"))
    equal(stamped_by(site, service, keys), 0, "before the reload")
    d.reload()
    equal(stamped_by(site, service, keys), 1, "the newest")
    path = os.path.join(folder, "2026-12-24.key")
    write_file(path, "")
    d.reload(wanted="event=reload-refused")
    contains(d.lines("reload-refused")[-1], f"unusable host key (is not the text of a key): {path}")
    equal(stamped_by(site, service, keys), 1, "with a broken key")


def test_the_command_line_stamps_with_the_newest(case):
    folder = key_folder(case, "keys")
    service, keys = Key("service"), [Key("host"), Key("host")]
    keys[1].write(os.path.join(folder, "2026-12-01.key"))
    keys[0].write(os.path.join(folder, "2026-11-01.key"))
    config = os.path.join(case.folder, "stamp.conf")
    write_file(config, f"""stamp {{ host = mail.example.org key = "{folder}" domains = example.org
                       service_key = "{service.public_text()}" }}""")
    command = [os.path.join(BUILD, "src/command/verimail"), "-c", config, "stamp"]
    done = subprocess.run(command, input=ALICE, capture_output=True, check=False,
                          timeout=WAIT_LIMIT)
    equal((done.returncode, done.stderr), (0, b""))
    head = done.stdout.decode().split("From:")[0]
    equal(key_of(re.sub(r"^Verimail:", "", head).strip(), service, keys), 1, head)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    done = subprocess.run(command, input=ALICE, capture_output=True, check=False,
                          timeout=WAIT_LIMIT)
    equal((done.returncode, done.stdout), (os.EX_CONFIG, ALICE))
    check(b"is a folder without a file *.key" in done.stderr, done.stderr)
