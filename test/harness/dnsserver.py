# SPDX-License-Identifier: ISC
"""A small DNS server on loopback whose answers are a table, which may change while it runs, or a
function that may also lie, be late or be silent."""
import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from harness.checks import WAIT_LIMIT

TTL = 1
SILENCE = object()  # a function's answer: none at all


class DnsServer:
    """`records`: {(name, type): [rdata as text]}, or a function that is called with the query (a
    dns.message) and whether it came over TCP, and returns a dns.message, octets or SILENCE."""

    def __init__(self, records, address="127.0.0.1", port=0):
        self.records = records
        self.queries = 0
        self._bind(address, port)
        self.address, self.port = self._udp.getsockname()
        self._tcp.listen(64)
        self._end = False
        # A thread that waits in the kernel keeps its port, so none waits for long.
        self._udp.settimeout(0.1)
        self._tcp.settimeout(0.1)
        self._threads = [threading.Thread(target=run, daemon=True)
                         for run in (self._run_udp, self._run_tcp)]
        for thread in self._threads:
            thread.start()

    def _bind(self, address, port):
        """To one port for both; one that the kernel picked for UDP may be another's for TCP."""
        while True:
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.bind((address, port))
            self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self._tcp.bind(self._udp.getsockname())
                return
            except OSError:
                self._udp.close()
                self._tcp.close()
                if port != 0:
                    raise

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
            client.settimeout(WAIT_LIMIT)
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
        if isinstance(answer, bytes):
            return answer
        return answer.to_wire(max_size=65535) if tcp else fitting(query, answer)


def fitting(query, answer):
    """As UDP has it: what is longer than the querier takes is left out, and has to be asked for
    again over TCP."""
    try:
        return answer.to_wire(max_size=query.payload if query.edns >= 0 else 512)
    except dns.exception.TooBig:
        cut = response(query, answer.rcode())
        cut.flags |= dns.flags.TC
        return cut.to_wire()


def response(query, rcode=dns.rcode.NOERROR, rrsets=()):
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA | dns.flags.RA
    answer.set_rcode(rcode)
    answer.answer.extend(rrsets)
    return answer


def rrset(name, kind, rdatas):
    return dns.rrset.from_text(dns.name.from_text(name), TTL, dns.rdataclass.IN, kind, *rdatas)


def exists(records, name):
    return any(owner == name or owner.endswith("." + name) for owner, _ in list(records))


def source_of(records, name):
    """Whose records a name has: its own, or those of the wildcard below its closest ancestor that
    exists (RFC 4592)."""
    if exists(records, name):
        return name
    parent = name
    while "." in parent:
        parent = parent.split(".", 1)[1]
        if exists(records, parent):
            break
    return "*." + parent if exists(records, "*." + parent) else name


def look_up(records, query):
    """What a table says, with CNAME and wildcards; NXDOMAIN where no record has the name or ends in
    it. What does not exist comes with a SOA record: without one, libunbound 1.26 asks again."""
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    found = []
    for _ in range(8):
        source = source_of(records, name)
        if (source, kind) in records:
            found.append(rrset(name + ".", kind, records[source, kind]))
            break
        if (source, "CNAME") not in records:
            break
        target = records[source, "CNAME"][0]
        found.append(rrset(name + ".", "CNAME", [target]))
        name = target.rstrip(".").lower()
    known = found or exists(records, source_of(records, name))
    answer = response(query, dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN, found)
    if not found or found[-1].rdtype != question.rdtype:
        answer.authority.append(soa_of(name))
    return answer


def soa_of(name):
    """Of the top-level domain, as if that were the zone."""
    zone = name.rsplit(".", 1)[-1] + "."
    return rrset(zone, "SOA", [f"ns.{zone} hostmaster.{zone} 1 3600 600 86400 {TTL}"])
