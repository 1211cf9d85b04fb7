# SPDX-License-Identifier: ISC
"""The author of a message: the steps that find the mailbox of a From field, or the word for why there
is none."""
import re

from .mailbox import make_canonical
from .misleading import shows_another
from .octets import Refused, fold, require
from .tokens import ATOM, Tokens, quoted_strings


def read_from(value):
    require(not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n(?![ \t])", value), "octet")
    tokens = Tokens(value)
    words, stop = read_words(tokens)
    if stop.kind == b"<":
        local = read_local(tokens)
        at = tokens.next()
    else:
        local, at = words[0], stop
    domain = read_domain_of(tokens, at)
    if stop.kind == b"<":
        read_end(tokens)
    else:
        local, domain = read_repetition(tokens, local, domain)
    mailbox = make_author(local, domain)
    require(not shows_another(value, quoted_strings(value)), "misleading")
    return mailbox


def is_plain(text):
    """What a quoted local part may have: atext, dots, and one SP between others of these."""
    return not text or re.fullmatch(ATOM.pattern + rb"( " + ATOM.pattern + rb")*", text)


def read_words(tokens):
    words = []
    stop = tokens.next()
    while stop.is_word():
        words.append(stop)
        stop = tokens.next()
    if stop.kind == b"<":
        return words, stop
    if stop.kind == b"@":
        require(words, "local")
        require(len(words) == 1, "phrase")
        return words, stop
    require(stop.kind != b":", "group")
    if stop.kind in (b"", b","):
        require(not any(b"?=" in word.text for word in words), "encoded")
    if stop.kind == b"":
        raise Refused("empty")
    raise Refused("several" if stop.kind == b"," and not words else "phrase")


def read_local(tokens):
    local = tokens.next()
    require(not local.commented, "comment")
    if not local.is_word():
        raise Refused({b">": "empty", b"@": "route"}.get(local.kind, "local"))
    return local


def read_domain_of(tokens, at):
    require(not at.commented, "comment")
    require(at.kind == b"@", "domain" if at.kind in (b"", b">") else "syntax")
    domain = tokens.next()
    require(not domain.commented, "comment")
    require(domain.kind == b"atom", "literal" if domain.kind == b"[" else "domain")
    require(not at.spaced and not domain.spaced, "syntax")
    return domain


def read_end(tokens):
    close = tokens.next()
    require(not close.commented, "comment")
    require(close.kind == b">", "several" if close.kind == b"," else "syntax")
    end = tokens.next()
    require(end.kind == b"", "several" if end.kind == b"," else "trailing")


def read_repetition(tokens, local, domain):
    """What follows an addr without brackets: nothing, or itself in brackets, which then counts."""
    stop = tokens.next()
    if stop.kind == b"":
        return local, domain
    require(stop.kind == b"<", "several" if stop.kind == b"," else "syntax")
    again = [tokens.next() for _ in range(5)]
    require([token.kind for token in again] == [local.kind, b"@", b"atom", b">", b""], "phrase")
    require(fold(again[0].text) == fold(local.text), "phrase")
    require(fold(again[2].text) == fold(domain.text), "phrase")
    require(not any(token.commented for token in again[:4]), "phrase")
    require(not again[1].spaced and not again[2].spaced, "phrase")
    return again[0], again[2]


def make_author(local, domain):
    require(b"?=" not in local.text and b"?=" not in domain.text, "encoded")
    text = local.text
    if local.kind == b"quoted":
        text = re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL)
    try:
        text.decode(), domain.text.decode()
    except UnicodeDecodeError:
        raise Refused("octet") from None
    require(b"\n" not in text, "misleading")
    if local.kind == b"atom":
        require(text[:1] != b"." and text[-1:] != b"." and b".." not in text, "local")
    require(len(text) <= 64, "local")
    require(local.kind == b"atom" or is_plain(text), "misleading")
    try:
        ascii_domain = make_canonical(b"postmaster", domain.text).domain
    except Refused:
        raise Refused("domain") from None
    require(b"." in ascii_domain, "domain")
    try:
        return make_canonical(text, domain.text)
    except Refused:
        raise Refused("local") from None
