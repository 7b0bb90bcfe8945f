"""The adapter for objects of any kind, beside what the real API server says of itself."""

from __future__ import annotations

from typing import Any

from gitops_cli.cluster.connection import connect
from gitops_cli.domain.manifests.kinds import BUILT_IN
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kube import Kube

# Served by no API server of these tests, or by none that was asked for them.
_NOT_HERE: set[tuple[str, str]] = set()


def test_the_kinds_that_are_never_asked_for_are_what_the_server_says(
    control_plane: ControlPlane, kube: Kube
) -> None:
    served: dict[tuple[str, str], Any] = {}
    for path in ("/api", "/apis"):
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        for group in kube.request("GET", path, accept=accept)["items"]:
            for version in group["versions"]:
                for one in version["resources"]:
                    kind = (group["metadata"].get("name", ""), one["responseKind"]["kind"])
                    served.setdefault(kind, (one["resource"], one["scope"] == "Namespaced"))

    wrong = {kind: (tuple(scope), served.get(kind)) for kind, scope in BUILT_IN.items()}
    assert not {k: v for k, v in wrong.items() if v[0] != v[1] and k not in _NOT_HERE}


def test_a_kind_that_the_server_has_not_is_not_told(control_plane: ControlPlane) -> None:
    cluster = connect(kubeconfig=control_plane.kubeconfig)
    try:
        store = cluster.manifests()
        known = store.scopes([("example.com", "Nothing"), ("events.k8s.io", "Event")])
        assert known == {("events.k8s.io", "Event"): True}
    finally:
        cluster.close()
