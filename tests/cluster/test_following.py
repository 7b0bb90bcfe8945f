"""Watches that resume, polling without the right, and pods that explain themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.cluster import watching
from gitops_cli.cluster.api import Api
from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.cluster.kubeconfig import find_access
from gitops_cli.domain.cluster.rollout import judge
from gitops_cli.domain.cluster.workload import Observed, Target
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.operations.ports import Following
from gitops_cli.web.exchange import HttpRequest, LineStream, Response
from tests.cluster.conftest import Connected
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import GONE, Answer, ApiProxy, Cut, EndWatch
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment
from tests.testbed.patience import HANGING, PATIENCE, eventually

READ = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]


def target(namespace: str) -> Target:
    return Target(EnvironmentName(namespace), frozenset({Kind.DEPLOYMENT}))


def until(follower: Following, namespace: str, seen: Callable[[Observed], object]) -> Observed:
    """Return what the follower knows once `seen` holds of it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        follower.wait(0.5)
        found = follower.observed(EnvironmentName(namespace))
        if found is not None and seen(found):
            return found
    raise AssertionError(f"not seen: {follower.observed(EnvironmentName(namespace))}")


def test_a_night_without_a_server_is_no_reason_to_stop() -> None:
    assert 0 < watching._after(5000) <= 5


def images(observed: Observed) -> list[str]:
    return [c.image for w in observed.workloads for c in w.containers]


def set_image(kube: Kube, namespace: str, tag: str) -> None:
    kube.set_image("Deployment", namespace, "web", "web", f"r/web:{tag}")


def test_changes_are_heard_of_without_asking_again(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    with proxied.follow([target(web)]) as follower:
        until(follower, web, lambda o: images(o) == ["r/web:1"])
        set_image(kube, web, "2")
        found = until(follower, web, lambda o: images(o) == ["r/web:2"] and len(o.pods or ()) == 1)
        kube.create(deployment("more", "r/more:1"), web)
        until(follower, web, lambda o: o.workload(Kind.DEPLOYMENT, ServiceName("more")))
        kube.delete("Deployment", web, "more")
        until(follower, web, lambda o: len(o.workloads) == 1)
    assert found.pods is not None
    lists = [r for r in api_proxy.seen("GET") if "watch=1" not in r.target]
    assert len(lists) == 2, "one of deployments, one of pods"


def test_the_same_object_until_something_changes(cluster: KubernetesCluster, web: str) -> None:
    with cluster.follow([target(web)]) as follower:
        until(follower, web, lambda o: o.pods)
        space = EnvironmentName(web)
        # Controllers may have something left to write.
        eventually(
            lambda: not follower.wait(0.2) and follower.observed(space) is follower.observed(space)
        )


@pytest.mark.parametrize(
    "fault", [EndWatch(0), EndWatch(1), Cut(after=30), Cut(), Answer(503), Answer(500)]
)
def test_a_watch_that_ends_or_breaks_is_resumed(
    kube: Kube,
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    web: str,
    fault: EndWatch | Cut | Answer,
) -> None:
    api_proxy.on(fault, "GET", r"deployments.*watch=1")
    with proxied.follow([target(web)]) as follower:
        until(follower, web, images)
        set_image(kube, web, "2")
        until(follower, web, lambda o: images(o) == ["r/web:2"])
        set_image(kube, web, "3")
        until(follower, web, lambda o: images(o) == ["r/web:3"])


@pytest.mark.parametrize("fault", [EndWatch(0, last=GONE), Answer(410)])
def test_a_version_that_is_gone_begins_anew(
    kube: Kube,
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    web: str,
    fault: EndWatch | Answer,
) -> None:
    api_proxy.on(fault, "GET", r"deployments.*watch=1")
    with proxied.follow([target(web)]) as follower:
        until(follower, web, images)
        eventually(lambda: len(api_proxy.seen("GET", "deployments.*watch=1")) == 2)
        set_image(kube, web, "2")
        until(follower, web, lambda o: images(o) == ["r/web:2"])
    lists = [r for r in api_proxy.seen("GET", "deployments") if "watch=1" not in r.target]
    assert len(lists) == 2


def test_watches_that_end_at_once_are_no_busy_loop_and_hide_nothing(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    """As behind a proxy that lets no answer go on: the LISTs tell what changed."""
    api_proxy.on(EndWatch(0), "GET", r"watch=1", times=100_000)
    with proxied.follow([target(web)]) as follower:
        until(follower, web, images)
        threading.Event().wait(5.0)  # the time in which requests are counted
        watches = api_proxy.seen("GET", r"deployments.*watch=1")
        assert 2 <= len(watches) <= 12
        set_image(kube, web, "2")
        until(follower, web, lambda o: images(o) == ["r/web:2"])


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ADDED", "object": {"metadata": {}}},
        {"type": "ADDED", "object": 7},
        {"type": "ERROR", "object": {"code": {}, "message": 7}},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": 7}}},
        {"type": 7},
    ],
)
def test_an_event_that_cannot_be_read_begins_anew(
    kube: Kube,
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    web: str,
    event: dict[str, Any],
) -> None:
    api_proxy.on(EndWatch(0, last=event), "GET", r"deployments.*watch=1")
    with proxied.follow([target(web)]) as follower:
        until(follower, web, images)
        set_image(kube, web, "2")
        until(follower, web, lambda o: images(o) == ["r/web:2"])


