# SPDX-License-Identifier: ISC
"""One run of one server: a network of its own, load, and what the server's processes took."""

import collections
import ctypes
import fcntl
import os
import pathlib
import re
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
WARM_UP = 500
ERRORS = ("wrong", "lost", "reset", "unconnected", "late")

# start() returns (process, port); idle_octets: what may be sent without being answered; wait:
# seconds after the last answer, for what a server still does about it; check() returns what is
# wrong with what a server left behind, or None.
Server = collections.namedtuple("Server", "name start questions want idle_octets wait check",
                                defaults=(0.05, lambda: None))
# resident: the Resident of the worker that has most.
Sample = collections.namedtuple("Sample", "cpu_us per_second busy resident")
# KiB: Rss of the stores' files; Rss and Pss of all the rest.
Resident = collections.namedtuple("Resident", "stores aside aside_pss")

failures = []


# The network and the processes

def fresh_network():
    """
    A network name space for this process and all that it starts from now on; the one before ends
    with its last process. So no run meets the thousands of TIME_WAIT entries of the one before.
    """
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare: cannot have a network name space")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def stat_fields(pid):
    """/proc/PID/stat from the third field on: the second may contain anything."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(pid):
    """The process and all its descendants, itself first."""
    children = collections.defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children[int(stat_fields(entry)[1])].append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass
    found = [pid]
    for member in found:
        found += children[member]
    return found


def cpu_seconds(pids):
    """User and system time of all threads: (exact, in ticks); the first misses ended threads."""
    exact = ticks = 0
    for pid in pids:
        fields = stat_fields(pid)
        ticks += int(fields[11]) + int(fields[12])
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            exact += int((thread / "schedstat").read_text().split()[0])
    return exact / 1e9, ticks / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """(VmRSS, Pss) in KiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M).group(1))
                 for name, text in (("VmRSS", status), ("Pss", rollup)))


def resident(pid):
    """What of a worker is in memory: its stores' maps, and the rest."""
    stores = aside = aside_pss = 0
    is_store = False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, value = line.partition(":")
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            is_store = re.search(r"/(replay|users)$", line) is not None
        elif name == "Rss" and is_store:
            stores += int(value.split()[0])
        elif name == "Rss":
            aside += int(value.split()[0])
        elif name == "Pss" and not is_store:
            aside_pss += int(value.split()[0])
    return Resident(stores, aside, aside_pss)


def workers_of(pids):
    """Of a family, whose first is the parent: those with one thread. The recorder has more."""
    return [pid for pid in pids[1:] if len(os.listdir(f"/proc/{pid}/task")) == 1]


def stop(process):
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        failures.append(f"process {process.args[0]} did not stop when asked")
        process.kill()
        process.wait()


# The servers and one run

def start_bare(build, words, workers):
    command = [str(build / "bench" / words[0]), words[1], str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    line = process.stdout.readline()
    process.stdout.close()
    return process, int(line.removeprefix(b"port="))


def bare(options, name, workers, questions):
    return Server(name, lambda: start_bare(options.build, name.split(), workers), questions, "YES",
                  0)


def ask(options, server, port, count, generators=1, first=0):
    """
    Runs the load generators, notes what went wrong, and returns questions per second. Each asks a
    part of the lines of its own, from line `first` on.
    """
    command = [str(options.build / "bench" / "load"), "--port", str(port), "--want", server.want,
               "--questions", str(server.questions), "--count", str(count // generators),
               "--connections", str(max(1, options.connections // generators))]
    running = [subprocess.Popen([*command, "--first", str(first + number * (count // generators))],
                                stdout=subprocess.PIPE) for number in range(generators)]
    right, seconds = 0, 0.0
    for process in running:
        counts = dict(word.split("=") for word in process.communicate()[0].decode().split())
        wrong = " ".join(f"{name}={counts.get(name)}" for name in ERRORS if counts.get(name) != "0")
        if wrong or process.returncode != 0:
            failures.append(f"{server.name}: {wrong} (status {process.returncode})")
        right += int(counts.get("right", 0))
        seconds = max(seconds, float(counts.get("seconds", "inf")))
    return right / seconds


def measure(options, server, workers):
    """One run: a fresh network and server, a few questions to warm up, then those that count."""
    fresh_network()
    process, port = server.start()
    try:
        ask(options, server, port, WARM_UP)
        pids = family(process.pid)
        before = cpu_seconds(pids)
        # One generator alone leaves a worker waiting half its time; to wake it costs more than its
        # work.
        per_second = ask(options, server, port, options.questions, max(2, workers), WARM_UP)
        time.sleep(server.wait)
        if family(process.pid) != pids:
            failures.append(f"{server.name}: a process died or was replaced during the run")
            return None
        after = cpu_seconds(pids)
        most = max(map(resident, workers_of(pids)), key=lambda worker: worker.aside)
    finally:
        stop(process)
    wrong = server.check()
    if wrong:
        failures.append(f"{server.name}: {wrong}")
    used, ticks = after[0] - before[0], after[1] - before[1]
    if abs(used - ticks) > 0.05 + used / 20:
        failures.append(f"{server.name}: {used:.3f} s of CPU by schedstat, {ticks:.2f} s by stat")
    return Sample(used / options.questions * 1e6, per_second,
                  used * per_second / options.questions * 100, most)
