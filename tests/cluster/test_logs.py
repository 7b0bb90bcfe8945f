"""Logs whose connection breaks, whose lines never end, or that may not be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_cli.cluster import logs
from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.domain.cluster.inside import LogPart, Spot
from gitops_cli.domain.errors import ClusterUnreachable, Denied
from gitops_cli.domain.names import EnvironmentName
from tests.cluster.conftest import Connected
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy, Cut, Hang, Trickle
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment
from tests.testbed.patience import HANGING

LOG = r"/log\?"
TIMES = ("2026-11-30T10:00:00.000000001Z", "2026-11-30T10:00:00.000000002Z")
STAMPED = f"{TIMES[0]} one\n{TIMES[1]} two\n{TIMES[1]} three\n2026-11-30T10:00:01.5Z four\n"
ALL = LogPart()
READ = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]


@pytest.fixture
def logging(kube: Kube, namespace: str) -> Callable[[str], Spot]:
    """Return what makes a pod that has logged a text, as a node sends it."""

    def make(text: str) -> Spot:
        kube.create(
            deployment("web", "r/web:1", pod_annotations={"fake-node/log": text}), namespace
        )
        kube.wait_rolled_out("Deployment", namespace, "web")
        [pod] = kube.pods(namespace, "web")
        return Spot(pod["metadata"]["name"], "web", "")

    return make


def read(
    cluster: KubernetesCluster, namespace: str, spot: Spot, part: LogPart = ALL
) -> tuple[bytes, list[str]]:
    told: list[str] = []
    log = cluster.log(EnvironmentName(namespace), spot, part, told.append)
    return b"".join(log.lines()), told


def test_a_log_goes_on_behind_the_last_line_where_its_connection_was_cut(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
) -> None:
    spot = logging(STAMPED)
    # In the middle of the third line, which has the time of the second.
    api_proxy.on(Cut(after=STAMPED.index("three") + 2), "GET", LOG)

    text, told = read(proxied, namespace, spot, LogPart(follow=True, tail=9))

    assert text == b"one\ntwo\nthree\nfour\n"
    assert told == [f"{spot.pod}: the answer broke off; connecting anew"]
    first, again = (request.target for request in api_proxy.seen("GET", LOG))
    assert "tailLines=9" in first
    assert "sinceTime=2026-11-30T10%3A00%3A00Z" in again
    assert "tailLines" not in again


def test_a_node_that_says_no_times_is_not_read_from_the_beginning_again(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
) -> None:
    spot = logging("one\ntwo\nthree")
    api_proxy.on(Cut(after=6), "GET", LOG)
    with pytest.raises(ClusterUnreachable, match=r"cannot get pods/log web-.*the answer broke off"):
        read(proxied, namespace, spot)


def test_a_server_that_stays_away_is_waited_for_and_then_given_up(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "PATIENCE_SECONDS", 0.3)
    spot = logging(STAMPED)
    api_proxy.on(Cut(), "GET", LOG, skip=1, times=1000)
    api_proxy.on(Cut(after=50), "GET", LOG)
    with pytest.raises(ClusterUnreachable):
        read(proxied, namespace, spot, LogPart(follow=True))
    assert 2 <= len(api_proxy.seen("GET", LOG)) <= 10


def test_a_connection_that_says_nothing_for_long_is_made_anew(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spot = logging(STAMPED)
    api_proxy.on(Hang(), "GET", LOG, skip=1)
    api_proxy.on(Cut(after=40), "GET", LOG)
    monkeypatch.setattr(logs, "SILENCE_SECONDS", 1.0)
    text, _ = read(proxied, namespace, spot, LogPart(follow=True))
    assert text == b"one\ntwo\nthree\nfour\n"


def test_a_line_without_end_comes_in_pieces(
    cluster: KubernetesCluster, namespace: str, logging: Callable[[str], Spot]
) -> None:
    line = "x" * 200_000
    spot = logging(f"{TIMES[0]} {line}\n{TIMES[1]} end")
    log = cluster.log(EnvironmentName(namespace), spot, LogPart(), print)
    pieces = list(log.lines())
    assert b"".join(pieces) == f"{line}\nend\n".encode()
    assert max(map(len, pieces)) < 2 * logs.LINE_MOST + (1 << 18)
    assert len(pieces) > 2


def test_times_stay_where_they_are_asked_for(
    cluster: KubernetesCluster, namespace: str, logging: Callable[[str], Spot]
) -> None:
    text, _ = read(cluster, namespace, logging(STAMPED), LogPart(timestamps=True))
    assert text.decode() == STAMPED


def test_where_nothing_is_kept_of_the_run_before_the_last_one_is_shown(
    cluster: KubernetesCluster, namespace: str, logging: Callable[[str], Spot]
) -> None:
    spot = logging(STAMPED)._replace(previous=True)
    text, told = read(cluster, namespace, spot)
    assert text == b"one\ntwo\nthree\nfour\n"
    assert told == [f"{spot.pod}: nothing is kept of the run before; this is the last one"]


def test_who_may_not_read_logs_hears_which_right_is_missing(
    kube: Kube,
    connected: Connected,
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    logging: Callable[[str], Spot],
) -> None:
    spot = logging(STAMPED)
    file = write_kubeconfig(
        tmp_path / "config",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(namespace, "reader", READ),
    )
    with pytest.raises(Denied, match="not permitted to get pods/log web-") as denied:
        read(connected(file), namespace, spot)
    assert denied.value.hint == "a Role must grant `get` on `pods/log`"


def test_a_log_that_is_closed_ends_for_who_reads_it(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
) -> None:
    spot = logging(STAMPED)
    api_proxy.on(Trickle(0.05), "GET", LOG)
    log = proxied.log(EnvironmentName(namespace), spot, LogPart(follow=True), print)
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda: lines.extend(log.lines()))
    reader.start()
    while not lines:
        reader.join(0.01)
    log.close()
    reader.join(HANGING)
    assert not reader.is_alive()
    assert len(lines) < STAMPED.count("\n")


NOT_NOW = "unable to retrieve container logs for containerd://d0b57f5120341282"


@pytest.mark.parametrize("follow", [False, True])
def test_a_node_that_has_no_log_just_now_is_asked_again(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
    *,
    follow: bool,
) -> None:
    spot = logging(STAMPED)
    api_proxy.on(Answer(200, body=NOT_NOW), "GET", LOG, times=2)

    text, told = read(proxied, namespace, spot, LogPart(follow=follow))

    assert (text, told) == (b"one\ntwo\nthree\nfour\n", [])
    assert len(api_proxy.seen("GET", LOG)) == 3


def test_a_log_that_was_followed_for_long_has_as_much_time_for_the_next_container(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spot = logging(STAMPED)
    api_proxy.on(Answer(200, body=NOT_NOW), "GET", LOG, skip=1)
    api_proxy.on(Cut(after=STAMPED.index("three") + 2), "GET", LOG)
    monkeypatch.setattr(logs, "NEXT_SECONDS", 2.0)
    log = proxied.log(EnvironmentName(namespace), spot, LogPart(follow=True), lambda _: None)
    lines = log.lines()

    first = next(lines)
    time.sleep(2.1)  # longer than the next container may take

    assert first + b"".join(lines) == b"one\ntwo\nthree\nfour\n"


def test_a_node_that_has_none_for_long_is_told_in_its_words(
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    logging: Callable[[str], Spot],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "NEXT_SECONDS", 0.3)
    api_proxy.on(Answer(200, body=NOT_NOW), "GET", LOG, times=1000)
    assert read(proxied, namespace, logging(STAMPED)) == (NOT_NOW.encode(), [])


def test_a_program_that_says_the_same_is_believed(
    cluster: KubernetesCluster, namespace: str, logging: Callable[[str], Spot]
) -> None:
    spot = logging(f"{TIMES[0]} {NOT_NOW}\n")
    assert read(cluster, namespace, spot) == (f"{NOT_NOW}\n".encode(), [])
