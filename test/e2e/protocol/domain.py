# SPDX-License-Identifier: ISC
"""verimail(7), CANONICAL TEXT: domains as people write them."""
import re
import unicodedata

from .octets import Refused, fold, require

LABEL = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
DOMAIN_LIMIT = 253
UTF8_LABEL_LIMIT = 252


def read_ascii_domain(text):
    """A-labels, to lower case."""
    require(len(text) <= DOMAIN_LIMIT)
    require(all(LABEL.fullmatch(label) for label in text.split(b".")))
    return fold(text)


def read_domain(text):
    return read_ascii_domain(b".".join(a_label(label) for label in text.split(b".")))


def a_label(label):
    if label.isascii():
        return label
    require(len(label) <= UTF8_LABEL_LIMIT)
    require(re.fullmatch(rb"[A-Za-z0-9\x80-\xff-]+", label))
    require(not label.startswith(b"-") and not label.endswith(b"-"))
    try:
        u_label = unicodedata.normalize("NFC", fold(label).decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused() from None
    require(may_be_looked_up(u_label))
    require(not u_label.isascii())
    return b"xn--" + u_label.encode("punycode")


def may_be_looked_up(u_label):
    """RFC 5891, section 5.4."""
    return (u_label[2:4] != "--"
            and not unicodedata.category(u_label[0]).startswith("M")
            and all(is_permitted(u_label, i) for i in range(len(u_label)))
            and fits_bidi_rule(u_label))


# RFC 5892, section 2.6.
PERMITTED = {0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007}
DISALLOWED = {0x640, 0x7FA, 0x302E, 0x302F, *range(0x3031, 0x3036), 0x303B}
# Section 2.5 (of Default_Ignorable_Code_Point only the letters and marks), 2.7 and 2.9.
IGNORABLE = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164,
             *range(0xFE00, 0xFE10), 0xFFA0, *range(0xE0000, 0xE1000)}
IGNORABLE_BLOCKS = {*range(0x20D0, 0x2100), *range(0x1D100, 0x1D250)}
OLD_HANGUL_JAMO = {*range(0x1100, 0x1200), *range(0xA960, 0xA980), *range(0xD7B0, 0xD800)}
REFUSED_POINTS = DISALLOWED | IGNORABLE | IGNORABLE_BLOCKS | OLD_HANGUL_JAMO
LETTER_DIGITS = {"Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"}
CONTEXTO = {*"\u00b7\u0375\u05f3\u05f4\u30fb",
            *(chr(point) for point in (*range(0x660, 0x66A), *range(0x6F0, 0x6FA)))}
VIRAMA = 9


def is_permitted(label, i):
    """RFC 5892, section 3."""
    point = ord(label[i])
    in_context = fits_context(label, i)
    if in_context is not None:
        return in_context
    if point in PERMITTED or re.fullmatch("[a-z0-9-]", label[i]):
        return True
    return (point not in REFUSED_POINTS
            and unicodedata.category(label[i]) in LETTER_DIGITS
            and is_stable(label[i]))


def fits_context(label, i):
    """RFC 5892, appendix A; None for a character that has no rule. For CONTEXTO it is enough that
    there is one (RFC 5891, section 5.4). The standard library has no Joining_Type: a non-joiner
    between letters that join is refused."""
    before, character = label[:i][-1:], label[i]
    if character in "\u200c\u200d":
        return bool(before) and unicodedata.combining(before) == VIRAMA
    if character in CONTEXTO:
        return True
    return None


def is_stable(character):
    folded = unicodedata.normalize("NFKC", character).casefold()
    return unicodedata.normalize("NFKC", folded) == character


def fits_bidi_rule(label):
    """RFC 5893, section 2, for a label with a character that is written from right to left."""
    classes = [unicodedata.bidirectional(character) for character in label]
    if not {"R", "AL", "AN"} & set(classes):
        return True
    visible = list(classes)
    while visible and visible[-1] == "NSM":
        visible.pop()
    return (classes[0] in ("R", "AL")
            and set(classes) <= {"R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"}
            and visible[-1] in ("R", "AL", "EN", "AN")
            and not {"EN", "AN"} <= set(classes))
