# SPDX-License-Identifier: ISC
"""Domains: A-labels in lower case, and what people write (IDNA2008 for a look-up, RFC 5891 to 5893)."""
import re
import unicodedata

from .octets import Refused, fold, require

LABEL = re.compile(rb"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# RFC 5892, section 2.6, and those of its categories that unicodedata does not know.
VALID = {0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007}
NEEDS_CONTEXT = {0xB7, 0x375, 0x5F3, 0x5F4, 0x30FB, 0x200C, 0x200D,
                 *range(0x660, 0x66A), *range(0x6F0, 0x6FA)}
# Default_Ignorable_Code_Point
IGNORABLE = {
    0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0,
    *range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4),
    *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)}
NOT_VALID = IGNORABLE | {
    0x640, 0x7FA, 0x302E, 0x302F, 0x303B, *range(0x3031, 0x3036),
    # IgnorableBlocks and OldHangulJamo
    *range(0x20D0, 0x2100), *range(0x1D100, 0x1D250), *range(0x1100, 0x1200),
    *range(0xA960, 0xA980), *range(0xD7B0, 0xD800)}
LETTER_DIGITS = ("Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc")
VIRAMA = 9


def read_ascii_domain(text):
    """A-labels in any case, to lower case."""
    domain = fold(text)
    require(len(domain) <= 253)
    require(all(LABEL.fullmatch(label) for label in domain.split(b".")))
    return domain


def read_domain(text):
    """Whatever people write, to A-labels."""
    return read_ascii_domain(b".".join(read_label(label) for label in text.split(b".")))


def read_label(label):
    if label.isascii():
        return label
    require(len(label) <= 252 and label[:1] != b"-" and label[-1:] != b"-")
    require(re.fullmatch(rb"[A-Za-z0-9\x80-\xff-]+", label))
    try:
        text = unicodedata.normalize("NFC", fold(label).decode())
    except UnicodeDecodeError:
        raise Refused() from None
    require(text[2:4] != "--" and not unicodedata.category(text[0]).startswith("M"))
    require(all(is_permitted(text, at) for at in range(len(text))))
    require(has_permitted_directions(text))
    require(not text.isascii())
    return b"xn--" + text.encode("punycode")


def is_permitted(text, at):
    """RFC 5892, section 3."""
    character = text[at]
    code = ord(character)
    if code == 0x200C:
        return follows_virama(text, at) or joins(text, at)
    if code == 0x200D:
        return follows_virama(text, at)
    if code in NEEDS_CONTEXT or code in VALID or re.match("[a-z0-9-]", character):
        return True
    return (code not in NOT_VALID and is_stable(character)
            and unicodedata.category(character) in LETTER_DIGITS)


def is_stable(character):
    folded = unicodedata.normalize("NFKC", character).casefold()
    return unicodedata.normalize("NFKC", folded) == character


def follows_virama(text, at):
    return at > 0 and unicodedata.combining(text[at - 1]) == VIRAMA


def joins(text, at):
    """RFC 5892, appendix A.1. A letter joins as its presentation forms say: unicodedata has no
    joining types, so a letter without such forms is taken for one that does not join."""
    before = [c for c in text[:at] if unicodedata.category(c) not in ("Mn", "Me", "Cf")]
    behind = [c for c in text[at + 1:] if unicodedata.category(c) not in ("Mn", "Me", "Cf")]
    return (bool(before and behind) and before[-1] in PRESENTED["<initial>"]
            and behind[0] in PRESENTED["<final>"])


def presented(form):
    parts = (unicodedata.decomposition(chr(code)).split() for code in range(0xFB50, 0xFF00))
    return {chr(int(part[1], 16)) for part in parts if len(part) == 2 and part[0] == form}


PRESENTED = {form: presented(form) for form in ("<initial>", "<final>")}


def has_permitted_directions(text):
    """RFC 5893, section 2, for the label alone: one with nothing from right to left is no concern."""
    kinds = [unicodedata.bidirectional(character) for character in text]
    if not {"R", "AL", "AN"} & set(kinds):
        return True
    spoken = [kind for kind in kinds if kind != "NSM"]
    return (kinds[0] in ("R", "AL")
            and set(kinds) <= {"R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"}
            and spoken[-1] in ("R", "AL", "EN", "AN")
            and not {"EN", "AN"} <= set(kinds))
