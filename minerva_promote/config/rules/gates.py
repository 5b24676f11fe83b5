"""Rules of the keys that protect an environment: ``requires``, ``identity`` and ``backup``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from minerva_promote.config.durations import DURATION, DURATION_HINT, PERIOD, PERIOD_HINT
from minerva_promote.config.models.project import EnvironmentFile
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

_IDENTIFIER = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)


def gate_faults(valid: EnvironmentFile, source: Source, others: Sequence[str]) -> Iterator[ConfigError]:
    """Faults of these keys of one environment; ``others`` are the names of the other environments."""
    path: Keys
    if valid.requires is not None:
        path = ("requires", "passed_in")
        if valid.requires.passed_in not in others:
            message = (
                f'no other environment "{valid.requires.passed_in}"{did_you_mean(valid.requires.passed_in, others)}'
            )
            yield fault(source.at(path), path, message, f"environments: {listing(others)}")
        if valid.requires.within is not None and not PERIOD.fullmatch(valid.requires.within):
            path = ("requires", "within")
            yield fault(source.at(path), path, f'"{valid.requires.within}" is no period', PERIOD_HINT)
    if valid.identity is not None:
        path = ("identity",)
        identifier = valid.identity.system_identifier
        if identifier is None and valid.identity.database is None:
            hint = "promote env ping --env ENV shows both as they are written here"
            yield fault(source.key_at(path), path, "names neither system_identifier nor database", hint)
        elif identifier is not None and not _IDENTIFIER.fullmatch(identifier):
            path = ("identity", "system_identifier")
            hint = 'a number of up to 20 digits, in quotes: "7412345678901234567"; promote env ping --env ENV shows it'
            yield fault(source.at(path), path, f'"{identifier}" is no system identifier', hint)
    if valid.backup is not None:
        if not valid.backup.folder:
            path = ("backup", "folder")
            yield fault(source.at(path), path, "is empty", "name a folder, or write backup: false")
        if not DURATION.fullmatch(valid.backup.timeout):
            path = ("backup", "timeout")
            yield fault(source.at(path), path, f'"{valid.backup.timeout}" is no duration', DURATION_HINT)
