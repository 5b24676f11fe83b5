"""Pages of the documentation as scripts: their blocks are executed in order, and the output is compared.

Every page with the line ``<!-- test -->`` (README.md or docs/**.md) is executed by itself, in a fresh copy of the
project with servers of its own. ``<!-- test: set up -->`` begins with local and test-prod set up, ``production`` with prod
(on a second server, its variables set), and ``production server`` with an empty server for prod; a comma joins them.
With ``<!-- test: as in docs/tutorial.md -->`` nothing is executed: that page shows the same commands and their output.

console: every ``$ command`` is run by bash in the copy of the project. sql: run by psql as the import role of
production, or as the first line says ("-- as an administrator, in database postgres", "-- as the owner"); a text block
right after it is the expected output. yaml and python: the first line names the file to create ("# checks/NAME.yaml")
or to extend ("# add to promote.yaml"); "# excerpt of …" is only shown. A comment ``<!-- run`` … ``-->`` holds commands
that prepare the page and are not shown; each must succeed. A line that is only "…" stands for any number of lines.

``python -m tests.transcript [PAGE…]`` writes the real output into the pages wherever it differs.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import yamlfile
from tests.material import REPOSITORY
from tests.prepared_data import DATABASE, Prepared, kill_server, production_variables, server_url
from tests.servers import SHIPPED, variables_of

ROOT = "/srv/minerva"  # where the reader of the pages has the project

_MARK = re.compile(r"^<!-- test(?:: ((?:set up|production server|production|, )+))? -->$", re.MULTILINE)
_AS_IN = re.compile(r"^<!-- test: as in (\S+) -->$", re.MULTILINE)
_BLOCK = re.compile(r"^(?:```(\w+)\n(.*?)^```|<!-- (run)\n(.*?)^-->)$", re.MULTILINE | re.DOTALL)
_RUN = re.compile(r"\b(?:committed as run|undone as) ([0-9a-f]{8})\b")
_CHANGING = (
    (r"\brun [0-9a-f]{8}\b", "run ########"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\b[0-9a-f]{64}\b", "SHA256"),
    (r"export [0-9a-f]{8}…", "export ########…"),
    (r"(?<![0-9a-f-])(?=[a-f]*\d)[0-9a-f]{8}(?![0-9a-f-])", "########"),  # a run, where a column has its id
    (r"(#{8}|[0-9a-f]{16})…", "########…"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?(\+00)?)?", "DATE"),
    (r",? +(\d+ min \d+|\d+\.\d) s$", ""),  # a step says how long it took only when that is worth saying
    (r'"seconds": [\d.e-]+', '"seconds": N'),
    (r"\d+(\.\d+)? ms", "N ms"),
    (r"PostgreSQL \d+(\.\d+)?", "PostgreSQL N"),
    (r"((?:pgvector |extension vector \.+ ok +\D*)\(?)\d+\.\d+\.\d+", r"\1N"),
    (r"\b\d+ attempts", "N attempts"),
    (r"\bprocess \d+", "process N"),
    (r"\bport \d+", "port N"),
    (r'system_identifier: "\d+"', 'system_identifier: "N"'),
    (r"\bserver \d{15,}", "server N"),
    (r"--plan [0-9a-f-]+", "--plan DIGEST"),
    (r"-\d{8}T\d{6}Z-[0-9a-f]{8}\.dump", "-TIME-RUN.dump"),
    (r"/postgres-\d+", "/postgres-N"),
    (r"^(  database .*) [\d,.]+ MB$", r"\1 N MB"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, or a comment that prepares the page ("run"): its language, its text, where that begins."""

    language: str
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A command or a query, the output that the document shows, and where that stands."""

    command: str
    output: str
    start: int


@dataclass(frozen=True, slots=True)
class Got:
    """What a command really printed; the folder is the reader's."""

    shown: Shown
    output: str

    @property
    def difference(self) -> str:
        """What is not as shown, or nothing."""
        want, got = normalised(self.shown.output), normalised(self.output)
        if _pattern(want).fullmatch(got):
            return ""
        lines = difflib.unified_diff(want.splitlines(), got.splitlines(), "the page", "really", lineterm="", n=1)
        return "\n".join([f"$ {self.shown.command}", *lines])

    @property
    def replacement(self) -> str:
        """What the page should show: the real output, cut where the page cuts it with a single "…"."""
        lines = [line.rstrip() for line in self.output.rstrip().splitlines()]
        shown = self.shown.output.splitlines()
        if shown.count("…") == 1:
            head = shown.index("…")
            tail = len(shown) - head - 1
            if head + tail < len(lines):
                lines[head : len(lines) - tail] = ["…"]
        return "".join(f"{line}\n" for line in lines)


