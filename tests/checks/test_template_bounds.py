"""A template cannot fill the memory or take for ever: what grows is refused before it is made."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from minerva_promote.errors import ConfigError, Location
from minerva_promote.sqltext import bounds
from minerva_promote.sqltext.templates import Templates

AT = Location("checks/a.yaml", 1, 1)
MANY = {"many": list(range(1000)), "text": "x" * 1000, "one": "x", "n": 10**9, "null": None}
TOO_MUCH = [
    "{{ (one * n) | literal }}",
    "{{ (n * one) | literal }}",
    "{{ 'a' * 1000000000 | literal }}",
    "{% set x = [1] * n %}",
    "{{ (9 ** (9 ** 9)) | literal }}",
    "{{ (n ** n) | literal }}",
    "{{ ('%1000000000d' % 1) | literal }}",
    "{{ ('%*d' % (n, 1)) | literal }}",
    "{{ ('{:>1000000000}'.format(1)) | literal }}",
    "{{ ('{:>{}}'.format(1, n)) | literal }}",
    "{{ one.center(n) | literal }}",
    "{{ one.ljust(n) | literal }}",
    "{{ one.rjust(n) | literal }}",
    "{{ one.zfill(n) | literal }}",
    "{{ '\\t'.expandtabs(n) | literal }}",
    "{{ (text * 1000).replace('x', text * 1000) | literal }}",
    "{{ (text * 1000) | replace('x', text * 1000) | literal }}",
    "{{ (text * 1000) | replace('', text * 1000) | literal }}",
    "{{ (text * 1000).join(many) | literal }}",
    "{{ many | join(text * 1000) | literal }}",
    "{{ [1] | batch(n, 'x') | list | literal }}",
    "{{ [1] | slice(n) | list | literal }}",
    "{{ 1.5 | round(1000000000) | literal }}",
    "{{ [many] | sum(start=[]) | literal }}",
    "{{ (1).to_bytes(n) | literal }}",
    "{% set a = text * 1000 %}" + "{% set a = a ~ a %}" * 40 + "{{ a | literal }}",
    "{% set a = text * 1000 %}" + "{% set a = a + a %}" * 40 + "{{ a | literal }}",
    "{% set a = text * 1000 %}" + "{% set a = [a, a] | join %}" * 40 + "{{ a | literal }}",
    "{% for a in many %}{% for b in many %}{{ text | literal }}, {% endfor %}{% endfor %}",
    "{{ ('{0:9999}' * 100000).format(1) | literal }}",
    "{{ ('{0}' * 100000).format(text * 1000) | literal }}",
    "{{ ('%(a)s' * 100000) % {'a': text * 1000} | literal }}",
    "{{ '{:٩٩٩٩٩٩٩٩٩}'.format(1) | literal }}",
    "{{ '{0:{1}}'.format(1, '99999999') | literal }}",
    "{% set a %}{% for a in many %}{% for b in many %}{{ text | literal }}{% endfor %}{% endfor %}{% endset %}1",
    "{% set a %}{% for a in many %}{% for b in many %}" + "x" * 10_000 + "{% endfor %}{% endfor %}{% endset %}1",
    "".join(f"{{% set a{number} = [1] * 900000 %}}" for number in range(40)),
    "{{ [1] | slice(16000000) | list | length | literal }}",
    "{{ (text * 16000) | list | length | literal }}",
    "{{ (text * 16000).split('x') | length | literal }}",
    "{{ ([text * 1000] * 5000) | literal }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 60 + "{{ (a == b) | literal }}",
]


@pytest.mark.parametrize("template", TOO_MUCH)
def test_what_grows(template: str, tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    templates.render_inline("select {{ one | literal }}", MANY, at=AT)  # what is imported once is not counted
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError):
            templates.render_inline(template, MANY, at=AT)
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in many for_ %}".replace(" for_", "") * 5 + "{% endfor %}" * 5,
        "{% for a in many %}{% for b in many %}{% for c in many %}{% if a == b and b == c and a == none %}1{% endif %}{% endfor %}{% endfor %}{% endfor %}",
        "{% include 'twice.sql.j2' %}",
        "{{ (many * 100) | select('in', [[2]] * 400000) | list | length | literal }}",
    ],
    ids=["empty loops", "loops", "includes", "tests"],
)
def test_what_takes_long(template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_SECONDS", 0.2)
    for number in range(60):
        inner = f"{{% include '{number + 1}.sql.j2' %}}" * 2 if number < 59 else ""
        (tmp_path / f"{number}.sql.j2").write_text(inner)
    (tmp_path / "twice.sql.j2").write_text("{% include '0.sql.j2' %}")
    begun = time.monotonic()
    with pytest.raises(ConfigError, match="rendering takes longer than"):
        Templates(tmp_path).render_inline(template, MANY, at=AT)
    assert time.monotonic() - begun < 60


def test_what_is_usual(tmp_path: Path) -> None:
    template = (
        "{% for n in many[:3] %}{{ loop.index | literal }}/{{ loop.length | literal }}{% if not loop.last %}, {% endif %}"
        "{% else %}none{% endfor %}, {{ ('a' ~ 1 ~ one) | literal }}, {{ (2 ** 10 + 5 % 3) | literal }}, "
        "{{ (many[:2] + [7]) | literal }}, {{ ('%05d' % 7) | literal }}, {{ ('-' * 3) | literal }}, "
        "{{ '{:>3}'.format(1) | literal }}, {{ one.center(3) | literal }}, {{ 'abc' | replace('b', 'xx') | literal }}, "
        "{{ ['a', 'b'] | join('-') | literal }}, {{ many[:3] | batch(2) | first | literal }}, {{ 1.25 | round(1) | literal }}, "
        "{{ [1, 2] | sum | literal }}, {{ null | literal }}, {{ many | length | literal }}"
    )
    expected = "1/3, 2/3, 3/3, 'a1x', 1026, ARRAY[0, 1, 7], '00007', '---', '  1', ' x ', 'axxc', 'a-b', ARRAY[0, 1], 1.2, 3, NULL, 1000"
    assert Templates(tmp_path).render_inline(f"select {template}", MANY, at=AT) == f"select {expected}"


def test_template_files(tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    (tmp_path / "big.sql.j2").write_text("x" * 1_048_577)
    (tmp_path / "latin.sql.j2").write_bytes(b"select '\xe4'")
    os.mkfifo(tmp_path / "pipe.sql.j2")
    for name, fact in (
        ("big", "1048577 bytes, at most 1048576 are read"),
        ("latin", "not UTF-8 (line 1)"),
        ("pipe", "cannot be read: is not a regular file"),
    ):
        with pytest.raises(ConfigError) as caught:
            templates.render(f"{name}.sql.j2", {}, at=AT)
        assert fact in str(caught.value)
