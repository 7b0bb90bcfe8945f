"""Workloads that others own, name, split or may touch: Helm, operators, Argo Rollouts, Roles."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.live import NEW, OLD, Live, image, line
from tests.cli.synced import annotations, services
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy
from tests.testbed.git import git
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import eventually
from tests.testbed.rollouts import install_rollouts, rollout, state

BETWEEN = "1" * 40


# --- Helm's names, dots, several containers


def test_a_workload_of_another_name_is_followed_by_its_rule(live: Live) -> None:
    live.record({"web.deployment": NEW, "/gitops.toml": '[service.web]\nworkload = "rel-web"'})
    live.running("rel-web", OLD, images={"web": image("web", OLD), "proxy": "envoy:1"})
    row = live.rows()["web"]
    assert (row["state"], row["workload"]) == ("differs", "rel-web")
    done = live.sync("--wait", "-o", "json").ok()
    assert services(done.json())["web"]["rollout"] == "ready"
    assert live.image_of("rel-web") == image("web", NEW)
    assert list(live.rows()) == ["web"], "it is not untracked, too"


def test_capture_knows_it_by_its_service(live: Live) -> None:
    live.record({"/gitops.toml": '[service.web]\nworkload = "rel-web"'})
    live.running("rel-web", OLD, images={"web": image("web", OLD)})
    live.gitops("capture", live.namespace).ok()
    assert git(live.remote, "show", f"main:{live.namespace}/web.deployment") == OLD
    live.diff().ok()


def test_a_name_with_dots_stops_nothing(live: Live) -> None:
    live.record({"api.v2.deployment": NEW, "web.deployment": NEW})
    for service in ("api.v2", "web"):
        images = {"app": image(service, OLD)}
        live.running(service, OLD, images=images)
    done = live.sync("--wait").ok()
    assert "ready" in line(done.stdout, "api.v2")
    assert live.image_of("api.v2") == image("api.v2", NEW)
    live.diff().ok()
    live.gitops("set", f"api.v2={OLD}", "-e", live.namespace).ok()
    live.gitops("lock", "api.v2", "-e", live.namespace, "-m", "broken").ok()
    assert live.rows()["api.v2"]["held"]


def test_every_container_that_changes_is_named(live: Live) -> None:
    """Two containers of one repository, the worker behind on purpose."""
    live.record({"web.deployment": NEW})
    images = {"app": image("web", OLD), "worker": image("web", BETWEEN)}
    live.running("web", OLD, images=images)
    plan = live.sync("--dry-run").ok()
    assert [row.split()[:4] for row in plan.stdout.splitlines() if row.startswith("web ")] == [
        ["web", "app", OLD[:7], NEW[:7]],
        ["web", "worker", BETWEEN[:7], NEW[:7]],
    ]
    web = services(live.sync("--dry-run", "-o", "json").ok().json())["web"]
    assert web["containers"] == ["app", "worker"]
    assert web["replaces"] == [image("web", OLD), image("web", BETWEEN)]
    live.record({"/gitops.toml": '[service.web]\ncontainer = ["app"]'})
    live.sync("--wait").ok()
    containers = live.kube.get("Deployment", live.namespace, "web")["spec"]["template"]["spec"]
    assert [c["image"] for c in containers["containers"]] == [
        image("web", NEW),
        image("web", BETWEEN),
    ]
    live.diff().ok()


def test_a_list_of_containers_is_several(live: Live) -> None:
    live.record({"web.deployment": NEW, "/gitops.toml": '[service.web]\ncontainer = ["a", "b"]'})
    live.running("web", OLD, images={"a": "x/a:1", "b": "x/b:2", "c": "x/c:1"})
    live.sync().ok()
    containers = live.kube.get("Deployment", live.namespace, "web")["spec"]["template"]["spec"]
    assert [c["image"] for c in containers["containers"]] == [image("web", NEW)] * 2 + ["x/c:1"]
    cause = annotations(live)["kubernetes.io/change-cause"]
    assert cause.startswith(f"gitops: web a 1, b 2 → {NEW[:7]}")


# --- what others put back


def test_who_puts_an_image_back_is_said(behind: Live, kube: Kube) -> None:
    behind.sync("--wait").ok()
    template = {"spec": {"containers": [{"name": "web", "image": image("web", OLD)}]}}
    change = {"spec": {"template": template}}
    kube.patch(
        "Deployment",
        behind.namespace,
        "web",
        change,
        strategic=True,
        fieldManager="kafka-operator",
    )
    row = behind.rows()["web"]
    assert "changed by kafka-operator at " in row["reason"]
    assert "after this state commit was synced" in row["reason"]
    done = behind.sync()
    assert "kafka-operator" in done.stdout, "git wins, and says whom it fights"


def test_an_owner_is_named(live: Live, kube: Kube) -> None:
    live.record({"web.deployment": NEW})
    owner = kube.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}}, live.namespace
    )
    live.running("web", OLD)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "shop", "controller": True}
    reference["uid"] = owner["metadata"]["uid"]
    change = {"metadata": {"ownerReferences": [reference]}}
    kube.patch("Deployment", live.namespace, "web", change)
    assert live.rows()["web"]["reason"] == "owned by ConfigMap shop, which may put it back"


# --- a Role with resourceNames

NAMED = [
    {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "resourceNames": ["web", "gone"],
        "verbs": ["get", "patch"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
]


def test_a_role_with_resource_names_is_enough(
    behind: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    behind.running("other", "7", images={"other": "redis:7"})
    behind.record({"gone.deployment": NEW})
    config = write_kubeconfig(
        tmp_path / "named",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(behind.namespace, "named", NAMED),
    )
    named = replace(behind, gitops=behind.gitops.using(KUBECONFIG=config))
    done = named.sync("--wait", "--only", "web").ok()
    assert "only what git records was looked at" in done.stderr
    assert behind.image_of("web") == image("web", NEW)
    assert {name: row["state"] for name, row in named.rows().items()} == {
        "gone": "missing",
        "web": "in-sync",
    }


# --- Argo Rollouts


@pytest.fixture(scope="session")
def argo(kube: Kube) -> None:
    """Let the API server know Rollouts."""
    install_rollouts(kube)


HEALTHY = {
    "phase": "Healthy",
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}
CANARY = {**HEALTHY, "currentStepIndex": 1, "updatedReplicas": 0}
PAUSED = {
    **CANARY,
    "phase": "Paused",
    "message": "CanaryPauseStep",
    "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-11-30T00:00:00Z"}],
}


@pytest.fixture
def canary(live: Live, kube: Kube, argo: None) -> Live:
    """Return an environment whose one service is a Rollout that runs the old version."""
    live.record({"web.rollout": NEW})
    kube.create(rollout("web", image("web", OLD)), live.namespace)
    state(kube, live.namespace, "web", HEALTHY)
    return live


def test_a_rollout_is_patched_and_waited_for_by_its_own_status(canary: Live, kube: Kube) -> None:
    assert canary.rows()["web"]["state"] == "differs"
    with canary.gitops.start("sync", canary.namespace, "--wait", "-o", "json") as process:
        eventually(lambda: canary.image_of("web", "Rollout") == image("web", NEW))
        state(kube, canary.namespace, "web", {**CANARY, "phase": "Progressing"})
        time.sleep(1)
        assert process.poll() is None, "the API server's counts alone are no proof"
        state(kube, canary.namespace, "web", HEALTHY)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert services(json.loads(out))["web"]["rollout"] == "ready"
    assert canary.rows()["web"]["state"] == "in-sync"
    assert annotations(canary, kind="Rollout")["gitops-cli/commit"]


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        pytest.param(PAUSED, 1, "step 2 of 2; `kubectl argo rollouts promote web", id="paused"),
        pytest.param(
            {**CANARY, "phase": "Degraded", "message": "RolloutAborted: metric failed"},
            7,
            "RolloutAborted: metric failed",
            id="aborted",
        ),
    ],
)
def test_a_rollout_that_stops_says_why(
    canary: Live, kube: Kube, status: dict[str, Any], code: int, said: str
) -> None:
    canary.sync().ok()
    state(kube, canary.namespace, "web", status)
    done = canary.sync("--wait")
    assert done.code == code
    assert said in done.stdout


def test_a_pause_that_ends_by_itself_is_waited_for(canary: Live, kube: Kube) -> None:
    steps = [{"setWeight": 50}, {"pause": {"duration": "10m"}}]
    change = {"spec": {"strategy": {"canary": {"steps": steps}}}}
    kube.patch("Rollout", canary.namespace, "web", change)
    canary.sync().ok()
    state(kube, canary.namespace, "web", PAUSED)
    assert canary.sync("--wait", "--timeout", "2s").code == 8


def test_a_deployment_whose_pods_a_rollout_has_says_so(canary: Live, kube: Kube) -> None:
    canary.record({"web.rollout": None, "api.deployment": OLD})
    canary.running("api", OLD, replicas=0)
    made = rollout("api-rollout", image("api", OLD))
    del made["spec"]["template"], made["spec"]["selector"]
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    made["spec"]["workloadRef"] = reference
    kube.create(made, canary.namespace)
    state(kube, canary.namespace, "api-rollout", HEALTHY)
    row = canary.rows()["api"]
    assert (row["state"], row["reason"]) == ("in-sync", "its pods are those of Rollout api-rollout")
    state(kube, canary.namespace, "api-rollout", PAUSED)
    row = canary.rows()["api"]
    assert row["state"] == "rolling"
    assert "its pods are those of Rollout api-rollout: paused" in row["reason"]
    done = canary.gitops("capture", canary.namespace, "--dry-run").ok()
    assert "its pods are made from Deployment api" in done.stdout


def test_a_rollout_file_where_argo_rollouts_is_not_installed(
    behind: Live, api_proxy: ApiProxy
) -> None:
    behind.record({"api.rollout": NEW})
    api_proxy.on(Answer(404, body="404 page not found\n"), "GET", "rollouts")
    done = behind.gitops.using(KUBECONFIG=api_proxy.kubeconfig)("diff", behind.namespace)
    assert done.code == 5
    assert "is Argo Rollouts installed there?" in done.stderr
    assert "differs" in line(done.stdout, "web")
