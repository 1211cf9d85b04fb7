# SPDX-License-Identifier: ISC
"""Counts in a Redis cluster that several services share, while its nodes die, slots move, and
replicas take over."""
import base64
import os
import random
import re
import signal
import threading
import time

from harness.checks import check, equal, wait_for
from harness.client import ask
from harness.redisserver import Certificates, Cluster
from harness.replaystore import ALLOWANCE, REPLAYED, UNCOUNTED, YES, counted, service


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
                answer = ask(chance.choice(self.addresses), question)
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
        wait_for(lambda: self.asked >= target, f"{count} more answers")

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


def test_two_services_on_one_cluster(case):
    cluster = Cluster(case)
    services = [service(case, cluster.address, workers=2), service(case, cluster.nodes[1].address)]
    for d in services:
        counted(case, d)
    questions = [make_question(case.world) for _ in range(100)]
    tally = Tally(case, services, questions)
    wait_for(lambda: tally.all_yes() == ALLOWANCE * len(questions), "all that is allowed")
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
    wait_for(all_ask, "counts that replicas confirm")


def wait_promoted(cluster, replica):
    wait_for(lambda: replica.info("replication")["role"] == "master", "a promotion")
    living = [node for node in cluster.everybody() if node.process.poll() is None]
    wait_for(lambda: all("cluster_state:ok" in node.ask("CLUSTER", "INFO") for node in living),
             "a cluster that is well")


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
        wait_for(lambda b=before: tally.all_yes() > b + 100, "counts by the replica")
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
