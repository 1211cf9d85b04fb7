# SPDX-License-Identifier: ISC
"""What chaos and soak are made for: origin.test with its service, and receiver.test."""
import time

from harness.keys import seal
from harness.mailsite import Site


def mail_site(case):
    """With stores of counts and of events, and without a service that runs."""
    site = Site(case, users='user "alice" { } user "*" { hosts = {} }', service=False)
    site.options = ""
    return site


def question_maker(site):
    """Makes questions about new payloads of alice's with so many recipients."""
    def make(recipients):
        text = f"mx.origin.test receiver.test:{recipients} {int(time.time())} alice@origin.test -"
        return f"alice@origin.test {seal(site.host, site.key, text)} rcpt=receiver.test\r\n"
    return make
