# SPDX-License-Identifier: ISC
"""Mail and questions for as long as SOAK_MINUTES says: what our processes hold stays level."""
import os
import statistics
import time

from harness.addresses import SERVICE
from harness.checks import check, equal
from harness.mailsite import results_of
from load import Mail, Questions
from sites import mail_site, question_maker

MINUTES = float(os.environ.get("SOAK_MINUTES", "15"))
SAMPLES = 40  # of each process, over the whole time
MORE = 2 << 10  # KiB by which memory may differ, whatever its size
SHARE = 1.1  # and as a share of it


def memory(pid):
    """KiB of a process's own; a store's file is not counted."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_what_is_held_stays_level(case):
    site = mail_site(case)
    daemons = {"service": site.start_service(workers=2), "origin": site.milter("origin"),
               "receiver": site.milter("receiver", "on_temperror = tempfail")}
    origin, receiver = site.postfix("origin"), site.postfix("receiver")
    pids = {f"{name} {i}": pid for name, daemon in daemons.items()
            for i, pid in enumerate([daemon.pid, *daemon.workers(), *daemon.recorders()])}
    mail = Mail(case, origin, receiver)
    questions = Questions(case, (SERVICE, 26), question_maker(site))
    samples = {name: [] for name in pids}
    for _ in range(SAMPLES):
        time.sleep(60 * MINUTES / SAMPLES)
        for name, pid in pids.items():
            samples[name].append((memory(pid), descriptors(pid)))
    mail.stop()
    questions.stop()
    mail.settle()
    questions.settle()
    equal({result.split(" header.from")[0] for octets in receiver.box()
           for result in results_of(octets)}, {"verimail=pass"}, "verdicts")
    print(f"# {MINUTES} minutes: {len(mail.sent)} genuine and {mail.forged} forged mails, "
          f"{questions.asked} questions")
    for name, seen in samples.items():
        # The second quarter beside the last one: by then what is kept for later is kept.
        for what, values, more in (("KiB", [kib for kib, _ in seen], MORE),
                                   ("descriptors", [count for _, count in seen], 30)):
            early, late = (statistics.median(values[SAMPLES * at // 4:SAMPLES * (at + 1) // 4])
                           for at in (1, 3))
            print(f"# {name}: {early:.0f} {what}, later {late:.0f}")
            check(late <= early * SHARE + more, f"{name}: {what} grew from {early} to {late}")
    for name, daemon in daemons.items():
        equal(daemon.lines("event=(worker|recorder)-died"), [], f"deaths at the {name}")
