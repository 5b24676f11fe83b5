"""Quoting: every value goes through a filter, every filter is right for hostile values, nothing else renders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.errors import ConfigError, Location
from minerva_promote.sqltext import FileNeeded, NoFile, Templates

AT = Location("checks/x.yaml", 3, 5)


def rendered(source: str, folder: Path | None = None, **values: Any) -> str:
    return Templates(folder or Path("/nonexistent")).render_inline(source, values, at=AT)


def refused(source: str, **values: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        rendered(source, **values)
    assert caught.value.location == AT
    return caught.value.message


@pytest.mark.parametrize(
    "expression",
    [
        "v",
        "'constant'",
        "5",
        "none",
        "v ~ 'x'",
        "(v | literal) ~ ''",
        "(v | literal) + ''",
        "(v | literal) * 2",
        "(v | literal)[0:2]",
        "(v | literal)[:]",
        "(v | literal) | replace(\"'\", '')",
        "(v | literal) | upper",
        "(v | literal) | trim",
        "[v | literal] | join",
        "[v, v] | map('literal') | join(', ')",
        "'{}'.format(v | literal)",
        "(v | literal) | list",
    ],
)
def test_what_comes_from_no_filter_does_not_render(expression: str) -> None:
    assert "is not quoted; add | ident or | literal" in refused(f"select {{{{ {expression} }}}}", v="a")


@pytest.mark.parametrize(
    "expression",
    [
        "('{0}' | literal).format(v)",
        "('{0}' | literal)['format'](v)",
        "('{v}' | literal).format_map({'v': v})",
        "(['{0}' | literal] | map(attribute='format') | first)(v)",
        "(v | literal).replace('a', 'b')",
        "(v | literal)[0]",
    ],
)
def test_nothing_of_a_quoted_value_can_be_had(expression: str) -> None:
    """Jinja's sandbox returns an Sql from Sql.format(): the value put into it would be quoted by nobody."""
    assert "object is unsafe" in refused(f"select {{{{ {expression} }}}}", v="' or '")


@pytest.mark.parametrize("name", ["safe", "e", "escape", "format", "attr", "tojson", "indent", "xmlattr", "nope"])
def test_other_filters_are_not_there(name: str) -> None:
    assert refused(f"select {{{{ v | {name} }}}}", v="a") == f"No filter named {name!r}."


@pytest.mark.parametrize(
    "source",
    [
        "{% macro f(x) %}{{ x | literal }}{% endmacro %}select {{ f(v) }}",
        "select {% call 'a{}'.format(v) %}{% endcall %}",
        "select {% filter upper %}{{ v | literal }}{% endfilter %}",
        "{% import 'x' as y %}select 1",
    ],
)
def test_blocks_that_lose_the_quoting_are_refused(source: str) -> None:
    message = "macros, call and filter blocks cannot keep values quoted; use {% include %}"
    assert refused(source, v="a") == message


def test_a_captured_block_does_not_render() -> None:
    assert "is not quoted" in refused("{% set x %}{{ v | literal }}{% endset %}select {{ x }}", v="a")
    assert "contains a NUL" in refused("{% set x %}{{ v | literal }}{% endset %}select {{ x | literal }}", v="a")


@pytest.mark.parametrize(
    "source",
    [
        "select '{{ v | literal }}'",
        'select "{{ v | literal }}"',
        "select 1 -- {{ v | literal }}\n",
        "select 1 /* {{ v | literal }} */",
        "select $$ {{ v | literal }} $$",
        "select E{{ v | literal }}",
        "select {{ v | literal }}{{ v | literal }}",
        "select 'a'{{ v | literal }}",
        "select {{ v | literal }}'a'",
        "select a{{ v | ident }}",
        'select 1 as "x{{ v | ident }}"',
    ],
)
@pytest.mark.parametrize("value", ["", "a", "'", "\n; drop table books", "*/", "\\"])
def test_a_filter_in_the_wrong_place_is_refused(source: str, value: str) -> None:
    """A value is refused unless it stands by itself: a blank goes before E'…', and "…" needs none."""
    apart = {("select E{{ v | literal }}", "\\"), ("select 'a'{{ v | literal }}", "\\")}
    apart.add(("select {{ v | literal }}{{ v | literal }}", "\\"))
    if "a{{ v | ident" in source or (source, value) in apart:
        rendered(source, v=value or "a")
        return
    message = refused(source, v=value or "a" if "ident" in source else value)
    assert "stands inside quotes or a comment" in message or "does not render to SQL" in message


