# SPDX-License-Identifier: ISC
"""Workers that die, a parent that dies, and what a worker is."""
import os
import signal

from harness.checks import check, equal, wait_for
from harness.client import Load, connect, read_all, refuses
from harness.daemon import log_value
from harness.namespaces import needs_root

YES = "YES stamped\r\n"


def test_workers_are_killed_under_load(case):
    w = case.world
    d = case.daemon()
    threads = 4
    load = Load(case, d.addresses(), lambda: (w.question(), {YES}), threads)
    kills = 0
    for _ in range(4):
        load.wait_asked(100)
        for pid in d.wait_workers(2):
            os.kill(pid, signal.SIGKILL)
            kills += 1
            d.wait_log("event=worker-died.*signal=KILL", kills)
            d.wait_workers(2, {pid})
    load.wait_asked(100)
    load.stop()
    print(f"# {kills} workers were killed, {len(load.lost)} of {load.asked} questions lost")
    equal(load.wrong, [], "wrong answers")
    check(len(load.lost) <= kills, f"lost more than each had in its hands: {load.lost}")


def test_all_workers_are_killed_at_once_and_the_queue_waits(case):
    w = case.world
    d = case.daemon()
    pids = d.workers()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    clients = [connect(d.address) for _ in range(20)]
    for client in clients:
        client.sendall(w.question().encode())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for client in clients:
        equal(read_all(client).decode(), YES, "queued at a worker that died")
    d.wait_workers(2, pids)


def test_a_worker_that_dies_again_and_again_is_started_ever_later(case):
    d = case.daemon(case.world.config(workers=1))
    seen = []
    for _ in range(6):
        pids = d.wait_workers(1, seen)
        seen += pids
        os.kill(pids[0], signal.SIGKILL)
        d.wait_log("event=worker-died", len(seen))
    pauses = [int(log_value(line, "again_in_ms")) for line in d.lines("event=worker-died")]
    equal(pauses, [0, 100, 200, 400, 800, 1600], "pauses")
    equal(d.ask("bob -\r\n"), "ALLOW\r\n", "by the next one")


def test_a_signal_to_a_worker_does_nothing(case):
    d = case.daemon()
    pids = d.workers()
    for pid in pids:
        for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            os.kill(pid, signum)
    for _ in range(20):
        equal(d.ask("bob -\r\n"), "ALLOW\r\n", "afterwards")
    equal(d.workers(), pids, "the workers")


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def test_workers_do_not_outlive_their_parent(case):
    w = case.world
    d = case.daemon()
    address, pids = d.address, d.workers()
    client = connect(address)
    question = w.question().encode()
    client.sendall(question[:10])
    load = Load(case, [address], lambda: (w.question(), {YES}))
    load.wait_asked(50)
    d.process.kill()
    wait_for(lambda: refuses(address), "an end of listening")
    client.sendall(question[10:])
    equal(read_all(client).decode(), YES, "what was in hand")
    load.stop()
    equal(load.wrong, [], "wrong answers")
    wait_for(lambda: all(is_gone(pid) for pid in pids), "the workers to end")
    check(refuses(address), "nobody listens any more")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def open_files(pid):
    paths = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            paths.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return paths


def test_a_worker_has_nothing_that_it_does_not_need(case):
    needs_root()
    d = case.daemon()
    for _ in range(10):
        d.ask(case.world.question())
    for pid in d.workers():
        status = status_of(pid)
        equal(status["Uid"].split(), ["65534"] * 4, "Uid")
        check("0" not in status["Gid"].split(), f"Gid: {status['Gid']}")
        equal(status["Groups"].strip(), "", "Groups")
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            equal(int(status[name], 16), 0, name)
        equal(status["NoNewPrivs"], "1", "NoNewPrivs")
        equal(status["Seccomp"], "2", "Seccomp")
        equal(os.listdir(f"/proc/{pid}/root/"), [], "the root folder")
        equal(os.stat(f"/proc/{pid}/root/").st_nlink, 0, "names of the root folder")
        equal(os.stat(f"/proc/{pid}/environ").st_uid, 0, "who may look into it")
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            limits = file.read()
        for name in ("Max core file size", "Max processes"):
            line = next(line for line in limits.splitlines() if line.startswith(name))
            equal(line[len(name):].split()[:2], ["0", "0"], name)
        # The last client may have read its answer before the worker closed.
        wait_for(lambda: len([path for path in open_files(pid) if path[:7] == "socket:"]) == 2,
                 "one socket to listen at, and one to the parent")
        files = [path for path in open_files(pid) if path.startswith("/")]
        files = [path for path in files if path not in ("/dev/null", d.log)]
        files.remove(os.path.join(case.world.state, "lock"))  # which the service has while one runs
        check(all("(deleted)" in path for path in files), f"open files: {files}")
