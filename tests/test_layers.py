"""Which package may import which, so that the structure cannot rot: docs/explanation/design.md explains the table."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import minerva_promote

PACKAGE = Path(minerva_promote.__file__).parent
NAME = minerva_promote.__name__

# Modules that every package may use, and which of them they may use themselves.
GROUND = {
    "errors": "",
    "results": "errors",
    "text_format": "",
    "signals": "errors commit_log",  # an interrupted command reports what it has committed
    "progress": "results",
    "commit_log": "",  # changes that outlast the command: commits, files, the embedded server
    "sql_parser": "",  # the binding of PostgreSQL's parser, which exportfile, sqltext, migrations and schema_diff use
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
    "schema_diff": "database migrations search",  # search: indexes that `promote index --apply` built are no drift
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
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            base = node.module or ""
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


def circles(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Sets of names that lead to one another, directly or not (Tarjan's algorithm)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    result = []

    def visit(name: str) -> None:
        numbers[name] = lowest[name] = len(numbers)
        stack.append(name)
        for imported in graph.get(name, ()):
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

    for name in graph:
        if name not in numbers:
            visit(name)
    return result


def test_no_modules_import_one_another() -> None:
    assert circles(graph()) == []


def test_no_packages_import_one_another() -> None:
    packages: dict[str, set[str]] = {}
    for name, imported in graph().items():
        package = name.partition(".")[0]
        packages.setdefault(package, set()).update({other.partition(".")[0] for other in imported} - {package})
    assert circles(packages) == []


def test_circles_are_found() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["b"], "d": ["a"]}) == [{"b", "c"}]
    assert circles({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def assigned(function: ast.AST) -> set[str]:
    """The attributes that a function assigns on self, dunder names left out."""
    return {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and not node.attr.startswith("__")
    }


def declared(kind: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> set[str]:
    """The attributes that a class or a class it inherits from has: in its body, by a setter, or from __init__."""
    names: set[str] = set()
    for node in kind.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            names |= assigned(node) if node.name == "__init__" else set()
            names |= (
                {node.name} if any(ast.unparse(item).endswith(".setter") for item in node.decorator_list) else set()
            )
    for base in kind.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            names |= declared(classes[base.id], classes)
    return names


def late_attributes(trees: Mapping[str, ast.Module]) -> list[str]:
    """Attributes that come into being outside __init__: "module: Class.attribute in method"."""
    everywhere = {node.name: node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)}
    return sorted(
        f"{module}: {kind.name}.{name} in {method.name}"
        for module, tree in trees.items()
        for kind in ast.walk(tree)
        if isinstance(kind, ast.ClassDef)
        for method in kind.body
        if isinstance(method, ast.FunctionDef) and method.name != "__init__"
        for name in assigned(method)
        - declared(kind, everywhere | {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)})
    )


def test_no_attribute_is_born_outside_init() -> None:
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in modules().items()}
    assert late_attributes(trees) == []


def test_late_attributes_are_found() -> None:
    text = """
class Base:
    kept: int
    def __init__(self): self.first = 1
class Derived(Base):
    other = 0
    def run(self):
        self.kept = self.first = self.other = 2
        self.late, [self.later] = 1, [2]
        self.late += 1
"""
    assert late_attributes({"m": ast.parse(text)}) == ["m: Derived.late in run", "m: Derived.later in run"]


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


STORY = 40  # lines of a test at most


@pytest.mark.parametrize("file", sorted(Path(__file__).parent.rglob("test_*.py")), ids=lambda path: path.stem)
def test_no_test_is_a_long_story(file: Path) -> None:
    functions = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    long = [f.name for f in functions if f.name.startswith("test_") and (f.end_lineno or 0) - f.lineno >= STORY]
    assert not long, "split it into named steps or smaller tests"
