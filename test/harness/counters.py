# SPDX-License-Identifier: ISC
"""The counters of a daemon, as Prometheus gets them."""
import shutil
import socket
import subprocess

import pytest

from harness.checks import WAIT_LIMIT, equal
from harness.client import read_all


def fetch(where, request="GET /metrics"):
    """The head and the body of an answer over HTTP, from a unix socket's path or (host, port)."""
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(WAIT_LIMIT)
        client.connect(where)
        client.sendall(f"{request} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, _, body = read_all(client).decode().partition("\r\n\r\n")
        return head, body


def metric(where, name):
    for line in fetch(where)[1].splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


def refuses(where):
    family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        try:
            client.connect(where)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
    return False


def check_with_promtool(text):
    if shutil.which("promtool") is None:
        pytest.skip("no promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(),
                          capture_output=True, check=False)
    equal((done.returncode, done.stdout + done.stderr), (0, b""), "promtool")
