"""Settings that weaken what is checked, or change who a session is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import listed, quoted
from minerva_promote.grants.grant_sql import parameter, parts_of, setting
from minerva_promote.grants.model import ATTRIBUTES, PUBLIC, Drift

Test = Callable[[str], bool]  # of a setting's value


def _on(value: str) -> bool:
    word = value.strip().lower()
    return word in ("on", "1") or (word != "" and ("true".startswith(word) or "yes".startswith(word)))


def _off(value: str) -> bool:
    word = value.strip().lower()
    return word in ("off", "of", "0") or (word != "" and ("false".startswith(word) or "no".startswith(word)))


def _somebody(value: str) -> bool:
    return value.strip().lower() not in ("", "none", "default")


LOADED = "code of that library runs in every session, before its first statement"
WEAK: Mapping[str, tuple[Test, str]] = {
    "allow_system_table_mods": (_on, "the server's own tables may be changed"),
    "backslash_quote": (_on, "\\' ends no string: where quotes are escaped by hand, text becomes SQL"),
    "dynamic_library_path": (lambda value: value.strip() != "$libdir", "libraries are loaded from another folder"),
    "event_triggers": (_off, "no event trigger runs: what they guard is unguarded"),
    "ignore_checksum_failure": (_on, "damaged pages are read as if they were whole"),
    "ignore_invalid_pages": (_on, "after a crash, changes to damaged pages are skipped"),
    "ignore_system_indexes": (_on, "the server's own indexes are not read"),
    "lo_compat_privileges": (_on, "no privilege is asked for large objects: every role reads and writes them all"),
    "local_preload_libraries": (_somebody, LOADED),
    "role": (_somebody, "every session starts as that role, with its rights"),
    "session_authorization": (_somebody, "every session starts as that role, with its rights"),
    "session_preload_libraries": (_somebody, LOADED),
    "session_replication_role": (
        lambda value: value.strip().lower() != "origin",
        "foreign keys and ordinary triggers do not run",
    ),
    "standard_conforming_strings": (_off, "a backslash ends no string: text that another parser finds harmless is SQL"),
    "synchronous_commit": (_off, "a COMMIT that was answered can be lost in a crash"),
    "transform_null_equals": (_on, "= NULL is read as IS NULL: conditions mean something else"),
    "zero_damaged_pages": (_on, "damaged pages are emptied, and their rows are gone"),
}
LOADING = ("dynamic_library_path", "local_preload_libraries", "session_preload_libraries")  # ordinary of a whole server


def is_weak(name: str, value: str) -> str:
    """Why a role's setting weakens checks or changes who it is; empty when it does not."""
    if name.lower() == "search_path":
        parts = _schemas(value)
        late = "pg_catalog" in parts[1:]
        return (
            f"names are looked up in {parts[0]} before the server's own: functions there stand in for them"
            if late
            else ""
        )
    test, why = WEAK.get(name.lower(), (None, ""))
    return why if test is not None and test(value) else ""


def setting_drift(standing: EffectivePrivileges) -> Iterator[Drift]:
    """Weak settings of the roles, in this database and everywhere, and of the database and the server."""
    live = standing.live
    for role in standing.roles:
        declared = standing.settings.get(role, {})
        for name, value in sorted(live.roles[role].settings.items()):
            why = is_weak(name, value)
            if why and name not in declared:  # a declared one of another value is set anyway
                yield _drift(role, name, value, "", why, setting(role, live.database, name, None))
        for name, value in sorted(live.roles[role].settings_everywhere.items()):
            if why := is_weak(name, value) or _writable(standing, name, value, role):
                statement = f"ALTER ROLE {quoted(role)} RESET {parameter(name)}"
                yield _drift(role, name, value, " in every database", why, statement)
    yield from _of_all(standing)


def _of_all(standing: EffectivePrivileges) -> Iterator[Drift]:
    for each in (
        sorted(standing.live.settings, key=lambda each: (each.name, each.of_database)) if standing.roles else ()
    ):
        why = is_weak(each.name, each.value) or _writable(standing, each.name, each.value, "")
        if not why or (each.name in LOADING and not each.of_database):
            continue
        role = standing.roles[0]
        if each.of_database:
            statement = f"ALTER DATABASE {quoted(standing.live.database)} RESET {parameter(each.name)}"
            yield _drift(role, each.name, each.value, f" of database {standing.live.database}", why, statement)
            continue
        statement = f"ALTER ROLE ALL RESET {parameter(each.name)}"
        help_ = "it holds for every role and database: run it yourself, or take it out of postgresql.conf"
        yield _drift(role, each.name, each.value, " of every role", why, statement, help_)


def _writable(standing: EffectivePrivileges, name: str, value: str, role: str) -> str:
    """Why a search_path is no safe one: others may make objects where names are looked up."""
    if name.lower() != "search_path":
        return ""
    for schema in _schemas(value):
        creators = [each for each in standing.creators(schema) if each != role]
        if creators:
            who = listed("every role" if each == PUBLIC else each for each in creators)
            return f"names are looked up in schema {schema}, where {who} may make objects of the same name"
    return ""


def _schemas(value: str) -> tuple[str, ...]:
    return tuple(part for part in parts_of("search_path", value) if part)


def _drift(role: str, name: str, value: str, where: str, why: str, statement: str, help_: str = "") -> Drift:
    what = f"setting {name}{where}"
    return Drift(
        "weak-setting",
        role,
        what,
        f"is {value}: {why}",
        (statement,),
        help=help_,
        automatic=not help_,
        phase=ATTRIBUTES,
    )
