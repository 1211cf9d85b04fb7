# SPDX-License-Identifier: ISC
"""The protocol a second time, written from verimail(7) alone and in its order. Everything is octets
(bytes); what the page refuses raises Refused, with a word for it where the vectors have one."""
import base64
import hashlib
import re
import socket
import unicodedata
from dataclasses import dataclass, field

import nacl.bindings
import nacl.exceptions

B64 = rb"[A-Za-z0-9_-]"
FWS = rb"(?:[ \t]|\r?\n(?=[ \t]))+"
NUMBER = re.compile(rb"0|[1-9][0-9]*")


class Refused(Exception):
    def __init__(self, word="refused", **known):
        super().__init__(word)
        self.word = word
        self.known = known


def require(good, word="refused"):
    if not good:
        raise Refused(word)


def fold(text):
    return text.lower()  # of bytes: ASCII alone


def read_number(text, most):
    """Without leading zeros."""
    require(NUMBER.fullmatch(text) and len(text) <= 20 and int(text) <= most)
    return int(text)


def blake2b_256(octets):
    return hashlib.blake2b(octets, digest_size=32).digest()


def write_base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def read_base64url(text):
    """Each run of octets has one text: what is read must be what would be written."""
    require(re.fullmatch(B64 + rb"*", text) and len(text) % 4 != 1)
    octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    require(write_base64url(octets) == text)
    return octets


def is_digest(text):
    try:
        return len(read_base64url(text)) == 32
    except Refused:
        return False


# CONVERSATION

QUESTION_LIMIT = 4096
ANSWER_LIMIT = 512
NAMES_LIMIT = 32
RCPT_LIMIT = 2048
TTL_LIMIT = 3600
REASONS = {
    b"YES": [b"stamped"],
    b"ALLOW": [b"redirected", b"changed", b"replayed", b"expired", b"uncounted", b"classic",
               b"unstamped", b"host", b"unserved"],
    b"NO": [b"unstamped", b"forged", b"refused"],
}


def read_names(words):
    """name=value, each name once."""
    require(len(words) <= NAMES_LIMIT)
    names = {}
    for word in words:
        name, equals, value = word.partition(b"=")
        require(re.fullmatch(B64 + rb"+", name) and equals and value and name not in names)
        names[name] = value
    return names


def read_rcpt(value):
    """The domains, in lower case, or ['*']."""
    require(len(value) <= RCPT_LIMIT)
    if value == b"*":
        return [b"*"]
    return [read_ascii_domain(domain) for domain in value.split(b",")]


def is_ip(value):
    if len(value) > 45:
        return False
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, value.decode("ascii"))
            return True
        except (OSError, ValueError):
            pass
    return False


@dataclass
class Question:
    user: bytes
    payload: bytes
    rcpt: bytes = None
    digest: bytes = None
    ip: bytes = None
    named: bool = False


def read_question(line, default_domain=None):
    """line: all up to and with the first LF, or up to the end of file."""
    require(len(line) <= QUESTION_LIMIT)
    line = re.sub(rb"\r?\n\Z", b"", line)
    require(re.fullmatch(rb"[ -~]*", line))
    words = line.split(b" ")
    require(len(words) >= 2 and all(words))
    names = read_names(words[2:])
    require(re.fullmatch(B64 + rb"+", words[1]))
    if b"rcpt" in names:
        read_rcpt(names[b"rcpt"])
    require(b"digest" not in names or is_digest(names[b"digest"]))
    require(b"ip" not in names or is_ip(names[b"ip"]))
    return Question(read_canonical(words[0], default_domain).text(), words[1], names.get(b"rcpt"),
                    names.get(b"digest"), names.get(b"ip"), bool(names))


def write_question(question):
    known = [(b"rcpt", question.rcpt), (b"digest", question.digest), (b"ip", question.ip)]
    words = [question.user, question.payload]
    words += [name + b"=" + value for name, value in known if value is not None]
    return b" ".join(words) + b"\r\n"


@dataclass
class Answer:
    verdict: bytes
    reason: bytes = None
    ttl: int = None
    scope: bytes = None


