"""A shop whose roles and their declaration a test changes, and what `promote grants` says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests import yamlfile
from tests.conftest import Ran
from tests.run.conftest import Shop, make_shop, ready, shop
from tests.servers import PASSWORD

__all__ = ["desk", "make_shop", "ready", "shop"]  # fixtures

CATALOGS = (  # all that grants can change
    "pg_database", "pg_namespace", "pg_class", "pg_attribute", "pg_proc", "pg_type", "pg_language", "pg_foreign_server",
    "pg_largeobject_metadata", "pg_parameter_acl", "pg_default_acl", "pg_db_role_setting", "pg_auth_members", "pg_authid",
)  # fmt: skip


def quoted(name: str) -> str:
    """A name in a statement of this test's own."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Desk:
    """`promote grants --env test-prod` on a private database."""

    shop: Shop
    suffix: str

    @property
    def reader(self) -> str:
        return self.shop.copy.name("minerva_reader")

    def name(self, short: str) -> str:
        """A role of this test alone; gone afterwards."""
        return f"{short}_{self.suffix}"

    def run(self, *statements: str) -> None:
        """As the superuser; {db}, {api}, {reader}, and {x} for any other role of this test, are filled in, quoted."""
        self.shop.database.execute(*(f"{self.fill(each)}; reset role" for each in statements))

    def fill(self, text: str) -> str:
        known = {"db": self.shop.database.name, "api": self.shop.role, "reader": self.reader}
        return re.sub(r"\{([^{}]+)\}", lambda found: quoted(known.get(found[1]) or self.name(found[1])), text)

    def declare(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change environments/test-prod.yaml as values."""
        path = self.shop.root / "environments" / "test-prod.yaml"
        content = yamlfile.read(path)
        change(content)
        yamlfile.write(path, content)

    def role(self, short: str, **values: Any) -> str:
        """Declare a role of this test, or declare it anew."""
        name = self.name(short)
        self.declare(lambda content: content["roles"].update({name: values}))
        return name

    def more(self, role: str, **grants: Any) -> None:
        """Declare more grants of a role."""

        def change(content: dict[str, Any]) -> None:
            found = content["roles"][role].setdefault("grants", {})
            for key, value in grants.items():
                found[key] = {**found.get(key, {}), **value} if isinstance(value, dict) else value

        self.declare(change)

    def at(self, text: str, *, after: str = "") -> str:
        """Line and column of a text of environments/test-prod.yaml."""
        content = (self.shop.root / "environments" / "test-prod.yaml").read_text("utf-8")
        place = content.index(text, content.index(after))
        line = content.count("\n", 0, place) + 1
        return f"{line}:{place - content.rfind(chr(10), 0, place)}"

    def boss(self) -> str:
        """An admin identity as managed servers give it: no superuser, owner of books alone, who may make roles."""
        name = self.name("boss")
        self.run(
            f"create role {{boss}} login createrole password '{PASSWORD}'",
            "grant connect on database {db} to {boss}",
            "grant usage on schema promote to {boss}",
            "alter table books owner to {boss}",
        )
        self.declare(lambda content: content.update(admin_url=self.shop.database.url(name)))
        return name

    def grants(self, *more: str, **how: Any) -> Ran:
        return self.shop.promote("grants", "--env", "test-prod", *more, **how)

    def said(self, *more: str, code: int = 0, **how: Any) -> str:
        """The report, which ends with this exit code, in plain words."""
        ran = self.grants(*more, **how)
        assert (ran.exit_code, ran.stderr) == (code, ""), ran.stdout + ran.stderr
        return self.plain(without_limits(ran.stdout))

    def error(self, *more: str, code: int, **how: Any) -> str:
        ran = self.grants(*more, **how)
        assert (ran.exit_code, ran.stdout) == (code, ""), ran.stdout + ran.stderr
        return self.plain(ran.stderr)

    def plain(self, text: str) -> str:
        """Without what is another one in every session; wide gaps and dots made short, as they follow the names."""
        text = text.replace(self.shop.database.name, "DB").replace(self.shop.role, "api").replace(self.reader, "reader")
        text = text.replace(f"_{self.suffix}", "").replace("environments/test-prod.yaml:", "")
        text = re.sub(r"\d+ privileges as declared", "N privileges as declared", text)
        return re.sub(r" {3,}", "  ", re.sub(r" \.{2,} ", " .. ", text))

    def applied(self) -> str:
        """What --apply says; then all is in step, and another one changes nothing at all."""
        said = self.said("--apply")
        before = self.state()
        again = self.said("--apply")
        assert "\nnothing was changed; in step: " in again, again
        assert self.state() == before
        return said

    def refused(self, *more: str) -> str:
        """What --apply cannot finish, and changes nothing."""
        before = self.state()
        said = self.error("--apply", *more, code=3)
        assert self.state() == before
        return said

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row, with its version, of every catalog that grants can change."""
        mine = f"select oid from pg_authid where rolname ~ '{self.suffix}$' or rolname in ('{self.shop.role}', '{self.reader}')"
        here = "(select oid from pg_database where datname = current_database())"
        only = {
            "pg_authid": f"where oid in ({mine})",
            "pg_auth_members": f"where member in ({mine})",
            "pg_database": f"where oid = {here}",
            "pg_parameter_acl": f"where paracl::text like '%{self.suffix}%'",
            "pg_db_role_setting": f"where setdatabase = {here} or setdatabase = 0 and setrole in ({mine})",
        }
        whole = {"pg_class": "oid, relowner, relacl::text"}  # its other columns are the autovacuum's too
        mine_alone = f"case when rolname ~ '{self.suffix}$' then xmin::text || ctid::text end"  # else of all tests
        whole["pg_authid"] = f"{mine_alone}, oid, t::text"
        with self.shop.database.connect() as conn:
            return {
                table: conn.execute(
                    f"select {whole.get(table, 'xmin::text, ctid::text, t::text')} from {table} t {only.get(table, '')} order by 3"
                ).fetchall()
                for table in CATALOGS
            }


def without_limits(report: str) -> str:
    """A report without the line on what was not compared: it tells of databases of other tests."""
    if not report.startswith("{"):
        return re.sub(r"  grants +not compared .*\n", "", report)
    content = json.loads(report)
    content["steps"] = [step for step in content["steps"] if step["name"] != "not compared"]
    return json.dumps(content)


@pytest.fixture
def desk(shop: Shop) -> Iterator[Desk]:
    """A private database in step; roles of the test are dropped with what they have on the whole server."""
    desk = Desk(shop, shop.database.name.partition("_")[2])
    desk.run("alter role {reader} in database {db} set statement_timeout to '30s'")  # no copy takes it along
    yield desk
    for (name,) in shop.rows(f"select rolname from pg_roles where rolname ~ '_{desk.suffix}$'"):
        shop.database.execute(f"drop owned by {quoted(name)} cascade")
