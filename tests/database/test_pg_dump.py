"""The program pg_dump as a child process: it never outlives the command that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.database.pg_dump import Ended, Program, dump
from minerva_promote.signals import Stop, listening


def dump_with(script: Path, folder: Path) -> Ended:
    program = Program(script, "18.0", 18, "pg_restore")
    return dump(program, {}, folder / "dump", lock_timeout="1s", timeout=20, tick=lambda done: None)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_signal_while_it_is_being_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program runs, and Popen has not returned yet."""
    started: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: Any) -> None:
            super().__init__(command, **options)
            started.append(self.pid)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)  # Python runs the handler here

    script = tmp_path / "pg_dump"
    script.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setattr("minerva_promote.database.pg_dump.subprocess.Popen", Interrupted)
    with listening(), pytest.raises(Stop) as stop:
        dump_with(script, tmp_path)
    assert stop.value.number == signal.SIGINT
    assert started
    assert not is_running(started[0])


def test_a_program_that_ends_by_itself(tmp_path: Path) -> None:
    script = tmp_path / "pg_dump"
    script.write_text("#!/bin/sh\necho done >&2\n", "utf-8")
    script.chmod(0o755)
    with listening():
        assert dump_with(script, tmp_path) == Ended("", "done")
    assert (
        dump_with(tmp_path / "missing", tmp_path).problem
        == f"{tmp_path}/missing cannot be started: no such file or directory"
    )