def read_answer(octets):
    """octets: all that came until the service closed."""
    require(len(octets) <= ANSWER_LIMIT and octets.endswith(b"\r\n"))
    line = octets[:-2]
    require(re.fullmatch(rb"[ -~]*", line))
    verdict, *rest = line.split(b" ")
    require(verdict in REASONS)
    if not rest:
        return Answer(verdict)
    require(rest[0] in REASONS[verdict])
    names = read_names(rest[1:])
    ttl = read_number(names.get(b"ttl", b"0"), TTL_LIMIT)
    scope = names.get(b"scope")
    require(scope in (None, b"domain"))
    return Answer(verdict, rest[0], ttl or None, scope)


def write_answer(answer):
    words = [answer.verdict]
    if answer.reason:
        words.append(answer.reason)
    if answer.reason and answer.ttl:
        words.append(b"ttl=%d" % answer.ttl)
        if answer.scope:
            words.append(b"scope=" + answer.scope)
    return b" ".join(words) + b"\r\n"


# CANONICAL TEXT

LABEL = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
LOCAL_LIMIT = 64
DOMAIN_LIMIT = 253
TO_ENCODE = re.compile(rb"[\x00-\x20\x7f-\xff%@]")


def read_ascii_domain(text):
    """A-labels, to lower case."""
    require(len(text) <= DOMAIN_LIMIT)
    require(all(LABEL.fullmatch(label) for label in text.split(b".")))
    return fold(text)


@dataclass
class Mailbox:
    local: bytes  # without quotes and quoted-pairs
    domain: bytes  # A-labels in lower case

    def __post_init__(self):
        require(1 <= len(self.local) <= LOCAL_LIMIT)
        require(self.local != b"*" and self.local.split(b"+")[0])

    def local_text(self):
        return TO_ENCODE.sub(lambda octet: b"%%%02X" % ord(octet[0]), self.local)

    def text(self):
        return self.local_text() + b"@" + self.domain


def make_canonical(local, domain):
    return Mailbox(local, read_domain(domain))


def read_canonical(text, default_domain=None):
    """Takes exactly what would be written; only the domain may be in upper case. Without '@' the
    user is one of the default domain."""
    local, at, domain = text.rpartition(b"@")
    if not at:
        require(default_domain is not None)
        local, domain = text, default_domain
    decoded = re.sub(rb"%([0-9A-F]{2})", lambda code: bytes([int(code[1], 16)]), local)
    mailbox = Mailbox(decoded, read_ascii_domain(domain))
    require(mailbox.local_text() == local)
    return mailbox


def without_detail(local):
    return local.split(b"+")[0]


def same_user(one, other):
    return fold(one) == fold(other)


# Domains as people write them

UTF8_LABEL_LIMIT = 252


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


# THE AUTHOR

ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]"
DOT_ATOM = re.compile(ATEXT + rb"+(?:\." + ATEXT + rb"+)*")
QUOTED_STRING = re.compile(rb'"((?:[^"\\]|\\[^\r\n])*)"', re.DOTALL)
WORD = re.compile(rb"(?:" + ATEXT + rb"|\.)+")
COMMENT_PART = re.compile(rb"[^()\\]+|\\[^\r\n]|[()]")
SPACE = re.compile(FWS)
NOT_IN_FROM = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n(?![ \t])")


class From:
    """Reads the value of a From field, from its beginning to its end."""

    def __init__(self, value):
        self.value = value
        self.at = 0

    def take(self, pattern):
        found = pattern.match(self.value, self.at)
        if found:
            self.at = found.end()
        return found

    def take_octet(self, octet):
        found = self.value.startswith(octet, self.at)
        self.at += found
        return found

    def comment(self):
        if not self.value.startswith(b"(", self.at):
            return False
        depth = 0
        while True:
            part = self.take(COMMENT_PART)
            require(part)
            depth += {b"(": 1, b")": -1}.get(part[0], 0)
            if depth == 0:
                return True

    def cfws(self):
        while self.take(SPACE) or self.comment():
            pass

    def addr(self):
        """The local part without quotes, quoted-pairs and line ends, and the domain; or None."""
        start = self.at
        atom = self.take(DOT_ATOM)
        quoted = None if atom else self.take(QUOTED_STRING)
        if (atom or quoted) and self.take_octet(b"@"):
            domain = self.take(DOT_ATOM)
            if domain:
                return atom[0] if atom else unquote(quoted[1]), domain[0]
        self.at = start
        return None

    def author(self):
        self.cfws()
        addr = self.addr()
        if not addr:
            while self.take(WORD) or self.take(QUOTED_STRING):
                self.cfws()
            require(self.take_octet(b"<"))
            self.take(SPACE)
            addr = self.addr()
            require(addr)
            self.take(SPACE)
            require(self.take_octet(b">"))
        self.cfws()
        require(self.at == len(self.value))
        return addr


