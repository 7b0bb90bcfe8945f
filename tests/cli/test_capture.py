"""`gitops capture`: an existing namespace becomes an environment."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.live import IMAGES, NEW, OLD, Live, image
from tests.testbed.git import git


@pytest.fixture
def foreign(live: Live) -> Live:
    """Return a namespace that the repository knows nothing of."""
    live.record({"images_path": None}, environment=live.namespace)
    live.record({"images_path": IMAGES}, environment="other-production")
    return live


def content(live: Live, name: str) -> str:
    return git(live.remote, "show", f"main:{live.namespace}/{name}")


def test_a_running_namespace_is_adopted_with_one_command(foreign: Live) -> None:
    foreign.run("Deployment", "web", OLD)
    foreign.run("StatefulSet", "db", NEW)
    foreign.run("CronJob", "report", OLD)
    foreign.run("DaemonSet", "logs", OLD, images={"logs": "fluentd:1", "our": image("logs", NEW)})
    foreign.run("Deployment", "redis", "7", images={"redis": "redis:7"})
    done = foreign.gitops("capture", foreign.namespace, "-m", "adopt").ok()
    assert content(foreign, "images_path") == IMAGES
    assert content(foreign, "web.deployment") == OLD
    assert content(foreign, "db.statefulset") == NEW
    assert content(foreign, "report.cronjob") == OLD
    assert content(foreign, "logs.daemonset") == NEW
    assert f"its image is not {IMAGES}redis: redis:7" in done.stdout
    message = git(foreign.remote, "log", "-1", "--format=%B", "main")
    assert "Gitops-Action: capture" in message
    assert "Gitops-Reason: adopt" in message
    rows = foreign.rows()
    assert {rows[s]["recorded"] for s in ("web", "db")} == {image("web", OLD), image("db", NEW)}
    assert rows["redis"]["state"] == "untracked"


def test_again_there_is_nothing_to_record(foreign: Live) -> None:
    foreign.run("Deployment", "web", OLD)
    foreign.gitops("capture", foreign.namespace).ok()
    before = git(foreign.remote, "rev-parse", "main")
    again = foreign.gitops("capture", foreign.namespace, "-o", "json").ok().json()
    assert (again["kind"], again["changed"]) == ("capture", False)
    assert git(foreign.remote, "rev-parse", "main") == before


def test_what_runs_is_proposed_where_a_request_is_wanted(foreign: Live) -> None:
    foreign.run("Deployment", "web", OLD)
    before = git(foreign.remote, "rev-parse", "main")
    done = foreign.gitops("capture", foreign.namespace, "--pr", "-o", "json").ok().json()
    branch = f"gitops/capture/{foreign.namespace}"
    assert (done["branch"], done["commit"]) == (branch, git(foreign.remote, "rev-parse", branch))
    assert git(foreign.remote, "rev-parse", "main") == before
    planned = foreign.gitops("capture", foreign.namespace, "--pr", "--dry-run").ok()
    assert f"would push {branch}: " in planned.stdout


def test_a_dry_run_writes_nothing(foreign: Live) -> None:
    foreign.run("Deployment", "web", OLD)
    before = git(foreign.remote, "rev-parse", "main")
    done = foreign.gitops("capture", foreign.namespace, "--dry-run").ok()
    assert "would record" in done.stdout
    assert git(foreign.remote, "rev-parse", "main") == before


def test_an_environment_takes_up_what_runs_and_keeps_the_rest(live: Live) -> None:
    live.record({"web.deployment": OLD, "gone.deployment": OLD})
    live.run("Deployment", "web", NEW)
    live.gitops("capture", live.namespace, "--yes").ok()
    assert content(live, "web.deployment") == NEW
    assert content(live, "gone.deployment") == OLD


def test_a_lock_is_respected(live: Live) -> None:
    live.record({"web.deployment": OLD, "web.lock": 'by = "Ada"'})
    live.run("Deployment", "web", NEW)
    done = live.gitops("capture", live.namespace, "--yes")
    assert done.code == 6
    assert content(live, "web.deployment") == OLD
    live.gitops("capture", live.namespace, "--yes", "--override-lock", "-m", "drill").ok()
    assert content(live, "web.deployment") == NEW


def test_a_service_of_another_kind_is_a_mistake(live: Live) -> None:
    live.record({"web.deployment": OLD})
    live.run("StatefulSet", "web", OLD)
    done = live.gitops("capture", live.namespace)
    assert done.code == 2
    assert f"{live.namespace}/web.deployment:1" in done.stderr


def test_a_namespace_that_is_not_there(live: Live) -> None:
    done = live.gitops("capture", "nowhere-at-all")
    assert done.code == 5
    assert "there is no namespace `nowhere-at-all`" in done.stderr


def test_nothing_that_tells_where_images_are(foreign: Live) -> None:
    foreign.run("Deployment", "redis", "7", images={"redis": "redis:7"})
    done = foreign.gitops("capture", foreign.namespace)
    assert done.code == 2
    assert "--images-path" in done.stderr


def test_the_beginning_of_images_can_be_said(foreign: Live) -> None:
    foreign.run("Deployment", "web", OLD, images={"web": f"shop-web:{OLD}"})
    foreign.gitops("capture", foreign.namespace, "--images-path", "shop-").ok()
    assert content(foreign, "images_path") == "shop-"
    assert content(foreign, "web.deployment") == OLD


def test_a_short_name_is_the_repository_that_the_path_means(foreign: Live) -> None:
    """What is captured as docker.io/acme/ and runs as acme/web is in sync, and not restarted."""
    foreign.running("web", OLD, images={"web": f"acme/web:{OLD}"})
    foreign.gitops("capture", foreign.namespace, "--images-path", "docker.io/acme/").ok()
    assert foreign.rows()["web"]["state"] == "in-sync"
    done = foreign.sync().ok()
    assert "nothing to do" in done.stderr


def test_only_the_containers_that_are_meant_are_read(live: Live) -> None:
    live.record({"/gitops.toml": '[service.web]\ncontainer = ["app"]'})
    images = {"app": image("web", NEW), "worker": image("web", OLD)}
    live.run("Deployment", "web", NEW, images=images)
    live.gitops("capture", live.namespace).ok()
    assert content(live, "web.deployment") == NEW


def test_manifests_are_written_without_what_only_this_cluster_knows(foreign: Live) -> None:
    foreign.run("Deployment", "web", OLD, annotations={"team": "shop"})
    foreign.kube.wait_rolled_out("Deployment", foreign.namespace, "web")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hidden"}}
    foreign.kube.create(secret | {"stringData": {"password": "hunter2"}}, foreign.namespace)
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    foreign.kube.create(settings | {"data": {"level": "info"}}, foreign.namespace)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    ports = {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]}
    foreign.kube.create(service | {"spec": ports}, foreign.namespace)
    status = settings | {"metadata": {"name": "gitops-agent"}, "data": {"result": "in-sync"}}
    foreign.kube.create(status, foreign.namespace)
    done = foreign.gitops("capture", foreign.namespace, "--manifests").ok()
    assert "recorded 1 service and 3 manifests" in done.stdout
    listing = git(foreign.remote, "ls-tree", "-r", "--name-only", "main", f"{foreign.namespace}/")
    assert {Path(name).name for name in listing.splitlines()} == {
        "images_path",
        "web.deployment",
        "deployment-web.yaml",
        "service-web.yaml",
        "configmap-settings.yaml",
    }
    web = yaml.safe_load(content(foreign, "manifests/deployment-web.yaml"))
    assert web["metadata"] == {
        "name": "web",
        "labels": {"app": "web"},
        "annotations": {"team": "shop"},
    }
    assert "status" not in web
    assert "clusterIP" not in content(foreign, "manifests/service-web.yaml")
    assert "hunter2" not in git(foreign.remote, "log", "-p", "main")
    before = git(foreign.remote, "rev-parse", "main")
    foreign.gitops("capture", foreign.namespace, "--manifests").ok()
    assert git(foreign.remote, "rev-parse", "main") == before, "nothing new, no commit"
    for name in ("deployment-web", "service-web", "configmap-settings"):
        manifest = yaml.safe_load(content(foreign, f"manifests/{name}.yaml"))
        manifest["metadata"]["name"] += "-again"
        foreign.kube.create(manifest, foreign.namespace)


def agree(live: Live, rules: str) -> None:
    """Let gitops.toml say something about the namespace's stage."""
    stage = live.namespace.rpartition("-")[2]
    live.record({"/gitops.toml": f'stages = ["{stage}"]\n[stage.{stage}]\n{rules}'})


