"""`promote plan`, and a run that does what was planned or nothing."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from minerva_promote.config.snapshot import Column, Table
from minerva_promote.promotion.plan_digest import table_facts
from tests.conftest import Ran
from tests.gates.conftest import Pair, settled, step_of, validated_with_its_rows
from tests.gates.test_backup import program
from tests.run.conftest import Shop
from tests.run.exports import Export
from tests.servers import ProjectCopy

DIGEST = r"[0-9a-f]{12}-[0-9a-f]{12}-[0-9a-f]{12}"
STEP = "  plan       DIGEST .. "
GENERIC = "the target is not as it was: its schema, its versions, what the role may do, its ledger, or these rows"


def planned(shop: Shop, file: Path, *more: str) -> str:
    """The digest of what a run would do now."""
    ran = shop.promote("plan", "--env", "test-prod", "--file", file, *more)
    assert (ran.exit_code, ran.stderr) == (0, ""), ran
    found = re.search(rf"--plan ({DIGEST})\n$", ran.stdout)
    assert found is not None, ran.stdout
    return found[1]


def said(ran: Ran) -> list[str]:
    """The lines of the step of the plan, without its digest."""
    return re.sub(DIGEST, "DIGEST", step_of(ran, "plan")).splitlines()


def test_all_that_a_run_would_do(shop: Shop) -> None:
    shop.accepted(Export(2))
    file = shop.file(Export())
    before = shop.contents()
    ran = shop.promote("plan", "--env", "test-prod", "--file", file)
    assert (ran.exit_code, ran.stderr, shop.contents()) == (0, "", before)
    text = re.sub(DIGEST, "DIGEST", settled(ran.stdout)).replace(shop.role, "ROLE").replace(str(file), "FILE")
    text = re.sub(r"server \d+, PostgreSQL [\d.]+, pgvector [\d.]+, revision \w+", "SERVER", text)
    text = re.sub(rf"(target     ){shop.database.name} \.+ ", r"\1NAME ", text)
    text = re.sub(r"(export.sql \.+ ok     ).*", r"\1FACTS", text)
    lines = text.splitlines()
    assert lines[:12] == [
        "test-prod   export SHA… (SIZE, 1 book, 3 chunks)",
        "  target     NAME ok     ROLE on SERVER; last changed by run ID (export.sql, TIME)",
        "  validate   export.sql ....................... ok     FACTS",
        "  preflight  schema, privileges, settings ..... ok",
        "  ledger     started .......................... will   who, when, which file, before the first row",
        "  import     embedding_configs ................ will   0 new, 1 already there",
        "  import     books ............................ will   1 new, 0 already there",
        "  import     screenshots ...................... will   2 new, 0 already there",
        "  import     chunks ........................... will   3 new, 0 already there",
        "  space      database ......................... will   SIZE now; the file has SIZE of text",
        "  index      idx_chunks_embedding_ivfflat ..... will   ivfflat, lists = 100; 3 new rows; looked at after COMMIT",
        "  check      embedding space .................. will   before COMMIT: of the model that the target's vectors are of",
    ]
    assert (
        lines[12]
        == "  check      books_present .................... will   before COMMIT: must be 1 (rows.books of the file)"
    )
    committed = lines.index(
        "  ledger     committed ........................ will   the run and the keys of its rows, in their transaction"
    )
    assert all(line.startswith("  check ") for line in lines[12:committed])
    latency = "p95_ms must be <= 200; warns: p95_ms must be <= 50, rows_missing must be <= 0"
    assert lines[-3:] == [
        f"  check      search_latency ................... will   after COMMIT: {latency}",
        "  ledger     finished ......................... will   the checks after COMMIT",
        "gate open so far; to do exactly this: promote run --env test-prod --file FILE --plan DIGEST",
    ]


def test_a_table_is_in_the_digest_as_in_earlier_releases() -> None:
    columns = {
        "id": Column("id", "bigint", not_null=True, has_default=True, identity_always=True),
        "mail": Column("mail", "email", base="text"),
        "kind": Column("kind", "mood", labels=("sad", "ok")),
    }
    table = Table("t", columns, ("id",), "t_pkey", (("mail", "kind"),))
    plain = {"not_null": False, "has_default": False, "generated": False, "labels": []}
    assert table_facts(table) == {
        "name": "t",
        "columns": {
            "id": {**plain, "name": "id", "type": "bigint", "not_null": True, "has_default": True, "generated": True},
            "mail": {**plain, "name": "mail", "type": "email", "base": "text"},
            "kind": {**plain, "name": "kind", "type": "mood", "labels": ["sad", "ok"]},
        },
        "primary_key": ["id"],
        "primary_key_name": "t_pkey",
        "unique": [["mail", "kind"]],
    }


def test_a_plan_that_is_run(shop: Shop) -> None:
    file = shop.file(Export())
    found = json.loads(shop.promote("plan", "--env", "test-prod", "--file", file, "--format", "json").stdout)
    digest = planned(shop, file)
    assert (found["gate"], found["changed"], found["data"]) == ("open", False, {"digest": digest, "open": True})
    assert found["steps"][-1]["outcome"] == "will"
    real = shop.run(file, "--plan", digest)
    assert (real.exit_code, said(real)) == (0, [f"{STEP}ok     file, configuration and target are as planned"])
    assert shop.rows("select details->>'plan' from promote.events where kind = 'committed' order by seq")[-1] == (
        digest,
    )


@dataclass(frozen=True)
class Planned:
    """A file and the digest of its plan."""

    shop: Shop
    file: Path
    digest: str

    @property
    def look(self) -> str:
        return f"             look at it again: promote plan --env test-prod --file {self.file}"

    def refused(self, *more: str, digest: str = "") -> list[str]:
        """What a run with the digest says, which changes nothing."""
        before = self.shop.count("books")
        ran = self.shop.run(self.file, "--plan", digest or self.digest, *more)
        assert (ran.exit_code, ran.stderr, self.shop.count("books")) == (1, "", before)
        assert ran.stdout.endswith("gate closed: nothing was changed\n")
        return said(ran)


@pytest.fixture
def plan(shop: Shop) -> Planned:
    file = shop.file(Export())
    return Planned(shop, file, planned(shop, file))


def test_another_file_or_configuration_is_named(shop: Shop, plan: Planned) -> None:
    file, digest, look, refused = plan.file, plan.digest, plan.look, plan.refused
    old = file.read_text("utf-8")
    file.write_text(old.replace("text 1", "text one"), "utf-8")
    sha = json.loads(shop.promote("validate", file, "--format", "json").stdout)["steps"][0]["data"]["sha256"]
    fact = f"the file is another one: export.sql is {sha[:12]}…, the plan's was {digest[:12]}…"
    assert refused() == [f"{STEP}FAIL", look, f"    plan-file: {fact}"]
    file.write_text(old, "utf-8")

    configuration = (
        "    plan-configuration: the configuration is another one: promote.yaml, environments/test-prod.yaml, checks,"
        " templates, a variable, --repair, or the release of promote"
    )
    assert refused("--repair") == [f"{STEP}FAIL", f"{look} --repair", configuration]
    shop.environment(timeouts={"lock": "11s"})
    assert refused() == [f"{STEP}FAIL", look, configuration]
    shop.environment(timeouts=None)


def test_another_target_is_named(shop: Shop, plan: Planned) -> None:
    file, digest, look, refused = plan.file, plan.digest, plan.look, plan.refused
    shop.database.execute(f"grant update on public.books to {shop.role}")
    assert refused() == [f"{STEP}FAIL", look, f"    plan-target: {GENERIC}"]
    shop.database.execute(f"revoke update on public.books from {shop.role}")
    assert planned(shop, file) == digest
    for statement, back in (
        ("alter table books add constraint named check (title <> 'x')", "alter table books drop constraint named"),
        (
            "alter table chunks alter vision_prompt_tokens set default 7",
            "alter table chunks alter vision_prompt_tokens set default 0",
        ),
        ("create unique index one on books (lower(title))", "drop index one"),
    ):
        shop.database.execute(statement)
        assert refused() == [f"{STEP}FAIL", look, f"    plan-target: {GENERIC}"]
        shop.database.execute(back)
    assert planned(shop, file) == digest
    body = "create or replace function done() returns trigger language plpgsql as 'begin {} return new; end'"
    shop.database.execute(
        body.format(""), "create trigger done before insert on books for each row execute function done()"
    )
    with_trigger = planned(shop, file)
    shop.database.execute(body.format("new.title := new.title;"))
    assert refused(digest=with_trigger)[:3:2] == [f"{STEP}FAIL", f"    plan-target: {GENERIC}"]
    shop.database.execute("drop function done cascade")
    assert planned(shop, file) == digest


def test_runs_since_the_plan_are_named(shop: Shop, plan: Planned) -> None:
    file, digest, look, refused = plan.file, plan.digest, plan.look, plan.refused
    old = file.read_text("utf-8")
    short = "-".join(group[:4] for group in digest.split("-"))
    assert shop.run(file, "--plan", short, "--dry-run").exit_code == 0
    shop.accepted(Export(2), "--plan", planned(shop, shop.file(Export(2), "two.sql")))
    file.write_text(old, "utf-8")
    fact = "the target has had run ID (export.sql, TIME) since"
    assert refused() == [f"{STEP}FAIL", look, f"    plan-target: {fact}"]
    assert refused(digest=short) == [
        f"{STEP[:-3]}FAIL".replace("DIGEST", f"{short} ..................."),
        look,
        f"    plan-target: {fact}",
    ]
    shop.accepted(Export())
    fact = "the target has had run ID (export.sql, TIME) and 1 before since"
    assert refused() == [f"{STEP}FAIL", look, f"    plan-target: {fact}"]


def test_what_changes_between_the_look_and_the_lock(shop: Shop) -> None:
    """A backup takes its time: what was promised is looked at once more, under the lock."""
    (shop.root / "back ups").mkdir()
    sql = shop.root / "foreign.sql"
    text = Export().text()
    sql.write_text(text[text.index("INSERT INTO") : text.index(";", text.index("INSERT INTO")) + 1], "utf-8")
    host, port = shop.database.server.params["host"], shop.database.server.params["port"]
    psql = f'"$(dirname $real)/psql" -qX -h {host} -p {port} -U postgres -d {shop.database.name} -f "{sql}"'
    if shop.database.server.folder is None:
        pytest.skip("the server of PROMOTE_TEST_URL may want a password")
    program(shop, f'{psql} && exec $real "$@"')
    file = shop.file(Export())
    ran = shop.run(file, "--plan", planned(shop, file))
    fact = "other rows are new than was planned: embedding_configs; somebody else has written to the target since"
    assert ran.exit_code == 1
    assert f"    plan-target: {fact}\n" in ran.stdout
    assert ran.stdout.endswith("gate closed: nothing was changed (rolled back)\n")
    assert shop.count("books") == 0


@pytest.mark.soak
def test_another_run_between_the_look_and_the_lock(shop: Shop) -> None:
    (shop.root / "back ups").mkdir()
    place = shop.root / "environments"
    (place / "staging.yaml").write_text((place / "test-prod.yaml").read_text("utf-8"), "utf-8")
    other = shop.file(Export(2), "two.sql")
    run = f'{shlex.quote(sys.executable)} -m minerva_promote run --env staging --file "{other}"'
    program(shop, f'{run} >/dev/null && exec $real "$@"')
    file = shop.file(Export())
    ran = shop.run(file, "--plan", planned(shop, file))
    assert (ran.exit_code, shop.count("books")) == (1, 1)
    assert "    plan-target: the target has had run ID (two.sql, TIME) since\n" in settled(ran.stdout)
    assert ran.stdout.endswith("gate closed: nothing was changed (rolled back)\n")


@pytest.mark.soak
def test_a_big_file_is_the_planned_one(shop: Shop) -> None:
    (shop.root / "back ups").mkdir()
    validated_with_its_rows(shop)
    file = shop.file(Export())
    program(shop, f'sed -i "s/text 1/text one/" "{file}"; exec $real "$@"')
    ran = shop.run(file, "--plan", planned(shop, file))
    assert ran.exit_code == 3
    assert ran.stderr == (
        f"error: {file}: changed while it was read; nothing was changed in the target\n"
        "  let nobody write to it, then run the command again\n"
    )
    assert shop.count("books") == 0


@pytest.mark.parametrize("given", ["", "8b175d33d2c9", "8b175d33d2c9-1b68e6387b12", "8b1-1b6-a8a", "x" * 12])
def test_what_is_no_digest(shop: Shop, given: str) -> None:
    ran = shop.run(shop.file(Export()), "--plan", given)
    assert (ran.exit_code, ran.stdout, ran.stderr) == (
        2,
        "",
        f'error: --plan "{given}" is no digest of a plan\n'
        "  promote plan prints it: three groups of 12 hexadecimal digits, each may be cut to 4 or more\n",
    )


def test_gates_that_are_shut(pair: Pair) -> None:
    file = pair.file()
    ran = pair.shop.promote("plan", "--env", "prod", "--file", file)
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert "FAIL   export.sql (SHA…) was never promoted to test-prod" in step_of(ran, "requires")
    assert ran.stdout.endswith("gate closed: a run would change nothing\n")
    assert "--plan" not in ran.stdout
    pair.shop.accepted(Export())
    pair.environment(backup={"folder": "nowhere"})
    ran = pair.shop.promote("plan", "--env", "prod", "--file", file)
    assert (ran.exit_code, step_of(ran, "requires").partition("run ID")[0][-7:]) == (1, "ok     ")
    assert "the folder" in step_of(ran, "backup")
    pair.environment(backup=None, protected=True, rehearse_undo=True)
    ran = pair.shop.promote("plan", "--env", "prod", "--file", file, "--format", "json")
    assert [step["outcome"] for step in json.loads(ran.stdout)["steps"] if step["step"] == "rehearsal"] == ["will"]
    assert re.search(rf"--file {file} --yes prod --plan {DIGEST}$", json.loads(ran.stdout)["verdict"])


def test_one_that_is_not_set_up(embedded: ProjectCopy, promote: Callable[..., Ran]) -> None:
    """A run sets it up by the way; a plan changes nothing."""
    ran = promote("plan", "--env", "test-prod", "--file", "export.sql")
    name = embedded.database("test-prod").name
    assert (ran.exit_code, ran.stderr, ran.stdout.splitlines()) == (
        1,
        "",
        [
            "test-prod",
            "  preflight  database ......................... FAIL   "
            f"there is no database {name} yet: the first run would make it",
            "             promote setup --env test-prod",
            "gate closed: a run would change nothing",
        ],
    )
