# SPDX-License-Identifier: ISC
"""What pytest has for all tests: a case, a network, a limit of time, and results in TAP."""
import os
import signal

import pytest

from harness.case import Case
from harness.checks import Failure
from harness.commandline import CommandLine
from harness.daemon import BUILD, PROGRAMS
from harness.files import root_folder
from harness.namespaces import private_network

CASE_LIMIT = int(os.environ.get("VERIMAIL_CASE_LIMIT", "600"))  # seconds for a test; for its set-up, too


def pytest_addoption(parser):
    parser.addoption("--tap", action="store_true", help="print a line of TAP for each test")


def pytest_configure(config):
    if not os.access(os.path.join(BUILD, PROGRAMS["verimaild"]), os.X_OK):
        raise pytest.UsageError(f"no verimaild in {BUILD}: VERIMAIL_BUILD should be a build folder")


def pytest_sessionstart(session):
    plugins = session.config.pluginmanager
    if session.config.getoption("--tap") and plugins.hasplugin("terminalreporter"):
        plugins.register(Tap(plugins.get_plugin("terminalreporter")))


# Fixtures


@pytest.fixture(scope="session", autouse=True)
def network():
    """Each process that runs tests has a network of its own, with every address of 127.0.0.0/8 and
    every port. Who is not root has the machine's."""
    if os.geteuid() == 0:
        private_network()


@pytest.fixture(scope="module")
def root():
    """Where the folders of a module's cases are made."""
    with root_folder() as folder:
        yield folder


@pytest.fixture
def case(root, request):
    """A folder, a configuration, and daemons that end with the test."""
    with Case(root, request.node.name) as made:
        yield made


@pytest.fixture(scope="module")
def verimail():
    """The program verimail in a folder with keys and a configuration, which a module's tests share."""
    made = CommandLine()
    yield made
    made.end()


# Hooks


def pytest_make_parametrize_id(val):
    """A long value does not make a long name, and words make one."""
    if isinstance(val, list) and val and all(isinstance(word, str) for word in val):
        val = " ".join(val)
    if not isinstance(val, (str, bytes)):
        return None
    text = val if isinstance(val, str) else val.decode("latin-1")
    return text[:40].encode("unicode_escape").decode()


def limited():
    """Around a part of a test: what takes too long fails."""
    def give_up(*_):
        raise Failure(f"still running after {CASE_LIMIT} s")
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(CASE_LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup():
    yield from limited()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call():
    yield from limited()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown():
    yield from limited()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            of = getattr(value, "case", value)
            if isinstance(of, Case):
                report.sections += [(name, "\n".join(lines)) for name, lines in of.tails()]


class Tap:
    """Lines of TAP instead of pytest's dots."""

    def __init__(self, terminal):
        self.terminal = terminal

    def _line(self, report, good, note=""):
        self.terminal.ensure_newline()
        self.terminal.write_line(f"{'ok' if good else 'not ok'} - {report.nodeid or 'collection'}{note}")

    def pytest_collectreport(self, report):
        if report.failed:
            self._line(report, False, " cannot be read")

    def pytest_runtest_logreport(self, report):
        if report.failed:
            notes = {"call": "", "setup": " (setup)", "teardown": " (teardown)"}
            self._line(report, False, notes.get(report.when, " (the process died)"))
        elif report.skipped:
            self._line(report, True, f" # SKIP {self._reason(report)}")
        elif report.when == "call":
            self._line(report, True)
            for line in report.capstdout.splitlines():
                if line.startswith("# "):  # a figure
                    self.terminal.write_line(line)

    @staticmethod
    def _reason(report):
        """pytest has (file, line, "Skipped: why")."""
        return report.longrepr[2].removeprefix("Skipped: ").replace("\n", " ")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report):
        if report.when != "call" and report.passed:
            return None
        return report.outcome, "", report.outcome.upper()
