"""The documentation is true: its commands are run, its options exist, its numbers are the configured ones."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import click
import psycopg
import pytest

from minerva_promote.cli.main import COMMANDS, cli
from minerva_promote.config.models.project import Limits
from tests.material import REPOSITORY
from tests.prepared_data import DATABASE
from tests.transcript import (
    Got,
    Shown,
    Walk,
    blocks,
    commands,
    executed_pages,
    normalised,
    pages,
    same_as,
    walk,
)

PAGES = {page.relative_to(REPOSITORY).as_posix(): page.read_text("utf-8") for page in pages()}
EXECUTED = [page.relative_to(REPOSITORY).as_posix() for page in executed_pages()]
GLOSSARY = "INSERT INTO glossary (id, book_id, term, meaning) VALUES ('{id}', '{book}', 'poolish', NULL)"


def prose(document: str) -> str:
    """The page without its fenced blocks and comments."""
    return re.sub(r"^```.*?^```$|<!--.*?-->", "", document, flags=re.MULTILINE | re.DOTALL)


# Of pages that show the same commands as others, `make test` leaves these to .ci/run.
FURTHER = frozenset(
    f"docs/guides/{name}.md" for name in ("add-an-environment", "gates", "grants", "schema", "vector-index")
)
PAGE_RUNS = [pytest.param(page, marks=pytest.mark.soak) if page in FURTHER else page for page in EXECUTED]


def test_pages_left_to_the_long_run_exist() -> None:
    assert set(EXECUTED) >= FURTHER


@pytest.mark.parametrize("page", PAGE_RUNS)
def test_a_page_shows_what_commands_print(page: str) -> None:
    with walk() as it:
        results = list(it.run(PAGES[page]))
        assert results
        assert "\n\n".join(filter(None, (got.difference for got in results))) == ""
        if page in AFTERWARDS:
            AFTERWARDS[page](it)


@pytest.mark.parametrize("page", [page for page, document in PAGES.items() if same_as(document)])
def test_a_page_shows_what_another_one_shows(page: str) -> None:
    origin = same_as(PAGES[page])
    assert origin is not None
    outputs = {shown.command: shown.output for shown in _shown(origin.read_text("utf-8"))}
    differences = [Got(shown, outputs[shown.command]).difference for shown in _shown(PAGES[page])]
    assert differences
    assert "\n\n".join(filter(None, differences)) == ""


def _shown(document: str) -> list[Shown]:
    return [shown for block in blocks(document) if block.language == "console" for shown in commands(block)]


def queries_find_what_they_look_for(it: Walk) -> None:
    """The verification queries of the guide: with the book, then with faults in it."""
    page = PAGES["docs/guides/production.md"]
    queries = {
        word: next(block.text for block in blocks(page) if block.language == "sql" and word in block.text)
        for word in ("unnest", "vector_dims", "file_path", "<=>")
    }
    search = queries["<=>"].partition("\n")[2]
    with psycopg.connect(it.url("postgres", DATABASE)) as conn:
        conn.execute("set local enable_seqscan = off")
        plan = "\n".join(line for (line,) in conn.execute(f"explain {search}").fetchall())
        assert "Index Scan using idx_chunks_embedding_ivfflat" in plan
        conn.execute("delete from screenshots where sequence_number = 1")
        named = "select count(*) from chunks where cardinality(screenshot_ids) > 0 and chunk_sequence <= 2"
        orphans = conn.execute(queries["unnest"]).fetchall()
        assert len(orphans) == conn.execute(named).fetchone()[0] == 2  # type: ignore[index]
        conn.execute("update chunks set embedding = null where chunk_sequence = 1")
        lengths = conn.execute(queries["vector_dims"]).fetchall()
        assert sorted(lengths, key=str) == [(1536, 23), (None, 1)]
        conn.rollback()


def the_new_table_takes_rows(it: Walk) -> None:
    """The table that the guide adds: a file with a row of it is accepted and imported."""
    text = (it.root / "examples" / "bread.sql").read_text("utf-8")
    book = re.search(r"^-- Book ID: (\S+)$", text, re.MULTILINE)
    assert book is not None
    row = GLOSSARY.format(id="6c4f7d5e-0c1b-4a57-9a51-3c4c2a6f1a10", book=book[1]) + " ON CONFLICT (id) DO NOTHING;"
    (it.root / "glossary.sql").write_text(text.replace("\nCOMMIT;", f"\n{row}\nCOMMIT;"), "utf-8")
    ran = it.shell("promote run --env test-prod --file glossary.sql")
    assert it.status == 0, ran
    assert re.search(r"import     glossary \.+ ok +1 new, 0 already there, 0 different", ran)


AFTERWARDS: dict[str, Callable[[Walk], None]] = {
    "docs/guides/production.md": queries_find_what_they_look_for,
    "docs/guides/add-a-table.md": the_new_table_takes_rows,
}


def test_what_changes_in_every_run_is_not_compared() -> None:
    assert normalised("  setup      ledger .... ok     made, 0.1 s\n") == normalised(
        "  setup      ledger .... ok     made"
    )
    assert normalised("run 0123abcd   export 8b175d33…  ") == "run ########   export ########…\n"
    assert normalised("  a ... ok     1,000 new") != normalised("  a ... ok     1,001 new")


def test_the_sections_of_a_production_import_are_all_there() -> None:
    titles = re.findall(r"^## (.+)$", PAGES["docs/guides/production.md"], re.MULTILINE)
    assert titles == ["Prerequisites", "Connection", "Validate", "Back up", "Import", "Verify", "Security"]


def test_the_readme_stays_short() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 250


def anchor(title: str) -> str:
    """The anchor of a heading, as MkDocs and code hosts form it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = prose(PAGES[page])
    for target in re.findall(r"\]\(([^)]*)\)", text):
        if target.startswith("https://"):
            continue
        name, _, fragment = target.partition("#")
        file = (REPOSITORY / page).parent / name if name else REPOSITORY / page
        assert file.is_file(), target
        if fragment:
            titles = re.findall(r"^#+ (.+)$", prose(file.read_text("utf-8")), re.MULTILINE)
            assert fragment in map(anchor, titles), target


