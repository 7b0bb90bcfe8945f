"""Many pipelines at once on one repository: nothing is lost, nothing is done twice.

Each is whole commands, as CI runs them; tests/state/test_race.py has the same of one transaction.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ExitCode
from tests.pressure.fleet import check_account, hash_of, promoting, run_at_once, setting
from tests.state.world import NEW, OTHER, PROD, World, make_world, path_of
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran, gitops_with_home
from tests.testbed.sshd import Sshd

pytestmark = pytest.mark.sweep

MANY = 50
FEW = 12
ALONE = pytest.mark.xdist_group("fifty")  # one crowd at a time
few_or_many = pytest.mark.parametrize(
    "count", [FEW, pytest.param(MANY, marks=[pytest.mark.long, ALONE])]
)

_log = logging.getLogger(__name__)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a remote where development has a newer version of `auth` than production."""
    world = make_world(tmp_path / "world")
    world.commit({path_of("auth"): f"{NEW}\n"})
    return world


def homes(tmp_path: Path, count: int) -> list[Gitops]:
    """Return the command in so many homes: as many machines, whose processes are their own."""
    return [
        gitops_with_home(tmp_path / "machines" / str(number) / "home") for number in range(count)
    ]


def pipelines(machines: Sequence[Gitops]) -> list[tuple[Gitops, list[tuple[str, ...]]]]:
    """Return one job for each: set a service of its own, promote the one that all share.

    Every other promotes first, so that the shared one is fought for.
    """
    return [
        (gitops, [setting(f"service-{number}", hash_of(number)), promoting()][:: (-1) ** number])
        for number, gitops in enumerate(machines)
    ]


def check_all_arrived(world: World, before: str, ended: Sequence[Ran]) -> None:
    """Every service has its version; the shared one was promoted once, by whoever came first."""
    count = len(ended) // 2
    check_account(world, before, ended)
    for ran in ended:
        ran.ok()
    for number in range(count):
        assert world.read(path_of(f"service-{number}")) == hash_of(number)
    assert world.read(path_of("auth", PROD)) == NEW
    assert git(world.remote, "rev-list", "--count", f"{before}..main") == str(count + 1)


@few_or_many
def test_with_a_clone_each(world: World, tmp_path: Path, count: int) -> None:
    machines = [
        gitops.at(world.clone(f"clone-{number}"))
        for number, gitops in enumerate(homes(tmp_path, count))
    ]
    before = world.tip()

    ended = run_at_once(pipelines(machines), name="a clone each")

    check_all_arrived(world, before, ended)
    for gitops in machines:  # each follows, as far as its own commands went
        assert git(gitops.directory, "status", "--porcelain") == ""
        head = git(gitops.directory, "rev-parse", "HEAD")
        git(world.remote, "merge-base", "--is-ancestor", head, "main")


@few_or_many
def test_through_one_mirror(world: World, gitops: Gitops, count: int) -> None:
    """One machine, as a build server is one; the mirror is made while all want it."""
    before, url = world.tip(), f"file://{world.remote}"
    jobs = pipelines([gitops] * count)
    jobs = [(each, [(*command, "-R", url) for command in commands]) for each, commands in jobs]

    ended = run_at_once(jobs, name="one mirror")

    check_all_arrived(world, before, ended)
    [mirror] = gitops.home.glob("cache/**/mirrors/*.git")
    git(mirror, "fsck", "--strict")
    assert git(mirror, "for-each-ref", "refs/gitops") == ""
    assert gitops("status", "-R", url).ok()


@pytest.mark.node
@pytest.mark.long
@pytest.mark.parametrize("through", ["clones", "mirror"])
def test_fifty_over_ssh(world: World, sshd: Sshd, tmp_path: Path, through: str) -> None:
    """sshd drops connections at random when ten log in at once (MaxStartups): they are retried.

    How many it drops is chance; tests/state/test_patience.py has one that drops for certain.
    """
    before, url = world.tip(), sshd.url(world.remote)
    machines = [
        gitops.using(GIT_SSH_COMMAND=sshd.git_ssh_command) for gitops in homes(tmp_path, MANY)
    ]
    if through == "clones":
        for number, gitops in enumerate(machines):
            clone = world.clone(f"clone-{number}")
            git(clone, "remote", "set-url", "origin", url)
            machines[number] = gitops.at(clone)
    else:
        machines = [machines[0].using(GITOPS_REPO=url)] * MANY

    ended = run_at_once(pipelines(machines), name=f"over ssh, {through}")

    check_all_arrived(world, before, ended)
    _log.info("%d logins, %d dropped", sshd.logins(), sshd.drops())


def test_promotions_of_different_versions(world: World, tmp_path: Path) -> None:
    """Each ships what it saw over what it saw, or is refused because somebody was faster."""
    world.commit({"shop-staging/images_path": "r/", path_of("auth", "shop-staging"): f"{OTHER}\n"})
    jobs = [
        (gitops.at(world.clone(f"clone-{number}")), [promoting(("dev", "staging")[number % 2])])
        for number, gitops in enumerate(homes(tmp_path, FEW))
    ]
    before = world.tip()

    ended = run_at_once(jobs, name="different versions")

    check_account(world, before, ended)
    assert world.read(path_of("auth", PROD)) in (NEW, OTHER)
    for ran in (ran for ran in ended if ran.code == ExitCode.BLOCKED):  # how many is chance
        error = json.loads(ran.stderr[ran.stderr.index("{") :])  # after notes of waiting
        assert error["code"] == "source-moved", ran
        assert "shop-production" in error["message"], ran
        assert "auth is" in error["message"], ran
