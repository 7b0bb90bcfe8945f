"""Commits as values: what the branch was at before, and times that git may claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.past.commits import Commit, FileChange, parent_on, time_of

ADA = Actor("Ada", "ada@example.com")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def commit(subject: str = "Change", *parents: str) -> Commit:
    return Commit("c", parents, ADA, NOON, NOON, subject)


@pytest.mark.parametrize(
    ("subject", "branch", "parent"),
    [
        ("Merge branch 'main' of example.com:acme/state", "main", "theirs"),
        ("Merge branch 'main' of /srv/state", "main", "theirs"),
        ("Merge branch 'main' of /srv/state into main", "main", "theirs"),
        ("Merge remote-tracking branch 'origin/main'", "main", "theirs"),
        ("Merge remote-tracking branch 'origin/main' into main", "main", "theirs"),
        ("Merge remote-tracking branch 'origin/a/b' into a/b", "a/b", "theirs"),
        ("Merge branch 'main' of /srv/state into other", "main", "mine"),
        ("Merge branch 'other' of /srv/state into main", "main", "mine"),
        ("Merge branch 'other'", "main", "mine"),
        ("Merge branch 'main'", "main", "mine"),
        ("Merge remote-tracking branch 'origin/main' and more", "main", "mine"),
        ("A Merge remote-tracking branch 'origin/main'", "main", "mine"),
        ("Merge branch 'main' of /srv/state", None, "mine"),
        ("Merge branch 'main' of /srv/state", "other", "mine"),
        ("Anything", "main", "mine"),
    ],
)
def test_what_a_branch_was_at_before_a_merge(subject: str, branch: str | None, parent: str) -> None:
    assert parent_on(commit(subject, "mine", "theirs"), branch) == parent


def test_only_a_merge_of_two_is_a_pull() -> None:
    pull = "Merge branch 'main' of /srv/state"

    assert parent_on(commit(pull, "mine", "theirs", "more"), "main") == "mine"
    assert parent_on(commit(pull, "mine"), "main") == "mine"
    assert parent_on(commit(pull), "main") is None


def test_a_time_beyond_the_calendar_becomes_nearly_its_end() -> None:
    east = timezone(timedelta(hours=2))

    assert time_of(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert time_of(0, east).utcoffset() == timedelta(hours=2)
    assert time_of(10**15) == datetime(9999, 12, 30, tzinfo=UTC)
    assert time_of(10**30, east) == datetime(9999, 12, 30, tzinfo=UTC)
    assert time_of(-(10**15)) == datetime(1, 1, 2, tzinfo=UTC)


def test_who_made_a_change_that_a_merge_brought() -> None:
    merge, own = commit("Merge"), commit("Own")

    assert FileChange("p", merge, None, b"x").made_by is merge
    assert FileChange("p", merge, None, b"x", own).made_by is own
