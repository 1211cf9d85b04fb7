# SPDX-License-Identifier: ISC
"""What the record says: `verimail report` as text and JSON."""
import json
import os
import re
import time

from harness.checks import check, equal
from harness.eventstore import (DAY, HOSTILE, LONG, add, add_mail, event, full_store, good,
                                in_terminal, mail_path, message, new_store, now, report, rows_of,
                                run)
from harness.files import write_file


# Text


def check_screen(octets, encoding, most=80):
    lines = octets.decode(encoding).splitlines()
    for line in lines:
        check(len(line) <= most, f"{len(line)} columns: {line!r}")
        check(re.fullmatch(r"[ -~█░▓▒]*", line), f"not only printable: {line!r}")
    return "\n".join(lines)


def test_the_text(case):
    full_store(case)
    for since in ("7d", "12h", "2d", "30d", "365d", "3w"):
        screen = check_screen(report(case, "--since", since), "ascii")
        for word in ("questions", "YES", "Addresses that were forged", "Where forgeries came from",
                     "xxx", "  -> "):
            check(word in screen, f"no {word} in\n{screen}")
    check("1,234,567 events were lost" in screen, screen)
    screen = check_screen(report(case, "--since", "12h"), "ascii")
    for word in ("%1B[2J", "<script>", LONG):
        check(word in screen, f"no {word} in\n{screen}")
    check("new.example.org" in check_screen(report(case, "--since", "7d"), "ascii"), "no new host")
    screen = check_screen(report(case, LC_ALL="C.UTF-8"), "utf-8")
    check("█" in screen and "▓" in screen, screen)
    for width in (40, 60, 100, 120):
        check_screen(report(case, "--width", str(width), "--since", "30d"), "ascii", max(width, 48))


def test_nothing_on_record(case):
    new_store(case)
    text = report(case).decode("ascii")
    check("No questions in this time, as far as it is recorded." in text, text)
    found = json.loads(report(case, "--json"))
    equal((found["service"]["questions"], found["service"]["recorded_since"], found["mail"]),
          (0, None, None))
    check(b"No questions in this time" in report(case, "--html", "-"), "no page")


def test_colour_for_terminals_only(case):
    add(new_store(case), [event()])
    check("\033[32m#" in in_terminal(case, "report"), "no colour")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        check("\033" not in in_terminal(case, "report", **environment), environment)
    check(b"\033" not in report(case), "colour in a pipe")


def test_one_record_alone(case):
    """A machine with a milter only; one whose milter has not recorded yet."""
    path = new_store(case, mail=True)
    add_mail(mail_path(path), [message()])
    equal([json.loads(report(case, "--json"))[part] is None for part in ("service", "mail")],
          [False, False])
    write_file(os.path.join(case.folder, "milter.conf"),
               f"""milter {{ socket = "unix:{case.folder}/m.sock" state = "{case.world.state}" }}
verify {{ authserv_id = "mx.example.org" }}
record {{ store = "sqlite" }}
""")
    found = json.loads(good(run(case, "report", "--json", config="milter.conf")))
    equal((found["service"], found["mail"]["in"]["messages"]), (None, 1))
    text = good(run(case, "report", config="milter.conf")).decode("ascii")
    check("This mail server" in text and "Your domains" not in text, text)
    os.remove(mail_path(path))
    equal(json.loads(report(case, "--json"))["mail"], None)
    done = run(case, "report", config="milter.conf")
    equal(done.returncode, 66, done.stderr)
    check(b"mail.db" in done.stderr, done.stderr)


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
        (("report", "--width", "39"), "report.conf", 65, "expected a number from 40 to 1000"),
        (("report", "more"), "report.conf", 64, "one argument too many"),
        (("report", "--html", "/nonexistent/page"), "report.conf", 73, "No such file"),
        (("report", "--html", "/dev/full"), "report.conf", 73, "no regular file"),
        (("report",), "none.conf", 78, 'write record { store = "sqlite" }'),
        (("report",), "bare.conf", 78, "no section service and no section milter"),
        (("report",), "missing.conf", 66, "/nonexistent/events.db"),
        (("watch",), "none.conf", 78, 'store = "none"'),
        (("watch",), "missing.conf", 66, "/nonexistent/events.db"),
        (("watch", "--verdict", "MAYBE"), "report.conf", 65, "expected YES, NO, ALLOW"),
        (("watch", "--verdict", ""), "report.conf", 65, "expected YES, NO, ALLOW"),
        (("watch", "--user", ""), "report.conf", 65, "expected local@domain"),
        (("watch", "-n", "-1"), "report.conf", 65, "expected a number"),
    )
    for arguments, config, status, words in table:
        done = run(case, *arguments, config=config)
        equal(done.returncode, status, f"{arguments}: {done.stderr!r}")
        check(words in done.stderr.decode("ascii"), f"{arguments}: no {words!r} in {done.stderr!r}")
        equal(done.stderr.count(b"\n"), 1, f"{arguments}: lines")


