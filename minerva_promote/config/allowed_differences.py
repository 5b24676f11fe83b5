"""``allowed_differences:`` of promote.yaml: schema differences that are declared, with environments and reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from minerva_promote.config.models.project import AllowedDifference
from minerva_promote.config.schema_aspects import ASPECTS, KINDS
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError, Location

_KIND = re.compile(rf"(?P<kind>{'|'.join(sorted(KINDS, key=len, reverse=True))}) +(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class Allowance:
    """One entry of ``allowed_differences``, and its location."""

    object: str  # as it is written
    of: str  # the kind of object, a key of KINDS; empty: any
    path: str  # of the object; * stands for any text
    aspects: frozenset[str]  # empty: any
    environments: frozenset[str]
    kind: str | None  # of environments
    why: str
    owner: str
    until: date | None  # the last day
    at: Location

    def names(self, path: str) -> bool:
        """Whether the entry is about the object of this path."""
        return matches_pattern(path, self.path)


def matches_pattern(text: str, pattern: str) -> bool:
    """Whether a text matches a pattern in which only * is special: it stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def read_allowances(
    entries: Sequence[AllowedDifference], source: Source, environments: Sequence[str], faults: list[ConfigError]
) -> tuple[Allowance, ...]:
    """The valid entries; faults of the others are added to ``faults``."""
    allowances = []
    for number, entry in enumerate(entries):
        at: Keys = ("allowed_differences", number)
        count_before = len(faults)
        faults += _faults(entry, at, source, environments)
        if len(faults) == count_before:
            allowances.append(_allowance(entry, source.at(at)))
    return tuple(allowances)


def _allowance(entry: AllowedDifference, at: Location) -> Allowance:
    match = _KIND.fullmatch(entry.object.strip())
    return Allowance(
        object=entry.object,
        of=match["kind"] if match else "",
        path=(match["path"] if match else entry.object).strip().removeprefix("public."),
        aspects=frozenset(entry.aspects),
        environments=frozenset(entry.environments),
        kind=entry.kind,
        why=entry.why,
        owner=entry.owner or "",
        until=date.fromisoformat(entry.until) if entry.until else None,
        at=at,
    )


def _faults(entry: AllowedDifference, at: Keys, source: Source, environments: Sequence[str]) -> Iterator[ConfigError]:
    if not entry.object.strip():
        yield fault(source.at((*at, "object")), (*at, "object"), "is empty", "an object as the report names it, or *")
    if not entry.why.strip():
        yield fault(source.at((*at, "why")), (*at, "why"), "is empty", "say why the difference is wanted")
    if not entry.environments and entry.kind is None:
        hint = "say where: environments: [prod], or kind: production"
        yield fault(source.at(at), at, "is not said to be of any environment", hint)
    elif entry.environments and entry.kind is not None:
        hint = "name the environments, or their kind"
        yield fault(source.key_at((*at, "kind")), at, "has environments and a kind", hint)
    for number, name in enumerate(entry.environments):
        if name not in environments:
            path: Keys = (*at, "environments", number)
            message = f'no environment "{name}"{did_you_mean(name, environments)}'
            yield fault(source.at(path), path, message, f"environments: {listing(environments)}")
    for number, aspect in enumerate(entry.aspects):
        if aspect not in ASPECTS:
            path = (*at, "aspects", number)
            message = f'no aspect "{aspect}"{did_you_mean(aspect, ASPECTS)}'
            yield fault(
                source.at(path), path, message, "what the report names, with _ for blanks: type, not_null, check"
            )
    if entry.until is not None and not _is_day(entry.until):
        path = (*at, "until")
        yield fault(source.at(path), path, f'"{entry.until}" is no day', "year-month-day: 2027-01-01")


def _is_day(text: str) -> bool:
    try:
        return re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False
