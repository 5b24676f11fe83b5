"""Values to pydantic models; each error becomes one sentence with its location and the nearest known word."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from minerva_promote.config.suggest import did_you_mean, listing, nearest
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError, ConfigErrors, Location

M = TypeVar("M", bound=BaseModel)

SECRET_KEYS = frozenset({"url", "admin_url", "direct_url", "scratch_url", "password"})  # their values are never shown

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}


@dataclass(frozen=True, slots=True)
class _Error:
    path: Keys  # in the file, without pydantic's names of union branches
    branches: tuple[tuple[int, str], ...]  # of unions along the path: depth in the path, pydantic's label of the branch
    type: str
    context: dict[str, Any]
    message: str


def validate(model: type[M], source: Source, faults: list[ConfigError]) -> M | None:
    """The file as ``model``, or None; every fault is added to ``faults``, those of reading the file included.

    A model may be returned although faults were added, so that rules can find more; do not use it otherwise.
    """
    new_faults = list(source.faults)
    valid: M | None = None
    if source.values is not None:
        new_faults += _empty_keys(source)
        try:
            valid = model.model_validate(source.values)
        except ValidationError as invalid:
            raw = invalid.errors(include_url=False, include_input=False)
            errors = [_located(error, source.values) for error in raw]
            known = {error.location for error in (*faults, *new_faults)}
            sentences = [_error_sentence(error, model, source, errors) for error in _best_union_branch(errors, 0)]
            new_faults += [error for error in sentences if error is not None and error.location not in known]
    faults += new_faults
    return valid


def raise_all(faults: Iterable[ConfigError]) -> None:
    """Raise ConfigErrors with the faults, sorted by location, without repetitions; nothing when there are none."""
    unique: dict[tuple[Location | None, str], ConfigError] = {}
    for error in faults:
        for single in error.errors if isinstance(error, ConfigErrors) else (error,):
            unique.setdefault((single.location, single.message), single)
    if unique:
        raise ConfigErrors(sorted(unique.values(), key=lambda error: error.location or Location("")))


def _empty_keys(source: Source) -> Iterator[ConfigError]:
    """A fault for every key without a value: ``must_be: null`` would silently mean nothing."""
    for path, position in source.positions.items():
        if path and isinstance(path[-1], str) and "params" not in path and source.value(path) is None:
            hint = 'write must_be: "null", in quotes' if path[-1] == "must_be" else "give it one, or take the key out"
            yield fault(position.key, path, "has no value", hint)


def _located(error: ErrorDetails, values: Any) -> _Error:
    path: list[str | int] = []
    branches: list[tuple[int, str]] = []
    container = values
    steps = error["loc"]
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        known = (
            step in container
            if isinstance(container, dict)
            else isinstance(container, tuple) and step in range(len(container))
        )
        if known:
            container = container[step]
        elif isinstance(step, str) and not (last and error["type"] == "missing"):
            branches.append((len(path), step))
            continue
        path.append(step)
    context = dict(error.get("ctx", {}))
    return _Error(tuple(path), tuple(branches), error["type"], context, error["msg"])


def _best_union_branch(errors: Sequence[_Error], level: int) -> list[_Error]:
    """The errors, of each union only those of the likeliest branch: with the deepest errors, then with the fewest."""
    kept = [error for error in errors if len(error.branches) <= level]
    unions: dict[Keys, dict[str, list[_Error]]] = {}
    for error in errors:
        if len(error.branches) > level:
            depth, label = error.branches[level]
            unions.setdefault(error.path[:depth], {}).setdefault(label, []).append(error)
    for path, branches in unions.items():
        all_errors = [error for branch in branches.values() for error in branch]
        if all(error.path == path and error.type in _EXPECTED for error in all_errors):
            expected = dict.fromkeys(_EXPECTED[error.type] for error in all_errors)
            if "a number" in expected:
                expected.pop("a whole number", None)
            kept.append(_Error(path, (), "union", {"expected": " or ".join(expected)}, ""))
        else:
            nested: list[list[_Error]] = [_best_union_branch(branch, level + 1) for branch in branches.values()]
            best: list[_Error] = min(nested, key=_branch_rank)
            kept += best
    return kept


def _branch_rank(branch: list[_Error]) -> tuple[int, int]:
    """A sort key, lower for a likelier branch; missing keys do not count, as they may be misspelt."""
    return -max(len(error.path) for error in branch), sum(error.type != "missing" for error in branch)


def _error_sentence(
    error: _Error, model: type[BaseModel], source: Source, errors: Sequence[_Error]
) -> ConfigError | None:
    path, parent = error.path, error.path[:-1]
    if error.type == "extra_forbidden":
        known = _known_keys(model, parent, error.branches)
        near = did_you_mean(str(path[-1]), known)
        hint = "" if near else f"known keys: {listing(known)}"
        return fault(source.key_at(path), parent, f'unknown key "{path[-1]}"{near}', hint)
    if error.type == "missing":
        if isinstance(path[-1], int):
            return fault(source.at(parent), parent, f"too few entries: found {len(source.value(parent))}")
        if path[-1] in _keys_explained_by_typos(error, errors, model):
            return None
        return fault(source.key_at(parent), parent, f'missing key "{path[-1]}"')
    at, value = source.at(path), source.value(path)
    actual = _value_text(value, hidden=bool(SECRET_KEYS.intersection(path)))
    if error.type in _EXPECTED or error.type == "union":
        expected = error.context["expected"] if error.type == "union" else _EXPECTED[error.type]
        hint = "put it in quotes" if isinstance(value, int | float) and expected == "text" else ""
        if path[-1:] in (("expect",), ("warn",)):
            hint = "an operator and a number: {max: 0}; of a probe its values with theirs: {p95_ms: {max: 200}}"
        return fault(at, path, f"expected {expected}, found {actual}", hint)
    if error.type == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(error.context["expected"]))
        near = did_you_mean(value, allowed) if isinstance(value, str) else ""
        return fault(at, path, f"{actual} is not allowed; one of: {', '.join(allowed)}{near}")
    if error.type in _BOUNDS:
        words, key = _BOUNDS[error.type]
        return fault(at, path, f"must be {words} {error.context[key]}, found {actual}")
    if error.type == "too_short":
        least = error.context["min_length"]
        return fault(at, path, f"needs at least {least} {'entry' if least == 1 else 'entries'}")
    if error.type == "too_long":
        most, length = error.context["max_length"], error.context["actual_length"]
        return fault(at, path, f"expected {most} entries, found {length}")
    if error.type == "string_pattern_mismatch":
        return fault(at, path, f"{actual} is not a name", "lower-case letters, digits and _, a letter first")
    return fault(at, path, error.message[:1].lower() + error.message[1:])


def _keys_explained_by_typos(error: _Error, errors: Sequence[_Error], model: type[BaseModel]) -> set[str | None]:
    """Known keys that misspelt keys beside the error probably mean, so that one slip is one fault."""
    parent = error.path[:-1]
    known = _known_keys(model, parent, error.branches)
    return {nearest(str(e.path[-1]), known) for e in errors if e.type == "extra_forbidden" and e.path[:-1] == parent}


def _value_text(value: Any, *, hidden: bool) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case tuple():
            return "a list"
        case bool():
            return "true or false" if hidden else str(value).lower()
        case int() | float():
            return "a number" if hidden else str(value)
        case _:
            return "text" if hidden else f'"{value}"' if len(value) <= 60 else f'"{value[:60]}…"'


def _known_keys(model: type[BaseModel], path: Keys, branches: Sequence[tuple[int, str]]) -> list[str]:
    label = branches[-1][1] if branches else ""  # "Threshold", "dict[str,Threshold]"
    kinds: list[Any] = [model]
    for step in path:
        kinds = [inner for kind in kinds for inner in _types_at(kind, step)]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    models = [kind for kind in models if kind.__name__ in label] or models
    return [info.alias or name for kind in models for name, info in kind.model_fields.items()]


def _types_at(kind: Any, step: str | int) -> Iterator[Any]:
    """The types that a value of ``kind`` may have at ``step``, members of unions one by one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            if step in (name, info.alias):
                yield from _union_members(info.annotation)
    elif get_origin(kind) is dict:
        yield from _union_members(get_args(kind)[1])
    elif get_origin(kind) is tuple:
        yield from _union_members(get_args(kind)[0])


def _union_members(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        yield from _union_members(get_args(kind)[0])
    elif get_origin(kind) in (Union, types.UnionType):
        for member in get_args(kind):
            yield from _union_members(member)
    else:
        yield kind
