# SPDX-License-Identifier: ISC
"""Real Redis servers on loopback, alone or as a cluster, each in a folder of its own."""
import os
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from harness.checks import Failure, wait_for
from harness.programs import USER, as_user, free_port

SLOTS = 16384


class Error(Exception):
    """What the server said after `-`."""


class Client:
    """A connection that sends a command and waits for its reply."""

    def __init__(self, connected):
        self.socket = connected
        self.file = connected.makefile("rb")

    def _read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise Error(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        return [self._read() for _ in range(int(rest))]

    def ask(self, *words):
        words = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self._read()

    def close(self):
        self.file.close()
        self.socket.close()


class Redis:
    """A redis-server. `options`: lines of its configuration; `local`: only at a unix socket, `path`."""

    def __init__(self, case, *options, local=False, tls=None, cluster=False):
        if shutil.which("redis-server") is None:
            pytest.skip("no redis-server")
        self.folder = os.path.join(case.folder, f"redis{len(case.servers)}")
        self.path = os.path.join(self.folder, "socket")
        self.options = options
        self.local = local
        self.tls = tls
        self.cluster = cluster
        self.port = 0
        self.process = None
        self._client = None
        self._lock = threading.Lock()
        os.chmod(case.folder, 0o755)
        os.mkdir(self.folder, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)
        case.servers.append(self)
        self._choose_ports()
        self.start()

    def _choose_ports(self):
        self.port = 0 if self.local else free_port()
        lines = ["bind 127.0.0.1", "save ''", "daemonize no", f"dir {self.folder}",
                 f"unixsocket {self.path}", "unixsocketperm 777", "enable-debug-command local"]
        if self.tls:
            lines += ["port 0", f"tls-port {self.port}", "tls-auth-clients no",
                      f"tls-ca-cert-file {self.tls.ca}", f"tls-cert-file {self.tls.certificate}",
                      f"tls-key-file {self.tls.key}", "tls-cluster yes"]
        else:
            lines += [f"port {self.port}"]
        if self.cluster:
            lines += ["cluster-enabled yes", f"cluster-port {free_port()}",
                      "cluster-node-timeout 1000", "appendonly yes", "appendfsync always"]
        with open(os.path.join(self.folder, "conf"), "w", encoding="ascii") as file:
            file.write("\n".join(lines + list(self.options)) + "\n")

    def _started(self):
        if self.process.poll() is not None:
            raise Failure("redis-server ended: " + self.log()[-500:])
        try:
            return self.info("persistence")["loading"] == "0"
        except Error as error:
            return not str(error).startswith("LOADING")
        except OSError:
            return False

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                as_user("setpriv", "--pdeathsig", "KILL", "redis-server",
                        os.path.join(self.folder, "conf")),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._started, "redis-server")

    def log(self):
        with open(os.path.join(self.folder, "log"), "rb") as file:
            return file.read().decode(errors="replace")

    def ask(self, *words):
        """By the unix socket, as the default user."""
        with self._lock:
            if self._client is None:
                connected = socket.socket(socket.AF_UNIX)
                try:
                    connected.settimeout(10)
                    connected.connect(self.path)
                except OSError:
                    connected.close()
                    raise
                self._client = Client(connected)
            try:
                return self._client.ask(*words)
            except OSError:
                self._client.close()
                self._client = None
                raise

    def info(self, section):
        lines = self.ask("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def signal(self, signum):
        self.process.send_signal(signum)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def address(self):
        if self.local:
            return f"redis+unix://{self.path}"
        return f"{'rediss' if self.tls else 'redis'}://{self.host}"


class Cluster:
    """Nodes that count, each with as many slots as the next, and as many replicas of each."""

    def __init__(self, case, size=3, replicas=0, options=(), **how):
        how["cluster"] = True
        self.nodes = [Redis(case, *options, **how) for _ in range(size)]
        self.replicas = [[Redis(case, *options, **how) for _ in range(replicas)]
                         for _ in range(size)]
        first = self.nodes[0]
        for i, node in enumerate(self.nodes):
            node.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * i // size, SLOTS * (i + 1) // size - 1)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        everybody = self.everybody()
        for node in everybody[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", first.port,
                     first.ask("CONFIG", "GET", "cluster-port")[1])
        wait_for(lambda: all(node.info("cluster") and self._knows_all(node) for node in everybody),
                 "a cluster")
        for master, its in zip(self.nodes, self.replicas):
            for replica in its:
                replica.ask("CLUSTER", "REPLICATE", self.id_of(master))
        for its in self.replicas:
            for replica in its:
                wait_for(lambda r=replica: r.info("replication").get("master_link_status") == "up",
                         "a replica")
        self.wait_well()

    def everybody(self):
        return self.nodes + [replica for its in self.replicas for replica in its]

    def _knows_all(self, node):
        lines = node.ask("CLUSTER", "NODES").splitlines()
        return len(lines) == len(self.everybody()) and not any("handshake" in x for x in lines)

    def wait_well(self):
        def well():
            try:
                return all("cluster_state:ok" in node.ask("CLUSTER", "INFO")
                           for node in self.everybody())
            except (OSError, Error):
                return False
        wait_for(well, "a cluster that is well")

    @staticmethod
    def id_of(node):
        return node.ask("CLUSTER", "MYID")

    def owner(self, slot):
        for first, last, node, *_ in self.nodes[0].ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(n for n in self.everybody() if n.port == node[1])
        raise Failure(f"nobody has slot {slot}")

    def move(self, slot, target, between=lambda: None):
        """As redis-cli --cluster reshard does it; `between`: while the keys are on their way."""
        source = self.owner(slot)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))
        between()
        while True:
            keys = source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10)
            if not keys:
                break
            source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            between()
        for node in (target, source, *self.nodes):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(target))

    @property
    def address(self):
        scheme = "rediss" if self.nodes[0].tls else "redis"
        return f"{scheme}://" + ",".join(node.host for node in self.nodes)


class Certificates:
    """An authority, and a certificate of it for `names`: as `DNS:localhost,IP:127.0.0.1`."""

    def __init__(self, folder, names):
        os.makedirs(folder, exist_ok=True)
        self.ca = os.path.join(folder, "ca.pem")
        self.certificate = os.path.join(folder, "server.pem")
        self.key = os.path.join(folder, "server.key")
        ca_key = os.path.join(folder, "ca.key")
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        self._run(*new, "-subj", "/CN=authority", "-keyout", ca_key, "-out", self.ca)
        self._run(*new, "-subj", "/CN=server", "-addext", f"subjectAltName={names}", "-CA", self.ca,
                  "-CAkey", ca_key, "-addext", "basicConstraints=critical,CA:FALSE",
                  "-keyout", self.key, "-out", self.certificate)
        os.chmod(folder, 0o755)
        os.chmod(self.key, 0o644)  # of no use to anybody, and the server is another user

    @staticmethod
    def _run(*command):
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure(f"{command}: {done.stderr.decode()}")
