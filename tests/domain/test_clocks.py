"""Times of a branch in the order of the branch, whatever clocks said."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.past.clocks import in_order


def test_right_times_stay() -> None:
    assert in_order([]) == []
    assert in_order([30, 20, 20, 10]) == [30, 20, 20, 10]


def test_one_clock_that_was_early_or_late_changes_no_other() -> None:
    assert in_order([40, 30, 1, 20, 10]) == [40, 30, 20, 20, 10]
    assert in_order([40, 30, 99, 20, 10]) == [40, 30, 20, 20, 10]


def test_the_oldest_has_none_before_it() -> None:
    assert in_order([40, 30, 20, 99]) == [40, 30, 20, 20]
    assert in_order([40, 30, 98, 99]) == [40, 30, 30, 30]


@given(st.lists(st.integers(0, 6), max_size=9))
def test_as_few_as_possible_are_changed(times: list[int]) -> None:
    found = in_order(times)
    assert found == sorted(found, reverse=True)
    changed = sum(a != b for a, b in zip(times, found, strict=True))
    kept = max(
        size
        for size in range(len(times) + 1)
        for part in combinations(times, size)
        if list(part) == sorted(part, reverse=True)
    )
    assert changed <= len(times) - kept
