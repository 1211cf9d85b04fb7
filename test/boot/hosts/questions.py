#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Asks about a user, from several threads, and prints how often each answer came. What was lost stands in brackets.
usage: questions.py SERVER USER COUNT|STOPFILE
Until so many were asked, or until the file is there."""
import collections
import os
import socket
import sys
import threading
import time

THREADS = 4
SERVER, USER, LIMIT = sys.argv[1:]
results = collections.Counter()
slowest = 0.0
asked = 0
lock = threading.Lock()


def go_on():
    global asked
    with lock:
        asked += 1
        return asked <= int(LIMIT) if LIMIT.isdigit() else not os.path.exists(LIMIT)


def ask():
    with socket.create_connection((SERVER, 26), timeout=20) as connection:
        connection.sendall(f"{USER}@origin.example - rcpt=receiver.example\r\n".encode())
        answer = b""
        while part := connection.recv(200):
            answer += part
    return answer.decode().strip() or "(nothing)"


def loop():
    global slowest
    while go_on():
        began = time.monotonic()
        try:
            answer = ask()
        except OSError as error:
            answer = f"({error})"
        with lock:
            results[answer] += 1
            slowest = max(slowest, time.monotonic() - began)
        if answer.startswith("("):
            time.sleep(0.05)


threads = [threading.Thread(target=loop) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(", ".join(f"{count} x {answer}" for answer, count in results.most_common()) + f"; slowest {slowest:.3f} s")
