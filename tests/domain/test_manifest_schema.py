"""Fields of objects, held against what Kubernetes says of them."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.manifests.objects import Manifest, ObjectId
from gitops_cli.domain.manifests.schema import Fault, Schema, faults
from gitops_cli.domain.recorded.findings import Severity

TYPES: list[Any] = [
    {"f": {"spec": 1, "kind": "s", "data": ["m", "s"]}},
    {
        "f": {
            "text": "s",
            "count": "i",
            "share": "n",
            "on": "b",
            "port": "is",
            "memory": "q",
            "free": "*",
            "names": ["a", "s"],
            "labels": ["m", "s"],
            "policy": ["e", ["Always", "Never"]],
            "items": ["a", 2],
            "one": 2,
        }
    },
    {"f": {"name": "s", "value": "s"}, "r": ["name", "value"]},
]
KINDS = {
    "apps/v1 Deployment": 0,
    "v1 Secret": 0,
    "batch/v1 Job": 0,
    "batch/v2 Job": 0,
    "batch/v1 CronJob": 0,
    "v1 CronJob": 0,
    "v1 Deployment": 0,
}
SCHEMA = Schema("1.34", KINDS, TYPES)


def manifest(
    content: dict[str, Any],
    *,
    kind: tuple[str, str] = ("apps", "Deployment"),
    version: str = "apps/v1",
    closed: bool = False,
) -> Manifest:
    of = ObjectId(*kind, "shop", "web")
    return Manifest(of, version, content, "shop/web.yaml", 1, closed=closed)


def found(spec: Any) -> list[Fault]:
    return list(faults(manifest({"spec": spec}), SCHEMA))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", None),
        ("count", 0),
        ("share", 1),
        ("share", 0.5),
        ("on", True),
        ("on", False),
        ("port", 80),
        ("port", "http"),
        ("memory", 1),
        ("memory", 0.5),
        ("memory", "1Gi"),
        ("free", {"what": ["ever"]}),
        ("names", []),
        ("names", ["a", None]),
        ("labels", {}),
        ("labels", {"a": "b", "c": None}),
        ("policy", "Never"),
        ("one", {"name": "a", "value": ""}),
        ("items", [{"name": "a", "value": "b"}, None]),
    ],
)
def test_what_is_of_its_type_is_no_fault(field: str, value: Any) -> None:
    assert found({field: value}) == []


TEXT, QUOTES = "text", "put it in quotes"
QUANTITY = "a quantity, such as 500m or 1Gi"


@pytest.mark.parametrize(
    ("field", "value", "shown", "wanted", "hint"),
    [
        ("text", 1, "`1`", TEXT, QUOTES),
        ("text", 1.5, "`1.5`", TEXT, QUOTES),
        ("text", True, "`true`", TEXT, QUOTES),
        ("text", False, "`false`", TEXT, QUOTES),
        ("text", {}, "a mapping", TEXT, None),
        ("text", [], "a list", TEXT, None),
        ("count", "1", "`1`", "an integer", None),
        ("count", 1.5, "`1.5`", "an integer", None),
        ("count", True, "`true`", "an integer", None),
        ("share", "1", "`1`", "a number", None),
        ("share", False, "`false`", "a number", None),
        ("on", "true", "`true`", "true or false", None),
        ("on", 1, "`1`", "true or false", None),
        ("port", 1.5, "`1.5`", "an integer or text", None),
        ("port", True, "`true`", "an integer or text", None),
        ("memory", True, "`true`", QUANTITY, None),
        ("memory", [], "a list", QUANTITY, None),
        ("names", "a", "`a`", "a list", None),
        ("names", 1, "`1`", "a list", None),
        ("names", {}, "a mapping", "a list", None),
        ("labels", "a", "`a`", "a mapping", None),
        ("labels", [], "a list", "a mapping", None),
        ("policy", 1, "`1`", TEXT, QUOTES),
        ("policy", [], "a list", TEXT, None),
        ("one", [], "a list", "a mapping", None),
        ("one", "a\nb", "`a b`", "a mapping", None),
        ("count", "x" * 61, f"`{'x' * 60}`", "an integer", None),
    ],
)
def test_what_is_of_another_type_is_a_fault(
    field: str, value: Any, shown: str, wanted: str, hint: str | None
) -> None:
    said = f"{shown} stands where {wanted} belongs"
    assert found({field: value}) == [Fault(("spec", field), said, hint, Severity.ERROR)]


def test_faults_inside_of_lists_and_mappings_have_their_place() -> None:
    assert found({"names": ["a", 1], "labels": {"x": 1}, "items": [{"name": "a", "value": 7}]}) == [
        Fault(("spec", "names", 1), "`1` stands where text belongs", QUOTES),
        Fault(("spec", "labels", "x"), "`1` stands where text belongs", QUOTES),
        Fault(("spec", "items", 0, "value"), "`7` stands where text belongs", QUOTES),
    ]


def test_one_of_some_texts() -> None:
    assert found({"policy": "Nevr"}) == [
        Fault(("spec", "policy"), "`Nevr` is nothing that it may be", "did you mean `Never`?")
    ]
    assert found({"policy": "xyz"}) == [
        Fault(
            ("spec", "policy"),
            "`xyz` is nothing that it may be",
            "what it may be: Always, Never",
        )
    ]


def test_a_field_that_is_none_and_one_that_is_missing() -> None:
    assert found({"one": {"nam": "a", "value": "b", "zzzzz": 1}, "txt": 1}) == [
        Fault(("spec", "one", "nam"), "Kubernetes 1.34 has no such field", "did you mean `name`?"),
        Fault(("spec", "one", "zzzzz"), "Kubernetes 1.34 has no such field"),
        Fault(("spec", "one"), "`name` is missing"),
        Fault(("spec", "txt"), "Kubernetes 1.34 has no such field", "did you mean `text`?"),
    ]
    assert found({"one": {"name": None}}) == [
        Fault(("spec", "one"), "`name` is missing"),
        Fault(("spec", "one"), "`value` is missing"),
    ]


@pytest.mark.parametrize(("wrong", "told"), [(19, 19), (20, 20), (21, 20)])
def test_of_many_faults_the_first_twenty_are_told(wrong: int, told: int) -> None:
    assert found({"names": [1] * wrong}) == [
        Fault(("spec", "names", n), "`1` stands where text belongs", QUOTES) for n in range(told)
    ]


def test_values_of_secrets_are_not_shown() -> None:
    content = {"data": {"a": 1234, "b": True, "c": [], "d": {}}, "spec": {"policy": "hush"}}
    secret = manifest(content, kind=("", "Secret"), version="v1")
    assert list(faults(secret, SCHEMA)) == [
        Fault(("data", "a"), "a value stands where text belongs", QUOTES),
        Fault(("data", "b"), "a value stands where text belongs", QUOTES),
        Fault(("data", "c"), "a list stands where text belongs"),
        Fault(("data", "d"), "a mapping stands where text belongs"),
        Fault(
            ("spec", "policy"),
            "a value is nothing that it may be",
            "what it may be: Always, Never",
        ),
    ]


def test_nothing_is_said_of_what_is_encrypted_or_not_kubernetes_own() -> None:
    wrong = {"spec": {"count": "x"}}
    assert list(faults(manifest(wrong), SCHEMA)) != []
    assert list(faults(manifest(wrong, closed=True), SCHEMA)) == []
    widget = manifest(wrong, kind=("example.com", "Deployment"), version="example.com/v1")
    assert list(faults(widget, SCHEMA)) == []


@pytest.mark.parametrize(
    ("kind", "version", "said"),
    [
        (
            ("batch", "Job"),
            "batch/v1beta1",
            "Kubernetes 1.34 has no batch/v1beta1 of Job: it has batch/v1 and batch/v2",
        ),
        (
            ("batch", "CronJob"),
            "batch/v1beta1",
            "Kubernetes 1.34 has no batch/v1beta1 of CronJob: it has batch/v1",
        ),
        (("", "Secret"), "v2", "Kubernetes 1.34 has no v2 of Secret: it has v1"),
        (
            ("apps", "DaemonSet"),
            "apps/v1",
            "Kubernetes 1.34 has no apps/v1 of DaemonSet: it is gone, or came later",
        ),
    ],
)
def test_a_version_that_the_release_has_not_is_a_warning(
    kind: tuple[str, str], version: str, said: str
) -> None:
    one = manifest({"apiVersion": version, "spec": {"count": "x"}}, kind=kind, version=version)
    assert list(faults(one, SCHEMA)) == [Fault(("apiVersion",), said, None, Severity.WARNING)]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ((), ""),
        (("spec",), "spec"),
        (("spec", "containers", 0, "image"), "spec.containers[0].image"),
        (("a", 1, 2), "a[1][2]"),
        (("metadata", ".x"), "metadata..x"),
        (("a\x1b[1m",), "a\\x1b[1m"),
    ],
)
def test_a_field_is_written_as_kubectl_writes_it(path: tuple[str | int, ...], field: str) -> None:
    assert Fault(path, "m").field == field
    assert Fault(path, "m") == (path, "m", None, Severity.ERROR)
