"""Documents of the repository as objects: each field of them, each word of a finding."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from gitops_cli.domain.manifests.objects import (
    Defined,
    Manifest,
    ObjectId,
    Parsed,
    Sourced,
    defined_by,
    made_again,
    parse_objects,
    plain_secrets,
    with_scopes,
    without_null,
)
from gitops_cli.domain.manifests.sealing import Sealed, SealedFile
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.findings import Finding, Severity

SHOP = EnvironmentName("shop-dev")
FILE = SealedFile("a.yaml", b"", False, True, {})
SEALED = Sealed(FILE, 0, "the-digest")


def parsed(*values: Any, **more: Any) -> Parsed:
    return parse_objects([Sourced("a.yaml", n + 1, v, **more) for n, v in enumerate(values)], SHOP)


def one_of(value: Any, **more: Any) -> Manifest:
    found = parsed(value, **more)
    assert found.findings == ()
    [one] = found.objects
    return one


def obj(kind: Any = "ConfigMap", api: Any = "v1", name: Any = "a", **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **rest}


def with_metadata(kind: str = "ConfigMap", /, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", **metadata}}


def test_an_object_is_what_stands_there() -> None:
    value = obj(
        "Deployment", "apps/v1", "web", spec={"a": [1, None, {"b": None, "c": 2}]}, status=1
    )
    there = {"name": "web", "namespace": "shop-dev"}
    content = obj("Deployment", "apps/v1") | {"metadata": there, "spec": {"a": [1, None, {"c": 2}]}}
    of = ObjectId("apps", "Deployment", "shop-dev", "web")
    assert parsed(value) == Parsed(
        (Manifest(of, "apps/v1", content, "a.yaml", 1, None, False),), ()
    )
    assert (of.type, str(of)) == (("apps", "Deployment"), "deployment/web")
    assert one_of(value).where == "a.yaml:1"
    assert value["metadata"] == {"name": "web"}


def test_the_clusters_own_has_no_namespace() -> None:
    one = one_of(obj("ClusterRole", "rbac.authorization.k8s.io/v1"))
    assert one.id == ObjectId("rbac.authorization.k8s.io", "ClusterRole", None, "a")
    assert one.content["metadata"] == {"name": "a"}
    assert one_of(obj("Namespace", name="shop-dev")).id == ObjectId(
        "", "Namespace", None, "shop-dev"
    )
    assert str(ObjectId("x.io", "Secret", None, "a")) == "secret.x.io/a"


def test_what_the_server_writes_is_left_out() -> None:
    written = [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "selfLink",
    ]
    last = {"kubectl.kubernetes.io/last-applied-configuration": "x"}
    given = with_metadata(**dict.fromkeys(written, "x"), finalizers=["f"], generateName="g")
    given["metadata"] |= {"namespace": "shop-dev", "labels": None, "annotations": last | {"a": "b"}}
    assert one_of(given).content["metadata"] == {
        "name": "a",
        "namespace": "shop-dev",
        "finalizers": ["f"],
        "generateName": "g",
        "annotations": {"a": "b"},
    }
    assert one_of(with_metadata(annotations=last)).content["metadata"]["annotations"] == {}
    kept = one_of(with_metadata(annotations={"a": None, "b": "c"}, labels={}))
    assert kept.content["metadata"]["annotations"] == {"b": "c"}
    assert kept.content["metadata"]["labels"] == {}


@pytest.mark.parametrize(
    ("given", "data"),
    [
        ({"stringData": {"a": "é"}}, {"data": {"a": "w6k="}}),
        (
            {"data": {"a": "eA==", "b": "eA=="}, "stringData": {"a": "a"}},
            {"data": {"a": "YQ==", "b": "eA=="}},
        ),
        ({"data": {"a": "eA=="}, "stringData": {}}, {"data": {"a": "eA=="}}),
        ({"stringData": {}}, {}),
        ({"stringData": None, "data": None}, {}),
        ({"stringData": {"a": None}}, {}),
    ],
)
def test_a_secret_has_all_of_it_in_data(given: dict[str, Any], data: dict[str, Any]) -> None:
    there = {"metadata": {"name": "a", "namespace": "shop-dev"}}
    found = one_of(obj("Secret", **given)).content
    assert found == obj("Secret") | there | data
    other = one_of(obj("Secret", "x.io/v1", stringData={"a": "a"})).content
    assert other == obj("Secret", "x.io/v1", stringData={"a": "a"}) | there


LEFT_OUT = "leave metadata.namespace out, or move the object to its own environment"
NEEDS = "an object that is compared needs a name; generateName makes a new one each time"


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ([], "is no object: it has no apiVersion and no kind", None),
        (None, "is no object: it has no apiVersion and no kind", None),
        ({"kind": "A"}, "apiVersion: nothing is no version of an API", None),
        (obj(api=1), "apiVersion: `1` is no version of an API", None),
        (obj(api="x" * 81), f"apiVersion: `{'x' * 80}` is no version of an API", None),
        (obj(api="apps/V1"), "apiVersion: `apps/V1` is no version of an API", None),
        (obj(api="v1\n"), "apiVersion: `v1` is no version of an API", None),
        (obj(None), "kind: nothing is no kind of object", None),
        (obj(7), "kind: `7` is no kind of object", None),
        (obj("config"), "kind: `config` is no kind of object", None),
        (obj("C" * 64), f"kind: `{'C' * 64}` is no kind of object", None),
        ({"apiVersion": "v1", "kind": "A"}, "a A without metadata.name", NEEDS),
        (obj() | {"metadata": ["name"]}, "a ConfigMap without metadata.name", NEEDS),
        (obj() | {"metadata": {}}, "a ConfigMap without metadata.name", NEEDS),
        (obj(name=None), "metadata.name: nothing is no name of an object", None),
        (obj(name=5), "metadata.name: `5` is no name of an object", None),
        (obj(name="."), "metadata.name: `.` is no name of an object", None),
        (obj(name=".."), "metadata.name: `..` is no name of an object", None),
        (obj(name="a/b"), "metadata.name: `a/b` is no name of an object", None),
        (obj(name="a" * 254), f"metadata.name: `{'a' * 80}` is no name of an object", None),
        (
            obj(name="gitops-manifests"),
            "ConfigMap gitops-manifests stands for the objects themselves",
            "give it another name",
        ),
        (with_metadata(labels=["x"]), "ConfigMap a: metadata.labels is no mapping", None),
        (with_metadata(annotations=7), "ConfigMap a: metadata.annotations is no mapping", None),
        (
            with_metadata(labels={"x": "y", "z": 1}),
            "ConfigMap a: metadata.labels: the value of `z` is no text",
            "put it in quotes",
        ),
        (
            with_metadata(annotations={None: True}),
            "ConfigMap a: metadata.annotations: the value of nothing is no text",
            "put it in quotes",
        ),
        (
            with_metadata(annotations={"x": "a\udfffb"}),
            "ConfigMap a: metadata.annotations: the value of `x` is no text",
            "put it in quotes",
        ),
        (obj("Secret", data=["x"]), "Secret a: data is no mapping", None),
        (
            obj("Secret", data={"pin": "\ud800"}),
            "Secret a: data: the value of `pin` is no text",
            "put it in quotes",
        ),
        (
            obj("Secret", stringData={"pin": 1234}),
            "Secret a: stringData: the value of `pin` is no text",
            "put it in quotes",
        ),
    ],
)
def test_what_is_no_object_is_said(value: Any, message: str, hint: str | None) -> None:
    found = parsed(value, obj())
    assert found.findings == (Finding("a.yaml", 1, "manifest", message, hint, Severity.ERROR),)
    assert [one.line for one in found.objects] == [2]


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (
            with_metadata(namespace="other"),
            "ConfigMap a is of the namespace `other`, and the environment is shop-dev",
            LEFT_OUT,
        ),
        (
            with_metadata(namespace=""),
            "ConfigMap a is of the namespace ``, and the environment is shop-dev",
            LEFT_OUT,
        ),
        (obj("Namespace"), "Namespace a is not the environment's own, shop-dev", None),
    ],
)
def test_what_is_of_another_namespace_is_said(value: Any, message: str, hint: str | None) -> None:
    assert parsed(value) == Parsed((), (Finding("a.yaml", 1, "namespace", message, hint),))


@pytest.mark.parametrize(
    "value",
    [
        obj(name="a" * 253),
        obj(name="A.b_c:d-9"),
        obj("C" * 63, "x.io/v1"),
        obj("C9", "v" + "1" * 30),
        obj("A", "a/v1"),
        obj("A", f"a{'b' * 252}/v1beta1"),
        obj("Secret", "x.io/v1", name="gitops-manifests", data={"a": 1}),
        obj("ConfigMap", "x.io/v1", name="gitops-manifests"),
        obj("Namespace", "x.io/v1"),
        with_metadata(labels={"x": "\ud7ff\ue000é", "y": None}),
        obj(data={"a": 1}),
    ],
)
def test_what_is_an_object(value: Any) -> None:
    one = one_of(value)
    assert (one.id.kind, one.api_version) == (value["kind"], value["apiVersion"])
    assert one.id.group == value["apiVersion"].rpartition("/")[0]


@pytest.mark.parametrize("api", ["v" + "1" * 31, "v", "a/b/v1", "-a/v1", "a-/v1", "/v1", "A/v1"])
def test_what_is_no_version_of_an_api(api: str) -> None:
    [finding] = parsed(obj(api=api)).findings
    assert finding.message == f"apiVersion: `{api}` is no version of an API"


def test_a_list_is_what_it_holds() -> None:
    items = [obj(), obj("Secret"), 7]
    found = parsed({"apiVersion": "v1", "kind": "List", "items": items}, obj(), obj("Service"))
    assert [(str(one.id), one.line) for one in found.objects] == [
        ("configmap/a", 1),
        ("secret/a", 1),
        ("service/a", 3),
    ]
    twice = "configmap/a stands here and in a.yaml:1; one of them must go"
    assert found.findings == (
        Finding("a.yaml", 1, "manifest", "is no object: it has no apiVersion and no kind"),
        Finding("a.yaml", 2, "object-twice", twice),
    )
    for empty in ([], None):
        assert parsed({"apiVersion": "v1", "kind": "List", "items": empty}) == Parsed((), ())
    assert str(one_of(obj("List", "x.io/v1", items=items)).id) == "list.x.io/a"
    assert str(one_of(obj("Lists", items=items)).id) == "lists/a"


@pytest.mark.parametrize("rest", [{}, {"items": "x"}, {"itmes": []}, {"items": {}}])
def test_a_list_of_nothing_is_said(rest: dict[str, Any]) -> None:
    [finding] = parsed({"apiVersion": "v1", "kind": "List", **rest}).findings
    assert finding.message == "a List without a list of `items`"


def test_lists_of_one_kind_and_lists_within_lists_are_what_they_hold() -> None:
    bare = {"metadata": {"name": "b"}}
    roles = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleList", "items": [bare]}
    inner = {"apiVersion": "v1", "kind": "List", "items": [obj("Service")]}
    outer = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [inner, roles]}

    found = parsed({"apiVersion": "v1", "kind": "ConfigMapList", "items": [obj(), bare]}, outer)

    assert not found.findings
    assert [str(one.id) for one in found.objects] == [
        "configmap/a",
        "configmap/b",
        "service/a",
        "role/b",
    ]
    assert found.objects[3].api_version == "rbac.authorization.k8s.io/v1"


def test_an_encrypted_secret_keeps_what_is_known_of_it() -> None:
    one = one_of(obj("Secret", data={"a": "b"}), sealed=SEALED, closed=True)
    assert (one.sealed, one.closed, one.digest) == (SEALED, True, "the-digest")
    assert parsed(obj(), sealed=SEALED) == Parsed(
        (),
        (
            Finding(
                "a.yaml",
                1,
                "sops",
                "configmap/a is encrypted with SOPS, and is no Secret",
                "keep such values in a Secret: what is in other kinds, everybody may see",
            ),
        ),
    )
    assert parsed(obj("Secret", "x.io/v1"), sealed=SEALED).findings[0].message == (
        "secret.x.io/a is encrypted with SOPS, and is no Secret"
    )


def test_the_digest_is_of_the_content_in_any_order() -> None:
    of = ObjectId("", "A", None, "a")
    text = '{"a":"\\ud800","b":[1,{"c":2}]}'
    one = Manifest(of, "v1", {"b": [1, {"c": 2}], "a": "\ud800"}, "p", 1)
    assert one.digest == sha256(text.encode()).hexdigest()[:32]
    assert (one.sealed, one.closed) == (None, False)
    assert Sourced("p", 1, 2) == ("p", 1, 2, None, False)


def test_a_scope_that_turns_out() -> None:
    one, other = one_of(obj("Widget", "x.io/v1", b=1)), one_of(obj("Other", "x.io/v1"))
    role = one_of(obj("ClusterRole", "rbac.authorization.k8s.io/v1"))
    scopes = {("x.io", "Widget"): False, role.id.type: False}
    content = obj("Widget", "x.io/v1", b=1)
    assert with_scopes([one, other, role], scopes) == [
        Manifest(ObjectId("x.io", "Widget", None, "a"), "x.io/v1", content, "a.yaml", 1),
        other,
        role,
    ]
    assert with_scopes([one], {("x.io", "Widget"): True}) == [one]


NAMES = {"kind": "Widget", "plural": "widgets"}


@pytest.mark.parametrize(
    ("spec", "defined"),
    [
        (
            {"group": "x.io", "names": NAMES, "scope": "Namespaced"},
            Defined("x.io", "Widget", "widgets", True),
        ),
        (
            {"group": "x.io", "names": NAMES, "scope": "Cluster"},
            Defined("x.io", "Widget", "widgets", False),
        ),
        ({"group": "x.io", "names": NAMES}, Defined("x.io", "Widget", "widgets", False)),
        ({"group": 1, "names": NAMES}, None),
        ({"group": "x.io", "names": NAMES | {"kind": 1}}, None),
        ({"group": "x.io", "names": NAMES | {"plural": 1}}, None),
        ({"group": "x.io", "names": "x"}, None),
        ("x", None),
    ],
)
def test_the_kind_that_a_definition_brings(spec: Any, defined: Defined | None) -> None:
    crd = one_of(obj("CustomResourceDefinition", "apiextensions.k8s.io/v1", spec=spec))
    assert defined_by(crd) == defined
    assert defined_by(one_of(obj("CustomResourceDefinition", "x.io/v1", spec=spec))) is None


def test_secrets_that_everybody_can_read() -> None:
    secret = one_of(obj("Secret", data={"a": "eA=="}))
    sealed = secret._replace(sealed=SEALED, line=5)
    bare = secret._replace(sealed=SEALED._replace(bare=("b", "c\nd")), line=6)
    long = secret._replace(sealed=SEALED._replace(bare=("x" * 201,)), line=7)
    found = [one_of(obj(data={"a": "b"})), one_of(obj("Secret")), sealed, bare, long, secret]
    encrypt = "`sops encrypt --encrypted-regex '^(data|stringData)$'` encrypts all values"

    def finding(line: int, message: str, hint: str) -> Finding:
        return Finding("a.yaml", line, "plain-secret", message, hint, Severity.ERROR)

    assert list(plain_secrets(found)) == [
        finding(6, "secret/a: SOPS left b, c d readable to everybody", encrypt),
        finding(7, f"secret/a: SOPS left {'x' * 200} readable to everybody", encrypt),
        finding(
            1,
            "secret/a is readable to everybody who can read the repository",
            "encrypt the file with SOPS, or keep a SealedSecret or an ExternalSecret",
        ),
    ]


def test_null_is_a_value_to_kinds_that_are_not_kubernetes_own() -> None:
    values = {"limits": None, "list": [None, {"a": None}]}
    release = obj("HelmRelease", "helm.toolkit.fluxcd.io/v2", spec={"values": values})
    release["metadata"] |= {"labels": None, "creationTimestamp": None}

    content = one_of(release).content

    assert content["spec"] == {"values": values}
    assert content["metadata"] == {"name": "a", "namespace": "shop-dev"}
    assert without_null(content)["spec"] == {"values": {"list": [None, {}]}}


def test_a_field_that_is_null_is_absent_at_any_depth() -> None:
    one = one_of(obj(data=None, spec={"a": {"b": None}, "c": [{"d": None}]}))
    there = {"metadata": {"name": "a", "namespace": "shop-dev"}}
    assert one.content == obj(spec={"a": {}, "c": [{}]}) | there


def test_a_job_that_ends_and_goes_runs_again() -> None:
    gone, stays = obj("Job", "batch/v1", name="gone"), obj("Job", "batch/v1", name="stays")
    cron = obj("CronJob", "batch/v1", name="cron", spec={"ttlSecondsAfterFinished": 1})
    found = parsed(gone | {"spec": {"ttlSecondsAfterFinished": 0}}, stays | {"spec": {}}, cron)

    [finding] = made_again(found.objects)

    assert (finding.rule, finding.severity) == ("job-again", Severity.WARNING)
    assert finding.message.startswith("job/gone is removed once it has ended")
