"""Several pasts become one, in the order of the branch."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.past.commits import along

BRANCH = tuple("gfedcba")  # newest first
PASTS = st.dictionaries(st.sampled_from("xyz"), st.sets(st.sampled_from(BRANCH)))


def told(past: set[str]) -> Iterator[str]:
    return iter(sorted(past, reverse=True))


@given(PASTS, st.data())
def test_every_commit_comes_once_in_the_order_of_the_branch(pasts, data):
    begins = {key: max(past) for key, past in pasts.items() if past and data.draw(st.booleans())}

    found = list(along(BRANCH, {k: told(p) for k, p in pasts.items()}, str, begins))

    assert found == [
        {key: commit for key, past in pasts.items() if commit in past}
        for commit in BRANCH
        if any(commit in past for past in pasts.values())
    ]


def test_nothing_is_read_further_than_it_is_asked_for():
    read: list[str] = []

    def noted(commits: str) -> Iterator[str]:
        for commit in commits:
            read.append(commit)
            yield commit

    found = along(noted(BRANCH), {"x": noted("fe"), "y": noted("ca")}, str, {"y": "c"})

    assert next(found) == {"x": "f"}
    assert read == ["f", "g", "f"], "one of x, and the branch down to it; y was not opened"


def test_a_past_may_begin_later_than_was_thought_or_not_at_all():
    pasts = {"x": iter("ca"), "y": iter(""), "z": iter("c")}

    found = list(along(BRANCH, pasts, str, {"x": "f", "y": "e"}))

    assert found == [{"x": "c", "z": "c"}, {"x": "a"}]


def test_what_lies_beside_the_branch_is_not_lost():
    pasts = {"x": iter("fQa"), "y": iter("R"), "z": iter("b")}

    found = list(along(BRANCH, pasts, str, {"y": "R"}))

    assert found == [{"x": "f"}, {"z": "b"}, {"x": "Q"}, {"x": "a"}, {"y": "R"}]
