# SPDX-License-Identifier: ISC
"""A key that is taken out while its payloads are still good is noticed."""
import os
import pwd
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD, PROGRAMS
from harness.files import write_file
from harness.keys import Key
from harness.programs import USER, as_user

WEEK = 7 * 86400
WARNING = "warning: a key removed while its payloads are still good"


def tested(path):
    """What `verimaild -t` says of this configuration, which is good."""
    done = subprocess.run([os.path.join(BUILD, PROGRAMS["verimaild"]), "-t", "-c", path],
                          capture_output=True, check=False, timeout=WAIT_LIMIT)
    equal(done.returncode, 0, "the exit status of -t")
    check(done.stdout.startswith(b"OK: "), done.stdout)
    return done.stderr.decode()


def used_key(case, age):
    """A daemon with two keys of one host, the older of which made a payload `age` seconds ago and
    was asked about; and the configuration without it."""
    w, old, new = case.world, case.world.host, Key("host")
    d = case.daemon(w.config(host_keys=[new.public_text(), old.public_text()]))
    answer = d.ask(w.question(issued=int(time.time()) - age))
    check(answer in ("YES stamped\r\n", "ALLOW expired\r\n"), answer)
    return d, w.config(host_keys=[new.public_text()])


def test_taken_out_too_early_is_warned_of(case):
    d, without = used_key(case, 60)
    equal(tested(d.config), "", "a warning though all keys are there")
    equal(d.stop(), 0, "the exit status")
    write_file(d.config, without)
    said = tested(d.config)
    check(re.search(rf"{WARNING}: host mail\.example\.org, key id [0-9a-f]{{16}}: expected it to "
                    r"stay until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$", said), said)


@pytest.mark.parametrize("age, warned", [(WEEK + 290, True), (WEEK + 330, False)])
def test_in_time_is_not(case, age, warned):
    """A payload that old is no longer good, five minutes of clocks included."""
    d, without = used_key(case, age)
    equal(d.stop(), 0, "the exit status")
    write_file(d.config, without)
    equal(WARNING in tested(d.config), warned, f"{age} s old: a warning")
    os.unlink(os.path.join(case.world.state, "keys"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_cannot_read_the_last_uses(case):
    d, _ = used_key(case, 60)
    equal(d.stop(), 0, "the exit status")
    os.chown(os.path.join(case.world.state, "keys"), 0, 0)
    os.chown(case.folder, pwd.getpwnam(USER).pw_uid, -1)
    d = case.daemon(case.world.config(run_as=USER), command=as_user())
    d.wait_log(f"level=warning event=key-uses-lost folder={case.world.state} "
               'error="Permission denied"')


def test_a_reload_says_so(case):
    d, without = used_key(case, 60)
    d.reload(without)
    d.wait_log(f"event=key-removed.*{WARNING}")
    equal(d.ask(case.world.question()), "NO forged\r\n", "the removed key's payload")
    d.wait_log("reason=forged payload=\"is sealed with a key that is none of ours\"")


def test_a_key_that_was_never_used_may_go(case):
    w, new = case.world, Key("host")
    d = case.daemon(w.config(host_keys=[new.public_text(), w.host.public_text()]))
    d.reload(w.config(host_keys=[new.public_text()]))
    equal(d.count("key-removed"), 0, "warnings")


def test_the_record_survives_a_kill(case):
    """It is written at every start and reload, and once a minute."""
    d, without = used_key(case, 60)
    d.reload()
    os.kill(d.pid, signal.SIGKILL)
    d.process.wait()
    write_file(d.config, without)
    check(WARNING in tested(d.config), "no warning")


def test_a_broken_record_harms_nobody(case):
    path = os.path.join(case.world.state, "keys")
    for content in (b"", b"\0" * 10000, b"x" * 100000, b"00 mail.example.org 1\n" * 1000):
        with open(path, "wb") as file:
            file.write(content)
        d = case.daemon()
        equal(d.ask(case.world.question()), "YES stamped\r\n", "an answer")
        equal(d.stop(), 0, "the exit status")
        equal(tested(d.config), "", "what -t says")


def test_a_folder_that_is_not_there_is_named_once(case):
    d = case.daemon()
    shutil.rmtree(case.world.state)
    d.reload()
    d.wait_log(f"event=state-not-written.*folder={case.world.state}.*No such file")
    d.reload()
    equal(d.ask(case.world.question()), "YES stamped\r\n", "an answer")
    equal(d.count("state-not-written"), 1, "times it was said")
    equal(d.stop(), 0)
    refused = case.daemon(ready=False)
    refused.wait_log(f"event=not-started.*No such file or directory: {case.world.state}")
    equal(refused.process.wait(WAIT_LIMIT), os.EX_CONFIG)


def with_end(case, seconds):
    """The configuration with an end of its host so many seconds from now, and the end."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    config = case.world.config()
    return config.replace('host "mail.example.org" { ',
                          f'host "mail.example.org" {{ expires = "{end}" '), end


def test_a_host_has_an_end(case):
    config, end = with_end(case, 40 * 86400)
    d = case.daemon(config)
    equal(tested(d.config), "", "what -t says of an end that is far")
    equal(d.count("about=host"), 0, "alarms")
    equal(d.stop(), 0, "the exit status")
    d = case.daemon(with_end(case, 10 * 86400)[0])
    line = d.wait_log("level=alarm event=alarm about=host subject=mail.example.org")[0]
    check("stamps of the host are permitted until" in line and "remedy=" in line, line)
    check("warning: the stamps of a host are permitted until" in tested(d.config), "no warning")
    equal(d.ask(case.world.question()), "YES stamped\r\n", "before its end")
    config, end = with_end(case, -60)
    d.reload(config)
    equal(d.ask(case.world.question(issued=int(time.time()) - 3600)), "NO refused\r\n",
          "after its end, with a stamp of before")
    d.wait_log("verdict=NO reason=refused cause=host-expired")
    check(f"warning: the stamps of a host are no more permitted since {end}" in tested(d.config),
          tested(d.config))
