"""What `sync` says of rollouts whose status, read alone, would mislead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.live import ABSENT, CRASHING, FAILING, NEW, OLD, UNREADY, Live, image
from tests.cli.synced import PATCH, services
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kube import Kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import workload
from tests.testbed.patience import PATIENCE, eventually
from tests.testbed.webhook import Webhook


def exceeded(live: Live, service: str = "web") -> None:
    """Wait until the Deployment's status says that its deadline is exceeded."""

    def look() -> bool:
        status = live.kube.get("Deployment", live.namespace, service)["status"]
        return any(c["reason"] == "ProgressDeadlineExceeded" for c in status["conditions"])

    eventually(look)


def test_a_rollback_to_what_ran_before_is_not_failed_by_the_deadline_it_ends(live: Live) -> None:
    """The condition of the broken rollout stays until a pod count rises."""
    live.running("web", OLD, progressDeadlineSeconds=2)
    for _ in range(3):
        live.record({"web.deployment": ABSENT})
        assert live.sync("--wait").code == 7
        exceeded(live)
        live.record({"web.deployment": OLD})
        done = live.sync("--wait", "-o", "json").ok()
        assert services(done.json())["web"]["rollout"] == "ready"


def test_a_rollout_that_had_failed_before_is_said_by_the_sync_that_has_nothing_to_patch(
    live: Live,
) -> None:
    live.record({"web.deployment": CRASHING})
    live.running("web", OLD, progressDeadlineSeconds=1)
    live.sync().ok()
    done = live.sync()

    def failed() -> bool:
        nonlocal done
        done = live.sync()
        return done.code == 7

    eventually(failed)  # while a pod is ready between two crashes, the deadline is not exceeded
    assert "ProgressDeadlineExceeded" in done.stdout
    assert "1 service as recorded, 1 rollout failed" in done.stderr
    assert "kubectl describe deployment/web" in done.stdout


def test_an_image_that_a_registry_only_refuses_fails_at_the_deadline(live: Live) -> None:
    live.record({"web.deployment": ABSENT})
    words = "failed to resolve reference: unexpected status from HEAD request: 403 Forbidden"
    told = {"fake-node/message": words}
    live.running("web", OLD, progressDeadlineSeconds=3, pod_annotations=told)
    begin = time.monotonic()
    done = live.sync("--wait")
    assert done.code == 7
    assert time.monotonic() - begin < PATIENCE, "not the five minutes of a wait"
    assert "403 Forbidden" in done.stdout


def partitioned(live: Live, version: str) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    live.run("StatefulSet", "db", OLD, replicas=3, updateStrategy=strategy)
    live.kube.wait_rolled_out("StatefulSet", live.namespace, "db")
    live.record({"db.statefulset": version})


def test_the_canary_above_a_partition_is_waited_for(live: Live) -> None:
    partitioned(live, NEW)
    done = live.sync("--wait", "-o", "json").ok()
    db = services(done.json())["db"]
    assert db["rollout"] == "ready"
    assert db["reason"] == "partition 2: 1 of 3 pods is new, the others stay old"
    canary = live.kube.get("Pod", live.namespace, "db-2")
    assert canary["spec"]["containers"][0]["image"] == image("db", NEW)
    assert live.rows()["db"]["state"] == "rolling", "not all pods run what git records"


def test_a_canary_that_never_gets_ready_is_no_success(live: Live) -> None:
    partitioned(live, UNREADY)
    assert live.sync("--wait", "--timeout", "5s").code == 8


def test_a_job_that_failed_before_fails_no_later_deployment(live: Live, kube: Kube) -> None:
    live.record({"tick.cronjob": FAILING, "web.deployment": NEW})
    live.run("CronJob", "tick", FAILING)
    kube.let_run(live.namespace, "tick")
    live.running("web", OLD)
    eventually(lambda: any("failed" in job["status"] for job in kube.find("Job", live.namespace)))
    eventually(lambda: live.rows()["tick"]["state"] == "failed")
    done = live.sync("--wait", "-o", "json").ok()
    outcome = services(done.json())
    assert {name: one["rollout"] for name, one in outcome.items()} == {
        "tick": "ready",
        "web": "ready",
    }
    assert "failed" in outcome["tick"]["reason"] or "exit code" in outcome["tick"]["reason"]


@pytest.fixture
def webhook(behind: Live, kube: Kube, tmp_path: Path) -> Iterator[Webhook]:
    """Return an admission webhook for the Deployments of the environment."""
    with Webhook(kube, behind.namespace, tmp_path / "webhook") as found:
        yield found


def test_a_webhooks_denial_keeps_its_words_whatever_its_code(
    behind: Live, webhook: Webhook
) -> None:
    for code in (400, 403, 404, 409, 422):
        webhook.status = {"code": code, "message": "image is not signed"}
        done = behind.sync()
        assert done.code == 4, code
        assert f'"{webhook.name}" denied the request: image is not signed' in done.stderr
        assert "a rule of the cluster" in done.stderr
    assert behind.image_of("web") == image("web", OLD)


