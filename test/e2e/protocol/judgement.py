# SPDX-License-Identifier: ISC
"""verimail(7), JUDGEMENT."""
from dataclasses import dataclass, field

from .octets import fold
from .mailbox import read_canonical, same_user, without_detail
from .conversation import Answer, TTL_LIMIT
from .payload import Inside, covers, read_receiving

AHEAD_LIMIT = 300
TESTING_TTL_LIMIT = 300


@dataclass
class Rule:
    hosts: list
    unauthorized: bool = False
    not_before: int = 0


@dataclass
class Domain:
    rules: dict  # by local part, or '*'
    lifetime: int = 7 * 86400
    ttl: int = 0
    unserved: bool = False  # may the domains below it send without being served
    testing: bool = False
    deny: list = field(default_factory=list)

    def rule(self, local):
        rules = {fold(name): rule for name, rule in self.rules.items()}
        for name in (fold(local), without_detail(fold(local)), b"*"):
            if name in rules:
                return rules[name]
        return None


@dataclass
class Judgement:
    step: int
    verdict: bytes
    reason: bytes
    cause: bytes = None
    would_be: bytes = None


FORGED = object()  # a payload that does not open, or does not fit


def domain_above(domains, name):
    while b"." in name:
        name = name.partition(b".")[2]
        if name in domains:
            return domains[name]
    return None


def judge(domains, hosts, question, opened, now, purged, count):
    """hosts: those that the service lists. opened: None if the payload is '-', FORGED, an Inside or
    a Classic. count() says within, over, failed or skipped."""
    judgement = judge_in_earnest(domains, hosts, question, opened, now, purged, count)
    name = read_canonical(question.user).domain
    domain = domains.get(name) or domain_above(domains, name)
    if domain and domain.testing and judgement.verdict == b"NO":
        return Judgement(judgement.step, b"ALLOW", b"testing", judgement.cause, judgement.reason)
    return judgement


def judge_in_earnest(domains, hosts, question, opened, now, purged, count):
    sealed = isinstance(opened, Inside)
    if opened is FORGED:
        return Judgement(1, b"NO", b"forged")
    if sealed and not same_user(opened.user, question.user):
        return Judgement(1, b"NO", b"forged", b"user")

    user = read_canonical(question.user)
    domain = domains.get(user.domain)
    if not domain:
        above = domain_above(domains, user.domain)
        if above and user.domain in [fold(host) for host in hosts]:
            domain = above
        elif above and above.unserved:
            return Judgement(2, b"ALLOW", b"unserved")
        else:
            return Judgement(2, b"NO", b"refused", b"subdomain" if above else b"domain")

    rule = domain.rule(user.local_text())
    if opened is None:
        return unstamped(4, rule)
    if not rule:
        return Judgement(5, b"NO", b"refused", b"user")
    if fold(opened.sending) not in [fold(host) for host in rule.hosts]:
        if rule.unauthorized:
            return Judgement(5, b"ALLOW", b"host")
        return Judgement(5, b"NO", b"refused", b"host")
    if not sealed:
        if question.named:
            return Judgement(6, b"ALLOW", b"classic")
        return Judgement(6, b"YES", b"stamped", b"classic")
    if opened.issued < rule.not_before:
        return Judgement(5, b"NO", b"refused", b"withdrawn")
    return judge_stamp(domain, rule, question, opened, now, purged, count)


def unstamped(step, rule, cause=None):
    lenient = rule is not None and rule.unauthorized
    return Judgement(step, b"ALLOW" if lenient else b"NO", b"unstamped", cause)


def is_changed(question, inside):
    if question.digest:
        return question.digest != inside.digest
    return bool(question.rcpt) and inside.digest != b"-"


def judge_stamp(domain, rule, question, inside, now, purged, count):
    """Steps 7 to 9."""
    old = now - inside.issued > domain.lifetime
    faults = {
        b"expired": old or inside.issued - now > AHEAD_LIMIT or inside.issued < purged,
        b"changed": is_changed(question, inside),
        b"redirected": bool(question.rcpt) and not covers(read_receiving(inside.receiving),
                                                          question.rcpt),
    }
    found = [fault for fault, is_there in faults.items() if is_there]
    for fault in found:
        if fault in domain.deny:
            return Judgement(7, b"NO", b"refused", fault)
    if old and faults[b"changed"]:
        return unstamped(7, rule, b"stale")
    if found:
        return Judgement(7, b"ALLOW", found[0])
    counted = count()
    if counted == b"over":
        return Judgement(8, b"ALLOW", b"replayed")
    if counted == b"failed":
        return Judgement(8, b"ALLOW", b"uncounted")
    return Judgement(9, b"YES", b"stamped")


def answer_to(domains, hosts, question, judgement):
    """With a reason, ttl and scope only to a question with names."""
    if not question.named:
        return Answer(judgement.verdict)
    answer = Answer(judgement.verdict, judgement.reason)
    name = read_canonical(question.user).domain
    domain = domains.get(name) or domain_above(domains, name)
    if question.payload == b"-" and domain:
        by_rules = name in domains or name in [fold(host) for host in hosts]
        answer.ttl = min(domain.ttl,
                         TESTING_TTL_LIMIT if judgement.reason == b"testing" else TTL_LIMIT)
        if not by_rules or not any(rule.unauthorized for rule in domain.rules.values()):
            answer.scope = b"domain"
    return answer
