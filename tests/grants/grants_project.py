"""A project with a private database whose roles and declaration a test changes, and reports of `promote grants`."""

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

__all__ = ["grants_project", "make_shop", "ready", "shop"]  # fixtures

CATALOGS = (  # all that grants can change
    "pg_database", "pg_namespace", "pg_class", "pg_attribute", "pg_proc", "pg_type", "pg_language", "pg_foreign_server",
    "pg_largeobject_metadata", "pg_parameter_acl", "pg_default_acl", "pg_db_role_setting", "pg_auth_members", "pg_authid",
)  # fmt: skip


def quoted(name: str) -> str:
    """A name in a statement of this test's own."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class GrantsProject:
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
        self.shop.database.execute(*(f"{self.fill_names(statement)}; reset role" for statement in statements))

    def fill_names(self, text: str) -> str:
        known = {"db": self.shop.database.name, "api": self.shop.role, "reader": self.reader}
        return re.sub(r"\{([^{}]+)\}", lambda match: quoted(known.get(match[1]) or self.name(match[1])), text)

    def declare(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the values of environments/test-prod.yaml."""
        path = self.shop.root / "environments" / "test-prod.yaml"
        content = yamlfile.read(path)
        change(content)
        yamlfile.write(path, content)

    def role(self, short: str, **values: Any) -> str:
        """Declare a role of this test, or declare it anew."""
        name = self.name(short)
        self.declare(lambda content: content["roles"].update({name: values}))
        return name

    def add_grants(self, role: str, **grants: Any) -> None:
        """Declare more grants of a role."""

        def change(content: dict[str, Any]) -> None:
            declared = content["roles"][role].setdefault("grants", {})
            for key, value in grants.items():
                declared[key] = {**declared.get(key, {}), **value} if isinstance(value, dict) else value

        self.declare(change)

    def position(self, text: str, *, after: str = "") -> str:
        """Line and column of a text of environments/test-prod.yaml."""
        content = (self.shop.root / "environments" / "test-prod.yaml").read_text("utf-8")
        index = content.index(text, content.index(after))
        line = content.count("\n", 0, index) + 1
        return f"{line}:{index - content.rfind(chr(10), 0, index)}"

    def create_managed_admin(self) -> str:
        """An admin identity as on managed servers: no superuser, may create roles, owns the table books only."""
        name = self.name("boss")
        self.run(
            f"create role {{boss}} login createrole password '{PASSWORD}'",
            "grant connect on database {db} to {boss}",
            "grant usage on schema promote to {boss}",
            "alter table books owner to {boss}",
        )
        self.declare(lambda content: content.update(admin_url=self.shop.database.url(name)))
        return name

    def grants(self, *options: str, **how: Any) -> Ran:
        return self.shop.promote("grants", "--env", "test-prod", *options, **how)

    def report(self, *options: str, code: int = 0, **how: Any) -> str:
        """The normalized report of a command with this exit code."""
        ran = self.grants(*options, **how)
        assert (ran.exit_code, ran.stderr) == (code, ""), ran.stdout + ran.stderr
        return self.normalize(without_limits(ran.stdout))

    def error(self, *options: str, code: int, **how: Any) -> str:
        ran = self.grants(*options, **how)
        assert (ran.exit_code, ran.stdout) == (code, ""), ran.stdout + ran.stderr
        return self.normalize(ran.stderr)

    def normalize(self, text: str) -> str:
        """The text without names and numbers that differ between sessions, and with short gaps and dots."""
        text = text.replace(self.shop.database.name, "DB").replace(self.shop.role, "api").replace(self.reader, "reader")
        text = text.replace(f"_{self.suffix}", "").replace("environments/test-prod.yaml:", "")
        text = re.sub(r"\d+ privileges as declared", "N privileges as declared", text)
        return re.sub(r" {3,}", "  ", re.sub(r" \.{2,} ", " .. ", text))

    def apply_and_verify(self) -> str:
        """The report of --apply; afterwards all is in step, and a second --apply changes nothing."""
        report = self.report("--apply")
        before = self.state()
        again = self.report("--apply")
        assert "\nnothing was changed; in step: " in again, again
        assert self.state() == before
        return report

    def fail_to_apply(self, *options: str) -> str:
        """The message of an --apply that fails and changes nothing."""
        before = self.state()
        message = self.error("--apply", *options, code=3)
        assert self.state() == before
        return message

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row, with its version, of every catalog that grants can change."""
        own_roles = f"select oid from pg_authid where rolname ~ '{self.suffix}$' or rolname in ('{self.shop.role}', '{self.reader}')"
        this_database = "(select oid from pg_database where datname = current_database())"
        conditions = {
            "pg_authid": f"where oid in ({own_roles})",
            "pg_auth_members": f"where member in ({own_roles})",
            "pg_database": f"where oid = {this_database}",
            "pg_parameter_acl": f"where paracl::text like '%{self.suffix}%'",
            "pg_db_role_setting": f"where setdatabase = {this_database} or setdatabase = 0 and setrole in ({own_roles})",
        }
        whole = {"pg_class": "oid, relowner, relacl::text"}  # its other columns are the autovacuum's too
        mine_alone = f"case when rolname ~ '{self.suffix}$' then xmin::text || ctid::text end"  # else of all tests
        own_entries = (
            f"select array_agg(a::text order by a::text) from unnest(paracl) a where a::text like '%{self.suffix}%'"
        )
        whole["pg_parameter_acl"] = f"oid, parname, ({own_entries})"  # a row is shared by all tests of the server
        whole["pg_authid"] = f"{mine_alone}, oid, t::text"
        with self.shop.database.connect() as conn:
            return {
                table: conn.execute(
                    f"select {whole.get(table, 'xmin::text, ctid::text, t::text')} from {table} t {conditions.get(table, '')} order by 3"
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
def grants_project(shop: Shop) -> Iterator[GrantsProject]:
    """A private database in step; roles of the test are dropped with what they have on the whole server."""
    grants_project = GrantsProject(shop, shop.database.name.partition("_")[2])
    grants_project.run("alter role {reader} in database {db} set statement_timeout to '30s'")  # no copy takes it along
    yield grants_project
    for (name,) in shop.rows(f"select rolname from pg_roles where rolname ~ '_{grants_project.suffix}$'"):
        shop.database.execute(f"drop owned by {quoted(name)} cascade")
