# SPDX-License-Identifier: ISC
"""Values made of others: every run with the same seed makes the same."""
import os
import random

SEED = int(os.environ.get("READERS_SEED", "1"))


class Mutator:
    """Makes values from those that it has; the ones that turn out to be worth it join them."""

    LIMIT = 20000  # values that it goes on from

    def __init__(self, seeds, tokens, rounds=4):
        self.random = random.Random(SEED)
        self.seeds = list(dict.fromkeys(seeds))
        self.tokens = tokens
        self.rounds = rounds

    def _insert(self, value):
        at = self.random.randint(0, len(value))
        return value[:at] + self.random.choice(self.tokens) + value[at:]

    def _delete(self, value):
        at = self.random.randint(0, len(value))
        return value[:at] + value[at + self.random.randint(1, 4):]

    def _replace(self, value):
        at = self.random.randint(0, len(value))
        return (value[:at] + self.random.choice(self.tokens) +
                value[at + self.random.randint(1, 3):])

    def _repeat(self, value):
        start, end = sorted(self.random.randint(0, len(value)) for _ in range(2))
        at = self.random.randint(0, len(value))
        return value[:at] + value[start:end] + value[at:]

    def _splice(self, value):
        other = self.random.choice(self.seeds)
        return (value[:self.random.randint(0, len(value))] +
                other[self.random.randint(0, len(other)):])

    def _octet(self, value):
        at = self.random.randint(0, len(value))
        return value[:at] + bytes([self.random.randrange(256)]) + value[at + 1:]

    def one(self):
        value = self.random.choice(self.seeds)
        ways = [self._insert] * 5 + [self._replace] * 2 + [
            self._delete, self._delete, self._repeat, self._splice, self._octet]
        for _ in range(self.random.randint(1, self.rounds)):
            value = self.random.choice(ways)(value)
        return value

    def everywhere(self):
        """Each token at each place of each of its seeds."""
        for value in list(self.seeds):
            for token in self.tokens:
                for at in range(len(value) + 1):
                    yield value[:at] + token + value[at:]

    def keep(self, values):
        self.seeds += values[:self.LIMIT - len(self.seeds)]


def smallest(value, fails):
    """What is left when nothing more can be taken away and it still fails."""
    size = max(len(value) // 2, 1)
    while size:
        at = 0
        while at < len(value):
            shorter = value[:at] + value[at + size:]
            if fails(shorter):
                value = shorter
            else:
                at += size
        size //= 2
    return value
