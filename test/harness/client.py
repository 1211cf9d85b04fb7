# SPDX-License-Identifier: ISC
"""Clients that ask a service, over bare sockets."""
import socket
import time

from harness.checks import WAIT_LIMIT, wait_for
from harness.threads import Threads


def connect(address, source=None, limit=WAIT_LIMIT):
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


def ask(address, question, source=None, half_close=False, limit=WAIT_LIMIT):
    """The whole answer to a question, which is sent as it is: str or bytes."""
    with connect(address, source, limit) as client:
        client.sendall(question.encode() if isinstance(question, str) else question)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        return read_all(client).decode()


def ask_anyway(address, question):
    """The answer; empty if there is none, as while the service dies."""
    try:
        return ask(address, question)
    except OSError:
        return ""


def refuses(address):
    """Whether nobody listens there."""
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # somebody does, but just ends
        return False
    return False


def wait_read(client):
    """Until the other side, on this machine, has accepted a client and read all that it sent."""
    wait_for(lambda: is_read(client.getpeername(), client.getsockname()), "what was sent to be read")


def in_proc(address):
    """An address as /proc/net has it: hexadecimal words in the machine's order, and the port."""
    host, port = address[:2]
    octets = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    words = [octets[i:i + 4][::-1].hex() for i in range(0, len(octets), 4)]
    return f"{''.join(words)}:{port:04x}".upper()


def is_read(server, client):
    """What proc_net_tcp(5) says of the server's end. A connection that it has closed was read."""
    name = "tcp6" if ":" in server[0] else "tcp"
    with open(f"/proc/thread-self/net/{name}", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[1:3] == [in_proc(server), in_proc(client)]:
                state, waiting, inode = words[3], int(words[4].split(":")[1], 16), words[9]
                if state in ("01", "03"):  # established, and not yet
                    return state == "01" and inode != "0" and waiting == 0
                return True
    return True


def reset(client):
    """Closes with a reset instead of FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()


class Load(Threads):
    """Clients that ask without a pause, each in a thread, until stop() or the case's end.
    `question` is called for each question and returns it with the answers that would be right.
    With `apart` each thread has an address of its own."""

    def __init__(self, case, addresses, question, threads=4, apart=False):
        super().__init__(case, threads)
        self.addresses = list(addresses)
        self.question = question
        self.apart = apart
        self._asked = [0] * threads
        self.wrong = []
        self.lost = []
        self.start()

    def once(self, i):
        question, wanted = self.question()
        address = self.addresses[i % len(self.addresses)]
        try:
            answer = ask(address, question, f"127.0.0.{2 + i}" if self.apart else None)
        except OSError as error:
            with self.lock:
                self.lost.append(f"{address}: {error}")
            time.sleep(0.01)
            return
        with self.lock:
            self._asked[i] += 1
            if not answer:
                self.lost.append(f"{address}: closed without an answer")
            elif answer not in wanted:
                self.wrong.append((question, answer, wanted))

    @property
    def asked(self):
        return sum(self._asked)

    def wait_asked(self, count):
        """Until so many more were answered, two of them to each thread: no question is then under
        way that was made before."""
        target = self.asked + count
        each = [asked + 2 for asked in self._asked]
        wait_for(lambda: self.asked >= target and all(map(int.__ge__, self._asked, each)),
                 f"{count} more answers under load")
