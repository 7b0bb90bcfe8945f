"""Reading: how many requests, what failures mean, and what is tried again; and rights."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from gitops_cli.cluster import reading
from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.domain.cluster.rights import Right
from gitops_cli.domain.cluster.workload import Presence
from gitops_cli.domain.errors import (
    ClusterError,
    Denied,
    TimedOut,
)
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.cluster.asking import observed, patch_of, read, sent
from tests.cluster.conftest import Connected
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy, Cut, Hang, Trickle
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment, workload
from tests.testbed.patience import HANGING
from tests.testbed.rollouts import install_rollouts
from tests.testbed.tcp import TcpProxy

# --- reading


def test_one_list_per_kind_and_one_for_pods(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    observed(proxied, web, Kind.DEPLOYMENT, Kind.STATEFULSET, pods=True)
    assert sorted(r.path.rpartition("/")[2] for r in api_proxy.seen()) == [
        "deployments",
        "pods",
        "statefulsets",
    ]
    assert {r.method for r in api_proxy.seen()} == {"GET"}


def test_connections_are_kept(proxied: KubernetesCluster, api_proxy: ApiProxy, web: str) -> None:
    for _ in range(5):
        observed(proxied, web)
    assert api_proxy.connections == 1


def test_a_long_list_is_read_in_pieces(
    kube: Kube, cluster: KubernetesCluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c", "d", "e"):
        kube.create(deployment(name, "r/x:1", replicas=0), namespace)
    monkeypatch.setattr(reading, "CHUNK", 2)
    assert [w.name for w in observed(cluster, namespace).workloads] == ["a", "b", "c", "d", "e"]


def test_pieces_that_no_longer_fit_together_are_read_again_as_one(
    kube: Kube,
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("a", "b", "c"):
        kube.create(deployment(name, "r/x:1", replicas=0), namespace)
    monkeypatch.setattr(reading, "CHUNK", 2)
    api_proxy.on(Answer(410), "GET", "continue=")
    assert [w.name for w in observed(proxied, namespace).workloads] == ["a", "b", "c"]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_read(
    kube: Kube, cluster: KubernetesCluster, namespace: str, kind: Kind
) -> None:
    install_rollouts(kube)
    kube.create(workload(kind.value, "web", "r/web:1", init={"wait": "r/x:1"}), namespace)
    found = read(cluster, namespace, kind)
    assert [(c.name, c.image, c.init) for c in found.containers] == [
        ("wait", "r/x:1", True),
        ("web", "r/web:1", False),
    ]
    assert kube.get(kind.value, namespace, "web")["metadata"]["uid"] == found.uid


def test_a_namespace_that_is_not_there(cluster: KubernetesCluster, web: str) -> None:
    assert observed(cluster, "no-such-namespace").workloads == ()
    assert cluster.presence(EnvironmentName("no-such-namespace")) is Presence.ABSENT
    assert cluster.presence(EnvironmentName(web)) is Presence.THERE


# --- faults while reading


def test_patience_that_the_server_asks_for_is_given(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    api_proxy.on(Answer(429, retry_after=1), "GET", "deployments")
    begin = time.monotonic()
    assert observed(proxied, web).workloads
    assert time.monotonic() - begin >= 1
    assert len(api_proxy.seen("GET", "deployments")) == 2


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Cut(), Cut(after=40)])
def test_what_passes_by_itself_is_tried_again(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str, fault: Answer | Cut
) -> None:
    api_proxy.on(fault, "GET", "deployments", times=2)
    assert observed(proxied, web).workloads


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Cut(), Cut(after=40)])
def test_what_does_not_pass_is_told_with_verb_resource_namespace_and_server(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str, fault: Answer | Cut
) -> None:
    api_proxy.on(fault, "GET", "deployments", times=100)
    with pytest.raises(ClusterError, match=f"cannot list deployments.apps in {web}") as raised:
        read(proxied, web)
    assert api_proxy.url in raised.value.message
    assert len(api_proxy.seen("GET", "deployments")) <= 8


def test_nothing_hangs_past_the_time_out(
    api_proxy: ApiProxy, connected: Connected, web: str
) -> None:
    cluster = connected(api_proxy.kubeconfig, timeout=2.0)
    api_proxy.on(Hang(), "GET", "deployments", times=100)
    begin = time.monotonic()
    with pytest.raises(TimedOut, match="no answer in time"):
        read(cluster, web)
    assert time.monotonic() - begin < HANGING


def test_a_body_that_trickles_does_not_hang_past_the_time_out(
    api_proxy: ApiProxy, connected: Connected, web: str, way: dict[str, str]
) -> None:
    content = yaml.safe_load(api_proxy.kubeconfig.read_text())
    content["clusters"][0]["cluster"] |= way
    api_proxy.kubeconfig.write_text(yaml.safe_dump(content))
    cluster = connected(api_proxy.kubeconfig, timeout=2.0)
    api_proxy.on(Trickle(0.2), "GET", "deployments", times=100)
    begin = time.monotonic()
    with pytest.raises(TimedOut, match=r"no answer in time|timed out"):
        read(cluster, web)
    assert time.monotonic() - begin < HANGING


def test_a_short_answer_that_breaks_off_is_asked_for_again(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    """Short ones come with their length, long ones in chunks."""
    api_proxy.on(Cut(after=10), "GET", "statefulsets", times=2)
    seen = observed(proxied, web, Kind.STATEFULSET)
    assert (seen.errors, seen.workloads) == ({}, ())
    assert len(api_proxy.seen("GET", "statefulsets")) == 3


def test_a_server_that_accepts_and_says_nothing(
    control_plane: ControlPlane,
    tcp_proxy: TcpProxy,
    admin_token: str,
    connected: Connected,
    web: str,
    tmp_path: Path,
) -> None:
    tcp_proxy.hang = True
    file = write_kubeconfig(
        tmp_path / "k", url=tcp_proxy.url, ca_file=control_plane.ca_file, token=admin_token
    )
    cluster = connected(file, timeout=2.0)
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        read(cluster, web)
    assert time.monotonic() - begin < HANGING


# --- rights


def test_a_missing_right_names_verb_resource_and_namespace(
    kube: Kube, control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
    file = write_kubeconfig(
        tmp_path / "k",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(web, "bot", [rule]),
    )
    bot = connected(file)
    result = sent(bot, patch_of(read(bot, web)))
    assert isinstance(result, Denied)
    assert f"not permitted to patch deployments.apps web in {web}" in result.message
    assert result.hint == "a Role must grant `patch` on `deployments.apps`"
    seen = observed(bot, web, Kind.DEPLOYMENT, Kind.STATEFULSET, pods=True)
    assert isinstance(seen.errors[Kind.STATEFULSET], Denied)
    assert seen.pods is None
    assert [w.name for w in seen.workloads] == ["web"]
    rights = [
        Right("list", Kind.DEPLOYMENT, web),
        Right("patch", Kind.DEPLOYMENT, web),
        Right("list", "pods", web),
        Right("list", Kind.DEPLOYMENT, "default"),
    ]
    assert bot.review(rights) == [True, False, False, False]
    with pytest.raises(Denied, match="not permitted to get namespaces kube-system"):
        bot.uid()
    assert bot.presence(EnvironmentName(web)) is Presence.UNKNOWN


def test_what_the_server_says_of_itself(kube: Kube, cluster: KubernetesCluster) -> None:
    about = cluster.about()
    assert about.version.startswith("v1.")
    assert about.time is not None
    assert abs(about.time.timestamp() - time.time()) < 60
    assert cluster.uid() == kube.get("Namespace", None, "kube-system")["metadata"]["uid"]
