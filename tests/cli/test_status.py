"""`gitops status`: what is recorded where, since when, and how far behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.testbed import article as articles
from tests.testbed.article import Article
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

LONG = "2020-01-01 00:00 - 2099-01-01 00:00 UTC"


@pytest.fixture
def state(gitops: Gitops, article: Article) -> Gitops:
    return gitops.at(article.clone())


def settle(article: Article, files: Mapping[str, str | None], subject: str = "Edit") -> None:
    """Write files straight into the remote."""
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main")) + 60
    add_commits(article.remote, [Commit(subject, files, now)])


def with_sources(article: Article) -> None:
    """Let gitops.toml say where project1's sources are."""
    services = {s: src for (p, s), src in article.sources.items() if p == "project1"}
    tables = [f'[service.{s}]\nsource = "{src.remote}"\n' for s, src in services.items()]
    settle(article, {"gitops.toml": "".join(tables)})


def cells(document: Any, service: str) -> dict[str, Any]:
    """Return stage → cell of a service in the one project shown."""
    [project] = document["projects"]
    stages = {e["environment"]: e["stage"] for e in project["environments"]}
    [found] = [s for s in project["services"] if s["service"] == service]
    return {stages[cell["environment"]]: cell for cell in found["environments"]}


def project(article: Article, name: str = "project1") -> str:
    return f"{article.prefix}{name}"


def test_every_version_with_its_age_and_author(state: Gitops, article: Article) -> None:
    found = state("status", "-p", project(article), "-o", "json").ok().json()
    assert found["fresh"] is True
    assert found["commit"] == git(article.remote, "rev-parse", "main")
    for stage in ("development", "staging", "production"):
        environment = article.environment(stage)
        recorded = article.recorded(environment)
        for service, version in recorded.items():
            cell = cells(found, service)[stage]
            path = f"{environment}/{service}.deployment"
            when, who, commit = git(
                article.remote, "log", "-1", "--format=%cI%n%an%n%H", "main", "--", path
            ).splitlines()
            assert cell["version"] == version
            assert datetime.fromisoformat(cell["changed_at"]) == datetime.fromisoformat(when)
            assert (cell["changed_by"], cell["commit"]) == (who, commit)


def test_behind_in_source_commits(state: Gitops, article: Article) -> None:
    with_sources(article)
    shown = state("status", "billing", "-p", project(article)).ok().stdout
    row = next(line for line in shown.splitlines() if line.startswith("billing"))
    assert row.count("↓1") == 2
    found = state("status", "billing", "-p", project(article), "-o", "json").ok().json()
    assert {
        stage: (cell["relation"], cell["behind"], cell["ahead"])
        for stage, cell in cells(found, "billing").items()
    } == {
        "development": (None, None, None),
        "staging": ("behind", 1, 0),
        "production": ("behind", 1, 0),
    }


def test_the_same_ahead_and_diverged(state: Gitops, article: Article) -> None:
    with_sources(article)
    source = article.source("billing")
    now = int(git(source.remote, "log", "-1", "--format=%ct", "main"))
    git(source.remote, "branch", "fix", source.commits[1])
    [fix] = add_commits(source.remote, [Commit("Fix", {"a": "b"}, now)], branch="fix")
    dev, staging, production = (
        article.environment(s) for s in ("development", "staging", "production")
    )
    article.push(dev, {"billing": source.commits[2]})
    article.push(staging, {"billing": source.commits[3]})
    article.push(production, {"billing": fix})
    found = cells(
        state("status", "billing", "-p", project(article), "-o", "json").ok().json(), "billing"
    )
    assert (found["staging"]["relation"], found["staging"]["ahead"]) == ("ahead", 1)
    assert found["production"]["relation"] == "diverged"
    assert (found["production"]["ahead"], found["production"]["behind"]) == (1, 2)
    article.push(staging, {"billing": fix})
    shown = state("status", "billing", "-p", project(article)).ok().stdout
    assert " = " in shown
    assert "PRODUCTION vs STAGING" in shown


