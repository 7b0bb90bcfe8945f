"""Several pipelines at once, through the installed command."""

from __future__ import annotations

from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

DEV, STAGING = "project1-development", "project1-staging"
PIPELINES = 6


def clones(company: Article, gitops: Gitops) -> list[Gitops]:
    return [gitops.at(company.clone(f"clone-{number}")) for number in range(PIPELINES)]


def hash_of(number: int) -> str:
    return f"{number + 1:x}" * 40


def test_pipelines_that_record_lose_nothing(company: Article, gitops: Gitops) -> None:
    before = git(company.remote, "rev-parse", "main")
    writers = [
        clone.start("set", f"service-{number}={hash_of(number)}", "-e", DEV, "--new")
        for number, clone in enumerate(clones(company, gitops))
    ]

    ended = [writer.communicate(timeout=120) and writer.returncode for writer in writers]

    assert ended == [0] * PIPELINES
    found = company.recorded(DEV)
    assert {found[f"service-{number}"] for number in range(PIPELINES)} == {
        hash_of(number) for number in range(PIPELINES)
    }
    assert git(company.remote, "rev-list", "--count", f"{before}..main") == str(PIPELINES)
    assert git(company.remote, "rev-list", "--merges", "--count", "main") == "0"


def test_one_promotion_by_all_is_one_commit(company: Article, gitops: Gitops) -> None:
    before = git(company.remote, "rev-parse", "main")
    wanted = company.recorded(DEV)["authentication"]
    writers = [
        clone.start("promote", "authentication", "--to", STAGING, "--yes")
        for clone in clones(company, gitops)
    ]

    ended = [writer.communicate(timeout=120) and writer.returncode for writer in writers]

    assert ended == [0] * PIPELINES
    assert company.recorded(STAGING)["authentication"] == wanted
    assert git(company.remote, "rev-list", "--count", f"{before}..main") == "1"


def test_versions_that_compete_are_written_one_after_the_other(
    company: Article, gitops: Gitops
) -> None:
    before = git(company.remote, "rev-parse", "main")
    writers = [
        clone.start("set", f"authentication={hash_of(number)}", "-e", DEV)
        for number, clone in enumerate(clones(company, gitops))
    ]

    ended = [writer.communicate(timeout=120) and writer.returncode for writer in writers]

    assert ended == [0] * PIPELINES
    assert git(company.remote, "rev-list", "--count", f"{before}..main") == str(PIPELINES)
    # Each began where the one before had ended.
    told = git(company.remote, "log", "--format=%s", f"{before}..main").splitlines()
    steps = [subject.removeprefix(f"{DEV}: authentication ").split(" → ") for subject in told]
    assert [old for old, _ in steps[:-1]] == [new for _, new in steps[1:]]


def test_with_expect_only_one_of_them_wins(company: Article, gitops: Gitops) -> None:
    old = company.recorded(DEV)["authentication"]
    writers = [
        clone.start("set", f"authentication={hash_of(number)}", "-e", DEV, "--expect", old)
        for number, clone in enumerate(clones(company, gitops))
    ]

    ended = [writer.communicate(timeout=120) and writer.returncode for writer in writers]

    assert sorted(ended) == [0, *[6] * (PIPELINES - 1)]
