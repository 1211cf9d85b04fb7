# SPDX-License-Identifier: ISC
"""Files and folders of the tests."""
import contextlib
import os
import shutil
import tempfile


def write_file(path, content, mode=0o600):
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    os.chmod(path, mode)


@contextlib.contextmanager
def root_folder(parent=None):
    """A folder for the folders of cases."""
    folder = tempfile.mkdtemp(prefix="verimail-e2e-", dir=parent)
    os.chmod(folder, 0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
