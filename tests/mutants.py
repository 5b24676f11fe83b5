"""Mutation testing: change one spot of the package at a time and see whether a test notices.

``make mutants`` measures once which tests run which line, draws a sample of mutants from each package and runs, for
each mutant, the tests that reach its line, quickest first, until one fails. All of this happens in copies of the
tree under build/mutants; results go to build/mutants/results.jsonl, one a line. Survivors that no test can tell from the original
are listed in mutants.yaml with the reason. The mutation operators are those of cosmic-ray.
"""

from __future__ import annotations

import argparse
import ast
import collections
import difflib
import hashlib
import json
import os
import queue
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path

import yaml

from tests.material import REPOSITORY

# The folders whose tests are measured for each package. Which of them run for a mutant is found by coverage, so that
# a module may move within its package without a change here.
TESTS = {
    "ledger": ("tests/ledger", "tests/layouts/test_schemas.py", "tests/gates/test_requires.py", "tests/upgrade"),
    "undo": ("tests/ledger",),
    "exportfile": (
        "tests/exportfile",
        "tests/layouts",
        "tests/run/test_files.py",
        "tests/run/test_labelled.py",
        "tests/cli/test_command_line.py",
    ),
    "grants": ("tests/grants", "tests/setup"),
    "checks": ("tests/checks", "tests/gates/test_stages.py"),
}
REQUIRED = 0.95  # killed or listed, of all mutants of a sample
ACCEPTED = Path(__file__).with_suffix(".yaml")
BUILD = REPOSITORY / "build" / "mutants"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "site", "data", ".promote", "__pycache__", ".*_cache")

# Operators of cosmic-ray whose mutants are neither the same as the original nor sure to raise an exception.
OPERATORS = re.compile(
    r"core/(AddNot|Number|ZeroIteration|Remove|Replace(True|False|And|Or|Break|Continue)"
    r"|ReplaceUnaryOperator_Delete"
    r"|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_FloorDiv|FloorDiv_Mul|BitOr_BitAnd|BitAnd_BitOr)$"
    r"|ReplaceComparisonOperator_(?!Is).*_(Eq|NotEq|Lt|LtE|Gt|GtE)$|ReplaceComparisonOperator_Is(Not)?_Is(Not)?$)"
)
KILLED, TIMEOUT, SURVIVED, UNREACHED = "killed", "timeout", "survived", "unreached"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an operator can change a module."""

    module: str  # path inside the repository
    line: int
    operator: str
    occurrence: int  # of the operator within the module, from 0


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one line."""

    package: str
    spot: Spot
    before: str  # the line as it is, without indentation
    after: str

    def __str__(self) -> str:
        return f"{self.spot.module}:{self.spot.line}: {self.before}  ->  {self.after}"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant."""

    mutant: Mutant
    outcome: str
    tests: int  # how many reach the line
    killer: str = ""  # the test that failed
    reason: str = ""  # of an accepted survivor


class Reached:
    """Which tests run which line, and how long each takes."""

    def __init__(self, folder: Path) -> None:
        self._durations = _durations(folder / "junit.xml")
        self._lines = _lines(folder / ".coverage", folder)
        self._nodes = {_key_of_node(node): node for node in (folder / "nodes.txt").read_text("utf-8").splitlines()}

    def tests_of(self, module: str, line: int, function: range | None) -> list[str]:
        """Node ids of the tests that run a line, quickest first; of the whole module for a line outside functions."""
        lines = self._lines.get(module, {})
        if function is None:
            keys = {key for tests in lines.values() for key in tests}
        else:
            keys = lines.get(line) or next(
                (lines[other] for other in range(line, function.start, -1) if lines.get(other)), set()
            )
            # a function that only runs while its module is imported: all tests of the module
            keys = keys or {key for tests in lines.values() for key in tests}
        nodes = [self._nodes[key] for key in keys if key in self._nodes]
        return sorted(nodes, key=lambda node: (self.duration(node), node))

    def duration(self, node: str) -> float:
        """Seconds that a test took without any mutant."""
        return self._durations.get(_key_of_node(node), 0.0)


def _key_of_node(node: str) -> str:
    """``path::name[parameters]``, as coverage contexts have it, without the phase."""
    return node.partition("|")[0]


def _durations(path: Path) -> dict[str, float]:
    durations: dict[str, float] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        node = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        durations[node] = float(case.get("time") or 0)
    return durations


def _lines(path: Path, root: Path) -> dict[str, dict[int, set[str]]]:
    from coverage.numbits import numbits_to_nums

    lines: dict[str, dict[int, set[str]]] = {}
    with sqlite3.connect(path) as database:
        query = (
            "select file.path, context.context, line_bits.numbits from line_bits"
            " join file on file.id = line_bits.file_id join context on context.id = line_bits.context_id"
        )
        for file, context, bits in database.execute(query):
            if context:
                module = lines.setdefault(Path(file).relative_to(root).as_posix(), {})
                for number in numbits_to_nums(bits):
                    module.setdefault(number, set()).add(_key_of_node(context))
    database.close()
    return lines


def list_spots(module: Path, root: Path) -> Iterator[Spot]:
    """Where the chosen operators can change a module, annotations and options of dataclasses left out."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    source = module.read_text("utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    unused = _unused_spots(ast.parse(source))
    for name in filter(OPERATORS.match, sorted(operator_names())):
        operator = get_operator(name)()
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, (begin, _) in enumerate(places):
            if not any(first <= begin < last for first, last in unused):
                yield Spot(module.relative_to(root).as_posix(), begin[0], name, occurrence)