def unquote(text):
    return re.sub(rb"\\(.)|\r?\n", lambda found: found[1] or b"", text, flags=re.DOTALL)


def read_from(value):
    """The author's mailbox."""
    require(not NOT_IN_FROM.search(value))
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused() from None
    local, domain = From(value).author()
    require(b"." in domain)
    require(not any(re.search(rb"=\?.*\?=", part, re.DOTALL) for part in (local, domain)))
    return make_canonical(local, domain)


# KEYS

KINDS = (b"service-secret", b"service-public", b"host-secret", b"host-public")


def key_check(kind, octets):
    return blake2b_256(kind + b":" + octets)[:4]


def write_key(kind, octets):
    return kind + b":" + write_base64url(octets + key_check(kind, octets))


def read_key(kind, text):
    named, colon, digits = text.partition(b":")
    require(named in KINDS and colon and len(digits) == 48, "not-key")
    try:
        octets = read_base64url(digits)
    except Refused:
        raise Refused("not-key") from None
    key, check = octets[:32], octets[32:]
    require(check == key_check(named, key), "check")
    require(named == kind, "wrong-kind")
    require(not kind.endswith(b"-public") or not is_of_low_order(key), "weak")
    return key


def is_of_low_order(public):
    """Every clamped scalar takes such a point to zero, which libsodium refuses."""
    try:
        nacl.bindings.crypto_scalarmult(b"\x01" * 32, public)
    except nacl.exceptions.RuntimeError:
        return True
    return False


def public_of(secret):
    return nacl.bindings.crypto_scalarmult_base(secret)


def key_id(host_public, service_public):
    return blake2b_256(host_public + service_public)[:8]


# SEALED PAYLOAD

VERSION = b"\x01"
NONCE = 24
BOX_OVERHEAD = 16
INSIDE_LIMIT = 640
RECEIVING_LIMIT = 300
RECIPIENTS_LIMIT = 1000000


def read_receiving(text):
    """The recipients by domain, or those of '*'."""
    require(len(text) <= RECEIVING_LIMIT)
    receiving = {}
    for entry in text.split(b","):
        domain, _, recipients = entry.partition(b":")
        if text != b"*:" + recipients:
            require(read_ascii_domain(domain) == domain)
        require(domain not in receiving)
        receiving[domain] = read_number(recipients, RECIPIENTS_LIMIT)
        require(receiving[domain] >= 1)
    require(sum(receiving.values()) <= RECIPIENTS_LIMIT)
    return receiving


def recipients_at(receiving, domain):
    """'*' in the payload names all; '*' in the question is named by no other."""
    try:
        domain = domain if domain == b"*" else read_ascii_domain(domain)
    except Refused:
        return 0
    return receiving.get(b"*", receiving.get(domain, 0))


def covers(receiving, rcpt):
    try:
        return all(recipients_at(receiving, domain) for domain in read_rcpt(rcpt))
    except Refused:
        return False


def write_receiving(added):
    """added: pairs of a domain, or '*', and its recipients."""
    receiving = {}
    for domain, recipients in added:
        domain = fold(domain)
        receiving[domain] = receiving.get(domain, 0) + recipients
    text = b",".join(b"%s:%d" % entry for entry in receiving.items())
    if b"*" in receiving or len(text) > RECEIVING_LIMIT:
        text = b"*:%d" % sum(receiving.values())
    return text


@dataclass
class Inside:
    sending: bytes
    receiving: bytes
    issued: int
    user: bytes
    digest: bytes


def read_inside(text):
    require(len(text) <= INSIDE_LIMIT)
    words = text.split(b" ")
    require(len(words) == 5)
    sending, receiving, issued, user, digest = words
    read_ascii_domain(sending)
    read_receiving(receiving)
    require(read_canonical(user).text() == user)
    require(digest == b"-" or is_digest(digest))
    return Inside(sending, receiving, read_number(issued, 2**64 - 1), user, digest)


def write_inside(inside):
    return b"%s %s %d %s %s" % (inside.sending, inside.receiving, inside.issued, inside.user,
                                inside.digest)


