# SPDX-License-Identifier: ISC
"""Files and folders of the tests."""
import contextlib
import ctypes
import os
import pwd
import shutil
import tempfile

from harness.checks import wait_for


def write_file(path, content, mode=0o640):
    """The group is that of the daemons' user: where systemd runs, -t warns of what it cannot read."""
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.chmod(path, mode)
    if os.geteuid() == 0:
        os.chown(path, -1, pwd.getpwnam("nobody").pw_gid)


class Readings:
    """How often a file was read by somebody who then closed it (inotify)."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, path.encode(), 0x10) < 0:
            raise OSError(ctypes.get_errno(), "inotify")  # above: IN_CLOSE_NOWRITE
        self._count = 0

    def count(self):
        with contextlib.suppress(BlockingIOError):
            self._count += len(os.read(self._fd, 4096)) // 16
        return self._count

    def wait_another(self, cause):
        """Until it was read once more after a cause."""
        before = self.count()
        cause()
        wait_for(lambda: self.count() > before, "a file to be read")

    def end(self):
        os.close(self._fd)


@contextlib.contextmanager
def root_folder(parent=None):
    """A folder for the folders of cases."""
    folder = tempfile.mkdtemp(prefix="verimail-e2e-", dir=parent)
    os.chmod(folder, 0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