@pytest.mark.parametrize("page", ["docs/contributing.md", "docs/explanation/design.md"])
def test_named_files_exist(page: str) -> None:
    paths = set(re.findall(r"`((?:minerva_promote|docs|tests|checks|templates)/[^`]*)`", prose(PAGES[page])))
    assert paths
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_every_package_is_in_the_design() -> None:
    packages = {path.parent.name for path in (REPOSITORY / "minerva_promote").glob("*/__init__.py")}
    design = PAGES["docs/explanation/design.md"]
    assert packages == set(re.findall(r"^\| `minerva_promote/(\w+)/` \|", design, re.MULTILINE))


def test_its_numbers_are_the_configured_ones() -> None:
    limits = Limits()
    text = " ".join(prose(PAGES["docs/reference/limits.md"]).split())
    assert f"{limits.file_bytes >> 30} GiB a file, {limits.row_bytes >> 20} MiB a row, {limits.rows:,} rows" in text
    assert f"{limits.findings} findings are shown" in text
    text = " ".join(prose(PAGES["docs/reference/export-format.md"]).split())
    assert f"A file of up to {limits.validate_first >> 20} MiB is validated before the transaction begins" in text


def _named() -> Iterator[str]:
    """Every promote command of the pages, in blocks and in the text."""
    for document in PAGES.values():
        yield from (shown.command for shown in _shown(document) if shown.command.startswith("promote "))
        spans = re.findall(r"`([^`]+)`", " ".join(prose(document).split()))
        yield from (code for code in spans if code.startswith("promote "))


@pytest.mark.parametrize("line", sorted(set(_named())))
def test_commands_and_options_exist(line: str) -> None:
    words = shlex.split(re.split(r" -- |;| \|", line)[0])[1:]
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    known = {name for param in (*command.params, *cli.params) for name in (*param.opts, *param.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known | {"--help", "--version"}


def _every(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _every(found, (*path, name))


@pytest.mark.parametrize("path", list(_every(cli, ())), ids=" ".join)
def test_help_has_an_example(promote: Callable[..., Any], path: tuple[str, ...]) -> None:
    help_text = promote(*path, "--help").stdout
    examples = help_text.partition("Example")[2]
    assert " ".join(("promote", *path)) in examples


def test_the_list_of_commands_is_what_their_help_says(promote: Callable[..., Any]) -> None:
    listed = promote("--help", env={"COLUMNS": "200"}).stdout
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", listed, re.MULTILINE)


def test_the_changelog_names_this_version() -> None:
    from minerva_promote import __version__

    assert f"## [{__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")


def test_a_change_is_one_line() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text("utf-8").partition("## [")[2]
    lines = changelog.splitlines()[1:]
    assert [line for line in lines if line and not line.startswith(("## [", "### ", "- "))] == []
    assert [line for line in lines if len(line) > 140] == []