def seal(inside, nonce, host_secret, service_public):
    box = nacl.bindings.crypto_box(write_inside(inside), nonce, service_public, host_secret)
    pair = key_id(public_of(host_secret), service_public)
    return write_base64url(VERSION + pair + nonce + box)


@dataclass
class Pair:
    host: bytes
    host_public: bytes
    service_secret: bytes

    def id(self):
        return key_id(self.host_public, public_of(self.service_secret))


def open_sealed(payload, pairs):
    """What is inside, the text of it, and the nonce. Refused has the text where there is one."""
    try:
        octets = read_base64url(payload)
    except Refused:
        raise Refused("not-sealed") from None
    start = len(VERSION) + 8
    least = start + NONCE + BOX_OVERHEAD
    require(least <= len(octets) <= least + INSIDE_LIMIT, "not-sealed")
    require(octets.startswith(VERSION), "not-sealed")
    nonce, box = octets[start:start + NONCE], octets[start + NONCE:]
    pair = next((pair for pair in pairs if pair.id() == octets[1:start]), None)
    require(pair, "key")
    try:
        text = nacl.bindings.crypto_box_open(box, nonce, pair.host_public, pair.service_secret)
    except nacl.exceptions.CryptoError:
        raise Refused("box") from None
    try:
        inside = read_inside(text)
    except Refused:
        raise Refused("content", content=text) from None
    if fold(inside.sending) != fold(pair.host):
        raise Refused("host", content=text)
    return inside, text, nonce


# The payload of 2013

RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
RSA_LEAST, RSA_MOST = 1024, 4096
PEM = re.compile(rb"\s*-----BEGIN ([A-Z ]+)-----\n(.*)-----END \1-----\s*", re.DOTALL)


@dataclass
class RsaKey:
    modulus: int
    public_exponent: int
    private_exponent: int

    def bits(self):
        return self.modulus.bit_length()

    def octets(self):
        return (self.bits() + 7) // 8


def der_elements(octets):
    """The tags and contents that follow one another."""
    elements = []
    while octets:
        require(len(octets) >= 2, "not-key")
        tag, length, start = octets[0], octets[1], 2
        if length >= 0x80:
            start += length - 0x80
            length = int.from_bytes(octets[2:start], "big")
        require(start + length <= len(octets), "not-key")
        elements.append((tag, octets[start:start + length]))
        octets = octets[start + length:]
    return elements


def der_sequence(octets, least):
    elements = der_elements(octets)
    require(len(elements) == 1 and elements[0][0] == 0x30, "not-key")
    inside = [content for _, content in der_elements(elements[0][1])]
    require(len(inside) >= least, "not-key")
    return inside


def read_rsa_key(pem):
    found = PEM.fullmatch(pem)
    require(found, "not-key")
    kind, body = found.groups()
    require(kind != b"ENCRYPTED PRIVATE KEY" and b"4,ENCRYPTED" not in body, "pass-phrase")
    require(kind != b"EC PRIVATE KEY", "not-rsa")
    require(kind in (b"PRIVATE KEY", b"RSA PRIVATE KEY"), "not-key")
    try:
        der = base64.b64decode(body)
    except ValueError:
        raise Refused("not-key") from None
    if kind == b"PRIVATE KEY":
        _, algorithm, der = der_sequence(der, 3)[:3]
        require(der_elements(algorithm)[0][1] == RSA_ENCRYPTION, "not-rsa")
    numbers = [int.from_bytes(number, "big") for number in der_sequence(der, 9)]
    key = RsaKey(*numbers[1:4])
    require(RSA_LEAST <= key.bits() <= RSA_MOST, "size")
    trial = 2**(key.bits() - 2) + 1
    opened = pow(pow(trial, key.public_exponent, key.modulus), key.private_exponent, key.modulus)
    require(opened == trial, "trial")
    return key


def sha1(octets):
    return hashlib.sha1(octets).digest()


