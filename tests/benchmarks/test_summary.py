"""What the benchmark says of its figures."""

from __future__ import annotations

from benchmarks.summary import Record, goals, linearity, sizes_table, steps_table

RECORDS = [
    Record(100, 2.5, "run", 0, 1.0, 120.0),
    Record(100, 2.5, "run", 1, 3.0, 130.0),
    Record(100, 2.5, "run", 2, 2.0, 110.0),
    Record(100, 2.5, "psql", 0, 8.0, 20.0),
    Record(400, 10.0, "run", 0, 12.0, 301.0),
    Record(400, 10.0, "psql", 0, 24.0, 20.0),
]


def test_the_table_shows_medians_and_ratios() -> None:
    assert sizes_table(RECORDS).splitlines() == [
        "             chunks  MB  seconds      from-to  MB/s  chunks/s       ratio  peak MB",
        "-----------  ------  --  -------  -----------  ----  --------  ----------  -------",
        "promote run     100   2     2.00    1.00-3.00     1        50                  130",
        "psql -f         100   2     8.00    8.00-8.00     0        12  4.00 x run       20",
        "promote run     400  10    12.00  12.00-12.00     1        33                  301",
        "psql -f         400  10    24.00  24.00-24.00     0        17  2.00 x run       20",
    ]


def test_goals_are_held_against_the_figures() -> None:
    assert goals(RECORDS).splitlines() == [
        "ok     100 chunks: run is 4.0 times as fast as psql, at least 3",
        "ok     100 chunks: run takes 130 MB of memory, at most 300",
        "MISSED 400 chunks: run is 2.0 times as fast as psql, at least 3",
        "MISSED 400 chunks: run takes 301 MB of memory, at most 300",
        "MISSED run: a chunk of 400 takes 1.50 times one of 100, at most 1.25",
    ]


def test_growth_is_shown_by_chunk() -> None:
    assert linearity(RECORDS).splitlines()[-2:] == [
        "promote run  20.000  30.000",
        "psql -f      80.000  60.000",
    ]
    assert linearity(RECORDS[:4]) == ""


def test_steps_add_up_to_the_run() -> None:
    steps = {"import chunks": 6.0, "validate": 5.0, "check a": 0.02, "check b": 0.03}
    assert steps_table([(RECORDS[4], steps)]).splitlines() == [
        "where promote run of 400 chunks spends its 12.00 s",
        "                                    seconds   share",
        "----------------------------------  -------  ------",
        "import chunks                          6.00  50.0 %",
        "validate                               5.00  41.7 %",
        "2 shorter steps                        0.05   0.4 %",
        "start, end and what no step counts     0.95   7.9 %",
    ]