def pages() -> tuple[Path, ...]:
    """README.md and the pages of docs/, in the order of their names."""
    return REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))


def executed_pages() -> tuple[Path, ...]:
    """The pages that are executed."""
    return tuple(page for page in pages() if _MARK.search(page.read_text("utf-8")))


def same_as(document: str) -> Path | None:
    """The page that shows the commands of this one with their output, if this one says so."""
    mark = _AS_IN.search(document)
    return REPOSITORY / mark[1] if mark else None


def blocks(document: str) -> tuple[Block, ...]:
    """The fenced blocks that have a language, and the comments that prepare the page, in order."""
    return tuple(
        Block(match[group], match[group + 1], match.start(group + 1))
        for match in _BLOCK.finditer(document)
        for group in ((1,) if match[1] else (3,))
    )


def commands(block: Block) -> Iterator[Shown]:
    """The commands of a console block; a backslash continues one on the next line."""
    for match in re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        yield Shown(match[1].replace("\\\n", ""), match[2], block.start + match.start(2))


def normalised(text: str) -> str:
    """The text without what is different in every run, and without blanks at the ends of lines."""
    lines = []
    for line in text.rstrip().splitlines():
        for pattern, instead in _CHANGING:
            line = re.sub(pattern, instead, line)
        lines.append(f"{line.rstrip()}\n")
    return "".join(lines)


def _pattern(shown: str) -> re.Pattern[str]:
    parts = [r"(?:.*\n)*" if line.strip() == "…" else re.escape(line) for line in shown.splitlines(keepends=True)]
    return re.compile("".join(parts))


