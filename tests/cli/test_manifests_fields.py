"""Whose a field of an object is: ours, a person's, another tool's or a controller's."""

from __future__ import annotations

import pytest

from tests.cli.live import NEW, OLD, Live, image
from tests.cli.manifested import (
    RBAC,
    actions,
    apply_as,
    config_map,
    objects_of,
    record,
    states,
)
from tests.testbed.manifests import deployment

AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 5,
    },
}


def test_a_field_of_somebody_else_is_not_taken_unless_that_is_said(live: Live) -> None:
    apply_as(live, "helm", config_map(a="theirs", b="2"))
    record(live, config_map(a="ours"))

    done = live.sync()

    assert done.code == 6
    assert "cannot apply configmap/web: helm has .data.a" in done.stdout
    assert "--take-ownership" in done.stdout
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"]["a"] == "theirs"
    live.sync("--take-ownership").ok()
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {"a": "ours", "b": "2"}
    live.diff().ok()


def test_a_change_by_hand_is_seen_and_put_back(live: Live) -> None:
    record(live, config_map(a="1", b="2"))
    live.sync().ok()
    live.kube.patch("ConfigMap", live.namespace, "web", {"data": {"a": "by hand", "c": "more"}})

    [change] = objects_of(live.diff("-o", "json"))["ConfigMap/web"]["patch"]
    assert (change["path"], change["value"]) == ("/data/a", "1")
    done = live.sync()
    assert done.code == 6, "kubectl owns it now, as it does for `kubectl apply --server-side`"
    live.sync("--take-ownership").ok()

    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {
        "a": "1",
        "b": "2",
        "c": "more",
    }


def test_what_somebody_fills_that_was_empty_is_seen(live: Live) -> None:
    role = {"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "nothing"}, "rules": []}
    record(live, role)
    live.sync().ok()
    assert states(live) == {"Role/nothing": "in-sync"}

    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}
    live.kube.request(
        "PATCH",
        f"/apis/{RBAC}/namespaces/{live.namespace}/roles/nothing",
        {"rules": [rule]},
        content_type="application/merge-patch+json",
    )

    assert states(live) == {"Role/nothing": "conflict"}


def test_what_leaves_an_object_of_ours_leaves_the_cluster(live: Live) -> None:
    record(live, config_map(a="1", b="2"))
    live.sync().ok()
    record(live, config_map(a="1"))

    [change] = objects_of(live.diff("-o", "json"))["ConfigMap/web"]["patch"]
    assert (change["op"], change["path"]) == ("remove", "/data/b")
    live.sync().ok()

    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {"a": "1"}


@pytest.mark.parametrize("tool", ["kubectl-client-side-apply", "helm"])
def test_what_a_tool_wrote_before_us_leaves_with_the_repository(live: Live, tool: str) -> None:
    path = f"/api/v1/namespaces/{live.namespace}/configmaps"
    live.kube.request("POST", path, config_map(a="1", b="2", c="3"), fieldManager=tool)
    record(live, config_map(a="1", b="2"))
    assert actions(live) == {"ConfigMap/web": "adopted"}
    record(live, config_map(a="1"))

    diff = objects_of(live.diff("-o", "json"))["ConfigMap/web"]
    assert diff["patch"] == [{"op": "remove", "path": "/data/b"}]
    dry = objects_of(live.sync("--dry-run=server", "-o", "json"))
    assert dry == objects_of(live.sync("-o", "json"))

    left = live.kube.get("ConfigMap", live.namespace, "web")["data"]
    assert left == {"a": "1", "c": "3"}, "what the repository never said is theirs"
    assert states(live) == {"ConfigMap/web": "in-sync"}


def test_a_field_that_falls_back_to_its_default_is_a_change(live: Live) -> None:
    record(live, deployment("web", image("web", OLD), replicas=2), web=OLD)
    live.sync("--wait").ok()
    plain = deployment("web", image("web", OLD))
    del plain["spec"]["replicas"]
    record(live, plain, web=OLD)

    [change] = objects_of(live.diff("-o", "json"))["Deployment/web"]["patch"]

    assert change == {"op": "replace", "path": "/spec/replicas", "value": 1}
    assert actions(live) == {"Deployment/web": "changed"}


def test_an_autoscaler_has_the_replicas(live: Live) -> None:
    record(live, deployment("web", "web", replicas=2), AUTOSCALER, web=OLD)
    live.sync("--wait").ok()
    live.kube.scale(live.namespace, "web", 4, "kube-controller-manager")
    live.kube.wait_rolled_out("Deployment", live.namespace, "web")

    live.diff().ok()
    record(live, deployment("web", "web", replicas=2), AUTOSCALER, web=NEW)
    assert len(objects_of(live.diff("-o", "json"))["Deployment/web"]["patch"]) == 1
    live.sync().ok()

    assert live.kube.get("Deployment", live.namespace, "web")["spec"]["replicas"] == 4
    live.diff("--no-exit-code").ok()
    assert set(states(live).values()) == {"in-sync"}