def test_locks_and_freezes_are_shown(state: Gitops, article: Article) -> None:
    production = article.environment("production")
    settle(
        article,
        {
            "gitops.toml": f'[stage.staging]\nfreeze = ["{LONG}"]\n',
            f"{production}/billing.lock": 'by = "Ada"\nreason = "audit"\n',
            f"{production}/orders.lock": "until = 2020-01-01T00:00:00Z\n",
            f"{article.environment('development')}/.lock": 'reason = "\\u001b[31mred"\n',
            f"{article.environment('development')}/orders.lock": "until = 2020-01-01T00:00:00Z\n",
        },
    )
    ran = state("status", "-p", project(article)).ok()
    lines = {line.split()[0]: line for line in ran.stdout.splitlines() if line.strip()}
    assert lines["billing"].rstrip().endswith("locked")
    assert lines["orders"].rstrip().endswith("lock expired")
    assert f"{production}: billing is locked by Ada: audit" in ran.stdout
    assert "STAGING (FROZEN)" in ran.stdout
    assert "is frozen until Thu 2099-01-01 00:00 UTC" in ran.stdout
    assert "\x1b" not in ran.stdout
    found = state("status", "-p", project(article), "-o", "json").ok().json()
    assert cells(found, "billing")["production"]["lock"]["reason"] == "audit"
    assert cells(found, "orders")["production"]["lock"]["holds"] is False
    assert cells(found, "billing")["development"]["lock"]["holds"] is True
    assert cells(found, "orders")["development"]["lock"]["holds"] is True, "of all of it"


@pytest.mark.parametrize(
    ("arguments", "environments"),
    [
        (["-e", "prod"], ["project1-production", "project2-production"]),
        (
            ["-e", "dev", "-e", "stag", "-p", "project2"],
            ["project2-development", "project2-staging"],
        ),
        (["-e", "project1-staging"], ["project1-staging"]),
    ],
)
def test_filters(
    state: Gitops, article: Article, arguments: list[str], environments: list[str]
) -> None:
    prefixed = [f"{article.prefix}{a}" if a.startswith("project") else a for a in arguments]
    found = state("status", *prefixed, "-o", "json").ok().json()
    shown = [e["environment"] for p in found["projects"] for e in p["environments"]]
    assert shown == [f"{article.prefix}{name}" for name in environments]


def test_a_stale_clone_shows_the_remote(state: Gitops, article: Article) -> None:
    new = "5" * 40
    article.push(article.environment("development"), {"billing": new})
    found = state("status", "-p", project(article), "-o", "json").ok().json()
    assert cells(found, "billing")["development"]["version"] == new
    old = state("status", "-p", project(article), "-o", "json", "--offline").ok().json()
    assert cells(old, "billing")["development"]["version"] != new
    assert old["fresh"] is False


def test_an_unreachable_remote_leaves_the_last_known_tip(state: Gitops, article: Article) -> None:
    article.remote.rename(article.remote.with_suffix(".gone"))
    ran = state("status", "-p", project(article), "-o", "json").ok()
    assert ran.json()["fresh"] is False
    assert "showing the last known" in ran.stderr
    assert state("status", "-q").ok().stderr == ""


def test_from_a_services_checkout_only_that_service(gitops: Gitops, article: Article) -> None:
    checkout = article.checkout("billing")
    inside = gitops.at(checkout).using(GITOPS_REPO=article.remote)
    found = inside("status", "-o", "json").ok().json()
    shown = {s["service"] for p in found["projects"] for s in p["services"]}
    assert shown == {"billing"}
    assert inside("status").ok().stderr == "billing: the service of this checkout\n"
    named = inside("status", "orders", "-o", "json").ok().json()
    assert {s["service"] for p in named["projects"] for s in p["services"]} == {"orders"}


def test_a_url_through_the_mirror(gitops: Gitops, article: Article) -> None:
    url = article.remote.as_uri()
    by_url = gitops("status", "-R", url, "-o", "json").ok().json()
    assert by_url == gitops.at(article.clone())("status", "-o", "json").ok().json()


