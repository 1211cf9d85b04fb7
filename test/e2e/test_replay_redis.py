# SPDX-License-Identifier: ISC
"""Counts in one real Redis server: alone, behind a password, TLS or a unix socket; and while it is
away."""
import os
import re
import signal
import subprocess
import threading
import time

from harness.checks import LATE, check, equal, wait_for
from harness.daemon import BUILD, log_value
from harness.files import write_file
from harness.redisserver import Certificates, Cluster, Redis
from harness.replaystore import REPLAYED, UNCOUNTED, YES, counted, service

# What the manual says that a user there needs.
USER = ("user verimail on >secret ~verimail:* +eval +evalsha +hget +hincrby +expire +info +wait +select "
        "+asking +cluster|slots")
PATIENCE = 4  # seconds that any answer may take: a store has two


def run_unit(address, **more):
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", VERIMAIL_REDIS=address, **more)
    done = subprocess.run([os.path.join(BUILD, "test/unit/test_replay")], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode(errors="replace")
    equal((done.returncode, re.findall(r"^not ok.*", text, re.MULTILINE)), (0, []), text)
    check(re.search(r"^ok .*_redis", text, re.MULTILINE), text)


def test_every_kind_of_store(case):
    run_unit(Redis(case).address + "/3")


def test_every_kind_at_a_unix_socket(case):
    run_unit(Redis(case, local=True).address)


def test_every_kind_with_a_password_and_tls(case):
    certificates = Certificates(os.path.join(case.folder, "tls"), "DNS:localhost")
    server = Redis(case, USER, tls=certificates)
    run_unit(f"rediss://verimail@localhost:{server.port}/1", VERIMAIL_REDIS_PASSWORD="secret",
             VERIMAIL_REDIS_CA=certificates.ca)


def test_every_kind_in_a_cluster(case):
    cluster = Cluster(case, options=[USER], replicas=1)
    run_unit(cluster.address.replace("//", "//verimail@"), VERIMAIL_REDIS_PASSWORD="secret")
    check(all(node.info("commandstats").get("cmdstat_wait") for node in cluster.nodes),
          "masters whose replicas nobody asked")


def test_one_server(case):
    server = Redis(case)
    d = service(case, server.address, workers=2)
    counted(case, d)
    world = case.world
    question = world.question(receiving="example.net:1,example.com:2",
                              names=" rcpt=example.net,example.com")
    alone = question.replace("example.net,", "")
    equal([d.ask(question) for _ in range(5)], [YES] * 4 + [REPLAYED], "two domains")
    equal([d.ask(alone) for _ in range(5)], [YES] * 4 + [REPLAYED],
          "the one that has more: refused ones raised nothing")
    keys = server.ask("KEYS", "*")
    check(keys and all(key.startswith("verimail:{") for key in keys), f"{keys}")
    lifetimes = {server.ask("TTL", key) for key in keys}
    check(all(604800 < left <= 605100 for left in lifetimes), f"{lifetimes}")
    equal(d.stop(), 0, "the exit status")


def test_the_server_forgets_its_scripts(case):
    server = Redis(case)
    d = service(case, server.address)
    counted(case, d)
    server.ask("SCRIPT", "FLUSH")
    counted(case, d)


def test_a_password_from_a_file(case):
    server = Redis(case, "requirepass sesame", USER)
    path = os.path.join(case.folder, "password")
    write_file(path, "wrong\n")
    d = service(case, server.address, f'replay_password = "{path}"')
    equal(d.ask(case.world.question()), UNCOUNTED, "with a wrong password")
    line = d.wait_log("event=replay-server-lost")[0]
    equal(log_value(line, "because"), "refuses the user or the password: WRONGPASS", line)
    write_file(path, "sesame\n")
    d.reload()
    counted(case, d)
    write_file(path, "secret\n")
    d.reload(case.world.config(f'replay_password = "{path}"', workers=1,
                               replay=f'"redis://verimail@{server.host}"'))
    counted(case, d)
    check("sesame" not in d.text() and "secret" not in d.text(), "a password in the log")


def test_tls_is_for_the_right_server_only(case):
    good = Certificates(os.path.join(case.folder, "good"), "DNS:localhost,IP:127.0.0.1")
    server = Redis(case, tls=good)
    d = service(case, server.address, f'replay_ca = "{good.ca}"', workers=2)
    counted(case, d)
    d.reload(case.world.config(f'replay_ca = "{good.ca}"',
                               replay=f'"rediss://localhost:{server.port}"'))
    counted(case, d)
    equal(d.stop(), 0)
    by_machine = service(case, server.address, env={"SSL_CERT_FILE": good.ca})
    counted(case, by_machine)
    equal(by_machine.stop(), 0)
    d = service(case, server.address, f'replay_ca = "{good.ca}"', workers=2)
    # Others' signature; another name; no TLS at all.
    other = Certificates(os.path.join(case.folder, "other"), "DNS:redis.example.org")
    wrong_name = Redis(case, tls=other)
    plain = Redis(case)
    for address, ca, wanted in (
            (server.address, other.ca, "TLS: "),
            (wrong_name.address, other.ca, "TLS: the certificate is not for 127.0.0.1"),
            (f"rediss://{plain.host}", other.ca, "")):
        before = d.count("event=replay-server-lost")
        d.reload(case.world.config(f'replay_ca = "{ca}"', replay=f'"{address}"', workers=1))
        equal(d.ask(case.world.question()), UNCOUNTED, address)
        line = d.wait_log("event=replay-server-lost", before + 1)[-1]
        check(wanted in log_value(line, "because"), line)
    equal(d.count("event=worker-died"), 0, "deaths")


def test_a_unix_socket_is_opened_anew_by_a_successor(case):
    server = Redis(case, "appendonly yes", "appendfsync always", local=True)
    d = service(case, server.address)
    counted(case, d)
    question = case.world.question()
    equal([d.ask(question) for _ in range(3)], [YES] * 3, "before")
    server.kill()
    equal(d.ask(question), UNCOUNTED, "the first without the server")
    answer, spent = ask_within(d, question, 1)
    equal(answer, UNCOUNTED, f"after {spent} s")
    server.start()
    wait_for(lambda: d.ask(case.world.question()) == YES, "a successor")
    equal([d.ask(question) for _ in range(2)], [YES, REPLAYED], "afterwards")
    equal(d.count("event=worker-renewed"), 1, "successors")
    equal(d.count("event=worker-died"), 0, "deaths")


def ask_within(d, question, limit=PATIENCE):
    begun = time.monotonic()
    answer = d.ask(question, limit=limit + LATE)
    spent = time.monotonic() - begun
    check(spent < limit, f"answered after {spent:.1f} s")
    return answer, spent


def is_quick(d):
    """Questions that are not counted are answered as ever."""
    for _ in range(5):
        answer, spent = ask_within(d, "bob@example.org - rcpt=example.net\r\n", 1)
        equal(answer, "ALLOW unstamped ttl=300\r\n", f"after {spent} s")


def test_a_server_that_dies(case):
    server = Redis(case, "appendonly yes", "appendfsync always")
    d = service(case, server.address, workers=2)
    counted(case, d)
    question = case.world.question()
    equal([d.ask(question) for _ in range(3)], [YES] * 3, "before")
    server.kill()
    for _ in range(5):
        answer, spent = ask_within(d, question)
        equal(answer, UNCOUNTED, "without the server")
    is_quick(d)
    line = d.wait_log("level=alarm event=alarm about=replay")[0]
    check(server.host in line, line)
    server.start()
    wait_for(lambda: d.ask(case.world.question()) == YES, "the server again")
    d.wait_log("event=replay-server-back")
    wait_for(lambda: d.ask(question) != UNCOUNTED, "by every worker")
    equal(d.ask(question), REPLAYED, "what was counted is counted")
    equal(d.count("event=worker-"), 0, "deaths")


def test_a_server_that_hangs(case):
    server = Redis(case)
    d = service(case, server.address)
    counted(case, d)
    question = case.world.question()
    server.signal(signal.SIGSTOP)
    slow = []
    threads = [threading.Thread(target=lambda: slow.append(ask_within(d, question)))
               for _ in range(20)]
    for thread in threads:
        thread.start()
    is_quick(d)
    for thread in threads:
        thread.join()
    equal([answer for answer, _ in slow], [UNCOUNTED] * 20, "while it hangs")
    # Now it is known to hang: nobody waits for it.
    answer, spent = ask_within(d, question, 1)
    equal(answer, UNCOUNTED, f"after {spent} s")
    server.signal(signal.SIGCONT)
    wait_for(lambda: d.ask(case.world.question()) == YES, "the server again")
    # What came too late was counted, and is nobody else's answer.
    equal([d.ask(question) for _ in range(2)], [REPLAYED] * 2, "asked 20 times while it hung")


def test_a_server_that_may_evict_is_refused(case):
    server = Redis(case, "maxmemory 100mb", "maxmemory-policy allkeys-lru")
    d = service(case, server.address)
    equal(d.ask(case.world.question()), UNCOUNTED, "by a server that may evict")
    alarm = d.wait_log("level=alarm.*maxmemory-policy")[0]
    check("allkeys-lru" in alarm and server.host in alarm, alarm)
    server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    wait_for(lambda: d.ask(case.world.question()) == YES, "a server that keeps what it has")
    server.ask("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    wait_for(lambda: d.ask(case.world.question()) == UNCOUNTED, "another look at the server")


def test_a_server_without_memory(case):
    server = Redis(case)
    d = service(case, server.address)
    counted(case, d)
    server.ask("CONFIG", "SET", "maxmemory", "1mb")
    server.ask("CONFIG", "SET", "maxmemory", "1")
    equal(d.ask(case.world.question()), UNCOUNTED, "without memory")
    check("OOM" in d.wait_log("level=alarm")[0], d.text())
    server.ask("CONFIG", "SET", "maxmemory", "0")
    counted(case, d)


def test_servers_that_cannot_count(case):
    master = Redis(case)
    replica = Redis(case, f"replicaof 127.0.0.1 {master.port}")
    two = f"redis://{master.host},{replica.host}"
    d = service(case, replica.address)
    equal(d.ask(case.world.question()), UNCOUNTED, "by a replica")
    d.wait_log("event=replay-server-lost.*is a replica")
    d.reload(case.world.config(replay=f'"{two}"', workers=1))
    equal(d.ask(case.world.question()), UNCOUNTED, "by two that are no cluster")
    d.wait_log("event=replay-server-lost.*is not part of a cluster")
    d.reload(case.world.config(replay='"redis://no-such-host.invalid"', workers=1))
    equal(d.ask(case.world.question()), UNCOUNTED, "by nobody")
    d.wait_log("event=replay-server-lost.*its name has no address")
