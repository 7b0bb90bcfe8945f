"""A plan and its result, as people and machines see them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_cli.domain.change.draft import Draft, Verb, WriteOutcome
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.proposal import Proposal, Written
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import SAME, UNKNOWN, Changelog, SourceCommit, distance
from gitops_cli.domain.version import Version
from gitops_cli.render.change import both_views, plan_view, result_view
from gitops_cli.render.view import Line, Table, View, cell

PROD, AUTH = EnvironmentName("p-production"), ServiceName("auth")
A, B = Version("a" * 40), Version("b" * 40)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def draft(*changes: Change, verb: Verb = Verb.PROMOTE, **more) -> Draft:
    proposal = Proposal((), "p-production: x")
    return Draft(verb, PROD, changes, more.pop("unchanged", ()), proposal, **more)


def commits(count: int, author: str = "Ada") -> tuple[SourceCommit, ...]:
    return tuple(SourceCommit(f"{n:040x}", author, NOON, f"change {n}") for n in range(count))


def rows(view: View) -> list[list[str]]:
    return [
        [cell(value).text for value in row]
        for block in view.blocks
        if isinstance(block, Table)
        for row in block.rows
    ]


def lines(view: View) -> list[str]:
    return [block.text for block in view.blocks if isinstance(block, Line)]


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (distance(3, 0), "3 ahead"),
        (distance(0, 2), "2 behind (downgrade!)"),
        (distance(1, 2), "diverged: 1 ahead, 2 behind"),
        (SAME, "same commit"),
        (UNKNOWN, "unknown"),
    ],
)
def test_a_row_tells_how_the_versions_lie_to_each_other(found, shown):
    view = plan_view(
        WriteOutcome(draft(Change(AUTH, A, B))), {Change(AUTH, A, B): Changelog(found)}
    )

    assert rows(view) == [["auth", "aaaaaaa", "bbbbbbb", shown, "", ""]]


def test_a_rollback_is_no_alarm():
    back = draft(Change(AUTH, A, B), verb=Verb.ROLLBACK)

    [[_, _, _, shown, *_]] = rows(
        plan_view(WriteOutcome(back), {Change(AUTH, A, B): Changelog(distance(0, 2))})
    )

    assert shown == "2 behind"


def test_what_is_added_or_removed_has_no_distance():
    view = plan_view(
        WriteOutcome(draft(Change(AUTH, None, B), Change(ServiceName("web"), A, None))), {}
    )

    assert [row[1:4] for row in rows(view)] == [
        ["absent", "bbbbbbb", ""],
        ["aaaaaaa", "removed", ""],
    ]


def test_many_commits_and_authors_are_cut_for_people_and_whole_for_machines():
    listed = tuple(SourceCommit(f"{n:040x}", f"Author {n}", NOON, f"change {n}") for n in range(12))
    log = Changelog(distance(30, 0), listed, link="https://example.com/compare")
    view = plan_view(WriteOutcome(draft(Change(AUTH, A, B))), {Change(AUTH, A, B): log})

    assert rows(view)[0][4] == "Author 0, Author 1, Author 2 and 9 more"
    told = lines(view)
    assert told[0] == "auth: https://example.com/compare"
    assert told[-1] == "  + 20 commits more"
    assert len(told) == 12
    [change] = view.document["changes"]
    assert len(change["commits"]) == 12
    assert change["ahead"] == 30


def test_commits_that_are_taken_away_are_listed():
    log = Changelog(distance(0, 1), removed=commits(1))

    assert lines(plan_view(WriteOutcome(draft(Change(AUTH, A, B))), {Change(AUTH, A, B): log})) == [
        "auth",
        "  - 0000000 change 0 (Ada)",
    ]


def test_a_commit_of_elsewhere_cannot_add_lines():
    odd = SourceCommit("a" * 40, "Eve\nmallory", NOON, "::error::x\n\x1b[2Jy")
    log = Changelog(distance(1, 0), (odd,))

    [_, told] = lines(plan_view(WriteOutcome(draft(Change(AUTH, A, B))), {Change(AUTH, A, B): log}))

    assert told.startswith("  + aaaaaaa ::error::x")
    assert "\n" not in told
    assert "\x1b" not in told


def test_a_result_names_the_commit():
    written = Written("c" * 40, True, "d" * 40, Proposal((), "p-production: done"), 1)

    view = result_view(WriteOutcome(draft(Change(AUTH, A, B)), written))

    assert lines(view) == ["p-production: done (ccccccc)"]
    assert (view.document["commit"], view.document["changed"]) == ("c" * 40, True)


def test_where_nobody_looked_for_source_commits_nothing_is_said_of_them():
    asked = WriteOutcome(draft(Change(AUTH, A, B)))

    [unlooked, _] = both_views(asked, None).blocks
    [unknown, *_] = both_views(asked, {}).blocks

    assert [column.title for column in unlooked.columns] == ["service", "now", "new"]
    assert [len(row) for row in unlooked.rows] == [3]
    assert "commits" in [column.title for column in unknown.columns]


@pytest.mark.parametrize(
    ("unchanged", "more", "told"),
    [
        ((Change(AUTH, A, A),), {}, "nothing to do: auth in p-production is aaaaaaa already"),
        ((Change(AUTH, None, None),), {}, "nothing to do: auth in p-production is absent already"),
        (
            (Change(AUTH, A, A), Change(ServiceName("web"), B, B)),
            {"source": EnvironmentName("p-staging")},
            "nothing to do: p-production is up to date with p-staging (2 services)",
        ),
        ((), {}, "nothing to do: p-production is up to date"),
    ],
)
def test_nothing_to_do_is_said(unchanged, more, told):
    view = both_views(WriteOutcome(draft(unchanged=unchanged, **more)), {})

    assert lines(view) == [told]
    assert view.document["changed"] is False
