# SPDX-License-Identifier: ISC
"""The examples of verimail(7) and libverimail(3): what the page says of octets is so, and the real
service answers as its conversations have it."""
import ctypes
import os
import re
import subprocess
import time

import nacl.bindings
import pytest

from harness.checks import check, equal
from harness.client import ask
from harness.commandline import CommandLine
from harness.daemon import BUILD
from harness.examples import SOURCE, one_of_kind, run_by
from harness.files import write_file
from harness.keys import digest_of
from protocol import key, payload

# What a program has before the lines of libverimail(3), and behind them.
PROGRAM = """#include <stdio.h>
#include <string.h>
#include <time.h>
#include <verimail.h>
int main(int argc, char **argv)
{
    const char *message = "From: alice@example.org\\n\\nHello\\n";
    size_t message_len = strlen(message);
    struct verimail_stamper *stamper = NULL;
    if (argc != 3 || verimail_stamper_new("mail.example.org", argv[1], argv[2], &stamper) !=
            VERIMAIL_OK)
        return 1;
%s
    verimail_stamper_free(&stamper);
    return 0;
}
"""


def library():
    return os.path.abspath(os.path.join(BUILD, "src/library"))


def test_c_program(case):
    example = one_of_kind("c")
    source, program = (os.path.join(case.folder, name) for name in ("example.c", "example"))
    write_file(source, PROGRAM % example.text)
    header, = SOURCE.glob("src/**/verimail.h")
    subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{header.parent}", source,
                    "-o", program, f"-L{library()}", f"-Wl,-rpath,{library()}", "-lverimail"],
                   check=True)
    world = case.world
    done = subprocess.run([program, world.host.secret_text(), world.service.public_text()],
                          capture_output=True, check=True, timeout=60)
    check(re.fullmatch(rb"Verimail: alice@example\.org A[\w-]+(\n [\w-]+)*\n", done.stdout),
          f"{example.where}: printed {done.stdout}")


def test_addresses():
    """From a mailbox to canonical text."""
    verimail = ctypes.CDLL(os.path.join(library(), "libverimail.so"))
    example = one_of_kind("addresses")
    for line in example.text.splitlines():
        mailbox, canonical = re.split(r" {2,}", line)
        user = ctypes.create_string_buffer(1024)
        octets = mailbox.encode()
        equal((verimail.verimail_author(octets, ctypes.c_size_t(len(octets)), user,
                                        ctypes.c_size_t(len(user))), user.value.decode()),
              (0, canonical), example.where)


def with_white_space(text):
    return text.replace(r"\s", " ").replace(r"\t", "\t")


def test_digest():
    """A message, what of it is hashed, and the digest that follows in the text of the page."""
    message, hashed = one_of_kind("message"), one_of_kind("hashed")
    digest = digest_of(with_white_space(hashed.text).replace("\n", "\r\n").encode())
    page = (SOURCE / message.file).read_text("utf-8")
    check(f".Ql {digest} " in page or f".Ql {digest}\n" in page, f"no {digest} in {message.file}")
    verimail = CommandLine()
    try:
        done = verimail.run("digest", given=with_white_space(message.text).encode())
    finally:
        verimail.end()
    equal(done.out.strip(), digest, message.where)


def page_keys():
    """Octets by the names that the page gives them."""
    values, name = {}, None
    for line in one_of_kind("keys").text.splitlines():
        found = re.fullmatch(r"(?:(\S.*?) {2,}|\s+)([0-9a-f]+)", line)
        name = found[1] or name
        values[name] = values.get(name, b"") + bytes.fromhex(found[2])
    return values


def page_payload():
    """The text inside, and the payload."""
    inside, sealed = one_of_kind("payload").text.split("\n\n")
    return " ".join(inside.split()), "".join(sealed.split())


def test_payload_step_by_step():
    k = page_keys()
    inside, sealed = page_payload()
    raw = payload.read_base64url(sealed.encode())
    want = {
        "host's public": key.public_of(k["host's secret"]),
        "service's public": key.public_of(k["service's secret"]),
        "X25519": nacl.bindings.crypto_scalarmult(k["host's secret"], k["service's public"]),
        "shared secret": nacl.bindings.crypto_box_beforenm(k["service's public"],
                                                           k["host's secret"]),
        "key id": key.key_id(k["host's public"], k["service's public"]),
        "nonce": raw[9:33],
        "authenticator": raw[33:49],
    }
    equal({name: k[name].hex() for name in want},
          {name: octets.hex() for name, octets in want.items()}, "what follows from the secrets")
    again = payload.seal(payload.read_inside(inside.encode()), k["nonce"], k["host's secret"],
                         k["service's public"])
    equal(again.decode(), sealed, "the payload")


def fresh_payload():
    """The page's, as if it had been made now."""
    k = page_keys()
    inside = payload.read_inside(page_payload()[0].encode())
    inside.issued = int(time.time())
    return payload.seal(inside, os.urandom(24), k["host's secret"], k["service's public"]).decode()


def classic_key_and_payload():
    text = (SOURCE / "test/vectors/classic.txt").read_text("utf-8")
    return (re.search(r"^key = (.*)$", text, re.MULTILINE)[1].replace(r"\n", "\n"),
            re.search(r"^payload = (.*)$", text, re.MULTILINE)[1])


def lengthened(word, whole):
    """What a word stands for of which only the beginning and the end are printed."""
    name, equals, value = word.rpartition("=")
    if "..." not in value:
        return word
    pattern = re.compile(re.escape(value).replace(r"\.\.\.", ".+"))
    return name + equals + next(text for shown, text in whole if pattern.fullmatch(shown))


def test_conversations(case):
    k = page_keys()
    pem, classic = classic_key_and_payload()
    write_file(os.path.join(case.folder, "classic.key"), pem)
    write_file(case.world.service_path,
               key.write_key(b"service-secret", k["service's secret"]).decode() + "\n")
    daemon = case.daemon(case.world.config(
        host_keys=[key.write_key(b"host-public", k["host's public"]).decode()],
        domain=f'classic_key = "{case.folder}/classic.key" user "bob" {{ }}'
               ' user "alice" { more_hosts = {"localhost"} }',
        more='domain "example.com" { hosts = {"mail.example.org"}'
             ' user "bob" { allow_unauthorized = true } }'))
    inside, sealed = page_payload()
    digests = [inside.split()[-1],
               digest_of(with_white_space(one_of_kind("hashed").text).replace("\n", "\r\n").encode())]
    whole = [(sealed, fresh_payload()), (classic, classic), *zip(digests, digests)]
    conversations = [example for example in run_by("protocol") if example.kind == "conversation"]
    check(len(conversations) >= 4, "conversations")
    for example in conversations:
        for part in example.text.strip().split("\n\n"):
            *question, answer = part.splitlines()
            words = " ".join(question).removeprefix("> ").split()
            equal(ask(daemon.address, " ".join(lengthened(word, whole) for word in words) + "\r\n"),
                  answer + "\r\n", f"{example.where}: {question}")
