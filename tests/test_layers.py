"""Which layer may import which: the house of the design, so that it cannot rot."""

import ast
from pathlib import Path

import pytest

import minerva_promote

PACKAGE = Path(minerva_promote.__file__).parent
GROUND = "errors words commit_log signals"
BASE = f"{GROUND} results config sql_parser"
DATA = f"{BASE} exportfile templates database"
WORK = f"{DATA} load checks grants schema ledger vectors"
ALLOWED = {
    "__init__": "",
    "__main__": "cli",
    "errors": "",
    "words": "",
    "sql_parser": "",
    "commit_log": "",
    "signals": "errors commit_log",
    "results": "errors",
    "config": f"{GROUND} results",
    "exportfile": BASE,
    "templates": BASE,
    "database": f"{BASE} exportfile",
    **dict.fromkeys(("load", "checks", "grants", "schema", "ledger", "vectors"), WORK),
    "plan": BASE,
    "engine": f"{WORK} plan",
    "report": "errors words results",
    "cli": f"{WORK} plan engine report __init__",
}


def imported_layers(path: Path) -> set[str]:
    """The layers of this package that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            deep = [f"{node.module}.{alias.name}" for alias in node.names]
            names = deep if node.module == "minerva_promote" else [node.module]
        for name in names:
            parts = name.split(".")
            if parts[0] == "minerva_promote" and len(parts) > 1:
                found.add("__init__" if parts[1].startswith("__") else parts[1])
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert imported_layers(path) <= {layer, "__init__", *ALLOWED[layer].split()}


def test_nobody_but_the_database_layer_catches_driver_errors() -> None:
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
        str(path.relative_to(PACKAGE)): n
        for path in PACKAGE.rglob("*.py")
        if (n := len(path.read_text().splitlines())) > 300
    }
    assert long == {}
