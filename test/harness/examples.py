# SPDX-License-Identifier: ISC
"""The examples of the manual pages and README files: what is printed as it is typed. Each has a mark
before it that nobody sees in print, `.\\" example: KIND ARGUMENT...` in a page and
`<!-- example: KIND ARGUMENT... -->` in a README."""
import re
import textwrap
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
FILES = (*sorted(SOURCE.glob("man/*.[1-8]")), SOURCE / "README.md",
         SOURCE / "FAQ.md",
         *sorted(SOURCE.glob("integrations/*/README.md")))
# Who runs an example of a kind.
KINDS = {
    "conf": "configuration", "refused": "configuration", "logins": "configuration",
    "shell": "commands", "table": "commands", "log": "commands",
    "c": "protocol", "addresses": "protocol", "message": "protocol", "hashed": "protocol",
    "keys": "protocol", "payload": "protocol", "conversation": "protocol",
    "redis": "servers", "main.cf": "servers", "master.cf": "servers", "sendmail.mc": "servers",
    "submit.mc": "servers", "exim": "servers",
    "machine": "boot",
    "none": "nobody",
}
MARK = re.compile(r'(?:\.\\" example: (.*)|\s*<!-- example: (.*) -->)$')
MDOC = {r"\e": "\\", r"\&": "", r"\-": "-", r"\(aq": "'", r"\(dq": '"', r"\[:u]": "ü"}


class Example:
    def __init__(self, path, line, mark, lines):
        words = (mark or "unmarked").split()
        self.file = path.relative_to(SOURCE).as_posix()
        self.line = line
        self.kind = words[0].rstrip(":")
        self.arguments = words[1:]
        self.text = textwrap.dedent("\n".join(lines)).strip("\n") + "\n"

    @property
    def where(self):
        return f"{self.file}:{self.line}"


def in_page(path):
    """The literal displays of a manual page, and lines set as one (.Dl)."""
    mark = block = None
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if block is not None:
            if line == ".Ed":
                yield Example(path, start, mark, block)
                mark = block = None
            else:
                block.append(unescape(line))
        elif line.startswith((".Bd -literal", ".Bd -unfilled")):
            start, block = number, []
        elif line.startswith(".Dl "):
            yield Example(path, number, mark, [unescape(line[4:])])
            mark = None
        else:
            found = MARK.match(line)
            mark = found[1] if found else mark


def unescape(line):
    """What a page of mdoc(7) prints."""
    return re.sub(r"\\(?:\(..|\[[^]]*\]|.)", lambda found: MDOC[found[0]], line)


def in_readme(path):
    """The blocks between fences. A block that is only indented has no mark."""
    mark = block = None
    before = ""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            if block is None:
                start, block = number, []
            else:
                yield Example(path, start, mark, block)
                mark = block = None
        elif block is not None:
            block.append(line)
        elif line.startswith("    ") and not before:
            yield Example(path, number, None, [line])
        else:
            found = MARK.match(line)
            mark = found[2] if found else mark
        before = line


def examples():
    for path in FILES:
        yield from in_readme(path) if path.suffix == ".md" else in_page(path)


ALL = list(examples())


def run_by(name):
    """The examples that a module runs."""
    return [example for example in ALL if KINDS.get(example.kind) == name]


def one_of_kind(kind):
    found = [example for example in ALL if example.kind == kind]
    if len(found) != 1:
        raise ValueError(f"{len(found)} examples of the kind {kind}")
    return found[0]
