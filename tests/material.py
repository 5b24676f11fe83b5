"""Where the files that tests read are: the shipped project, the labelled exports, the corpora."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ADVERSARIAL = Path(__file__).with_name("data") / "adversarial"
NO_CORPORA = "no corpora: set PROMOTE_CORPORA to their folder"
MISSING_CORPORA = """\
Not run: the cases of the JSON Parsing Test Suite and of pgvector's own tests (some 340 in tests/exportfile), which the
repository does not ship; tests/exportfile/json_texts.py has JSON texts of its own. To run them, put JSONTestSuite's
folder test_parsing into FOLDER/jsontestsuite and pgvector's folders test/sql and test/expected into FOLDER/pgvector,
and set PROMOTE_CORPORA=FOLDER."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line of data/adversarial/index.tsv."""

    file: str
    verdict: str  # accept, reject
    kind: str  # "cast", "lex", ...
    needs: frozenset[str]  # "dims=3", "target"
    reason: str

    @property
    def path(self) -> Path:
        return ADVERSARIAL / self.file

    def __str__(self) -> str:  # for the ids of parametrised tests
        return self.file.removesuffix(".sql")


def labelled() -> tuple[Labelled, ...]:
    """Every labelled export file; for ``@pytest.mark.parametrize("export", labelled(), ids=str)``."""
    with (ADVERSARIAL / "index.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return tuple(
        Labelled(row["file"], row["verdict"], row["class"], frozenset(row["needs"].split()), row["reason"])
        for row in rows
    )


def corpora_folder() -> Path | None:
    """Third-party files: PROMOTE_CORPORA, or a folder ``corpora`` one level beside the repository; None without one."""
    given = os.environ.get("PROMOTE_CORPORA")
    folders = [Path(given)] if given else sorted(REPOSITORY.parent.glob("*/corpora"))
    return next((folder for folder in folders if folder.is_dir()), None)
