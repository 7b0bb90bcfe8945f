"""JSON is what the standard library writes, and is written while its things are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit
from gitops_cli.operations.past_changes import PastChange, Recorded
from gitops_cli.render import history
from gitops_cli.render.document import as_json, document, unread
from gitops_cli.render.plain import plain_view
from gitops_cli.render.records import csv_lines
from gitops_cli.render.view import Style, View

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('aü"\\\n')
DATA = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("aü", max_size=2), inner),
    max_leaves=12,
)


@given(DATA, st.booleans())
def test_it_is_what_the_standard_library_writes(value: object, ascii_only: bool) -> None:
    assert as_json(value, ascii_only=ascii_only) == json.dumps(
        value, indent=2, ensure_ascii=ascii_only
    )


def test_enumerations_and_tuples_are_texts_and_lists() -> None:
    value = {"style": Style.GOOD, "pair": (1, ()), "empty": {}}

    assert as_json(value) == json.dumps(value, indent=2)


@pytest.mark.parametrize("on_one_line", [False, True])
def test_an_iterator_is_a_list(on_one_line: bool) -> None:
    def written(value: object) -> str:
        return as_json({"entries": value}, on_one_line=on_one_line)

    for things in ([], [{"a": 1}, "b"]):
        assert written(iter(things)) == written(things)


def changes(read: list[int]) -> Iterator[PastChange]:
    for number in range(3):
        read.append(number)
        at = NOW - timedelta(hours=number)
        made = Commit(f"{number}" * 40, (), Actor("Ada", "a@b.c"), at, at, f"change {number}")
        old, new = (Recorded(f"v{number + step}", None) for step in (0, 1))
        place = EnvironmentName("prod"), ServiceName("web"), "prod/web.deployment"
        yield PastChange(*place, old, new, made.hash, at, made, None)


def test_a_change_is_told_before_the_next_is_read() -> None:
    read: list[int] = []
    entries = unread(history.view(changes(read), NOW))["entries"]

    assert [(entry["subject"], len(read)) for entry in entries] == [
        ("change 0", 1),
        ("change 1", 2),
        ("change 2", 3),
    ]


def test_each_format_has_all_changes_of_a_history_that_is_read_once() -> None:
    def shown() -> View:
        return history.view(changes([]), NOW)

    told = document(shown())
    assert [entry["subject"] for entry in told["entries"]] == ["change 0", "change 1", "change 2"]
    assert json.loads(as_json(unread(shown()))) == told
    assert csv_lines(shown())[1].count("\n") == 3
    assert len(list(plain_view(shown()))) == 4, "with the titles"


def test_nothing_is_a_document_too() -> None:
    view = history.view((), NOW)

    assert document(view)["entries"] == []
    assert list(plain_view(view)) == ["no changes"]