def test_an_unreadable_file_is_shown_and_fails(state: Gitops, article: Article) -> None:
    path = f"{article.environment('production')}/billing.deployment"
    settle(article, {path: f"{'a' * 40}\n{'b' * 40}\n"})
    ran = state("status", "billing", "-p", project(article), "-o", "json")
    assert ran.code == 2
    assert f"{path}:2: holds more than one line" in ran.stderr
    cell = cells(json.loads(ran.stdout), "billing")["production"]
    assert (cell["version"], cell["problem"].startswith(path)) == (None, True)
    assert state("status", "orders").ok(), "other services are not concerned"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 2, "no service `nothing`"),
        (["../x"], 2, "not a service name"),
        (["-e", "qa"], 2, "no environment or stage `qa`"),
        (["-p", "shop"], 2, "no project `shop`"),
        (["-e", "prod", "-p", "shop"], 2, "there is no project `shop`"),
    ],
)
def test_what_is_not_there(state: Gitops, arguments: list[str], code: int, message: str) -> None:
    ran = state("status", *arguments)
    assert ran.code == code
    assert message in ran.stderr
    assert ran.stdout == ""


def test_a_project_without_services_says_how_to_record_one(state: Gitops, article: Article) -> None:
    settle(article, {"new-development/images_path": "registry.example.com/new/\n"})
    shown = state("status").ok().stdout
    assert "new: no services yet; `gitops set SERVICE=HASH -e new-development --new`" in shown
    assert "new" not in state("status", "orders").ok().stdout


def test_a_repository_without_commits_or_environments(gitops: Gitops, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")
    for directory in (tmp_path / "empty", tmp_path):
        outside = gitops.at(directory)("status")
        assert outside.code == 2
        assert "-R URL" in outside.stderr


def test_ages_are_relative_for_people(gitops: Gitops, tmp_path: Path) -> None:
    gitops("init", "state", "-p", "shop", "--images-path", "r.example.com/").ok()
    state = tmp_path / "state"
    (state / "shop-staging/web.deployment").write_text("a" * 40 + "\n")
    when = (datetime.now(UTC) - timedelta(hours=3, minutes=7)).isoformat()
    git(state, "add", ".")
    git(state, "commit", "-q", "-m", "x", env={"GIT_COMMITTER_DATE": when})
    assert "aaaaaaa 3h07m" in gitops.at(state)("status").ok().stdout


def test_live_joins_what_runs(
    state: Gitops, article: Article, kube: Kube, control_plane: ControlPlane
) -> None:
    dev, staging = article.environment("development"), article.environment("staging")
    articles.deploy(kube, article, [dev], replicas=0)
    old = article.recorded(dev)["billing"]
    article.push(dev, {"billing": "5" * 40})
    inside = state.using(KUBECONFIG=control_plane.kubeconfig)
    ran = inside("status", "-e", dev, "-e", staging, "--live", "-o", "json").ok()
    billing = cells(ran.json(), "billing")
    assert billing["development"]["live"]["state"] == "differs"
    assert billing["development"]["live"]["image"].endswith(f"/billing:{old}")
    assert cells(ran.json(), "orders")["development"]["live"]["state"] == "in-sync"
    assert billing["staging"]["live"]["state"] == "missing", "nothing was deployed there"
    shown = inside("status", "billing", "-e", dev, "--live").ok().stdout
    assert f"runs {old[:7]}" in shown
    both = inside("status", "orders", "-e", dev, "-e", staging, "--live").ok().stdout
    assert " ✓" in both
    failed = inside("status", "-e", dev, "-e", staging, "--failed").ok().stdout
    assert " missing" in failed
    without = inside("status", "-e", dev, "-o", "json").ok().json()
    assert cells(without, "billing")["development"]["live"] is None


def test_live_without_a_cluster_still_shows_git(state: Gitops, article: Article) -> None:
    ran = state("status", "-p", project(article), "--live", "-o", "json")
    assert ran.code == 2
    assert "no kubeconfig" in ran.stderr
    billing = cells(ran.json(), "billing")["production"]
    assert billing["version"] == article.recorded(article.environment("production"))["billing"]
    assert billing["live"] is None


def test_the_columns_that_are_asked_for(clone: Gitops) -> None:
    first = clone("status", "--columns", "service,production").ok().stdout.splitlines()[1]
    assert first.split() == ["SERVICE", "PRODUCTION", "vs", "STAGING"]
    unknown = clone("history", "--columns", "when,comit")
    assert (unknown.code, unknown.stdout) == (2, "")
    assert "there is no column `comit`\nhint: did you mean `commit`?" in unknown.stderr
    assert clone("status", "--columns", "service", "-o", "json").code == 2
