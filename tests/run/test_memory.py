"""Memory that does not grow with the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.run.terminal import environment

PROGRAM = """
import sys
from minerva_promote.cli.main import main
try:
    main(sys.argv[1:])
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(peak.split()[1], file=sys.stderr)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which Linux has")
@pytest.mark.parametrize(
    "first", [pytest.param("1000000000", marks=pytest.mark.soak), "0"], ids=["validated-first", "while-it-goes-in"]
)
def test_a_file_of_60_mb(shop: Shop, first: str) -> None:
    shop.copy.edit("promote.yaml", "limits:", f"limits:\n    validate_first: {first}")
    export = Export(chunks=600)
    for row in export.chunks:
        row["chunk_text"] = "'" + "This is a long text. " * 5000 + "'"
    file = shop.file(export)
    assert file.stat().st_size > 60e6
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", "--env", "test-prod", "--file", str(file)],
        cwd=shop.root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.count() == 600
    assert int(done.stderr) < 250_000, "kB at most"