class Defective:
    """A transport with a defect."""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def send(self, request: HttpRequest, *, timeout: float) -> Response:
        raise KeyError("name")

    def stream(self, request: HttpRequest, *, timeout: float) -> LineStream:
        raise KeyError("name")


def test_a_defect_of_ours_ends_the_wait(web: str, control_plane: ControlPlane) -> None:
    """Nobody would follow any more."""
    access = find_access(None, control_plane.kubeconfig)
    cluster = KubernetesCluster(Api(access, Defective()))
    with cluster.follow([target(web)]) as follower, pytest.raises(KeyError, match="name"):
        until(follower, web, lambda o: False)


def test_without_the_right_to_watch_it_polls(
    kube: Kube,
    control_plane: ControlPlane,
    connected: Connected,
    web: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.1)
    token = kube.service_account(web, "bot", READ)
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    with connected(file).follow([target(web)]) as follower:
        found = until(follower, web, images)
        assert found.pods is None, "pods may not be listed"
        set_image(kube, web, "2")
        until(follower, web, lambda o: images(o) == ["r/web:2"])


def test_a_server_that_dies_is_an_error_to_be_asked_for_and_its_return_mends_it(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    with proxied.follow([target(web)]) as follower:
        until(follower, web, images)
        assert follower.error is None
        api_proxy.on(Answer(503), times=16)
        api_proxy._server.end_connections()  # every watch breaks
        eventually(lambda: follower.error is not None)
        set_image(kube, web, "2")
        until(follower, web, lambda o: images(o) == ["r/web:2"])
        eventually(lambda: follower.error is None)


def test_leaving_ends_every_thread_at_once(cluster: KubernetesCluster, web: str) -> None:
    others = set(threading.enumerate())
    with cluster.follow([target(web)]) as follower:
        until(follower, web, images)
        following = set(threading.enumerate()) - others
        assert following
    eventually(lambda: not any(one.is_alive() for one in following), timeout=HANGING)


# --- why pods do not run


def troubled(
    kube: Kube, cluster: KubernetesCluster, namespace: str, tag: str, **annotations: str
) -> Observed:
    notes = {f"fake-node/{name.replace('_', '-')}": value for name, value in annotations.items()}
    kube.create(deployment("web", f"r/web:{tag}", pod_annotations=notes), namespace)
    with cluster.follow([target(namespace)]) as follower:
        return until(
            follower,
            namespace,
            lambda o: any(judge(w, o.pods_of(w)).trouble is not None for w in o.workloads),
        )


def test_a_crash_has_its_exit_code_and_last_log_lines(
    kube: Kube, cluster: KubernetesCluster, namespace: str
) -> None:
    log = "one\ntwo\nthree\nfour\nfive\nsix\nno database"
    seen = troubled(kube, cluster, namespace, "dead1" + "0" * 35, exit_code="3", log=log)
    [web] = seen.workloads
    trouble = judge(web, seen.pods_of(web)).trouble
    assert trouble is not None
    assert (trouble.reason, trouble.exit_code, trouble.log) == ("CrashLoopBackOff", 3, ())
    [told] = cluster.explain([(EnvironmentName(namespace), trouble)])
    assert told.log
    assert len(told.log) <= 5
    assert told.log[-1] == "no database" or "exit code 3" in told.log[-1]


def test_a_node_without_a_log_just_now_explains_nothing(
    kube: Kube, cluster: KubernetesCluster, namespace: str
) -> None:
    said = "unable to retrieve container logs for containerd://d0b57f5120341282"
    seen = troubled(kube, cluster, namespace, "dead1" + "0" * 35, exit_code="3", log=said)
    [web] = seen.workloads
    trouble = judge(web, seen.pods_of(web)).trouble
    assert trouble is not None
    assert cluster.explain([(EnvironmentName(namespace), trouble)]) == [trouble]


def test_without_the_right_the_explanation_is_left_out(
    kube: Kube,
    cluster: KubernetesCluster,
    control_plane: ControlPlane,
    connected: Connected,
    namespace: str,
    tmp_path: Path,
) -> None:
    seen = troubled(kube, cluster, namespace, "dead1" + "0" * 35)
    [web] = seen.workloads
    trouble = judge(web, seen.pods_of(web)).trouble
    assert trouble is not None
    token = kube.service_account(namespace, "bot", READ)
    file = write_kubeconfig(
        tmp_path / "k", url=control_plane.url, ca_file=control_plane.ca_file, token=token
    )
    assert connected(file).explain([(EnvironmentName(namespace), trouble)]) == [trouble]
