#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A key that is taken out while its payloads are still good is noticed."""
import os
import re
import signal
import subprocess
import time

from harness import BUILD, PROGRAMS, Key, case, check, equal, main, write_file

WEEK = 7 * 86400
WARNING = "warning: a key removed while its payloads are still good"


def tested(path):
    """What `verimaild -t` says of this configuration, which is good."""
    done = subprocess.run([os.path.join(BUILD, PROGRAMS["verimaild"]), "-t", "-c", path],
                          capture_output=True, check=False, timeout=30)
    equal(done.returncode, 0, "the exit status of -t")
    equal(done.stdout, b"", "standard output of -t")
    return done.stderr.decode()


def used_key(t, age):
    """A daemon with two keys of one host, the older of which made a payload `age` seconds ago and
    was asked about; and the configuration without it."""
    w, old, new = t.world, t.world.host, Key("host")
    d = t.daemon(w.config(host_keys=[new.public_text(), old.public_text()]))
    answer = d.ask(w.question(issued=int(time.time()) - age))
    check(answer in ("YES stamped\r\n", "ALLOW expired\r\n"), answer)
    return d, w.config(host_keys=[new.public_text()])


@case
def taken_out_too_early_is_warned_of(t):
    d, without = used_key(t, 60)
    equal(tested(d.config), "", "a warning though all keys are there")
    equal(d.stop(), 0, "the exit status")
    write_file(d.config, without)
    said = tested(d.config)
    check(re.search(rf"{WARNING}: host mail\.example\.org, key id [0-9a-f]{{16}}: expected it to "
                    r"stay until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$", said), said)


@case
def in_time_is_not(t):
    """A payload that old is no longer good, five minutes of clocks included."""
    for age, warned in ((WEEK + 290, True), (WEEK + 330, False)):
        d, without = used_key(t, age)
        equal(d.stop(), 0, "the exit status")
        write_file(d.config, without)
        equal(WARNING in tested(d.config), warned, f"{age} s old: a warning")
        os.unlink(os.path.join(t.world.state, "keys"))


@case
def a_reload_says_so(t):
    d, without = used_key(t, 60)
    d.reload(without)
    d.wait_log(f"event=key-removed.*{WARNING}")
    equal(d.ask(t.world.question()), "NO forged\r\n", "the removed key's payload")
    d.wait_log("reason=forged payload=\"is sealed with a key that is none of ours\"")


@case
def a_key_that_was_never_used_may_go(t):
    w, new = t.world, Key("host")
    d = t.daemon(w.config(host_keys=[new.public_text(), w.host.public_text()]))
    d.reload(w.config(host_keys=[new.public_text()]))
    equal(d.count("key-removed"), 0, "warnings")


@case
def the_record_survives_a_kill(t):
    """It is written at every start and reload, and once a minute."""
    d, without = used_key(t, 60)
    d.reload()
    os.kill(d.pid, signal.SIGKILL)
    d.process.wait()
    write_file(d.config, without)
    check(WARNING in tested(d.config), "no warning")


@case
def a_broken_record_harms_nobody(t):
    path = os.path.join(t.world.state, "keys")
    for content in (b"", b"\0" * 10000, b"x" * 100000, b"00 mail.example.org 1\n" * 1000):
        with open(path, "wb") as file:
            file.write(content)
        d = t.daemon()
        equal(d.ask(t.world.question()), "YES stamped\r\n", "an answer")
        equal(d.stop(), 0, "the exit status")
        equal(tested(d.config), "", "what -t says")


@case
def a_folder_that_is_not_there_is_named_once(t):
    os.rmdir(t.world.state)
    d = t.daemon()
    d.wait_log(f"event=state-not-written.*folder={t.world.state}.*No such file")
    d.reload()
    equal(d.ask(t.world.question()), "YES stamped\r\n", "an answer")
    equal(d.count("state-not-written"), 1, "times it was said")


main()
