# SPDX-License-Identifier: ISC
"""Whether what a reader shows as author is the author that ours found."""
import re

IN_QUOTES = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
TO_ENCODE = re.compile(rb"[\x00-\x20\x7f-\xff%@]")


def encoded(shown):
    """Python shows octets as surrogates, and others have surrogates of their own."""
    try:
        return shown.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return shown.encode("utf-8", "surrogatepass")


class Authors:
    """Compares addresses, with what ours made of domains so far."""

    def __init__(self, ours):
        self._ours = ours
        self._domains = {}

    def _domain(self, domain):
        if domain not in self._domains:
            self._domains[domain] = self._ours.read("D", [domain])[0].removeprefix("ok ")
        return self._domains[domain]

    def domains(self, views):
        """What readers show as the author's domain, as far as it is one: {view: domains}."""
        return {view: {domain for address in shown if "@" in address and not IN_QUOTES.fullmatch(address)
                       for domain in [self._ldh(address.rpartition("@")[2])] if domain}
                for view, shown in views.items()}

    def _ldh(self, shown):
        domain = self._domain(encoded(shown).rstrip(b"."))
        return domain if re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]*[a-z][a-z0-9-]*", domain) else None

    def _is(self, shown, author):
        octets = encoded(shown)
        # Some readers leave what stood around it, or end a nested comment early.
        alone = re.sub(rb"\A.*[<)]|>\s*\Z", b"", octets, flags=re.DOTALL).strip(b'" ')
        return self._is_alone(octets, author) or self._is_alone(alone, author)

    def _is_alone(self, octets, author):
        local, _, domain = octets.rpartition(b"@")
        local = local.removesuffix(b" ")  # emailjs puts one behind what was in quotes
        if local[:1] == local[-1:] == b'"' and len(local) > 1:
            local = local[1:-1]
        forms = {local, re.sub(rb"\\(.)", rb"\1", local, flags=re.DOTALL)}
        want_local, _, want_domain = author.rpartition("@")
        return (self._domain(domain) == want_domain and want_local.lower().encode() in {
            TO_ENCODE.sub(lambda octet: b"%%%02X" % ord(octet[0]), form).lower() for form in forms})

    def others(self, views, author):
        """The views that show somebody else, and whom: who has no `@` outside quotes is nobody."""
        return [(view, shown) for view, all_shown in views.items() for shown in all_shown
                if "@" in shown and not IN_QUOTES.fullmatch(shown) and not self._is(shown, author)]
