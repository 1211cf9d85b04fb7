# SPDX-License-Identifier: ISC
"""Counts in real Redis servers: one, alone, behind a password, TLS or a unix socket; and a cluster that
several services share, while its nodes die, slots move, and replicas take over."""
import base64
import os
import random
import re
import signal
import subprocess
import threading
import time

from harness.checks import check, equal, wait_for
from harness.client import ask
from harness.daemon import BUILD, log_value
from harness.files import write_file
from harness.redisserver import Certificates, Cluster, Redis

YES = "YES stamped\r\n"
REPLAYED = "ALLOW replayed\r\n"
UNCOUNTED = "ALLOW uncounted\r\n"
# What the manual says that a user there needs.
USER = ("user verimail on >secret ~verimail:* +eval +evalsha +hget +hincrby +expire +info +wait +select "
        "+asking +cluster|slots")
ALLOWANCE = 4  # of a payload with one recipient
PATIENCE = 4  # seconds that any answer may take: a store has two


def service(case, address, options="", workers=1, **how):
    return case.daemon(case.world.config(options, replay=f'"{address}"', workers=workers), **how)


def counted(case, d):
    """Until the store counts, and then a payload up to its edge."""
    wait_for(lambda: d.ask(case.world.question()) == YES, "a question that is counted")
    question = case.world.question()
    equal([d.ask(question) for _ in range(ALLOWANCE + 2)],
          [YES] * ALLOWANCE + [REPLAYED] * 2, "one question again and again")


def slot_of(node, question):
    """The slot that a question's payload is counted in."""
    payload = question.split()[1]
    nonce = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))[9:33]
    wanted = base64.urlsafe_b64encode(nonce).rstrip(b"=").decode()
    return node.ask("CLUSTER", "KEYSLOT", f"{{{question.issued}.{wanted}}}")


class Question(str):
    """One that knows when its payload was issued."""
    issued = 0


def make_question(world):
    issued = int(time.time())
    question = Question(world.question(issued=issued))
    question.issued = issued
    return question


class Tally:
    """Clients that ask the same questions at all services, and what they were answered."""

    def __init__(self, case, services, questions, threads=4):
        self.addresses = [d.address for d in services]
        self.questions = questions
        self.yes = {question: 0 for question in questions}
        self.others = {}
        self.asked = 0
        self.lock = threading.Lock()
        self.end = threading.Event()
        case.servers.append(self)
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True)
                        for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, i):
        chance = random.Random(i)
        while not self.end.is_set():
            question = chance.choice(self.questions)
            try:
                answer = ask(chance.choice(self.addresses), question, limit=20)
            except OSError as error:
                answer = f"{type(error).__name__}: {error}"
            with self.lock:
                self.asked += 1
                if answer == YES:
                    self.yes[question] += 1
                else:
                    self.others[answer] = self.others.get(answer, 0) + 1

    def wait(self, count):
        target = self.asked + count
        wait_for(lambda: self.asked >= target, f"{count} more answers", limit=60)

    def all_yes(self):
        with self.lock:
            return sum(self.yes.values())

    def add(self, questions):
        with self.lock:
            self.yes.update({question: 0 for question in questions})
            self.questions += questions

    def stop(self):
        self.end.set()
        for thread in self.threads:
            thread.join()

    def check(self, most=ALLOWANCE):
        self.stop()
        over = {question[:60]: yes for question, yes in self.yes.items() if yes > most}
        equal(over, {}, f"payloads with more than {most} times YES")
        odd = set(self.others) - {REPLAYED, UNCOUNTED}
        equal(odd, set(), "answers")


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
    by_machine = service(case, server.address, env={"SSL_CERT_FILE": good.ca})
    counted(case, by_machine)
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
    wait_for(lambda: d.ask(case.world.question()) == YES, "a successor", limit=40)
    equal([d.ask(question) for _ in range(2)], [YES, REPLAYED], "afterwards")
    equal(d.count("event=worker-renewed"), 1, "successors")
    equal(d.count("event=worker-died"), 0, "deaths")


def ask_within(d, question, limit=PATIENCE):
    begun = time.monotonic()
    answer = d.ask(question, limit=limit + 5)
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
    d.wait_log("event=replay-server-lost.*is none of a cluster")
    d.reload(case.world.config(replay='"redis://no-such-host.invalid"', workers=1))
    equal(d.ask(case.world.question()), UNCOUNTED, "by nobody")
    d.wait_log("event=replay-server-lost.*its name has no address")


def test_two_services_on_one_cluster(case):
    cluster = Cluster(case)
    services = [service(case, cluster.address, workers=2), service(case, cluster.nodes[1].address)]
    for d in services:
        counted(case, d)
    questions = [make_question(case.world) for _ in range(100)]
    tally = Tally(case, services, questions)
    wait_for(lambda: tally.all_yes() == ALLOWANCE * len(questions), "all that is allowed", 60)
    tally.wait(200)
    tally.check()
    equal(set(tally.yes.values()), {ALLOWANCE}, "YES for each payload")
    equal(set(tally.others), {REPLAYED}, "other answers")
    for node in cluster.nodes:
        check(node.ask("DBSIZE") > 10, "a node without counts")


def test_nodes_are_killed_and_started_again(case):
    cluster = Cluster(case)
    services = [service(case, cluster.address, workers=2), service(case, cluster.address)]
    for d in services:
        counted(case, d)
    tally = Tally(case, services, [make_question(case.world) for _ in range(60)])
    tally.wait(150)
    for node in cluster.nodes:
        before = tally.all_yes()
        node.kill()
        tally.wait(50)
        node.start()
        cluster.wait_well()
        tally.add([make_question(case.world) for _ in range(30)])
        wait_for(lambda b=before: tally.all_yes() > b + 60, "counts by the node again")
    print(f"# {tally.asked} asked, {tally.all_yes()} YES, others: {tally.others}")
    tally.check()
    equal(sum(d.count("event=worker-") for d in services), 0, "deaths")


