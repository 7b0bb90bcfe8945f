"""What is still ours of live objects, what stands for a set of them, and what may leave it."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.manifests.applyset import kinds_of, parent, set_id
from gitops_cli.domain.manifests.objects import ObjectId
from gitops_cli.domain.manifests.ownership import (
    Live,
    ManagerEntry,
    is_as_applied,
    without_replicas,
)
from gitops_cli.domain.manifests.pruning import is_many, reason_not_to_prune, reason_to_keep
from gitops_cli.domain.names import EnvironmentName

NOTED = {"gitops-cli/applied": "d"}
OURS: dict[str, Any] = {"f:spec": {}}


def live(*entries: ManagerEntry, annotations: dict[str, str] | None = None) -> Live:
    return Live("a", "u", "1", {}, NOTED if annotations is None else annotations, entries)


def entry(
    fields: dict[str, Any] = OURS,
    manager: str = "gitops",
    operation: str = "Apply",
    subresource: str = "",
) -> ManagerEntry:
    return ManagerEntry(manager, operation, subresource, fields)


def test_what_is_known_of_a_live_object() -> None:
    one = Live("a", "u", "1", {}, {})
    assert (one.entries, one.controlled, one.ending) == ((), False, False)


@pytest.mark.parametrize(
    ("entries", "ours"),
    [
        ((), None),
        ((entry({}, "kubectl"), entry()), OURS),
        ((entry(operation="Update"),), None),
        ((entry(manager="gitops-cli"),), None),
        ((entry({"f:a": {}}), entry()), {"f:a": {}}),
    ],
)
def test_ours_is_the_first_that_we_applied(entries: tuple[ManagerEntry, ...], ours: Any) -> None:
    assert live(*entries).ours == ours


SCALED = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("entries", "scaler"),
    [
        ((), None),
        ((entry(SCALED, "hpa", "Update", "scale"),), "hpa"),
        ((entry(SCALED, "hpa", "Update"),), None),
        ((entry(SCALED, "hpa", "Update", "status"),), None),
        ((entry({"f:spec": {}}, "hpa", "Update", "scale"),), None),
        ((entry({"f:spec": "f:replicas"}, "hpa", "Update", "scale"),), None),
        ((entry({"f:replicas": {}}, "hpa", "Update", "scale"),), None),
        ((entry(SCALED, "kubectl", "Update", "scale"),), None),
        ((entry(SCALED, "kubectl-scale", "Update", "scale"),), None),
        ((entry(SCALED, "my-kubectl", "Update", "scale"),), "my-kubectl"),
        (
            (
                entry({}, "x", "Update", "scale"),
                entry(SCALED, "kubectl", "Update", "scale"),
                entry(SCALED, "keda", "Update", "scale"),
                entry(SCALED, "hpa", "Update", "scale"),
            ),
            "keda",
        ),
    ],
)
def test_who_sets_the_replicas(entries: tuple[ManagerEntry, ...], scaler: str | None) -> None:
    assert live(*entries).scaler == scaler


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ({}, {}),
        ({"kind": "A", "spec": "replicas"}, {"kind": "A", "spec": "replicas"}),
        ({"kind": "A", "spec": {"x": 1}}, {"kind": "A", "spec": {"x": 1}}),
        ({"kind": "A", "replicas": 1, "spec": {}}, {"kind": "A", "replicas": 1, "spec": {}}),
        (
            {"kind": "A", "replicas": 1, "spec": {"replicas": 2, "x": {"replicas": 3}}},
            {"kind": "A", "replicas": 1, "spec": {"x": {"replicas": 3}}},
        ),
        ({"spec": {"replicas": None}}, {"spec": {}}),
    ],
)
def test_replicas_are_left_out(content: dict[str, Any], left: dict[str, Any]) -> None:
    given = {key: dict(v) if isinstance(v, dict) else v for key, v in content.items()}
    assert without_replicas(content) == left
    assert content == given, "nothing of the old is changed"


def content(metadata: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    own = {"name": "a", "namespace": "shop", **(metadata or {})}
    return {"apiVersion": "v1", "kind": "A", "metadata": own, **more}


PORT = 'k:{"containerPort":80,"protocol":"TCP"}'


@pytest.mark.parametrize(
    ("fields", "wanted", "same"),
    [
        ({}, content(), True),
        ({"f:x": {}}, content(), True),
        ({"f:x": {}}, content(spec=1), False),
        ({"f:spec": {}}, content(spec=1), True),
        ({"f:spec": {}}, content(spec={"a": {"b": 1}}), True),
        ({"f:spec": {"f:a": {}}}, content(spec={"a": 1}), True),
        ({"f:spec": {"f:a": {}}}, content(spec={"a": 1, "b": 1}), False),
        ({"f:spec": {"f:a": {}, "f:b": {}}}, content(spec={"a": 1}), True),
        ({"f:spec": {"f:a": {"f:b": {}}}}, content(spec={"a": {"b": 1, "c": 1}}), False),
        ({"f:spec": {"f:a": {"f:b": {}}}}, content(spec={"a": 1}), True),
        ({"f:spec": None}, content(spec=1), False),
        ({"f:spec": "x"}, content(spec={"a": 1}), True),
        ({"f:x": {}}, content(rules=[]), False),
        ({"f:rules": {}}, content(rules=[]), True),
        ({"f:rules": {"v:1": {}}}, content(rules=[]), True),
        ({"f:x": {}}, content({"labels": {}, "uid": "u", "generation": 1}), True),
        ({"f:x": {}}, content({"labels": {"a": "b"}}), False),
        ({"f:metadata": {"f:labels": {"f:a": {}}}}, content({"labels": {"a": "b"}}), True),
        ({"f:metadata": {"f:labels": {"f:b": {}}}}, content({"labels": {"a": "b"}}), False),
        ({"f:x": {}}, content({"annotations": {"a": "b"}}), False),
        ({"f:x": {}}, content({"finalizers": ["a"]}), False),
        ({"f:x": {}}, content({"ownerReferences": [{"uid": "u"}]}), False),
        (
            {"f:metadata": {"f:ownerReferences": {'k:{"uid":"u"}': {}}}},
            content({"ownerReferences": [{"uid": "u"}]}),
            True,
        ),
        ({"f:li": {'v:"é"': {}, "v:2": {}}}, content(li=["é", 2]), True),
        ({"f:li": {'v:"é"': {}}}, content(li=["é", 2]), False),
        ({"f:li": {'v:"a"': {}, "v:true": {}}}, content(li=[True]), True),
        ({"f:li": {PORT: {}}}, content(li=[{"containerPort": 80}]), True),
        ({"f:li": {PORT: {}}}, content(li=[{"containerPort": 80, "protocol": "TCP"}]), True),
        ({"f:li": {PORT: {}}}, content(li=[{"containerPort": 80, "protocol": "UDP"}]), False),
        ({"f:li": {PORT: {}}}, content(li=[{"containerPort": 81}]), False),
        ({"f:li": {PORT: {"f:name": {}}}}, content(li=[{"name": "x"}]), True),
        ({"f:li": {PORT: {"f:containerPort": {}}}}, content(li=[{"name": "x"}]), False),
        ({"f:li": {"v:1": {}}}, content(li=[{"name": "x"}]), False),
        (
            {"f:li": {'k:{"name":"a"}': {"f:name": {}}, 'k:{"name":"b"}': {"f:name": {}}}},
            content(li=[{"name": "a"}, {"name": "b"}]),
            True,
        ),
        (
            {"f:li": {'k:{"name":"a"}': {"f:name": {}}, 'k:{"name":"b"}': {"f:name": {}}}},
            content(li=[{"name": "a"}, {"name": "b", "v": 1}]),
            False,
        ),
    ],
)
def test_whether_all_is_still_ours(fields: dict[str, Any], wanted: Any, same: bool) -> None:
    assert is_as_applied(live(entry(fields)), wanted, "d") is same


def test_another_digest_or_nothing_of_ours_is_not_as_applied() -> None:
    assert is_as_applied(live(entry({})), content(), "d")
    assert not is_as_applied(live(entry({})), content(), "e")
    assert not is_as_applied(live(entry({}), annotations={}), content(), "d")
    assert not is_as_applied(live(entry({}, "kubectl")), content(), "d")


# --- the set, and what leaves it

SHOP = EnvironmentName("shop-dev")


def test_what_stands_for_a_set() -> None:
    name = set_id(SHOP)
    assert name == "applyset-yRfs477ngOAn7t7nsrUcunVw-AxP8M5kNFQ90F_NABo-v1"
    kinds = [("apps", "Deployment"), ("", "Secret"), ("", "ConfigMap")]
    assert parent(SHOP, kinds) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "gitops-manifests",
            "namespace": "shop-dev",
            "labels": {"applyset.kubernetes.io/id": name},
            "annotations": {
                "applyset.kubernetes.io/tooling": "gitops-cli/v1",
                "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Deployment.apps,Secret",
            },
        },
    }
    assert kinds_of(parent(SHOP, kinds)["metadata"]["annotations"]) == set(kinds)


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (None, set()),
        ("", set()),
        (" , ,", set()),
        (
            " Secret , Role.rbac.authorization.k8s.io ",
            {("", "Secret"), ("rbac.authorization.k8s.io", "Role")},
        ),
    ],
)
def test_the_kinds_that_a_parent_names(said: str | None, kinds: set[Any]) -> None:
    annotations = {} if said is None else {"applyset.kubernetes.io/contains-group-kinds": said}
    assert kinds_of(annotations) == kinds


CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
INSTANCES = "there are objects of its kind, which would go with it"
KEPT = "it is marked to stay: gitops-cli/keep"
HELM = "it is marked to stay: helm.sh/resource-policy: keep"
POLICY = "helm.sh/resource-policy"


@pytest.mark.parametrize(
    ("kind", "annotations", "instances", "reason"),
    [
        (("", "Namespace"), {}, False, "namespaces are never removed"),
        (("", "PersistentVolumeClaim"), {}, False, "volumes are never removed"),
        (("", "PersistentVolume"), {}, False, "volumes are never removed"),
        (("x", "PersistentVolume"), {}, False, None),
        (CRD, {}, True, INSTANCES),
        (CRD, {}, False, None),
        (("", "A"), {}, True, None),
        (("", "A"), {"gitops-cli/keep": "true"}, False, KEPT),
        (("", "A"), {"gitops-cli/keep": "x"}, False, KEPT),
        (("", "A"), {"gitops-cli/keep": "False"}, False, None),
        (("", "A"), {"gitops-cli/keep": ""}, False, None),
        (("", "A"), {POLICY: " Keep "}, False, HELM),
        (("", "A"), {POLICY: "delete"}, False, None),
        (("", "A"), {"gitops-cli/keep": "1", POLICY: "keep"}, False, KEPT),
        (("", "A"), {"gitops-cli/keep": "false", POLICY: "keep"}, False, HELM),
    ],
)
def test_why_an_object_stays(
    kind: tuple[str, str], annotations: dict[str, str], instances: bool, reason: str | None
) -> None:
    one = ObjectId(*kind, "shop", "a")
    assert reason_to_keep(one, annotations, has_instances=instances) == reason
    if not instances:
        assert reason_to_keep(one, annotations) == reason


UNREAD = "some of the manifests cannot be read, and what is in them is not known"
NONE = "there are no manifests, which is no order to remove everything"
FAILED = "some objects could not be applied, and may need what would go"


@pytest.mark.parametrize(
    ("wanted", "unreadable", "failed", "reason"),
    [
        (0, True, True, UNREAD),
        (1, True, False, UNREAD),
        (0, False, True, NONE),
        (0, False, False, NONE),
        (1, False, True, FAILED),
        (1, False, False, None),
    ],
)
def test_why_nothing_is_pruned(
    wanted: int, unreadable: bool, failed: bool, reason: str | None
) -> None:
    assert reason_not_to_prune(wanted, unreadable=unreadable, failed=failed) == reason


@pytest.mark.parametrize(
    ("going", "members", "many"),
    [(3, 3, False), (4, 0, True), (4, 11, True), (4, 12, False), (5, 14, True), (5, 15, False)],
)
def test_how_many_are_many(going: int, members: int, many: bool) -> None:
    assert is_many(going, members) is many
