# SPDX-License-Identifier: ISC
"""What the record says: the page of `verimail report --html`, which Chromium looks at."""
import collections
import html.parser
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import xml.etree.ElementTree
import zlib

import pytest

from harness.checks import WAIT_LIMIT, check, equal
from harness.eventstore import full_store, report
from harness.files import write_file


# The page


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def check_page(octets):
    text = octets.decode("ascii")
    check(re.fullmatch(r"[\n -~]*", text), "not only printable ASCII")
    xml.etree.ElementTree.fromstring(text)
    tags = Tags()
    tags.feed(text)
    names = {tag for tag, _ in tags.found}
    check(not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a",
                       "i", "b", "u"}, names)
    for tag, attributes in tags.found:
        for name, value in attributes.items():
            check(not name.startswith("on") and name not in ("src", "href", "xlink:href"),
                  f"{name} in {tag}")
            check("url(" not in (value or ""), f"{name}={value}")
    for word in ("http://", "https://", "//", "@import", "javascript:", "data:"):
        check(word not in text, word)
    policy = [a["content"] for tag, a in tags.found if tag == "meta"
              and a.get("http-equiv") == "Content-Security-Policy"]
    check(policy and "default-src 'none'; style-src 'unsafe-inline'" in policy[0], policy)
    equal([a.get("lang") for tag, a in tags.found if tag == "html"], ["en"])
    return text


def test_the_page_is_well_formed_and_harmless(case):
    full_store(case)
    folder = os.path.join(case.folder, "pages")
    os.mkdir(folder)
    path = os.path.join(folder, "page.html")
    write_file(path, "the old one", 0o666)
    equal(report(case, "--html", path), b"")
    equal(os.listdir(folder), ["page.html"])
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o640, "mode")
    with open(path, "rb") as file:
        text = check_page(file.read())
    for want in ("&lt;script&gt;alert(1)&lt;/script&gt;@example.org", "%1B[2J", "%E2%80%AE",
                 'role="img"', "<desc", "<th scope=", "prefers-color-scheme:dark"):
        check(want in text, f"no {want}")
    equal(json.loads(report(case, "--json", "--html", path))["domain"], None)
    for since in ("12h", "2d", "90d"):
        check_page(report(case, "--since", since, "--html", "-"))


# What Chromium shows of it

COLOURS = {"light": ((31, 119, 180), (168, 116, 0), (196, 61, 27)),
           "dark": ((88, 166, 232), (227, 179, 65), (255, 123, 92))}
MEASURE = """<!DOCTYPE html><body><script>
addEventListener("load", () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, width = frame.clientWidth;
    for (const details of page.querySelectorAll("details")) details.open = true;
    const wide = [...page.querySelectorAll("body *")].filter(
      e => e.getBoundingClientRect().right > width + 0.5 || e.getBoundingClientRect().left < -0.5);
    const cut = [...page.querySelectorAll("th, td, dd, h2")].filter(
      e => e.scrollWidth > e.clientWidth + 1);
    found.push({width: width, scroll: page.documentElement.scrollWidth,
                elements: page.querySelectorAll("*").length,
                wide: wide.map(e => e.outerHTML.slice(0, 80)),
                cut: cut.map(e => e.outerHTML.slice(0, 80))});
  }
  document.body.textContent = JSON.stringify(found);
});
</script>
"""


def chromium(case, *arguments):
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium")
    done = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--no-first-run", f"--user-data-dir={case.folder}/chromium", *arguments],
        check=False, capture_output=True, timeout=WAIT_LIMIT, env={**os.environ, "HOME": case.folder})
    equal(done.returncode, 0, done.stderr.decode(errors="replace")[-500:])
    return done.stdout.decode()


def paeth(left, above, corner):
    guess = left + above - corner
    by_left, by_above, by_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    if by_left <= by_above and by_left <= by_corner:
        return left
    return above if by_above <= by_corner else corner


def unfilter(kind, line, above, size):
    """A line of a PNG (its specification, section 9), in place."""
    for i, octet in enumerate(line):
        left = line[i - size] if i >= size else 0
        up = above[i]
        if kind == 1:
            octet += left
        elif kind == 2:
            octet += up
        elif kind == 3:
            octet += (left + up) // 2
        elif kind == 4:
            octet += paeth(left, up, above[i - size] if i >= size else 0)
        line[i] = octet & 255


def pixels(path):
    """How often each colour is in a PNG of 8 bits with or without transparency."""
    with open(path, "rb") as file:
        octets = file.read()
    width, height, depth, kind = struct.unpack(">IIBB", octets[16:26])
    check(depth == 8 and kind in (2, 6), f"depth {depth}, kind {kind}")
    size = 3 if kind == 2 else 4
    data, at = b"", 8
    while at < len(octets):
        length, name = struct.unpack(">I4s", octets[at:at + 8])
        data += octets[at + 8:at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    data = zlib.decompress(data)
    found = collections.Counter()
    above = bytearray(width * size)
    for y in range(height):
        begin = y * (width * size + 1)
        line = bytearray(data[begin + 1:begin + 1 + width * size])
        if data[begin]:
            unfilter(data[begin], line, above, size)
        found.update(zip(line[0::size], line[1::size], line[2::size]))
        above = line
    return width, height, found


def test_nothing_is_wider_than_a_phone(case):
    full_store(case)
    pages = []
    for since, widths in (("7d", (320, 360, 390, 1280)), ("36h", (360,)), ("60d", (360, 800))):
        report(case, "--since", since, "--html", f"{since}.html")
        pages += [(since, width) for width in widths]
    frames = "".join(f'<iframe src="{since}.html" style="border:0;width:{width}px;height:900px">'
                     "</iframe>" for since, width in pages)
    write_file(os.path.join(case.folder, "measure.html"), MEASURE + frames)
    dom = chromium(case, "--allow-file-access-from-files", "--dump-dom",
                   f"file://{case.folder}/measure.html")
    found = json.loads(html.unescape(re.search(r"<body>(.*)</body>", dom, re.DOTALL)[1]))
    equal([f["width"] for f in found], [width for _, width in pages], "frames")
    for frame in found:
        check(frame["elements"] > 300, frame)
        check(frame["scroll"] <= frame["width"] and not frame["wide"] and not frame["cut"], frame)


def test_it_can_be_seen_by_day_and_by_night(case):
    full_store(case)
    report(case, "--html", "page.html")
    for width in (390, 1280):
        for scheme, colours in COLOURS.items():
            path = os.path.join(case.folder, f"{scheme}{width}.png")
            chromium(case, f"--blink-settings=preferredColorScheme={int(scheme == 'light')}",
                     f"--window-size={width},900", f"--screenshot={path}",
                     f"file://{case.folder}/page.html")
            shown, height, found = pixels(path)
            equal((shown, height), (width, 900), "size")
            check(len(found) > 50, f"{path}: {len(found)} colours")
            for colour in colours:
                check(found[colour] > 150, f"{path}: {found[colour]} pixels of {colour}")
            ground = found.most_common(1)[0]
            check((sum(ground[0]) > 600) == (scheme == "light"), f"{scheme}: ground {ground}")
            check(ground[1] < 0.9 * width * height, f"{path}: nearly blank")
