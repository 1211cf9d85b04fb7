# SPDX-License-Identifier: ISC
"""The judgement: nine steps, of which the first that applies decides."""
from dataclasses import dataclass, field

from .conversation import TTL_LIMIT, Answer
from .mailbox import read_canonical, same_user, without_detail
from .octets import fold
from .payload import Inside, covers, read_receiving

AHEAD_LIMIT, TESTING_TTL_LIMIT = 300, 300
# A payload that does not open.
FORGED = object()


@dataclass
class Rule:
    hosts: list
    unauthorized: bool = False
    not_before: int = 0


@dataclass
class Domain:
    rules: dict
    lifetime: int
    ttl: int
    subdomains: bool = False
    testing: bool = False
    denied: list = field(default_factory=list)
    ends: dict = field(default_factory=dict)  # of hosts


@dataclass
class Judgement:
    step: int
    verdict: bytes
    reason: bytes
    cause: bytes = None
    would_be: bytes = None


def domain_of(user):
    return fold(user.rpartition(b"@")[2])


def nearest(domains, name):
    """The served domain that is name or the nearest above it; None if there is none."""
    while name and name not in domains:
        name = name.partition(b".")[2]
    return domains.get(name)


def is_in(name, names):
    return fold(name) in map(fold, names)


def is_subdomain(domains, hosts, name):
    return name not in domains and not is_in(name, hosts)


def judge(domains, hosts, question, opened, now, purged, replay):
    """opened is None (no payload), FORGED, what is inside, or the words of 2013; replay() says what
    counting found: skipped, within, over or failed."""
    judgement = decide(domains, hosts, question, opened, now, purged, replay)
    domain = nearest(domains, domain_of(question.user))
    if judgement.verdict == b"NO" and domain and domain.testing:
        judgement.verdict, judgement.reason, judgement.would_be = b"ALLOW", b"testing", judgement.reason
    return judgement


def decide(domains, hosts, question, opened, now, purged, replay):
    if opened is FORGED:
        return Judgement(1, b"NO", b"forged")
    sealed = isinstance(opened, Inside)
    if sealed and not same_user(opened.user, question.user):
        return Judgement(1, b"NO", b"forged", b"user")
    name = domain_of(question.user)
    domain = nearest(domains, name)
    if domain is None:
        return Judgement(2, b"NO", b"refused", b"domain")
    if is_subdomain(domains, hosts, name):
        return (Judgement(2, b"ALLOW", b"unserved") if domain.subdomains
                else Judgement(2, b"NO", b"refused", b"subdomain"))
    rule = rule_of(domain, question.user)
    lenient = b"ALLOW" if rule and rule.unauthorized else b"NO"
    if opened is None:
        return Judgement(4, lenient, b"unstamped")
    if rule is None:
        return Judgement(5, b"NO", b"refused", b"user")
    if not is_in(opened.sending, rule.hosts):
        return (Judgement(5, b"ALLOW", b"host") if rule.unauthorized
                else Judgement(5, b"NO", b"refused", b"host"))
    if sealed and opened.issued < rule.not_before:
        return Judgement(5, b"NO", b"refused", b"withdrawn")
    if domain.ends.get(fold(opened.sending), now + 1) <= now:
        return Judgement(5, *((b"ALLOW", b"host") if rule.unauthorized else (b"NO", b"refused")),
                         b"host-expired")
    if not sealed:
        return (Judgement(6, b"ALLOW", b"classic") if question.named
                else Judgement(6, b"YES", b"stamped", b"classic"))
    return judge_faults(domain, question, opened, now, purged, lenient) or judge_count(replay())


def rule_of(domain, user):
    local = fold(read_canonical(user).local_text())
    rules = {fold(name): rule for name, rule in domain.rules.items()}
    return rules.get(local) or rules.get(without_detail(local)) or rules.get(b"*")


def judge_faults(domain, question, inside, now, purged, lenient):
    late = now - inside.issued > domain.lifetime
    faults = []
    if late or inside.issued - now > AHEAD_LIMIT or inside.issued < purged:
        faults.append(b"expired")
    if is_changed(question, inside):
        faults.append(b"changed")
    if question.rcpt is not None and not covers(read_receiving(inside.receiving), question.rcpt):
        faults.append(b"redirected")
    denied = [fault for fault in faults if fault in domain.denied]
    if denied:
        return Judgement(7, b"NO", b"refused", denied[0])
    if late and b"changed" in faults:
        return Judgement(7, lenient, b"unstamped", b"stale")
    return Judgement(7, b"ALLOW", faults[0]) if faults else None


def is_changed(question, inside):
    if question.digest is not None:
        return question.digest != inside.digest
    return question.rcpt is not None and inside.digest != b"-"


def judge_count(counted):
    if counted == b"over":
        return Judgement(8, b"ALLOW", b"replayed")
    if counted == b"failed":
        return Judgement(8, b"ALLOW", b"uncounted")
    return Judgement(9, b"YES", b"stamped")


def answer_to(domains, hosts, question, judgement):
    if not question.named:
        return Answer(judgement.verdict)
    answer = Answer(judgement.verdict, judgement.reason)
    name = domain_of(question.user)
    domain = nearest(domains, name)
    if question.payload == b"-" and domain:
        answer.ttl = min(domain.ttl, TESTING_TTL_LIMIT if judgement.would_be else TTL_LIMIT)
        lenient = any(rule.unauthorized for rule in domain.rules.values())
        if is_subdomain(domains, hosts, name) or not lenient:
            answer.scope = b"domain"
    return answer
