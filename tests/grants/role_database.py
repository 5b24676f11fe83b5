"""A private database with roles of one test, and the drift that find_escalations finds in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from minerva_promote.grants.escalation import find_escalations
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import Drift, PrivilegesBySlot, Slot
from tests.servers import Database


class Options(NamedTuple):
    inherit: bool = True
    set: bool = True
    admin: bool = False


@dataclass(frozen=True)
class Declaration:
    """Declared privileges, memberships and settings, without a file."""

    held: PrivilegesBySlot = field(default_factory=dict)
    memberships: Mapping[str, Mapping[str, Options]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    public_declared: bool = False

    def with_privileges(self, role: str, kind: str, name: str, *privileges: str, column: str = "") -> Declaration:
        slot = Slot(role, kind, name, column)
        return replace(self, held={**self.held, slot: frozenset(privileges) | self.held.get(slot, frozenset())})

    def with_membership(self, role: str, group: str, options: Options | None = None) -> Declaration:
        groups = {**self.memberships.get(role, {}), group: options or Options()}
        return replace(self, memberships={**self.memberships, role: groups})


@dataclass
class RoleDatabase:
    """The database is the superuser's; PUBLIC may use schema public and nothing else."""

    database: Database
    suffix: str
    admin: str = ""
    version: int = 0

    def __post_init__(self) -> None:
        self.run(f"REVOKE ALL ON DATABASE {self.database.name} FROM PUBLIC")
        with self.database.connect() as conn:
            self.admin, self.version = conn.info.user, conn.info.server_version // 10000

    def name(self, short: str) -> str:
        return f"{short}_{self.suffix}"

    def role(self, short: str, words: str = "LOGIN") -> str:
        self.run(f"CREATE ROLE {self.name(short)} {words}")
        return self.name(short)

    def run(self, *statements: str) -> None:
        self.database.execute(*statements)

    def minimal_declaration(self, *roles: str) -> Declaration:
        """The declaration with which a new role of this database has no drift."""
        declaration = Declaration()
        for role in roles:
            declaration = declaration.with_privileges(role, "schema", "public", "USAGE").with_privileges(
                role, "database", self.database.name, "CONNECT"
            )
        return declaration

    def live(self, *roles: str, admin: str | None = None) -> LiveState:
        with self.database.connect() as conn:
            live = inspect(conn, roles)
        return live if admin is None else replace(live, admin=admin)

    def find_drift(self, declaration: Declaration, *roles: str) -> list[Drift]:
        return list(find_escalations(self.live(*roles), declaration, roles))

    def drift_after_apply(self, declaration: Declaration, *roles: str) -> list[Drift]:
        """The drift after the automatic statements ran in one transaction, each once and none with a warning."""
        drifts = sorted(self.find_drift(declaration, *roles), key=lambda drift: drift.phase)
        units = dict.fromkeys(drift.statements for drift in drifts if drift.automatic)
        warnings: list[str | None] = []
        with self.database.connect(autocommit=False) as conn:
            conn.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
            for unit in units:
                for statement in unit:
                    conn.execute(statement)
        assert warnings == []
        return self.find_drift(declaration, *roles)

    def run_by_hand(self, drift: Drift) -> None:
        """Run the statements that --apply leaves to a person."""
        assert drift.statements
        assert not drift.automatic
        self.run(*drift.statements)
