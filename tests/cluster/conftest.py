"""Connections of the adapter to the real API server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from gitops_cli.cluster.connection import KubernetesCluster, connect
from tests.cluster.tunnel import Tunnel
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import ApiProxy
from tests.testbed.kube import Kube
from tests.testbed.manifests import deployment


@pytest.fixture(autouse=True)
def direct(without_proxy: None) -> None:
    """Reach the servers of these tests directly."""


class Connected(Protocol):
    """Connects by a kubeconfig; `timeout` is for all requests together."""

    def __call__(self, kubeconfig: Path, *, timeout: float | None = None) -> KubernetesCluster: ...


@pytest.fixture
def connected() -> Iterator[Connected]:
    """Return what connects by a kubeconfig, and closes in the end."""
    opened: list[KubernetesCluster] = []

    def open_one(kubeconfig: Path, *, timeout: float | None = None) -> KubernetesCluster:
        deadline = None if timeout is None else time.monotonic() + timeout
        opened.append(connect(kubeconfig=kubeconfig, deadline=deadline))
        return opened[-1]

    yield open_one
    for cluster in opened:
        cluster.close()


@pytest.fixture(params=["the short way", "the long way"])
def way(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Yield what a cluster of a kubeconfig has to be reached directly, and by the package."""
    if request.param == "the short way":
        yield {}
        return
    with Tunnel() as tunnel:
        yield {"proxy-url": tunnel.url}


@pytest.fixture
def cluster(control_plane: ControlPlane, connected: Connected) -> KubernetesCluster:
    """Return an administrator's connection."""
    return connected(control_plane.kubeconfig)


@pytest.fixture
def proxied(api_proxy: ApiProxy, connected: Connected) -> KubernetesCluster:
    """Return an administrator's connection through the proxy."""
    return connected(api_proxy.kubeconfig)


@pytest.fixture
def web(kube: Kube, namespace: str) -> str:
    """Return a namespace in which the Deployment `web` has rolled out."""
    kube.create(deployment("web", "r/web:1"), namespace)
    kube.wait_rolled_out("Deployment", namespace, "web")
    return namespace
