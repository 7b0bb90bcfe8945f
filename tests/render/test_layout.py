"""Tables on terminals of any width: all of it is there, and no word is broken that fits."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.render.layout import INDENT, table_lines
from gitops_cli.render.view import Column, Flow, Table

HASH = "dead0cc71c376136bb8d52b3a0505917ba5b00d4"
HISTORY = Table(
    (
        Column("when"),
        Column("service"),
        Column("lived", right=True),
        Column("by"),
        Column("why", flow=Flow.PROSE),
    ),
    [
        ["2026-11-29 02:59", "authentication", "9d+", "Ada Example", "the session warning shows"],
        ["2026-11-28 02:59", "web", "10m", "CI", ""],
        ["2026-11-27 02:59", "web", "10m", "CI", f"not found: {HASH}"],
    ],
)
GRID = Table(
    (Column("service"), Column("staging", flow=Flow.WRAP), Column("production", flow=Flow.WRAP)),
    [["web", "36a03b3 15d, 1 behind", "8f14e45 9d, diverged (1 ahead, 4 behind)"]],
)


def drawn(table: Table, width: int | None) -> str:
    return "".join(f"{line.plain}\n" for line in table_lines(table, width))


@pytest.mark.parametrize("width", [None, 120])
def test_a_table_that_fits_is_one_line_per_row(width: int | None) -> None:
    assert drawn(HISTORY, width) == dedent(f"""\
        WHEN              SERVICE         LIVED  BY           WHY
        2026-11-29 02:59  authentication    9d+  Ada Example  the session warning shows
        2026-11-28 02:59  web               10m  CI           -
        2026-11-27 02:59  web               10m  CI           not found: {HASH}
        """)


def test_a_sentence_wraps_in_its_column_and_goes_below_where_a_word_does_not_fit() -> None:
    assert drawn(HISTORY, 79) == dedent(f"""\
        WHEN              SERVICE         LIVED  BY           WHY
        2026-11-29 02:59  authentication    9d+  Ada Example  the session warning shows
        2026-11-28 02:59  web               10m  CI           -
        2026-11-27 02:59  web               10m  CI
            not found: {HASH}
        """)


def test_a_row_goes_on_with_a_whole_column() -> None:
    assert drawn(HISTORY, 46) == dedent(f"""\
        WHEN              SERVICE         LIVED
            BY           WHY
        2026-11-29 02:59  authentication    9d+
            Ada Example  the session warning shows
        2026-11-28 02:59  web               10m
            CI
        2026-11-27 02:59  web               10m
            CI
            not found:
            {HASH}
        """)


FIGURES = Table(
    (
        Column("service"),
        Column("stage"),
        Column("deployed", right=True),
        Column("lead time", right=True, flow=Flow.WRAP),
        Column("weeks"),
    ),
    [["authentication", "development", "24", "4m", "▁▇█▁"], ["web", "qa", "2", "-", "▁▁▁▁"]],
)


def test_heads_of_numbers_wrap_before_rows_go_on_and_then_all_do_at_the_numbers() -> None:
    assert drawn(FIGURES, 51) == dedent("""\
        SERVICE         STAGE        DEPLOYED   LEAD  WEEKS
                                                TIME
        authentication  development        24     4m  ▁▇█▁
        web             qa                  2      -  ▁▁▁▁
        """)
    assert drawn(FIGURES, 44) == dedent("""\
        SERVICE         STAGE
            DEPLOYED  LEAD TIME  WEEKS
        authentication  development
                  24         4m  ▁▇█▁
        web             qa
                   2          -  ▁▁▁▁
        """)


def test_all_rows_go_on_at_one_column_however_long_a_cell_is() -> None:
    settings = Table(
        (Column("key"), Column("value"), Column("origin")),
        [
            ["service.web.source", f"file:///{HASH}", "gitops.toml:17"],
            ["stage.qa.cluster", "kind", "gitops.toml:4"],
            ["output", "table", "default"],
        ],
    )

    assert drawn(settings, 40) == dedent(f"""\
        KEY                 VALUE
            ORIGIN
        service.web.source
            file:///{HASH}
            gitops.toml:17
        stage.qa.cluster    kind
            gitops.toml:4
        output              table
            default
        """)


def test_the_cells_of_a_grid_wrap_at_words() -> None:
    assert drawn(GRID, 40) == dedent("""\
        SERVICE  STAGING         PRODUCTION
        web      36a03b3 15d, 1  8f14e45 9d,
                 behind          diverged (1
                                 ahead, 4
                                 behind)
        """)


def test_one_long_cell_does_not_spread_all_rows() -> None:
    table = Table((Column("key"), Column("value")), [["a", "1"], ["b", HASH]])
    assert drawn(table, 42) == f"KEY  VALUE\na    1\nb\n    {HASH}\n"


WORDS = st.text("abc", min_size=1, max_size=12)
CELLS = st.lists(WORDS, max_size=6).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    flows = draw(st.lists(st.sampled_from([Flow.KEEP, Flow.WRAP]), min_size=1, max_size=6))
    columns = [
        Column(f"c{i}", right=draw(st.booleans()), flow=flow) for i, flow in enumerate(flows)
    ]
    if draw(st.booleans()):
        columns.append(Column("why", flow=Flow.PROSE))
    one = st.tuples(*(WORDS if c.flow is Flow.KEEP else CELLS for c in columns))
    return Table(columns, draw(st.lists(one, max_size=5)))


@given(table=tables(), width=st.integers(12 + INDENT, 120))
def test_nothing_is_lost_broken_or_too_wide(table: Table, width: int) -> None:
    text = drawn(table, width)
    said = [word for row in table.rows for value in row for word in str(value).split()]
    shown = [word for word in text.split() if word != "-"]
    titles = [column.title.upper() for column in table.columns]
    assert sorted(shown) == sorted(said + titles)
    assert max(map(len, text.splitlines())) <= width


def test_what_is_to_be_brief_has_two_lines_and_says_where_more_follows() -> None:
    sentence = "the quick brown fox jumps over the lazy dog and comes back to its den at noon"
    table = Table((Column("service"), Column("why", flow=Flow.BRIEF)), [["web", sentence]])
    assert drawn(table, 60) == dedent("""\
        SERVICE  WHY
        web      the quick brown fox jumps over the lazy dog and
                 comes back to its den at noon
        """)
    assert drawn(table, 46) == dedent("""\
        SERVICE  WHY
        web
            the quick brown fox jumps over the lazy
            dog and comes back to its den at noon
        """)
    assert drawn(table, 30) == dedent("""\
        SERVICE
            WHY
        web
            the quick brown fox jumps
            over the lazy dog and …
        """)
    assert drawn(table, None) == f"SERVICE  WHY\nweb      {sentence}\n"
