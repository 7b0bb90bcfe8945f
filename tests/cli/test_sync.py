"""`gitops sync` on the real API server: what it changes, says and asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.live import NEW, OLD, Live, image
from tests.cli.synced import LOOK, annotations, services
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import ApiProxy
from tests.testbed.git import git
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig


def test_the_cluster_follows_and_is_then_in_sync(behind: Live) -> None:
    commit = git(behind.remote, "rev-parse", "main")
    done = behind.sync("--wait").ok()
    assert "patched  ready" in done.stdout
    assert behind.image_of("web") == image("web", NEW)
    behind.diff().ok()
    noted = annotations(behind)
    assert noted["gitops-cli/commit"] == commit
    assert noted["gitops-cli/commit-time"].endswith("Z")
    assert noted["gitops-cli/actor"] == "Ada Lovelace"
    assert noted["kubernetes.io/change-cause"] == (
        f"gitops: web {OLD[:7]} → {NEW[:7]}, state {commit[:7]} by Ada Lovelace"
    )


def written(live: Live) -> object:
    """Return what we write of the Deployment: its controller may write a status at any moment."""
    found = live.kube.get("Deployment", live.namespace, "web")
    ours = [e for e in found["metadata"]["managedFields"] if e["manager"] == "gitops"]
    return found["spec"], found["metadata"]["annotations"], ours


def test_nothing_to_do_patches_nothing(behind: Live) -> None:
    behind.sync("--wait").ok()
    before = written(behind)
    done = behind.sync().ok()
    assert "nothing to do" in done.stdout
    assert written(behind) == before


def test_only_as_many_requests_as_differences(behind: Live, api_proxy: ApiProxy) -> None:
    behind.record({"same.deployment": OLD})
    behind.running("same", OLD)
    through = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    through("sync", behind.namespace).ok()
    assert sorted(r.method for r in api_proxy.seen()) == ["GET", "PATCH"]
    api_proxy.requests.clear()
    through("sync", behind.namespace).ok()
    assert [r.method for r in api_proxy.seen()] == ["GET"]


def test_the_document(behind: Live) -> None:
    behind.record({"same.deployment": OLD, "gone.deployment": OLD})
    behind.running("same", OLD)
    done = behind.sync("-o", "json", "--wait")
    assert done.code == 1, "one is missing"
    assert done.stderr == "" or "error" not in done.stderr
    document = done.json()
    assert (document["kind"], document["changed"], document["exit_code"]) == ("sync", True, 1)
    found = services(document)
    assert {name: one["action"] for name, one in found.items()} == {
        "web": "patched",
        "same": "unchanged",
        "gone": "missing",
    }
    assert (found["web"]["before"], found["web"]["wanted"]) == (
        image("web", OLD),
        image("web", NEW),
    )
    assert (found["web"]["rollout"], found["same"]["rollout"]) == ("ready", "ready")


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "CronJob"])
def test_other_kinds(live: Live, kind: str) -> None:
    live.record({f"db.{kind.lower()}": NEW})
    live.run(kind, "db", OLD)
    live.sync("--wait").ok()
    assert live.image_of("db", kind) == image("db", NEW)
    live.diff().ok()


def test_a_dry_run_changes_nothing_and_says_what_it_would(behind: Live, kube: Kube) -> None:
    for option in ("--dry-run", "--dry-run=client", "--dry-run=server"):
        done = behind.sync(option).ok()
        assert "would patch" in done.stdout
        assert behind.image_of("web") == image("web", OLD)
    document = behind.sync("--dry-run=server", "-o", "json").json()
    assert (document["dry_run"], document["changed"]) == ("server", False)


def test_a_server_side_dry_run_hears_the_servers_objections(
    behind: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    token = kube.service_account(behind.namespace, "looker", LOOK)
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    looker = behind.gitops.using(KUBECONFIG=file)
    assert looker("sync", behind.namespace, "--dry-run").code == 0
    assert looker("sync", behind.namespace, "--dry-run=server").code == 4


def test_without_a_name_a_script_must_say_all(behind: Live) -> None:
    done = behind.gitops("sync")
    assert done.code == 2
    assert "--all" in done.stderr
    assert behind.image_of("web") == image("web", OLD)
    behind.gitops("sync", "--all").ok()
    assert behind.image_of("web") == image("web", NEW)


def test_on_a_terminal_the_plan_is_shown_and_confirmed(behind: Live) -> None:
    with behind.gitops.terminal("sync") as terminal:
        terminal.wait_for("would patch")
        terminal.wait_for("Change 1 service in test?")
        terminal.type("n")
        terminal.press("enter")
        assert terminal.finish() == 1
    assert behind.image_of("web") == image("web", OLD)
    with behind.gitops.terminal("sync") as terminal:
        terminal.wait_for("Change 1 service in test?")
        terminal.type("y")
        terminal.press("enter")
        assert terminal.finish() == 0
    assert behind.image_of("web") == image("web", NEW)


def test_on_a_terminal_nothing_to_do_asks_nothing(behind: Live) -> None:
    behind.sync().ok()
    with behind.gitops.terminal("sync") as terminal:
        assert terminal.finish() == 0
        assert "nothing to do" in terminal.text


def test_an_init_container_of_the_service_is_patched_too(live: Live) -> None:
    live.record({"web.deployment": NEW})
    init = {"migrate": image("web", OLD), "wait": "busybox:1"}
    live.running("web", OLD, images={"web": image("web", OLD), "proxy": "envoy:1"}, init=init)
    live.sync("--wait").ok()
    spec = live.kube.get("Deployment", live.namespace, "web")["spec"]["template"]["spec"]
    assert {c["name"]: c["image"] for c in (*spec["initContainers"], *spec["containers"])} == {
        "migrate": image("web", NEW),
        "wait": "busybox:1",
        "web": image("web", NEW),
        "proxy": "envoy:1",
    }
    live.diff().ok()


def test_each_revision_says_what_caused_it(live: Live) -> None:
    """`kubectl rollout history` shows the annotation of each revision's ReplicaSet."""
    live.record({"web.deployment": OLD})
    live.running("web", NEW)
    for version in (OLD, NEW, OLD):
        live.record({"web.deployment": version})
        live.sync("--wait").ok()
    found = live.kube.request("GET", f"/apis/apps/v1/namespaces/{live.namespace}/replicasets")[
        "items"
    ]
    causes = {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["metadata"]["annotations"]
        for each in found
    }
    for version, other in ((OLD, NEW), (NEW, OLD)):
        cause = causes[image("web", version)]["kubernetes.io/change-cause"]
        assert cause.startswith(f"gitops: web {other[:7]} → {version[:7]}, state "), cause
