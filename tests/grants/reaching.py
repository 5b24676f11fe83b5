"""A private database with one role, and what reach() says of it."""

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
class Wish:
    """A declaration, by hand."""

    held: PrivilegesBySlot = field(default_factory=dict)
    memberships: Mapping[str, Mapping[str, Options]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    public_declared: bool = False

    def may(self, role: str, kind: str, name: str, *privileges: str, column: str = "") -> Wish:
        slot = Slot(role, kind, name, column)
        return replace(self, held={**self.held, slot: frozenset(privileges) | self.held.get(slot, frozenset())})

    def member(self, role: str, group: str, options: Options | None = None) -> Wish:
        groups = {**self.memberships.get(role, {}), group: options or Options()}
        return replace(self, memberships={**self.memberships, role: groups})


@dataclass
class Bench:
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

    def clean(self, *roles: str) -> Wish:
        """A declaration that a new role of this database keeps to."""
        wish = Wish()
        for role in roles:
            wish = wish.may(role, "schema", "public", "USAGE").may(role, "database", self.database.name, "CONNECT")
        return wish

    def live(self, *roles: str, admin: str | None = None) -> LiveState:
        with self.database.connect() as conn:
            live = inspect(conn, roles)
        return live if admin is None else replace(live, admin=admin)

    def found(self, wish: Wish, *roles: str) -> list[Drift]:
        return list(find_escalations(self.live(*roles), wish, roles))

    def end(self, wish: Wish, *roles: str) -> list[Drift]:
        """What is left after the automatic statements ran, in one transaction, each once and none with a warning."""
        drifts = sorted(self.found(wish, *roles), key=lambda drift: drift.phase)
        units = dict.fromkeys(drift.statements for drift in drifts if drift.automatic)
        warnings: list[str | None] = []
        with self.database.connect(autocommit=False) as conn:
            conn.add_notice_handler(lambda said: warnings.append(said.message_primary))
            for unit in units:
                for statement in unit:
                    conn.execute(statement)  # type: ignore[call-overload]
        assert warnings == []
        return self.found(wish, *roles)

    def by_hand(self, drift: Drift) -> None:
        """Run what is left to a person."""
        assert drift.statements
        assert not drift.automatic
        self.run(*drift.statements)
