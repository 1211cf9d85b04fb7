# SPDX-License-Identifier: ISC
"""Stores of counts, records of events and tables of users, for the scenarios that measure them."""

import contextlib
import os
import pathlib
import pwd
import random
import shutil
import sqlite3
import subprocess

import verimaild
from measuring import WARM_UP, Server

SERVICE_USER = "nobody"
FILLED_ANEW = 100000  # counts, up to which a store is filled for every run
WAIT = 1.5            # seconds in which the recorder has recorded and synced what came


def owned_folder(path):
    """A folder of the user that verimaild becomes."""
    path.mkdir(parents=True, exist_ok=True)
    give_away(path)
    return path


def give_away(*paths):
    if os.geteuid() == 0:
        user = pwd.getpwnam(SERVICE_USER)
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def output_to(path, *command, text):
    with open(path, "wb") as file:
        subprocess.run([str(word) for word in command], input=text, stdout=file, check=True)


class Stores:
    """In `keep` are those that take a while to make: made once, and used again by later runs."""

    def __init__(self, options):
        self.options = options
        self.site = options.site
        self.bench = options.build / "bench"
        self.state = owned_folder(options.folder / "state")
        self.keep = owned_folder(options.keep or options.folder / "kept")
        self.events = self.state / "events.db"
        self.asked = WARM_UP + options.questions

    def counts(self, count):
        """The address of a store with so many counts."""
        folder = self.keep / f"counts-{count}"
        if count <= FILLED_ANEW:
            shutil.rmtree(folder, ignore_errors=True)
        # The service begins a store anew that it finds damaged, and leaves what was there as lost.
        if not (folder / "whole").exists() or (folder / "replay.lost").exists():
            shutil.rmtree(folder, ignore_errors=True)
            verimaild.output_of(self.bench / "fill", f"lmdb:{owned_folder(folder)}/replay", count)
            (folder / "whole").touch()
            give_away(*folder.iterdir())
        return f"lmdb:{folder}/replay"

    def table(self, rows):
        """The path of a table with so many users: user0000000 and following."""
        folder = owned_folder(self.keep / f"users-{rows}")
        if not (folder / "whole").exists():
            text = "".join(f"{user}\n" for user in map(self.user, range(rows)))
            verimaild.output_of(self.site.verimail, "table", "build", folder / "users", "-",
                                text=text.encode())
            (folder / "whole").touch()
        return folder / "users"

    @staticmethod
    def user(number):
        return f"user{number:07}@{verimaild.DOMAIN}"

    def stamp(self, config, users, path):
        """A question about a stamped message for each of the users, no payload twice."""
        output_to(path, self.bench / "stamped", config,
                  text="".join(f"{user}\n" for user in users).encode())

    def no_events(self):
        for path in self.state.glob("events.db*"):
            path.unlink()

    def wrong_events(self):
        """What is wrong with the record of a run, if anything is."""
        with contextlib.closing(sqlite3.connect(self.events)) as db:
            recorded, = db.execute("SELECT count(*) FROM event WHERE verdict = 'YES'").fetchone()
            gaps, = db.execute("SELECT count(*) FROM gap").fetchone()
        if (recorded, gaps) != (self.asked, 0):
            return f"{recorded} of {self.asked} events were recorded, with {gaps} gaps"
        return None

    def counting(self, name, workers, count=None, recording=False):
        """A server that counts in a store with so many counts, or not, and records or does not."""
        questions = self.options.folder / "stamped.txt"

        def start():
            replay = "none" if count is None else self.counts(count)
            record = "sqlite" if recording else "none"
            config = self.site.config(10, workers, self.state, replay, record)
            users = [f"{user}@{verimaild.DOMAIN}" for user in self.site.users(10)]
            self.no_events()
            self.stamp(config, (users * (self.asked // 10 + 1))[:self.asked], questions)
            return verimaild.start(self.site, config)

        return Server(name, start, questions, "YES", 1, WAIT,
                      self.wrong_events if recording else lambda: None)

    def in_file(self, workers, kind, users):
        """A server that has its users in the configuration."""
        config = self.site.config(users, workers)
        addresses = [f"{user}@{verimaild.DOMAIN}" for user in self.site.users(users)]
        return self.asked_at_random(f"{users:,} users in the file", config, kind, addresses)

    def in_table(self, workers, kind, rows):
        config = self.site.config_of_table(self.table(rows), workers)
        addresses = list(map(self.user, range(rows)))
        return self.asked_at_random(f"{rows:,} users in a table", config, kind, addresses)

    def asked_at_random(self, name, config, kind, addresses):
        chosen = random.choices(addresses, k=self.asked)
        questions = self.options.folder / f"{kind}, {name}.txt"
        if kind == "unstamped":
            questions.write_text("".join(f"{user} -\n" for user in chosen))
        else:
            self.stamp(config, chosen, questions)
        return Server(name, lambda: verimaild.start(self.site, config), questions,
                      {"sealed": "YES", "unstamped": "NO"}[kind], 1)
