"""The sample repositories: what documentation and the demo rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.sandbox.images import PullableImages
from gitops_cli.sandbox.lifecycle import Sandbox
from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.repositories import make_repositories
from gitops_cli.sandbox.samples import HOTFIX, NEVER_PUSHED, PROJECTS, SOURCES, STAGES
from gitops_cli.sandbox.seed import recorded
from gitops_cli.source.repository import Sources
from tests.testbed.git import git

pytestmark = pytest.mark.sweep


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> SandboxPlace:
    """Return a place with repositories, below a directory whose name needs quoting."""
    place = SandboxPlace(tmp_path_factory.mktemp("a b%") / "sandbox")
    place.directory.mkdir()
    make_repositories(place)
    return place


def test_each_service_has_a_history_on_main(place: SandboxPlace):
    counts = {
        service: int(git(place.source(service), "rev-list", "--count", "main"))
        for service in SOURCES
    }

    assert all(6 <= count <= 10 for count in counts.values())
    assert git(place.source("billing"), "status", "--porcelain") == ""


def test_the_hashes_are_the_same_everywhere(place: SandboxPlace):
    heads = {service: git(place.source(service), "rev-parse", "main")[:7] for service in SOURCES}

    # Documentation shows these.
    assert heads == {
        "authentication": "31b8b7a",
        "billing": "8ba19db",
        "frontend": "01b1227",
        "notifications": "8533bc7",
    }


def test_the_image_of_the_hotfix_does_not_exist(place: SandboxPlace):
    version = Sandbox(place).broken_version
    image = f"registry.example.com/project1/frontend:{version}"

    # If another commit of `frontend` changed, search new times for it until the hash fits.
    assert version.startswith(NEVER_PUSHED)
    assert git(place.source("frontend"), "rev-parse", HOTFIX) == version
    assert (PullableImages(place).pull_problem(image) or "").endswith(f"{image}: not found")


def test_the_hotfix_is_newer_than_what_production_runs(place: SandboxPlace):
    production = recorded(place).environment(EnvironmentName("project1-production"))
    version = production.versions[ServiceName("frontend")]

    assert git(place.source("frontend"), "merge-base", str(version), HOTFIX) == str(version)


@pytest.mark.parametrize(
    ("image", "exists"),
    [
        ("registry.example.com/project1/frontend:{head}", True),
        ("registry.example.com/project1/billing:{head}", False),
        ("registry.example.com/project1/frontend:" + "a" * 40, False),
        ("registry.example.com/project1/frontend:latest", False),
        ("registry.example.com/project1/frontend", False),
        ("registry.example.com/project1/--help:" + "a" * 40, False),
        ("nginx:1.29", True),
    ],
)
def test_an_image_exists_for_each_commit_of_its_service(
    place: SandboxPlace, image: str, exists: bool
):
    head = git(place.source("frontend"), "rev-parse", "main")

    assert (PullableImages(place).pull_problem(image.format(head=head)) is None) == exists


def test_an_image_appears_with_its_commit(place: SandboxPlace, tmp_path: Path):
    images = PullableImages(place)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(place.source("billing")), str(clone))
    git(clone, "commit", "-q", "--allow-empty", "-m", "New")
    image = f"registry.example.com/project1/billing:{git(clone, 'rev-parse', 'HEAD')}"
    before = images.pull_problem(image)

    git(clone, "push", "-q", "origin", "HEAD:new")

    assert (before is None, images.pull_problem(image)) == (False, None)


def test_development_is_ahead_of_staging_and_staging_of_production(place: SandboxPlace):
    snapshot = recorded(place)

    for project, services in PROJECTS.items():
        environments = [
            snapshot.environment(EnvironmentName(f"{project}-{stage}")) for stage in STAGES
        ]
        for service in services:
            source = place.source(service)
            order = git(source, "rev-list", "--reverse", "main").splitlines()
            at = [order.index(str(e.versions[ServiceName(service)])) for e in environments]
            assert at == sorted(at, reverse=True)
            assert at[0] == len(order) - 1 > at[-1]


def test_the_state_repository_has_no_findings_and_a_past(place: SandboxPlace):
    assert recorded(place).all_findings == ()
    subjects = git(place.state, "log", "--format=%s").splitlines()
    actions = git(place.state, "log", "--format=%(trailers:key=Gitops-Action,valueonly)").split()

    assert len(subjects) > 25
    assert {"set", "promote", "rollback"} <= set(actions)
    assert "project1-production: roll back frontend 7563f45 → 829e0a2" in subjects


def test_every_clone_has_an_identity(place: SandboxPlace):
    for repository in (place.state, *map(place.source, SOURCES)):
        assert git(repository, "config", "--local", "user.email") == "you@example.com"


def test_the_clone_is_level_with_its_remote(place: SandboxPlace):
    assert git(place.state, "status", "-sb") == "## main...origin/main"


def test_the_users_git_settings_do_not_matter(
    tmp_path: Path, place: SandboxPlace, monkeypatch: pytest.MonkeyPatch
):
    config = tmp_path / "gitconfig"
    config.write_text(
        "[commit]\n gpgSign = true\n[core]\n autocrlf = true\n"
        f" hooksPath = {tmp_path}\n[init]\n defaultBranch = trunk\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    other = SandboxPlace(tmp_path / "sandbox")
    other.directory.mkdir()

    make_repositories(other)

    monkeypatch.delenv("GIT_DIR")
    for service in SOURCES:
        assert git(other.source(service), "rev-parse", "main") == git(
            place.source(service), "rev-parse", "main"
        )


def test_one_stage_is_protected_and_one_service_locked(place: SandboxPlace):
    snapshot = recorded(place)
    showcase = snapshot.environment(EnvironmentName("project2-showcase"))

    assert snapshot.team.stage("showcase").protected
    assert str(showcase.locks[ServiceName("billing")].by) == "Eve Example"
    assert (
        showcase.versions == snapshot.environments[EnvironmentName("project2-production")].versions
    )


def test_links_of_the_sources_lead_to_their_forge(place: SandboxPlace):
    source = Sources(recorded(place).team).of(ServiceName("billing"))
    first, last = git(place.source("billing"), "rev-list", "main").splitlines()[:2]

    link = source.changelog(first, last).link

    assert link == f"https://gitlab.example.com/shop/billing/-/compare/{first}...{last}"
