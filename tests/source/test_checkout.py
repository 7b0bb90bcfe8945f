"""Where a service's source is: the checkout one stands in, its origin, or what gitops.toml says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.past.ancestry import Relation
from gitops_cli.domain.recorded.team import ServiceRules, TeamSettings
from gitops_cli.source.checkout import Checkout, checkout_at
from gitops_cli.source.repository import Sources
from tests.source.sources import commits, shallow
from tests.state.world import fingerprint
from tests.testbed.git import Commit, add_commits, git

AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
AUTH = ServiceName("auth")


def team_of(source: str | None) -> TeamSettings:
    return TeamSettings(services={AUTH: ServiceRules(AUTH, source=source)} if source else {})


def checked_out(bare: Path, directory: Path) -> Checkout:
    git(bare.parent, "clone", "-q", bare, directory)
    found = checkout_at(directory)
    assert found is not None
    return found


def test_a_checkout_knows_itself(remote, tmp_path):
    found = checked_out(remote, tmp_path / "work")
    inside = tmp_path / "work" / "deep"
    inside.mkdir()

    assert found == Checkout(tmp_path / "work", commits(remote)[-1], "main", str(remote))
    assert checkout_at(inside) == found._replace(within="deep")
    git(tmp_path / "work", "checkout", "-q", "--detach")
    detached = checkout_at(inside)
    assert detached is not None
    assert detached.branch is None


def test_a_branch_whose_name_is_no_text_is_shown_all_the_same(remote, tmp_path):
    work = checked_out(remote, tmp_path / "work").root
    git(work, "checkout", "-q", "-b", b"caf\xe9".decode(errors="surrogateescape"))

    found = checkout_at(work)

    assert found is not None
    assert found.branch == "caf\\udce9"


def test_no_checkout_is_none_and_an_empty_one_has_no_head(tmp_path):
    assert checkout_at(tmp_path) is None
    git(tmp_path, "init", "-q")
    found = checkout_at(tmp_path)
    assert found is not None
    assert (found.head, found.branch) == (None, "main")


def others(directory):
    """Give a checkout to another user."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)


def broken(text):
    def change(directory):
        with (directory / ".git/config").open("a") as config:
            config.write(text)

    return change


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        pytest.param(others, 4, "safe.directory", id="others", marks=AS_ROOT),
        pytest.param(broken("[core\n"), 3, "config", id="broken"),
        pytest.param(broken("[extensions]\n\tunheardOf = 1\n"), 3, "unheardof", id="newer"),
        pytest.param(broken("[core]\n\trepositoryFormatVersion = 9\n"), 3, "9", id="newest"),
    ],
)
def test_a_checkout_that_git_does_not_read_is_told_from_none(remote, tmp_path, change, code, said):
    git(checked_out(remote, tmp_path / "work").root, "config", "core.repositoryFormatVersion", "1")
    change(tmp_path / "work")

    with pytest.raises(GitOpsError) as caught:
        checkout_at(tmp_path / "work")

    assert caught.value.exit_code == code
    assert said in f"{caught.value.message} {caught.value.hint}".lower()


def test_a_hooks_variables_do_not_lead_elsewhere(remote, tmp_path, monkeypatch):
    found = checked_out(remote, tmp_path / "work")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")

    assert checkout_at(tmp_path / "work") == found


def test_the_checkout_answers_for_the_service_it_is(remote, tmp_path):
    first, *_, last = commits(remote)
    sources = Sources(team_of(None), checkout=checked_out(remote, tmp_path / "auth"))

    assert str(sources.of(AUTH).distance(first, last)) == "3 ahead"
    other = sources.of(ServiceName("web"))
    assert other.distance(first, last).relation is Relation.UNKNOWN


def test_a_shallow_checkout_is_helped_by_its_own_origin(remote, tmp_path):
    """Without a word in gitops.toml: a CI job clones with depth 1. Its checkout stays as it is."""
    first, *_, last = commits(remote)
    directory = shallow(remote, tmp_path / "auth")
    before = fingerprint(directory)
    sources = Sources(team_of(None), checkout=checkout_at(directory))

    assert str(sources.of(AUTH).distance(first, last)) == "3 ahead"
    assert fingerprint(directory) == before
    offline = Sources(team_of(None), checkout=checkout_at(directory), offline=True)
    assert str(offline.of(AUTH).distance(first, last)) == "3 ahead", "it is kept"


@pytest.mark.parametrize("origin", ["full", "relative"])
def test_a_checkout_made_before_a_push_is_helped_by_its_own_origin(remote, tmp_path, origin):
    last = commits(remote)[-1]
    here = checked_out(remote, tmp_path / "auth")
    if origin == "relative":
        git(here.root, "remote", "set-url", "origin", "../auth.git")
    [new] = add_commits(remote, [Commit("new", {"f": "new"}, 1_760_000_001)])
    before = fingerprint(here.root)
    sources = Sources(team_of(None), checkout=checkout_at(here.root))

    assert str(sources.of(AUTH).distance(new, last)) == "1 behind"
    assert fingerprint(here.root) == before


def test_a_checkout_that_knows_both_commits_asks_nobody(remote, tmp_path, cache):
    first, *_, last = commits(remote)
    sources = Sources(team_of(None), checkout=checked_out(remote, tmp_path / "auth"))

    sources.of(AUTH).distance(first, last)

    assert not cache.exists()


def test_gitops_toml_names_a_path_or_an_url(remote, tmp_path):
    first, *_, last = commits(remote)

    for source in (str(remote), f"file://{remote}", "../auth.git"):
        sources = Sources(team_of(source), base=tmp_path / "state")
        assert str(sources.of(AUTH).distance(first, last)) == "3 ahead", source


def test_a_checkout_of_another_source_does_not_answer(remote, tmp_path):
    first, *_, last = commits(remote)
    here = checked_out(remote, tmp_path / "auth")
    sources = Sources(team_of("git@127.0.0.1:acme/auth.git"), checkout=here, offline=True)

    assert sources.of(AUTH).distance(first, last).relation is Relation.UNKNOWN
