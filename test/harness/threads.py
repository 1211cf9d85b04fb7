# SPDX-License-Identifier: ISC
"""What is done over and over in threads, until it is told to stop."""
import threading


class Threads:
    """Calls once(i) in each of `count` threads, until stop() or the case's end. `start` is for the end
    of a subclass's __init__."""

    def __init__(self, case, count):
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self._failed = []
        case.loads.append(self)
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True)
                         for i in range(count)]

    def once(self, i):
        raise NotImplementedError

    def start(self):
        for thread in self._threads:
            thread.start()

    def _run(self, i):
        try:
            while not self.ended.is_set():
                self.once(i)
        except Exception as error:  # pylint: disable=broad-except; stop() raises it
            self._failed.append(error)

    def end(self):
        self.ended.set()

    def stop(self):
        self.end()
        for thread in self._threads:
            thread.join()
        for error in self._failed:
            raise error
