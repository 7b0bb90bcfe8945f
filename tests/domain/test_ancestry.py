"""How two source commits lie to each other, and whether a build is stale."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.past.ancestry import (
    SAME,
    UNKNOWN,
    Age,
    Changelog,
    Distance,
    Evidence,
    Relation,
    SourceCommit,
    age_by_times,
    age_of_build,
    distance,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "behind", "relation", "text"),
    [
        pytest.param(0, 0, Relation.SAME, "same", id="same"),
        pytest.param(3, 0, Relation.AHEAD, "3 ahead", id="ahead"),
        pytest.param(0, 2, Relation.BEHIND, "2 behind", id="behind"),
        pytest.param(3, 2, Relation.DIVERGED, "3 ahead, 2 behind", id="diverged"),
    ],
)
def test_two_counts_make_a_distance(ahead, behind, relation, text):
    found = distance(ahead, behind)

    assert (found.relation, str(found)) == (relation, text)


def test_a_distance_without_counts_is_shown_as_a_word():
    assert str(Distance(Relation.BEHIND)) == "behind"
    assert str(Distance(Relation.DIVERGED)) == "diverged"
    assert str(UNKNOWN) == "unknown"


@given(ahead=st.integers(0, 9), behind=st.integers(0, 9))
def test_looking_from_the_other_side_swaps_ahead_and_behind(ahead, behind):
    swapped = {Relation.AHEAD: Relation.BEHIND, Relation.BEHIND: Relation.AHEAD}
    there, back = distance(ahead, behind), distance(behind, ahead)

    assert back.relation == swapped.get(there.relation, there.relation)


@pytest.mark.parametrize(
    ("found", "age"),
    [
        pytest.param(distance(0, 1), Age.STALE, id="an ancestor"),
        pytest.param(distance(1, 0), Age.FRESH, id="a descendant"),
        pytest.param(distance(1, 1), Age.FRESH, id="another branch"),
        pytest.param(SAME, Age.FRESH, id="the same"),
        pytest.param(UNKNOWN, Age.UNKNOWN, id="cannot be told"),
    ],
)
def test_a_build_is_judged_by_order(found, age):
    assert age_of_build(found) is age


@pytest.mark.parametrize(
    ("recorded", "new", "age"),
    [
        pytest.param(NOON, NOON - timedelta(seconds=1), Age.STALE, id="made before"),
        pytest.param(NOON, NOON + timedelta(seconds=1), Age.FRESH, id="made after"),
        pytest.param(NOON, NOON, Age.UNKNOWN, id="made in the same second"),
        pytest.param(None, NOON, Age.UNKNOWN, id="no time recorded"),
        pytest.param(NOON, None, Age.UNKNOWN, id="no time of the new one"),
    ],
)
def test_times_judge_what_order_does_not(recorded, new, age):
    assert age_by_times(recorded=recorded, new=new) is age


def test_authors_are_named_once_the_newest_first():
    commits = tuple(
        SourceCommit(str(n), author, NOON, "x") for n, author in enumerate(["Ada", "Ben", "Ada"])
    )

    assert Changelog(distance(3, 0), commits).authors == ("Ada", "Ben")


def test_the_page_names_the_evidence_in_its_order():
    """docs/changing-versions.md says to people what `Evidence` says."""
    page = (Path(__file__).parents[2] / "docs" / "changing-versions.md").read_text()
    _, _, rest = page.partition("## Is this build older than the recorded one?")
    items = re.findall(r"^\d\. (.*)$", rest.partition("\n## ")[0], re.M)
    words = {Evidence.CHECKOUT: "own checkout", Evidence.MIRROR: "mirror", Evidence.TIMES: "time"}

    assert [words[evidence] in item for evidence, item in zip(Evidence, items, strict=False)] == [
        True,
        True,
        True,
    ]
    assert items[3].startswith("nobody")
