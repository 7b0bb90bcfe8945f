"""Which API a remote's repository has, and which token goes to it: each to its own host only."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops_cli.domain.forge_links import Forge, ForgeRules
from gitops_cli.domain.git_url import parse_git_url
from gitops_cli.forge.places import OnForge, on_forge
from gitops_cli.git.login import Login

SECRET = "s3cret-of-the-tests"


def place(
    url: str,
    environ: Mapping[str, str],
    rules: ForgeRules | None = None,
    login: Login | None = None,
) -> OnForge | None:
    named = {} if rules is None else {rules.host: rules}
    return on_forge(url, named, environ, lambda: login)


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


MINE = {"MINE": SECRET}


def declared(host: str, kind: Forge | None, url: str | None = None) -> ForgeRules:
    return ForgeRules(host, kind, "MINE", url)


APIS = [
    ("git@github.com:acme/state.git", None, "https://api.github.com", "acme/state"),
    ("https://acme.ghe.com/acme/state", None, "https://api.acme.ghe.com", "acme/state"),
    (
        "ssh://git@github.acme.example:2222/acme/state.git",
        None,
        "https://github.acme.example/api/v3",
        "acme/state",
    ),
    (
        "https://gitlab.com/acme/ops/state.git",
        None,
        "https://gitlab.com/api/v4",
        "acme/ops/state",
    ),
    (
        "https://git.acme.example:8443/acme/state",
        Forge.GITEA,
        "https://git.acme.example:8443/api/v1",
        "acme/state",
    ),
    ("git@codeberg.org:acme/state.git", None, "https://codeberg.org/api/v1", "acme/state"),
    (
        "git@bitbucket.org:acme/state.git",
        None,
        "https://api.bitbucket.org/2.0",
        "acme/state",
    ),
    (
        "https://git.acme.example/scm/OPS/state.git",
        Forge.BITBUCKET,
        "https://git.acme.example/rest/api/latest",
        "scm/OPS/state",
    ),
    (
        "git@ssh.dev.azure.com:v3/acme/shop/state",
        None,
        "https://dev.azure.com",
        "v3/acme/shop/state",
    ),
    ("http://127.0.0.1:3000/acme/state", Forge.GITEA, "http://127.0.0.1:3000/api/v1", "acme/state"),
]


@pytest.mark.parametrize(("url", "kind", "api", "project"), APIS, ids=[each[0] for each in APIS])
def test_a_remote_says_where_its_api_is(url, kind, api, project) -> None:
    remote = parse_git_url(url)
    assert remote is not None
    found = place(url, MINE, declared(remote.identity[0], kind))

    assert found is not None
    assert (str(found.api), found.project) == (api, project)
    assert (found.token.origin, found.token.given) == ("MINE", True)
    assert SECRET not in repr(found)


BELOW = [
    (
        "https://git.acme.example/bitbucket/scm/OPS/state.git",
        *(Forge.BITBUCKET, None),
        *("https://git.acme.example/bitbucket/rest/api/latest", "scm/OPS/state"),
    ),
    (
        "ssh://git@git.acme.example:7999/OPS/state.git",
        *(Forge.BITBUCKET, "https://git.acme.example:8443/bitbucket"),
        *("https://git.acme.example:8443/bitbucket/rest/api/latest", "OPS/state"),
    ),
    (
        "https://git.acme.example/a/gitlab/ops/state.git",
        *(Forge.GITLAB, "https://git.acme.example/a/gitlab"),
        *("https://git.acme.example/a/gitlab/api/v4", "ops/state"),
    ),
    (
        "git@git.acme.example:gitlab/state.git",  # a group of that name
        *(Forge.GITLAB, "https://git.acme.example/gitlab"),
        *("https://git.acme.example/gitlab/api/v4", "gitlab/state"),
    ),
    (
        "ssh://git@git.acme.example:2222/ops/state.git",
        *(Forge.GITEA, "https://git.acme.example:3000"),
        *("https://git.acme.example:3000/api/v1", "ops/state"),
    ),
    (
        "https://git.acme.example/tfs/shop/ops/_git/state",
        *(Forge.AZURE, "https://git.acme.example/tfs"),
        *("https://git.acme.example/tfs", "shop/ops/_git/state"),
    ),
]


@pytest.mark.parametrize(("url", "kind", "at", "api", "project"), BELOW)
def test_a_forge_may_be_below_a_path_or_on_another_port(url, kind, at, api, project) -> None:
    found = place(url, MINE, declared("git.acme.example", kind, at))

    assert found is not None
    assert (str(found.api), found.project) == (api, project)


def test_what_git_logs_in_with_goes_to_no_host_but_its_own() -> None:
    login = Login("ada", SECRET)
    remote, own = "https://git.acme.example/ops/state", "https://git.acme.example/forge"
    for url, wanted in ((own, True), ("https://pages.acme.example", False)):
        rules = ForgeRules("git.acme.example", Forge.GITEA, None, url)
        assert (place(remote, {}, rules, login) is not None) is wanted


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/srv/git/state.git", Forge.GITEA),
        ("https://git.acme.example/acme/state", None),
        ("http://git.acme.example/acme/state", Forge.GITEA),  # a token would be there to be read
        ("https://bitbucket.acme.example/state", None),
        ("https://dev.azure.com/acme", None),
    ],
)
def test_where_there_is_no_api_no_token_goes(url: str, kind: Forge | None) -> None:
    host = url.partition("//")[2].partition("/")[0]
    assert place(url, MINE, declared(host, kind)) is None


GITHUB, GITLAB, GITEA = "github.com", "gitlab.com", "gitea.acme.example"
GHE, GLE = "github.acme.example", "gitlab.acme.example"
TENANT, OF_GHE = "acme.ghe.com", {"GITHUB_SERVER_URL": f"https://{GHE}"}
HERE = {"GITHUB_SERVER_URL": f"https://{GITEA}"}
VARIABLES = [
    (GITHUB, {"GH_TOKEN": SECRET}, f"Bearer {SECRET}"),
    (GITHUB, {"GITHUB_TOKEN": SECRET}, f"Bearer {SECRET}"),
    (GITHUB, {"GITHUB_TOKEN": SECRET, "GITHUB_SERVER_URL": f"https://{GHE}"}, None),
    (GITHUB, {"GH_ENTERPRISE_TOKEN": SECRET}, None),
    (GITHUB, {"GITLAB_TOKEN": SECRET, "GITEA_TOKEN": SECRET}, None),
    (GHE, {"GH_TOKEN": SECRET, "GITHUB_TOKEN": SECRET}, None),
    (GHE, {"GH_ENTERPRISE_TOKEN": SECRET, "GH_HOST": GHE}, f"Bearer {SECRET}"),
    (GHE, {"GH_TOKEN": SECRET, "GH_HOST": GHE}, None),
    (GHE, {"GITHUB_ENTERPRISE_TOKEN": SECRET, **OF_GHE}, f"Bearer {SECRET}"),
    (GITHUB, {"GH_ENTERPRISE_TOKEN": SECRET, "GITHUB_SERVER_URL": "https://github.com"}, None),
    (TENANT, {"GH_TOKEN": SECRET, "GITHUB_SERVER_URL": f"https://{TENANT}"}, f"Bearer {SECRET}"),
    (TENANT, {"GH_TOKEN": SECRET, "GH_HOST": TENANT}, f"Bearer {SECRET}"),
    (TENANT, {"GH_TOKEN": SECRET, "GH_HOST": "other.ghe.com"}, None),
    (TENANT, {"GH_TOKEN": SECRET}, None),
    (GHE, {"GITHUB_TOKEN": SECRET, "GITHUB_SERVER_URL": f"https://{GHE}"}, f"Bearer {SECRET}"),
    (GITLAB, {"GITLAB_TOKEN": SECRET}, f"Bearer {SECRET}"),
    (GITLAB, {"GITLAB_TOKEN": SECRET, "CI_SERVER_URL": f"https://{GLE}"}, None),
    (GLE, {"GITLAB_TOKEN": SECRET}, None),
    (GLE, {"GITLAB_TOKEN": SECRET, "GITLAB_HOST": GLE}, f"Bearer {SECRET}"),
    (GLE, {"GITLAB_TOKEN": SECRET, "CI_SERVER_URL": f"https://{GLE}"}, f"Bearer {SECRET}"),
    (GITLAB, {"CI_JOB_TOKEN": SECRET}, None),  # it may not open merge requests
    (GITEA, {"GITEA_TOKEN": SECRET, "GITEA_SERVER_URL": f"https://{GITEA}"}, f"token {SECRET}"),
    (GITEA, {"GITEA_TOKEN": SECRET}, None),
    (GITEA, {"GITHUB_TOKEN": SECRET, **HERE}, f"token {SECRET}"),
    ("codeberg.org", {"FORGEJO_TOKEN": SECRET}, f"token {SECRET}"),
    (GITEA, {"FORGEJO_TOKEN": SECRET}, None),
    ("bitbucket.org", {"BITBUCKET_TOKEN": SECRET}, f"Bearer {SECRET}"),
    (
        "bitbucket.org",
        {"BITBUCKET_API_TOKEN": SECRET, "BITBUCKET_EMAIL": "a@b.example"},
        basic("a@b.example", SECRET),
    ),
    ("bitbucket.org", {"BITBUCKET_API_TOKEN": SECRET}, None),
    (
        "bitbucket.org",
        {"BITBUCKET_APP_PASSWORD": SECRET, "BITBUCKET_USERNAME": "ada"},
        basic("ada", SECRET),
    ),
    ("bitbucket.acme.example", {"BITBUCKET_TOKEN": SECRET}, None),
    ("dev.azure.com", {"AZURE_DEVOPS_EXT_PAT": SECRET}, basic("", SECRET)),
    (
        "dev.azure.com",
        {"SYSTEM_ACCESSTOKEN": "eyJ0", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/"},
        "Bearer eyJ0",
    ),
    ("dev.azure.com", {"SYSTEM_ACCESSTOKEN": "eyJ0"}, None),
]


@pytest.mark.parametrize(("host", "environ", "wanted"), VARIABLES)
def test_a_variable_is_for_one_server(host, environ, wanted) -> None:
    path = "acme/shop/_git/state" if host == "dev.azure.com" else "acme/state"

    found = place(f"https://{host}/{path}", environ)

    assert (None if found is None else found.token.authorization) == wanted


LOGINS = [
    (GITHUB, Login("ada", SECRET), f"Bearer {SECRET}"),
    (GITLAB, Login("oauth2", SECRET), f"Bearer {SECRET}"),
    ("codeberg.org", Login("ada", SECRET), basic("ada", SECRET)),
    ("bitbucket.org", Login("ada", SECRET), basic("ada", SECRET)),
    ("bitbucket.org", Login("x-token-auth", SECRET), f"Bearer {SECRET}"),
]


@pytest.mark.parametrize(("host", "login", "wanted"), LOGINS)
def test_what_git_pushes_with_opens_it_where_no_variable_does(host, login, wanted) -> None:
    found = place(f"https://{host}/acme/state", {}, login=login)

    assert found is not None
    assert (found.token.authorization, found.token.given) == (wanted, False)
    before = place(f"https://{host}/acme/state", MINE, declared(host, None), login=login)
    assert before is not None
    assert before.token.origin == "MINE"


def test_gh_is_asked_for_the_host_and_told_no_secret(tmp_path: Path) -> None:
    gh = tmp_path / "gh"
    gh.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/asked; env >{tmp_path}/environment\n'
        f'[ "$4" = github.com ] && echo {SECRET}\n'
    )
    gh.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITLAB_TOKEN": "of-gitlab"}

    found = place("git@github.com:acme/state.git", environ)
    other = place(f"https://{GHE}/acme/state", environ)

    assert found is not None
    assert found.token.authorization == f"Bearer {SECRET}"
    assert other is None
    assert (tmp_path / "asked").read_text() == f"auth token --hostname {GHE}\n"
    assert "of-gitlab" not in (tmp_path / "environment").read_text()
