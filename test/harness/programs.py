# SPDX-License-Identifier: ISC
"""Programs of others that end with the case."""
import os
import socket
import subprocess

from harness.checks import WAIT_LIMIT

USER = "nobody"  # what servers become that refuse to be root's


def as_user(*command):
    """As root, for a server that would refuse to be root's."""
    if os.geteuid() != 0:
        return command
    return ("setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups", *command)


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def start(case, command, log, **popen):
    """A program that ends with the case."""
    with open(log, "ab") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=out,
            stderr=out, **popen)
    case.processes.append(process)
    return process


def listens(address, port):
    try:
        with socket.create_connection((address, port), timeout=WAIT_LIMIT):
            return True
    except OSError:
        return False
