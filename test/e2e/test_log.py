# SPDX-License-Identifier: ISC
"""What the log says, whatever strangers send and whatever becomes of the log itself."""
import fcntl
import json
import os
import re
import signal
import struct
import termios
import threading
import time

from harness.checks import Failure, check, equal, wait_for
from harness.client import Load, ask, connect, refuses, reset
from harness.daemon import log_value
from harness.files import Readings
from harness.namespaces import needs_root

YES = "YES stamped\r\n"
TEXT_LINE = re.compile(
    r'time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=\w+ event=[\w-]+'
    r'( \w+=("([^"\\\x00-\x1f]|\\["\\]|\\x[0-9a-f]{2})*"|[^" =\\\x00-\x20\x7f-\xff]+))*')
HOSTILE = [
    'a"b', "a\\b", 'a\\"b', "a'b", "a=b", "level=error", "a<b>", "<3>a", "{a}", "[a]", "a,b",
    "%0A%0Devent=ready", "%00", "%FF%FE", "%C3%B6", "%1B[2J", "$(id)", "`id`", "a;b", "a|b",
    '","event":"ready', "null", "x" * 64, '"' * 64, "\\" * 64, "%01" * 64,
]


def ask_hostile(d):
    for user in HOSTILE:
        d.ask(f"{user}@example.org - ip=2001:db8::1 rcpt={'x' * 60}.example\r\n")
    d.ask(f"{'%01' * 64}@example.org - rcpt={','.join(['a.example'] * 204)}\r\n")
    for line in (b"\xff\xfe\n", b"\x1b[2J -\n", b'"\n', b"\\\n", b"\0\n", b"a" * 5000 + b"\n"):
        d.ask(line)
    return len(HOSTILE) + 1


def test_text_is_well_formed(case):
    d = case.daemon()
    asked = ask_hostile(d)
    d.wait_log("event=question", asked)
    d.wait_log("event=malformed", 6)
    for line in d.text().splitlines():
        check(TEXT_LINE.fullmatch(line), f"not well formed: {line}")
        check(len(line) < 2048, f"{len(line)} octets: {line}")
    equal(d.count("level=notice event=ready"), 1, "lines that say ready")


def test_json_is_well_formed(case):
    d = case.daemon(case.world.config(more="log { format = json }"))
    asked = ask_hostile(d)
    d.ask(case.world.question())
    d.wait_log('"event":"question"', asked + 1)
    d.wait_log('"event":"malformed"', 6)
    lines = [json.loads(line) for line in d.text().splitlines()]
    for line in lines:
        check({"time", "level", "event"} <= set(line), f"lacks what each has: {line}")
    users = {line["user"] for line in lines if line["event"] == "question"}
    check({f"{user}@example.org" for user in HOSTILE} <= users, f"users: {users}")
    last = [line for line in lines if line.get("user") == "alice@example.org"]
    equal([last[0][name] for name in ("verdict", "reason", "host", "rcpt")],
          ["YES", "stamped", "mail.example.org", "example.net"], "a question")
    equal(d.stop(), 0, "the exit status")
    equal(json.loads(d.text().splitlines()[-1])["event"], "stopped", "the last line")


def test_the_level_counts_for_workers_too(case):
    w = case.world
    d = case.daemon(w.config(more="log { level = notice }"))
    equal(d.ask(w.question()), YES, "the answer")
    d.reload(w.config(more="log { level = info }"))
    equal(d.ask("bob -\r\n"), "ALLOW\r\n", "the answer")
    equal(d.stop(), 0, "the exit status")
    users = [log_value(line, "user") for line in d.lines("event=question")]
    equal(users, ["bob@example.org"], "users in the log")


def test_a_long_question_does_not_hide_who_asked(case):
    d = case.daemon()
    receivers = ",".join(["a.example"] * 204)
    equal(d.ask(f"{'%01' * 64}@example.org - rcpt={receivers} ip=192.0.2.1\r\n"),
          "NO unstamped ttl=300\r\n", "the answer")
    line = d.wait_log("event=question")[0]
    check(line.endswith('..."'), f"not cut: {line}")
    check("source=127.0.0.1:" in line and "ip=192.0.2.1" in line, line)


