# SPDX-License-Identifier: ISC
"""A signed zone (RFC 4035) for DnsServer: records, the proofs that others do not exist, and what
vouches for them; and its faults, which a validator must see."""
import time

import dns.dnssec
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

from harness.dnsserver import response

TTL = 60
HOUR = 3600
DAY = 24 * HOUR


class SignedZone:
    """`records`: {(name, type): [rdata as text]}, as DnsServer has them, all below `name`,
    without wildcards and aliases."""

    def __init__(self, name, records):
        self.name = dns.name.from_text(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._dnskey = dns.dnssec.make_dnskey(
            self._key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)
        self._rrsets = {}
        self._signatures = {}
        for (owner, kind), rdatas in records.items():
            self._add(dns.rrset.from_text(owner + ".", TTL, "IN", kind, *rdatas))
        self._add(dns.rrset.from_rdata(self.name, TTL, self._dnskey))
        self._add(dns.rrset.from_text(self.name, TTL, "IN", "SOA", "ns. root. 1 60 60 60 1"))
        self._chain()

    def anchor(self):
        return f"{self.name} IN DS {dns.dnssec.make_ds(self.name, self._dnskey, 'SHA256')}"

    # Faults

    def expire(self, name, kind):
        """It was signed in time, long ago."""
        self._sign(self._rrsets[at(name, kind)], -10 * DAY, -5 * DAY)

    def forge(self, name, kind, *rdatas):
        """Other records under the signature of the true ones."""
        self._rrsets[at(name, kind)] = dns.rrset.from_text(name + ".", TTL, "IN", kind, *rdatas)

    def strip(self, name, kind):
        """It has no signature."""
        del self._signatures[at(name, kind)]

    def hide(self, name, kind):
        """The answer says that it is not there; the proof says that it is."""
        del self._rrsets[at(name, kind)]

    # Making it

    def _add(self, rrset):
        self._rrsets[rrset.name, rrset.rdtype] = rrset
        self._sign(rrset, -HOUR, HOUR)

    def _sign(self, rrset, inception, expiration):
        now = int(time.time())
        self._signatures[rrset.name, rrset.rdtype] = dns.dnssec.sign(
            rrset, self._key, self.name, self._dnskey,
            inception=now + inception, expiration=now + expiration)

    def _chain(self):
        self._owners = sorted({name for name, _ in self._rrsets})
        for i, owner in enumerate(self._owners):
            following = self._owners[(i + 1) % len(self._owners)]
            kinds = sorted(kind for name, kind in self._rrsets if name == owner)
            words = " ".join(dns.rdatatype.to_text(kind) for kind in kinds)
            self._add(dns.rrset.from_text(
                owner, TTL, "IN", "NSEC", f"{following} {words} RRSIG NSEC"))

    # Answers

    def answer(self, query, tcp=False):
        """For DnsServer. What is not below the zone's name does not exist, without a proof."""
        question = query.question[0]
        if not question.name.is_subdomain(self.name):
            return response(query, dns.rcode.NXDOMAIN)
        if (question.name, question.rdtype) not in self._rrsets:
            return self._denial(query)
        return response(query, rrsets=self._signed(question.name, question.rdtype))

    def _exists(self, name):
        return any(owner.is_subdomain(name) for owner in self._owners)

    def _denial(self, query):
        name = query.question[0].name
        if self._exists(name):
            made = response(query)
        else:
            made = response(query, dns.rcode.NXDOMAIN)
            made.authority += self._cover(dns.name.Name([b"*"]).concatenate(self._ancestor(name)))
        made.authority += self._cover(name) + self._signed(self.name, dns.rdatatype.SOA)
        return made

    def _ancestor(self, name):
        while not self._exists(name):
            name = name.parent()
        return name

    def _cover(self, name):
        """The NSEC record of this name, or of the last one before it."""
        owner = max(owner for owner in self._owners if owner <= name)
        return self._signed(owner, dns.rdatatype.NSEC)

    def _signed(self, owner, kind):
        found = [self._rrsets[owner, kind]]
        if (owner, kind) in self._signatures:
            found.append(dns.rrset.from_rdata(owner, TTL, self._signatures[owner, kind]))
        return found


def at(name, kind):
    return dns.name.from_text(name), dns.rdatatype.from_text(kind)
