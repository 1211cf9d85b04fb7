# SPDX-License-Identifier: ISC
"""A reading of Authentication-Results of our own, from RFC 8601, 2.2 alone: it takes more than the
grammar does, since it asks what anybody could read."""
import re
from email.header import decode_header

PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"|([;=/])|([^\s"();=/]+)|\s+', re.DOTALL)


def without_comments(text):
    """A space for each; an open one goes on to the end."""
    kept, depth, at, quoted = [], 0, 0, False
    while at < len(text):
        char = text[at]
        if char == "\\" and (depth or quoted):
            kept.append("" if depth else text[at:at + 2])
            at += 2
            continue
        if not quoted and char in "()":
            depth = max(depth + (1 if char == "(" else -1), 0)
            kept.append(" ")
        elif not depth:
            quoted ^= char == '"'
            kept.append(char)
        at += 1
    return "".join(kept)


def pieces(text):
    """Words without their quotes, and the operators; None where it cannot be read."""
    at, found = 0, []
    while at < len(text):
        piece = PIECE.match(text, at)
        if not piece:
            return None
        if piece[1] is not None:
            found.append(re.sub(r"\\(.)", r"\1", piece[1], flags=re.DOTALL))
        elif piece[0].strip():
            found.append(piece[0])
        at = piece.end()
    return found


def is_ours(words, ours):
    """The id, alone, with a version, or with what Postfix's queue id or a path would be."""
    head = words[0].lower().split("/")[0] if words else ""
    return head == ours


def says_pass(words):
    text = " ".join(words).lower()
    return re.match(r"verimail( / \d+)? = pass\b", text) is not None


def passes(text, ours):
    """Whether one of its results is verimail=pass, and the id is ours."""
    found = pieces(without_comments(text))
    if not found:
        return False
    parts = [[]]
    for word in found:
        parts.append([]) if word == ";" else parts[-1].append(word)
    return is_ours(parts[0], ours) and any(says_pass(part) for part in parts[1:])


def decoded(text):
    return "".join(piece.decode("latin-1") if isinstance(piece, bytes) else piece
                   for piece, _ in decode_header(text))


def views(value, ours):
    text = value.decode("latin-1")
    flat = re.sub(r"\r?\n(?=[ \t])", "", text)
    shown = {"RFC 8601": passes(flat, ours)}
    for name, read in {"RFC 8601 of the decoded": decoded,
                       "RFC 8601, lines end at CR": lambda t: re.split(r"\r(?!\n)", text)[-1]}.items():
        try:
            shown[name] = passes(read(flat), ours)
        except Exception:  # an encoded word that cannot be decoded
            shown[name] = False
    return shown
