# SPDX-License-Identifier: ISC
"""What bash and zsh offer is what the program's own tables have: every subcommand and every option."""
import os
import re
import subprocess

import pytest

from harness.checks import WAIT_LIMIT, check, equal
from harness.daemon import BUILD

SOURCE = os.path.join(os.path.dirname(__file__), "../..")
COMMAND = os.path.join(SOURCE, "src/command")

# The shell's own part is played: what would be offered is printed, a line each.
BASH = """
source "$SHARE/completion.bash"
compopt() { [[ $2 != default ]] || echo FILES; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_verimail "$1" "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
compadd() { print -l -- ${(P)2} }
_describe() { print -l -- ${${(P)2}%%:*} }
_files() { print FILES }
words=("$@") CURRENT=$#
source "$SHARE/completion.zsh"
"""
SHELLS = {"bash": ["bash", "--norc", "-c", BASH, "bash"], "zsh": ["zsh", "-f", "-c", ZSH, "zsh"]}


def offered(shell, *words):
    folders = [os.path.join(BUILD, "src", part) for part in ("command", "verimaild", "milter")]
    done = subprocess.run(
        [*SHELLS[shell], *words], capture_output=True, text=True, check=False, timeout=WAIT_LIMIT,
        env={"PATH": ":".join([*folders, os.environ["PATH"]]), "SHARE": os.path.join(SOURCE, "share")})
    equal(done.stderr, "", f"{shell}: {words}")
    return set(done.stdout.split())


def read(name):
    with open(os.path.join(COMMAND, name), encoding="ascii") as file:
        return file.read()


def commands_of_sources():
    """The name of each subcommand in main.c's table, and the source file that has it."""
    sources = {name: read(name) for name in os.listdir(COMMAND) if name.endswith(".c")}
    found = {}
    for symbol in re.findall(r"&(command_\w+),", sources["main.c"]):
        for name, text in sources.items():
            match = re.search(rf"\bconst struct command {symbol} = {{\s*\.name = \"([a-z-]+)\"", text)
            if match:
                found[match[1]] = name
    equal(len(found), len(re.findall(r"&command_\w+,", sources["main.c"])), "commands that were found")
    return found, sources


def options_of_sources():
    """Which subcommands share the tables of which options: those of one source file, and of files whose names begin
    with its name."""
    found, sources = commands_of_sources()
    options = {}
    for source, text in sources.items():
        names = re.findall(r"[{]\"(--?[a-zA-Z][a-z-]*)\"", text)
        if not names:
            continue
        owners = tuple(command for command, file in found.items()
                       if source == file or source.startswith(file.removesuffix(".c") + "_"))
        check(owners, f"subcommands whose options {source} has")
        options.setdefault(owners, set()).update(names)
    check(len(options) > 5, "options were found")
    return options


@pytest.mark.parametrize("shell", SHELLS)
def test_every_subcommand_is_offered(shell):
    equal(offered(shell, "verimail", ""), {*commands_of_sources()[0], "help"})
    equal(offered(shell, "verimail", "-c", "x", ""), offered(shell, "verimail", ""), "after -c")
    equal(offered(shell, "verimail", "help", ""), offered(shell, "verimail", ""), "of help")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_every_subcommand_is_offered(shell):
    for commands, wanted in options_of_sources().items():
        got = set()
        for name in commands:
            got |= offered(shell, "verimail", name, "--") | offered(shell, "verimail", name, "-")
        equal(got, wanted, f"{shell}: {commands}")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("words, wanted", [
    (("verimail", "-"), {"-c", "--config", "-h", "--help", "-V", "--version"}),
    (("verimaild", "-"), {"-c", "--config", "-h", "--help", "-V", "--version", "-t", "--test"}),
    (("verimail-milter", "-"), {"-c", "--config", "-h", "--help", "-V", "--version", "-t", "--test"}),
    (("verimaild", "-c", ""), {"FILES"}),
    (("verimail", "--config", ""), {"FILES"}),
    (("verimail", "keygen", ""), {"service", "host", "classic"}),
    (("verimail", "keygen", "host", ""), {"FILES"}),
    (("verimail", "table", ""), {"build", "set", "delete", "get", "dump", "sync"}),
    (("verimail", "report", "--html", ""), {"FILES"}),
    (("verimail", "report", "--domain", ""), set()),
    (("verimail", "what", "-"), set()),
])
def test_words(shell, words, wanted):
    equal(offered(shell, *words), wanted, f"{shell}: {words}")
