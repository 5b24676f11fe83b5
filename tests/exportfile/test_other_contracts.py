"""A contract that is not Minerva's: keys that are no uuids, other names, several roots in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from minerva_promote.config.models.project import Contract, Roots, TableRule
from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.exportfile.validation import validate

CONTRACT = Contract(
    roots=Roots(table="works", max=2),
    tables={
        "works": TableRule(key=("id",)),
        "licences": TableRule(key=("code",), shared=True),
        "parts": TableRule(
            key=("work_id", "number"),
            belongs_to={"work_id": "works"},
            references={"licence": "licences", "first_work": "works"},
        ),
    },
    header_counts={},
)
SNAPSHOT = Snapshot(
    {
        "works": Table("works", {"id": Column("id", "integer", True)}, ("id",), "works_pkey"),
        "licences": Table("licences", {"code": Column("code", "text", True)}, ("code",), "licences_pkey"),
        "parts": Table(
            "parts",
            {
                "work_id": Column("work_id", "integer", True),
                "number": Column("number", "smallint", True),
                "licence": Column("licence", "text"),
                "first_work": Column("first_work", "integer"),
            },
            ("work_id", "number"),
            "parts_pkey",
        ),
    },
    "here",
)
WORKS = "INSERT INTO works (id) VALUES (1), (2) ON CONFLICT (id) DO NOTHING;"
LICENCES = "INSERT INTO licences (code) VALUES ('MIT') ON CONFLICT (code) DO NOTHING;"


def part(values: str) -> str:
    return f"INSERT INTO parts (work_id, number, licence, first_work) VALUES ({values}) ON CONFLICT (number, work_id) DO NOTHING;"


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ("1, 1, 'MIT', 1", []),
        ("2, -3, NULL, NULL", []),
        ("3, 1, 'MIT', NULL", ["parts.work_id 3 is no row of works before this one"]),
        ("1, 1, 'BSD', NULL", ["parts.licence BSD is no row of licences before this one"]),
        ("1, 1, 'MIT', 9", ["parts.first_work 9 is no row of works before this one"]),
        ("1, 1, 'MIT', 2", ["parts.first_work names a row of works that belongs to another row of works"]),
        ("1, 40000, 'MIT', 1", ["parts.number: 40000 is out of range (-32768 to 32767)"]),
    ],
)
def test_keys_that_are_no_uuids(tmp_path: Path, values: str, facts: list[str], connected: bool) -> None:
    file = tmp_path / "works.sql"
    file.write_text("\n".join(["BEGIN;", WORKS, LICENCES, part(values), "COMMIT;"]))
    found = validate(file, CONTRACT, SNAPSHOT, connected=connected)
    assert [finding.message for finding in found.errors] == facts


def test_a_key_of_two_columns_that_stands_twice(tmp_path: Path) -> None:
    file = tmp_path / "works.sql"
    file.write_text("\n".join(["BEGIN;", WORKS, part("1, 1, NULL, NULL"), part("1, 01, NULL, NULL"), "COMMIT;"]))
    found = validate(file, CONTRACT, SNAPSHOT)
    assert [finding.message for finding in found.errors] == ["parts 1, 1 stands in the file before"]