# JSON


def network(address):
    return ".".join(address.split(".")[:3]) + ".0/24"


def test_json_says_what_is_there(case):
    path = full_store(case)
    whole = json.loads(report(case, "--since", "10d", "--json"))
    check(whole["domain"] is None and whole["mail"] is None, whole["domain"])
    found = whole["service"]
    since, until = (int(time.mktime(time.strptime(whole[key], "%Y-%m-%dT%H:%M:%SZ"))
                        - time.timezone) * 1000 for key in ("since", "until"))
    check(since % DAY == 0 and abs(now() - until) < 60000, "the period")
    where = "FROM event WHERE time >= ? AND time < ?"

    def rows(columns, rest=""):
        return rows_of(path, f"SELECT {columns} {where} {rest}", since, until + 999)

    counts = dict(rows("verdict, count(*)", "GROUP BY 1"))
    equal([found[key] for key in ("yes", "no", "allow")],
          [counts[key] for key in ("YES", "NO", "ALLOW")])
    equal(found["questions"], sum(counts.values()))
    for key in ("yes", "no", "allow"):
        equal(sum(step[key] for step in found["times"]), found[key], key)
    equal((found["step_seconds"], len(found["times"]), found["lost"]), (86400, 11, 1234567))
    equal({(r["verdict"], r["reason"]): r["questions"] for r in found["reasons"]},
          {(verdict, reason): count for verdict, reason, count in
           rows("verdict, reason, count(*)", "GROUP BY 1, 2")})
    # Every network of this store also sends genuine mail, but those that nobody reported.
    genuine = {network(ip) for ip, in rows("DISTINCT ip", "AND verdict = 'YES' AND ip LIKE '203.%'")}
    for entry in found["refused"]["forgeries"]["networks"]:
        check(entry["network"] not in genuine, entry)
    own, forged = found["refused"]["own"], found["refused"]["forgeries"]
    equal(own["questions"] + forged["questions"], found["no"])
    for entry in own["networks"]:
        if entry["network"] in genuine:
            begin = entry["network"].removesuffix("0/24")
            equal((entry["questions"], entry["genuine"]), (
                rows("count(*)", f"AND verdict = 'NO' AND ip LIKE '{begin}%' AND \"user\" = "
                     f"'{entry['user']}' AND reason = '{entry['reason']}'")[0][0],
                rows("count(*)", f"AND verdict = 'YES' AND ip LIKE '{begin}%'")[0][0]), entry)
    stamped = {(e["user"], e["host"]): e["questions"] for e in own["stamped"]}
    equal(stamped[HOSTILE[0], f"<b>{HOSTILE[0]}"], 160)
    hosts = [h["host"] for h in found["new_hosts"]]
    check("new.example.org" in hosts and "mail0.example.org" not in hosts, hosts)
    equal(found["unlisted"][0]["questions"], rows(
        "count(*)", "AND listed = 0 AND reason = 'unstamped' AND verdict = 'NO' "
        "GROUP BY \"user\" ORDER BY 1 DESC LIMIT 1")[0][0])
    equal(found["replays"][0],
          {"user": HOSTILE[0], "host": f"<b>{HOSTILE[0]}", "questions": 160})


