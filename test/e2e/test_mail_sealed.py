# SPDX-License-Identifier: ISC
"""Sealed conversations between a milter and a service, whose answer key is in the DNS or pinned."""
import os
import socket
import threading

from harness.checks import contains, equal, wait_for
from harness.keys import Key
from harness.mailsite import Site
from harness.message import message, send
from harness.milterclient import MilterClient
from harness.milterprocess import mail_record

POLICY = ("_verimail._tcp.origin.test", "TXT")


def sealed_site(case, record=True):
    site = Site(case, service=False)
    site.answer_key = Key("answer")
    path = site.answer_key.write(os.path.join(case.folder, "answer.key"))
    site.options += f' answer_keys = {{"{path}"}}'
    site.start_service()
    if record:
        site.records[POLICY] = [f'"v=verimail1 key={site.answer_key.public_text()}"']
    site.origin_milter = site.milter("origin")
    site.receiver_milter = site.milter("receiver")
    return site


def stamped(site):
    """A message of alice's, as it leaves."""
    fields = [("From", " alice@origin.test"), ("To", " bob@receiver.test"), ("Subject", " s"),
              ("Date", " Mon, 30 Nov 2026 18:00:00 +0000"), ("Message-ID", " <1@x>")]
    with MilterClient(site.socket("origin")) as client:
        client.connect("127.0.0.1")
        edits = client.message(fields, "hello\r\n", sender="<alice@origin.test>")
    return [("Verimail", edits.stamps()[0])] + fields


def verified(site, fields):
    with MilterClient(site.socket("receiver")) as client:
        client.connect("127.0.9.9")
        return client.message(fields, "hello\r\n")


def test_a_key_in_the_dns(case):
    site = sealed_site(case)
    edits = verified(site, stamped(site))
    contains(edits.results()[0], "verimail=pass")
    line = site.receiver_milter.wait_log("event=verified")[0]
    contains(line, "channel=sealed authenticated=no")
    contains(site.service.wait_log("verdict=YES")[0], "channel=sealed")
    wait_for(lambda: mail_record(site.mail_state("receiver"),
                                 "SELECT verdict, channel, authenticated FROM mail") ==
             [("YES", "sealed", 0)], "the record")


def test_a_service_without_a_key_is_asked_in_plain(case):
    site = sealed_site(case, record=False)
    contains(verified(site, stamped(site)).results()[0], "verimail=pass")
    contains(site.receiver_milter.wait_log("event=verified")[0],
             "channel=plain authenticated=no")


def test_a_plain_answer_is_none(case):
    """Who is on the path answers YES to everything."""
    site = sealed_site(case)
    address = "127.0.1.12"
    listener = socket.create_server((address, 26))

    def run():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(8192)
                client.sendall(b"YES stamped\r\n")

    threading.Thread(target=run, daemon=True).start()
    site.records["verimail.origin.test", "A"] = [address]
    try:
        equal(send(site.postfix("receiver"), message(subject="forged"))[0], 250)
        line = site.receiver_milter.wait_log("event=verified")[0]
        contains(line, "verdict=temperror")
        contains(line, "not sealed")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
