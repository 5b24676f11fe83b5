"""What an environment says about files of another embedding space, through the command."""

from __future__ import annotations

from tests.run.conftest import Shop
from tests.run.exports import Export


def of_another_model() -> Export:
    """A second book, whose embedding config has another name."""
    export = Export(2)
    config = "'eeeeeeee-0000-4000-8000-00000000000f'"
    export.rows["embedding_configs"][0] |= {"id": config, "model_name": "'another-model'"}
    for chunk in export.rows["chunks"]:
        chunk["embedding_config_id"] = config
    return export


def test_a_file_of_another_model_closes_the_gate_unless_the_environment_only_wants_a_word(shop: Shop) -> None:
    shop.accepted(Export(1))
    file = shop.file(of_another_model())
    ran = shop.run(file)
    assert ran.exit_code == 1
    assert "check      embedding space .................. FAIL " in ran.stdout
    assert "\n    embedding-config: " in ran.stdout
    assert ran.stdout.endswith("gate closed: nothing was changed (rolled back)\n")
    assert shop.count() == 3
    shop.environment(space="warn")
    ran = shop.run(file)
    assert "check      embedding space .................. WARN " in ran.stdout
    assert "\n    warn: embedding-config: " in ran.stdout
    assert shop.count() == 6


def test_a_word_that_is_none(shop: Shop) -> None:
    shop.environment(space="maybe")
    ran = shop.promote("env", "ping", "test-prod")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[0].endswith('space: "maybe" is not allowed; one of: refuse, warn'), ran.stderr
