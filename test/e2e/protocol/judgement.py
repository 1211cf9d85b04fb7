# SPDX-License-Identifier: ISC
"""verimail(7), JUDGEMENT."""
from dataclasses import dataclass, field

from .octets import fold
from .mailbox import read_canonical, same_user, without_detail
from .conversation import Answer, TTL_LIMIT
from .payload import Inside, covers, read_receiving

AHEAD_LIMIT = 300


@dataclass
class Rule:
    hosts: list
    unauthorized: bool = False


@dataclass
class Domain:
    rules: dict  # by local part, or '*'
    lifetime: int = 7 * 86400
    ttl: int = 0
    unserved: bool = True  # may the domains below it send without being served
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


FORGED = object()  # a payload that does not open, or does not fit


def domain_above(domains, name):
    while b"." in name:
        name = name.partition(b".")[2]
        if name in domains:
            return domains[name]
    return None


def judge(domains, question, opened, now, purged, count):
    """opened: None if the payload is '-', FORGED, an Inside or a Classic. count() says within,
    over, failed or skipped."""
    sealed = isinstance(opened, Inside)
    if opened is FORGED:
        return Judgement(1, b"NO", b"forged")
    if sealed and not same_user(opened.user, question.user):
        return Judgement(1, b"NO", b"forged", b"user")

    user = read_canonical(question.user)
    domain = domains.get(user.domain)
    if not domain:
        above = domain_above(domains, user.domain)
        if above and above.unserved:
            return Judgement(2, b"ALLOW", b"unserved")
        return Judgement(2, b"NO", b"refused", b"subdomain" if above else b"domain")

    rule = domain.rule(user.local_text())
    lenient = rule is not None and rule.unauthorized
    if opened is None:
        return Judgement(4, b"ALLOW" if lenient else b"NO", b"unstamped")
    if not rule:
        return Judgement(5, b"NO", b"refused", b"user")
    if fold(opened.sending) not in [fold(host) for host in rule.hosts]:
        if lenient:
            return Judgement(5, b"ALLOW", b"host")
        return Judgement(5, b"NO", b"refused", b"host")
    if not sealed:
        if question.named:
            return Judgement(6, b"ALLOW", b"classic")
        return Judgement(6, b"YES", b"stamped", b"classic")

    return judge_stamp(domain, question, opened, now, purged, count)


def judge_stamp(domain, question, inside, now, purged, count):
    """Steps 7 to 11."""
    def allow(step, reason):
        if reason in domain.deny:
            return Judgement(step, b"NO", b"refused", reason)
        return Judgement(step, b"ALLOW", reason)

    if (now - inside.issued > domain.lifetime or inside.issued - now > AHEAD_LIMIT
            or inside.issued < purged):
        return allow(7, b"expired")
    if question.digest and question.digest != inside.digest:
        return allow(8, b"changed")
    if question.rcpt and not covers(read_receiving(inside.receiving), question.rcpt):
        return allow(9, b"redirected")
    counted = count()
    if counted == b"over":
        return allow(10, b"replayed")
    if counted == b"failed":
        return allow(10, b"uncounted")
    return Judgement(11, b"YES", b"stamped")


def answer_to(domains, question, judgement):
    """With a reason, ttl and scope only to a question with names."""
    if not question.named:
        return Answer(judgement.verdict)
    answer = Answer(judgement.verdict, judgement.reason)
    if question.payload == b"-":
        name = read_canonical(question.user).domain
        served = domains.get(name)
        domain = served or domain_above(domains, name)
        answer.ttl = min(domain.ttl, TTL_LIMIT) if domain else None
        if not served or not any(rule.unauthorized for rule in served.rules.values()):
            answer.scope = b"domain"
    return answer
