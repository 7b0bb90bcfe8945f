"""What a chart makes otherwise each time."""

from __future__ import annotations

from typing import Any

from gitops_cli.domain.manifests.objects import Sourced, parse_objects
from gitops_cli.domain.manifests.rendered import Form, Rendered
from gitops_cli.domain.manifests.steadiness import unsteady
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.findings import Severity

SHOP = EnvironmentName("shop-dev")


def chart(*objects: tuple[str, str, dict[str, Any]]) -> Rendered:
    made = [
        Sourced(
            "Chart.yaml", 1, {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}
        )
        for kind, name, more in objects
    ]
    return Rendered(SHOP, "chart", Form.HELM, parse_objects(made, SHOP).objects)


def test_an_object_that_is_another_one_is_told_by_its_fields_and_not_by_values() -> None:
    secret = {"data": {"password": "b25l", "user": "eA=="}}
    first = chart(("Secret", "db", secret), ("ConfigMap", "a", {"data": {"a": "1"}}))
    again = chart(
        ("Secret", "db", {"data": {**secret["data"], "password": "dHdv"}}),
        ("ConfigMap", "a", {"data": {"a": "1"}}),
    )

    [finding] = unsteady(first, again)

    assert finding.message == "secret/db is rendered otherwise each time: data.password"
    assert (finding.rule, finding.severity) == ("unsteady", Severity.WARNING)
    assert not list(unsteady(first, first))


def test_an_object_whose_name_changes_is_nobodys_second() -> None:
    assert not list(unsteady(chart(("ConfigMap", "a1", {})), chart(("ConfigMap", "a2", {}))))
