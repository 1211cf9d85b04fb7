# SPDX-License-Identifier: ISC
"""Mail and questions while processes are killed and everything around them fails. CHAOS_SECONDS says
for how long; CHAOS_SEED repeats a run's choices."""
import collections
import os
import random
import signal
import threading
import time

from harness.addresses import SERVICE
from harness.checks import check, equal, wait_for
from harness.client import ask_anyway
from harness.mailsite import results_of
from harness.movedclock import MovedClock
from harness.namespaces import apart, disk
from harness.redisserver import Redis
from harness.replaystore import YES
from load import Mail, Questions
from sites import mail_site, question_maker
from troubles import (Between, clocks_ahead, clocks_behind, dns_troubles, full, locked, read_only,
                      signal_quietly, stopped)

SECONDS = float(os.environ.get("CHAOS_SECONDS", "300"))
SEED = int(os.environ.get("CHAOS_SEED", time.time()))
EVERY = 1 / 8  # seconds between two deaths
LASTS = (0.5, 3)  # seconds that a trouble lasts, at least and at most
DAEMON = 0.1  # how often it is a supervisor that dies


class Killer:
    """Kills the processes of daemons, and starts again what has no parent left to do it."""

    def __init__(self, daemons, chance):
        self.daemons = daemons  # name: [the daemon, how another is started]
        self.chance = chance
        self.kills = 0
        self.troubles = collections.Counter()  # those that took effect
        self._end = threading.Event()

    def _kill_one(self):
        name = self.chance.choice(sorted(self.daemons))
        daemon, start = self.daemons[name]
        if self.chance.random() < DAEMON:
            daemon.kill()
            self.kills += 1
            self.daemons[name][0] = start()
            return
        try:
            pids = [*daemon.workers(), *daemon.recorders()]
        except OSError:  # it is not there yet
            return
        if pids:
            self.kills += signal_quietly(self.chance.choice(pids), signal.SIGKILL)

    def run(self, seconds, troubles):
        """One trouble after the other, and deaths all the while. Daemons are started by this thread:
        they end with the one that started them."""
        self._end.clear()
        thread = threading.Thread(target=self._make_trouble, args=(troubles,))
        thread.start()
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self._kill_one()
                time.sleep(EVERY)
        finally:
            self._end.set()
            thread.join()

    def _make_trouble(self, troubles):
        while not self._end.is_set():
            chosen = self.chance.choice(troubles)
            with chosen() as took_effect:
                if not took_effect:
                    self._end.wait(EVERY)
                    continue
                self.troubles[chosen.name] += 1
                self._end.wait(self.chance.uniform(*LASTS))
            self._end.wait(self.chance.uniform(*LASTS))

    def end(self):
        self._end.set()


def deaths_are_ours(case):
    """Nothing of ours ended but by a kill."""
    for daemon in case.daemons:
        equal(daemon.lines(r"signal=(?!KILL\b)\S"), [], "processes that died of something else")


@apart
def test_mail_and_questions_survive(case):
    print(f"# CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    site = mail_site(case)
    with disk(site.state, "200m"):
        clock = MovedClock(case)

        def start_service():
            return site.start_service(workers=2, env=clock.env)
        daemons = {"service": [start_service(), start_service]}
        for name in ("origin", "receiver"):
            def start(name=name):
                # Where nothing counts, one network brings more without a YES than its budget has.
                return site.milter(name, "on_temperror = tempfail budget_per_domain = 100000")
            daemons[name] = [start(), start]
        origin = site.postfix("origin")
        receiver = site.postfix("receiver")
        killer = Killer(daemons, chance)
        case.loads.append(killer)
        mail = Mail(case, origin, receiver)
        questions = Questions(case, (SERVICE, 26), question_maker(site))
        service = daemons["service"]
        troubles = [
            *clocks_behind(clock), *dns_troubles(site), full(site.state), read_only(site.state),
            stopped(lambda: service[0].recorders(), "recorders"),
            stopped(lambda: service[0].workers()[:1], "a worker"),
            locked(os.path.join(site.state, "events.db"))]
        killer.run(0.8 * SECONDS, troubles)
        wait_for(lambda: ask_anyway((SERVICE, 26), question_maker(site)(1)) == YES, "counting as ever")
        # After a clock that was ahead nothing counts until its time has come.
        killer.run(0.2 * SECONDS, clocks_ahead(clock))
        mail.stop()
        questions.stop()
        mail.settle()
        questions.settle()
        passed = [results_of(octets) for octets in receiver.box()]
        check(all(len(results) == 1 for results in passed), "mails without one result")
        verdicts = {}
        for (result,) in passed:
            verdict = result.split(" header.from")[0]
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
        equal([verdict for verdict in verdicts if "fail" in verdict or "error" in verdict], [],
              "verdicts")
        deaths_are_ours(case)
        print(f"# {killer.kills} kills, {killer.troubles.total()} troubles; {len(mail.sent)} genuine mails arrived "
              f"once ({mail.deferred} times 451): {verdicts}; {mail.forged} forged ones were not taken")
        print(f"# {questions.asked} questions, {questions.lost} without an answer, "
              f"{len(questions.yes)} payloads")
        print(f"# troubles that took effect: {dict(killer.troubles)}")


def test_questions_that_redis_counts_survive(case):
    chance = random.Random(SEED)
    between = Between(case, ("127.0.0.1", Redis(case).port))
    config = case.world.config(more="log { level = notice }", workers=2,
                               replay=f'"redis://{between.address}"', listen=(f'"{SERVICE}:26"',))

    def start():
        return case.daemon(config)

    def make(recipients):
        return case.world.question(receiving=f"example.net:{recipients}")
    killer = Killer({"service": [start(), start]}, chance)
    case.loads.append(killer)
    questions = Questions(case, (SERVICE, 26), make)
    killer.run(0.2 * SECONDS, between.troubles())
    wait_for(lambda: ask_anyway((SERVICE, 26), make(1)) == YES, "counting as ever")
    questions.stop()
    questions.settle()
    deaths_are_ours(case)
    print(f"# CHAOS_SEED={SEED}: {killer.kills} kills, {killer.troubles.total()} troubles, {questions.asked} "
          f"questions, {questions.lost} without an answer, {len(questions.yes)} payloads")
