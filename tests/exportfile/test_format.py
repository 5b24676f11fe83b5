"""EXPORT_FORMAT sentence by sentence: a file that is refused, with all that is said of it, and one that is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import minerva_promote.exportfile
from tests.exportfile.accepted import ACCEPTED
from tests.exportfile.refused import REFUSED
from tests.exportfile.support import findings

EXPECTED = Path(__file__).with_name("findings.txt")
HEADING = re.compile(r"^\[(.*)\]$", re.M)


def expected() -> dict[str, list[str]]:
    """What is said of each refused file: "line:column code: fact; help", "file" in front when it is the whole file."""
    parts = HEADING.split(EXPECTED.read_text("utf-8"))[1:]
    return {name: text.strip().splitlines() for name, text in zip(parts[::2], parts[1::2], strict=True)}


SAID = expected()
CASES = {f"{group}: {name}": content for group, files in REFUSED.items() for name, content in files.items()}


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str) -> None:
    assert findings(CASES[name]) == SAID[name]


@pytest.mark.parametrize(
    ("content",),
    [
        pytest.param(content, id=f"{group}: {name}")
        for group, files in ACCEPTED.items()
        for name, content in files.items()
    ],
)
def test_accepted(content: str) -> None:
    assert findings(content) == []


def test_every_expectation_has_its_file() -> None:
    assert set(SAID) == set(CASES)
    assert all(SAID.values())


# Said in tests of their own: they need other limits, another contract, --repair, or a target.
ELSEWHERE = {"file-size", "too-costly", "rows", "too-long", "foreign", "column-type", "repaired", "timestamp-offset"}


def test_every_code_is_asserted() -> None:
    """Each code in the source of the reader appears in what tests expect."""
    source = "".join(path.read_text("utf-8") for path in Path(minerva_promote.exportfile.__file__).parent.glob("*.py"))
    raised = re.findall(r'(?:Fault|Refused|refuse|_fault|_add|add|warn)\(\s*"([a-z]+(?:-[a-z]+)*)",', source)
    said = {line.split(" ", 1)[1].split(":")[0] for lines in SAID.values() for line in lines}
    assert len(set(raised)) > 45
    assert set(raised) - said - ELSEWHERE == set()
