"""A connection that is begun before there is anything to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.domain.cluster.workload import Target
from gitops_cli.domain.errors import ClusterUnreachable, TimedOut
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.conftest import Connected
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import ApiProxy
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.patience import PATIENCE, eventually
from tests.testbed.tcp import TcpProxy


def look(cluster: KubernetesCluster, namespace: str) -> None:
    """Make one LIST; raises what kept it."""
    target = Target(EnvironmentName(namespace), frozenset({Kind.DEPLOYMENT}), pods=False)
    [found] = cluster.observe([target]).values()
    for error in found.errors.values():
        raise error


@pytest.fixture
def through(
    control_plane: ControlPlane, tcp_proxy: TcpProxy, admin_token: str, tmp_path: Path
) -> Path:
    """Return a kubeconfig that leads through the TCP proxy."""
    ca, file = control_plane.ca_file, tmp_path / "kubeconfig"
    return write_kubeconfig(file, url=tcp_proxy.url, ca_file=ca, token=admin_token)


@pytest.fixture
def through_tcp(through: Path, connected: Connected) -> KubernetesCluster:
    """Return a connection through the TCP proxy."""
    return connected(through, timeout=PATIENCE)


@pytest.fixture
def in_a_hurry(through: Path, connected: Connected) -> KubernetesCluster:
    """Return the same, with 3 seconds for everything."""
    return connected(through, timeout=3.0)


def test_it_asks_nothing_and_is_the_one_that_is_used(
    api_proxy: ApiProxy, connected: Connected, namespace: str
) -> None:
    cluster = connected(api_proxy.kubeconfig)
    cluster.open()
    eventually(lambda: api_proxy.connections == 1)
    assert not api_proxy.seen()
    look(cluster, namespace)
    look(cluster, namespace)
    assert (api_proxy.connections, len(api_proxy.seen())) == (1, 2)


def test_the_first_request_waits_for_it(
    through_tcp: KubernetesCluster, tcp_proxy: TcpProxy, namespace: str
) -> None:
    tcp_proxy.rtt = 0.2
    through_tcp.open()
    look(through_tcp, namespace)
    assert tcp_proxy.connections == 1


def test_one_that_the_server_closed_meanwhile_is_replaced(
    through_tcp: KubernetesCluster, tcp_proxy: TcpProxy, namespace: str
) -> None:
    through_tcp.open()
    eventually(lambda: tcp_proxy.turns >= 3)
    tcp_proxy.cut()
    look(through_tcp, namespace)
    assert tcp_proxy.connections == 2


def test_one_that_fails_is_tried_again(
    through_tcp: KubernetesCluster, tcp_proxy: TcpProxy, namespace: str
) -> None:
    tcp_proxy.refuse()
    through_tcp.open()
    tcp_proxy.listen()
    look(through_tcp, namespace)


def test_one_that_fails_for_good_is_the_requests_failure(
    through_tcp: KubernetesCluster, tcp_proxy: TcpProxy, namespace: str
) -> None:
    tcp_proxy.refuse()
    through_tcp.open()
    with pytest.raises(ClusterUnreachable, match=f"list deployments.apps in {namespace}: .*refus"):
        look(through_tcp, namespace)


def test_one_that_hangs_holds_nobody_past_the_time_out(
    in_a_hurry: KubernetesCluster, tcp_proxy: TcpProxy, namespace: str
) -> None:
    tcp_proxy.hang = True
    in_a_hurry.open()
    with pytest.raises(TimedOut, match="no answer in time"):
        look(in_a_hurry, namespace)


@pytest.mark.parametrize("hang", [False, True])
def test_one_that_nobody_needed_is_closed(
    in_a_hurry: KubernetesCluster, tcp_proxy: TcpProxy, hang: bool
) -> None:
    tcp_proxy.hang = hang
    in_a_hurry.open()
    eventually(lambda: tcp_proxy.connections == 1)
    in_a_hurry.close()
    tcp_proxy.hang = False
    in_a_hurry.open()
    in_a_hurry.close()
