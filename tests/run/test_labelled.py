"""The labelled files whose verdict needs a target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.material import labelled
from tests.run.conftest import Shop
from tests.run.reports import OTHER, TAKEN, findings

Adversarial = Callable[[str], Path]


@pytest.fixture
def stocked(shop: Shop, adversarial: Adversarial) -> Shop:
    """A shop that holds what the labelled files of class state are about."""
    ran = shop.run(adversarial("fixture_state"))
    assert ran.exit_code == 0, ran.stdout
    return shop


BOOK = "55555555-5555-4555-8555-555555555555"
NEW_BOOK = "11111111-1111-4111-8111-111111111111"
SCREENSHOT = "88888888-8888-4888-8888-888888888888"
CHUNK = "77777777-7777-4777-8777-777777777777"
STATE = {
    "reject_state_append_chunk_to_existing_book": [
        f"11: different: books {BOOK}: total_screenshots is 1, the file has NULL | {OTHER}",
        f"14: blocked: chunks 33333333-3333-4333-8333-000000000001: book_id {BOOK},"
        f" chunk_sequence 1 is taken by {CHUNK} | {TAKEN}",
    ],
    "reject_state_chunk_id_collides_with_other_book": [
        f"17: different: chunks {CHUNK}: book_id is {BOOK}, the file has {NEW_BOOK};"
        ' screenshot_ids is {1 uuids}, the file has another; chunk_text is "existing text", the file has "plain text"'
        f" | {OTHER}",
    ],
    "reject_state_references_other_books_screenshot": [
        f"14:95: reference: chunks.screenshot_ids {SCREENSHOT} is no row of screenshots before this one"
        " | put the row of screenshots first",
    ],
    "reject_state_reimport_changed_text": [
        f'17: different: chunks {CHUNK}: chunk_text is "existing text", the file has "corrected text" | {OTHER}',
    ],
    "reject_state_screenshot_id_collides_other_book": [
        f"14: different: screenshots {SCREENSHOT}: book_id is {BOOK}, the file has {NEW_BOOK} | {OTHER}",
    ],
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.soak) if name == "reject_state_screenshot_id_collides_other_book" else name
        for name in STATE
    ],
)
def test_labelled_files_that_need_a_target(stocked: Shop, adversarial: Adversarial, name: str) -> None:
    file = adversarial(name)
    before = stocked.contents()
    ran = stocked.run(file)
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert findings(ran) == [f"{file}:{finding}" for finding in STATE[name]]
    assert ran.stdout.splitlines()[-1].startswith("gate closed: nothing was changed")
    assert stocked.contents() == before


def test_the_labelled_file_that_is_there_already(stocked: Shop, adversarial: Adversarial) -> None:
    before = stocked.contents()
    ran = stocked.run(adversarial("accept_state_reimport_identical"))
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.endswith("\ngate open: nothing was changed, all 4 rows are already there, identical\n")
    assert stocked.contents() == before


def test_every_labelled_file_that_needs_a_target_is_here() -> None:
    wanted = {str(one) for one in labelled() if "target" in one.needs}
    assert wanted == {*STATE, "accept_state_reimport_identical"}
