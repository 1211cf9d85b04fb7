# SPDX-License-Identifier: ISC
"""Questions about payloads that are counted, and what they are answered."""
import os
import time

from harness.checks import check, equal, wait_for

YES = "YES stamped\r\n"
REPLAYED = "ALLOW replayed\r\n"
UNCOUNTED = "ALLOW uncounted\r\n"
LOST = "event=replay-store-lost"
ALLOWANCE = 4  # of a payload with one recipient
ALARM = "level=alarm event=alarm about=replay"


def counting(case, **how):
    """A configuration with the store that is the default; without a line for each question."""
    return case.world.config(more="log { level = notice }", **how).replace('replay = "none"\n', "")


def state(case, name):
    return os.path.join(case.world.state, name)


def change_boot(case):
    """The store becomes one of another boot."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        boot = file.read().strip()
    with open(state(case, "replay-mark"), "r+b") as file:
        content = file.read()
        check(boot in content, "the mark does not name this boot")
        file.seek(0)
        file.write(content.replace(boot, boot[::-1]))


def question(case, receiving="example.net:1", rcpt="example.net", issued=None, user="alice@example.org"):
    payload = case.world.payload(user=user, receiving=receiving, issued=issued)
    return f"{user} {payload}{' rcpt=' + rcpt if rcpt else ''}\r\n"


def fresh(case):
    """A question about a payload that is issued after whatever happened by now."""
    return question(case, issued=int(time.time()) + 5)


def exhaust(d, asked, allowance, yes=YES, replayed=REPLAYED):
    for i in range(allowance):
        equal(d.ask(asked), yes, f"time {i + 1}")
    for _ in range(3):
        equal(d.ask(asked), replayed, "once more")


# Counts in Redis


def service(case, address, options="", workers=1, **how):
    """One of several services that count in one place."""
    state = case.world.make_state(f"state{len(case.daemons)}")
    return case.daemon(
        case.world.config(options, replay=f'"{address}"', workers=workers, state=state), **how)


def counted(case, d):
    """Until the store counts, and then a payload up to its edge."""
    wait_for(lambda: d.ask(case.world.question()) == YES, "a question that is counted")
    question = case.world.question()
    equal([d.ask(question) for _ in range(ALLOWANCE + 2)],
          [YES] * ALLOWANCE + [REPLAYED] * 2, "one question again and again")
