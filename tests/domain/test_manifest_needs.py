"""What pods need beside themselves, and objects moved to another namespace."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.manifests.moving import moved
from gitops_cli.domain.manifests.needs import Need, images_of, missing_needs, needs_of, pod_spec
from gitops_cli.domain.manifests.objects import Manifest, Sourced, parse_objects
from gitops_cli.domain.manifests.rendered import Form, Rendered
from gitops_cli.domain.names import EnvironmentName

ENV = EnvironmentName("shop-production")


def objects(*values: dict[str, Any]) -> tuple[Manifest, ...]:
    parsed = parse_objects([Sourced("x.yaml", 1, value) for value in values], ENV)
    assert not parsed.findings
    return parsed.objects


def obj(kind: str, name: str, version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}


def making(kind: str, version: str, spec: dict[str, Any]) -> dict[str, Any]:
    template = {"spec": {"template": {"spec": spec}}}
    if kind == "CronJob":
        template = {"spec": {"jobTemplate": template}}
    return obj(kind, "web", version, **({"spec": spec} if kind == "Pod" else template))


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Pod", "v1"),
        ("Deployment", "apps/v1"),
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("Job", "batch/v1"),
        ("CronJob", "batch/v1"),
        ("Rollout", "argoproj.io/v1alpha1"),
    ],
)
def test_a_pods_spec_is_found_in_whatever_makes_pods(kind, version):
    containers = {"containers": [{"image": "a:1"}], "initContainers": [{"image": "b:2"}, {}]}
    [one] = objects(making(kind, version, containers))
    assert list(images_of(pod_spec(one) or {})) == ["b:2", "a:1"]


def test_what_makes_no_pods_has_no_spec_of_one():
    assert [pod_spec(one) for one in objects(obj("ConfigMap", "x"), obj("Service", "y"))] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("spec", "need"),
    [
        ({"imagePullSecrets": [{"name": "pull"}]}, Need("Secret", "pull")),
        ({"serviceAccountName": "web"}, Need("ServiceAccount", "web")),
        ({"volumes": [{"secret": {"secretName": "tls"}}]}, Need("Secret", "tls")),
        ({"volumes": [{"configMap": {"name": "c"}}]}, Need("ConfigMap", "c")),
        (
            {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]},
            Need("PersistentVolumeClaim", "data"),
        ),
        (
            {"volumes": [{"projected": {"sources": [{"secret": {"name": "s"}}]}}]},
            Need("Secret", "s"),
        ),
        ({"containers": [{"envFrom": [{"secretRef": {"name": "e"}}]}]}, Need("Secret", "e")),
        ({"containers": [{"envFrom": [{"configMapRef": {"name": "e"}}]}]}, Need("ConfigMap", "e")),
        (
            {"initContainers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "k"}}}]}]},
            Need("Secret", "k"),
        ),
        (
            {"containers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "k"}}}]}]},
            Need("ConfigMap", "k"),
        ),
    ],
)
def test_a_pod_needs_what_its_spec_names(spec, need):
    assert needs_of(spec) == {need}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"serviceAccountName": "default"},
        {"volumes": [{"secret": {"secretName": "tls", "optional": True}}, {"emptyDir": {}}, 7]},
        {"containers": [{"env": [{"name": "A", "value": "b"}]}, "x"], "imagePullSecrets": "x"},
        {"containers": [{"envFrom": [{"secretRef": {"name": "e", "optional": True}}]}]},
    ],
)
def test_what_is_optional_or_nonsense_is_no_need(spec):
    assert needs_of(spec) == frozenset()


def test_what_is_among_the_objects_or_becomes_one_is_not_missing():
    pod = {
        "serviceAccountName": "web",
        "imagePullSecrets": [{"name": n} for n in ("sealed", "vault", "kept", "plain", "gone")],
    }
    found = objects(
        making("Deployment", "apps/v1", pod),
        obj("ServiceAccount", "web"),
        obj("Secret", "plain"),
        obj("SealedSecret", "sealed", "bitnami.com/v1alpha1"),
        obj("ExternalSecret", "vault", "external-secrets.io/v1"),
        obj("ExternalSecret", "x", "external-secrets.io/v1", spec={"target": {"name": "kept"}}),
    )
    assert [(one.id.name, need) for one, need in missing_needs(found)] == [
        ("web", Need("Secret", "gone"))
    ]


def test_objects_move_wherever_they_name_their_namespace():
    found = objects(
        obj("ConfigMap", "x", data={"namespace": ENV, "host": f"x.{ENV}"}),
        obj(
            "RoleBinding",
            "bot",
            "rbac.authorization.k8s.io/v1",
            subjects=[
                {"kind": "ServiceAccount", "name": "a", "namespace": ENV},
                {"kind": "ServiceAccount", "name": "a", "namespace": "other"},
            ],
        ),
        obj("ClusterRole", "shared", "rbac.authorization.k8s.io/v1"),
        obj("Namespace", ENV),
    )
    there = moved(Rendered(ENV, "d", Form.PLAIN, found), EnvironmentName("rehearsal"))
    assert [(one.id.kind, one.id.namespace) for one in there.objects] == [
        ("ConfigMap", "rehearsal"),
        ("RoleBinding", "rehearsal"),
    ]
    assert there.objects[0].content["metadata"]["namespace"] == "rehearsal"
    assert there.objects[0].content["data"]["host"] == f"x.{ENV}"
    subjects = there.objects[1].content["subjects"]
    assert [subject["namespace"] for subject in subjects] == ["rehearsal", "other"]
    assert found[0].content["metadata"]["namespace"] == ENV, "nothing of the old is changed"
