"""`gitops doctor` names what is wrong and how to mend it."""

from __future__ import annotations

import re
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitops_cli import __version__
from gitops_cli.cluster.connection import connect
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.operations.doctor import Diagnosis, Verdict, check_clusters, check_identities
from gitops_cli.operations.placement import Clusters
from gitops_cli.state.opening import open_repository
from tests.cli.synced import LOOK
from tests.testbed import article as articles
from tests.testbed.article import Article
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig

GIT_ONLY = ("doctor", "--no-cluster", "--no-registry", "-o", "json")


@pytest.fixture
def state(gitops: Gitops, article: Article) -> Gitops:
    return gitops.at(article.clone())


def checks(ran: Ran) -> dict[str, dict[str, Any]]:
    document = ran.json()
    found = {check["name"]: check for check in document["checks"]}
    failed = [check for check in found.values() if check["verdict"] == "failed"]
    assert document["healthy"] is (not failed)
    assert ran.code == (1 if failed else 0), str(ran)
    return found


def test_all_is_well(state: Gitops) -> None:
    found = checks(state(*GIT_ONLY))
    assert {check["verdict"] for check in found.values()} == {"ok"}
    of_git = {"git", "identity", "repository", "remote", "write access", "files"}
    assert set(found) == {"gitops", *of_git}
    assert found["gitops"]["detail"] == __version__
    assert "To mend" not in state(*GIT_ONLY[:-2]).ok().stdout


def test_no_repository(gitops: Gitops, tmp_path: Path) -> None:
    ran = gitops.at(tmp_path)(*GIT_ONLY)
    assert checks(ran)["repository"]["verdict"] == "failed"
    assert "GITOPS_REPO" in checks(ran)["repository"]["hint"]


def test_an_unreachable_remote(state: Gitops, article: Article) -> None:
    article.remote.rename(article.remote.with_suffix(".gone"))
    found = checks(state(*GIT_ONLY))
    assert found["remote"]["verdict"] == "failed"
    assert found["files"]["verdict"] == "ok", "of the last known tip"


def test_a_push_url_that_leads_nowhere(state: Gitops) -> None:
    git(state.directory, "config", "remote.origin.pushurl", state.directory / "nowhere")
    found = checks(state(*GIT_ONLY))
    assert found["remote"]["verdict"] == "ok"
    assert found["write access"]["verdict"] == "failed"


def test_no_push_and_no_hook_happens(state: Gitops, article: Article) -> None:
    hook = state.directory / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch pushed\nexit 1\n")
    hook.chmod(0o755)
    before = git(article.remote, "for-each-ref")
    assert checks(state(*GIT_ONLY))["write access"]["verdict"] == "ok"
    assert git(article.remote, "for-each-ref") == before
    assert not (state.directory / "pushed").exists()


