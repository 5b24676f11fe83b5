"""REVOKE of memberships, and what such a REVOKE revokes beyond the one membership."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from minerva_promote.grants.escalation.effective_privileges import EffectivePrivileges, Options
from minerva_promote.grants.escalation.phrases import join_words, quote_name
from minerva_promote.grants.live_state import LiveState, MembershipRow


@dataclass(frozen=True, slots=True)
class MembershipRevoke:
    """What revokes a membership, or an option of it."""

    statements: tuple[str, ...]
    hint: str = ""
    automatic: bool = True


class RevokePlanner:
    """Plans the REVOKE of memberships.

    From PostgreSQL 16 on a membership depends on the one with ADMIN OPTION by which its grantor could grant it, and
    is revoked together with that one.
    """

    def __init__(self, effective: EffectivePrivileges, is_revoked: Callable[[MembershipRow], bool]) -> None:
        self.live: LiveState = effective.live
        self.effective = effective
        self.is_revoked = is_revoked  # whether a row is undeclared, or its ADMIN is

    def plan_revoke(self, row: MembershipRow, option: str = "") -> MembershipRevoke:
        """What revokes one row, or only its ``option`` ("ADMIN", "INHERIT", "SET").

        A row that depends on another revoked row is revoked by that row's statement: a second REVOKE would warn.
        """
        source = self._source(row)
        if source is not None:
            return self.plan_revoke(source, "" if self._is_undeclared(source) else "ADMIN")
        start = f"REVOKE {option} OPTION FOR" if option else "REVOKE"
        statement = f"{start} {quote_name(row.group)} FROM {quote_name(row.member)}"
        if self.live.version < 16:
            return self._membership_revoke(row, (statement,), [])
        statement += f" GRANTED BY {quote_name(row.grantor)}"
        dependents = [] if option in ("INHERIT", "SET") else list(self._dependents(row))
        if not dependents:
            return self._membership_revoke(row, (statement,), [])
        return self._membership_revoke(row, (f"{statement} CASCADE", *self._regrants(dependents)), dependents)

    def _membership_revoke(
        self, row: MembershipRow, statements: tuple[str, ...], dependents: list[MembershipRow]
    ) -> MembershipRevoke:
        """The REVOKE; a person runs it when it concerns a role that is not declared."""
        hint, automatic = "", True
        others = sorted({dependent.member for dependent in dependents if dependent.member not in self.effective.roles})
        if others:
            pronoun = "it" if len(others) == 1 else "them"
            hint = f"{join_words(others)} got it from {row.member}, and CASCADE takes it from {pronoun} too"
            automatic = False
        elif row.member not in self.effective.roles:
            hint = f"{row.member} is not declared here: see who else needs it"
            automatic = False
        return MembershipRevoke(statements, hint, automatic)

    def _source(self, row: MembershipRow) -> MembershipRow | None:
        """The revoked row that alone allowed the grantor of this one to grant it; None when there is none."""
        if self.live.version < 16:
            return None
        sources = [other for other in self.live.members if (other.group, other.member) == (row.group, row.grantor)]
        sources = [source for source in sources if source.admin]
        if len(sources) == 1 and sources[0].member in self.effective.roles and self.is_revoked(sources[0]):
            return sources[0]
        return None

    def _is_undeclared(self, row: MembershipRow) -> bool:
        return row.group not in self.effective.memberships.get(row.member, {})

    def _dependents(self, row: MembershipRow) -> Iterator[MembershipRow]:
        """The rows that were granted by means of this one only, and those that depend on them."""
        with_admin = [other for other in self.live.members if other.admin and other.group == row.group]
        if not row.admin or sum(other.member == row.member for other in with_admin) > 1:
            return
        for other in self.live.members:
            if (other.group, other.grantor) == (row.group, row.member):
                yield other
                yield from self._dependents(other)

    def _regrants(self, dependents: list[MembershipRow]) -> Iterator[str]:
        """GRANT of the dependent memberships that are declared."""
        revoked = set(dependents)
        for row in sorted(revoked, key=lambda row: row.member):
            options = self.effective.memberships.get(row.member, {}).get(row.group)
            is_kept = any(
                (other.group, other.member) == (row.group, row.member)
                for other in self.live.members
                if other not in revoked
            )
            if options is not None and not is_kept:
                yield f"GRANT {quote_name(row.group)} TO {quote_name(row.member)} WITH {_format_options(options)}"


def _format_options(options: Options) -> str:
    values = {"ADMIN": options.admin, "INHERIT": options.inherit, "SET": options.set}
    return ", ".join(f"{option} {str(value).upper()}" for option, value in values.items())
