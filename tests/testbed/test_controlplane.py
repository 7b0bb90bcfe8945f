"""The control plane does what tests rely on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.testbed import controlplane
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kube import ApiError, Kube, with_token
from tests.testbed.manifests import Manifest, deployment, workload
from tests.testbed.patience import HANGING, eventually

GOOD = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"


def waiting_reason(pod: Manifest) -> str:
    [container] = pod["status"].get("containerStatuses", [{}])
    reason: str = container.get("state", {}).get("waiting", {}).get("reason", "")
    return reason


def test_a_deployment_rolls_out(kube: Kube, namespace: str) -> None:
    kube.create(deployment("web", f"r/web:{GOOD}", init={"migrate": f"r/db:{GOOD}"}), namespace)
    kube.wait_rolled_out("Deployment", namespace, "web")
    [pod] = kube.pods(namespace, "web")
    [container] = pod["status"]["containerStatuses"]
    assert container["ready"]
    assert container["imageID"].startswith("docker.io/r/web@sha256:")
    [init] = pod["status"]["initContainerStatuses"]
    assert init["state"]["terminated"]["exitCode"] == 0


def test_an_image_that_does_not_exist_is_backed_off(kube: Kube, namespace: str) -> None:
    kube.create(
        deployment("web", "r/web:dead0000", progressDeadlineSeconds=1, minReadySeconds=0), namespace
    )
    seen = kube.wait("Deployment", namespace, "web", lambda found: "False" in progressing(found))
    assert "ProgressDeadlineExceeded" in progressing(seen)
    [pod] = kube.pods(namespace)
    waited = kube.wait(
        "Pod",
        namespace,
        pod["metadata"]["name"],
        lambda found: waiting_reason(found) == "ImagePullBackOff",
    )
    assert waited["status"]["phase"] == "Pending"
    eventually(
        lambda: (
            {event["reason"] for event in kube.find("Event", namespace)} >= {"BackOff", "Failed"}
        )
    )


def progressing(found: Manifest) -> str:
    conditions = found.get("status", {}).get("conditions", [])
    return "".join(f"{c['status']} {c['reason']}" for c in conditions if c["type"] == "Progressing")


def test_a_crashing_container_shows_its_exit_code_and_its_log(kube: Kube, namespace: str) -> None:
    kube.create(
        deployment("web", "r/web:dead1000", pod_annotations={"fake-node/exit-code": "3"}), namespace
    )
    eventually(
        lambda: [waiting_reason(pod) for pod in kube.pods(namespace)] == ["CrashLoopBackOff"]
    )
    [pod] = kube.pods(namespace)
    [container] = pod["status"]["containerStatuses"]
    assert container["restartCount"] >= 1
    assert container["lastState"]["terminated"]["exitCode"] == 3
    log = kube.request(
        "GET", f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/log", tailLines=1
    )
    assert log == "web: fatal, exit code 3\n"


def test_a_test_decides_when_pods_get_ready(kube: Kube, namespace: str) -> None:
    held = {"fake-node/fate": "unready"}
    kube.create(deployment("web", f"r/web:{GOOD}", pod_annotations=held), namespace)
    eventually(lambda: [pod["status"]["phase"] for pod in kube.pods(namespace)] == ["Running"])
    assert kube.get("Deployment", namespace, "web")["status"].get("readyReplicas", 0) == 0
    kube.let_ready(namespace)
    kube.wait_rolled_out("Deployment", namespace, "web")


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_kinds_roll_out(kube: Kube, namespace: str, kind: str) -> None:
    kube.create(workload(kind, "web", f"r/web:{GOOD}"), namespace)
    kube.wait_rolled_out(kind, namespace, "web")
    kube.set_image(kind, namespace, "web", "web", "r/web:other")
    kube.wait_rolled_out(kind, namespace, "web")
    assert {pod["spec"]["containers"][0]["image"] for pod in kube.pods(namespace)} == {
        "r/web:other"
    }


@pytest.mark.parametrize(("tag", "phase"), [(GOOD, "Succeeded"), ("dead3000", "Failed")])
def test_a_job_ends(kube: Kube, namespace: str, tag: str, phase: str) -> None:
    kube.create(workload("Job", "migrate", f"r/migrate:{tag}"), namespace)
    eventually(lambda: [pod["status"]["phase"] for pod in kube.pods(namespace)] == [phase])


def test_a_token_may_do_what_its_role_says(
    kube: Kube, namespace: str, control_plane: ControlPlane
) -> None:
    kube.create(deployment("web", f"r/web:{GOOD}"), namespace)
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
    bot = with_token(control_plane, kube.service_account(namespace, "bot", [rule]))
    assert [item["metadata"]["name"] for item in bot.find("Deployment", namespace)] == ["web"]
    with pytest.raises(ApiError, match="403") as refused:
        bot.find("Pod", namespace)
    assert refused.value.code == 403
    bot.close()


def test_a_json_patch_whose_test_fails_is_refused(kube: Kube, namespace: str) -> None:
    kube.create(deployment("web", f"r/web:{GOOD}"), namespace)
    patch = [{"op": "test", "path": "/spec/template/spec/containers/0/image", "value": "r/web:no"}]
    with pytest.raises(ApiError, match="422") as refused:
        kube.patch("Deployment", namespace, "web", patch)
    assert refused.value.body["reason"] == "Invalid"
    assert refused.value.body["details"] == {}


def test_the_second_start_finds_the_binary_and_is_quick(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    assert controlplane.is_running(control_plane.directory)
    before = controlplane.binary().stat().st_mtime
    begin = time.monotonic()
    assert controlplane.binary().stat().st_mtime == before
    assert time.monotonic() - begin < HANGING, "the binary was built again"


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\n[ "$1" = env ] && echo go1.26.0 && exit\necho no room; exit 1\n')
    go.chmod(0o755)
    failed = subprocess.run(
        [sys.executable, "-m", "tests.testbed.controlplane", "build"],
        cwd=Path(__file__).parents[2],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 1
    assert failed.stderr.endswith("could not be built; `go build` ended with 1:\nno room\n")
    assert not failed.stdout


def test_it_ends_with_its_owner(control_plane: ControlPlane, tmp_path: Path) -> None:
    """A test session that is killed leaves neither a process nor a folder."""
    program = """if True:
        import sys, time
        from pathlib import Path
        from tests.testbed.controlplane import Session
        session = Session(Path(sys.argv[1]))
        session.open()
        print(session.control_plane().pid, flush=True)
        time.sleep(600)
    """
    directory = tmp_path / "owned"
    directory.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", program, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as owner:
        assert owner.stdout
        assert int(owner.stdout.readline()) > 0
        assert controlplane.is_running(directory)
        os.kill(owner.pid, signal.SIGKILL)
    eventually(lambda: not controlplane.is_running(directory))
    eventually(lambda: not directory.exists())