@pytest.mark.parametrize("expression", ["nope | ident", "nope | literal", "[nope] | literal", "[nope] | ident", "nope"])
def test_an_undefined_name_is_named(expression: str) -> None:
    assert refused(f"select {{{{ {expression} }}}}") == "'nope' is undefined"


def test_underscored_attributes_and_changes_are_refused() -> None:
    assert "unsafe" in refused("select {{ v.__class__ | literal }}", v="a")
    assert "unsafe" in refused("select {{ (v | literal).__class__('x; y') }}", v="a")
    assert "unsafe" in refused("{% if v.append(1) %}{% endif %}select 1", v=[1])
    assert refused("select {{ range(3) | list | literal }}") == "'range' is undefined"


def test_a_key_goes_before_a_method() -> None:
    assert rendered("select {{ params.values | literal }}", params={"values": 3}) == "select 3"


def test_no_file_is_false_and_otherwise_needed() -> None:
    assert rendered("select {% if file %}1{% else %}2{% endif %}", file=NoFile()) == "select 2"
    assert rendered("select {% if not file %}2{% endif %}", file=NoFile()) == "select 2"
    for expression in ("file.rows.chunks | literal", "file | literal", "file.roots", "file['size'] | literal"):
        with pytest.raises(FileNeeded):
            rendered(f"select {{{{ {expression} }}}}", file=NoFile())


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], None]:
    (tmp_path / "templates").mkdir()

    def write_template(name: str, text: str) -> None:
        (tmp_path / "templates" / name).write_text(text)

    return write_template


def fault(folder: Path, name: str, **values: Any) -> tuple[str, str, str]:
    with pytest.raises(ConfigError) as caught:
        Templates(folder / "templates").render(name, values, at=AT)
    return str(caught.value.location), caught.value.message, caught.value.hint


def test_faults_stand_at_the_line_of_the_template(tmp_path: Path, write: Callable[[str, str], None]) -> None:
    write("a.sql.j2", "select 1\n\n, {{ nope | ident }}\n")
    write("b.sql.j2", "select 1\n{% if %}\n")
    write("c.sql.j2", "select 1\n{% include 'a.sql.j2' %}\n")
    write("d.sql.j2", "select 1\n, {{ 1 + 'a' }}\n")
    write("e.sql.j2", "\n{% include 'nope.j2' %}")
    write("f.sql.j2", "\n{% include 'f.sql.j2' %}")
    rendered_for = "rendered for checks/x.yaml:3:5"
    assert fault(tmp_path, "a.sql.j2") == ("templates/a.sql.j2:3", "'nope' is undefined", rendered_for)
    assert fault(tmp_path, "b.sql.j2")[0] == "templates/b.sql.j2:2"
    assert fault(tmp_path, "c.sql.j2") == ("templates/a.sql.j2:3", "'nope' is undefined", rendered_for)
    assert fault(tmp_path, "d.sql.j2")[:2] == (
        "templates/d.sql.j2:2",
        "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
    )
    assert fault(tmp_path, "e.sql.j2")[:2] == ("templates/e.sql.j2:2", 'no template "nope.j2" in templates/')
    assert "RecursionError" in fault(tmp_path, "f.sql.j2")[1]
    assert fault(tmp_path, "g.sql.j2") == (str(AT), 'no template "g.sql.j2" in templates/', 'did you mean "f.sql.j2"?')


def test_nothing_outside_the_folder_is_read(tmp_path: Path, write: Callable[[str, str], None]) -> None:
    (tmp_path / "secret").write_text("select 1")
    (tmp_path / "templates" / "link.sql.j2").symlink_to(tmp_path / "secret")
    write("up.sql.j2", "{% include '../secret' %}")
    write("by_link.sql.j2", "{% include 'link.sql.j2' %}")
    for name in ("../secret", str(tmp_path / "secret"), "link.sql.j2", "up.sql.j2", "by_link.sql.j2"):
        assert "no template" in fault(tmp_path, name)[1], name


def test_a_nul_in_a_template_is_refused(tmp_path: Path, write: Callable[[str, str], None]) -> None:
    write("a.sql.j2", "select 1\n\0; drop table books\0")
    assert fault(tmp_path, "a.sql.j2")[:2] == ("templates/a.sql.j2:2", "contains a NUL")
    assert refused("select 1 \0; drop table books\0") == "contains a NUL"
