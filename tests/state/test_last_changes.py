"""Which commit changed each file last, and what is remembered of it."""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.state.world import (
    AUTH,
    DEV,
    FILES,
    NEW,
    START,
    WEB,
    World,
    opened,
    path_of,
)
from tests.testbed.git import Commit, add_commits, git

PATH = path_of(AUTH)


def naive(world: World, path: str, tip: str) -> str:
    return git(world.remote, "log", "-1", "--first-parent", "-m", "--format=%H", tip, "--", path)


def test_last_changes_are_those_of_git_log(world: World) -> None:
    chance = random.Random(7)  # noqa: S311
    paths = [*FILES, f"{DEV}/new.deployment"]
    clone = opened(world.clone())
    for _ in range(6):
        for _ in range(chance.randint(1, 4)):
            some = chance.sample(paths, chance.randint(1, 3))
            content = {path: f"{chance.getrandbits(160):040x}\n" for path in some}
            tip = world.commit(content)
        assert clone.tip().commit == tip
        there = git(world.remote, "ls-tree", "-r", "--name-only", tip).split("\n")
        asked = [path for path in paths if path in there]

        found = clone.past.last_changes(asked, tip=tip)

        assert {path: change.commit for path, change in found.items()} == {
            path: naive(world, path, tip) for path in asked
        }


def cache_files() -> list[Path]:
    return sorted(Path(os.environ["XDG_CACHE_HOME"], "gitops-cli", "changes").iterdir())


def test_the_cache_is_private_and_survives_nonsense(world: World) -> None:
    clone, tip = opened(world.clone()), world.tip()
    expected = clone.past.last_changes(FILES, tip=tip)
    (file,) = cache_files()
    assert file.stat().st_mode & 0o777 == 0o600
    good = json.loads(file.read_text())

    for nonsense in (
        "",
        "{",
        "[]",
        "null",
        '{"format": 1}',
        json.dumps({**good, "format": 99}),
        json.dumps({**good, "commits": {PATH: "x; rm"}}),
        json.dumps({**good, "commits": [1]}),
        json.dumps({**good, "tip": "--all"}),
        json.dumps({**good, "tip": "f" * 40}),
    ):
        file.write_text(nonsense)
        assert clone.past.last_changes(FILES, tip=tip) == expected


def test_a_rewound_branch_forgets_what_was_known(world: World) -> None:
    first = world.tip()
    bad = world.commit({PATH: f"{NEW}\n"})
    clone = opened(world.clone())
    assert clone.past.last_changes([PATH], tip=bad)[PATH].commit == bad

    assert clone.past.last_changes([PATH], tip=first)[PATH].commit == first
    git(world.remote, "update-ref", "refs/heads/main", first)
    other = add_commits(world.remote, [Commit("o", {path_of(WEB): f"{NEW}\n"}, START + 99)])[-1]
    assert clone.tip().commit == other
    assert clone.past.last_changes([PATH], tip=other)[PATH].commit == first


def test_a_tip_reached_through_a_second_parent_is_no_base(world: World) -> None:
    """The remembered tip is an ancestor, but not on the branch's own line."""
    clone = world.clone()
    repository = opened(clone)
    git(clone, "switch", "-q", "-c", "side")
    (clone / PATH).write_text(f"{NEW}\n")
    git(clone, "commit", "-q", "-am", "side")
    side = git(clone, "rev-parse", "HEAD")
    assert repository.past.last_changes([PATH], tip=side)[PATH].commit == side
    git(clone, "switch", "-q", "main")
    git(clone, "merge", "-q", "--no-ff", "-m", "merge", "side")
    merge = git(clone, "rev-parse", "HEAD")

    assert repository.past.last_changes([PATH], tip=merge)[PATH].commit == merge


def test_a_removed_file_has_no_last_change(world: World) -> None:
    repository = opened(world.clone())
    assert PATH in repository.past.last_changes([PATH], tip=world.tip())
    tip = world.commit({PATH: None})
    assert repository.tip().commit == tip

    assert repository.past.last_changes([PATH, "never/was"], tip=tip) == {}
    again = world.commit({PATH: f"{NEW}\n"})
    assert repository.tip().commit == again
    assert repository.past.last_changes([PATH], tip=again)[PATH].commit == again


def test_times_are_aware_and_authors_named(world: World) -> None:
    change = opened(world.clone()).past.last_changes([PATH], tip=world.tip())[PATH]

    assert change.committed_at == datetime.fromtimestamp(START, UTC)
    assert change.committed_at.utcoffset() == timedelta(0)
    assert change.author.email == "ada@example.com"
