# SPDX-License-Identifier: ISC
"""The domains that could be meant by a From field whose author is not certain."""
import re
import unicodedata

from .domain import read_ascii_domain
from .misleading import ENCODED_WORD, decode
from .octets import Refused, fold, require

CHARSET = re.compile(r"us-ascii|utf-8|(iso-8859|windows|koi8|euc|iso-2022)-.*"
                     r"|gb2312|gbk|gb18030|big5|shift_jis")
GAP = r"[\s\"\\\x00]"
QUOTED = r'("(?:[^"\\]|\\.)*")'
# What UTS 46 maps to nothing.
IGNORED = {chr(code) for code in (0xAD, 0x34F, 0x200B, 0x2060, 0x2064, 0xFEFF, *range(0x180B, 0x1810),
                                  *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}
FULL_STOPS = "\u3002\uff61"
DEVIATIONS = {"\u00df": "ss", "\u03c2": "\u03c3", "\u200c": "", "\u200d": ""}


def candidates_of(value):
    """The set of domains; refused where any could be meant."""
    found = set()
    require(not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", value), "unreadable")
    require(not angles_tangle(value) and not comments_tangle(value), "unreadable")
    bases = {value, value.replace(b"\\", b"")}
    for text in {text for base in bases for text in (base, *decoded(base))}:
        for ignored in ("", " "):
            mapped = "".join(ignored if character in IGNORED else map_character(character)
                             for character in text.decode("utf-8", "replace"))
            for way in ways(mapped):
                found |= domains_in(way)
    return found


def angles_tangle(value):
    """Not as many `>`, or two `<` in one element; side by side they are one, unless there are quotes."""
    if value.count(b"<") > 1 and value.count(b"<") != value.count(b">"):
        return True
    two = rb"<.*<" if b'"' in value else rb"<[^<].*<"
    return any(re.search(two, element, re.DOTALL) for element in re.split(rb"[,;]", value))


def comments_tangle(value):
    """One of several is not closed."""
    outside = re.sub(rb'\\.?|"(?:[^"\\]|\\.)*"', b"", value, flags=re.DOTALL)
    depth = 0
    for octet in outside:
        depth = max(depth + (octet == ord("(")) - (octet == ord(")")), 0)
    return outside.count(b"(") > 1 and depth > 0


def decoded(value):
    """With the encoded words decoded: those side by side joined, and as words of their own."""
    return (b"".join(join_words(value)),
            ENCODED_WORD.sub(lambda word: b" " + read_words([word], "replace") + b" ", value))


def join_words(value):
    words, at = [], 0
    for word in ENCODED_WORD.finditer(value):
        between = value[at:word.start()]
        if words and not between.strip() and charset_of(word) == charset_of(words[-1]):
            words.append(word)
        else:
            yield read_words(words, "strict")
            yield b"" if words and not between.strip() else between
            words = [word]
        at = word.end()
    yield read_words(words, "strict")
    yield value[at:]


def charset_of(word):
    return fold(word[1].partition(b"*")[0]).decode("latin-1")


def read_words(words, errors):
    """Words of one charset: a character can be divided between them."""
    if not words:
        return b""
    require(CHARSET.fullmatch(charset_of(words[0])), "unreadable")
    octets = b"".join(decode(fold(word[2]), word[3]) for word in words)
    try:
        return octets.decode(charset_of(words[0]), errors).encode()
    except (LookupError, UnicodeDecodeError):
        raise Refused("unreadable") from None


def map_character(character):
    if character in FULL_STOPS:
        return "."
    mapped = unicodedata.normalize("NFKC", character).casefold()
    if mapped.isascii() and character not in DEVIATIONS:
        return " " if re.match(r"[\x00-\x1f\x7f]", mapped) else mapped
    return character


def without_comments(text, instead):
    """Innermost first. A parenthesis that then remains belongs to none, and goes like them."""
    while True:
        shorter = re.sub(rf'{QUOTED}|\((?:[^()\\]|\\.)*\)', lambda found: found[1] or instead, text)
        if shorter == text:
            return re.sub(rf"{QUOTED}|[()]", lambda found: found[1] or instead, text)
        text = shorter


def ways(text):
    bare = without_comments(text, "")
    yield re.sub(GAP, "", bare)
    yield re.sub(r"[\"\\]", "", bare)
    marked = re.sub(rf"(?:{GAP}|[<>])+", " ", without_comments(text, "\0"))
    yield re.sub(r" ?([.@]) ?", r"\1", marked)
    yield re.sub(r"[()\"\\]", " ", text)


def domains_in(text):
    found = set()
    for run in re.findall(r"[A-Za-z0-9._\u0080-\U0010ffff-]+", text):
        for part in {*run.split(".."), re.sub(r"\.\.+", ".", run)}:
            if "." not in part.strip("."):
                continue
            names = [part] if part.isascii() else [as_ascii(part, True), as_ascii(part, False),
                                                   *re.findall(r"[\x00-\x7f]+", part)]
            found |= {name.lower().strip(ends) for name in names for ends in (".", "-_.")
                      if is_name(name.strip(ends))}
    return found


def as_ascii(run, transitional):
    def label(text):
        if transitional:
            text = "".join(DEVIATIONS.get(character, character) for character in text)
        folded = "".join(c if c in DEVIATIONS else c.casefold() for c in text)
        folded = unicodedata.normalize("NFKC", folded)
        require(not any(map(is_disallowed, folded)), "unreadable")
        require(not unicodedata.category(folded[:1] or "-").startswith("M"), "unreadable")
        return folded if folded.isascii() else "xn--" + folded.encode("punycode").decode()
    return ".".join(map(label, run.split(".")))


def is_disallowed(character):
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn")


def is_name(name):
    try:
        read_ascii_domain(name.replace("_", "x").encode())
    except Refused:
        return False
    return "." in name and re.search("[A-Za-z]", name.rpartition(".")[2]) is not None
