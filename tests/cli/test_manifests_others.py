"""Objects that others write, too, on the real API server and with real kubectl."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml

from tests.cli.live import OLD, Live
from tests.cli.manifested import RBAC, actions, config_map, objects_of, record, states
from tests.cli.test_manifests_prune import CLAIM
from tests.cli.test_manifests_sync import mutating
from tests.testbed import controlplane
from tests.testbed.manifests import deployment


def kubectl(live: Live, *words: str, content: dict[str, Any]) -> str:
    done = subprocess.run(
        [
            str(controlplane.binary("kubectl")),
            f"--kubeconfig={live.gitops.environment['KUBECONFIG']}",
            f"--namespace={live.namespace}",
            *words,
            "-f",
            "-",
        ],
        input=yaml.safe_dump(content),
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(live.clone.parent)},
    )
    return done.stdout


def test_kubectl_apply_keeps_what_it_has_and_is_named(live: Live) -> None:
    theirs = config_map(a="theirs", b="theirs")
    kubectl(live, "apply", content=theirs)
    record(live, config_map(a="ours", c="ours"))

    refused = live.sync()

    assert refused.code == 6
    assert "kubectl-client-side-apply" in refused.stdout
    assert refused.stderr.splitlines()[-1] == "objects: 1 error", "nothing of it was changed"
    [told] = objects_of(live.sync("-o", "json")).values()
    assert (told["action"], told["error"]["code"]) == ("error", "field-conflict")
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == theirs["data"]
    live.sync("--take-ownership").ok()
    data = live.kube.get("ConfigMap", live.namespace, "web")["data"]
    assert data == {"a": "ours", "b": "theirs", "c": "ours"}
    live.diff().ok()

    kubectl(live, "apply", content=theirs)
    again = objects_of(live.diff("-o", "json"))["ConfigMap/web"]

    assert again["state"] == "conflict", "kubectl took it back, and is told"
    assert again["conflicts"][0]["fields"] == [".data.a"]


def test_a_port_that_got_another_number_by_hand_is_a_conflict_with_a_way_out(live: Live) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    record(live, {**service, "spec": {"selector": {"app": "web"}, "ports": ports}})
    live.sync().ok()
    live.kube.request(
        "PATCH",
        f"/api/v1/namespaces/{live.namespace}/services/web",
        [{"op": "replace", "path": "/spec/ports/0/port", "value": 81}],
        content_type="application/json-patch+json",
        fieldManager="kubectl-edit",
    )

    found = objects_of(live.diff("-o", "json"))["Service/web"]
    assert found["state"] == "conflict"
    assert found["patch"] == [{"op": "replace", "path": "/spec/ports/0/port", "value": 80}]
    [conflict] = found["conflicts"]
    assert conflict["manager"] == "kubectl-edit"
    assert live.sync().code == 6
    assert actions(live, "--take-ownership") == {"Service/web": "changed"}

    left = live.kube.get("Service", live.namespace, "web")["spec"]["ports"]
    assert [(one["name"], one["port"]) for one in left] == [("http", 80), ("dns", 53)]
    live.diff().ok()


def test_the_same_values_are_everybodys(live: Live) -> None:
    same = config_map(a="1")
    kubectl(live, "apply", content=same)
    record(live, same)

    assert actions(live) == {"ConfigMap/web": "adopted"}
    kubectl(live, "apply", content=same)
    assert states(live) == {"ConfigMap/web": "in-sync"}


def test_what_admission_adds_is_no_difference(live: Live) -> None:
    adds = "Object{metadata: Object.metadata{labels: {'added': 'yes'}}, data: {'added': 'x'}}"
    mutates = mutating(live.kube, live.namespace, adds, "added", "x")
    try:
        record(live, config_map(a="1"))
        live.sync().ok()
        live.diff().ok()
        record(live, config_map(a="2"))
        [change] = objects_of(live.diff("-o", "json"))["ConfigMap/web"]["patch"]
        assert change == {"op": "replace", "path": "/data/a", "value": "2"}
        live.sync().ok()
        live.diff().ok()
    finally:
        for path in mutates:
            live.kube.request("DELETE", path)
    found = live.kube.get("ConfigMap", live.namespace, "web")
    assert (found["data"], found["metadata"]["labels"]["added"]) == (
        {"a": "2", "added": "x"},
        "yes",
    )


def binding(role: str) -> dict[str, Any]:
    group = RBAC.partition("/")[0]
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": "reads"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "default"}],
    }


def test_what_cannot_be_changed_names_its_way_out(live: Live) -> None:
    record(live, binding("view"), CLAIM)
    live.sync().ok()
    other = {**CLAIM, "spec": {**CLAIM["spec"], "accessModes": ["ReadWriteMany"]}}
    record(live, binding("edit"), other)

    done = live.sync()

    assert done.code == 5
    assert f"kubectl delete rolebinding/reads -n {live.namespace}" in done.stdout
    assert "a volume made anew is empty" in done.stdout
    assert "kubectl delete persistentvolumeclaim" not in done.stdout


def test_an_object_that_is_being_deleted_is_no_object_in_sync(live: Live) -> None:
    held = config_map("held", a="1")
    record(live, {**held, "metadata": {"name": "held", "finalizers": ["example.com/held"]}})
    live.sync().ok()
    live.diff().ok()
    live.kube.delete("ConfigMap", live.namespace, "held")

    for ran in (live.diff(), live.sync()):
        assert ran.code == 1
        assert "configmap/held" in ran.stdout
        assert "left: it is being deleted" in ran.stdout

    live.kube.patch("ConfigMap", live.namespace, "held", {"metadata": {"finalizers": None}})
    assert actions(live) == {"ConfigMap/held": "created"}


def test_a_namespace_that_leaves_the_repository_stays(live: Live) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": live.namespace}}
    record(live, space, config_map(a="1"))
    live.sync().ok()
    record(live, config_map(a="1"))

    done = actions(live, "--prune-many")

    assert done[f"Namespace/{live.namespace}"] == "kept"
    assert live.kube.get("Namespace", None, live.namespace)["status"]["phase"] == "Active"


def test_a_locked_environment_goes_on_following_and_says_who_holds_it(live: Live) -> None:
    record(live, config_map(a="1"))
    live.gitops("lock", "-e", live.namespace, "-m", "audit").ok()

    done = live.sync()

    assert done.ok().code == 0
    assert f"{live.namespace} is locked" in done.stderr
    assert "audit" in done.stderr
    assert live.kube.exists("ConfigMap", live.namespace, "web")
    refused = live.gitops("capture", live.namespace, "--manifests", "--yes")
    assert (refused.code, "is locked" in refused.stderr) == (6, True), refused.stderr


@pytest.mark.parametrize("changed", [False, True])
def test_status_says_how_the_objects_fare(live: Live, changed: bool) -> None:
    record(live, deployment("web", "web"), config_map(a="1"), web=OLD)
    live.sync("--wait").ok()
    if changed:
        record(live, deployment("web", "web"), config_map(a="2"), config_map("b"), web=OLD)

    told = live.gitops("status", "--live", "-o", "json").ok().json()
    shown = live.gitops("status", "--live").ok().stdout

    [environment] = told["projects"][0]["environments"]
    live_objects = environment["manifests"]["live"]
    [row] = [line for line in shown.splitlines() if line.startswith("(manifests)")]
    if changed:
        assert live_objects == {"in-sync": 1, "differs": 1, "missing": 1}
        assert "1 differs" in row
    else:
        assert live_objects == {"in-sync": 2}
        assert row.rstrip().endswith("✓")
