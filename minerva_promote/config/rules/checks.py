"""Rules of checks that their model cannot express: SQL from one source, thresholds that can hold, unique names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from minerva_promote.config.durations import DURATION, DURATION_HINT
from minerva_promote.config.files import is_present
from minerva_promote.config.models.project import CheckFile, FromFile, LocatedCheck, Threshold
from minerva_promote.config.rules.searches import setting_faults
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

_SEARCH_PROBES = ("latency", "recall", "plan", "golden")
_PROBE_KEYS = {
    "search": _SEARCH_PROBES,
    "vectors": ("latency", "recall", "plan"),
    "warm_up": ("latency",),
    "concurrency": ("latency",),
    "k": ("recall",),
    "golden": ("golden",),
}
_OPERATORS = ("equals", "not_equals", "min", "max", "between")


def check_faults(
    check: CheckFile, at: Keys, source: Source, *, templates: Path, tables: Iterable[str], environments: Iterable[str]
) -> Iterator[ConfigError]:
    """Faults of one check that its model does not find; ``at`` is its path in the file."""
    yield from _sql_faults(check, at, source, templates)
    yield from _expectation_faults(check, at, source, tables)
    yield from _probe_faults(check, at, source)
    if check.timeout is not None and not DURATION.fullmatch(check.timeout):
        path = (*at, "timeout")
        yield fault(source.at(path), path, f'"{check.timeout}" is no duration', DURATION_HINT)
    environments = tuple(environments)
    for number, name in enumerate(check.when.environments):
        if name not in environments:
            path = (*at, "when", "environments", number)
            message = f'no environment "{name}"{did_you_mean(name, environments)}'
            yield fault(source.at(path), path, message, f"environments: {listing(environments)}")


def name_faults(checks: Iterable[LocatedCheck]) -> Iterator[ConfigError]:
    """A fault for every name that an earlier check has, in this file or another."""
    first: dict[str, LocatedCheck] = {}
    for located in checks:
        earlier = first.setdefault(located.check.name, located)
        if earlier is not located:
            yield ConfigError(f'a second check "{located.check.name}"; the first is at {earlier.at}', at=located.at)


def _sql_faults(check: CheckFile, at: Keys, source: Source, templates: Path) -> Iterator[ConfigError]:
    location = source.at(at)
    if check.probe is not None:
        if check.template is None or check.sql is not None:
            yield fault(
                location, at, f'a probe takes its query from a template: "{check.name}" needs template, and no sql'
            )
    elif check.sql is None and check.template is None:
        yield fault(location, at, f'"{check.name}" has neither sql nor template')
    elif check.sql is not None and check.template is not None:
        yield fault(location, at, f'"{check.name}" has both sql and template: keep one')
    if check.template is not None and not _is_template(templates, check.template):
        path = (*at, "template")
        known = sorted(file.relative_to(templates).as_posix() for file in templates.rglob("*.j2"))
        message = f"no file templates/{check.template}{did_you_mean(check.template, known)}"
        yield fault(source.at(path), path, message, f"templates: {listing(known)}")


def _probe_faults(check: CheckFile, at: Keys, source: Source) -> Iterator[ConfigError]:
    """Keys that the probe does not take, and invalid search settings."""
    for key, probes in _PROBE_KEYS.items():
        if key in check.model_fields_set and check.probe not in probes:
            path = (*at, key)
            kind = f"a {check.probe} probe" if check.probe else "a check without a probe"
            yield fault(source.key_at(path), path, f"{kind} has no {key}", f"it belongs to probe: {', '.join(probes)}")
    yield from setting_faults(check.search, (*at, "search"), source)
    if Path(check.golden).is_absolute() or ".." in Path(check.golden).parts:
        path = (*at, "golden")
        yield fault(source.at(path), path, f"{check.golden} is not a file of the project", "golden: golden/search.json")
    if check.concurrency > 1 and check.stage == "before_commit":
        path = (*at, "concurrency")
        hint = "measure at stage after_commit, or take concurrency out"
        yield fault(source.at(path), path, "before COMMIT one session alone sees the rows", hint)
    vectors = check.params.get("vectors")
    path = (*at, "params", "vectors") if "vectors" in check.params else (*at, "vectors")
    if (
        check.probe
        and check.vectors == "list"
        and not (isinstance(vectors, tuple) and vectors and all(map(_is_vector, vectors)))
    ):
        yield fault(source.at(path), path, "no list of vectors", "params: {vectors: [[0.1, 0.2], [0.3, 0.4]]}")


def _is_vector(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and bool(value)
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in value)
    )


def _is_template(folder: Path, name: str) -> bool:
    path = folder / name
    return ".." not in Path(name).parts and not Path(name).is_absolute() and is_present(path)


def _expectation_faults(check: CheckFile, at: Keys, source: Source, tables: Iterable[str]) -> Iterator[ConfigError]:
    if check.expect is None and check.stage != "monitor":
        hint = "expect says what closes the gate: expect: {max: 0}; only a check of stage monitor goes without"
        yield fault(source.at(at), at, f'"{check.name}" has no expect', hint)
    for key, expectation in (("expect", check.expect), ("warn", check.warn)):
        path: Keys = (*at, key)
        if isinstance(expectation, Threshold) or expectation == {}:
            threshold = expectation if isinstance(expectation, Threshold) else Threshold()
            yield from _threshold_faults(threshold, path, source, tables)
        elif expectation is not None:
            if check.probe is None:
                message = "values by name are those of a probe; without one a check is one number"
                yield fault(source.key_at(path), path, message, "expect: {max: 0}, or add probe: latency")
            for name, threshold in expectation.items():
                yield from _threshold_faults(threshold, (*path, name), source, tables)


def _threshold_faults(threshold: Threshold, path: Keys, source: Source, tables: Iterable[str]) -> Iterator[ConfigError]:
    operands = {name: getattr(threshold, name) for name in _OPERATORS if getattr(threshold, name) is not None}
    if not operands:
        yield fault(source.key_at(path), path, "has no operator", f"one or more of {', '.join(_OPERATORS)}")
    known = ["roots", "size", *(f"rows.{table}" for table in sorted(tables))]
    for name, operand in operands.items():
        if isinstance(operand, FromFile) and operand.file not in known:
            where = (*path, name, "file")
            message = f'the file has no value "{operand.file}"{did_you_mean(operand.file, known)}'
            yield fault(source.at(where), where, message, f"its values: {', '.join(known)}")
    low, high = threshold.min, threshold.max
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield fault(source.key_at(path), path, f"min {low} is more than max {high}: nothing can hold")
    if threshold.between is not None and threshold.between[0] > threshold.between[1]:
        where = (*path, "between")
        low, high = threshold.between
        yield fault(source.at(where), where, f"{low} is more than {high}: nothing can hold")
