# SPDX-License-Identifier: ISC
"""What the record says: `verimail report` as text, JSON and a page, which Chromium looks at, and
`verimail watch`."""
import collections
import contextlib
import html.parser
import json
import os
import pty
import random
import re
import shutil
import signal
import sqlite3
import stat
import struct
import subprocess
import termios
import time
import xml.etree.ElementTree
import zlib

import pytest

from harness.checks import check, equal, wait_for
from harness.daemon import BUILD
from harness.files import write_file

PROGRAM = os.path.abspath(os.path.join(BUILD, "src/command/verimail"))
DAY = 86400000
EVENTS = 30000
COLUMNS = ("time", "verdict", "reason", "cause", '"user"', "domain", "host", "receiving", "ip",
           "asker", "listed", "ms")
LONG = "x" * 60
HOSTILE = (
    "<script>alert(1)</script>@example.org",
    "\"><img/src=x/onerror=alert(1)>@example.org",
    "'&amp;</title></style><!--@example.org",
    f"{LONG}@{LONG}.example.org",
    "\x1b[2J\x1b]0;owned\x07@example.org",
    "a\u202eb\u2066c\u200f@example.org",
    "\x9b31m\x00\r\n@example.org",
    "%s%n%s@example.org",
    "",
)
SCALE = {"YES": ("stamped",), "NO": ("unstamped", "unstamped", "unstamped", "forged", "refused"),
         "ALLOW": ("changed", "changed", "redirected", "replayed", "expired", "unstamped")}


# Stores


def now():
    return int(time.time() * 1000)


def new_store(case, name="events.db"):
    """An empty store, as the recorder makes it, and a configuration that names it."""
    path = os.path.join(case.world.state, name)
    config = case.world.config(events=f'"sqlite:{path}"')
    daemon = case.daemon(config)
    daemon.stop()
    check(os.path.exists(path), f"{path} was not made")
    write_file(os.path.join(case.folder, "report.conf"), config, 0o644)
    return path


def add(path, rows):
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.executemany(f"INSERT INTO event ({', '.join(COLUMNS)}) VALUES "
                          f"({', '.join('?' * len(COLUMNS))})", rows)


def event(at=None, verdict="YES", reason="stamped", user="alice@example.org",
          host="mail.example.org", receiving="example.net", ip="192.0.2.1", listed=1):
    return (now() if at is None else at, verdict, reason, "", user, user.rpartition("@")[2], host,
            receiving, ip, "198.51.100.1", listed, 3)


def some_event(chance, at):
    verdict = chance.choices(list(SCALE), (70, 22, 8))[0]
    listed = verdict != "NO" or chance.random() < 0.5
    user = f"user{int(chance.paretovariate(0.6)) % 3000}@example.{chance.choice(('org', 'com'))}"
    host = "" if verdict == "NO" else f"mail{chance.randrange(3)}.example.org"
    if verdict != "NO" and at > now() - 3 * DAY:
        host = chance.choice((host, host, "new.example.org"))
    ip = chance.choice((f"203.0.{int(chance.paretovariate(0.7)) % 256}.{chance.randrange(256)}",
                        f"2001:db8:{chance.randrange(9):x}:{chance.randrange(65536):x}::1", ""))
    receiving = f"mx{int(chance.paretovariate(0.7)) % 400}.example"
    if chance.random() < 0.1:
        receiving += ",second.example"
    return event(at, verdict, chance.choice(SCALE[verdict]), user, host, receiving, ip, int(listed))


