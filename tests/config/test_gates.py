"""What an environment asks for before it takes a file: its shapes, its faults, and the fingerprint of all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from minerva_promote.config.durations import in_seconds
from minerva_promote.config.fingerprint import fingerprint
from minerva_promote.config.load_environment import read_environment
from minerva_promote.config.load_project import load_project
from minerva_promote.config.models.project import Backup, DatabaseIdentityPin
from tests.config.conftest import FILES, MakeProject

Faults = Callable[[Callable[[], object]], list[str]]
URL = "url: postgresql://u@h/d\n"
PLACE = "environments/local.yaml"


def test_shapes(make_project: MakeProject) -> None:
    text = f"""{URL}identity: {{system_identifier: "7412345678901234567", database: d}}
backup: {{folder: backups, program: /opt/pg/bin/pg_dump, timeout: 30min, keep: 5}}
"""
    environment = read_environment(load_project(make_project({PLACE: text})), "local")
    assert environment.pin == DatabaseIdentityPin(system_identifier="7412345678901234567", database="d")
    assert environment.backup == Backup(folder="backups", program="/opt/pg/bin/pg_dump", timeout="30min", keep=5)


@pytest.mark.parametrize("written", ["", "backup: false\n", 'backup: "off"\n'])
def test_no_backup(make_project: MakeProject, written: str) -> None:
    assert read_environment(load_project(make_project({PLACE: URL + written})), "local").backup is None


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (
            "identity: {}\n",
            [
                ":2:1: identity: names neither system_identifier nor database"
                " | promote env ping --env ENV shows both as they are written here"
            ],
        ),
        (
            "identity: {system_identifier: 7412345678901234567}\n",
            [
                ":2:31: identity.system_identifier: a number of more than 18 digits"
                ' | if it is text, put it in quotes: "7412345678901234567"'
            ],
        ),
        (
            "identity: {system_identifier: '12x', databse: d}\n",
            [':2:38: identity: unknown key "databse"; did you mean "database"?'],
        ),
        (
            "identity: {system_identifier: '12x'}\n",
            [
                ':2:31: identity.system_identifier: "12x" is no system identifier | a number of up to 20 digits, in'
                ' quotes: "7412345678901234567"; promote env ping --env ENV shows it'
            ],
        ),
        ("backup: true\n", [":2:9: backup: expected a mapping, found true"]),
        (
            "backup: off\n",
            [":2:9: backup: a bare yes, no, on or off | write true or false, or put the word in quotes"],
        ),
        ("backup: {keep: 3}\n", [':2:1: backup: missing key "folder"']),
        (
            "backup: {folder: '', keep: 0}\n",
            [":2:28: backup.keep: must be at least 1, found 0"],
        ),
        (
            "backup: {folder: '', timeout: 2 hours}\n",
            [
                ":2:18: backup.folder: is empty | name a folder, or write backup: false",
                ':2:31: backup.timeout: "2 hours" is no duration'
                " | a number and a unit: 500ms, 30s, 10min, 2h; or 0 for no limit",
            ],
        ),
    ],
)
def test_faults(make_project: MakeProject, faults_of: Faults, text: str, faults: list[str]) -> None:
    make = make_project({PLACE: URL + text})
    assert faults_of(lambda: read_environment(load_project(make), "local")) == [PLACE + fault for fault in faults]


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("500ms", 0.5), ("30s", 30), ("10 min", 600), ("2h", 7200), ("1w", 604800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert in_seconds(text) == seconds


def test_a_fingerprint_is_of_values(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    def now(**files: str) -> str:
        project = load_project(make_project(dict(files)))
        return fingerprint(project, read_environment(project, "local"))

    before = now()
    assert len(before) == 64
    assert now(**{"environments/local.yaml": "# a comment\n" + FILES["environments/local.yaml"]}) == before
    monkeypatch.setenv("U", "embedded://api@/other")
    monkeypatch.setenv("A", "embedded:///other")
    monkeypatch.setenv("P", "a password")
    assert now() == before, "URLs and passwords are not in it"
    assert now(**{"environments/other.yaml": "url: postgresql://u@h/d\n"}) == before, "nor are other environments"
    changes = {
        "promote.yaml": FILES["promote.yaml"].replace("label: x", "label: y"),
        "templates/a.sql.j2": "select 2\n",
        "checks/c.yaml": FILES["checks/c.yaml"].replace("max: 0", "max: 1"),
        "environments/local.yaml": FILES["environments/local.yaml"] + "protected: true\n",
    }
    found = {now(**{name: text}) for name, text in changes.items()}
    assert len(found | {before}) == 5
    assert now() == before
