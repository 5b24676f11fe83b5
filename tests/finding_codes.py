"""The codes of findings and of drift that the package can report, read from its source.

A code is what is given for the parameter (or the field) ``code`` of any function or class of the package, as a constant;
a name that is bound to constants in the same module counts as these. Codes of drift are config/drift_codes.py's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from minerva_promote.config.drift_codes import CODES
from tests.material import REPOSITORY

PACKAGE = REPOSITORY / "minerva_promote"
CALLBACKS = {("exportfile", "_report"): 0}  # what is called with a code under another name
CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def codes_of_the_package() -> dict[str, set[str]]:
    """Each code, and the modules that report it."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    places: dict[tuple[str, str], int] = dict(CALLBACKS)
    for path, tree in trees.items():
        for name, place in _parameters(tree):
            places[_package(path) if name != "Finding" else "", name] = place
    codes: dict[str, set[str]] = {}
    for path, tree in trees.items():
        constants = dict(_constants(tree))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            for code in _codes(call, _package(path), places, constants):
                codes.setdefault(code, set()).add(_module(path))
    for code in CODES:
        codes.setdefault(code, set()).add("config.drift_codes")
    return codes


def _package(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def _parameters(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions and classes that have ``code``, and at which place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = _arguments(node)
        elif isinstance(node, ast.ClassDef):
            creators = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
            fields = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
            names = _arguments(creators[0]) if creators else [item.id for item in fields if isinstance(item, ast.Name)]
        else:
            continue
        if "code" in names:
            yield node.name, names.index("code")


def _arguments(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")]


def _constants(tree: ast.Module) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names, and the strings that they are bound to somewhere in the module."""
    bound: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _bind(target, node.value, bound)
        elif isinstance(node, ast.For):
            for value in getattr(node.iter, "elts", []):
                _bind(node.target, value, bound)
    yield from ((name, tuple(values)) for name, values in bound.items())


def _bind(target: ast.expr, value: ast.expr, bound: dict[str, list[str]]) -> None:
    if isinstance(target, ast.Name):
        bound.setdefault(target.id, []).extend(_strings(value, {}))
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for part, item in zip(target.elts, value.elts, strict=False):
            _bind(part, item, bound)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
        _bind(target, value.body, bound)
        _bind(target, value.orelse, bound)


def _codes(
    call: ast.Call, package: str, places: dict[tuple[str, str], int], constants: dict[str, tuple[str, ...]]
) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    arguments = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    place = places.get((package, name), places.get(("", name)))
    if place is not None and len(call.args) > max(place, 1):  # a code never comes alone
        arguments.append(call.args[place])
    for argument in arguments:
        yield from (text for text in _strings(argument, constants) if CODE.fullmatch(text))


def _strings(value: ast.expr, constants: dict[str, tuple[str, ...]]) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _strings(value.body, constants)
        yield from _strings(value.orelse, constants)
    elif isinstance(value, ast.Name):
        yield from constants.get(value.id, ())
