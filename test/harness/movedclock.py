# SPDX-License-Identifier: ISC
"""A wall clock that a test moves while daemons run: `daemon(env=clock.env)`."""
import os
import struct
import time

from harness.daemon import BUILD

HOUR = 3600
DAY = 24 * HOUR


class MovedClock:
    def __init__(self, case, seconds=0):
        self.path = os.path.join(case.folder, "clock")
        with open(self.path, "wb") as file:
            file.write(struct.pack("=q", int(seconds)))
        os.chmod(self.path, 0o644)
        self.env = {"LD_PRELOAD": os.path.abspath(os.path.join(BUILD, "test/e2e/movedclock.so")),
                    "VERIMAIL_CLOCK": self.path}

    def move(self, seconds):
        """The clock is so many seconds before (or, below zero, behind) the machine's."""
        with open(self.path, "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), struct.pack("=q", int(seconds)), 0)

    def stand_at(self, unix):
        """The clock says this Unix time now, and goes on from there."""
        self.move(unix - time.time())
