"""`gitops sync` of an environment with manifests, on the real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.live import NEW, OLD, Live, image
from tests.cli.manifested import (
    actions,
    config_map,
    objects_of,
    record,
    states,
)
from tests.testbed.faults import ApiProxy
from tests.testbed.git import git
from tests.testbed.kube import ApiError, Kube
from tests.testbed.manifests import deployment
from tests.testbed.patience import eventually
from tests.testbed.webhook import Webhook


def odd() -> dict[str, Any]:
    """Return a Deployment that the server writes otherwise than the repository does."""
    made = deployment("web", "web")
    pod = made["spec"]["template"]["spec"]
    pod["containers"][0] |= {
        "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}],
        "env": [{"name": "A", "value": "1"}],
        "resources": {"limits": {"cpu": "1000m", "memory": "0.5Gi"}, "requests": {}},
        "securityContext": {},
    }
    pod["volumes"] = [{"name": "tmp", "emptyDir": {}}, {"name": "web", "configMap": {"name": "x"}}]
    made["metadata"]["finalizers"] = []
    return made


def test_objects_come_with_the_recorded_image_and_are_then_in_sync(
    live: Live, api_proxy: ApiProxy
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}}
    commit = record(live, odd(), config_map(a="1"), secret | {"stringData": {"a": "b"}}, web=NEW)

    done = live.sync("--wait")

    assert done.ok()
    assert f"configmap/web ({live.namespace}/manifests/all.yaml:" in done.stdout
    made = live.kube.get("Deployment", live.namespace, "web")
    assert live.image_of("web") == image("web", NEW)
    noted = made["metadata"]["annotations"]
    assert noted["gitops-cli/commit"] == commit
    assert noted["kubernetes.io/change-cause"].startswith(f"gitops: web {NEW[:7]}, state")
    through = live.gitops.using(KUBECONFIG=api_proxy.kubeconfig)
    through("diff", live.namespace).ok()
    assert {r.method for r in api_proxy.seen()} == {"GET"}, "no dry run where nothing can differ"
    api_proxy.requests.clear()
    assert "nothing to do (1 service, 3 objects)" in through("sync", live.namespace).ok().stdout
    assert {r.method for r in api_proxy.seen()} == {"GET"}


def test_a_new_version_changes_the_image_alone(live: Live) -> None:
    record(live, odd(), config_map(a="1"), web=OLD)
    live.sync("--wait").ok()
    record(live, odd(), config_map(a="1"), web=NEW)

    assert states(live) == {"ConfigMap/web": "in-sync", "Deployment/web": "differs"}
    [change] = objects_of(live.diff("-o", "json"))["Deployment/web"]["patch"]
    assert change["value"] == image("web", NEW)
    done = live.sync("--wait")

    assert done.ok()
    assert live.image_of("web") == image("web", NEW)
    cause = live.kube.get("Deployment", live.namespace, "web")["metadata"]["annotations"]
    assert f"{OLD[:7]} → {NEW[:7]}" in cause["kubernetes.io/change-cause"]
    live.diff().ok()


def test_a_dry_run_on_the_server_shows_what_the_run_does(live: Live) -> None:
    record(live, deployment("web", "web"), config_map(a="1"), config_map("gone", a="1"), web=OLD)
    live.sync("--wait").ok()
    broken = deployment("broken", "x")
    broken["spec"]["selector"] = {"matchLabels": {"app": "another"}}
    record(live, deployment("web", "web"), config_map(a="2"), broken, web=NEW)

    dry = live.sync("--dry-run=server", "-o", "json")
    plan = live.sync("--dry-run", "-o", "json")
    before = live.kube.get("ConfigMap", live.namespace, "web")["data"]
    real = live.sync("-o", "json")

    assert before == {"a": "1"}
    assert objects_of(dry) == objects_of(real) == objects_of(plan)
    assert dry.code == real.code == 5
    assert (dry.json()["changed"], real.json()["changed"]) == (False, True)


def test_what_was_there_already_is_adopted_and_nothing_of_it_changes(live: Live) -> None:
    live.kube.create(deployment("web", image("web", OLD)), live.namespace)
    live.kube.create(config_map(a="1"), live.namespace)
    before = live.kube.get("Deployment", live.namespace, "web")["spec"]
    record(live, deployment("web", "web"), config_map(a="1"), web=OLD)

    assert set(states(live).values()) == {"adoptable"}
    assert live.diff().code == 0
    assert set(actions(live).values()) == {"adopted"}
    assert live.kube.get("Deployment", live.namespace, "web")["spec"] == before
    assert set(states(live).values()) == {"in-sync"}


def test_images_that_sync_patched_before_there_were_manifests_are_ours(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.running("web", OLD)
    live.sync("--wait").ok()
    record(live, deployment("web", "web"), web=OLD)

    live.sync("--wait").ok()

    assert live.image_of("web") == image("web", OLD)
    live.diff().ok()


def test_one_that_fails_stops_no_other_and_names_the_way_out(live: Live) -> None:
    record(live, deployment("web", "web"), config_map(a="1"), web=OLD)
    live.sync("--wait").ok()
    moved = deployment("web", "web")
    moved["spec"]["selector"]["matchLabels"]["app"] = "other"
    moved["spec"]["template"]["metadata"]["labels"]["app"] = "other"
    record(live, moved, config_map(a="2"), config_map("zz", a="1"), web=OLD)

    done = live.sync()

    assert done.code == 5
    assert "field is immutable" in done.stdout
    assert f"kubectl delete deployment/web -n {live.namespace}" in done.stdout
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {"a": "2"}
    assert live.kube.exists("ConfigMap", live.namespace, "zz")


def test_a_definition_and_its_objects_come_in_one_run(live: Live) -> None:
    group = f"{live.namespace}.example.com"
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    spec = {**free, "properties": {"lists": {"type": "array", "items": {"type": "string"}}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "a"}}
    takes = {"spec": {"values": {"limits": None}}}
    other = {**widget, "metadata": {"name": "b"}, "spec": {"lists": None, "a": 1}}
    record(live, widget | takes, other, definition)

    assert set(states(live).values()) == {"missing"}
    live.sync().ok()
    live.diff().ok()
    path = f"/apis/{group}/v1/namespaces/{live.namespace}/widgets"
    made = {one["metadata"]["name"]: one["spec"] for one in live.kube.request("GET", path)["items"]}
    assert made == {"a": takes["spec"], "b": {"a": 1}}, "null is kept where the kind takes one"
    record(live, config_map(a="1"))
    pruned = actions(live, "--prune")

    assert pruned[f"CustomResourceDefinition/widgets.{group}"] == "kept", "it has an object yet"
    assert (pruned["Widget/a"], pruned["Widget/b"]) == ("pruned", "pruned")
    assert actions(live, "--prune")[f"CustomResourceDefinition/widgets.{group}"] == "pruned"


def test_a_namespace_that_comes_with_its_objects(live: Live, kube: Kube) -> None:
    name = f"{live.namespace}-new"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    live.record({"images_path": "r.example.com/"}, environment=name)
    text = "\n---\n".join(map(str, (config_map(a="1"), namespace)))
    live.record({f"/{name}/manifests/all.yaml": text})
    try:
        assert live.gitops("diff", name).code == 1
        live.gitops("sync", name).ok()
        assert kube.get("ConfigMap", name, "web")["data"] == {"a": "1"}
        live.gitops("diff", name).ok()
    finally:
        kube.delete_namespace(name)


def test_a_namespace_that_is_away_or_going_is_named(live: Live) -> None:
    away = f"{live.namespace}-away"
    live.record({"images_path": "r.example.com/"}, environment=away)
    live.record({f"/{away}/manifests/all.yaml": str(config_map(a="1"))})

    done = live.gitops("sync", away)

    assert done.code == 5
    assert f"namespace {away} does not exist" in done.stderr
    assert f"kubectl create namespace {away}" in done.stderr
    held = config_map("held", a="1")
    held["metadata"]["finalizers"] = ["example.com/held"]
    live.kube.create(held, live.namespace)
    live.kube.delete_namespace(live.namespace)
    record(live, config_map(a="1"))
    done = live.sync()
    assert done.code == 5
    assert "is being deleted" in done.stderr
    live.kube.patch("ConfigMap", live.namespace, "held", {"metadata": {"finalizers": None}})


def test_two_environments_never_own_one_object(live: Live, kube: Kube) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    role |= {"metadata": {"name": live.namespace}, "rules": []}
    other = f"{live.namespace}-b"
    kube.create_namespace(other)
    try:
        record(live, role)
        live.sync().ok()
        live.record({"images_path": "r.example.com/"}, environment=other)
        live.record({f"/{other}/manifests/all.yaml": str(role)})

        both = live.gitops("diff", live.namespace, other)
        one = live.gitops("sync", other)

        assert f"{live.namespace} and {other} want it both" in both.stdout
        assert one.code == 6
        assert f"belongs to the environment {live.namespace}" in one.stdout
    finally:
        kube.delete("ClusterRole", None, live.namespace)
        kube.delete_namespace(other)


def test_what_records_a_newer_commit_is_left(live: Live) -> None:
    old = record(live, config_map(a="1"))
    live.sync().ok()
    record(live, config_map(a="2"))
    git(live.clone, "pull", "-q")
    live.kube.annotate("ConfigMap", live.namespace, "web", **{"gitops-cli/commit": "ab" * 20})

    done = live.sync("--offline")

    assert done.code == 1
    assert "left: it records state commit abababa, which is unknown here" in done.stdout
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {"a": "1"}
    live.sync().ok()
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {"a": "2"}
    assert actions(live, "--rev", old) == {"ConfigMap/web": "changed"}, "it was said"


def test_a_webhook_that_says_no_is_one_objects_error(live: Live, tmp_path: Path) -> None:
    record(live, deployment("web", "web"), config_map(a="1"), web=OLD)
    live.sync("--wait").ok()
    with Webhook(live.kube, live.namespace, tmp_path) as webhook:
        webhook.status = {"code": 422, "message": "not on a Friday"}
        record(live, deployment("web", "web"), config_map(a="2"), web=NEW)
        done = live.sync()

    assert done.code == 4
    assert "not on a Friday" in done.stdout
    assert live.kube.get("ConfigMap", live.namespace, "web")["data"] == {"a": "2"}


def test_what_admission_makes_of_an_object_is_no_difference(live: Live) -> None:
    mutates = mutating(live.kube, live.namespace)
    try:
        record(live, config_map(a="1"))
        live.sync().ok()
        assert live.kube.get("ConfigMap", live.namespace, "web")["data"]["a"] == "mutated"
        live.diff().ok()
        record(live, config_map(a="1", b="2"))
        live.sync().ok()
        live.diff().ok()
    finally:
        for path in mutates:
            live.kube.request("DELETE", path)


MUTATED = 'has(object.data) ? Object{data: {"a": "mutated"}} : Object{}'


def mutating(
    kube: Kube, namespace: str, expression: str = MUTATED, key: str = "a", value: str = "mutated"
) -> list[str]:
    """Let admission change every ConfigMap of a namespace; return what to delete at the end.

    It is waited for until it gives a key of the data this value.
    """
    group = "/apis/admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    spec = {
        "matchConstraints": {
            "resourceRules": [rule | {"operations": ["CREATE", "UPDATE"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        },
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
        ],
    }
    name = f"mutating-{namespace}"
    made = []
    for kind, plural, content in (
        ("MutatingAdmissionPolicy", "mutatingadmissionpolicies", spec),
        ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", {"policyName": name}),
    ):
        manifest = {"kind": kind, "metadata": {"name": name}, "spec": content}
        version = {"apiVersion": "admissionregistration.k8s.io/v1"}
        kube.request("POST", f"{group}/{plural}", version | manifest)
        made.append(f"{group}/{plural}/{name}")

    def holds() -> bool:
        try:
            probe = config_map("probe", a="1")
            path = f"/api/v1/namespaces/{namespace}/configmaps"
            answer = kube.request("POST", path, probe, dryRun="All")
        except ApiError:
            return False
        return bool(answer["data"].get(key) == value)

    eventually(holds)
    return made


@pytest.mark.parametrize("flag", ["--only", "--exclude"])
def test_globs_mean_services_and_their_workloads(live: Live, flag: str) -> None:
    record(live, deployment("web", "web"), deployment("api", "api"), config_map(a="1"))
    live.record({"web.deployment": OLD, "api.deployment": OLD})

    done = actions(live, flag, "web" if flag == "--only" else "api")

    assert done == {"Deployment/web": "created"}
