# SPDX-License-Identifier: ISC
"""Clients that ask a service, over bare sockets."""
import socket
import threading
import time

from harness.checks import wait_for

ANSWER_LIMIT = 5  # seconds that a client has the patience for


def connect(address, source=None, limit=ANSWER_LIMIT):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(limit)
    try:
        if source is not None:
            client.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            client.bind((source, 0))
        client.connect(address)
    except OSError:
        client.close()
        raise
    return client


def read_all(client):
    """Everything up to the other side's end. Raises on a reset and when the limit is over."""
    octets = b""
    while True:
        more = client.recv(65536)
        if not more:
            return octets
        octets += more


def ask(address, question, source=None, half_close=False, limit=ANSWER_LIMIT):
    """The whole answer to a question, which is sent as it is: str or bytes."""
    with connect(address, source, limit) as client:
        client.sendall(question.encode() if isinstance(question, str) else question)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        return read_all(client).decode()


def reset(client):
    """Closes with a reset instead of FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()


class Load:
    """Clients that ask without a pause, each in a thread, until stop() or the case's end.
    `question` is called for each question and returns it with the answers that would be right."""

    def __init__(self, case, addresses, question, threads=4):
        case.loads.append(self)
        self.addresses = list(addresses)
        self.question = question
        self.asked = 0
        self.wrong = []
        self.lost = []
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, i):
        while not self._end.is_set():
            question, wanted = self.question()
            address = self.addresses[i % len(self.addresses)]
            try:
                answer = ask(address, question, limit=20)
            except OSError as error:
                with self._lock:
                    self.lost.append(f"{address}: {error}")
                time.sleep(0.01)
                continue
            with self._lock:
                self.asked += 1
                if not answer:
                    self.lost.append(f"{address}: closed without an answer")
                elif answer not in wanted:
                    self.wrong.append((question, answer, wanted))

    def wait_asked(self, count):
        """Until so many more were answered."""
        target = self.asked + count
        wait_for(lambda: self.asked >= target, f"{count} more answers under load", limit=30)

    def end(self):
        self._end.set()

    def stop(self):
        self.end()
        for thread in self._threads:
            thread.join()
