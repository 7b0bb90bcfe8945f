"""How the emulated controllers roll out: every test runs on the real ones too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.apis import (
    BROKEN,
    IMAGE,
    MERGE,
    A,
    Api,
    B,
    daemonset,
    deployment,
    eventually,
    op,
    rolled_out,
    statefulset,
)

pytestmark = pytest.mark.sweep


def test_a_rollout_ends_with_new_pods_and_a_truthful_status(api: Api):
    api.create(deployment("web", A, replicas=2))
    api.wait("deployments", "web", rolled_out)
    generation = api.set_image("web", B)["metadata"]["generation"]

    done = api.wait("deployments", "web", rolled_out)

    assert done["status"]["observedGeneration"] == generation
    conditions = {c["type"]: (c["status"], c["reason"]) for c in done["status"]["conditions"]}
    assert conditions == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    assert "unavailableReplicas" not in done["status"]
    assert done["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "2"}
    eventually(lambda: len(api.list("pods", labelSelector="app=web")) == 2)
    for pod in api.list("pods", labelSelector="app=web"):
        [status] = pod["status"]["containerStatuses"]
        assert pod["status"]["phase"] == "Running"
        assert (status["name"], status["image"], status["ready"]) == ("web", B, True)
        assert "@sha256:" in status["imageID"]
        assert "running" in status["state"]


def test_pods_belong_to_the_replicaset_of_their_template(api: Api):
    created = api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)
    api.set_image("web", B)
    api.wait("deployments", "web", rolled_out)

    sets = {
        r["spec"]["template"]["spec"]["containers"][0]["image"]: r for r in api.list("replicasets")
    }
    eventually(lambda: len(api.list("pods")) == 1)
    [pod] = api.list("pods")

    assert {image: r["spec"]["replicas"] for image, r in sets.items()} == {A: 0, B: 1}
    revision = "deployment.kubernetes.io/revision"
    assert sets[B]["metadata"]["annotations"][revision] == "2"
    assert sets[B]["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    assert pod["metadata"]["ownerReferences"][0]["name"] == sets[B]["metadata"]["name"]
    assert (
        pod["metadata"]["labels"]["pod-template-hash"]
        == sets[B]["metadata"]["labels"]["pod-template-hash"]
    )


def test_going_back_revives_the_old_replicaset(api: Api):
    api.create(deployment("web", A))
    for image in (B, A):
        api.wait("deployments", "web", rolled_out)
        api.set_image("web", image)

    done = api.wait("deployments", "web", rolled_out)

    assert len(api.list("replicasets")) == 2
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_a_broken_image_leaves_the_old_pods_running(api: Api):
    api.create(deployment("web", A, replicas=2))
    api.wait("deployments", "web", rolled_out)
    api.set_image("web", BROKEN)

    def waiting() -> list[str]:
        return [
            status["state"]["waiting"].get("reason", "")
            for pod in api.list("pods")
            for status in pod["status"].get("containerStatuses", [])
            if "waiting" in status["state"] and pod["status"]["phase"] == "Pending"
        ]

    eventually(lambda: waiting() == ["ImagePullBackOff"], lambda: str(waiting()))
    found = api.get("deployments", "web")["status"]
    assert {key: found.get(key) for key in found if key.endswith("Replicas")} | {
        "terminatingReplicas": 0
    } == {
        "updatedReplicas": 1,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "unavailableReplicas": 1,
        "terminatingReplicas": 0,
    }
    [broken] = [p for p in api.list("pods") if p["status"]["phase"] == "Pending"]
    [status] = broken["status"]["containerStatuses"]
    message = status["state"]["waiting"]["message"]
    assert message.startswith(f'Back-off pulling image "{BROKEN}": ErrImagePull: ')
    assert message.endswith(f"{BROKEN}: not found")
    assert status["imageID"] == ""


def test_a_rollout_that_stands_still_reaches_its_deadline(api: Api):
    api.create(deployment("web", BROKEN, progressDeadlineSeconds=1))

    def progressing(body: dict[str, Any]) -> Any:
        conditions = body["status"].get("conditions", [])
        return next((c for c in conditions if c["type"] == "Progressing"), {})

    done = api.wait("deployments", "web", lambda b: progressing(b).get("status") == "False")

    assert progressing(done)["reason"] == "ProgressDeadlineExceeded"
    assert progressing(done)["message"].endswith("has timed out progressing.")


def test_scaling_follows_the_spec(api: Api):
    api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)

    api.patch("deployments", "web", {"spec": {"replicas": 3}})
    api.wait("deployments", "web", lambda b: b["status"].get("availableReplicas") == 3)

    api.patch("deployments", "web", {"spec": {"replicas": 0}})
    api.wait("deployments", "web", lambda b: not b["status"].get("replicas"))
    eventually(lambda: api.list("pods") == [])


def test_scale_is_a_subresource(api: Api):
    api.create(deployment("web", A))
    path = api.path("deployments", "web") + "/scale"

    _, before = api.ask("GET", path)
    code, after = api.ask("PATCH", path, {"spec": {"replicas": 2}}, content_type=MERGE)

    assert (before["kind"], before["spec"]) == ("Scale", {"replicas": 1})
    assert (code, after["spec"]) == (200, {"replicas": 2})
    assert api.get("deployments", "web")["spec"]["replicas"] == 2


def test_recreate_stops_the_old_pods_first(api: Api):
    api.create(deployment("web", A, replicas=2, strategy={"type": "Recreate"}))
    api.wait("deployments", "web", rolled_out)
    _, listed = api.ask("GET", api.path("pods"))
    api.set_image("web", B)
    api.wait("deployments", "web", rolled_out)

    _, events = api.ask(
        "GET",
        api.path("pods"),
        watch="1",
        resourceVersion=listed["metadata"]["resourceVersion"],
        timeoutSeconds=1,
    )

    old = [p["metadata"]["uid"] for p in listed["items"]]
    seen = [(e["type"], e["object"]["metadata"]["uid"] in old) for e in events]
    last_of_old = max(i for i, event in enumerate(seen) if event == ("DELETED", True))
    first_of_new = min(i for i, event in enumerate(seen) if event == ("ADDED", False))
    assert last_of_old < first_of_new


def test_a_paused_deployment_keeps_its_pods(api: Api):
    api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)
    api.patch("deployments", "web", {"spec": {"paused": True}})
    generation = api.set_image("web", B)["metadata"]["generation"]

    api.wait("deployments", "web", lambda b: b["status"]["observedGeneration"] == generation)

    assert [p["spec"]["containers"][0]["image"] for p in api.list("pods")] == [A]


def test_deleting_a_deployment_takes_its_pods_along(api: Api):
    api.create(deployment("web", A))
    api.wait("deployments", "web", rolled_out)

    code, _ = api.ask("DELETE", api.path("deployments", "web"), propagationPolicy="Background")

    assert code == 200
    eventually(lambda: not api.list("replicasets") and not api.list("pods"))


def test_a_statefulset_replaces_its_pods(api: Api):
    api.create(statefulset("db", A))
    done = {"readyReplicas": 2, "updatedReplicas": 2}

    def ready(body: dict[str, Any]) -> bool:
        seen = body["status"].get("observedGeneration") == body["metadata"]["generation"]
        return seen and {key: body["status"].get(key) for key in done} == done

    api.wait("statefulsets", "db", ready)
    api.patch("statefulsets", "db", [op("replace", IMAGE, B)])
    api.wait("statefulsets", "db", ready)

    images = {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in api.list("pods")}
    assert images == {"db-0": B, "db-1": B}


def test_a_daemonset_replaces_its_pods(api: Api):
    api.create(daemonset("logs", A))

    def ready(body: dict[str, Any]) -> bool:
        status = body["status"]
        wanted = status.get("desiredNumberScheduled")
        seen = status.get("observedGeneration") == body["metadata"]["generation"]
        return bool(
            seen
            and wanted
            and {status.get("updatedNumberScheduled"), status.get("numberAvailable")} == {wanted}
        )

    api.wait("daemonsets", "logs", ready)
    api.patch("daemonsets", "logs", [op("replace", IMAGE, B)])
    api.wait("daemonsets", "logs", ready)

    eventually(lambda: {p["spec"]["containers"][0]["image"] for p in api.list("pods")} == {B})
