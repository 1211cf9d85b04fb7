# SPDX-License-Identifier: ISC
"""The encoded words of a From field, and whether they show some readers another author."""
import base64
import re

CHARSET_AND_ENCODING = re.compile(rb"([^?]*)\?([bBqQ])\?")
ENCODED_WORD = re.compile(rb"=\?([^?]*)\?([bBqQ])\?(.*?)\?=", re.DOTALL)
# Charsets in which ASCII has other octets.
OTHER_ASCII = re.compile(
    rb"utf-?(7|16|32)|unicode|ucs|iso-10646|cs(unicode|ucs|ebcdic|ibm)|ebcdic|posix-bc"
    rb"|ibm(0|10|11|2|42|5|87|880)|cp(037|1025|1026|1047|11|2|37|42|500|87)", re.IGNORECASE)
FOLD_OR_BACKSLASH = re.compile(rb"\n|\\\\")
# What an escape sequence designates: G0, or one of the others.
ESCAPE = re.compile(rb"\x1b([\x20-\x2f]*[\x30-\x7e])?")
TO_ASCII = (b"(B", b"(J")
TO_G0 = re.compile(rb"\(.|\$\(?[\x30-\x7e]")


def encoded_words(value):
    """[(charset, encoding, text)]"""
    words, at = [], value.find(b"=?")
    while at >= 0:
        begin = CHARSET_AND_ENCODING.match(value, at + 2)
        end = value.find(b"?=", begin.end()) if begin else -1
        if end >= 0:
            words.append((begin[1].partition(b"*")[0], begin[2].lower(), value[begin.end():end]))
        at = value.find(b"=?", at + 2 if end < 0 else end + 2)
    return words


def decode_base64(text):
    text = re.sub(rb"[^A-Za-z0-9+/=]", b"", text.translate(bytes.maketrans(b"-_", b"+/")))
    octets = b""
    for group in text.split(b"="):
        group = group[:-1] if len(group) % 4 == 1 else group
        octets += base64.b64decode(group + b"=" * (-len(group) % 4))
    return octets


def decode(encoding, text):
    text = re.sub(rb"[\r\n]", b"", text).replace(b"\t", b" ")
    if encoding == b"b":
        return decode_base64(text)
    return re.sub(rb"=([0-9A-Fa-f]{2})", lambda digits: bytes([int(digits[1], 16)]),
                  text.replace(b"_", b" "))


def ascii_of_iso_2022(octets):
    """What stands in ASCII or JIS X 0201 Roman."""
    text, at, is_ascii, shifted = b"", 0, True, False
    while at < len(octets):
        octet = octets[at:at + 1]
        if octet == b"\x1b":
            escape = ESCAPE.match(octets, at)
            if TO_G0.fullmatch(escape[1] or b""):
                is_ascii = escape[1] in TO_ASCII
            at = escape.end()
            continue
        if octet in b"\x0e\x0f":
            shifted = octet == b"\x0e"
        elif is_ascii and not shifted:
            text += octet
        at += 1
    return text


def shows_another(value, quoted_strings):
    quoted, decoded = b"".join(quoted_strings), b""
    if re.search(rb"[<@]", quoted) and any(map(FOLD_OR_BACKSLASH.search, quoted_strings)):
        return True
    for charset, encoding, text in encoded_words(value):
        if OTHER_ASCII.match(charset) or re.search(rb'["<]', charset + text):
            return True
        octets = decode(encoding, text)
        if charset.lower().startswith(b"iso-2022-"):
            octets = ascii_of_iso_2022(octets)
        decoded += octets
    if re.search(rb"[\x00-\x1f\x7f]", decoded):
        return True
    seen = decoded + quoted
    return bool(b"<" in seen and b"@" in seen and re.search(rb'[<@"\\]', decoded))