def full_store(case):
    """Forty days of a busy domain, in which strangers did what they can."""
    path = new_store(case)
    chance = random.Random(4)
    end = now()
    rows = [some_event(chance, end - 40 * DAY + i * 40 * DAY // EVENTS) for i in range(EVENTS)]
    for i, user in enumerate(HOSTILE):
        for verdict, reason in (("NO", "unstamped"), ("ALLOW", "replayed")):
            rows += [event(end - 1000, verdict, reason, user, f"<b>{user}", f"{user},<i>'\"&",
                           user, 0)] * (160 - i)
    add(path, rows)
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("INSERT INTO gap VALUES (?, ?)", (end - DAY, 1234567))
    return path


def rows_of(path, sql, *values):
    with contextlib.closing(sqlite3.connect(path)) as store:
        return store.execute(sql, values).fetchall()


# The program


def run(case, *arguments, config="report.conf", **environment):
    return subprocess.run(
        [PROGRAM, "-c", os.path.join(case.folder, config), *arguments], cwd=case.folder, timeout=60,
        check=False, capture_output=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **environment})


def good(done):
    equal((done.returncode, done.stderr), (0, b""), "status")
    return done.stdout


def report(case, *arguments, **environment):
    return good(run(case, "report", *arguments, **environment))


def in_terminal(case, *arguments, **environment):
    """What the program writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 100)) if hasattr(termios, "tcsetwinsize") else \
        __import__("fcntl").ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    with subprocess.Popen([PROGRAM, "-c", os.path.join(case.folder, "report.conf"), *arguments],
                          stdout=theirs, env={"LC_ALL": "C", **environment}) as process:
        os.close(theirs)
        octets = b""
        with contextlib.suppress(OSError):  # that is how a terminal ends
            while more := os.read(ours, 65536):
                octets += more
        os.close(ours)
        equal(process.wait(), 0, "status")
    return octets.decode("ascii")


# Text


def check_screen(octets, encoding, most=80):
    lines = octets.decode(encoding).splitlines()
    for line in lines:
        check(len(line) <= most, f"{len(line)} columns: {line!r}")
        check(re.fullmatch(r"[ -~█░▓]*", line), f"not only printable: {line!r}")
    check(24 <= len(lines) <= 50, f"{len(lines)} lines:\n" + "\n".join(lines))
    return "\n".join(lines)


def test_one_screen(case):
    full_store(case)
    for since in ("7d", "12h", "2d", "30d", "365d", "3w"):
        screen = check_screen(report(case, "--since", since), "ascii")
        for word in ("questions", "YES", "Most forged users", "Forgeries came from", "xxx"):
            check(word in screen, f"no {word} in\n{screen}")
    check("1,234,567 events were lost" in screen, screen)
    screen = check_screen(report(case, "--since", "12h"), "ascii")
    for word in ("\\x1b[2J", "<script>", "(unknown)", "xxx..xx"):
        check(word in screen, f"no {word} in\n{screen}")
    check("new.example.org" in check_screen(report(case, "--since", "7d"), "ascii"), "no new host")
    screen = check_screen(report(case, LC_ALL="C.UTF-8"), "utf-8")
    check("█" in screen and "▓" in screen, screen)


def test_nothing_on_record(case):
    new_store(case)
    text = report(case).decode("ascii")
    check("Nobody asked anything in this time" in text, text)
    found = json.loads(report(case, "--json"))
    equal((found["questions"], found["recorded_since"], found["times"]), (0, None, []))
    check(b"Nobody asked anything" in report(case, "--html", "-"), "no page")


def test_colour_for_terminals_only(case):
    add(new_store(case), [event()])
    check("\033[32m#" in in_terminal(case, "report"), "no colour")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        check("\033" not in in_terminal(case, "report", **environment), environment)
    check(b"\033" not in report(case), "colour in a pipe")


def test_what_cannot_be(case):
    new_store(case)
    for name, events in (("none.conf", "none"), ("missing.conf", "sqlite:/nonexistent/events")):
        write_file(os.path.join(case.folder, name), case.world.config(events=f'"{events}"'))
    write_file(os.path.join(case.folder, "bare.conf"), "")
    table = (
        (("report", "--since", "yesterday"), "report.conf", 65, "expected a time"),
        (("report", "--since", "0d"), "report.conf", 65, "expected a time before now"),
        (("report", "--since", "2026-02-01", "--until", "2026-01-01"), "report.conf", 65, "before"),
        (("report", "--domain", "a b"), "report.conf", 65, "expected a domain"),
        (("report", "--json", "--html", "-"), "report.conf", 64, "room for one"),
        (("report", "more"), "report.conf", 64, "one argument too many"),
        (("report", "--html", "/nonexistent/page"), "report.conf", 73, "No such file"),
        (("report", "--html", "/dev/full"), "report.conf", 73, "no regular file"),
        (("report",), "none.conf", 78, 'events = "none"'),
        (("report",), "bare.conf", 78, "no service section"),
        (("report",), "missing.conf", 66, "/nonexistent/events"),
        (("watch",), "none.conf", 78, 'events = "none"'),
        (("watch",), "missing.conf", 66, "/nonexistent/events"),
        (("watch", "--verdict", "MAYBE"), "report.conf", 65, "expected YES, NO or ALLOW"),
        (("watch", "--verdict", ""), "report.conf", 65, "expected YES, NO or ALLOW"),
        (("watch", "--user", ""), "report.conf", 65, "expected local@domain"),
        (("watch", "-n", "-1"), "report.conf", 65, "expected a number"),
    )
    for arguments, config, status, words in table:
        done = run(case, *arguments, config=config)
        equal(done.returncode, status, f"{arguments}: {done.stderr!r}")
        check(words in done.stderr.decode("ascii"), f"{arguments}: no {words!r} in {done.stderr!r}")
        equal(done.stderr.count(b"\n"), 1, f"{arguments}: lines")


# JSON


def test_json_says_what_is_there(case):
    path = full_store(case)
    found = json.loads(report(case, "--since", "10d", "--json"))
    check(found["domain"] is None, found["domain"])
    since, until = (int(time.mktime(time.strptime(found[key], "%Y-%m-%dT%H:%M:%SZ"))
                        - time.timezone) * 1000 for key in ("since", "until"))
    check(since % DAY == 0 and abs(now() - until) < 60000, "the period")
    where = "FROM event WHERE time >= ? AND time < ?"
    counts = dict(rows_of(path, f"SELECT verdict, count(*) {where} GROUP BY 1", since, until + 999))
    equal([found[key] for key in ("yes", "no", "allow")],
          [counts[key] for key in ("YES", "NO", "ALLOW")])
    equal(found["questions"], sum(counts.values()))
    for key in ("yes", "no", "allow"):
        equal(sum(step[key] for step in found["times"]), found[key], key)
    equal((found["step_seconds"], len(found["times"]), found["lost"]), (86400, 11, 1234567))
    equal(sum(r["questions"] for r in found["reasons"]), found["questions"])
    addresses = rows_of(path, f"SELECT ip, asker {where} AND verdict = 'NO'", since, until + 999)
    networks = collections.Counter(
        ".".join(ip.split(".")[:3]) for ip, _ in addresses if re.fullmatch(r"[0-9.]+", ip))
    for entry in found["forgeries"]["networks"]:
        key = re.fullmatch(r"(203\.0\.\d+)\.0/24", entry["network"])
        check(not key or entry["questions"] == networks[key[1]], entry)
    domains = collections.Counter(
        name for row in rows_of(path, f"SELECT receiving {where} AND verdict = 'NO'", since,
                                until + 999) for name in row[0].split(","))
    second = [e for e in found["forgeries"]["receiving"] if e["domain"] == "second.example"]
    check(not second or second[0]["questions"] == domains["second.example"], second)
    check({"user": HOSTILE[0], "questions": 160} in found["forgeries"]["users"], found["forgeries"])
    check("new.example.org" in [h["host"] for h in found["new_hosts"]], found["new_hosts"])
    check("mail0.example.org" not in [h["host"] for h in found["new_hosts"]], found["new_hosts"])
    equal(found["unlisted"]["questions"],
          rows_of(path, f"SELECT count(*) {where} AND listed = 0 AND reason <> 'forged'", since,
                  until + 999)[0][0])
    equal(found["replays"]["users"][0],
          {"user": HOSTILE[0], "host": f"<b>{HOSTILE[0]}", "questions": 160})


def test_one_domain_and_other_times(case):
    path = full_store(case)
    found = json.loads(report(case, "--since", "400d", "--domain", "EXAMPLE.com", "--json"))
    equal(found["questions"],
          rows_of(path, "SELECT count(*) FROM event WHERE domain = 'example.com'")[0][0])
    equal(found["domain"], "example.com")
    check(all(e["user"].endswith("@example.com") for e in found["forgeries"]["users"]), found)
    for since, step in (("36h", 3600), ("5d", 86400)):
        equal(json.loads(report(case, "--since", since, "--json"))["step_seconds"], step, since)
    add(path, [event(now() - 300 * DAY)])
    old = json.loads(report(case, "--since", "365d", "--json"))
    equal((old["step_seconds"], old["new_hosts"]), (604800, None))


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
                       "i", "b"}, names)
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
    for want in ("&lt;script&gt;alert(1)&lt;/script&gt;@example.org", "\\x1b[2J", "\\xe2\\x80\\xae",
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
        check=False, capture_output=True, timeout=60, env={**os.environ, "HOME": case.folder})
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


# watch


class Watch:
    """One that runs; its lines are in `out`, its complaints in `err`."""

    def __init__(self, case, *arguments, stdout=None):
        self.out, self.err = (os.path.join(case.folder, f"watch{len(case.processes)}.{x}")
                              for x in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [PROGRAM, "-c", os.path.join(case.folder, "report.conf"), "watch", *arguments],
                stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=err)
        case.processes.append(self.process)

    def lines(self, path=None):
        with open(path or self.out, encoding="ascii") as file:
            return file.read().splitlines()

    def wait_lines(self, count):
        wait_for(lambda: len(self.lines()) >= count, f"{count} lines")
        equal(len(self.lines()), count, "lines")
        return self.lines()

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(10)


def users(lines):
    return [line.split()[3].partition("@")[0] for line in lines]


def test_watch_follows(case):
    path = new_store(case)
    add(path, [event(user=f"u{i}@example.org") for i in range(25)])
    watch = Watch(case)
    more = Watch(case, "-n", "0")
    equal(users(watch.wait_lines(10)), [f"u{i}" for i in range(15, 25)])
    for i in range(25, 30):
        add(path, [event(user=f"u{i}@example.org")])
    equal(users(watch.wait_lines(15)), [f"u{i}" for i in range(15, 30)])
    check(len(more.lines()) <= 5, more.lines())
    add(path, [event(user=f"v{i}@example.org") for i in range(3000)])
    equal(users(watch.wait_lines(3015))[15:], [f"v{i}" for i in range(3000)])
    equal(len({line.index("@example.org") > 0 and line.index("mail.example.org")
               for line in watch.lines()}), 1, "where the hosts stand")
    equal((watch.stop(), more.stop(signal.SIGTERM), watch.lines(watch.err)), (0, 0, []))


def test_watch_filters(case):
    path = new_store(case)
    rows = [event(verdict=verdict, reason=SCALE[verdict][0], user=user)
            for verdict in SCALE for user in ("alice@example.org", "Alice@example.com",
                                              "alicia@example.org", "%@example.org")]
    add(path, rows)
    table = (
        (("--verdict", "NO"), 4), (("--verdict", "no,ALLOW"), 8), (("--verdict", "YES,YES"), 4),
        (("--user", "alice"), 6), (("--user", "ALICE@example.org"), 3), (("--user", "%"), 3),
        (("--domain", "example.com"), 3), (("--domain", "example.net"), 0),
        (("--domain", "example.org", "--user", "alice", "--verdict", "ALLOW"), 1), ((), 12),
    )
    watches = [(arguments, count, Watch(case, "-n", "100", *arguments)) for arguments, count in table]
    for arguments, count, watch in watches:
        watch.wait_lines(count)
    add(path, rows)
    for arguments, count, watch in watches:
        watch.wait_lines(2 * count)
        equal(watch.stop(), 0, arguments)


def test_watch_is_safe_to_look_at(case):
    path = new_store(case)
    add(path, [event(user=user, host=user, receiving=user, ip=user) for user in HOSTILE])
    watch, as_json = Watch(case), Watch(case, "--json")
    for line in watch.wait_lines(len(HOSTILE)):
        check(re.fullmatch("[ -~]+", line), repr(line))
    found = [json.loads(line) for line in as_json.wait_lines(len(HOSTILE))]
    equal([f["user"] for f in found], list(HOSTILE))
    equal(set(found[0]), {"id", "time", "verdict", "reason", "cause", "user", "domain", "host",
                          "receiving", "ip", "asker", "listed", "ms"})
    equal((watch.stop(), as_json.stop()), (0, 0))
    shown = in_terminal_for(case, len(HOSTILE))
    check("\033[32mYES" in shown and "\033[2J" not in shown, shown)


def in_terminal_for(case, count):
    ours, theirs = pty.openpty()
    watch = Watch(case, stdout=theirs)
    os.close(theirs)
    octets = b""
    while octets.count(b"\n") < count:
        octets += os.read(ours, 65536)
    equal(watch.stop(), 0)
    os.close(ours)
    return octets.decode("ascii")


def test_watch_ends_with_its_reader(case):
    add(new_store(case), [event()] * 20000)
    for read_some in (True, False):
        ours, theirs = os.pipe()
        watch = Watch(case, "-n", "20000", stdout=theirs)
        os.close(theirs)
        if read_some:
            os.read(ours, 1000)
        os.close(ours)
        equal((watch.process.wait(10), watch.lines(watch.err)), (0, []))
    ours, theirs = os.pipe()
    watch = Watch(case, "-n", "20000", stdout=theirs)
    os.close(theirs)
    os.read(ours, 1000)  # it waits for more to be read, in vain
    equal((watch.stop(), watch.lines(watch.err)), (0, []))
    os.close(ours)


def test_watch_waits_for_a_store_that_is_away(case):
    path = new_store(case)
    add(path, [event(user=f"old{i}@example.org") for i in range(5)])
    watch = Watch(case)
    watch.wait_lines(5)
    os.rename(path, path + ".away")
    wait_for(lambda: watch.lines(watch.err), "a complaint")
    time.sleep(1)
    equal(len(watch.lines(watch.err)), 1, "complaints")
    check(watch.lines(watch.err)[0].endswith("waiting for it"), watch.lines(watch.err))
    check(watch.process.poll() is None, "it ended")
    os.rename(path + ".away", path)
    add(path, [event(user="new0@example.org")])
    equal(users(watch.wait_lines(6))[5:], ["new0"])
    os.rename(path, path + ".old")
    new_store(case)
    add(path, [event(user="anew@example.org")])
    equal(users(watch.wait_lines(7))[6:], ["anew"])
    equal(watch.stop(), 0)
