# SPDX-License-Identifier: ISC
"""Where the mail servers of a test are, each at an address in 127.0.0.0/8."""
import os

import pytest

from harness.namespaces import needs_root

MTA = os.environ.get("VERIMAIL_MTA", "")  # what test/mta/unpack made
ADDRESSES = {"origin": "127.0.1.1", "receiver": "127.0.1.2", "third": "127.0.1.3"}
SERVICE = "127.0.1.10"
DNS = "127.0.1.53"
STRANGER = "127.0.9.9"  # no server of ours trusts it
NOBODY = 65534


def needs_mail_servers():
    needs_root()
    if not os.path.exists(os.path.join(MTA, "done")):
        pytest.skip("VERIMAIL_MTA is not a folder that test/mta/unpack made")
