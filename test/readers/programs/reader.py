# SPDX-License-Identifier: ISC
"""What Python's email makes of values, with the policies compat32 and default, and authres of
Authentication-Results. See ../README.md. usage: reader.py ID"""
import base64
import json
import re
import sys
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses, mktime_tz, parseaddr, parsedate_tz

import authres

LINK = re.compile(r"""(?:https?|mailto):[^\s<>"']+""")


def tried(function, *arguments):
    """Values that Python cannot read are nothing to show."""
    try:
        return function(*arguments)
    except Exception:  # whatever it is, a mail program would show nothing or an error
        return None


def decoded(value):
    return str(make_header(decode_header(value)))


def classic_addresses(value):
    return [address for _, address in getaddresses([value]) if "@" in address]


def header_addresses(value):
    return [address.addr_spec for address in value.addresses]


def authors(value):
    octets = b"From:" + value + b"\r\n\r\n"
    # Octets that are no ASCII stay what they are: surrogates.
    old = dict(message_from_bytes(octets, policy=policy.compat32).raw_items()).get("From", "")
    flat = re.sub(r"[\r\n]+", "", old)
    new = tried(lambda: message_from_bytes(octets, policy=policy.default)["From"])
    return {
        "parseaddr": [parseaddr(old)[1]],
        "getaddresses": classic_addresses(old),
        "parseaddr of the unfolded": [parseaddr(flat)[1]],
        "getaddresses of the unfolded": classic_addresses(flat),
        "policy default": tried(header_addresses, new) or [],
    }


def links_of(part):
    encoding = str(part["Content-Transfer-Encoding"] or "")
    if encoding != encoding.strip():  # then it is not decoded: raw text, no other link
        return []
    try:
        text = part.get_payload(decode=True).decode(part.get_content_charset() or "ascii", "replace")
    except Exception:
        return []
    return LINK.findall(text)


def structure(message):
    """Every part from top to bottom: its depth is in how many it stands."""
    for part in message.walk():
        yield {"type": part.get_content_type(), "name": tried(part.get_filename),
               "disposition": tried(part.get_content_disposition)}


ADDRESSES = ("Sender", "Reply-To", "Mail-Followup-To", "Mail-Reply-To", "To", "Cc",
             "Disposition-Notification-To", "Resent-From", "Resent-Sender")
WORDS = ("Message-ID", "In-Reply-To", "References", "List-Post", "List-Unsubscribe",
         "List-Unsubscribe-Post", "Autocrypt", "Content-ID", "Content-Location")


def shown(message, addresses):
    date = message["Date"]
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    return {
        "author": [tried(addresses, value) for value in message.get_all("From", [])],
        "subject": [tried(decoded, str(value)) for value in message.get_all("Subject", [])],
        "date": tried(lambda: mktime_tz(parsedate_tz(str(date)))),
        **{name: [tried(addresses, value) for value in message.get_all(name, [])]
           for name in ADDRESSES},
        **{name: ["".join(str(value).split()) for value in message.get_all(name, [])]
           for name in WORDS},
        "structure": list(structure(message)),
        "links": [link for part in parts for link in links_of(part)],
    }


def whole(octets):
    return {
        "compat32": tried(lambda: shown(message_from_bytes(octets, policy=policy.compat32),
                                        lambda value: classic_addresses(str(value)))),
        "default": tried(lambda: shown(message_from_bytes(octets, policy=policy.default),
                                       header_addresses)),
    }


def passes(value):
    text = "Authentication-Results:" + value.decode("utf-8", "surrogateescape")
    parsed = authres.AuthenticationResultsHeader.parse(text)
    return parsed.authserv_id.lower().split("/")[0] == sys.argv[1] and any(
        result.method == "verimail" and result.result == "pass" for result in parsed.results)


def results(value):
    flat = re.sub(rb"\r?\n(?=[ \t])", b"", value)
    return {"authres": bool(tried(passes, flat)), "authres of the folded": bool(tried(passes, value))}


def main():
    kinds = {"F": authors, "R": results, "M": whole}
    for line in sys.stdin:
        kind, value = line.split(" ", 1)
        print(json.dumps(kinds[kind](base64.b64decode(value))), flush=True)


main()
