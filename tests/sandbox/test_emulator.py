"""What only the emulator has: its memory's end, its clock, and what it refuses to read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitops_cli.sandbox.emulator.api import ApiAnswer, ApiRequest, handle
from gitops_cli.sandbox.emulator.controllers import Controllers
from gitops_cli.sandbox.emulator.pods import Node
from gitops_cli.sandbox.emulator.store import REMEMBERED, EmulatedObjects
from tests.sandbox.apis import Api, deployment, eventually, rolled_out

pytestmark = pytest.mark.sweep


class Cluster:
    """A cluster whose time stands still until a test lets it pass."""

    def __init__(self) -> None:
        self.store = EmulatedObjects()
        self.now = 1_800_000_000.0
        self.store.clock = lambda: self.now
        node = Node(self.store, lambda image: "no such image" if "broken" in image else None)
        self.controllers = Controllers(self.store, node)
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "x"}})

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> dict[str, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        form = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = handle(self.store, ApiRequest(method, path, query, data, form))
        assert isinstance(answer, ApiAnswer)
        assert isinstance(answer.body, dict)
        return answer.body

    def pass_time(self, seconds: float) -> float | None:
        self.now += seconds
        return self.controllers.settle()

    def pods(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.ask("GET", "/api/v1/namespaces/x/pods")["items"]
        return items


DEPLOYMENTS = "/apis/apps/v1/namespaces/x/deployments"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_pod_takes_time_to_start(cluster: Cluster):
    cluster.ask("POST", DEPLOYMENTS, deployment("web", "r/web:1"))

    due = cluster.pass_time(0)
    [pod] = cluster.pods()
    assert pod["status"]["phase"] == "Pending"
    [status] = pod["status"]["containerStatuses"]
    assert status["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert due == cluster.now + 0.7

    cluster.pass_time(0.7)
    [pod] = cluster.pods()
    assert pod["status"]["phase"] == "Running"


def test_a_rollout_goes_pod_by_pod(cluster: Cluster):
    cluster.ask("POST", DEPLOYMENTS, deployment("web", "r/web:1", replicas=3))
    cluster.pass_time(0)
    cluster.pass_time(1)
    containers = [{"name": "web", "image": "r/web:2"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    cluster.ask("PATCH", f"{DEPLOYMENTS}/web", patch)

    updated = []
    for _ in range(4):
        cluster.pass_time(1)
        status = cluster.ask("GET", f"{DEPLOYMENTS}/web")["status"]
        updated.append(status["updatedReplicas"])
        assert status["availableReplicas"] >= 3

    assert updated == [1, 2, 3, 3]
    assert rolled_out(cluster.ask("GET", f"{DEPLOYMENTS}/web"))


def test_a_failed_pull_is_tried_once_more_in_words(cluster: Cluster):
    cluster.ask("POST", DEPLOYMENTS, deployment("web", "r/web:broken"))
    cluster.pass_time(0)

    seen = []
    for _ in range(2):
        cluster.pass_time(0.85)
        [status] = cluster.pods()[0]["status"]["containerStatuses"]
        seen.append(status["state"]["waiting"])

    assert seen == [
        {"reason": "ErrImagePull", "message": "no such image"},
        {
            "reason": "ImagePullBackOff",
            "message": 'Back-off pulling image "r/web:broken": ErrImagePull: no such image',
        },
    ]


def test_a_pod_that_is_deleted_is_replaced(cluster: Cluster):
    cluster.ask("POST", DEPLOYMENTS, deployment("web", "r/web:1"))
    cluster.pass_time(0)
    [old] = cluster.pods()

    cluster.ask("DELETE", f"/api/v1/namespaces/x/pods/{old['metadata']['name']}")
    cluster.pass_time(0)
    assert [("deletionTimestamp" in p["metadata"]) for p in cluster.pods()].count(True) == 1
    cluster.pass_time(0.3)

    [new] = cluster.pods()
    assert new["metadata"]["uid"] != old["metadata"]["uid"]


def test_events_tell_the_story_and_do_not_pile_up(cluster: Cluster):
    cluster.ask("POST", DEPLOYMENTS, deployment("web", "r/web:1"))
    for count in range(40):
        cluster.ask("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": count % 3}})
        cluster.pass_time(1)

    events = cluster.ask("GET", "/api/v1/namespaces/x/events")["items"]

    assert len(events) == 50
    assert {"ScalingReplicaSet", "Scheduled", "Started"} == {e["reason"] for e in events}


def test_the_history_of_replicasets_is_limited(cluster: Cluster):
    cluster.ask("POST", DEPLOYMENTS, deployment("web", "r/web:0", revisionHistoryLimit=2))
    for number in range(1, 6):
        cluster.pass_time(1)
        containers = [{"name": "web", "image": f"r/web:{number}"}]
        cluster.ask(
            "PATCH",
            f"{DEPLOYMENTS}/web",
            {"spec": {"template": {"spec": {"containers": containers}}}},
        )
        cluster.pass_time(0)
        cluster.pass_time(1)

    found = cluster.ask("GET", "/apis/apps/v1/namespaces/x/replicasets")["items"]

    assert len(found) == 3


def test_a_watch_from_a_forgotten_change_is_told_to_list_again(cluster: Cluster):
    for number in range(REMEMBERED + 1):
        cluster.ask("PATCH", "/api/v1/namespaces/x", {"metadata": {"labels": {"n": str(number)}}})

    request = ApiRequest("GET", "/api/v1/namespaces", {"watch": "1", "resourceVersion": "1"})
    events = handle(cluster.store, request)

    assert not isinstance(events, ApiAnswer)
    [event] = list(events)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == (
        "ERROR",
        410,
        "Expired",
    )


def test_the_log_of_a_container_that_waits_is_refused(emulated: Api):
    emulated.create(deployment("web", "r/web:dead0"))
    emulated.create(deployment("ok", "r/ok:1"))
    emulated.wait("deployments", "ok", rolled_out)

    def log(app: str) -> tuple[int, Any]:
        [pod] = emulated.list("pods", labelSelector=f"app={app}")
        return emulated.ask("GET", emulated.path("pods", pod["metadata"]["name"]) + "/log")

    eventually(lambda: "failing to pull image" in str(log("web")))
    assert log("web")[0] == 400
    assert log("ok") == (200, "r/ok:1 is up (the sandbox runs no containers)\n")


def test_protobuf_is_refused_with_a_word_of_advice(emulated: Api):
    code, body = emulated.ask(
        "POST",
        emulated.path("deployments"),
        b"k8s\x00\xaf",
        content_type="application/vnd.kubernetes.protobuf",
    )

    assert (code, body["reason"]) == (415, "UnsupportedMediaType")
    assert "kubectl apply -f" in body["message"]


def test_a_namespace_is_created_as_kubectl_does_it(emulated: Api):
    name = f"{emulated.namespace}-n".encode()
    metadata = (
        bytes([0x0A, len(name)]) + name + b"\x12\x00\x38\x00\x42\x00\x5a\x06\x0a\x01a\x12\x01b"
    )
    namespace = bytes([0x0A, len(metadata)]) + metadata + b"\x12\x00\x1a\x02\x0a\x00"
    kind = b"\x0a\x0f\x0a\x02v1\x12\x09Namespace"
    body = b"k8s\x00" + kind + bytes([0x12, len(namespace)]) + namespace + b"\x1a\x00\x22\x00"

    code, made = emulated.ask(
        "POST", "/api/v1/namespaces", body, content_type="application/vnd.kubernetes.protobuf"
    )

    assert (code, made["kind"], made["metadata"]["name"]) == (201, "Namespace", name.decode())
    assert made["metadata"]["labels"] == {"a": "b"}
