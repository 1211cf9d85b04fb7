# SPDX-License-Identifier: ISC
"""Replay counts in a file while workers and services die, or are reloaded."""
import os
import random
import signal
import time

from harness.checks import check, equal, wait_for
from harness.client import ask, ask_anyway
from harness.replaystore import LOST, REPLAYED, YES, counting
from harness.threads import Threads


class Storm(Threads):
    """Clients that ask about a few payloads without a pause, and note each answer. A question whose
    answer was lost may have been counted."""

    def __init__(self, case, addresses, questions, threads=6):
        super().__init__(case, threads)
        self.addresses = addresses
        self.questions = questions
        self.yes = [0] * len(questions)
        self.lost = [0] * len(questions)
        self.wrong = []
        self.asked = 0
        self.start()

    def once(self, i):
        which = random.randrange(len(self.questions))
        answer = ask_anyway(random.choice(self.addresses), self.questions[which])
        self._note(which, answer)
        if not answer:
            time.sleep(0.01)

    def _note(self, i, answer):
        with self.lock:
            self.asked += 1
            if answer == YES:
                self.yes[i] += 1
            elif not answer:
                self.lost[i] += 1
            elif answer != REPLAYED:
                self.wrong.append(answer)

    def wait_asked(self, count):
        target = self.asked + count
        wait_for(lambda: self.asked >= target, f"{count} more answers")

    def stop(self):
        super().stop()
        equal(self.wrong, [], "wrong answers")


class Payloads:
    """Some payloads, the questions about them, and what may come of these: each sum of YES answers
    has a limit."""

    RECIPIENTS = 300

    def __init__(self, case):
        n = self.RECIPIENTS
        w = case.world
        self.questions = []
        self.limits = []  # (indices of questions, their sum's allowance)
        for _ in range(3):
            self._limit(4 * n, self._add(w.payload(receiving=f"example.net:{n}"), "example.net"))
        self._limit(4 * n, self._add(w.payload(receiving=f"*:{n}"), "example.com"))
        two = w.payload(receiving=f"example.net:{n // 3},example.com:{n}")
        both = self._add(two, "example.com,example.net")
        one = self._add(two, "example.com")
        self._limit(4 * (n // 3), both)
        self._limit(4 * n, both, one)

    def _add(self, payload, rcpt):
        self.questions.append(f"alice@example.org {payload} rcpt={rcpt}\r\n")
        return len(self.questions) - 1

    def _limit(self, allowance, *indices):
        self.limits.append((indices, allowance))

    def settle(self, d, storm):
        """Asks until all is used up; then what was answered YES must be what was allowed, but for
        answers that were lost."""
        address = d.address
        for i, asked in enumerate(self.questions):
            while ask(address, asked) == YES:
                storm.yes[i] += 1
            equal(ask(address, asked), REPLAYED, "when it was used up")
        for indices, allowance in self.limits:
            yes = sum(storm.yes[i] for i in indices)
            lost = sum(storm.lost[i] for i in indices)
            check(yes <= allowance, f"{yes} times YES where {allowance} were allowed")
            check(yes + lost >= allowance, f"{allowance} allowed, {yes} times YES, {lost} lost")


def test_workers_killed_every_50_ms_lose_no_count(case):
    payloads = Payloads(case)
    config = counting(case, workers=4)
    d = case.daemon(config)
    storm = Storm(case, d.addresses(), payloads.questions)
    kills = 0
    for _ in range(6):
        # Those of one generation come back ever later, if they die so soon.
        end = kills + 12
        while kills < end:
            pids = d.workers()
            if pids:
                os.kill(random.choice(pids), signal.SIGKILL)
                kills += 1
            time.sleep(0.05)  # that often, whatever they are about
        d.reload(config)
    storm.wait_asked(200)
    storm.stop()
    lost, asked = sum(storm.lost), storm.asked
    payloads.settle(d, storm)
    equal(d.stop(), 0)
    equal(d.count(LOST), 0, "stores that were lost")
    equal(d.count("signal=(?!KILL)"), 0, "workers that died of something else")
    print(f"# {kills} workers killed, {asked} questions, {lost} answers lost")


def test_parents_killed_lose_no_count(case):
    payloads = Payloads(case)
    d = case.daemon(counting(case))
    storm = Storm(case, d.addresses(), payloads.questions)
    for _ in range(5):
        storm.wait_asked(150)
        d.kill()
        d = case.daemon(counting(case))  # while the workers of the one before may still finish
        storm.addresses = d.addresses()
    storm.wait_asked(150)
    storm.stop()
    payloads.settle(d, storm)
    equal(d.stop(), 0)
    equal(sum(each.count(LOST) for each in case.daemons), 0, "stores that were lost")


def test_reloads_lose_neither_counts_nor_answers(case):
    payloads = Payloads(case)
    d = case.daemon(counting(case))
    storm = Storm(case, d.addresses(), payloads.questions)
    for i in range(10):
        storm.wait_asked(60)
        d.reload(counting(case, workers=1 + i % 3))
    storm.stop()
    equal(sum(storm.lost), 0, "lost answers")
    payloads.settle(d, storm)
    equal(d.stop(), 0)
    # And a restart.
    d = case.daemon(counting(case))
    for asked in payloads.questions:
        equal(d.ask(asked), REPLAYED, "after a restart")
    equal(d.stop(), 0)