def mutate(spot: Spot, source: str) -> str | None:
    """The source of a module with one change; None when nothing would change."""
    from cosmic_ray.mutating import MutationVisitor
    from cosmic_ray.plugins import get_operator

    mutated: str | None = MutationVisitor.mutate_code(source, get_operator(spot.operator)(), spot.occurrence)
    return mutated if mutated is not None and _differs(source, mutated) else None


def _differs(source: str, mutated: str) -> bool:
    try:
        return ast.dump(ast.parse(source)) != ast.dump(ast.parse(mutated))
    except SyntaxError:
        return False


def _changed_line(source: str, mutated: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(source.splitlines(), mutated.splitlines()))
    texts = ["; ".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in ("- ", "+ ")]
    return texts[0], texts[1]


def _unused_spots(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a change changes nothing: annotations and their imports, and the options of dataclasses."""
    unused: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            unused.append(node.annotation)
        elif isinstance(node, ast.FunctionDef) and node.returns:
            unused.append(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            unused.append(node.test)
        elif isinstance(node, ast.ClassDef):
            unused += [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    return [
        ((node.lineno, max(node.col_offset - 1, 0)), (node.end_lineno or node.lineno, node.end_col_offset or 0))
        for node in unused
    ]


def draw(package: str, spots: Iterable[Spot], count: int, seed: str, match: str = "") -> list[Mutant]:
    """A sample of so many lines, and one mutant of each: the same for the same seed and source."""
    lines: dict[tuple[str, int], list[Spot]] = {}
    for spot in spots:
        lines.setdefault((spot.module, spot.line), []).append(spot)
    dice = random.Random(f"{seed} {package}")
    keys = sorted(lines)
    dice.shuffle(keys)
    sample: list[Mutant] = []
    for key in keys:
        if len(sample) == count:
            break
        choices = sorted(lines[key], key=str)
        for spot in dice.sample(choices, len(choices)):
            source = (REPOSITORY / spot.module).read_text("utf-8")
            mutated = mutate(spot, source)
            if mutated is None:
                continue
            mutant = Mutant(package, spot, *_changed_line(source, mutated))
            if re.search(match, str(mutant)):
                sample.append(mutant)
                break
    return sample


@cache
def _functions(path: Path) -> list[range]:
    tree = ast.parse(path.read_text("utf-8"))
    return [
        range(node.body[0].lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]


def run_mutant(mutant: Mutant, reached: Reached, tree: Path, seconds: float) -> Result:
    """Write a mutant into a copy of the tree, run its tests there, and put the module back.

    They get ``seconds``, and three times what they took without a mutant.
    """
    spot = mutant.spot
    path = tree / spot.module
    function = next((lines for lines in reversed(_functions(REPOSITORY / spot.module)) if spot.line in lines), None)
    tests = reached.tests_of(spot.module, spot.line, function)
    if not tests:
        return Result(mutant, UNREACHED, 0)
    source = path.read_text("utf-8")
    mutated = mutate(spot, source)
    assert mutated is not None, mutant
    path.write_text(mutated, "utf-8")
    try:
        limit = seconds + 3 * sum(map(reached.duration, tests))
        code, output = _pytest(tree, ["-x", *_arguments(tree, tests)], limit)
    finally:
        path.write_text(source, "utf-8")
    killer = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.M)
    if code not in (0, None) and not killer and "ImportError" not in output:
        raise RuntimeError(f"{mutant}: pytest ended with {code}\n{output[-3000:]}")
    outcome = {0: SURVIVED, None: TIMEOUT}.get(code, KILLED)
    return Result(mutant, outcome, len(tests), killer[1] if killer else "")


def _arguments(tree: Path, tests: list[str]) -> list[str]:
    """Node ids in a file, as there may be more than a command line takes."""
    file = tree / "arguments.txt"
    file.write_text("\n".join(tests) + "\n", "utf-8")
    return [f"@{file.name}"]


def _pytest(tree: Path, arguments: list[str], seconds: float | None = None) -> tuple[int | None, str]:
    """The exit code of pytest in a copy of the tree, None when the time is over; and what it printed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not soak", "--tb=line"]
    env = {**os.environ, "PYTHONPATH": str(tree)}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            [*command, *arguments], cwd=tree, env=env, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        if code is None:
            os.killpg(process.pid, signal.SIGINT)  # the server of the session is stopped
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        return code, output.read()


def copy_tree(target: Path) -> Path:
    """A copy of the repository as it is in the working folder."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(REPOSITORY, target, ignore=LEFT_OUT)
    shutil.copytree(REPOSITORY / "tests" / "data", target / "tests" / "data")
    return target


def _digest() -> str:
    digest = hashlib.sha256()
    for folder in ("minerva_promote", "tests"):
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and path not in (Path(__file__), ACCEPTED):
                digest.update(str(path.relative_to(REPOSITORY)).encode() + path.read_bytes())
    return digest.hexdigest()


def measure(packages: Iterable[str], jobs: int) -> Reached:
    """Run the tests of all packages once with coverage, or use the measurement of the same sources."""
    folder = BUILD / "measured"
    mark = folder / "digest.txt"
    wanted = f"{_digest()} {' '.join(sorted(packages))}"
    if not mark.is_file() or mark.read_text("utf-8") != wanted:
        copy_tree(folder)
        tests = tests_to_measure(packages)
        _pytest_lists(folder, tests)
        print(f"measuring which tests run which line: {', '.join(tests)}", flush=True)
        coverage = [f"--cov=minerva_promote.{package}" for package in packages]
        code, output = _pytest(
            folder,
            [
                *("-n", str(jobs), "--cov-config=/dev/null", "--cov-context=test", "--cov-report="),
                *("--junitxml=junit.xml", *coverage, *tests),
            ],
        )
        if code != 0:
            raise SystemExit(f"the tests fail without any mutant:\n{output[-3000:]}")
        mark.write_text(wanted, "utf-8")
    return Reached(folder)


def tests_to_measure(packages: Iterable[str]) -> list[str]:
    """The test folders and files to measure for these packages; raises SystemExit for one that does not exist."""
    tests = sorted({test for package in packages for test in TESTS[package]})
    if missing := [test for test in tests if not (REPOSITORY / test).exists()]:
        raise SystemExit(f"TESTS of tests/mutants.py names what does not exist: {', '.join(missing)}")
    return tests


def _pytest_lists(folder: Path, tests: list[str]) -> None:
    """Keep the node ids of all tests, for the argument files."""
    listing = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", "not soak", *tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    nodes = [line for line in listing.stdout.splitlines() if "::" in line]
    (folder / "nodes.txt").write_text("\n".join(nodes) + "\n", "utf-8")


def accepted() -> dict[tuple[str, str, str], str]:
    """Why a survivor is no gap in the tests, by module, line and mutated line."""
    entries: list[Mapping[str, str]] = yaml.safe_load(ACCEPTED.read_text("utf-8")) or []
    return {(entry["module"], entry["before"], entry["after"]): entry["reason"] for entry in entries}


def report(results: list[Result]) -> bool:
    """Print the survivors and the rates; whether enough were killed and the rest is listed."""
    unlisted = [result for result in results if result.outcome in (SURVIVED, UNREACHED) and not result.reason]
    for result in results:
        if result.outcome in (SURVIVED, UNREACHED):
            print(f"{result.outcome}{' (accepted)' if result.reason else ''}: {result.mutant}")
    print(f"{'package':<12}{'mutants':>8}{'killed':>8}{'timeout':>8}{'listed':>8}{'survived':>9}")
    packages = [*dict.fromkeys(result.mutant.package for result in results)]
    for package in [*packages, ""]:
        chosen = [result for result in results if package in ("", result.mutant.package)]
        counts = collections.Counter(result.outcome for result in chosen)
        listed = sum(1 for result in chosen if result.reason)
        survived = sum(1 for result in unlisted if result in chosen)
        print(f"{package or 'all':<12}{len(chosen):>8}{counts[KILLED]:>8}{counts[TIMEOUT]:>8}{listed:>8}{survived:>9}")
    rate = 1 - len(unlisted) / len(results)
    killed = sum(1 for result in results if result.outcome in (KILLED, TIMEOUT)) / len(results)
    print(f"killed: {killed:.1%}; killed or listed: {rate:.1%}, at least {REQUIRED:.0%} required")
    return rate >= REQUIRED


def main(arguments: list[str] | None = None) -> int:
    """Measure, draw, run, report; 0 when enough mutants were killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=20, metavar="N", help="mutants of each package (20)")
    parser.add_argument("--seed", default="1", help="another seed draws other mutants (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="mutants at a time")
    parser.add_argument(
        "--timeout",
        type=float,
        default=120,
        metavar="SECONDS",
        help="for the tests of one mutant, beyond three times what they took without it (120)",
    )
    parser.add_argument("--match", default="", metavar="REGEX", help="only mutants whose module, line and change match")
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(TESTS)}; all without one")
    options = parser.parse_args(arguments)
    packages = options.packages or list(TESTS)
    if unknown := set(packages) - set(TESTS):
        parser.error(f"no such package: {', '.join(sorted(unknown))}")
    reached = measure(packages, options.jobs)
    samples: list[list[Mutant]] = []
    for package in packages:
        modules = sorted((REPOSITORY / "minerva_promote" / package).rglob("*.py"))
        spots = [spot for module in modules for spot in list_spots(module, REPOSITORY)]
        print(f"{package}: {len(spots)} possible mutants", flush=True)
        samples.append(draw(package, spots, options.sample, options.seed, options.match))
    in_turn = [mutant for group in zip_longest(*samples) for mutant in group if mutant is not None]
    results = _run_all(in_turn, reached, options.jobs, options.timeout)
    return 0 if report(results) else 1


def _run_all(sample: list[Mutant], reached: Reached, jobs: int, seconds: float) -> list[Result]:
    reasons = accepted()
    trees: queue.Queue[Path] = queue.Queue()
    writing = threading.Lock()
    (BUILD / "results.jsonl").unlink(missing_ok=True)
    for number in range(jobs):
        trees.put(copy_tree(BUILD / f"tree{number}"))

    def run(mutant: Mutant) -> Result:
        tree = trees.get()
        try:
            result = run_mutant(mutant, reached, tree, seconds)
        finally:
            trees.put(tree)
        if result.outcome in (SURVIVED, UNREACHED):
            reason = reasons.get((mutant.spot.module, mutant.before, mutant.after), "")
            result = Result(mutant, result.outcome, result.tests, reason=reason)
        print(f"{result.outcome:<10}{mutant}  [{result.tests} tests; {result.killer}]", flush=True)
        with writing, (BUILD / "results.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(run, sample))


if __name__ == "__main__":
    sys.exit(main())
