"""Compare links and repository names from a remote's URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.forge_links import Forge, ForgeRules, known_address, project_at

OLD, NEW = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("remote", "link"),
    [
        pytest.param(
            "git@github.com:acme/auth.git",
            f"https://github.com/acme/auth/compare/{OLD}...{NEW}",
            id="GitHub over ssh",
        ),
        pytest.param(
            "https://user:secret@github.com/acme/auth.git",
            f"https://github.com/acme/auth/compare/{OLD}...{NEW}",
            id="no credentials in a link",
        ),
        pytest.param(
            "ssh://git@gitlab.acme.example:2222/group/sub/auth.git",
            f"https://gitlab.acme.example/group/sub/auth/-/compare/{OLD}...{NEW}",
            id="GitLab of our own, ssh with a port",
        ),
        pytest.param(
            "git@bitbucket.org:acme/auth.git",
            f"https://bitbucket.org/acme/auth/branches/compare/{NEW}%0D{OLD}",
            id="Bitbucket names the new one first",
        ),
        pytest.param(
            "git@ssh.dev.azure.com:v3/acme/shop/auth",
            "https://dev.azure.com/acme/shop/_git/auth/branchCompare"
            f"?baseVersion=GC{OLD}&targetVersion=GC{NEW}",
            id="Azure over ssh",
        ),
        pytest.param(
            "https://acme@dev.azure.com/acme/shop/_git/auth",
            "https://dev.azure.com/acme/shop/_git/auth/branchCompare"
            f"?baseVersion=GC{OLD}&targetVersion=GC{NEW}",
            id="Azure over https",
        ),
        pytest.param(
            "https://codeberg.org/acme/auth",
            f"https://codeberg.org/acme/auth/compare/{OLD}...{NEW}",
            id="Gitea's family",
        ),
    ],
)
def test_a_remote_knows_where_two_commits_are_compared(remote, link):
    project = project_at(remote)

    assert project is not None
    assert project.compare(OLD, NEW) == link


@pytest.mark.parametrize(
    ("host", "commit", "directory"),
    [
        ("github.com", "/commit/c0ffee", "/tree/release/1/shop-dev"),
        ("acme.ghe.com", "/commit/c0ffee", "/tree/release/1/shop-dev"),
        ("gitlab.com", "/-/commit/c0ffee", "/-/tree/release/1/shop-dev"),
        ("bitbucket.org", "/commits/c0ffee", "/src/release/1/shop-dev"),
        ("codeberg.org", "/commit/c0ffee", "/src/branch/release/1/shop-dev"),
        (
            *("dev.azure.com/acme/_git", "/commit/c0ffee"),
            "?path=/shop-dev&version=GBrelease%2F1",
        ),
    ],
)
def test_a_remote_knows_where_a_commit_and_a_directory_are_shown(host, commit, directory):
    page = f"https://{host}/acme/state"
    project = project_at(f"{page}.git")
    assert project is not None
    assert project.commit("c0ffee") == page + commit
    assert project.directory("release/1", "shop-dev") == page + directory


def test_a_data_center_has_pages_of_its_own():
    project = project_at("ssh://git@bitbucket.acme.example:7999/ops/state.git")
    assert project is not None
    page = "https://bitbucket.acme.example/projects/ops/repos/state"
    assert project.commit("c0ffee") == f"{page}/commits/c0ffee"
    assert project.directory("release/1", "shop dev") == (
        f"{page}/browse/shop%20dev?at=refs/heads/release/1"
    )
    assert project.compare(OLD, NEW) == (
        f"{page}/compare/commits?sourceBranch={NEW}&targetBranch={OLD}"
    )


@pytest.mark.parametrize(
    ("remote", "kind", "url", "page"),
    [
        (
            "https://git.acme.example/bitbucket/scm/OPS/state.git",
            *(Forge.BITBUCKET, None),
            "https://git.acme.example/bitbucket/projects/OPS/repos/state/commits/c0ffee",
        ),
        (
            "https://git.acme.example/scm/scm/state.git",
            *(Forge.BITBUCKET, None),
            "https://git.acme.example/projects/scm/repos/state/commits/c0ffee",
        ),
        (
            "ssh://git@git.acme.example:7999/~ada/state.git",
            *(Forge.BITBUCKET, "https://git.acme.example/bitbucket"),
            "https://git.acme.example/bitbucket/users/ada/repos/state/commits/c0ffee",
        ),
        (
            "https://git.acme.example/gitlab/ops/state",
            *(Forge.GITLAB, "https://git.acme.example/gitlab"),
            "https://git.acme.example/gitlab/ops/state/-/commit/c0ffee",
        ),
        (
            "https://git.acme.example:8443/ops/state",
            *(Forge.GITEA, None),
            "https://git.acme.example:8443/ops/state/commit/c0ffee",
        ),
    ],
)
def test_the_config_says_what_the_remote_of_a_forge_does_not(remote, kind, url, page):
    rules = {"git.acme.example": ForgeRules("git.acme.example", kind, url=url)}
    project = project_at(remote, rules)

    assert project is not None
    assert project.commit("c0ffee") == page


@pytest.mark.parametrize(
    "remote",
    ["/srv/git/auth.git", "file:///srv/git/auth.git", "../auth", "git@git.acme.example:auth", ""],
)
def test_a_path_or_an_unknown_host_has_no_links(remote):
    assert project_at(remote) is None


def test_a_forge_opens_a_pull_request_of_a_branch():
    github, gitlab = project_at("git@github.com:a/b"), project_at("git@gitlab.com:a/b.git")

    assert github is not None
    assert gitlab is not None
    branch = "gitops/promote/p-production"
    assert github.new_pull_request(branch, "main") == (
        f"https://github.com/a/b/compare/main...{branch}?expand=1"
    )
    assert "source_branch%5D=gitops%2Fpromote%2Fp-production" in gitlab.new_pull_request(
        branch, "main"
    )


CREATE = "/pull-requests?create&sourceBranch=refs%2Fheads%2Fx%2Fy&targetBranch=refs%2Fheads%2Fmain"


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        (
            "git@bitbucket.org:a/b.git",
            "https://bitbucket.org/a/b/pull-requests/new?source=x%2Fy&dest=main",
        ),
        (
            "git@ssh.dev.azure.com:v3/a/p/b",
            "https://dev.azure.com/a/p/_git/b/pullrequestcreate?sourceRef=x%2Fy&targetRef=main",
        ),
        ("https://codeberg.org/a/b.git", "https://codeberg.org/a/b/compare/main...x/y"),
        (
            "https://bitbucket.acme.example/scm/OPS/state.git",
            f"https://bitbucket.acme.example/projects/OPS/repos/state{CREATE}",
        ),
        (
            "ssh://git@bitbucket.acme.example:7999/~ada/state.git",
            f"https://bitbucket.acme.example/users/ada/repos/state{CREATE}",
        ),
    ],
)
def test_every_forge_has_a_page_for_new_requests(remote, page):
    project = project_at(remote)

    assert project is not None
    assert project.new_pull_request("x/y", "main") == page


@pytest.mark.parametrize(
    ("remote", "end"),
    [
        ("git@github.com:a/b.git", "compare/r/1...x/y?expand=1"),
        (
            "git@gitlab.com:a/b.git",
            "new?merge_request%5Bsource_branch%5D=x%2Fy&merge_request%5Btarget_branch%5D=r%2F1",
        ),
        ("git@bitbucket.org:a/b.git", "new?source=x%2Fy&dest=r%2F1"),
        ("git@ssh.dev.azure.com:v3/a/p/b", "pullrequestcreate?sourceRef=x%2Fy&targetRef=r%2F1"),
    ],
)
def test_a_request_may_go_into_a_branch_with_a_slash(remote, end):
    project = project_at(remote)

    assert project is not None
    assert project.new_pull_request("x/y", "r/1").endswith(f"/{end}")


def test_a_page_of_azure_that_is_no_repository_has_no_links():
    assert project_at("https://dev.azure.com/acme/shop") is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_remotes(text):
    project_at(text)


WORK, MEANT = "git@github-work:acme/state.git", "ssh://git@github.com/acme/state.git"


@pytest.mark.parametrize(
    ("addresses", "hosts", "known"),
    [
        ((WORK, MEANT), {}, MEANT),
        ((WORK,), {}, WORK),
        ((WORK, MEANT), {"github-work": ForgeRules("github-work", Forge.GITHUB)}, WORK),
        (("work:state.git", "https://github.com/acme/state"), {}, "https://github.com/acme/state"),
        (("https://github.com/acme/state", "/srv/state.git"), {}, "https://github.com/acme/state"),
        (("/srv/state.git", "file:///srv/state.git"), {}, "/srv/state.git"),
    ],
)
def test_a_forge_is_known_by_the_address_that_others_have(addresses, hosts, known) -> None:
    assert known_address(addresses, hosts) == known
