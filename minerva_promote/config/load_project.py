"""promote.yaml and checks/ to a Project; all faults of all files are raised together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from minerva_promote.config.allowed_differences import read_allowances
from minerva_promote.config.contract_version import version_faults, with_version_defaults
from minerva_promote.config.files import is_present
from minerva_promote.config.model_validation import raise_all, validate
from minerva_promote.config.models.project import ChecksFile, Contract, LocatedCheck, ProjectFile
from minerva_promote.config.project import Project
from minerva_promote.config.rules.checks import check_faults, name_faults
from minerva_promote.config.rules.contract import contract_faults, extension_faults
from minerva_promote.config.rules.searches import read_searches
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.config.snapshot_file import read_snapshot
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.table_names import table_name_faults, with_stored_names
from minerva_promote.config.variables import Redactor, fill, unknown_variable
from minerva_promote.config.yaml_source import Keys, Source, read_source
from minerva_promote.errors import ConfigError, Location, UsageError

PROJECT_FILE = "promote.yaml"

_ENVIRONMENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def find_root(start: Path) -> Path:
    """The nearest folder with a promote.yaml, from ``start`` (a folder, or that file) upwards."""
    start = start.absolute()
    if not start.exists():
        raise UsageError(f"no such folder: {start}")
    for folder in (start if start.is_dir() else start.parent, *start.parents):
        file = folder / PROJECT_FILE
        if is_present(file) and not file.is_dir():  # read_bounded refuses anything but a regular file
            return folder
    hint = "change into a project, name one with --project FOLDER, or make one with promote init FOLDER"
    raise UsageError(f"no {PROJECT_FILE} in {start} or above it", hint=hint)


def load_project(start: Path, overrides: Mapping[str, str] = MappingProxyType({}), *, recorded: bool = True) -> Project:
    """The project around ``start``; ``overrides`` are the variables given on the command line.

    Without ``recorded`` the contract is not checked against its snapshot file, which is about to be overwritten.

    Raises ConfigErrors with every fault of every file, and UsageError for an override that does not fit.
    """
    root = find_root(start)
    faults: list[ConfigError] = []
    source = read_source(root / PROJECT_FILE, PROJECT_FILE)
    if source.values is None:  # the other files cannot be checked without it
        raise_all(source.faults)
    variables = _variables(source, overrides)
    filled = _fill(source, variables, faults, inside=("contract",))
    file = validate(ProjectFile, filled, faults)
    environments = _environment_names(root / "environments", faults)
    contract, snapshot = None, None
    if file is not None:
        contract = with_version_defaults(_without_unused_defaults(file.contract, source), source, file.version)
        faults += version_faults(contract, source, file.version)
        snapshot = _snapshot(root, contract, variables, faults) if recorded else None
        faults += table_name_faults(contract, source, file.version)
        faults += contract_faults(contract, source, snapshot, file.version)
        contract = with_stored_names(contract)
        faults += extension_faults(file.extensions, source)
    searches = read_searches(root, file.searches if file else {}, source, faults)
    allowances = read_allowances(file.allowed_differences if file else (), source, environments, faults)
    tables = (contract.tables if contract else source.value(("contract", "tables"))) or ()
    checks = _checks(root, variables, tables if isinstance(tables, Mapping) else (), environments, faults)
    raise_all(faults)
    assert file is not None
    assert contract is not None
    return Project(
        root=root,
        name=file.project,
        variables=MappingProxyType(variables),
        contract=contract,
        checks=checks,
        templates=root / "templates",
        migrations=None if file.migrations is None else root / file.migrations,
        environment_names=environments,
        redactor=Redactor(filter(None, [os.environ.get("PGPASSWORD")])),
        searches=searches,
        allowances=allowances,
        extensions=MappingProxyType(file.extensions),
        recorded=snapshot,
    )


def _variables(source: Source, overrides: Mapping[str, str]) -> dict[str, int | str]:
    declared = source.value(("variables",))
    variables: dict[str, int | str] = {}
    if isinstance(declared, dict):
        variables = {k: v for k, v in declared.items() if isinstance(v, int | str) and not isinstance(v, bool)}
    if source.values is None:
        return variables
    for name, text in overrides.items():
        if name not in variables:
            near = did_you_mean(name, variables)
            raise UsageError(f'no variable "{name}"{near}', hint=f"variables of {PROJECT_FILE}: {listing(variables)}")
        if isinstance(variables[name], str):
            variables[name] = text
        elif re.fullmatch(r"-?[0-9]{1,18}", text):
            variables[name] = int(text)
        else:
            raise UsageError(f'variable {name} is a whole number, found "{text}"')
    return variables


def _fill(source: Source, variables: Mapping[str, int | str], faults: list[ConfigError], inside: Keys) -> Source:
    def where(path: Keys) -> bool:
        return path[: len(inside)] == inside and path[-1] != "sql"  # ${ in SQL is PostgreSQL's business

    return fill(source, variables.get, unknown_variable(variables), faults=faults, where=where)


def _without_unused_defaults(contract: Contract, source: Source) -> Contract:
    """The contract without the default header counts of tables that it does not have."""
    if source.value(("contract", "header_counts")) is not None:
        return contract
    counts = {title: table for title, table in contract.header_counts.items() if table in contract.tables}
    return contract.model_copy(update={"header_counts": counts})


def _snapshot(
    root: Path, contract: Contract, variables: Mapping[str, int | str], faults: list[ConfigError]
) -> Snapshot | None:
    """The recorded columns; None where there is no such file: what needs them reads them from a target, or says so."""
    if not is_present(root / contract.snapshot):
        return None
    try:
        return read_snapshot(root / contract.snapshot, variables, contract.snapshot)
    except ConfigError as error:
        faults.append(error)
        return None


def _environment_names(folder: Path, faults: list[ConfigError]) -> tuple[str, ...]:
    names = []
    for _, file in _yaml_files(folder, faults):
        if _ENVIRONMENT_NAME.fullmatch(name := file.removeprefix("environments/").removesuffix(".yaml")):
            names.append(name)
        else:
            hint = "lower-case letters, digits, - and _: environments/NAME.yaml"
            faults.append(ConfigError("not the name of an environment", at=Location(file), hint=hint))
    return tuple(names)


def _yaml_files(folder: Path, faults: list[ConfigError]) -> list[tuple[Path, str]]:
    """The *.yaml files below a folder and their names in messages; *.yml is a fault, as it is not read."""
    for path in sorted(folder.rglob("*.yml")):
        at = Location(path.relative_to(folder.parent).as_posix())
        faults.append(ConfigError("files ending in .yml are not read", at=at, hint=f"name it {path.stem}.yaml"))
    return [(path, path.relative_to(folder.parent).as_posix()) for path in sorted(folder.rglob("*.yaml"))]


def _checks(
    root: Path,
    variables: Mapping[str, int | str],
    tables: Mapping[str, object] | tuple[()],
    environments: tuple[str, ...],
    faults: list[ConfigError],
) -> tuple[LocatedCheck, ...]:
    checks: list[LocatedCheck] = []
    for path, file_name in _yaml_files(root / "checks", faults):
        source = _fill(read_source(path, file_name), variables, faults, inside=())
        file = validate(ChecksFile, source, faults)
        for number, check in enumerate(file.checks if file else ()):
            at = ("checks", number)
            faults += check_faults(
                check, at, source, templates=root / "templates", tables=tables, environments=environments
            )
            checks.append(LocatedCheck(check=check, at=source.at(at)))
    faults += name_faults(checks)
    return tuple(checks)
