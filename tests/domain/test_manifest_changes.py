"""What an apply changes of an object, as JSON patches and as whole objects."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from gitops_cli.domain.manifests.changes import ObjectChange, bare, change, made, redacted

CONFIG, SECRET = ("", "ConfigMap"), ("", "Secret")


def op(name: str, path: str, *value: Any) -> dict[str, Any]:
    return {"op": name, "path": path} | ({"value": value[0]} if value else {})


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        (None, {"a": 1}, [op("add", "", {"a": 1})]),
        ({"a": 1}, None, [op("remove", "")]),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [op("replace", "/a", 2)]),
        ({"a": 1}, {}, [op("remove", "/a")]),
        ({}, {"a": None}, [op("add", "/a", None)]),
        (
            {"b": 1, "a": 1, "c": 1},
            {"d": 4, "c": 3, "a": 1},
            [op("remove", "/b"), op("replace", "/c", 3), op("add", "/d", 4)],
        ),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [op("replace", "/a/b/c", 2)]),
        ({"a": {}}, {"a": []}, [op("replace", "/a", [])]),
        ({"a": []}, {"a": {}}, [op("replace", "/a", {})]),
        ({"a": {"b": 1}}, {"a": "x"}, [op("replace", "/a", "x")]),
        ({"a": [1]}, {"a": "x"}, [op("replace", "/a", "x")]),
        ({"a": "x"}, {"a": [1]}, [op("replace", "/a", [1])]),
        ({"a": "x"}, {"a": {"b": 1}}, [op("replace", "/a", {"b": 1})]),
        ({"a/b~c/~1": 1}, {"a/b~c/~1": 2}, [op("replace", "/a~1b~0c~1~01", 2)]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [op("replace", "/a/1", 3)]),
        (
            {"a": [1, 2, 3]},
            {"a": [4]},
            [op("replace", "/a/0", 4), op("remove", "/a/2"), op("remove", "/a/1")],
        ),
        ({"a": [1]}, {"a": []}, [op("remove", "/a/0")]),
        ({"a": [1]}, {"a": [1, 2, 3]}, [op("add", "/a/-", 2), op("add", "/a/-", 3)]),
        ({"a": []}, {"a": [{"b": 1}]}, [op("add", "/a/-", {"b": 1})]),
        ({"a": [{"b": 1, "c": 1}]}, {"a": [{"b": 2, "c": 1}]}, [op("replace", "/a/0/b", 2)]),
    ],
)
def test_operations_lead_from_one_to_the_other(
    before: Any, after: Any, operations: list[dict[str, Any]]
) -> None:
    one = ObjectChange(before, after)
    assert one.operations() == operations
    assert one.is_empty == (not operations)


def spec(value: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": value}


NAMED = [{"name": "a", "v": 1}, {"name": "b", "v": 1}]


@pytest.mark.parametrize(
    ("live", "result", "wanted", "after"),
    [
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}, id="what is wanted"),
        pytest.param({"a": 1}, {"a": 2}, {}, {"a": 1}, id="what is not"),
        pytest.param({"a": 1}, {"a": "2"}, {"a": 2}, {"a": "2"}, id="as the server writes it"),
        pytest.param({}, {"a": 1, "b": 2}, {"a": 1}, {"a": 1}, id="added"),
        pytest.param({"a": 1, "b": 2}, {"b": 2}, {"b": 2}, {"b": 2}, id="removed"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": 7}, {"a": {"b": 1}}, id="other"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, {}, {"a": {"b": 1}}, id="nothing of it"),
        pytest.param({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}, {"a": [1]}, id="mapping to list"),
        pytest.param({"a": [1]}, {"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}, id="list to mapping"),
        pytest.param({"a": [1]}, {"a": {"b": 1}}, {}, {"a": [1]}, id="list stays"),
        pytest.param(
            {}, {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="added without more"
        ),
        pytest.param(
            {},
            {"a": [{"b": 1, "c": 1}, {"d": 1}]},
            {"a": [{"b": 1}, {"d": 1}]},
            {"a": [{"b": 1}, {"d": 1}]},
            id="added lists without more",
        ),
        pytest.param(
            {},
            {"a": [{"b": 1, "c": 1}, {"d": 1}]},
            {"a": [{"b": 1}]},
            {"a": [{"b": 1, "c": 1}, {"d": 1}]},
            id="added lists of another length",
        ),
        pytest.param({}, {"a": {"b": 1}}, {"a": 1}, {"a": {"b": 1}}, id="added as another type"),
        pytest.param({}, {"a": [1]}, {"a": 1}, {"a": [1]}, id="added list as another type"),
        pytest.param({"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 3]}, {"a": [1, 3]}, id="plain items"),
        pytest.param({"a": [1, 2]}, {"a": [1, 3]}, {}, {"a": [1, 2]}, id="plain items, not ours"),
        pytest.param(
            {"a": NAMED},
            {"a": [{"name": "a", "v": 2, "w": 1}, {"name": "b", "v": 2}, {"name": "c"}]},
            {"a": [{"name": "a", "v": 2}]},
            {"a": [{"name": "a", "v": 2}, {"name": "b", "v": 1}]},
            id="items by name",
        ),
        pytest.param(
            {"a": NAMED},
            {"a": [{"name": "b", "v": 1}, {"name": "a", "v": 1}]},
            {"a": [{"name": "b"}, {"name": "a"}]},
            {"a": [{"name": "b", "v": 1}, {"name": "a", "v": 1}]},
            id="our order",
        ),
        pytest.param(
            {"a": NAMED},
            {"a": [{"name": "b", "v": 1}, {"name": "a", "v": 1}]},
            {},
            {"a": NAMED},
            id="an order that is not ours",
        ),
        pytest.param(
            {"a": NAMED},
            {"a": [{"name": "c", "x": 1, "y": 1}, {"name": "b", "v": 1}]},
            {"a": [{"name": "c", "x": 1}]},
            {"a": [{"name": "b", "v": 1}, {"name": "c", "x": 1}]},
            id="an item goes and one comes",
        ),
        pytest.param(
            {"a": NAMED}, {"a": [{"name": "b", "v": 2}]}, {"a": "x"}, {"a": [NAMED[1]]}, id="text"
        ),
        pytest.param(
            {"a": [{"name": "a"}, {"name": "a", "v": 1}]},
            {"a": [{"name": "a"}, {"name": "a", "v": 2}]},
            {"a": [{"name": "a"}, {"name": "a", "v": 3}]},
            {"a": [{"name": "a"}, {"name": "a", "v": 2}]},
            id="one name twice",
        ),
        pytest.param(
            {"a": [{"name": "a"}, 1]},
            {"a": [{"name": "a", "v": 2}, 1]},
            {"a": [{"name": "a"}, 1]},
            {"a": [{"name": "a", "v": 2}, 1]},
            id="not all have a name",
        ),
    ],
)
def test_a_change_is_of_what_is_wanted(live: Any, result: Any, wanted: Any, after: Any) -> None:
    given = copy.deepcopy((spec(live), spec(result), spec(wanted)))
    assert change(CONFIG, *given) == ObjectChange(spec(live), spec(after))
    assert given == (spec(live), spec(result), spec(wanted)), "nothing of the old is changed"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"containerPort": 1, "protocol": "TCP"}, {"containerPort": 1, "protocol": "UDP"}),
        ({"containerPort": 1}, {"containerPort": 2}),
        ({"port": 1, "protocol": "TCP"}, {"port": 1, "protocol": "UDP"}),
        ({"mountPath": "/a"}, {"mountPath": "/b"}),
        ({"devicePath": "/a"}, {"devicePath": "/b"}),
        (
            {"topologyKey": "a", "whenUnsatisfiable": "x"},
            {"topologyKey": "a", "whenUnsatisfiable": "y"},
        ),
        ({"type": "a"}, {"type": "b"}),
        ({"ip": "1"}, {"ip": "2"}),
        ({"uid": "1"}, {"uid": "2"}),
    ],
)
def test_by_what_items_are_told_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    live, result = [one | {"v": 1}, other | {"v": 1}], [one | {"v": 2}, other | {"v": 2}]
    found = change(CONFIG, spec(live), spec(result), spec([other | {"v": 2}]))
    assert found.after == spec([one | {"v": 1}, other | {"v": 2}])


def test_an_object_is_shown_without_what_is_noted_on_it() -> None:
    noted = dict.fromkeys(
        [
            "kubernetes.io/change-cause",
            "gitops-cli/commit",
            "gitops-cli/commit-time",
            "gitops-cli/actor",
            "gitops-cli/version",
            "gitops-cli/applied",
            "deployment.kubernetes.io/revision",
            "deprecated.daemonset.template.generation",
            "kubectl.kubernetes.io/last-applied-configuration",
        ],
        "x",
    )
    part = {"applyset.kubernetes.io/part-of": "x"}
    metadata = {
        "uid": "u",
        "ownerReferences": [1],
        "finalizers": ["f"],
        "annotations": {"a": "1", **noted},
        "labels": {"b": "1", **part},
        "namespace": "shop",
        "name": "a",
    }
    given = {"spec": 1, "status": 2, "kind": "A", "metadata": metadata, "apiVersion": "v1"}
    shown = bare(given)
    assert shown == {
        "apiVersion": "v1",
        "kind": "A",
        "metadata": {
            "name": "a",
            "namespace": "shop",
            "finalizers": ["f"],
            "ownerReferences": [1],
            "annotations": {"a": "1"},
            "labels": {"b": "1"},
        },
        "spec": 1,
    }
    assert list(shown) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(shown["metadata"])[:2] == ["name", "namespace"]
    only = {"metadata": {"annotations": noted, "labels": part}}
    assert bare(only) == {"metadata": {}}
    assert bare({"metadata": {"annotations": None, "labels": part | noted}}) == {
        "metadata": {"labels": noted}
    }
    assert bare({"metadata": {"annotations": part}}) == {"metadata": {"annotations": part}}
    assert bare({"metadata": None}) == bare({}) == {"metadata": {}}


def test_what_is_made_has_nothing_before() -> None:
    assert made(CONFIG, spec(1) | {"status": 2, "data": {"a": "b"}}) == ObjectChange(
        None, spec(1) | {"data": {"a": "b"}}
    )
    found = made(SECRET, spec(1) | {"data": {"a": "b"}})
    assert found.before is None
    assert found.after is not None
    assert found.after == spec(1) | {"data": {"a": found.after["data"]["a"]}}
    assert re.fullmatch("hidden:[0-9a-f]{12}", found.after["data"]["a"])


def test_a_secrets_change_is_one_of_digests() -> None:
    old, new = spec(1) | {"data": {"a": "b", "s": "s"}}, spec(1) | {"data": {"a": "c", "s": "s"}}
    found = change(SECRET, old, new, new)
    assert found == ObjectChange(redacted(old), redacted(new))
    [one] = found.operations()
    assert one == op("replace", "/data/a", redacted(new)["data"]["a"])
    assert change(CONFIG, old, new, new) == ObjectChange(old, new)
    assert change(("x", "Secret"), old, new, new) == ObjectChange(old, new)


def digest(value: Any, key: str = "k", part: str = "data", **metadata: Any) -> str:
    hidden = redacted({"metadata": metadata, part: {key: value}})
    assert hidden == {"metadata": metadata, part: {key: hidden[part][key]}}
    found: str = hidden[part][key]
    assert re.fullmatch("hidden:[0-9a-f]{12}", found)
    return found


def test_digests_tell_values_and_places_apart() -> None:
    place = {"namespace": "n", "name": "a"}
    assert digest("v", **place) == digest("v", part="stringData", **place)
    others = [
        digest("w", **place),
        digest("v", "l", **place),
        digest("v", namespace="o", name="a"),
        digest("v", namespace="n", name="b"),
        digest("v", namespace="n"),
        digest("v", name="a"),
        digest("\ud800", **place),
    ]
    assert len({digest("v", **place), *others}) == 8
    assert digest(1, **place) == digest("1", **place)


def test_what_of_a_secret_is_no_table_stays() -> None:
    given = {"metadata": None, "data": ["x"], "stringData": None, "type": "Opaque"}
    assert redacted(given) == given
    both = {"data": {"a": "v"}, "stringData": {"a": "v"}}
    hidden = redacted(both)
    assert hidden["data"] == hidden["stringData"] != {"a": "v"}
    assert both == {"data": {"a": "v"}, "stringData": {"a": "v"}}
