"""History by first parents: hand-made commits, merges, renames, clocks that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gitops_cli.domain.errors import GitError, RemoteUnreachable, UsageError
from gitops_cli.state.repository import StateRepository
from tests.state.world import (
    AUTH,
    DEV,
    FILES,
    NEW,
    OLD,
    OTHER,
    PROD,
    START,
    WEB,
    World,
    opened,
    opened_url,
    path_of,
    setting,
)
from tests.testbed.git import Commit, add_commits, git

PATH = path_of(AUTH)


def values(
    repository: StateRepository, path: str, start: str, **options: object
) -> list[tuple[str, str | None, str | None]]:
    """Return path, old and new content of each change."""
    return [
        (
            change.path,
            None if change.old is None else change.old.decode().strip(),
            None if change.new is None else change.new.decode().strip(),
        )
        for change in repository.past.file_history(path, start=start, **options)  # type: ignore[arg-type]
    ]


@pytest.fixture(params=["clone", "shallow clone", "url"])
def open_it(request: pytest.FixtureRequest, world: World) -> Callable[[], StateRepository]:
    """Return what opens the repository, in one of three ways."""

    def open_it() -> StateRepository:
        if request.param == "url":
            return opened_url(world.remote)
        options = ["--depth=1", "--no-local"] if request.param == "shallow clone" else []
        return opened(world.clone("reading", *options))

    return open_it


def test_from_and_to_by_whoever_and_why(
    world: World, open_it: Callable[[], StateRepository]
) -> None:
    opened(world.clone()).write(setting())
    theirs = world.commit({PATH: f"{OTHER}\r\n"}, "Fix by hand\n\nbecause\n\nTicket: 7")
    world.commit({path_of(WEB): f"{NEW}\n"})
    reading = open_it()
    tip = str(reading.tip().commit)

    changes = list(reading.past.file_history(PATH, start=tip))

    assert values(reading, PATH, tip) == [
        (PATH, NEW, OTHER),
        (PATH, OLD, NEW),
        (PATH, None, OLD),
    ]
    by_hand, ours, _ = changes
    assert by_hand.commit.hash == theirs
    assert (by_hand.commit.subject, by_hand.commit.body) == ("Fix by hand", "because")
    assert by_hand.commit.trailers == {"Ticket": "7"}
    assert ours.made_by.author.name == "Grace Hopper"
    assert ours.commit.trailers == {"Gitops-Action": "set"}


def test_limit_since_and_until(world: World) -> None:
    made = [world.commit({PATH: f"{value}\n"}) for value in (NEW, OTHER, NEW)]
    clone = opened(world.clone())
    when = [datetime.fromtimestamp(START + 60 * n, UTC) for n in range(4)]

    def hashes(**options: object) -> list[str]:
        found = clone.past.file_history(PATH, start=made[-1], **options)  # type: ignore[arg-type]
        return [change.commit.hash for change in found]

    assert hashes(limit=1) == made[:1:-1]
    assert hashes(since=when[2]) == made[:0:-1]
    assert hashes(until=when[1]) == [made[0], git(world.remote, "rev-parse", f"{made[0]}^")]
    assert hashes(since=when[2], until=when[2]) == [made[1]]


def test_a_clock_that_was_wrong_once_hides_nothing(world: World) -> None:
    add_commits(world.remote, [Commit("1970", {PATH: f"{NEW}\n"}, 1)])
    last = world.commit({PATH: f"{OTHER}\n"})
    clone = opened(world.clone())

    since = datetime.fromtimestamp(START, UTC)
    found = [c.new for c in clone.past.file_history(PATH, start=last, since=since)]

    assert found == [f"{OTHER}\n".encode(), f"{OLD}\n".encode()]
    begin = clone.resolve("HEAD~2")
    assert clone.past.commit_at(since, start=begin) == begin


def test_a_merge_counts_where_it_reached_the_branch(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "-c", "pull-request")
    for value in (OTHER, NEW):
        (clone / PATH).write_text(f"{value}\n")
        git(clone, "commit", "-q", "-am", f"promote to {value[:7]}", env=_author("Ada"))
    git(clone, "switch", "-q", "main")
    git(clone, "merge", "-q", "--no-ff", "-m", "Merge pull request #1", "pull-request")
    git(clone, "push", "-q")
    reading = opened(clone)

    change, first = reading.past.file_history(PATH, start=world.tip())

    assert (change.old, change.new) == (f"{OLD}\n".encode(), f"{NEW}\n".encode())
    assert change.commit.hash == world.tip()
    assert change.commit.subject == "Merge pull request #1"
    assert (change.made_by.subject, change.made_by.author.name) == ("promote to bbbbbbb", "Ada")
    assert first.old is None
    assert reading.past.last_changes([PATH], tip=world.tip())[PATH].commit == world.tip()
    assert [c.path for c in reading.past.changes(world.tip())] == [PATH]


def _author(name: str) -> dict[str, str]:
    return {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": f"{name.lower()}@example.com"}


def test_a_merge_that_changes_nothing_on_the_branch_is_no_change(world: World) -> None:
    clone = world.clone()
    git(clone, "switch", "-q", "-c", "side")
    (clone / PATH).write_text(f"{NEW}\n")
    git(clone, "commit", "-q", "-am", "the same")
    git(clone, "switch", "-q", "main")
    (clone / PATH).write_text(f"{NEW}\n")
    git(clone, "commit", "-q", "-am", "the same, first")
    mine = git(clone, "rev-parse", "HEAD")
    git(clone, "merge", "-q", "--no-ff", "-m", "merge", "side")
    git(clone, "push", "-q")

    newest, _ = opened(clone).past.file_history(PATH, start=world.tip())

    assert newest.commit.hash == mine


def test_removed_and_made_again(world: World) -> None:
    world.commit({PATH: None})
    tip = world.commit({PATH: f"{NEW}\n"})
    clone = opened(world.clone())

    assert values(clone, PATH, tip) == [(PATH, None, NEW), (PATH, OLD, None), (PATH, None, OLD)]
    assert values(clone, "no/such.deployment", tip) == []


def test_an_environment_under_a_new_name(world: World) -> None:
    world.commit({PATH: f"{NEW}\n"})
    renamed = {path.replace(DEV, "shop-dev"): text for path, text in FILES.items() if DEV in path}
    renamed["shop-dev/auth.deployment"] = f"{OTHER}\n"
    gone = {path: None for path in FILES if DEV in path}
    world.commit({**renamed, **gone})
    tip = world.commit({"shop-dev/auth.deployment": f"{NEW}\n"})

    assert values(opened(world.clone()), "shop-dev/auth.deployment", tip) == [
        ("shop-dev/auth.deployment", OTHER, NEW),
        ("shop-dev/auth.deployment", NEW, OTHER),
        (PATH, OLD, NEW),
        (PATH, None, OLD),
    ]
    # A file that was only moved has no change there.
    assert values(opened(world.clone("b")), "shop-dev/web.deployment", tip) == [
        (path_of(WEB), None, OLD)
    ]


def test_a_service_under_a_new_name(world: World) -> None:
    world.commit({PATH: f"{NEW}\n"})
    tip = world.commit({PATH: None, path_of("login"): f"{NEW}\n"})

    assert values(opened(world.clone()), path_of("login"), tip) == [
        (PATH, OLD, NEW),
        (PATH, None, OLD),
    ]


def test_a_service_that_becomes_another_kind(world: World) -> None:
    world.commit({PATH: f"{NEW}\n"})
    stateful = f"{DEV}/auth.statefulset"
    world.commit({PATH: None, stateful: f"{NEW}\n", path_of("copy"): f"{NEW}\n"})
    tip = world.commit({stateful: f"{OTHER}\n"})

    assert values(opened(world.clone()), stateful, tip) == [
        (stateful, NEW, OTHER),
        (PATH, OLD, NEW),
        (PATH, None, OLD),
    ]


def test_what_only_looks_like_a_rename_is_none(world: World) -> None:
    """A service moved to another environment, or two that could both be the old name."""
    moved = world.commit({path_of("auth", PROD): None, f"{DEV}/extra.deployment": f"{OLD}\n"})
    gone = {path_of(AUTH): None, path_of(WEB): None}
    tip = world.commit({**gone, path_of("both"): f"{OLD}\n"})
    clone = opened(world.clone())

    assert values(clone, f"{DEV}/extra.deployment", moved) == [
        (f"{DEV}/extra.deployment", None, OLD)
    ]
    assert values(clone, path_of("both"), tip) == [(path_of("both"), None, OLD)]


def test_what_a_commit_did(world: World) -> None:
    commit = world.commit({PATH: f"{NEW}\n", path_of(WEB): None, "notes.txt": "x\n"})
    clone = opened(world.clone())

    found = {change.path: (change.old, change.new) for change in clone.past.changes(commit)}

    old = f"{OLD}\n".encode()
    assert found == {
        PATH: (old, f"{NEW}\n".encode()),
        path_of(WEB): (old, None),
        "notes.txt": (None, b"x\n"),
    }
    root = clone.resolve(f"{commit}^")
    assert {c.path for c in clone.past.changes(root)} == set(FILES)


def test_the_tip_at_a_time(world: World) -> None:
    commits = [world.tip(), world.commit({PATH: f"{NEW}\n"}), world.commit({PATH: f"{OTHER}\n"})]
    clone = opened(world.clone())

    def at(seconds: int) -> str | None:
        when = datetime.fromtimestamp(START + seconds, UTC)
        return clone.past.commit_at(when, start=commits[-1])

    assert [at(-1), at(0), at(59), at(60), at(999)] == [None, *commits[:1] * 2, *commits[1:]]


def test_ancestry(world: World) -> None:
    first = world.tip()
    second = world.commit({PATH: f"{NEW}\n"})
    clone = opened(world.clone())

    assert clone.is_ancestor(first, second) is True
    assert clone.is_ancestor(second, first) is False
    assert clone.is_ancestor(first, first) is True
    assert clone.is_ancestor("f" * 40, second) is None
    assert clone.is_ancestor("--help", second) is None


def test_names_of_commits(world: World) -> None:
    first = world.tip()
    clone = world.clone()
    second = world.commit({PATH: f"{NEW}\n"})
    git(world.remote, "tag", "v1", first)
    repository = opened(clone)

    assert repository.resolve("HEAD") == first
    assert repository.resolve(first[:9]) == first
    assert repository.resolve(second) == second  # fetched to find out
    for rev in ("nonsense", "--all", "", "HEAD~99", "a\0b", f"{first}:{PATH}"):
        with pytest.raises(UsageError):
            repository.resolve(rev)
    by_url = opened_url(world.remote)
    assert by_url.resolve("HEAD~1") == first
    assert by_url.resolve(first) == first
    assert opened(clone, rev=second).tip().commit == second


def test_history_offline(world: World) -> None:
    tip = world.commit({PATH: f"{NEW}\n"})
    opened_url(world.remote).tip()

    with pytest.raises(GitError, match="not on this machine"):
        opened_url(world.remote, offline=True).past.file_history(PATH, start=tip)
    opened_url(world.remote).past.complete()
    assert len(values(opened_url(world.remote, offline=True), PATH, tip)) == 2


def test_history_that_cannot_be_fetched(world: World) -> None:
    tip = world.commit({PATH: f"{NEW}\n"})
    repository = opened_url(world.remote)
    repository.tip()
    world.remote.rename(world.directory / "gone")

    with pytest.raises(RemoteUnreachable):
        repository.past.file_history(PATH, start=tip)


def test_settings_of_the_user_do_not_change_what_is_read(world: World) -> None:
    world.commit({PATH: f"{NEW}\n"})
    clone = world.clone()
    for key, value in {
        "log.showSignature": "true",
        "log.follow": "true",
        "log.date": "relative",
        "diff.renames": "copies",
        "diff.relative": "true",
        "diff.noprefix": "true",
        "color.ui": "always",
        "format.pretty": "fuller",
        "log.decorate": "full",
        "log.diffMerges": "off",
    }.items():
        git(clone, "config", key, value)
    repository = opened(clone / DEV)

    assert values(repository, PATH, world.tip())[0] == (PATH, OLD, NEW)
    assert repository.past.last_changes([PATH], tip=world.tip())[PATH].commit == world.tip()


def test_a_service_renamed_in_two_environments_at_once_keeps_both_pasts(world: World) -> None:
    """Both have the same version: elsewhere nothing can be the file that vanished here."""
    files: dict[str, str | None] = {path_of("auth", env): None for env in (DEV, PROD)}
    world.commit({**files, **{path_of("login", env): f"{OLD}\n" for env in (DEV, PROD)}})
    tip = world.commit({path_of("login", PROD): f"{NEW}\n"})

    assert values(opened(world.clone()), path_of("login", PROD), tip) == [
        (path_of("login", PROD), OLD, NEW),
        (path_of("auth", PROD), None, OLD),
    ]


def test_a_directory_in_the_place_of_a_file_has_no_content(world: World) -> None:
    removed = world.commit({PATH: None, f"{PATH}/README": "no version\n"})
    again = world.commit({PATH: f"{NEW}\n", f"{PATH}/README": None})
    reading = opened(world.clone())

    assert values(reading, PATH, again) == [
        (PATH, None, NEW),
        (PATH, OLD, None),
        (PATH, None, OLD),
    ]
    places = list(reading.past.place_history(PATH, start=again))
    assert [place.commit.hash for place in places[:2]] == [again, removed]
    assert all(each is not None for place in places[:2] for each in (place.old, place.new))


def test_times_keep_the_zone_of_who_committed(world: World) -> None:
    clone = world.clone()
    (clone / PATH).write_text(f"{NEW}\n")
    dates = {"GIT_AUTHOR_DATE": f"{START + 60} +0930", "GIT_COMMITTER_DATE": f"{START + 90} -0500"}
    git(clone, "commit", "-qam", "By hand", env=dates)

    commit = next(
        opened(clone).past.file_history(PATH, start=git(clone, "rev-parse", "HEAD"))
    ).commit

    assert commit.committed_at == datetime.fromtimestamp(START + 90, UTC)
    assert commit.committed_at.utcoffset() == timedelta(hours=-5)
    assert commit.authored_at.utcoffset() == timedelta(hours=9, minutes=30)