class Walk:
    """The copy of the project in which a page is executed, with two servers: its embedded one, and production."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "minerva"
        self.status = 0  # of the last command
        self.ids: dict[str, str] = {}  # of runs: as the page shows them, and as they are in this walk
        self._servers = (self.root / ".promote", folder / "production")  # folders of the two embedded servers
        self.root.mkdir()
        for name in (*SHIPPED, "examples"):
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.root / name)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "promote").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m minerva_promote "$@"\n')
        (programs / "promote").chmod(0o755)
        ours = {*variables_of(self.root), "PROMOTE_EMBEDDED_DIR", "COLUMNS"}
        self.env = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("PG")}
        self.env["PATH"] = f"{programs}:{self._postgres()}:{self.env['PATH']}"
        self.env["PYTHONPATH"] = str(REPOSITORY)

    def run(self, document: str) -> Iterator[Got]:
        """Execute the blocks of a page."""
        mark = _MARK.search(document)
        self._prepare(set((mark[1] or "").split(", ")) if mark else set())
        page_blocks = blocks(document)
        for number, block in enumerate(page_blocks):
            after = page_blocks[number + 1] if number + 1 < len(page_blocks) else block
            yield from self._execute(block, after, document)

    def _execute(self, block: Block, after: Block, document: str) -> Iterator[Got]:
        if block.language == "console":
            for shown in commands(block):
                command = re.sub(r"\b[0-9a-f]{8}\b", lambda match: self.ids.get(match[0], match[0]), shown.command)
                got = Got(shown, self.shell(command))
                self.ids |= zip(_RUN.findall(shown.output), _RUN.findall(got.output), strict=False)
                yield got
        elif block.language == "run":
            output = self.shell(f"set -e\n{block.text}")
            if self.status:
                yield Got(Shown(block.text, "", block.start), output)
        elif block.language == "sql":
            output = self.sql(block.text)
            if self.status:  # a query that fails is never what is meant
                yield Got(Shown(block.text, "", block.start), output)
            if re.fullmatch(r"```\n+```text\n", document[block.start + len(block.text) : after.start]):
                yield Got(Shown(block.text, after.text, after.start), output)
        elif block.language in ("yaml", "python"):
            self._edit(block.text)

    def shell(self, command: str) -> str:
        """What a command prints on stdout and stderr; ``$?`` is the status of the one before."""
        done = self._program(["bash", "-c", f"(exit {self.status}); {command}"])
        self.status = done.returncode
        return done.stdout.replace(str(self.root), ROOT)

    def sql(self, text: str) -> str:
        """What psql prints, up to the first error."""
        role, database = "minerva_api", DATABASE
        if match := re.match(r"-- as an administrator, in database (\w+)\n", text):
            role, database = "postgres", match[1]
        elif text.startswith("-- as the owner\n"):
            role = "minerva_owner"
        done = self._program(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", self.url(role, database)], text)
        self.status = done.returncode
        return done.stdout

    def url(self, role: str, database: str) -> str:
        """The URL of a database of the server that plays production's."""
        return server_url(self._servers[1], role, database)

    def stop(self) -> None:
        """Stop both servers; their data is thrown away."""
        for folder in self._servers:
            kill_server(folder)

    def _prepare(self, marks: set[str]) -> None:
        ours, theirs = self._servers
        prepared = Prepared(self.root, self.env)
        if "production" not in marks or "set up" in marks:
            prepared.copy("set-up" if "set up" in marks else "empty", ours)
        if marks & {"production", "production server"}:
            prepared.copy("production" if "production" in marks else "empty", theirs)
            self._program(["promote", "server", "start"], PROMOTE_EMBEDDED_DIR=str(theirs))
            self.env |= production_variables(theirs)

    def _edit(self, text: str) -> None:
        name = text.partition("\n")[0].removeprefix("# ")
        if name.startswith("excerpt of "):
            return
        if not name.startswith("add to "):
            (self.root / name).write_text(text, "utf-8")
            return
        path = self.root / name.removeprefix("add to ")
        merged = _merged(yamlfile.read(path), yaml.safe_load(text))
        yamlfile.write(path, merged)

    def _program(self, command: list[str], given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env={**self.env, **more},
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    def _postgres(self) -> Path:
        from minerva_promote.database.embedded.server import binary

        return binary("psql").parent


def _merged(there: Any, more: Any) -> Any:
    if isinstance(there, dict) and isinstance(more, dict):
        return there | {key: _merged(there.get(key), value) for key, value in more.items()}
    return more


@contextmanager
def walk() -> Iterator[Walk]:
    """A Walk whose server is stopped and whose folder is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="promote-docs-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)  # the server may run as another user
        it = Walk(folder)
        try:
            yield it
        finally:
            it.stop()


def update(page: Path) -> None:
    """Write the real output into a page, wherever it differs."""
    document = page.read_text("utf-8")
    with walk() as it:
        results = list(it.run(document))
    for got in reversed(results):
        if got.difference:
            print(f"{page.relative_to(REPOSITORY)}\n{got.difference}", end="\n\n")
        if got.difference and got.shown.command != document[got.shown.start :][: len(got.shown.command)]:
            end = got.shown.start + len(got.shown.output)
            document = document[: got.shown.start] + got.replacement + document[end:]
    for shown, real in it.ids.items():
        document = document.replace(shown, real)
    page.write_text(document, "utf-8")


def main() -> None:
    """Bring the pages that are named, or all of them, up to date."""
    for page in [Path(name).resolve() for name in sys.argv[1:]] or executed_pages():
        update(page)


if __name__ == "__main__":
    main()
