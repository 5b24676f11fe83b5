"""Which package may import which, so that the structure cannot rot: docs/explanation/design.md explains the table."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import minerva_promote

PACKAGE = Path(minerva_promote.__file__).parent
NAME = minerva_promote.__name__

# Modules that every package may use, and what each of them may use.
GROUND = {
    "errors": "",
    "results": "errors",
    "text_format": "",
    "signals": "errors commit_log",
    "progress": "results",
    "commit_log": "",
    "sql_parser": "",
}
# What a package may use besides the ground modules and config.
PACKAGES = {
    "config": "",
    "sqltext": "",
    "exportfile": "",
    "database": "",
    "report": "",
    "project_init": "",
    "ledger": "database",
    "search": "database sqltext",
    "embedding": "database exportfile",
    "load": "database exportfile ledger",
    "undo": "database exportfile ledger",
    "checks": "database exportfile search sqltext",
    "grants": "database ledger",
    "migrations": "database ledger search",
    "schema_diff": "database migrations search",
    "setup": "database grants ledger migrations search",
    "index_health": "checks database migrations search sqltext",
    "preflight": "database exportfile grants ledger schema_diff",
}
EVERYTHING = ("promotion", "cli")  # these put the others together; nobody imports cli, and only cli imports promotion


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name below the package; a package by its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """The modules of the package that a module imports: at its top, inside functions, and for type checking."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name[len(NAME) + 1 :] for name in node.names if name.name.startswith(f"{NAME}."))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            base = node.module
            if base != NAME and not base.startswith(f"{NAME}."):
                continue
            for name in node.names:
                full = f"{base}.{name.name}"[len(NAME) + 1 :]
                yield full if full in modules() else base[len(NAME) + 1 :]


@cache
def graph() -> dict[str, frozenset[str]]:
    """Module -> the modules that it imports."""
    return {name: frozenset(filter(None, imports(path))) - {name} for name, path in modules().items()}


def allowed(package: str) -> set[str]:
    """The packages and ground modules that a package may import, itself among them."""
    if package in GROUND:
        return {package, *GROUND[package].split()}
    if package in PACKAGES:
        return {package, "config", *GROUND, *PACKAGES[package].split()}
    return {package, "config", *GROUND, *PACKAGES, *(("promotion",) if package == "cli" else ())}


def test_the_table_knows_every_package() -> None:
    known = {*GROUND, *PACKAGES, *EVERYTHING, "", "__main__"}
    assert {name.partition(".")[0] for name in modules()} == known


@pytest.mark.parametrize("name", [name for name in modules() if name not in ("", "__main__")])
def test_imports_point_down(name: str) -> None:
    assert {imported.partition(".")[0] for imported in graph()[name]} <= allowed(name.partition(".")[0])


def circles() -> list[set[str]]:
    """Sets of modules that import one another, directly or not (Tarjan's algorithm)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    result = []

    def visit(name: str) -> None:
        numbers[name] = lowest[name] = len(numbers)
        stack.append(name)
        for imported in graph().get(name, ()):
            if imported not in numbers:
                visit(imported)
                lowest[name] = min(lowest[name], lowest[imported])
            elif imported in stack:
                lowest[name] = min(lowest[name], numbers[imported])
        if lowest[name] == numbers[name]:
            members = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(members) > 1:
                result.append(members)

    for name in graph():
        if name not in numbers:
            visit(name)
    return result


def test_no_modules_import_one_another() -> None:
    assert circles() == []


def test_nobody_but_the_database_package_catches_driver_errors() -> None:
    outside = [path for path in PACKAGE.rglob("*.py") if "database" not in path.relative_to(PACKAGE).parts]
    assert [path for path in outside if "psycopg.Error" in path.read_text()] == []


def test_one_module_knows_the_binding_of_the_parser() -> None:
    importing = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.split(".")[0] in ("postgast", "google", "pglast")
    }
    assert importing == {"sql_parser.py"}


def test_nothing_below_the_command_line_prints_or_exits() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in ("cli", "__main__.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("print", "sys.exit", "exit"), f"{path}: {called}"


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(PACKAGE)): count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 300
    }
    assert long == {}