def test_a_protected_stage_is_confirmed_by_its_name(live: Live) -> None:
    agree(live, "protected = true\n[commit]\nskip_ci = true")
    live.record({"web.deployment": OLD})
    live.run("Deployment", "web", NEW)

    assert live.gitops("capture", live.namespace, "--yes").code == 2
    assert content(live, "web.deployment") == OLD
    live.gitops("capture", live.namespace, "--dry-run").ok()
    live.gitops("capture", live.namespace, "--confirm", live.namespace, "-m", "drill").ok()

    assert content(live, "web.deployment") == NEW
    assert git(live.remote, "log", "-1", "--format=%s", "main").endswith("[skip ci]")


def test_a_stage_of_pull_requests_gets_a_branch(live: Live) -> None:
    agree(live, 'mode = "pr"')
    live.record({"web.deployment": OLD})
    live.run("Deployment", "web", NEW)

    proposed = live.gitops("capture", live.namespace, "--yes", "-o", "json").ok().json()

    assert content(live, "web.deployment") == OLD
    recorded = git(live.remote, "show", f"{proposed['branch']}:{live.namespace}/web.deployment")
    assert recorded.strip() == NEW
    live.gitops("capture", live.namespace, "--yes", "--override-policy", "-m", "drill").ok()
    assert content(live, "web.deployment") == NEW


