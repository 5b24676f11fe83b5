"""`promote check` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.material import REPOSITORY
from tests.servers import ProjectCopy

Promote = Callable[..., Any]
EXPORT = REPOSITORY / "examples" / "lighthouse.sql"


def test_list(project: ProjectCopy, promote: Promote) -> None:
    ran = promote("check", "--list")
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert lines[0] == "before_commit"
    at = lines.index("  chunks_without_embedding         must be <= 0")
    assert [line.strip() for line in lines[at + 1 : at + 3]] == [
        "every chunk carries an embedding",
        "checks/import.yaml:41:5",
    ]


def test_list_as_json(project: ProjectCopy, promote: Promote) -> None:
    ran = promote("check", "--list", "--stage", "after_commit", "--format", "json")
    listed = json.loads(ran.stdout)
    assert (listed["version"], listed["command"]) == (1, "check --list")
    assert [entry["name"] for entry in listed["checks"]] == ["search_plan", "search_latency"]
    assert listed["checks"][1] == {
        "name": "search_latency",
        "stage": "after_commit",
        "probe": "latency",
        "threshold": "p95_ms must be <= 200; warns: p95_ms must be <= 50, rows_missing must be <= 0",
        "only": "",
        "description": "a cosine search answers in time, seen from the client, with as many rows as there are up to its LIMIT",
        "at": "checks/search.yaml:14:5",
    }


def test_an_unknown_check_is_a_usage_error(project: ProjectCopy, promote: Promote) -> None:
    ran = promote("check", "--env", "local", "--only", "chunk_without_embedding")
    assert ran.exit_code == 2
    assert 'there is no check "chunk_without_embedding"; did you mean "chunks_without_embedding"?' in ran.stderr


def test_no_environment_is_a_usage_error(project: ProjectCopy, promote: Promote) -> None:
    ran = promote("check")
    assert ran.exit_code == 2
    assert "which environment?" in ran.stderr
    ran = promote("check", "local", "--env", "test-prod")
    assert ran.exit_code == 2
    assert "two environments: local and test-prod" in ran.stderr


def test_rows_without_a_book_pass_and_fail(project: ProjectCopy, promote: Promote) -> None:
    ran = promote("check", "--env", "local", "--stage", "before_commit")
    assert ran.exit_code == 0, ran
    assert "gate open: 11 checks passed" in ran.stdout
    project.database("local").execute(
        "insert into books (id, title, author, ingestion_status, created_at, updated_at) "
        "values (gen_random_uuid(), 'Knots', 'A', 'completed', now(), now())"
    )
    ran = promote("check", "--env", "local", "--stage", "before_commit")
    assert ran.exit_code == 1
    assert "1, must be <= 0" in ran.stdout
    assert "promote check --env local --only books_without_chunks" in ran.stdout
    assert "gate closed: 1 of 11 checks failed" in ran.stdout


def test_a_set_that_is_skipped_as_a_whole_closes_the_gate(project: ProjectCopy, promote: Promote) -> None:
    ran = promote("check", "--env", "local", "--only", "screenshots_with_local_path")
    assert ran.exit_code == 1
    assert "only for kind production; local is local" in ran.stdout
    assert "nothing was checked" in ran.stdout


def test_an_empty_set_closes_the_gate(project: ProjectCopy, promote: Promote) -> None:
    text = (project.root / "promote.yaml").read_text("utf-8")
    project.write("promote.yaml", text.partition("\nsearches:")[0])
    ran = promote("check", "--env", "local", "--stage", "preflight")
    assert ran.exit_code == 1
    assert "no check is declared for stage preflight" in ran.stdout


def test_a_file_that_is_not_there_yet(project: ProjectCopy, promote: Promote) -> None:
    project.edit("promote.yaml", "embedding_dimensions: 1536", "embedding_dimensions: 1536")
    ran = promote("check", "--env", "local", "--file", EXPORT, "--only", "books_present")
    assert ran.exit_code == 1
    assert "0, must be 1 (rows.books of the file)" in ran.stdout


@pytest.mark.parametrize("name", ["refused.sql", "old-exporter.sql"])
def test_a_refused_file_checks_nothing(project: ProjectCopy, promote: Promote, name: str) -> None:
    ran = promote("check", "--env", "local", "--file", REPOSITORY / "examples" / name)
    assert ran.exit_code == 1
    assert "gate closed: nothing was checked" in ran.stdout
