"""REVOKE of memberships, with what else it takes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges, Options
from minerva_promote.grants.escalation.phrases import listed, quoted
from minerva_promote.grants.live_state import LiveState, Member


@dataclass(frozen=True, slots=True)
class MembershipRevoke:
    """What ends a membership, or an option of it."""

    statements: tuple[str, ...]
    help: str = ""
    automatic: bool = True


class RevokePlanner:
    """Knows which memberships go along with others: from PostgreSQL 16, those that were given by means of them."""

    def __init__(self, standing: EffectivePrivileges, goes: Callable[[Member], bool]) -> None:
        self.live: LiveState = standing.live
        self.standing = standing
        self.goes = goes  # whether a row is undeclared, or its ADMIN is

    def ending(self, row: Member, option: str = "") -> MembershipRevoke:
        """What ends one row, or with ``option`` ("ADMIN", "INHERIT", "SET") only that much of it.

        A row that goes along with another one ends with that one's statement, for a second REVOKE would warn.
        """
        source = self._source(row)
        if source is not None:
            return self.ending(source, "" if self._undeclared(source) else "ADMIN")
        start = f"REVOKE {option} OPTION FOR" if option else "REVOKE"
        statement = f"{start} {quoted(row.group)} FROM {quoted(row.member)}"
        if self.live.version < 16:
            return self._judged(row, (statement,), [])
        statement += f" GRANTED BY {quoted(row.grantor)}"
        along = [] if option in ("INHERIT", "SET") else list(self._along(row))
        if not along:
            return self._judged(row, (statement,), [])
        return self._judged(row, (f"{statement} CASCADE", *self._again(along)), along)

    def _judged(self, row: Member, statements: tuple[str, ...], along: list[Member]) -> MembershipRevoke:
        help_, automatic = "", True
        others = sorted({each.member for each in along if each.member not in self.standing.roles})
        if others:
            given = "it" if len(others) == 1 else "them"
            help_ = f"{listed(others)} got it from {row.member}, and CASCADE takes it from {given} too"
            automatic = False
        elif row.member not in self.standing.roles:
            help_ = f"{row.member} is not declared here: see who else needs it"
            automatic = False
        return MembershipRevoke(statements, help_, automatic)

    def _source(self, row: Member) -> Member | None:
        """The one row that goes, and by which the grantor of this one could give it."""
        if self.live.version < 16:
            return None
        able = [each for each in self.live.members if (each.group, each.member) == (row.group, row.grantor)]
        able = [each for each in able if each.admin]
        return able[0] if len(able) == 1 and able[0].member in self.standing.roles and self.goes(able[0]) else None

    def _undeclared(self, row: Member) -> bool:
        return row.group not in self.standing.memberships.get(row.member, {})

    def _along(self, row: Member) -> Iterator[Member]:
        """The rows that were given by means of this one, and that nothing else carries."""
        able = [each for each in self.live.members if each.admin and each.group == row.group]
        if not row.admin or sum(each.member == row.member for each in able) > 1:
            return
        for each in self.live.members:
            if (each.group, each.grantor) == (row.group, row.member):
                yield each
                yield from self._along(each)

    def _again(self, along: list[Member]) -> Iterator[str]:
        """GRANT of what is declared and goes along."""
        gone = set(along)
        for row in sorted(gone, key=lambda each: each.member):
            options = self.standing.memberships.get(row.member, {}).get(row.group)
            stays = any(
                (each.group, each.member) == (row.group, row.member) for each in self.live.members if each not in gone
            )
            if options is not None and not stays:
                yield f"GRANT {quoted(row.group)} TO {quoted(row.member)} WITH {_options(options)}"


def _options(options: Options) -> str:
    given = {"ADMIN": options.admin, "INHERIT": options.inherit, "SET": options.set}
    return ", ".join(f"{option} {str(value).upper()}" for option, value in given.items())
