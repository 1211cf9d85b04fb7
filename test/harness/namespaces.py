# SPDX-License-Identifier: ISC
"""Networks and mounts of a thread's or a process's own."""
import contextlib
import ctypes
import fcntl
import functools
import os
import resource
import socket
import struct
import subprocess
import threading

import pytest


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("only root may do this")


def needs_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))
        except (OSError, ValueError) as error:
            pytest.skip(f"{count} descriptors: {error}")


def apart(test):
    """Runs a test in a thread of its own, with which the name spaces end that it makes."""
    @functools.wraps(test)
    def run(*arguments, **named):
        raised = []

        def collect():
            try:
                test(*arguments, **named)
            except BaseException as error:  # a skip is none of the others
                raised.append(error)
        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]
    return run


def unshare(kind, what):
    """This thread gets a name space of its own. Skips where it may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(kind) != 0:
        pytest.skip(f"no {what} of its own: " + os.strerror(ctypes.get_errno()))


def unshare_network():
    """A network of this thread's own and of all that it starts, with a loopback only."""
    unshare(0x40000000, "network")  # CLONE_NEWNET
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS
    # Postfix's programs log over a datagram socket. The kernel's 10 are full before the program that
    # reads it has started, and then they wait for each other for ever.
    with open("/proc/sys/net/unix/max_dgram_qlen", "w", encoding="ascii") as file:
        file.write("512")


def unshare_mounts():
    """What this thread mounts is not seen by others."""
    unshare(0x00020000, "mounts")  # CLONE_NEWNS


@contextlib.contextmanager
def disk(folder, size):
    """The folder becomes a file system so large, which belongs to nobody. No other thread sees it."""
    needs_root()
    unshare_mounts()
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", f"size={size},mode=700,uid=65534,gid=65534", "tmpfs", folder)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("no file system may be mounted: " + done.stderr.strip())


_private = []


def private_network():
    """A network of this process's own, with every address of 127.0.0.0/8 and every port: once for
    it and all that it starts."""
    if not _private:
        unshare_network()
        _private.append(True)
