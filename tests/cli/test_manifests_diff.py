"""`gitops diff` of an environment with manifests, on the real API server."""

from __future__ import annotations

import yaml

from tests.cli.live import NEW, OLD, Live, image
from tests.cli.manifested import apply_as, config_map, objects_of, record
from tests.testbed.git import git
from tests.testbed.manifests import deployment

CONFIG = config_map(a="1")
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "web"},
    "stringData": {"password": "hunter2"},
}


def test_what_is_not_there_is_shown_whole_with_the_recorded_image(live: Live) -> None:
    record(live, deployment("web", "web:placeholder"), CONFIG, web=NEW)

    done = live.diff()

    assert done.code == 1
    assert f"configmap/web ({live.namespace}/manifests/all.yaml:" in done.stdout
    assert f"  +        image: {image('web', NEW)}" in done.stdout
    found = objects_of(live.diff("-o", "json"))
    assert {name: o["state"] for name, o in found.items()} == {
        "ConfigMap/web": "missing",
        "Deployment/web": "missing",
    }
    [whole] = found["Deployment/web"]["patch"]
    assert (whole["op"], whole["path"]) == ("add", "")
    [container] = whole["value"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image("web", NEW)


def test_only_what_the_repository_says_is_compared(live: Live) -> None:
    live.kube.create(deployment("web", image("web", OLD)), live.namespace)
    wanted = deployment("web", "web")
    wanted["spec"].pop("replicas")
    record(live, wanted, web=OLD)

    same = objects_of(live.diff("-o", "json"))["Deployment/web"]
    record(live, wanted, web=NEW)
    differs = objects_of(live.diff("-o", "json"))["Deployment/web"]

    assert (same["state"], same["patch"]) == ("adoptable", [])
    assert differs["patch"] == [
        {
            "op": "replace",
            "path": "/spec/template/spec/containers/0/image",
            "value": image("web", NEW),
        }
    ]


def test_who_has_a_field_is_named_and_the_change_is_shown(live: Live) -> None:
    apply_as(live, "kubectl", config_map(a="theirs"))
    record(live, CONFIG)

    done = live.diff()

    assert done.code == 1
    assert "configmap/web" in done.stdout
    assert "conflict: cannot apply configmap/web: kubectl has .data.a" in done.stdout
    found = objects_of(live.diff("-o", "json"))["ConfigMap/web"]
    assert found["state"] == "conflict"
    assert found["conflicts"] == [{"manager": "kubectl", "fields": [".data.a"]}]
    assert found["patch"] == [{"op": "replace", "path": "/data/a", "value": "1"}]
    assert "--take-ownership" in found["error"]["hint"]


def test_secrets_are_shown_by_key_and_digest(live: Live) -> None:
    record(live, SECRET)
    created = live.diff()
    live.kube.create(SECRET | {"stringData": {"password": "other"}}, live.namespace)
    changed = live.diff("-o", "json")

    for done in (created, changed):
        assert "hunter2" not in done.stdout
        assert "aHVudGVyMg" not in done.stdout
        assert "b3RoZXI" not in done.stdout
        assert "password" in done.stdout


def test_an_invalid_object_hides_no_other(live: Live) -> None:
    broken = deployment("broken", "r.example.com/x")
    broken["spec"]["selector"] = {"matchLabels": {"app": "another"}}
    strange = {"apiVersion": "example.com/v1", "kind": "Strange", "metadata": {"name": "x"}}
    record(live, broken, strange, CONFIG)
    without_torn = live.diff().code
    live.record({f"/{live.namespace}/manifests/torn.yaml": "kind: [\n"})

    done = live.diff()
    found = objects_of(live.diff("-o", "json"))

    assert without_torn == 5, "the server does not take one, and has no kind of the other"

    assert done.code == 2, "a file cannot be read"
    assert found["ConfigMap/web"]["state"] == "missing"
    assert (
        "`selector` does not match template `labels`"
        in found["Deployment/broken"]["error"]["message"]
    )
    assert "has no kind Strange of example.com" in found["Strange/x"]["error"]["message"]
    assert "torn.yaml:3: not YAML" in done.stderr


def test_a_version_that_is_gone_hides_no_object_of_another(live: Live) -> None:
    budget = {"kind": "PodDisruptionBudget", "spec": {"minAvailable": 1}}
    gone = {"apiVersion": "policy/v1beta1", "metadata": {"name": "gone"}, **budget}
    role = {"kind": "ClusterRole", "metadata": {"name": live.namespace}, "rules": []}
    wide = {"apiVersion": "rbac.authorization.k8s.io/v1beta1", **role}
    record(live, gone, {"apiVersion": "policy/v1", "metadata": {"name": "kept"}, **budget}, wide)

    done = live.diff("-o", "json")

    found = objects_of(done)
    assert done.code == 5
    assert found["PodDisruptionBudget/kept"]["state"] == "missing"
    errors = {name: one["error"] for name, one in found.items() if one["error"]}
    [budgets, roles] = errors["PodDisruptionBudget/gone"], errors[f"ClusterRole/{live.namespace}"]
    assert "does not serve policy/v1beta1 of PodDisruptionBudget" in budgets["message"]
    assert budgets["hint"] == "it has policy/v1: write that apiVersion"
    assert "does not serve rbac.authorization.k8s.io/v1beta1 of ClusterRole" in roles["message"]


def test_uncommitted_manifests_are_previewed(live: Live) -> None:
    record(live, CONFIG)
    git(live.clone, "pull", "-q")
    file = live.clone / live.namespace / "manifests" / "all.yaml"
    file.write_text(yaml.safe_dump(CONFIG | {"data": {"a": "uncommitted"}}))

    [whole] = objects_of(live.diff("--worktree", "-o", "json"))["ConfigMap/web"]["patch"]

    assert whole["value"]["data"] == {"a": "uncommitted"}


def test_an_object_of_another_namespace_and_one_that_stands_twice_are_named(live: Live) -> None:
    other = {**CONFIG, "metadata": {"name": "web", "namespace": "kube-system"}}
    record(live, CONFIG, other, CONFIG, deployment("web", image("web", OLD)))

    done = live.diff()

    assert done.code == 2
    assert "is of the namespace `kube-system`" in done.stderr
    assert "stands here and in" in done.stderr