def test_no_identity(state: Gitops) -> None:
    (state.home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    found = checks(state(*GIT_ONLY))["identity"]
    assert found["verdict"] == "warning"
    assert "git config --global user.name" in found["hint"]


def test_broken_files_and_settings(state: Gitops, article: Article) -> None:
    article.push(article.environment("staging"), {"billing": "oops!"})
    assert checks(state(*GIT_ONLY))["files"]["verdict"] == "failed"
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main"))
    add_commits(article.remote, [Commit("Settings", {"gitops.toml": "[stag]\n"}, now)])
    found = checks(state(*GIT_ONLY))["gitops.toml"]
    assert found["detail"].startswith("gitops.toml:1: ")


def test_identities_that_cannot_be_judged_here_are_a_warning() -> None:
    by = "identity = 'carol@example.com', issuer = 'https://oidc'"
    text = f"[stage.production]\nsignature = {{ {by} }}\nattestation = {{ {by}, type = 't' }}\n"
    team = parse_team(RawFile("gitops.toml", text.encode()))
    assert list(check_identities(team, lambda: False)) == [
        Diagnosis(
            "signatures",
            Verdict.WARNING,
            "signatures of identities, for production, cannot be judged here",
            "pip install 'gitops-cli[keyless]'",
        )
    ]
    assert list(check_identities(team, lambda: True)) == []
    keys = parse_team(RawFile("gitops.toml", b"[stage.production]\nsignature = { key = 'k' }\n"))
    assert list(check_identities(keys, lambda: False)) == []


def test_a_clock_that_is_wrong(state: Gitops, article: Article) -> None:
    soon = int(datetime.now(UTC).timestamp()) + 3600
    add_commits(article.remote, [Commit("From tomorrow", {"x": "y"}, soon)])
    found = checks(state(*GIT_ONLY))["clock"]
    assert found["verdict"] == "warning"
    assert "in the future" in found["detail"]


def test_sources(state: Gitops, article: Article) -> None:
    settings = "".join(
        f'[service.{service}]\nsource = "{source}"\n'
        for service, source in {
            "billing": article.source("billing").remote,
            "orders": article.source("billing").remote,
            "search": f"file://{article.directory}/nowhere.git",
        }.items()
    )
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main"))
    add_commits(article.remote, [Commit("Settings", {"gitops.toml": settings}, now)])
    found = checks(state(*GIT_ONLY))
    assert found["source of billing"]["verdict"] == "ok"
    assert found["source of orders"]["verdict"] == "warning"
    assert found["source of search"]["verdict"] in ("failed", "warning")


def at_checkout(gitops: Gitops, article: Article, directory: Path) -> dict[str, dict[str, Any]]:
    return checks(gitops.at(directory).using(GITOPS_REPO=article.remote)(*GIT_ONLY))


def test_a_services_checkout_is_told(gitops: Gitops, article: Article) -> None:
    found = at_checkout(gitops, article, article.checkout("billing"))

    stages = ("development", "staging", "production")
    homes = ", ".join(article.environment(stage) for stage in stages)
    assert found["service"]["detail"] == f"billing, by its name; recorded in {homes}"
    assert found["ancestry"]["detail"] == "asked of the checkout, then the source's remote"
    assert {found[name]["verdict"] for name in ("service", "ancestry")} == {"ok"}


def test_a_declared_source_and_a_stage_that_requires_ancestry_are_told(
    gitops: Gitops, article: Article
) -> None:
    settings = (
        f'[service.billing]\nsource = "{article.source("orders").remote}"\n'
        "[stage.production]\nrequire_ancestry = true\n"
    )
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main"))
    add_commits(article.remote, [Commit("Settings", {"gitops.toml": settings}, now)])

    found = at_checkout(gitops, article, article.checkout("orders"))

    assert found["service"]["detail"].startswith("billing, by [service.billing] source; recorded")
    assert found["ancestry"]["verdict"] == "warning", "what is recorded is of another source"
    assert found["ancestry"]["detail"].endswith("is not known there; required in production")


def test_a_shallow_checkout_without_a_remote_orders_nothing(
    gitops: Gitops, article: Article, tmp_path: Path
) -> None:
    remote = article.source("billing").remote
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{remote}", "billing")
    asked = at_checkout(gitops, article, tmp_path / "billing")
    git(tmp_path / "billing", "remote", "remove", "origin")
    alone = at_checkout(gitops, article, tmp_path / "billing")

    assert asked["ancestry"]["detail"] == "asked of the source's remote"
    assert alone["ancestry"]["verdict"] == "warning"
    assert "history is cut here" in alone["ancestry"]["detail"]
    assert "unshallow" in alone["ancestry"]["hint"]


def test_a_checkout_of_no_service_is_told(gitops: Gitops, article: Article, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "tool")

    found = at_checkout(gitops, article, tmp_path / "tool")

    assert found["service"]["verdict"] == "warning"
    assert found["service"]["detail"] == "tool, by its name, which no environment has"
    assert "ancestry" not in found


def test_a_registry_nobody_answers_for_is_a_warning(state: Gitops, article: Article) -> None:
    environment = article.environment("development", "project3")
    files = {f"{environment}/images_path": "127.0.0.1:9/x/\n"}
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main"))
    files[f"{environment}/web.deployment"] = f"{'a' * 40}\n"
    add_commits(article.remote, [Commit("More", dict(files), now)])
    found = checks(state("doctor", "--no-cluster", "-o", "json"))
    assert found["images in 127.0.0.1:9/x/"]["verdict"] == "warning"


def test_without_a_kubeconfig_git_still_works(state: Gitops) -> None:
    found = checks(state("doctor", "--no-registry", "-o", "json"))
    assert found["cluster"]["verdict"] == "warning"
    assert "KUBECONFIG" in found["cluster"]["hint"]


def test_a_cluster(
    state: Gitops, article: Article, kube: Kube, control_plane: ControlPlane
) -> None:
    articles.deploy(kube, article, replicas=0)
    inside = state.using(KUBECONFIG=control_plane.kubeconfig)
    found = checks(inside("doctor", "--no-registry", "-o", "json"))
    assert found["cluster test"]["verdict"] == "ok"
    assert found["cluster test"]["detail"].startswith("v1.")
    assert found["rights"]["detail"] == "list and patch in 6 namespaces"
    assert found["explaining"]["detail"] == "pods, logs and watches in 6 namespaces"
    assert found["agents"]["detail"] == "none is running"


def test_a_cluster_that_is_older_than_gitops_knows(
    state: Gitops, article: Article, kube: Kube, api_proxy: ApiProxy
) -> None:
    articles.deploy(kube, article, replicas=0)
    api_proxy.on(Answer(200, body={"gitVersion": "v1.27.16"}), "GET", "/version", times=9)
    inside = state.using(KUBECONFIG=api_proxy.kubeconfig)
    found = checks(inside("doctor", "--no-registry", "-o", "json"))
    [cluster] = [check for name, check in found.items() if name.startswith("cluster ")]
    assert cluster["verdict"] == "warning"
    assert "v1.27.16 is older" in cluster["detail"]
    assert "1.28" in cluster["hint"]


def test_a_server_whose_clock_is_another(
    state: Gitops, control_plane: ControlPlane, article: Article
) -> None:
    """Ours is a quarter of an hour ahead, for a test can set no server's."""
    snapshot = open_repository(state.directory).index_snapshot()
    clusters = Clusters(lambda context, declared: connect(context, control_plane.kubeconfig))
    ahead = timedelta(minutes=15)
    found = list(
        check_clusters(
            snapshot,
            clusters,
            lambda group: ([], []),
            now=lambda: datetime.now(UTC) + ahead,
        )
    )
    clusters.close()
    assert found[0].verdict == "warning"
    assert re.search(r"its clock and ours differ by 1[45]m", found[0].detail)


def test_an_old_git(state: Gitops, tmp_path: Path) -> None:
    old = tmp_path / "old" / "git"
    old.parent.mkdir()
    real = shutil.which("git")
    old.write_text(
        "#!/bin/sh\n"
        'for word; do [ "$word" = version ] && echo git version 2.17.1 && exit; done\n'
        f'exec {real} "$@"\n'
    )
    old.chmod(0o755)
    path = f"{old.parent}:{state.environment['PATH']}"
    found = checks(state.using(PATH=path)(*GIT_ONLY))
    assert found["git"]["verdict"] == "failed"
    assert found["git"]["detail"] == "git 2.17.1 is too old"
    assert "2.34" in found["git"]["hint"]


def test_a_cluster_that_permits_too_little_and_one_that_is_away(
    state: Gitops, article: Article, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    articles.deploy(kube, article, replicas=0)
    token = kube.service_account(article.environment("production"), "looker", LOOK)
    little = write_kubeconfig(
        tmp_path / "little", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    done = state("doctor", "--no-registry", "--kubeconfig", little, "-o", "json")
    rights = checks(done)["rights"]
    assert rights["verdict"] == "warning"
    assert "patch deployments.apps" in rights["detail"]
    assert "sync needs `patch`" in rights["hint"]
    explaining = checks(done)["explaining"]
    assert explaining["verdict"] == "warning"
    assert "list pods" in explaining["detail"]
    away = write_kubeconfig(
        tmp_path / "away", url="https://127.0.0.1:1", ca_file=control_plane.ca_file, token=token
    )
    done = state("doctor", "--no-registry", "--kubeconfig", away, "-o", "json")
    assert done.code == 1
    cluster = checks(done)["cluster test"]
    assert cluster["verdict"] == "failed"
    assert "https://127.0.0.1:1" in cluster["detail"]
    assert cluster["hint"]


def test_what_is_asked_is_said_while_it_takes_its_time(state: Gitops) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        remote = f"http://127.0.0.1:{silent.getsockname()[1]}/state.git"
        git(state.directory, "remote", "set-url", "origin", remote)
        with state.terminal("doctor", "--no-cluster", "--no-registry") as terminal:
            terminal.wait_for("asking: the remote")
            assert "ok: gitops: " in terminal.text, "what is done already stands above it"
            assert "RESULT" not in terminal.text
            terminal.press("ctrl-c")
            assert terminal.finish() == 130

    piped = state("doctor", "--no-cluster", "--no-registry", "--timeout", "4s")
    assert piped.stderr.startswith("asking: the remote\n")
    assert "asking: " not in piped.stdout
    assert state(*GIT_ONLY, "--timeout", "1s").stderr == ""