def test_no_secret_and_no_payload_is_logged(case):
    w = case.world
    d = case.daemon()
    sealed = w.payload()
    secrets = [w.service.secret_text()[-40:], w.host.secret_text()[-40:],
               bytes(w.service.secret).hex()]
    for question in (f"alice {sealed}\r\n", f"alice {sealed} rcpt=example.net\r\n",
                     f"bob {sealed} rcpt=example.net\r\n", f"alice {sealed}x\r\n",
                     f"alice {sealed} {sealed}\r\n", f"{sealed} -\r\n", sealed, sealed + " -\0\r\n",
                     f"alice - rcpt={sealed}\r\n", f"alice - note={sealed}\r\n"):
        d.ask(question, half_close=True)
    d.reload()
    equal(d.stop(), 0, "the exit status")
    text = d.text()
    check("event=question" in text and "event=malformed" in text, "something was logged")
    for secret in [sealed, sealed[:40], sealed[-40:], *secrets]:
        check(secret not in text, f"{secret} is in the log")


def read_until(pipe, d, wanted):
    """Copies what comes to the log's file until it has what is wanted."""
    with open(d.log, "ab") as log:
        while wanted not in d.text():
            octets = os.read(pipe, 4096)
            if not octets:
                raise Failure(f"the log ended before {wanted}")
            log.write(octets)
            log.flush()


def with_pipe(case, **how):
    ours, theirs = os.pipe()
    d = case.daemon(case.world.config(workers=4), stderr=theirs, ready=False, **how)
    os.close(theirs)
    read_until(ours, d, "event=ready")
    return d, ours


