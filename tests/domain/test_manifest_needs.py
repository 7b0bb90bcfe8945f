"""What pods need beside themselves, and objects moved to another namespace."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.manifests.moving import moved, still_naming
from gitops_cli.domain.manifests.needs import Need, images_of, missing_needs, needs_of, pod_spec
from gitops_cli.domain.manifests.objects import Manifest, ObjectId, Sourced, parse_objects
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


def test_a_need_is_said_with_its_kind():
    assert str(Need("Secret", "tls")) == "Secret tls"


@pytest.mark.parametrize("value", [{}, {"spec": {}}, {"spec": "x"}, {"spec": {"template": []}}])
def test_where_no_specs_stand_there_is_none(value):
    [one] = objects(obj("ReplicaSet", "web", "apps/v1", **value))
    assert pod_spec(one) is None
    assert list(missing_needs([one])) == []


def test_the_specs_of_a_replica_set_and_of_a_pod_themselves():
    spec = {"containers": [{"image": "a:1"}]}
    [replicas, pod] = objects(making("ReplicaSet", "apps/v1", spec), making("Pod", "v1", spec))
    assert [pod_spec(replicas), pod_spec(pod)] == [spec, spec]
    [foreign] = objects(making("Deployment", "example.com/v1", spec))
    assert pod_spec(foreign) is None


def test_an_image_is_a_text_that_says_something():
    spec = {
        "containers": [{"image": ""}, {"image": 7}, {"image": "a"}, {"image": "a"}],
        "initContainers": {"image": "b"},
        "ephemeralContainers": [{"image": "c"}],
    }
    assert list(images_of(spec)) == ["a", "a"]


@pytest.mark.parametrize(
    ("spec", "needs"),
    [
        ({"serviceAccountName": ""}, set()),
        ({"serviceAccountName": 7}, set()),
        ({"imagePullSecrets": [{"name": ""}, {"name": 7}, {}, 7, {"name": "p"}]}, {"Secret p"}),
        ({"volumes": [{"secret": {"secretName": "a", "name": "b"}}]}, {"Secret a"}),
        ({"volumes": [{"secret": {"secretName": "", "name": "b"}}]}, {"Secret b"}),
        ({"volumes": [{"secret": {"secretName": 7, "name": "b"}}]}, {"Secret b"}),
        ({"volumes": [{"secret": {"secretName": "", "name": ""}}]}, set()),
        ({"volumes": [{"secret": {}}, {"secret": "a"}, {"configMap": ["a"]}]}, set()),
        ({"volumes": [{"secret": {"secretName": "a", "optional": False}}]}, {"Secret a"}),
        ({"volumes": [{"configMap": {"name": "a", "optional": True}}]}, set()),
        ({"volumes": [{"configMap": {"secretName": "a", "claimName": "a"}}]}, set()),
        ({"volumes": [{"persistentVolumeClaim": {"name": "a"}}]}, set()),
        ({"volumes": [{"projected": "x"}, {"projected": {"sources": "x"}}]}, set()),
        (
            {
                "volumes": [
                    {
                        "projected": {
                            "sources": [
                                7,
                                {"configMap": {"name": "a"}},
                                {"secret": {"name": "b", "optional": True}},
                                {"persistentVolumeClaim": {"claimName": "c"}},
                                {"secret": {"name": "d"}},
                            ]
                        }
                    }
                ]
            },
            {"ConfigMap a", "Secret d"},
        ),
        (
            {
                "containers": [
                    {
                        "envFrom": [
                            {"secretRef": {"name": "a"}, "configMapRef": {"name": "b"}},
                            {"secretRef": {"secretName": "c"}},
                        ],
                        "env": [
                            {"valueFrom": "x"},
                            {"valueFrom": {"secretKeyRef": {"name": "c", "optional": True}}},
                            {"valueFrom": {"secretKeyRef": {"name": "d"}}},
                            {"valueFrom": {"configMapKeyRef": {"name": "e"}}},
                            {"secretKeyRef": {"name": "f"}},
                        ],
                    }
                ]
            },
            {"Secret a", "ConfigMap b", "Secret d", "ConfigMap e"},
        ),
    ],
)
def test_which_names_of_a_spec_are_needs(spec, needs):
    assert set(map(str, needs_of(spec))) == needs


def test_what_is_missing_is_told_by_object_in_order():
    pods = {
        "imagePullSecrets": [{"name": n} for n in ("z", "a", "own", "not-a-target")],
        "volumes": [{"configMap": {"name": "aim"}}, {"configMap": {"name": "there"}}],
    }
    found = objects(
        making("Pod", "v1", pods),
        obj("ConfigMap", "there", spec={"target": {"name": "aim"}}),
        obj("SealedSecret", "own", "bitnami.com/v1", spec={"target": {"name": "not-a-target"}}),
        obj("ExternalSecret", "e", "external-secrets.io/v1", spec={"target": {"name": 7}}),
        obj("ExternalSecret", "f", "external-secrets.io/v1", spec={"target": "z"}),
        obj("ExternalSecret", "g", "external-secrets.io/v1", spec="z"),
        making(
            "Job", "batch/v1", {"imagePullSecrets": [{"name": n} for n in ("e", "f", "g", "h")]}
        ),
    )
    assert list(missing_needs(iter(found))) == [
        (found[0], Need("ConfigMap", "aim")),
        (found[0], Need("Secret", "a")),
        (found[0], Need("Secret", "not-a-target")),
        (found[0], Need("Secret", "z")),
        (found[6], Need("Secret", "h")),
    ]


def test_a_secret_with_a_name_of_its_own_is_not_there_under_its_makers():
    made = {"target": {"name": "kept"}}
    pods = making("Pod", "v1", {"imagePullSecrets": [{"name": "x"}]})
    found = objects(pods, obj("ExternalSecret", "x", "external-secrets.io/v1", spec=made))
    assert list(missing_needs(found)) == [(found[0], Need("Secret", "x"))]


@pytest.mark.parametrize(
    ("content", "moves"),
    [
        ({"namespace": "here"}, {"namespace": "there"}),
        ({"namespaces": ["here", "x", "here"]}, {"namespaces": ["there", "x", "there"]}),
        ({"any": {"matchNames": ["here"]}}, {"any": {"matchNames": ["there"]}}),
        ({"kubernetes.io/metadata.name": "here"}, {"kubernetes.io/metadata.name": "there"}),
        ({"namespace": {"other": "here"}}, {"namespace": {"other": "here"}}),
        ({"names": ["here"], "name": "here", "n": 1}, {"names": ["here"], "name": "here", "n": 1}),
        ([{"namespace": "here-2"}, "here"], [{"namespace": "here-2"}, "here"]),
    ],
)
def test_which_fields_name_a_namespace(content, moves):
    one = Manifest(ObjectId("", "A", "here", "a"), "v1", {"x": content}, "p", 3)
    other = Manifest(ObjectId("", "B", None, "b"), "v1", {}, "p", 4)
    given = Rendered(EnvironmentName("here"), "d", Form.HELM, (one, other), hidden=True)
    assert moved(given, EnvironmentName("there")) == Rendered(
        EnvironmentName("there"),
        "d",
        Form.HELM,
        (Manifest(ObjectId("", "A", "there", "a"), "v1", {"x": moves}, "p", 3),),
        only_namespaced=True,
        hidden=True,
    )


@pytest.mark.parametrize(
    ("kind", "content", "names"),
    [
        ("ConfigMap", {"data": {"a": "db.here.svc"}}, True),
        ("ConfigMap", {"data": ["x", {"a": ["here"]}]}, True),
        ("ConfigMap", {"data": {"a": "db.here-2.svc"}}, False),
        ("ConfigMap", {"data": {"a": "db.not-here.svc"}}, False),
        ("ConfigMap", {"data": {"a": "xhere"}}, False),
        ("ConfigMap", {"data": {"a": "here9"}}, False),
        ("ConfigMap", {"data": {"here": 1}}, False),
        ("Secret", {"data": {"a": "here"}}, False),
        ("Secret", {"data": {"a": "x"}, "metadata": {"labels": {"a": "here"}}}, True),
    ],
)
def test_which_texts_still_name_a_namespace(kind, content, names):
    one = Manifest(ObjectId("", kind, "there", "a"), "v1", content, "p.yaml", 3)
    given = Rendered(EnvironmentName("there"), "d", Form.PLAIN, (one,))
    said = [f"p.yaml:3: {kind.lower()}/a"] if names else []
    assert list(still_naming(given, "here")) == said


def test_a_dot_of_a_name_is_no_wildcard():
    one = Manifest(ObjectId("", "A", "there", "a"), "v1", {"a": "axb"}, "p.yaml", 3)
    given = Rendered(EnvironmentName("there"), "d", Form.PLAIN, (one,))
    assert list(still_naming(given, "a.b")) == []
