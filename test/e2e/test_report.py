# SPDX-License-Identifier: ISC
"""What the record says: `verimail report` as text and JSON."""
import collections
import json
import os
import re
import time

from harness.checks import check, equal
from harness.eventstore import (DAY, HOSTILE, add, event, full_store, in_terminal, new_store, now,
                                report, rows_of, run)
from harness.files import write_file


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
    for name, store in (("none.conf", "none"), ("missing.conf", "sqlite")):
        write_file(os.path.join(case.folder, name),
                   case.world.config(record=f'store = "{store}"').replace(
                       case.world.state, "/nonexistent"))
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
        (("report",), "none.conf", 78, 'store = "none"'),
        (("report",), "bare.conf", 78, "no service section"),
        (("report",), "missing.conf", 66, "/nonexistent/events.db"),
        (("watch",), "none.conf", 78, 'store = "none"'),
        (("watch",), "missing.conf", 66, "/nonexistent/events.db"),
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
