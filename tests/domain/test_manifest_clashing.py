"""Ports of a live object that have the name of another one that is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_cli.domain.manifests.clashing import Clash, clashes, conflicts, settled
from gitops_cli.domain.manifests.report import Conflict

KEY = 'k:{"containerPort":81,"protocol":"TCP"}'
OWNED = {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:ports": {KEY: {".": {}}}}}}}
EDITED = [{"manager": "other", "fieldsV1": {"f:spec": {}}}, {"manager": "edit", "fieldsV1": OWNED}]


def pod(*ports: Any, managed: Any = None) -> dict[str, Any]:
    made = {"spec": {"containers": [{"name": "side"}, {"name": "web", "ports": list(ports)}]}}
    return made if managed is None else {**made, "metadata": {"managedFields": managed}}


def service(*ports: Any) -> dict[str, Any]:
    return {"spec": {"ports": list(ports)}}


def test_a_port_of_our_name_and_another_number_is_who_changed_its() -> None:
    live = pod({"name": "http", "containerPort": 81, "protocol": "TCP"}, managed=EDITED)
    wanted = pod({"name": "http", "containerPort": 80})

    [clash] = clashes(live, wanted)

    field = '.spec.containers[name="web"].ports[containerPort=81,protocol="TCP"]'
    port = {"name": "http", "containerPort": 80, "protocol": "TCP"}
    assert clash == Clash("/spec/containers/1/ports/0", port, "edit", field)
    assert clash.operation == {"op": "replace", "path": clash.pointer, "value": port}
    assert conflicts([clash]) == (Conflict("edit", (field,)),)
    assert settled(live, [clash])["spec"] == pod(port)["spec"]
    assert live["spec"]["containers"][1]["ports"][0]["containerPort"] == 81, "it is a copy"


@pytest.mark.parametrize("managed", [None, 7, [7], [{"fieldsV1": 7}], [{"manager": "a"}]])
def test_nobody_is_named_where_nobody_is_known(managed: Any) -> None:
    live = {**service({"name": "a", "port": 1}), "metadata": {"managedFields": managed}}
    [clash] = clashes(live, service({"name": "a", "port": 2}))
    assert clash.manager == "somebody"


@pytest.mark.parametrize(
    ("port", "wanted", "target"),
    [
        ({"port": 80, "targetPort": 80}, {"port": 90}, None),
        ({"port": 80, "targetPort": "web"}, {"port": 90}, "web"),
        ({"port": 81, "targetPort": 80}, {"port": 80}, 80),
        ({"port": 80, "targetPort": 80}, {"port": 90, "targetPort": 1}, 1),
    ],
)
def test_where_a_port_leads(port: Any, wanted: Any, target: Any) -> None:
    [clash] = clashes(service({"name": "a", **port}), service({"name": "a", **wanted}))
    assert clash.wanted.get("targetPort") == target


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        (service({"name": "a", "port": 1}), service({"name": "a", "port": 1})),
        (service({"name": "a", "port": 1}), service({"name": "b", "port": 2})),
        (service({"name": "a", "port": 1, "protocol": "TCP"}), service({"name": "a", "port": 1})),
        (service({"name": "a", "port": 1}), service({"name": "b", "port": 1})),
        (service({"port": 1}), service({"port": 2})),
        (service({"name": "a"}), service({"name": "a", "port": 2})),
        (service("x"), service("y")),
        ({"spec": {"ports": 7}}, service({"name": "a", "port": 1})),
        (service({"name": "a", "port": 1}), {"spec": {"ports": 7}}),
        ({"spec": 7}, service()),
        ({"a/b": {"ports": [{"name": "a", "port": 1}]}}, {"a/b": service({"name": "a"})}),
        (pod({"name": "a", "containerPort": 1}), {"spec": {"containers": [{"name": "x"}, 7]}}),
    ],
)
def test_what_is_no_clash(live: Any, wanted: Any) -> None:
    assert clashes(live, wanted) == []
