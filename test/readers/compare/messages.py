# SPDX-License-Identifier: ISC
"""Messages, and what somebody on their way could make of them."""
import random
import re

from compare.mutation import SEED

HEADER = b"""From: Alice <alice@origin.test>
To: "Bob B." <bob@receiver.test>, carol@third.test
Cc: Dan (d) <dan@third.test>
Reply-To: alice@origin.test
Subject: An =?utf-8?q?offer?= for  you
Date: Mon, 30 Nov 2026 10:11:12 +0100
Message-ID: <1.2.3@origin.test>
In-Reply-To: <0@receiver.test>
References: <a@receiver.test> <0@receiver.test>
MIME-Version: 1.0
"""
MESSAGES = [
    HEADER + b"""Content-Type: text/plain; charset="utf-8"; name="a  b.txt"
Content-Transfer-Encoding: quoted-printable
Content-Disposition: inline; filename="a  b.txt"
List-Unsubscribe: <https://list.test/u?x=1>, <mailto:leave@list.test>

See https://a.test/path?q=3D1 and http://b.test/=
more.

  Alice
""",
    HEADER + b"""Content-Type: multipart/mixed; boundary="b-c:d"; charset=us-ascii
Content-Language: en

a preamble
--b-c:d
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8

text http://a.test/1
--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PGEgaHJlZj0iaHR0cDovL2EudGVzdC8yIj5saW5rPC9hPg==
--inner--

--b-c:d
Content-Type: application/pdf;
 name="a bill.pdf"
Content-Disposition: attachment;
\tfilename="a bill.pdf"; size=4
Content-Transfer-Encoding: base64

AAECAw==
--b-c:d
Content-Type: message/rfc822

From: Eve <eve@third.test>
Subject: inside

http://a.test/3
--b-c:d--
an epilogue
""",
    HEADER + b"""Content-Type: text/html; charset=utf-8

<p>A <a href="http://a.test/x">link</a>  and <a
 href="http://a.test/y">another</a>.</p>
""",
    b"From: alice@origin.test\n\nplain http://a.test/\n",
]
FIELDS = [
    b"From: eve@atk.test", b"Sender: eve@atk.test", b"Reply-To: eve@atk.test", b"Mail-Reply-To: eve@atk.test",
    b"Mail-Followup-To: eve@atk.test", b"To: eve@atk.test", b"Cc: eve@atk.test", b"Subject: other",
    b"Date: Tue, 1 Dec 2026 10:11:12 +0100", b"Message-ID: <x@atk.test>", b"In-Reply-To: <x@atk.test>",
    b"References: <x@atk.test>", b"MIME-Version: 1.1", b"Content-Type: text/html",
    b"Content-Type: multipart/mixed; boundary=inner", b"Content-Type: application/x; name=pay.exe",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Transfer-Encoding: 7bit", b"Content-Disposition: attachment; filename=pay.exe",
    b"Content-Description: pay", b"Content-ID: <x@atk.test>", b"Content-Location: http://atk.test/",
    b"Content-Base: http://atk.test/", b"List-Post: <mailto:eve@atk.test>",
    b"List-Unsubscribe: <https://atk.test/>", b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    b"Disposition-Notification-To: eve@atk.test", b"Return-Receipt-To: eve@atk.test",
    b"Autocrypt: addr=eve@atk.test; keydata=AAAA", b"Resent-From: eve@atk.test",
    b"Resent-Sender: eve@atk.test", b"Resent-To: eve@atk.test", b"Resent-Date: Tue, 1 Dec 2026 10:11:12 +0100",
    b"Bcc: eve@atk.test", b"Comments: x", b"Keywords: x", b"X-Subject: x", b"Apparently-To: eve@atk.test",
    b"Received: from x by y; Tue, 1 Dec 2026 10:11:12 +0100", b"Errors-To: eve@atk.test"]
SPACES = [b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b" \r\n ", b"\r\n \r\n "]
LINE_ENDS = [b"\r\n", b"\n", b" \r\n", b"\t\r\n", b"\r\n\r\n", b"\r", b""]


class Tampering:
    """Changes that a digest could overlook: white space, line ends, names of fields, more fields."""

    def __init__(self):
        self.random = random.Random(SEED)

    def _at(self, octets, pattern):
        """One of the places in the header section: the digest has the body in DKIM's relaxed form,
        in which white space at a boundary or a soft line end does not count."""
        header = octets[:octets.find(b"\r\n\r\n") + 2]
        places = [match.span() for match in re.finditer(pattern, header)]
        return self.random.choice(places) if places else (0, 0)

    def _put(self, octets, span, what):
        return octets[:span[0]] + what + octets[span[1]:]

    def _space(self, octets):
        """Other white space where there is some."""
        return self._put(octets, self._at(octets, rb"[ \t]+|\r\n[ \t]+"), self.random.choice(SPACES + [b""]))

    def _new_space(self, octets):
        """White space where there was none."""
        at = self.random.randint(0, max(octets.find(b"\r\n\r\n"), 0))
        return self._put(octets, (at, at), self.random.choice(SPACES))

    def _line_end(self, octets):
        return self._put(octets, self._at(octets, rb"[ \t]*\r\n"), self.random.choice(LINE_ENDS))

    def _field(self, octets):
        field = self.random.choice(FIELDS)
        if self.random.random() < 0.3:
            name, _, value = field.partition(b":")
            space = self.random.choice([b":", b" :", b"\t:", b"\r\n :", b":\r\n ", b"\0:", b"\xc2\xa0:"])
            field = self.random.choice([name.lower(), name.upper(), name]) + space + value
        header = octets.find(b"\r\n\r\n") + 2
        places = [0] + [match.end() for match in re.finditer(rb"\r\n(?![ \t])", octets[:header])]
        at = self.random.choice(places)
        return self._put(octets, (at, at), field + b"\r\n")

    def _delete_line(self, octets):
        return self._put(octets, self._at(octets, rb"[^\n]*\n"), b"")

    def _repeat_line(self, octets):
        span = self._at(octets, rb"[^\n]*\n")
        at = self._at(octets, rb"\n")[1]
        return self._put(octets, (at, at), octets[span[0]:span[1]])

    def _octet(self, octets):
        at = self.random.randint(0, len(octets))
        what = self.random.choice([b"\0", b"\r", b"\n", b"\x0b", b"\x0c", b"\xc2\xa0", b"=", b";", b'"', b"\\"])
        return self._put(octets, (at, at), what)

    def __call__(self, octets):
        ways = [self._space] * 6 + [self._new_space] * 4 + [self._line_end] * 3 + [
            self._field] * 3 + [self._delete_line, self._repeat_line, self._octet]
        for _ in range(self.random.choice((1, 1, 2))):
            octets = self.random.choice(ways)(octets)
        return octets


def with_crlf(message):
    return message.replace(b"\n", b"\r\n")
