# SPDX-License-Identifier: ISC
"""What goes on while things break: mail that is genuine, mail that is forged, questions."""
import random
import smtplib
import time

from harness.checks import Failure, check, equal, wait_for
from harness.client import ask, ask_anyway
from harness.message import message, send, submit, subject_of
from harness.replaystore import YES
from harness.threads import Threads

AGAIN = 0.2  # seconds until a mail server or a service that could do nothing is asked again


class Mail(Threads):
    """Sends genuine mail from the origin, and forged mail straight to the receiver."""

    def __init__(self, case, origin, receiver):
        super().__init__(case, 4)
        self.origin, self.receiver = origin, receiver
        self.sent = []  # subjects of genuine mail that the origin took
        self.deferred = 0
        self.forged = 0  # mails that somebody else wrote in alice's name
        self.taken = []  # replies to those that the receiver took
        self.start()

    def _reply(self, sending, server, subject):
        """The reply; a connection that breaks before it is as good as 451."""
        try:
            return sending(server, message(subject=subject))
        except (OSError, smtplib.SMTPException) as error:
            return 451, str(error)

    def once(self, i):
        subject = f"{'forged' if i == 0 else 'genuine'} {random.randrange(1 << 60):x}"
        if i == 0:
            code, text = self._reply(send, self.receiver, subject)
            self.forged += 1
            if code == 250:
                self.taken.append(f"{subject}: {text}")
            check(code == 250 or code // 100 in (4, 5), f"{code} {text}")
            time.sleep(AGAIN)
            return
        while not self.ended.is_set():
            code, text = self._reply(submit, self.origin, subject)
            if code == 250:
                self.sent.append(subject)
                return
            check(code // 100 == 4, f"genuine mail was refused: {code} {text}")
            self.deferred += 1
            time.sleep(AGAIN)

    def settle(self):
        """Once nothing breaks any more: every mail arrived, once."""
        def arrived():
            self.origin.run("postqueue", "-f")
            time.sleep(1)  # while the mail server tries
            return not self.origin.queue() and not self.receiver.queue()
        try:
            wait_for(arrived, "empty queues", 120)
        except Failure as error:
            raise Failure(f"{error}: {len(self.origin.queue())} and {len(self.receiver.queue())} "
                          f"messages\n{self.origin.log_text()[-2000:]}") from error
        subjects = sorted(subject_of(octets) for octets in self.receiver.box())
        equal(subjects, sorted(self.sent), "what was delivered")
        equal(self.taken, [], "forged mail that was taken")


class Questions(Threads):
    """Asks about a few payloads. However often, a payload has no YES too many. `seal(recipients)`
    returns a question about a new payload with so many recipients."""

    RECIPIENTS = 50
    ALLOWANCE = 4 * RECIPIENTS
    MAY_BE = ("YES stamped\r\n", "ALLOW replayed\r\n", "ALLOW uncounted\r\n", "ALLOW expired\r\n")

    def __init__(self, case, address, seal):
        super().__init__(case, 3)
        self.address, self.seal = address, seal
        self.yes = {}  # by question
        self.asked = 0
        self.lost = 0
        self.current = [seal(self.RECIPIENTS) for _ in range(4)]
        self.start()

    def once(self, i):
        place = random.randrange(len(self.current))
        question = self.current[place]
        answer = ask_anyway(self.address, question)
        with self.lock:
            self.asked += 1
            self.lost += not answer
            self.yes[question] = self.yes.get(question, 0) + (answer == YES)
        check(not answer or answer in self.MAY_BE, f"{answer!r} to a genuine question")
        if not answer:
            time.sleep(0.05)
        elif random.randrange(3 * self.ALLOWANCE) == 0:
            self.current[place] = self.seal(self.RECIPIENTS)

    def settle(self):
        """Asks once more about everything that was asked about."""
        for question in self.yes:
            for _ in range(2 * self.ALLOWANCE):
                if ask(self.address, question) != YES:
                    break
                self.yes[question] += 1
        too_many = {question: yes for question, yes in self.yes.items() if yes > self.ALLOWANCE}
        equal(too_many, {}, f"payloads with more than {self.ALLOWANCE} times YES")