def test_a_webhook_that_does_not_answer_is_told_from_a_broken_server(
    behind: Live, webhook: Webhook
) -> None:
    webhook.stop()
    done = behind.sync()
    assert done.code == 5
    assert f'failed calling webhook "{webhook.name}"' in done.stderr
    assert "an admission webhook of the cluster does not answer" in done.stderr
    assert behind.image_of("web") == image("web", OLD)


def test_what_the_server_warns_of_is_told(behind: Live, webhook: Webhook) -> None:
    webhook.warnings = ['the tag "8f14" is mutable', "team = unknown"]
    done = behind.sync().ok()
    for text in webhook.warnings:
        assert f"web: the server warns: {text}" in done.stderr


@pytest.fixture
def lingering(behind: Live, kube: Kube) -> Live:
    """Return an environment whose old pod, once deleted, ends only when a test lets it."""
    [old] = kube.pods(behind.namespace, "web")
    hold = {"metadata": {"finalizers": ["example.com/hold"]}}
    kube.patch("Pod", behind.namespace, old["metadata"]["name"], hold)
    return behind


def let_go(live: Live) -> None:
    """Let the pods go that are held."""
    for pod in live.kube.pods(live.namespace, "web"):
        if pod["metadata"].get("finalizers"):
            name = pod["metadata"]["name"]
            live.kube.patch("Pod", live.namespace, name, {"metadata": {"finalizers": None}})


def test_old_pods_are_waited_for_where_that_is_asked(lingering: Live) -> None:
    """A Deployment has rolled out while its old pods still end, and may serve."""
    lingering.sync("--wait").ok()
    late = lingering.sync("--wait=gone", "--timeout", "6s")
    assert late.code == 8
    assert "1 old pod not gone yet: web-" in late.stdout
    with lingering.gitops.start("wait", lingering.namespace, "--gone") as process:
        time.sleep(1)
        assert process.poll() is None
        let_go(lingering)
        assert process.wait(timeout=PATIENCE) == 0
    lingering.sync("--wait=gone").ok()


def test_whether_old_pods_are_gone_cannot_be_told_without_the_right(
    behind: Live, kube: Kube, control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = write_kubeconfig(
        tmp_path / "bot",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(behind.namespace, "bot", PATCH),
    )
    done = behind.gitops.using(KUBECONFIG=config)("sync", behind.namespace, "--wait=gone")
    assert done.code == 4
    assert "whether old ones are gone cannot be told" in done.stderr


def test_a_namespace_that_is_being_deleted_is_named(live: Live, kube: Kube) -> None:
    live.record({"web.deployment": NEW})
    held = {"apiVersion": "v1", "kind": "ConfigMap"}
    held |= {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    kube.create(held, live.namespace)
    kube.delete_namespace(live.namespace)
    done = live.diff()
    assert f"namespace {live.namespace} is being deleted" in done.stderr
    kube.patch("ConfigMap", live.namespace, "held", {"metadata": {"finalizers": None}})


def test_a_workload_that_is_being_deleted_is_no_silent_success(live: Live, kube: Kube) -> None:
    """What holds its deletion up may hold it for long: a finalizer, or pods that end slowly."""
    live.record({"web.deployment": NEW})
    live.running("web", OLD)
    kept = {"metadata": {"finalizers": ["example.com/hold"]}}
    kube.patch("Deployment", live.namespace, "web", kept)
    kube.delete("Deployment", live.namespace, "web")
    assert live.rows()["web"]["reason"] == "it is being deleted"
    assert "it is being deleted" in live.sync().stdout
    kube.patch("Deployment", live.namespace, "web", {"metadata": {"finalizers": None}})


def test_a_sidecar_among_the_init_containers_keeps_all_it_has(live: Live, kube: Kube) -> None:
    """One with restartPolicy Always may have probes; writing it back without that is refused."""
    made = workload("Deployment", "web", {"app": "x/app:1"}, init={"web": image("web", OLD)})
    [sidecar] = made["spec"]["template"]["spec"]["initContainers"]
    probe = {"tcpSocket": {"port": 8080}}
    sidecar |= {"restartPolicy": "Always", "readinessProbe": probe}
    kube.create(made, live.namespace)
    kube.wait_rolled_out("Deployment", live.namespace, "web")
    live.record({"web.deployment": NEW})
    live.sync("--wait").ok()
    spec = kube.get("Deployment", live.namespace, "web")["spec"]["template"]["spec"]
    [now] = spec["initContainers"]
    assert (now["image"], now["restartPolicy"]) == (image("web", NEW), "Always")
    assert now["readinessProbe"]["tcpSocket"] == {"port": 8080}
    row = live.rows()["web"]
    assert (row["state"], row["running"][0]["pods"]) == ("in-sync", 1)
