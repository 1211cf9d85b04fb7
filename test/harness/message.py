# SPDX-License-Identifier: ISC
"""Messages: made, sent and read."""
import email
import email.policy
import os
import smtplib

from harness.addresses import STRANGER
from harness.checks import WAIT_LIMIT, Failure, equal, wait_for


def message(author="Alice <alice@origin.test>", subject="hello", to="bob@receiver.test",
            body="The body.\r\n", more=""):
    return (f"{more}From: {author}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{body}")


def parsed(octets):
    return email.message_from_bytes(octets, policy=email.policy.compat32)


def subject_of(octets):
    return str(parsed(octets)["Subject"])


def fields(octets, name):
    """The values of all fields of a name, unfolded."""
    return [" ".join(str(value).split()) for value in parsed(octets).get_all(name, [])]


class Host:
    """A place to send to that is no server of ours."""

    def __init__(self, address):
        self.address = address


def oldest_first(paths):
    """What these files have: octets."""
    return [open(path, "rb").read() for path in sorted(paths, key=os.path.getmtime)]


class Mailbox:
    """A mail server that delivers: it has a `name`, a `folder`, a `process`, box() and log_text()."""

    def out(self):
        """What it printed."""
        with open(os.path.join(self.folder, "out"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(WAIT_LIMIT)

    def wait_mail(self, subject, count=1, limit=WAIT_LIMIT):
        """The messages with this subject, once there are so many: octets, or a list of them."""
        def there():
            found = [m for m in self.box() if subject_of(m) == subject]
            return len(found) >= count and found
        try:
            found = wait_for(there, f"{count} x {subject!r} at {self.name}", limit)
        except Failure as error:
            raise Failure(f"{error}\n{self.log_text()[-9000:]}") from error
        equal(len(found), count, f"copies of {subject!r}")
        return found if count > 1 else found[0]


def send(server, octets, sender="alice@origin.test", to=("bob@receiver.test",), source=STRANGER,
         port=25, login=None, options=()):
    """Sends as a client; the reply to the end of the message: (code, text)."""
    if isinstance(octets, str):
        octets = octets.encode()
    with smtplib.SMTP(server.address, port, local_hostname="client.test",
                      source_address=(source, 0), timeout=WAIT_LIMIT) as client:
        client.ehlo()
        if login is not None:
            client.login(login, login)
        code, text = client.mail(sender, options)
        for recipient in to:
            if code == 250:
                code, text = client.rcpt(recipient)
        if code == 250:
            code, text = client.data(octets)
        return code, text.decode("utf-8", "replace")


def submit(server, octets, **how):
    """As a client that the origin trusts."""
    return send(server, octets, source="127.0.0.1", **how)