def test_a_file_that_cannot_be_read_is_written_anew(live: Live) -> None:
    live.record({"web.deployment": "<<<<<<<"})
    live.run("Deployment", "web", NEW)

    live.gitops("capture", live.namespace).ok()

    assert content(live, "web.deployment") == NEW


def test_what_is_recorded_meanwhile_is_not_taken_back(live: Live) -> None:
    live.record({"web.deployment": OLD})
    live.run("Deployment", "web", "b" * 40)
    git(live.clone, "pull", "-q")
    seen = git(live.remote, "rev-parse", "main")
    faster = live.record({"web.deployment": NEW})
    git(live.remote, "update-ref", "refs/heads/main", seen)
    hook = live.clone / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ngit -C {live.remote} update-ref refs/heads/main {faster}\n")
    hook.chmod(0o755)

    done = live.gitops("capture", live.namespace, "--yes")

    assert done.code == 6
    assert "moved meanwhile, nothing was written" in done.stderr
    assert git(live.remote, "rev-parse", "main") == faster


def test_a_recorded_version_is_not_replaced_unasked(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.run("Deployment", "web", OLD)

    asked = live.gitops("capture", live.namespace)

    assert asked.code == 2
    assert "--yes" in asked.stderr
    assert git(live.remote, "show", f"main:{live.namespace}/web.deployment") == NEW
    live.gitops("capture", live.namespace, "--yes").ok()
    assert git(live.remote, "show", f"main:{live.namespace}/web.deployment") == OLD


def test_a_terminal_sees_what_would_be_replaced(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.run("Deployment", "web", OLD)

    with live.gitops.terminal("capture", live.namespace) as terminal:
        terminal.wait_for("Replace 1 recorded version")
        assert NEW[:7] in terminal.text
        assert OLD[:7] in terminal.text
        terminal.type("n")
        terminal.press("enter")
        assert terminal.finish() == 1
    assert git(live.remote, "show", f"main:{live.namespace}/web.deployment") == NEW