def mgf1(seed, length):
    rounds = range(-(-length // 20))
    return b"".join(sha1(seed + i.to_bytes(4, "big")) for i in rounds)[:length]


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def open_oaep(key, sealed):
    """RFC 8017, section 7.1.2, without a label."""
    number = int.from_bytes(sealed, "big")
    require(number < key.modulus)
    octets = pow(number, key.private_exponent, key.modulus).to_bytes(key.octets(), "big")
    first, masked_seed, masked = octets[0], octets[1:21], octets[21:]
    seed = xor(masked_seed, mgf1(masked, 20))
    data = xor(masked, mgf1(seed, len(masked)))
    padding = re.match(rb"\x00*\x01", data[20:])
    require(first == 0 and data[:20] == sha1(b"") and padding)
    return data[20 + padding.end():]


@dataclass
class Classic:
    sending: bytes
    receiving: bytes
    nonce: bytes


def read_classic(text):
    words = text.split(b" ")
    require(len(words) == 3 and all(words) and not re.search(rb"[\x00-\x1f\x7f]", text))
    read_ascii_domain(words[0])
    return Classic(*words)


def open_classic(payload, key):
    """The three words. Refused has the text where there is one."""
    require(re.fullmatch(rb"[0-9A-Fa-f]+", payload), "not-classic")
    require(len(payload) == 2 * key.octets(), "not-classic")
    text = open_oaep(key, bytes.fromhex(payload.decode()))
    try:
        return read_classic(text)
    except Refused:
        raise Refused(content=text) from None


# STAMP

FIELD_NAME = b"Verimail:"
FIELD_LIMIT = 900
LINE_LIMIT = 78
STAMP = re.compile(rb"(?:%s)?([!-~]+)((?:%s%s+)+)(?:%s)?" % (FWS, FWS, B64, FWS))


def read_stamp(value):
    """The user and the payload of what stands behind the colon."""
    line_ends = re.sub(rb"\r?\n", b"\r\n", value)
    require(len(FIELD_NAME + line_ends) <= FIELD_LIMIT)
    found = STAMP.fullmatch(value)
    require(found)
    payload = re.sub(rb"[ \t\r\n]", b"", found[2])
    require(payload != b"-")
    return read_canonical(found[1]).text(), payload


def write_stamp(user, payload):
    lines = [FIELD_NAME]
    if len(FIELD_NAME + b" " + user) > LINE_LIMIT:
        lines.append(b"")
    lines[-1] += b" " + user
    while payload:
        room = LINE_LIMIT - len(lines[-1] + b" ")
        if room < 1:
            lines.append(b"")
            room = LINE_LIMIT - 1
        lines[-1] += b" " + payload[:room]
        payload = payload[room:]
    stamp = b"\r\n".join(lines)
    require(len(stamp) <= FIELD_LIMIT)
    return stamp


# DIGEST

DIGESTED = (b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id",
            b"mime-version", b"content-type", b"content-transfer-encoding")
SPACED = (b"subject", b"content-type")
HEADER_LIMIT = 1048576
FIELDS_LIMIT = 2000
FIELD = re.compile(rb"([!-9;-~]+)(?:%s)?:(.*)" % FWS, re.DOTALL)
LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")


def split_message(message):
    """The fields, as names in lower case and values, and the body."""
    fields = []
    at = 0
    for line in LINE.finditer(message):
        at = line.end()
        if line[0] in (b"\n", b"\r\n"):
            break
        if line[0][:1] in (b" ", b"\t"):
            require(fields)
            fields[-1] += line[0]
        else:
            fields.append(line[0])
    found = [FIELD.fullmatch(octets) for octets in fields]
    require(at <= HEADER_LIMIT and len(fields) <= FIELDS_LIMIT and all(found))
    return [(fold(field[1]), field[2]) for field in found], message[at:]


def digested_value(name, value):
    if name in SPACED:
        return re.sub(rb"[ \t\r\n]+", b" ", value).strip(b" ")
    return re.sub(rb"[ \t\r\n]", b"", value)


def digested_body(body):
    lines = []
    for found in LINE.finditer(body):
        line = re.sub(rb"\r?\n\Z", b"", found[0])
        lines.append(re.sub(rb"[ \t]+", b" ", line.rstrip(b" \t")))
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def hashed_octets(message):
    fields, body = split_message(message)
    header = b""
    for name in DIGESTED:
        values = [value for other, value in fields if other == name]
        header += b"%s:%d\r\n" % (name, len(values))
        for value in values:
            header += name + b":" + digested_value(name, value) + b"\r\n"
    return header + b"\r\n" + digested_body(body)


def digest_of(hashed):
    return write_base64url(blake2b_256(hashed))


# JUDGEMENT

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
