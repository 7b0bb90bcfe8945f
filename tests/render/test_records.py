"""A View as the rows of a spreadsheet and as names."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from gitops_cli.agent import view as agent
from gitops_cli.domain.errors import UsageError
from gitops_cli.render import (
    change,
    diff,
    env,
    env_move,
    env_show,
    history,
    lock,
    recorded_diff,
    rename,
    status,
    sync,
    wait,
)
from gitops_cli.render.query import as_text, parse_query
from gitops_cli.render.records import csv_lines, names
from gitops_cli.render.view import Cell, Column, Line, Records, Table, View
from tests.render.test_safe import HOSTILE, acts
from tests.testbed import schemas

DOCUMENT: dict[str, Any] = {
    "commit": "c0ffee",
    "places": [
        {"name": "dev", "rows": [{"service": "web", "lock": None, "ok": True, "pods": [{"n": 1}]}]},
        {
            "name": "prod",
            "rows": [{"service": "web", "lock": {"by": "Ada"}, "pods": [{"n": 1}, {"n": 2}]}],
        },
    ],
}
COLUMNS = "place=name service by=lock.by ok pods=pods.n commit"


def read(view: View) -> list[list[str]]:
    """Return the cells, as any other program reads them."""
    return list(csv.reader(io.StringIO("".join(csv_lines(view)), newline="")))


def test_a_row_of_each_thing_has_what_it_lies_in_too() -> None:
    view = View("x", DOCUMENT, records=Records("places.rows", COLUMNS, "{place}/{service}"))

    assert read(view) == [
        ["place", "service", "by", "ok", "pods", "commit"],
        ["dev", "web", "", "true", "1", "c0ffee"],
        ["prod", "web", "Ada", "", "1; 2", "c0ffee"],
    ]
    assert list(names(view)) == ["dev/web", "prod/web"]


def test_columns_are_the_same_where_there_is_nothing() -> None:
    view = View("x", {"places": []}, records=Records("places.rows", COLUMNS, "{service}"))

    assert read(view) == [["place", "service", "by", "ok", "pods", "commit"]]
    assert list(names(view)) == []


def test_a_document_can_be_the_one_thing_and_a_list_be_of_texts() -> None:
    one = View("x", {"version": "1"}, records=Records("", "version", "{version}"))
    texts = View("x", {"topics": ["a", "b"]}, records=Records("topics", "t=value", "{t}"))

    assert read(one) == [["version"], ["1"]]
    assert list(names(texts)) == ["a", "b"]


def test_a_view_that_does_not_say_has_the_rows_of_its_first_table() -> None:
    columns = (Column("first name"), Column("more", wide=True))
    table = Table(columns, [["a", Cell("1")], ["b", "2"]])
    other = Table((Column("else"),), [["no"]])

    view = View("x", {}, (Line("text"), table, other, table))

    assert read(view) == [["first_name", "more"], ["a", "1"], ["b", "2"], ["a", "1"], ["b", "2"]]
    assert list(names(view)) == ["a", "b"]
    assert read(View("x", {}, (Line("text"),))) == [["text"], ["text"]]


def test_lines_end_as_the_rfc_has_them_and_quotes_are_doubled() -> None:
    view = View("x", {"a": 'say "hi", twice'}, records=Records("", "a", "{a}"))

    assert csv_lines(view) == ("a\r\n", '"say ""hi"", twice"\r\n')


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2", "@SUM(A1)", " =1", "\t=1", "\uff1d1"])
def test_no_cell_is_a_formula(text: str) -> None:
    view = View("x", {"a": text}, records=Records("", "a", "{a}"))

    assert read(view)[1] == [f"'{text.strip()}"]


def test_what_a_semicolon_would_make_a_cell_of_is_no_formula_either() -> None:
    view = View("x", {"a": ["fix;=1+1", "-2"]}, records=Records("", "a", "{a}"))

    assert read(view)[1] == ["fix;'=1+1; '-2"]


def test_a_number_of_ours_is_no_formula() -> None:
    assert read(View("x", {"a": 3}, records=Records("", "a", "{a}")))[1] == ["3"]


@pytest.mark.parametrize("text", [*HOSTILE.values(), "a\nb", "::error::x"])
def test_text_from_elsewhere_acts_neither_in_rows_nor_in_names_nor_in_answers(text: str) -> None:
    view = View("x", {"a": text}, records=Records("", "a", "{a}"))

    [name], [_, row] = list(names(view)), read(view)
    for shown in (name, row[0]):
        assert not acts(shown)
        assert "\n" not in shown
        assert not shown.startswith("::")
    assert not acts(as_text(parse_query("a").of({"a": text})))


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        ("agent-run", agent._VISITED),
        ("agent-status", agent._REPORTED),
        ("diff", diff.RECORDS),
        ("environment", env._MADE),
        ("environment-details", env_show._RECORDS),
        ("environment-removal", env_move._RECORDS),
        ("environment-rename", env_move._RECORDS),
        ("environments", env._LISTED),
        ("history", history._RECORDS),
        ("lock", lock._RECORDS),
        ("promotion", change.RECORDS),
        ("promotions", change._OF_SEVERAL),
        ("recording", change.RECORDS),
        ("release", change.RECORDS),
        ("removal", change.RECORDS),
        ("recorded-diff", recorded_diff._RECORDS),
        ("rename", rename._RECORDS),
        ("rollback", change.RECORDS),
        ("status", status._RECORDS),
        ("sync", sync._RECORDS),
        ("wait", wait._RECORDS),
    ],
)
def test_every_column_is_a_key_of_the_published_schema(kind: str, records: Records) -> None:
    levels = [json.loads((schemas.DIRECTORY / f"{kind}.json").read_text())["properties"]]
    for key in records.path.split(".") if records.path else []:
        levels.insert(0, levels[0][key]["items"]["properties"])

    for column in records.columns.split():
        first, *more = column.rpartition("=")[2].split(".")
        if column == "gone":
            continue  # of watch, whose lines go on below those of diff
        found = next(level for level in levels if first in level)[first]
        for key in more:
            found = found.get("items", found)["properties"][key]


def test_a_query_answers_texts_for_a_shell_and_the_rest_as_json() -> None:
    def answer(expression: str) -> str:
        return as_text(parse_query(expression).of(DOCUMENT))

    assert answer("commit") == "c0ffee"
    assert answer("places[].name") == "dev\nprod"
    assert answer("length(places)") == "2"
    assert answer("nothing") == "null"
    assert json.loads(answer("places[0].rows[0]")) == DOCUMENT["places"][0]["rows"][0]


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("", "column 1: empty"),
        ("commit.", "column 8: it ends too early"),
        ("a b", "column 3: `b` is not expected"),
        ("a[?b=='c'", "column 10: it ends too early"),
        ("'x", "column 1: `'x` is not expected"),
        ("a | lenght(@)", "column 5: no function `lenght`"),
        ("[length(a, b)]", "column 2: length() takes 1, not 2"),
        ("not_null()", "column 1: not_null() takes 1 or more, not 0"),
        ("(" * 5000, "column 1: nested too deeply"),
        ("@|" * 3000 + "@", "column 1: nested too deeply"),
    ],
)
def test_a_wrong_query_is_told_with_its_place_before_anything_is_done(
    expression: str, told: str
) -> None:
    with pytest.raises(UsageError) as raised:
        parse_query(expression)
    assert raised.value.message == f"--query: {told}"
    assert raised.value.hint


@pytest.mark.parametrize(
    "expression",
    ["to_number('inf')", "[to_number('nan')]", "`1e999`", "&commit", "{a: &commit}",
     "ceil(to_number('inf'))"],
)  # fmt: skip
def test_what_json_cannot_say_is_no_answer(expression: str) -> None:
    with pytest.raises(UsageError, match="--query: "):
        parse_query(expression).of(DOCUMENT)


def test_a_function_that_cannot_take_what_it_is_given_is_told() -> None:
    with pytest.raises(UsageError, match=r"--query: .*abs.*invalid type"):
        parse_query("abs(commit)").of(DOCUMENT)
