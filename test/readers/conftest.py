# SPDX-License-Identifier: ISC
"""Ours and others' readers, which a module's tests share."""
import pytest

from compare.process import FOLDER, Readers


@pytest.fixture(scope="module")
def readers():
    if not FOLDER:
        pytest.skip("VERIMAIL_READERS names no folder that test/readers/install made")
    made = Readers()
    yield made
    made.end()