def test_slots_move_under_load(case):
    cluster = Cluster(case)
    services = [service(case, cluster.address, workers=2), service(case, cluster.address)]
    for d in services:
        counted(case, d)
    questions = [make_question(case.world) for _ in range(40)]
    slots = {slot_of(cluster.nodes[0], question) for question in questions}
    tally = Tally(case, services, questions)
    tally.wait(60)
    for slot in list(slots)[:20]:
        owner = cluster.owner(slot)
        target = next(node for node in cluster.nodes if node is not owner)
        cluster.move(slot, target, lambda: tally.wait(10))
    wait_for(lambda: tally.all_yes() == ALLOWANCE * len(questions), "all that is allowed")
    tally.check()
    equal(set(tally.yes.values()), {ALLOWANCE}, "YES for each payload")
    equal(set(tally.others), {REPLAYED}, "other answers")
    moved = sum(int(re.search(r"=(\d+)", node.info("errorstats").get("errorstat_MOVED", "=0"))[1])
                for node in cluster.nodes)
    asked = sum("cmdstat_asking" in node.info("commandstats") for node in cluster.nodes)
    check(moved > 0 and asked > 0, f"{moved} times MOVED, ASKING at {asked} nodes")


def test_a_cluster_with_names_and_tls(case):
    certificates = Certificates(os.path.join(case.folder, "tls"), "DNS:localhost")
    cluster = Cluster(case, tls=certificates)
    d = service(case, f"rediss://localhost:{cluster.nodes[0].port}",
                f'replay_ca = "{certificates.ca}"')
    counted(case, d)
    answers = {d.ask(case.world.question()) for _ in range(40)}
    equal(answers, {YES}, "at all nodes, whose certificates have the configured name")
    for node in cluster.nodes:
        node.ask("CONFIG", "SET", "cluster-announce-hostname", "redis.example.org")
        node.ask("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
    d.reload()
    counted(case, d)
    equal({d.ask(case.world.question()) for _ in range(40)}, {YES}, "by nodes that tell names")


def waits_at(node):
    return int(re.search(r"calls=(\d+)", node.info("commandstats").get("cmdstat_wait", "calls=0"))[1])


def wait_confirmed(case, cluster, services):
    """Until every worker knows that there are replicas: a question alone is then one WAIT."""
    def all_ask():
        before = sum(waits_at(node) for node in cluster.nodes)
        for d in services:
            equal({d.ask(case.world.question()) for _ in range(16)}, {YES}, "with replicas")
        return sum(waits_at(node) for node in cluster.nodes) - before == 16 * len(services)
    wait_for(all_ask, "counts that replicas confirm", limit=30)


def wait_promoted(cluster, replica):
    wait_for(lambda: replica.info("replication")["role"] == "master", "a promotion", limit=30)
    living = [node for node in cluster.everybody() if node.process.poll() is None]
    wait_for(lambda: all("cluster_state:ok" in node.ask("CLUSTER", "INFO") for node in living),
             "a cluster that is well", limit=30)


def test_replicas_take_over_under_load(case):
    """What a replica has confirmed is not lost: nobody gets a YES more. One master dies, another is
    told to hand over."""
    cluster = Cluster(case, replicas=1)
    services = [service(case, cluster.address, workers=2), service(case, cluster.address)]
    for d in services:
        counted(case, d)
    wait_confirmed(case, cluster, services)
    tally = Tally(case, services, [make_question(case.world) for _ in range(60)])
    tally.wait(100)
    for i, take_over in enumerate((cluster.nodes[0].kill,
                                   lambda: cluster.replicas[1][0].ask("CLUSTER", "FAILOVER"))):
        before = tally.all_yes()
        take_over()
        wait_promoted(cluster, cluster.replicas[i][0])
        tally.add([make_question(case.world) for _ in range(40)])
        wait_for(lambda b=before: tally.all_yes() > b + 100, "counts by the replica", limit=30)
    print(f"# {tally.asked} asked, {tally.all_yes()} YES, others: {tally.others}")
    tally.check()


def test_what_a_replica_never_had_is_allowed_once_more(case):
    """What a master counts after its replica was cut off is lost when it dies: a payload then has its
    allowance once more, and not more than that."""
    cluster = Cluster(case, replicas=1)
    d = service(case, cluster.address)
    counted(case, d)
    wait_confirmed(case, cluster, [d])
    question = make_question(case.world)
    master = cluster.owner(slot_of(cluster.nodes[0], question))
    replica = cluster.replicas[cluster.nodes.index(master)][0]

    def ask_until_replayed(what):
        answers = [YES]
        while answers[-1] != REPLAYED:
            answers.append(wait_for(lambda: d.ask(question), what))
        return answers[1:]
    equal(d.ask(question), YES, "with a replica")
    replica.signal(signal.SIGSTOP)
    master.ask("CLIENT", "KILL", "TYPE", "replica")
    before = ask_until_replayed("all that is allowed")
    equal(before[0], UNCOUNTED, "while a replica should confirm, and none does")
    master.kill()
    replica.signal(signal.SIGCONT)
    wait_promoted(cluster, replica)
    after = ask_until_replayed("all that is allowed once more")
    print(f"# {1 + before.count(YES)} YES before, {after.count(YES)} after")
    check(1 + before.count(YES) <= ALLOWANCE, f"before: {before}")
    check(1 + before.count(YES) + after.count(YES) <= 2 * ALLOWANCE, f"{before}, then {after}")
    check(after.count(YES) > 0, "nothing was lost: this shows nothing")
