"""The mutation run measures tests that exist."""

from __future__ import annotations

import pytest

from tests import mutants


def test_every_package_has_tests_that_exist() -> None:
    measured = mutants.tests_to_measure(mutants.TESTS)
    assert {"tests/ledger", "tests/exportfile", "tests/grants", "tests/checks"} <= set(measured)


def test_a_missing_folder_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mutants.TESTS, "undo", ("tests/ledger", "tests/no_such_folder"))
    with pytest.raises(SystemExit, match="names what does not exist: tests/no_such_folder"):
        mutants.tests_to_measure(["undo", "checks"])