def waiting_in(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


def rest_of(pipe, d):
    """Reads to the end in a thread of its own."""
    def run():
        with open(d.log, "ab") as log, os.fdopen(pipe, "rb") as source:
            while octets := source.read1(65536):
                log.write(octets)
                log.flush()
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_pipe_that_nobody_reads_delays_no_answer(case):
    w = case.world
    d, pipe = with_pipe(case)
    load = Load(case, d.addresses(), lambda: (w.question(), {YES}))
    load.wait_asked(4000)
    # Room for one write, again and again, and all of them want it.
    for _ in range(50):
        left = waiting_in(pipe)
        with open(d.log, "ab") as log:
            left -= log.write(os.read(pipe, 4096))
        wait_for(lambda: waiting_in(pipe) > left, "a write")  # pylint: disable=W0640
    load.wait_asked(1000)
    load.stop()
    equal(load.lost + load.wrong, [], "lost and wrong answers")
    reader = rest_of(pipe, d)
    d.wait_log("event=log-lines-lost")
    wait_for(lambda: d.count("event=question") + said_lost(d) >= load.asked,
             "lines for all questions, or the number of those that were lost")
    equal(d.stop(), 0, "the exit status")
    reader.join()
    equal(d.count("event=question") + said_lost(d), load.asked, "the same at the end")


def said_lost(d):
    return sum(int(log_value(line, "count")) for line in d.lines("event=log-lines-lost"))


def writes_without_waiting(pid, inode):
    """Whether a process has a pipe open so that a write never waits."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}") != f"pipe:[{inode}]":
                continue
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
                flags = re.search(r"flags:\s*(\d+)", file.read())[1]
        except FileNotFoundError:  # closed since
            continue
        if int(flags, 8) & os.O_NONBLOCK:
            return True
    return False


def test_two_that_write_to_a_pipe_never_wait_for_each_other(case):
    """Between the look at a pipe and the write another may have filled it."""
    needs_root()  # to see the workers' files
    d, pipe = with_pipe(case)
    inode = os.fstat(pipe).st_ino
    for pid in [d.pid, *d.workers()]:
        wait_for(lambda: writes_without_waiting(pid, inode),  # pylint: disable=W0640
                 "a pipe that does not block")
    os.close(pipe)


def writes_of(pids):
    """How often processes have written, or tried to."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            total += int(re.search(r"syscw: (\d+)", file.read())[1])
    return total


def test_what_was_lost_is_counted_when_it_can_be_written_again(case):
    needs_root()  # to see what the workers write
    w = case.world
    path = os.path.join(case.folder, "fifo")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(path, "wb") as writer:
        d = case.daemon(w.config(workers=2), stderr=writer, ready=False)
    os.set_blocking(reader, True)
    read_until(reader, d, "event=ready")
    os.close(reader)
    for _ in range(50):
        equal(d.ask(w.question()), YES, "without a log")
    before = writes_of(d.workers())
    wait_for(lambda: writes_of(d.workers()) > before, "a write in vain")
    reading = rest_of(os.open(path, os.O_RDONLY), d)
    d.wait_log("event=log-lines-lost")
    for _ in range(20):
        equal(d.ask(w.question()), YES, "with a log again")
    equal(d.stop(), 0, "the exit status")
    reading.join()
    equal(d.count("event=question") + said_lost(d), 70, "lines, and what is said to be lost")


def test_a_log_that_is_not_read_is_not_repeated(case):
    """What the parent could not write yet is not the workers' to write as well."""
    d, pipe = with_pipe(case)
    os.set_blocking(pipe, False)
    for _ in range(60):
        try:
            d.ask("x" * 5000)
            for _ in range(50):
                d.ask("bob@example.org - rcpt=" + "x" * 60 + ".example\r\n")
        except OSError as error:
            raise Failure(str(error)) from error
    os.set_blocking(pipe, True)
    with open(d.config, "a", encoding="ascii") as file:
        file.write("}")
    readings = Readings(d.config)
    for _ in range(2):
        readings.wait_another(lambda: os.kill(d.pid, signal.SIGHUP))
    readings.end()
    with open(d.config, "r+", encoding="ascii") as file:
        text = file.read()
        file.seek(0)
        file.truncate()
        file.write(text[:-1])
    before = d.workers()
    os.kill(d.pid, signal.SIGHUP)
    wait_for(lambda: not set(before) & set(d.workers()), "new workers")
    reader = rest_of(pipe, d)
    d.wait_log("event=reloaded")
    for _ in range(40):
        d.ask("bob -\r\n")
    equal(d.stop(), 0, "the exit status")
    reader.join()
    equal(d.count("event=reload-refused"), 2, "refusals")
    equal(d.count("event=reloaded"), 1, "reloads")


def test_a_pipe_that_is_closed_stops_nothing(case):
    d, pipe = with_pipe(case)
    os.close(pipe)
    for _ in range(200):
        equal(d.ask(case.world.question()), YES, "without a log")
    before = d.wait_workers(4)
    os.kill(d.pid, signal.SIGHUP)
    d.wait_workers(4, before)
    equal(d.ask(case.world.question()), YES, "after a reload")
    equal(d.stop(), 0, "the exit status")


def ticks_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))


def is_idle(pid):
    """Whether a process takes less than a fifth of half a second."""
    before = ticks_of(pid)
    time.sleep(0.5)
    return ticks_of(pid) - before < 10


def test_a_full_disk_stops_nothing(case):
    d = case.daemon()
    address = d.address
    d.kill()
    wait_for(lambda: refuses(address), "its workers to end")
    port = address[1]
    with open("/dev/full", "wb") as full:
        d = case.daemon(case.world.config(listen=[f'"127.0.0.1:{port}"']), stderr=full, ready=False)

    def answers():
        try:
            return ask(address, case.world.question()) == YES
        except ConnectionRefusedError:
            return False
    wait_for(answers, "an answer")
    for _ in range(300):
        equal(ask(address, case.world.question()), YES, "without a log")
    for pid in d.workers():
        wait_for(lambda: is_idle(pid), "a worker to be idle")  # pylint: disable=W0640
    equal(d.stop(), 0, "the exit status")


def test_resets_do_not_fill_the_log(case):
    d = case.daemon()
    for _ in range(500):
        client = connect(d.address)
        client.sendall(b"alice")
        reset(client)
    equal(d.ask("bob -\r\n"), "ALLOW\r\n", "afterwards")
    equal(d.stop(), 0, "the exit status")
    check(d.count("") < 400, f"{d.count('')} lines")
