# SPDX-License-Identifier: ISC
"""A small DNS server on loopback whose answers are a table, which may change while it runs, or a
function that may also lie, be late or be silent."""
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TTL = 1
SILENCE = object()  # a function's answer: none at all


class DnsServer:
    """`records`: {(name, type): [rdata as text]}, or a function that is called with the query (a
    dns.message) and whether it came over TCP, and returns a dns.message, octets or SILENCE."""

    def __init__(self, records, address="127.0.0.1", port=0):
        self.records = records
        self.queries = 0
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, port))
        self.address, self.port = self._udp.getsockname()
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind((self.address, self.port))
        self._tcp.listen(64)
        self._end = False
        # A thread that waits in the kernel keeps its port, so none waits for long.
        self._udp.settimeout(0.1)
        self._tcp.settimeout(0.1)
        self._threads = [threading.Thread(target=run, daemon=True)
                         for run in (self._run_udp, self._run_tcp)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._end = True
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _run_udp(self):
        while not self._end:
            try:
                octets, peer = self._udp.recvfrom(65535)
            except TimeoutError:
                continue
            threading.Thread(target=self._answer_udp, args=(octets, peer), daemon=True).start()

    def _answer_udp(self, octets, peer):
        answer = self._octets(octets, False)
        if answer is not None:
            try:
                self._udp.sendto(answer, peer)
            except OSError:
                pass

    def _run_tcp(self):
        while not self._end:
            try:
                client, _ = self._tcp.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._answer_tcp, args=(client,), daemon=True).start()

    def _answer_tcp(self, client):
        with client:
            client.settimeout(10)
            try:
                while len(head := client.recv(2, socket.MSG_WAITALL)) == 2:
                    octets = client.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                    answer = self._octets(octets, True)
                    if answer is None:
                        return
                    client.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                pass

    def _octets(self, octets, tcp):
        self.queries += 1
        query = dns.message.from_wire(octets)
        answer = self.records(query, tcp) if callable(self.records) else look_up(
            self.records, query)
        if answer is SILENCE:
            return None
        return answer if isinstance(answer, bytes) else answer.to_wire(max_size=65535)


def response(query, rcode=dns.rcode.NOERROR, rrsets=()):
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA | dns.flags.RA
    answer.set_rcode(rcode)
    answer.answer.extend(rrsets)
    return answer


def rrset(name, kind, rdatas):
    return dns.rrset.from_text(dns.name.from_text(name), TTL, dns.rdataclass.IN, kind, *rdatas)


def look_up(records, query):
    """What a table says: with CNAME, and NXDOMAIN where no record has the name or ends in it."""
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    found = []
    for _ in range(8):
        if (name, kind) in records:
            found.append(rrset(name + ".", kind, records[name, kind]))
            break
        if (name, "CNAME") not in records:
            break
        target = records[name, "CNAME"][0]
        found.append(rrset(name + ".", "CNAME", [target]))
        name = target.rstrip(".").lower()
    exists = any(owner == name or owner.endswith("." + name) for owner, _ in list(records))
    return response(query, dns.rcode.NOERROR if found or exists else dns.rcode.NXDOMAIN, found)
