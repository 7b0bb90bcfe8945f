"""History across the merges that `git pull` makes: what others pushed meanwhile did run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_cli.domain.past.commits import parent_on
from gitops_cli.state.mainline import SOON
from gitops_cli.state.repository import StateRepository
from tests.state.world import AUTH, NEW, OLD, OTHER, START, WEB, World, opened, path_of
from tests.testbed.git import Commit, add_commits, git

PATH, MINE = path_of(AUTH), path_of(WEB)
AT = {
    f"GIT_{role}_DATE": f"{START + 1000} +0000" for role in ("AUTHOR", "COMMITTER")
}  # after what others push below


def edited(world: World, path: str = MINE) -> Path:
    """Return a clone with a commit that was not pushed, in which others pushed meanwhile."""
    clone = world.clone()
    (clone / path).write_text(f"{OTHER}\n")
    git(clone, "commit", "-qam", "By hand", env=AT)
    return clone


def pulled(world: World, clone: Path, *how: str) -> str:
    git(clone, *how, env=AT)
    git(clone, "push", "-q", "origin", "HEAD:main")
    return world.tip()


def steps(repository: StateRepository, path: str, tip: str) -> list[tuple[str, str | None, str]]:
    return [
        (c.commit.hash, c.old and c.old.decode().strip(), (c.new or b"").decode().strip())
        for c in repository.past.file_history(path, start=tip)
    ]


PULL = ("pull", "-q", "--no-rebase", "--no-edit")


@pytest.mark.parametrize(
    "how",
    [
        PULL,
        (*PULL, "origin", "main"),
        ("-c", "merge.suppressDest=", *PULL),
        ("merge", "-q", "--no-edit", "origin/main"),
    ],
    ids=["pull", "pull by name", "pull into main", "merge of origin/main"],
)
def test_what_others_pushed_meanwhile_is_what_ran(world: World, how: tuple[str, ...]) -> None:
    first = world.tip()
    clone = edited(world)
    second, third = world.commit({PATH: f"{NEW}\n"}), world.commit({PATH: f"{OTHER}\n"})
    git(clone, "fetch", "-q")
    tip = pulled(world, clone, *how)
    reading = opened(world.clone("reading"))

    assert steps(reading, PATH, tip) == [
        (third, NEW, OTHER),
        (second, OLD, NEW),
        (first, None, OLD),
    ]
    mine = git(clone, "rev-parse", f"{tip}^1")
    assert steps(reading, MINE, tip) == [(tip, OLD, OTHER), (first, None, OLD)]
    assert next(reading.past.file_history(MINE, start=tip)).made_by.hash == mine
    assert [change.path for change in reading.past.changes(tip)] == [MINE]
    last = reading.past.last_changes([PATH, MINE], tip=tip)
    assert (last[PATH].commit, last[MINE].commit) == (third, tip)
    when = datetime.fromtimestamp(START + 60, UTC)
    assert reading.past.commit_at(when, start=tip) == second, "not the commit that nobody had yet"


def buried(world: World, count: int) -> str:
    """Return the tip with so many commits on what was there."""
    many = [Commit("Other", {"README.md": f"{n}\n"}, START + 2000 + n) for n in range(count)]
    return add_commits(world.remote, many)[-1]


@pytest.mark.parametrize("count", [2000, SOON + 1000], ids=["in two bulks", "asked for by itself"])
def test_a_pull_below_more_commits_than_are_read_at_once(world: World, count: int) -> None:
    first = world.tip()
    clone = edited(world)
    second = world.commit({PATH: f"{NEW}\n"})
    pulled(world, clone, *PULL)
    tip = buried(world, count)

    assert steps(opened(world.clone("reading")), PATH, tip) == [
        (second, OLD, NEW),
        (first, None, OLD),
    ]


@pytest.mark.parametrize("remembered", ["before", "after"])
def test_a_pull_is_seen_whatever_is_remembered(world: World, remembered: str) -> None:
    first = world.tip()
    reading = opened(world.clone("reading"))
    if remembered == "before":
        assert not reading.past.removed_files(tip=str(reading.tip().commit))
    clone = edited(world)
    second = world.commit({PATH: f"{NEW}\n"})
    pulled(world, clone, *PULL)
    world.commit({MINE: f"{NEW}\n"})
    tip = str(reading.tip().commit)

    assert not reading.past.removed_files(tip=tip)

    expected = [(second, OLD, NEW), (first, None, OLD)]
    assert steps(reading, PATH, tip) == expected
    later = opened(world.directory / "reading")
    assert not later.past.removed_files(tip=tip)
    assert steps(later, PATH, tip) == expected


def test_what_is_remembered_holds_for_one_branch(world: World) -> None:
    """A pull on one branch is no pull on another one that has it."""
    first = world.tip()
    clone = edited(world)
    second = world.commit({PATH: f"{NEW}\n"})
    tip = pulled(world, clone, *PULL)
    git(world.remote, "branch", "other", "main")
    reading = world.clone("reading")
    expected = {
        "other": [(tip, OLD, NEW), (first, None, OLD)],
        "main": [(second, OLD, NEW), (first, None, OLD)],
    }

    for branch, changes in expected.items():
        git(reading, "switch", "-q", branch)
        there = opened(reading)
        assert not there.past.removed_files(tip=tip)
        assert steps(there, PATH, tip) == changes


def test_a_merged_branch_below_is_no_pull(world: World) -> None:
    first = world.tip()
    clone = edited(world, PATH)
    world.commit({MINE: f"{NEW}\n"})
    git(clone, "fetch", "-q")
    git(clone, "checkout", "-q", "-B", "topic")
    git(clone, "checkout", "-q", "-B", "main", "origin/main")
    git(clone, "merge", "-q", "--no-edit", "topic", env=AT)
    git(clone, "push", "-q", "origin", "HEAD:main")
    merged, tip = world.tip(), buried(world, SOON + 1000)

    assert steps(opened(world.clone("reading")), PATH, tip) == [
        (merged, OLD, OTHER),
        (first, None, OLD),
    ]


def test_both_changed_the_file_and_the_conflict_was_solved_by_hand(world: World) -> None:
    first = world.tip()
    clone = edited(world, PATH)
    second = world.commit({PATH: f"{NEW}\n"})
    git(clone, "fetch", "-q")
    git(clone, "merge", "-q", "--no-edit", "-X", "ours", "origin/main", env=AT)
    git(clone, "push", "-q", "origin", "HEAD:main")
    tip = world.tip()

    assert steps(opened(clone), PATH, tip) == [
        (tip, NEW, OTHER),
        (second, OLD, NEW),
        (first, None, OLD),
    ]


def test_a_value_that_came_and_went_meanwhile(world: World) -> None:
    first = world.tip()
    clone = edited(world)
    second, third = world.commit({PATH: f"{NEW}\n"}), world.commit({PATH: f"{OLD}\n"})
    tip = pulled(world, clone, *PULL)

    assert steps(opened(clone), PATH, tip) == [
        (third, NEW, OLD),
        (second, OLD, NEW),
        (first, None, OLD),
    ]


def test_what_is_known_of_the_tip_before_the_pull_still_helps(world: World) -> None:
    clone = edited(world)
    second = world.commit({PATH: f"{NEW}\n"})
    reading = opened(world.clone("reading"))
    assert reading.tip().commit == second
    assert reading.past.last_changes([PATH], tip=second)[PATH].commit == second

    tip = pulled(world, clone, *PULL)
    later = world.commit({path_of(WEB): f"{NEW}\n"})

    assert reading.tip().commit == later
    last = reading.past.last_changes([PATH, MINE], tip=later)
    assert (last[PATH].commit, last[MINE].commit) == (second, later)
    assert next(reading.past.file_history(MINE, start=later)).commit.hash == later
    assert reading.is_ancestor(tip, later)


@pytest.mark.parametrize(
    ("subject", "parent"),
    [
        ("Merge branch 'main' of example.com:acme/state", 1),
        ("Merge branch 'main' of https://example.com/acme/state into main", 1),
        ("Merge remote-tracking branch 'origin/main'", 1),
        ("Merge remote-tracking branch 'upstream/main' into main", 1),
        # Somebody else's work, brought onto the branch.
        ("Merge branch 'promote' of example.com:acme/state", 0),
        ("Merge branch 'main' of example.com:acme/state into promote", 0),
        ("Merge branch 'promote'", 0),
        ("Merge branch 'main' into promote", 0),
        ("Merge remote-tracking branch 'origin/promote'", 0),
        ("Merge pull request #1 from acme/main", 0),
        ("Merge branch 'main' of example.com:acme/state and more", 0),
    ],
)
def test_where_the_branch_was_before(world: World, subject: str, parent: int) -> None:
    first = opened(world.clone()).commit(world.tip())
    merge = first._replace(parents=("1" * 40, "2" * 40), subject=subject)

    assert parent_on(merge, "main") == merge.parents[parent]
    assert parent_on(merge, None) == merge.parents[0]
    assert parent_on(first, "main") is None
