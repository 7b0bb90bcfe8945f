"""Objects of the repository: what they are, what is owned, what differs, what may go."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest

from gitops_cli.domain.manifests.applyset import kinds_of, parent, set_id
from gitops_cli.domain.manifests.changes import change, redacted
from gitops_cli.domain.manifests.kinds import BUILT_IN, rank, usual_plural
from gitops_cli.domain.manifests.objects import (
    ObjectId,
    Parsed,
    Sourced,
    defined_by,
    parse_objects,
    plain_secrets,
    with_scopes,
)
from gitops_cli.domain.manifests.ownership import APPLIED, Live, ManagerEntry, is_as_applied
from gitops_cli.domain.manifests.pruning import is_many, reason_not_to_prune, reason_to_keep
from gitops_cli.domain.names import EnvironmentName

SHOP = EnvironmentName("shop-dev")


def parsed(*values: Any) -> Parsed:
    return parse_objects([Sourced("a.yaml", n + 1, v) for n, v in enumerate(values)], SHOP)


def obj(kind: str = "ConfigMap", api: str = "v1", **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "a"}, **rest}


def live(fields: Mapping[str, Any], digest: str = "d", *more: ManagerEntry) -> Live:
    entries = (ManagerEntry("gitops", "Apply", "", fields), *more)
    return Live("a", "u", "1", {}, {APPLIED: digest}, entries)


def test_objects_get_the_environments_namespace_unless_they_are_the_clusters() -> None:
    role = obj("ClusterRole", "rbac.authorization.k8s.io/v1")
    found = parsed(obj(), role, obj("Namespace") | {"metadata": {"name": "shop-dev"}})

    assert [one.id.namespace for one in found.objects] == ["shop-dev", None, None]
    assert found.objects[0].content["metadata"] == {"name": "a", "namespace": "shop-dev"}
    assert "namespace" not in found.objects[1].content["metadata"]


def test_what_only_a_server_writes_is_left_out_and_null_is_absent() -> None:
    value = obj(data={"a": None, "b": "1"}, status={"x": 1})
    value["metadata"] |= {"uid": "u", "resourceVersion": "1", "managedFields": [], "labels": None}

    [one] = parsed(value).objects

    assert one.content == obj(data={"b": "1"}) | {
        "metadata": {"name": "a", "namespace": "shop-dev"}
    }


def test_a_secret_has_all_of_it_in_data() -> None:
    [one] = parsed(obj("Secret", data={"b": "Yg=="}, stringData={"a": "a"})).objects

    assert one.content["data"] == {"a": "YQ==", "b": "Yg=="}
    assert "stringData" not in one.content
    assert [f.rule for f in plain_secrets([one])] == ["plain-secret"]
    assert not list(plain_secrets(parsed(obj("Secret")).objects))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "is no object"),
        ({"kind": "A"}, "apiVersion: nothing"),
        (obj(api="V1"), "apiVersion: `V1`"),
        (obj() | {"metadata": {"name": "a", "labels": ["x"]}}, "metadata.labels is no mapping"),
        (obj() | {"metadata": {"name": "a", "annotations": {"x": 1}}}, "value of `x` is no text"),
        (obj("Secret", stringData={"pin": 1234}), "stringData: the value of `pin` is no text"),
        (obj("Secret", data={"pin": "\ud800"}), "data: the value of `pin` is no text"),
        (obj() | {"metadata": {"name": "gitops-manifests"}}, "stands for the objects themselves"),
        (obj(api="a/../../v1"), "apiVersion"),
        (obj("a/b"), "kind: `a/b`"),
        (obj() | {"metadata": {"generateName": "x-"}}, "without metadata.name"),
        (obj() | {"metadata": {"name": "../x"}}, "metadata.name: `../x`"),
        (obj() | {"metadata": {"name": ".."}}, "metadata.name"),
        (obj() | {"metadata": {"name": 5}}, "metadata.name: `5`"),
        (obj() | {"metadata": {"name": "a", "namespace": "b"}}, "is of the namespace `b`"),
        (obj("Namespace"), "is not the environment's own"),
    ],
)
def test_what_is_no_object_of_the_environment_is_a_finding(value: Any, said: str) -> None:
    found = parsed(value, obj())

    assert len(found.objects) == 1
    [finding] = found.findings
    assert said in finding.message
    assert finding.where == "a.yaml:1"


def test_a_list_is_what_it_holds_and_nothing_stands_twice() -> None:
    found = parsed({"apiVersion": "v1", "kind": "List", "items": [obj(), obj("Secret")]}, obj())

    assert [str(one.id) for one in found.objects] == ["configmap/a", "secret/a"]
    assert "stands here and in a.yaml:1" in found.findings[0].message


def test_a_definition_says_the_scope_of_its_kind() -> None:
    names = {"kind": "Widget", "plural": "widgets"}
    spec = {"group": "example.com", "names": names, "scope": "Cluster"}
    definition = obj("CustomResourceDefinition", "apiextensions.k8s.io/v1", spec=spec)
    [brings, widget] = parsed(definition, obj("Widget", "example.com/v1")).objects

    defined = defined_by(brings)
    assert defined is not None
    assert not defined.namespaced
    [scoped] = with_scopes([widget], {("example.com", "Widget"): False})
    assert scoped.id == ObjectId("example.com", "Widget", None, "a")
    assert scoped.content["metadata"] == {"name": "a"}
    assert str(scoped.id) == "widget.example.com/a"
    assert defined_by(widget) is None


def test_the_order_of_applying() -> None:
    order = [
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("", "ServiceAccount"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("", "ConfigMap"),
        ("", "PersistentVolumeClaim"),
        ("", "Service"),
        ("apps", "Deployment"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ]

    ranks = [rank(*kind) for kind in order]

    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)
    assert rank("example.com", "Namespace") == rank("apps", "Deployment")
    assert set(BUILT_IN) > set(order)


CONTENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "namespace": "shop-dev", "labels": {"x": "y"}, "finalizers": []},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
            {"name": "web", "image": "i", "ports": [{"containerPort": 80}], "args": ["x"]}
        ]}},
        "extra": {},
        "finalizers": ["f"],
    },
}  # fmt: skip
PORT = 'k:{"containerPort":80,"protocol":"TCP"}'
FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:x": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:args": {},
                        "f:ports": {PORT: {".": {}, "f:containerPort": {}}},
                    }
                }
            },
        },
        "f:extra": {},
        "f:finalizers": {'v:"f"': {}},
    },
}


def without(path: str) -> dict[str, Any]:
    """Return the fields after somebody else took one."""
    found: dict[str, Any] = json.loads(json.dumps(FIELDS))
    *way, last = path.split(">")
    passed = [found]
    for key in way:
        passed.append(passed[-1][key])
    for below, key in zip(reversed(passed), reversed([*way, last]), strict=True):
        del below[key]
        if below:  # a server writes no set that is empty
            break
    return found


CONTAINERS = "f:spec>f:template>f:spec>f:containers"


def test_what_we_applied_and_still_own_is_as_applied() -> None:
    assert is_as_applied(live(FIELDS), CONTENT, "d")
    assert not is_as_applied(live(FIELDS), CONTENT, "another")
    assert not is_as_applied(live(FIELDS)._replace(entries=()), CONTENT, "d")


@pytest.mark.parametrize(
    "path",
    [
        "f:metadata>f:labels",
        "f:spec>f:extra",
        "f:metadata>f:labels>f:x",
        "f:spec",
        "f:spec>f:replicas",
        "f:spec>f:selector",
        'f:spec>f:finalizers>v:"f"',
        'f:spec>f:template>f:spec>f:containers>k:{"name":"web"}',
        f'{CONTAINERS}>k:{{"name":"web"}}>f:image',
        f'{CONTAINERS}>k:{{"name":"web"}}>f:args',
        f'{CONTAINERS}>k:{{"name":"web"}}>f:ports>{PORT}',
    ],
)
def test_a_field_that_somebody_took_must_be_looked_at(path: str) -> None:
    assert not is_as_applied(live(without(path)), CONTENT, "d")


def test_who_scales_has_the_replicas_and_a_person_has_not() -> None:
    fields = {"f:spec": {"f:replicas": {}}}
    controller = ManagerEntry("kube-controller-manager", "Update", "scale", fields)

    assert live({}, "d", controller).scaler == "kube-controller-manager"
    assert live({}, "d", controller._replace(manager="kubectl")).scaler is None
    assert live({}, "d", controller._replace(subresource="")).scaler is None


KIND = ("apps", "Deployment")


def test_a_change_is_what_the_repository_says_and_the_server_made_of_it() -> None:
    before = obj(spec={"a": 1, "theirs": "x", "list": [{"name": "p", "v": 1}, {"name": "q"}]})
    result = obj(
        spec={
            "a": 2,
            "theirs": "stamped again",
            "default": True,
            "list": [{"name": "p", "v": 2, "default": 1}, {"name": "new", "v": 1, "default": 1}],
            "cpu": "1",
        }
    )
    wanted = obj(
        spec={"a": 2, "list": [{"name": "p", "v": 2}, {"name": "new", "v": 1}], "cpu": "1000m"}
    )

    found = change(KIND, before, result, wanted)

    assert found.after == obj(
        spec={
            "a": 2,
            "theirs": "x",
            "list": [{"name": "p", "v": 2}, {"name": "new", "v": 1}],
            "cpu": "1",
        }
    )
    assert found.operations() == [
        {"op": "replace", "path": "/spec/a", "value": 2},
        {"op": "replace", "path": "/spec/list/0/v", "value": 2},
        {"op": "replace", "path": "/spec/list/1/name", "value": "new"},
        {"op": "add", "path": "/spec/list/1/v", "value": 1},
        {"op": "add", "path": "/spec/cpu", "value": "1"},
    ]


def test_an_order_that_changes_is_a_change() -> None:
    there, here = ({"list": [{"name": n} for n in names]} for names in ("ab", "ba"))

    found = change(KIND, obj(spec=there), obj(spec=here), obj(spec=here))

    assert found.after == obj(spec=here)
    assert change(KIND, obj(spec=there), obj(spec=here), obj(spec={})).is_empty, "no wish of ours"


def test_items_of_one_name_are_told_apart_by_their_place() -> None:
    bot = [{"name": "bot", "namespace": space} for space in "abc"]
    found = change(KIND, obj(subjects=bot[:2]), obj(subjects=bot[1:]), obj(subjects=bot[1:]))

    assert found.after == obj(subjects=bot[1:])


def test_what_is_noted_on_an_object_is_no_change_of_it() -> None:
    noted = obj() | {
        "metadata": {
            "name": "a",
            "uid": "u",
            "annotations": {APPLIED: "x", "gitops-cli/commit": "c", "mine/a~b": "1"},
            "labels": {"applyset.kubernetes.io/part-of": "x"},
        },
        "status": {"x": 1},
    }
    plain = obj() | {"metadata": {"name": "a", "annotations": {"mine/a~b": "2"}}}

    assert change(KIND, noted, noted, plain).is_empty
    [one] = change(KIND, noted, plain, plain).operations()
    assert (one["op"], one["path"]) == ("replace", "/metadata/annotations/mine~1a~0b")


def test_values_of_secrets_are_digests_that_differ_by_place() -> None:
    secret = obj("Secret", data={"a": "cGFzcw==", "b": "cGFzcw=="})
    shown = redacted(secret)["data"]

    assert "cGFzcw" not in json.dumps(shown)
    assert shown["a"] != shown["b"], "equal values do not look equal"
    plain = sha256(b"None/a/a\0cGFzcw==").hexdigest()
    assert plain[:12] not in shown["a"], "nobody can try passwords until one fits"
    assert redacted(secret)["data"] == shown
    found = change(("", "Secret"), secret, obj("Secret", data={"a": "x"}), secret)
    assert [one["op"] for one in found.operations()] == ["replace", "remove"]
    assert '"x"' not in json.dumps(found.operations())


def test_the_set_is_named_as_kubectl_names_it() -> None:
    hashed = sha256(b"gitops-manifests.shop-dev.ConfigMap.").digest()
    assert set_id(SHOP) == f"applyset-{urlsafe_b64encode(hashed).decode()[:-1]}-v1"
    made = parent(SHOP, [("apps", "Deployment"), ("", "ConfigMap")])
    assert made["metadata"]["labels"] == {"applyset.kubernetes.io/id": set_id(SHOP)}
    noted = made["metadata"]["annotations"]
    assert noted["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap,Deployment.apps"
    assert kinds_of(noted) == {("apps", "Deployment"), ("", "ConfigMap")}
    assert kinds_of({}) == frozenset()


def test_what_is_never_pruned() -> None:
    def reason(kind: str, group: str = "", **rest: Any) -> str | None:
        return reason_to_keep(ObjectId(group, kind, None, "a"), rest.pop("notes", {}), **rest)

    definition = {"kind": "CustomResourceDefinition", "group": "apiextensions.k8s.io"}
    assert reason("ConfigMap") is None
    assert reason("Namespace")
    assert reason("PersistentVolume")
    assert reason("PersistentVolumeClaim")
    assert reason("PersistentVolumeClaim", "example.com") is None
    assert reason(**definition, has_instances=True)
    assert reason(**definition) is None
    assert reason("ConfigMap", notes={"gitops-cli/keep": "true"})
    assert reason("ConfigMap", notes={"gitops-cli/keep": "false"}) is None
    assert reason("ConfigMap", notes={"helm.sh/resource-policy": "Keep"})


@pytest.mark.parametrize(
    ("going", "members", "many"), [(3, 3, False), (4, 6, True), (4, 12, False), (5, 12, True)]
)
def test_more_than_a_third_needs_a_second_word(going: int, members: int, many: bool) -> None:
    assert is_many(going, members) is many


def test_when_nothing_is_pruned_whatever_was_said() -> None:
    assert reason_not_to_prune(1, unreadable=False, failed=False) is None
    assert reason_not_to_prune(0, unreadable=False, failed=False)
    assert reason_not_to_prune(1, unreadable=True, failed=False)
    assert reason_not_to_prune(1, unreadable=False, failed=True)


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Service", "services"),
        ("Endpoints", "endpoints"),
        ("StorageClass", "storageclasses"),
        ("NetworkPolicy", "networkpolicies"),
        ("Identity", "identities"),
        ("Gateway", "gateways"),
    ],
)
def test_a_kind_has_the_usual_plural(kind: str, plural: str) -> None:
    assert usual_plural(kind) == plural
