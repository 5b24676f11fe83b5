"""Settings that weaken the server's checks, or change the role of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges
from minerva_promote.grants.escalation.phrases import join_words, quote_name
from minerva_promote.grants.grant_sql import alter_role_setting, quote_parameter, setting_parts
from minerva_promote.grants.model import PUBLIC, Drift, Phase

Test = Callable[[str], bool]  # of a setting's value


def _on(value: str) -> bool:
    word = value.strip().lower()
    return word in ("on", "1") or (word != "" and ("true".startswith(word) or "yes".startswith(word)))


def _off(value: str) -> bool:
    word = value.strip().lower()
    return word in ("off", "of", "0") or (word != "" and ("false".startswith(word) or "no".startswith(word)))


def _is_set(value: str) -> bool:
    return value.strip().lower() not in ("", "none", "default")


LIBRARY_LOADED = "code of that library runs in every session, before its first statement"
WEAK_SETTINGS: Mapping[str, tuple[Test, str]] = {
    "allow_system_table_mods": (_on, "the server's own tables may be changed"),
    "backslash_quote": (_on, "\\' ends no string: where quotes are escaped by hand, text becomes SQL"),
    "dynamic_library_path": (lambda value: value.strip() != "$libdir", "libraries are loaded from another folder"),
    "event_triggers": (_off, "no event trigger runs: what they guard is unguarded"),
    "ignore_checksum_failure": (_on, "damaged pages are read as if they were whole"),
    "ignore_invalid_pages": (_on, "after a crash, changes to damaged pages are skipped"),
    "ignore_system_indexes": (_on, "the server's own indexes are not read"),
    "lo_compat_privileges": (_on, "no privilege is asked for large objects: every role reads and writes them all"),
    "local_preload_libraries": (_is_set, LIBRARY_LOADED),
    "role": (_is_set, "every session starts as that role, with its rights"),
    "session_authorization": (_is_set, "every session starts as that role, with its rights"),
    "session_preload_libraries": (_is_set, LIBRARY_LOADED),
    "session_replication_role": (
        lambda value: value.strip().lower() != "origin",
        "foreign keys and ordinary triggers do not run",
    ),
    "standard_conforming_strings": (_off, "a backslash ends no string: text that another parser finds harmless is SQL"),
    "synchronous_commit": (_off, "a COMMIT that was answered can be lost in a crash"),
    "transform_null_equals": (_on, "= NULL is read as IS NULL: conditions mean something else"),
    "zero_damaged_pages": (_on, "damaged pages are emptied, and their rows are gone"),
}
LIBRARY_SETTINGS = (
    "dynamic_library_path",
    "local_preload_libraries",
    "session_preload_libraries",
)  # common as settings of the whole server


def setting_weakness(name: str, value: str) -> str:
    """Why a setting weakens checks or changes the role of a session; "" when it does not."""
    if name.lower() == "search_path":
        parts = _schemas(value)
        is_late = "pg_catalog" in parts[1:]
        return (
            f"names are looked up in {parts[0]} before the server's own: functions there stand in for them"
            if is_late
            else ""
        )
    is_weak, reason = WEAK_SETTINGS.get(name.lower(), (None, ""))
    return reason if is_weak is not None and is_weak(value) else ""


def find_setting_drift(effective: EffectivePrivileges) -> Iterator[Drift]:
    """Weak settings of the roles, in this database and in all, and those of the database and the server."""
    live = effective.live
    for role in effective.roles:
        declared = effective.settings.get(role, {})
        for name, value in sorted(live.roles[role].settings.items()):
            reason = setting_weakness(name, value)
            if reason and name not in declared:  # a declared setting with another value is drift of its own
                yield _drift(role, name, value, "", reason, alter_role_setting(role, live.database, name, None))
        for name, value in sorted(live.roles[role].settings_everywhere.items()):
            if reason := setting_weakness(name, value) or _writable_schema(effective, name, value, role):
                statement = f"ALTER ROLE {quote_name(role)} RESET {quote_parameter(name)}"
                yield _drift(role, name, value, " in every database", reason, statement)
    yield from _shared_settings(effective)


def _shared_settings(effective: EffectivePrivileges) -> Iterator[Drift]:
    for server_setting in (
        sorted(effective.live.settings, key=lambda server_setting: (server_setting.name, server_setting.of_database))
        if effective.roles
        else ()
    ):
        reason = setting_weakness(server_setting.name, server_setting.value) or _writable_schema(
            effective, server_setting.name, server_setting.value, ""
        )
        if not reason or (server_setting.name in LIBRARY_SETTINGS and not server_setting.of_database):
            continue
        role = effective.roles[0]
        if server_setting.of_database:
            statement = (
                f"ALTER DATABASE {quote_name(effective.live.database)} RESET {quote_parameter(server_setting.name)}"
            )
            yield _drift(
                role,
                server_setting.name,
                server_setting.value,
                f" of database {effective.live.database}",
                reason,
                statement,
            )
            continue
        statement = f"ALTER ROLE ALL RESET {quote_parameter(server_setting.name)}"
        hint = "it holds for every role and database: run it yourself, or take it out of postgresql.conf"
        yield _drift(role, server_setting.name, server_setting.value, " of every role", reason, statement, hint)


def _writable_schema(effective: EffectivePrivileges, name: str, value: str, role: str) -> str:
    """Why a search_path is unsafe: other roles may create objects where names are looked up; "" when it is safe."""
    if name.lower() != "search_path":
        return ""
    for schema in _schemas(value):
        roles_that_may_create_in = [
            role_name for role_name in effective.roles_that_may_create_in(schema) if role_name != role
        ]
        if roles_that_may_create_in:
            who = join_words(
                "every role" if role_name == PUBLIC else role_name for role_name in roles_that_may_create_in
            )
            return f"names are looked up in schema {schema}, where {who} may make objects of the same name"
    return ""


def _schemas(value: str) -> tuple[str, ...]:
    return tuple(part for part in setting_parts("search_path", value) if part)


def _drift(role: str, name: str, value: str, where: str, reason: str, statement: str, hint: str = "") -> Drift:
    what = f"setting {name}{where}"
    return Drift(
        "weak-setting",
        role,
        what,
        f"is {value}: {reason}",
        (statement,),
        hint=hint,
        automatic=not hint,
        phase=Phase.ALTER_ROLE,
    )
