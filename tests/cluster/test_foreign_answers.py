"""Answers that no API server sends: one error that names object and field, for one namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.cluster.api import Refused, Unreadable
from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.domain.cluster.imagepatch import Moved, Patched
from gitops_cli.domain.cluster.rights import Right
from gitops_cli.domain.cluster.workload import Observed, Target
from gitops_cli.domain.errors import ClusterError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.asking import observed, patch_of, read, sent
from tests.cluster.conftest import Connected
from tests.testbed.foreign_api import FAILURE, ForeignApi, a_workload, foreign_api, listed

BAD, GOOD = EnvironmentName("shop-bad"), EnvironmentName("shop-good")
IMAGE = "r.example.com/web:1"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ForeignApi]:
    with foreign_api(tmp_path / "kubeconfig") as api:
        yield api


@pytest.fixture
def cluster(api: ForeignApi, tmp_path: Path, connected: Connected) -> KubernetesCluster:
    return connected(tmp_path / "kubeconfig", timeout=20)


def deployment(**changes: Any) -> dict[str, Any]:
    return a_workload(BAD, "web", IMAGE, **changes)


def with_spec(**spec: Any) -> dict[str, Any]:
    good = deployment()
    return {**good, "spec": {**good["spec"], **spec}}


def with_metadata(**metadata: Any) -> dict[str, Any]:
    good = deployment()
    return {**good, "metadata": {**good["metadata"], **metadata}}


def with_containers(containers: object) -> dict[str, Any]:
    return with_spec(template={"spec": {"containers": containers}})


def look(api: ForeignApi, cluster: KubernetesCluster) -> tuple[Observed, Observed]:
    api.on(f"{GOOD}/deployments", listed("Deployment", a_workload(GOOD, "web", IMAGE)))
    both = (Target(BAD, frozenset({Kind.DEPLOYMENT})), Target(GOOD, frozenset({Kind.DEPLOYMENT})))
    found = cluster.observe(both)
    return found[BAD], found[GOOD]


OWNED = {"manager": "gitops", "fieldsV1": {"f:spec": 5}}
ITEMS = {
    "status is a text": (deployment(status="fine"), "web: status: expected `object"),
    "metadata is a text": ({**deployment(), "metadata": "x"}, "metadata: expected `object`"),
    "no metadata": ({"spec": {}}, ": items[1].spec: object missing required field `template`"),
    "no name": (with_metadata(name=None), "metadata.name: expected `str`"),
    "another namespace": (with_metadata(namespace=GOOD), f"web: it is one of {GOOD}"),
    "a name that is a path": (with_metadata(name="../x"), "metadata.name: expected `str` matching"),
    "a name for a shell": (with_metadata(name="x; id"), "metadata.name: expected `str` matching"),
    "null counts": (with_spec(replicas=None), "web: spec.replicas: expected `int`, got `null`"),
    "negative counts": (with_spec(replicas=-1), "spec.replicas: expected `int` >= 0"),
    "huge counts": (with_spec(replicas=10**40), "spec.replicas"),
    "half a count": (with_spec(replicas=1.5), "spec.replicas: expected `int`, got `float`"),
    "containers by number": (with_containers(7), "spec.template.spec.containers: expected `array"),
    "a container by number": (with_containers([7]), "containers[0]: expected `object`, got `int`"),
    "a container without name": (with_containers([{}]), "missing required field `name`"),
    "an image by number": (with_containers([{"name": "web", "image": 7}]), "containers[0].image"),
    "no template": (deployment(spec={}), "web: spec: object missing required field `template`"),
    "annotations by number": (
        with_metadata(annotations={"gitops-cli/commit": 7}),
        "metadata.annotations.gitops-cli/commit: expected `str | null`, got `int`",
    ),
    "owned fields by number": (
        with_metadata(managedFields=[OWNED]),
        "web: f:spec: expected `object | null`, got `int`",
    ),
    "conditions by name": (deployment(status={"conditions": {"a": 1}}), "status.conditions"),
}


@pytest.mark.parametrize(("item", "says"), ITEMS.values(), ids=ITEMS)
def test_a_wrong_object_costs_its_namespace_and_is_named(
    api: ForeignApi, cluster: KubernetesCluster, item: object, says: str
) -> None:
    api.on(f"{BAD}/deployments", listed("Deployment", deployment(), item))

    bad, good = look(api, cluster)

    [error] = bad.errors.values()
    assert isinstance(error, Unreadable)
    assert f"cannot list deployments.apps in {BAD}: {api.url} sent what cannot be read" in str(
        error
    )
    assert says in str(error)
    assert "\n" not in str(error)
    assert [w.name for w in good.workloads] == ["web"]
    assert not good.errors


NESTED = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
ANSWERS: dict[str, tuple[bytes, str]] = {
    "items by number": (json.dumps({**listed("X"), "items": 7}).encode(), "items: expected `array"),
    "no items": (b'{"kind":"DeploymentList"}', "missing required field `items`"),
    "another kind": (json.dumps({**listed("X"), "kind": "Table"}).encode(), "a Table, not a list"),
    "a table": (
        b'{"kind":"Table","columnDefinitions":[],"rows":[]}',
        "missing required field `items`",
    ),
    "an array": (b"[]", "expected `object`, got `array`"),
    "nothing": (b"", "does not answer as a Kubernetes API"),
    "a page": (b"<html>log in</html>", "does not answer as a Kubernetes API"),
    "half an answer": (b'{"kind":"DeploymentList","items":[{"met', "does not answer as a"),
    "half a character": (
        b'{"kind":"DeploymentList","items":[{"metadata":{"name":"\\ud800"}}]}',
        "does not answer as a",
    ),
    "no UTF-8": (b'{"kind":"\xff\xfe","items":[]}', "does not answer as a"),
    "deep": (b'{"kind":"DeploymentList","x":' + NESTED + b',"items":[]}', "nested too deeply"),
    "a failure": (json.dumps(FAILURE).encode(), "answered 500: etcdserver: request timed out"),
    "a failure of no code": (
        json.dumps({**FAILURE, "code": "500", "message": 7}).encode(),
        "answered 500",
    ),
}


@pytest.mark.parametrize(("answer", "says"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_no_list_costs_its_namespace(
    api: ForeignApi, cluster: KubernetesCluster, answer: bytes, says: str
) -> None:
    api.on(f"{BAD}/deployments", answer)

    bad, good = look(api, cluster)

    [error] = bad.errors.values()
    assert isinstance(error, ClusterError)
    assert says in str(error)
    assert [w.name for w in good.workloads] == ["web"]


def test_a_failure_that_comes_as_a_success_is_the_failure_it_is(
    api: ForeignApi, cluster: KubernetesCluster
) -> None:
    denied = {**FAILURE, "code": 403, "reason": "Forbidden", "message": 'User "x" cannot list'}
    api.on(f"{BAD}/deployments", denied)

    bad, _ = look(api, cluster)

    assert [type(error) for error in bad.errors.values()] == [Denied]


PODS = {
    "a time of the year 10000": {"creationTimestamp": "10000-01-01T00:00:00Z"},
    "a time before there were any": {"creationTimestamp": "0001-01-01T00:00:00+14:00"},
    "a time without a zone": {"creationTimestamp": "2026-01-01T00:00:00"},
    "no time": {"creationTimestamp": "yesterday"},
    "labels by number": {"labels": 7},
    "owners by name": {"ownerReferences": {"web": 1}},
}


@pytest.mark.parametrize("metadata", PODS.values(), ids=PODS)
def test_a_wrong_pod_costs_its_namespace(
    api: ForeignApi, cluster: KubernetesCluster, metadata: dict[str, Any]
) -> None:
    api.on(f"{BAD}/deployments", listed("Deployment", deployment()))
    pod = {"metadata": {"name": "web-1", **metadata}, "spec": {}, "status": {}}
    api.on(f"{BAD}/pods", listed("Pod", pod))

    bad, good = look(api, cluster)

    [error] = bad.errors.values()
    assert "web-1: " in str(error)
    assert [w.name for w in good.workloads] == ["web"]


@pytest.mark.parametrize("managed", [None, [{"manager": "gitops"}]])
def test_what_may_be_missing_may_be_null(
    api: ForeignApi, cluster: KubernetesCluster, managed: Any
) -> None:
    item = with_metadata(annotations=None, managedFields=managed)
    item["status"] = None
    item["spec"]["template"]["spec"]["initContainers"] = None
    api.on(f"{BAD}/deployments", listed("Deployment", item))
    api.on(f"{BAD}/pods", {**listed("Pod"), "items": None})

    found = observed(cluster, BAD, pods=True)

    [web] = found.workloads
    assert (web.annotations, web.counts.existing, found.pods) == (None, 0, ())


# --- patches


def listed_web(api: ForeignApi) -> None:
    api.on(f"{BAD}/deployments", listed("Deployment", deployment()))


def test_a_patch_whose_answer_says_nothing_is_looked_for(
    api: ForeignApi, cluster: KubernetesCluster
) -> None:
    listed_web(api)
    patch = patch_of(read(cluster, BAD))
    api.on(f"{BAD}/deployments/web", b"<html>", method="PATCH")
    changed = with_metadata(annotations=dict(patch.annotations))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "r/web:2"
    api.on(f"{BAD}/deployments/web", changed)

    assert isinstance(sent(cluster, patch), Patched)

    api.on(f"{BAD}/deployments/web", deployment())
    assert isinstance(sent(cluster, patch), Moved)

    api.on(f"{BAD}/deployments/web", b"<html>")
    result = sent(cluster, patch)
    assert isinstance(result, Unreadable)
    assert str(result).endswith("whether it was changed is not known")


def test_a_patch_that_failed_with_a_success(api: ForeignApi, cluster: KubernetesCluster) -> None:
    listed_web(api)
    patch = patch_of(read(cluster, BAD))
    api.on(f"{BAD}/deployments/web", FAILURE, method="PATCH")

    assert isinstance(sent(cluster, patch), Refused)


# --- rights, the server itself, whole objects


@pytest.mark.parametrize("status", [None, "Success", {}, {"allowed": "yes"}, {"allowed": None}])
def test_a_right_that_is_not_told_is_not_had(
    api: ForeignApi, cluster: KubernetesCluster, status: object
) -> None:
    api.on("selfsubjectaccessreviews", {"status": status}, method="POST")

    [answer] = cluster.review([Right("patch", Kind.DEPLOYMENT, BAD)])

    assert isinstance(answer, Unreadable)


@pytest.mark.parametrize("body", [{}, {"gitVersion": 7}, FAILURE, b"[]", b"\xff"])
def test_a_server_that_does_not_say_what_it_is(
    api: ForeignApi, cluster: KubernetesCluster, body: Any
) -> None:
    api.on("/version", body)

    with pytest.raises(ClusterError):
        cluster.about()


OBJECTS: dict[str, tuple[str, Any]] = {
    "a role by number": ("Role", {"rules": 7}),
    "rules by number": ("Role", {"rules": [{"verbs": 7}]}),
    "data that is no base64": ("Secret", {"data": {"identity": "?"}}),
    "a text for a number": ("ConfigMap", {"data": {"interval": 60}}),
    "packed data by number": ("ConfigMap", {"binaryData": {"pack": 60}}),
    "subjects by name": ("RoleBinding", {"subjects": {"a": 1}}),
    "no containers": ("Deployment", {"spec": {"template": {"spec": {"containers": []}}}}),
    "a command of numbers": (
        "Deployment",
        {"spec": {"template": {"spec": {"containers": [{"command": [1]}]}}}},
    ),
    "no spec": ("CronJob", {}),
    "times by number": ("ConfigMap", {"metadata": {"name": "x", "managedFields": [{"time": 5}]}}),
}


@pytest.mark.parametrize(("kind", "content"), OBJECTS.values(), ids=OBJECTS)
def test_a_wrong_object_of_the_agent_is_named(
    api: ForeignApi, cluster: KubernetesCluster, kind: str, content: dict[str, Any]
) -> None:
    name = "gitops-agent"
    api.on(f"/{name}", {"metadata": {"name": name}} | content)

    with pytest.raises(Unreadable, match=f"cannot get .* {name} in {BAD}"):
        cluster.objects().get(kind, BAD, name)


def test_a_deep_object_is_not_handled(api: ForeignApi, cluster: KubernetesCluster) -> None:
    deep = b'{"metadata":{"name":"x"},"data":null,"x":' + b"[" * 300 + b"]" * 300 + b"}"
    api.on("/configmaps/x", deep)

    with pytest.raises(Unreadable, match="nested too deeply"):
        cluster.objects().get("ConfigMap", BAD, "x")


def test_what_is_done_and_answered_with_a_failure(
    api: ForeignApi, cluster: KubernetesCluster
) -> None:
    api.on("/configmaps/x", FAILURE, method="PATCH")
    api.on("/configmaps/x", FAILURE, method="DELETE")
    objects = cluster.objects()

    with pytest.raises(Refused, match="request timed out"):
        objects.write_data(BAD, "x", {"a": "b"})
    with pytest.raises(Refused, match="request timed out"):
        objects.delete({"kind": "ConfigMap", "metadata": {"name": "x", "namespace": BAD}})


@pytest.mark.parametrize(
    "item",
    [
        {"metadata": {"name": "../../x"}},
        {"metadata": {"name": "x", "annotations": 7}},
        {"metadata": {"name": "x", "ownerReferences": [7]}},
        {"metadata": {"name": "x"}, "spec": {"ports": 7}},
        {"metadata": {"name": "x"}, "spec": {"ports": [7]}},
        {"metadata": "x"},
        7,
    ],
)
def test_what_cannot_be_captured(api: ForeignApi, cluster: KubernetesCluster, item: object) -> None:
    api.on(f"{BAD}/services", listed("Service", item))
    api.on(f"{BAD}/(configmaps|ingresses)", listed("X"))

    with pytest.raises(GitOpsError, match=f"cannot list services in {BAD}"):
        cluster.export(BAD, [])
