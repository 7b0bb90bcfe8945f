"""What becomes of fields that left the repository, where people's tools have them as well."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.manifests.dropping import (
    dropped,
    released,
    with_dropped,
    without_released,
)

LEAF: dict[str, Any] = {}
FIELDS = {"f:data": {"f:a": LEAF, "f:b": LEAF}}
WEB = 'k:{"name":"web"}'
PORT = 'k:{"containerPort":80,"protocol":"TCP"}'


def entry(
    fields: Any,
    manager: str = "kubectl-client-side-apply",
    operation: str = "Update",
    sub: str = "",
) -> dict[str, Any]:
    made = {"manager": manager, "operation": operation, "fieldsV1": fields}
    return made | ({"subresource": sub} if sub else {})


def live(*others: Any, ours: Any = FIELDS, **content: Any) -> dict[str, Any]:
    managed = [*others, entry(ours, "gitops", "Apply")]
    return {"metadata": {"name": "web", "managedFields": managed}, **content}


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(items)}}


OF_WEB = {
    ".": LEAF,
    "f:name": LEAF,
    "f:ports": {PORT: {".": LEAF, "f:containerPort": LEAF}},
    "f:args": {'v:"a"': LEAF, 'v:"b"': LEAF},
}
OF_CONTAINERS = {"f:spec": {"f:containers": {WEB: OF_WEB}}}
IN_SPEC = {"f:spec": {"f:containers": {WEB: {"f:args": {'v:"b"': LEAF}}}}}


@pytest.mark.parametrize(
    ("ours", "content", "gone"),
    [
        (FIELDS, {"data": {"a": "1", "b": "2"}}, {}),
        (FIELDS, {"data": {"a": "1", "c": "3"}}, {"f:data": {"f:b": LEAF}}),
        (FIELDS, {}, FIELDS),
        (FIELDS, {"data": "text"}, FIELDS),
        (OF_CONTAINERS, containers({"name": "web", "ports": [{"containerPort": 80}],
                                    "args": ["a"]}), IN_SPEC),
        (OF_CONTAINERS, containers({"name": "else"}), OF_CONTAINERS),
        ({"f:x": {"i:0": LEAF}}, {"x": [1]}, {"f:x": {"i:0": LEAF}}),
    ],
)  # fmt: skip
def test_what_we_applied_and_the_content_has_no_more(ours: Any, content: Any, gone: Any) -> None:
    assert dropped(live(ours=ours), content) == gone


NEVER: list[dict[str, Any]] = [
    {},
    {"metadata": None},
    {"metadata": {"managedFields": 7}},
    {"metadata": {"managedFields": [7, {"fieldsV1": None}]}},
]


@pytest.mark.parametrize("before", NEVER)
def test_what_we_never_applied_did_not_leave(before: Any) -> None:
    assert dropped(before, {}) == {}
    assert released(before, FIELDS) is None
    assert without_released({"data": {}}, before, FIELDS) == {"data": {}}


GONE = {"f:data": {"f:b": LEAF}}


@pytest.mark.parametrize("tool", ["kubectl-client-side-apply", "kubectl-edit", "helm", "gitops",
                                  "before-first-apply"])  # fmt: skip
def test_a_persons_tool_lets_go_of_it_and_of_nothing_else(tool: str) -> None:
    controller = entry({"f:status": LEAF}, "controller")
    held = entry({"f:data": {".": LEAF, "f:b": LEAF, "f:c": LEAF}}, tool)
    before = live(controller, held)

    managers = released(before, GONE)

    left = held | {"fieldsV1": {"f:data": {".": LEAF, "f:c": LEAF}}}
    assert managers == [controller, left, before["metadata"]["managedFields"][2]]


def test_a_tool_that_has_nothing_left_is_no_manager_any_more() -> None:
    before = live(entry({"f:data": {".": LEAF, "f:b": LEAF}}))
    assert released(before, GONE) == before["metadata"]["managedFields"][1:]


@pytest.mark.parametrize(
    "other",
    [
        entry(FIELDS, "kubectl", "Apply"),
        entry(FIELDS, "operator"),
        entry(FIELDS, "kubectl", sub="scale"),
        entry({"f:data": {"f:a": LEAF}}),
    ],
)
def test_who_declares_a_field_or_comes_again_keeps_it(other: Any) -> None:
    before = live(other)
    assert released(before, GONE) is None
    result = {"data": {"b": "2"}}
    assert without_released(result, before, GONE) == result


def test_what_another_has_as_well_stays_whoever_lets_go() -> None:
    before = live(entry(FIELDS), entry(GONE, "operator"))
    result = {"data": {"a": "1", "b": "2"}}
    assert without_released(result, before, FIELDS) == {"data": {"b": "2"}}


@pytest.mark.parametrize(
    ("fields", "result", "left"),
    [
        (GONE, {"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}),
        (FIELDS, {"kind": "x", "data": {"a": "1", "b": "2"}}, {"kind": "x"}),
        (FIELDS, {"kind": "x"}, {"kind": "x"}),
        (OF_CONTAINERS, containers({"name": "side"}, {"name": "web", "tty": False}),
         containers({"name": "side"})),
        (IN_SPEC, containers({"name": "web", "args": ["a", "b"]}),
         containers({"name": "web", "args": ["a"]})),
        ({"f:spec": LEAF}, {"kind": "x", "spec": {"a": 1}}, {"kind": "x"}),
    ],
)  # fmt: skip
def test_a_dry_run_shows_what_goes_once_a_tool_lets_go(fields: Any, result: Any, left: Any) -> None:
    assert without_released(result, live(entry(fields), ours=fields), fields) == left


def test_a_field_that_falls_back_to_a_default_is_looked_at() -> None:
    before = {"spec": {"replicas": 3, "paused": True}}
    fields = {"f:spec": {"f:replicas": LEAF, "f:gone": LEAF}}
    assert with_dropped({"spec": {"a": 1}}, before, fields) == {"spec": {"a": 1, "replicas": 3}}
    assert with_dropped({}, before, {}) == {}


def test_items_that_left_are_looked_at_beside_those_that_stay() -> None:
    web = {"name": "web", "args": ["a", "b"]}
    side = {"name": "side"}
    before = containers(web, side)
    fields = {
        "f:spec": {"f:containers": {WEB: {"f:args": {'v:"b"': LEAF}}, 'k:{"name":"side"}': {}}}
    }

    assert with_dropped(containers({"name": "web", "args": ["a"]}), before, fields) == before
    gone: dict[str, Any] = {"f:spec": {"f:containers": {'k:{"name":"no"}': {}}}}
    assert with_dropped(containers(web), before, gone) == containers(web)
    assert with_dropped({"spec": "text"}, before, fields) == {"spec": "text"}