def test_one_domain_and_other_times(case):
    path = full_store(case)
    whole = json.loads(report(case, "--since", "400d", "--domain", "EXAMPLE.com", "--json"))
    found = whole["service"]
    equal(found["questions"],
          rows_of(path, "SELECT count(*) FROM event WHERE domain = 'example.com'")[0][0])
    equal(whole["domain"], "example.com")
    users = found["refused"]["forgeries"]["users"] + found["refused"]["own"]["networks"]
    check(users and all(e["user"].endswith("@example.com") for e in users), users)
    for since, step in (("36h", 3600), ("5d", 86400)):
        equal(json.loads(report(case, "--since", since, "--json"))["service"]["step_seconds"], step,
              since)
    add(path, [event(now() - 300 * DAY)])
    old = json.loads(report(case, "--since", "365d", "--json"))["service"]
    equal((old["step_seconds"], old["new_hosts"]), (604800, None))


# The milter's part


def test_what_a_receiver_is_told(case):
    path = new_store(case, mail=True)
    add(path, [event()])
    end = now() - now() % DAY
    mail = [message(end - DAY + i, ms=10) for i in range(50)]
    mail += [message(end - 2 * DAY, verdict="ALLOW", reason="changed", author="bob@example.net",
                     service="192.0.2.8:26", ms=900)] * 3
    mail += [message(end - 2 * DAY + i, verdict="NO", reason="unstamped", would_be="rejected",
                     author="boss@example.com", queue=f"Q{i}", source="cache") for i in range(7)]
    mail += [message(end - DAY, "in", "rejected", "NO", "forged", "boss@example.com", "R1")]
    mail += [message(end - DAY + i * 3600000, verdict="temperror", reason="no-answer",
                     author=f"x{i}@down.example", service="192.0.2.9:26", source="", ms=5000)
             for i in range(4)]
    mail += [message(end - DAY, "out", "stamped", "none", "", "alice@example.org", source="",
                     service="")] * 9
    mail += [message(end - DAY, "out", "rejected", "none", "foreign-from", "ceo@example.org", "O1",
                     login="frank", source="", service="")] * 2
    mail += [message(end - 20 * DAY)] * 5
    add_mail(mail_path(path), mail)
    found = json.loads(report(case, "--json"))["mail"]
    equal({k: found["in"][k] for k in ("messages", "yes", "no", "allow", "temperror", "permerror")},
          {"messages": 65, "yes": 50, "no": 8, "allow": 3, "temperror": 4, "permerror": 0})
    equal([found["out"][k] for k in ("messages", "stamped", "passed", "rejected", "deferred")],
          [11, 9, 0, 2, 0])
    equal(sum(t["no"] for t in found["in"]["times"]), 8)
    equal([(d["domain"], d["messages"]) for d in found["domains"]],
          [("example.com", 58), ("down.example", 4), ("example.net", 3)])
    equal([(e["author"], e["action"], e["messages"]) for e in found["would_refuse"]],
          [("boss@example.com", "rejected", 7)])
    equal([(e["reason"], e["queue"]) for e in found["refused"]], [("forged", "R1")])
    hour = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000))
    equal(found["unreached"], [{"domain": "down.example", "reason": "no-answer", "messages": 4,
                                "first": hour(end - DAY), "last": hour(end - DAY + 3 * 3600000),
                                "service": "192.0.2.9:26", "lookup": ""}])
    equal([(e["service"], e["messages"], e["ms"]) for e in found["slowest"]],
          [("192.0.2.8:26", 3, 900), ("192.0.2.7:26", 51, 10)])
    equal([(e["author"], e["login"], e["reason"], e["messages"], e["queue"])
           for e in found["unstamped"]], [("ceo@example.org", "frank", "foreign-from", 2, "O1")])
    only = json.loads(report(case, "--json", "--domain", "example.net"))["mail"]
    equal((only["in"]["messages"], only["out"]["messages"], only["would_refuse"]), (3, 0, []))
    text = report(case).decode("ascii")
    for want in ("the service did not answer", "would be rejected", "login frank",
                 "`verimail enforce receiver`", "192.0.2.8:26"):
        check(want in text, f"no {want!r} in\n{text}")
