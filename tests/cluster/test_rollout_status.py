"""Every state of a rollout, held against `kubectl rollout status` on the same object.

Where we judge otherwise, the row says why: kubectl looks at the workload's status alone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitops_cli.cluster.connection import connect
from gitops_cli.domain.cluster.comparison import Row, State, Target, compare
from gitops_cli.domain.cluster.rollout import Phase, Rollout, judge
from gitops_cli.domain.cluster.sync import RolloutVerdict
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.waiting import Awaited, RolloutWait
from tests.testbed import controlplane
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kube import Kube
from tests.testbed.manifests import Manifest, workload
from tests.testbed.patience import PATIENCE, eventually
from tests.testbed.rollouts import install_rollouts, rollout, state

GOOD, BETTER = "r/web:" + "a" * 40, "r/web:" + "b" * 40
ABSENT, CRASHING, UNREADY = (f"r/web:dead{n}" + "0" * 35 for n in range(3))
FAILS = "r/web:dead3" + "0" * 35


class Case(NamedTuple):
    """A workload, what happens to it, until when, and who says what then.

    `kubectl` is a part of its words. `over` is what it concludes: done (True), not yet (False) or
    an error (None). `why` explains a verdict of ours that is not the same.
    """

    kind: Kind
    made: Manifest
    kubectl: str
    over: bool | None
    phase: Phase
    why: str = ""
    change: Mapping[str, Any] | None = None
    until: Callable[[Mapping[str, Any]], object] = lambda status: True


def deployment(image: str, **spec: Any) -> Manifest:
    return workload("Deployment", "web", image, **spec)


def stateful(image: str, **spec: Any) -> Manifest:
    return workload("StatefulSet", "web", image, **spec)


def daemon(image: str, **spec: Any) -> Manifest:
    return workload("DaemonSet", "web", image, **spec)


def nowhere(made: Manifest) -> Manifest:
    made["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
    return made


def image(new: str, **more: Any) -> dict[str, Any]:
    """Return what changes the image, and fields of the spec."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": new}]}}, **more}}


def partition(count: int) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": count}}


def ready(count: int) -> Callable[[Mapping[str, Any]], object]:
    return lambda status: status.get("readyReplicas", 0) == count


def updated(count: int, ready: int) -> Callable[[Mapping[str, Any]], object]:
    return lambda status: (
        status.get("updatedReplicas", 0) == count and status.get("readyReplicas", 0) == ready
    )


def reason(word: str) -> Callable[[Mapping[str, Any]], object]:
    return lambda status: any(c.get("reason") == word for c in status.get("conditions", ()))


ON_DELETE = {"type": "OnDelete"}
WAITS = "kubectl waits for ever"
BEFORE = "the condition is of the rollout before"
NO_PODS = "kubectl looks at no pods: it waits until the deadline"

CASES = {
    "deployment-complete": Case(
        Kind.DEPLOYMENT,
        deployment(GOOD),
        "successfully rolled out",
        True,
        Phase.COMPLETE,
        until=ready(1),
    ),
    "deployment-scaled-to-0": Case(
        Kind.DEPLOYMENT,
        deployment(GOOD, replicas=0),
        "successfully rolled out",
        True,
        Phase.COMPLETE,
    ),
    "deployment-unready": Case(
        Kind.DEPLOYMENT,
        deployment(UNREADY),
        "0 of 1 updated replicas are available",
        False,
        Phase.PROGRESSING,
        until=updated(1, 0),
    ),
    "deployment-half-way": Case(
        Kind.DEPLOYMENT,
        deployment(GOOD, replicas=4),
        "out of 4 new replicas have been updated",
        False,
        Phase.PROGRESSING,
        change=image(UNREADY),
        until=updated(2, 3),
    ),
    "deployment-old-ones-left": Case(
        Kind.DEPLOYMENT,
        deployment(GOOD),
        "1 old replicas are pending termination",
        False,
        Phase.PROGRESSING,
        change=image(UNREADY),
        until=updated(1, 1),
    ),
    "deployment-deadline-exceeded": Case(
        Kind.DEPLOYMENT,
        deployment(UNREADY, progressDeadlineSeconds=1),
        "exceeded its progress deadline",
        None,
        Phase.FAILED,
        until=reason("ProgressDeadlineExceeded"),
    ),
    "deployment-deadline-of-the-rollout-before": Case(
        Kind.DEPLOYMENT,
        deployment(UNREADY, progressDeadlineSeconds=2),
        "exceeded its progress deadline",
        None,
        Phase.HALTED,
        BEFORE,
        change=image(GOOD, paused=True, progressDeadlineSeconds=600),
        until=reason("ProgressDeadlineExceeded"),
    ),
    "deployment-paused": Case(
        Kind.DEPLOYMENT,
        deployment(GOOD),
        "0 out of 1 new replicas have been updated",
        False,
        Phase.HALTED,
        WAITS,
        change=image(BETTER, paused=True),
        until=ready(1),
    ),
    "deployment-image-not-there": Case(
        Kind.DEPLOYMENT,
        deployment(ABSENT),
        "0 of 1 updated replicas are available",
        False,
        Phase.FAILED,
        NO_PODS,
        until=updated(1, 0),
    ),
    "deployment-crashing": Case(
        Kind.DEPLOYMENT,
        deployment(CRASHING),
        "0 of 1 updated replicas are available",
        False,
        Phase.PROGRESSING,
        until=updated(1, 0),
    ),
    "statefulset-complete": Case(
        Kind.STATEFULSET,
        stateful(GOOD, replicas=2),
        "roll out complete: 2 new pods",
        True,
        Phase.COMPLETE,
        until=ready(2),
    ),
    "statefulset-unready": Case(
        Kind.STATEFULSET,
        stateful(UNREADY),
        "Waiting for 1 pods to be ready",
        False,
        Phase.PROGRESSING,
        until=updated(1, 0),
    ),
    "statefulset-half-way": Case(
        Kind.STATEFULSET,
        stateful(GOOD, replicas=2),
        "Waiting for 1 pods to be ready",
        False,
        Phase.PROGRESSING,
        change=image(UNREADY),
        until=ready(1),
    ),
    "statefulset-scaled-to-0": Case(
        Kind.STATEFULSET,
        stateful(GOOD, replicas=0),
        "roll out complete: 0 new pods",
        True,
        Phase.COMPLETE,
    ),
    "statefulset-canary": Case(
        Kind.STATEFULSET,
        stateful(GOOD, replicas=3, updateStrategy=partition(2)),
        "partitioned roll out complete: 1 new pods have been updated",
        True,
        Phase.PARTITIONED,
        change=image(BETTER),
        until=updated(1, 3),
    ),
    "statefulset-canary-unready": Case(
        Kind.STATEFULSET,
        stateful(GOOD, replicas=3, updateStrategy=partition(2)),
        "Waiting for 1 pods to be ready",
        False,
        Phase.PROGRESSING,
        change=image(UNREADY),
        until=updated(1, 2),
    ),
    "statefulset-partition-holds-all": Case(
        Kind.STATEFULSET,
        stateful(GOOD, replicas=2, updateStrategy=partition(2)),
        "partitioned roll out complete: 0 new pods",
        True,
        Phase.HALTED,
        "no pod runs what was asked for",
        change=image(BETTER),
        until=ready(2),
    ),
    "statefulset-on-delete": Case(
        Kind.STATEFULSET,
        stateful(GOOD, updateStrategy=ON_DELETE),
        "only available for RollingUpdate strategy type",
        None,
        Phase.HALTED,
        "kubectl knows no such rollout",
        change=image(BETTER),
        until=ready(1),
    ),
    "statefulset-on-delete-complete": Case(
        Kind.STATEFULSET,
        stateful(GOOD, updateStrategy=ON_DELETE),
        "only available for RollingUpdate strategy type",
        None,
        Phase.COMPLETE,
        "kubectl knows no such rollout",
        until=ready(1),
    ),
    "daemonset-complete": Case(
        Kind.DAEMONSET,
        daemon(GOOD),
        "successfully rolled out",
        True,
        Phase.COMPLETE,
        until=lambda status: status.get("numberAvailable") == status["desiredNumberScheduled"] > 0,
    ),
    "daemonset-unready": Case(
        Kind.DAEMONSET,
        daemon(UNREADY),
        "updated pods are available",
        False,
        Phase.PROGRESSING,
        until=lambda status: status.get("updatedNumberScheduled", 0) > 0,
    ),
    "daemonset-no-node": Case(
        Kind.DAEMONSET,
        nowhere(daemon(GOOD)),
        "successfully rolled out",
        True,
        Phase.COMPLETE,
        until=lambda status: status["desiredNumberScheduled"] == 0,
    ),
    "daemonset-on-delete": Case(
        Kind.DAEMONSET,
        daemon(GOOD, updateStrategy=ON_DELETE),
        "only available for RollingUpdate strategy type",
        None,
        Phase.HALTED,
        "kubectl knows no such rollout",
        change=image(BETTER),
        until=lambda status: status.get("numberAvailable", 0) > 0,
    ),
    "cronjob": Case(
        Kind.CRONJOB,
        workload("CronJob", "web", GOOD),
        "no status viewer",
        None,
        Phase.COMPLETE,
        "kubectl knows no rollout of it",
    ),
}


@pytest.fixture(scope="session")
def kubectl() -> Path:
    """Return kubectl, of the control plane's release."""
    return controlplane.binary("kubectl")


class Said(NamedTuple):
    """What kubectl said, and concluded."""

    words: str
    over: bool | None


def by_kubectl(kubectl: Path, plane: ControlPlane, namespace: str, kind: str) -> Said:
    where = ["--kubeconfig", plane.kubeconfig, "-n", namespace]
    done = subprocess.run(
        [kubectl, *where, "rollout", "status", "--watch=false", f"{kind.lower()}/web"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return Said(done.stderr, None)
    return Said(done.stdout, "Waiting for" not in done.stdout)


class Ours(NamedTuple):
    """What we say: the judgement, the row of a diff, and how a wait ends."""

    rollout: Rollout
    row: Row
    verdict: RolloutVerdict


def by_us(
    plane: ControlPlane, namespace: str, kind: Kind, image: str, *, seconds: float = PATIENCE
) -> Ours:
    space = EnvironmentName(namespace)
    files = {f"{space}/images_path": "r/", f"{space}/web{kind.suffix}": image.partition(":")[2]}
    raw = [RawFile(path, text.encode()) for path, text in files.items()]
    wanted = parse_environment_files(space, raw)
    cluster = connect(kubeconfig=plane.kubeconfig)
    try:
        observed = cluster.observe([Target(space, frozenset({kind}))])[space]
        awaited = Awaited(cluster, {space: frozenset(wanted.files)})
        waiting = RolloutWait([awaited], {space: wanted}, TeamSettings(), now=now)
        [ended] = waiting.run(seconds).values()
    finally:
        cluster.close()
    [found] = observed.workloads
    pods, jobs = observed.pods_of(found), observed.jobs_of(found)
    [row] = compare(wanted, observed, now=now()).rows
    return Ours(judge(found, pods, jobs, now=now()), row, ended.verdict)


def now() -> datetime:
    return datetime.now(UTC)


def seconds_of(phase: Phase) -> float:
    """Return how long to wait for a rollout: what never ends is given two seconds."""
    return 2 if phase is Phase.PROGRESSING else PATIENCE


STATES = {Phase.COMPLETE: State.IN_SYNC, Phase.FAILED: State.FAILED}  # else it is rolling
VERDICTS = {
    Phase.COMPLETE: RolloutVerdict.READY,
    Phase.PARTITIONED: RolloutVerdict.READY,
    Phase.HALTED: RolloutVerdict.HALTED,
    Phase.FAILED: RolloutVerdict.FAILED,
    Phase.PROGRESSING: RolloutVerdict.TIMED_OUT,
}


def check(found: Ours, phase: Phase) -> None:
    """Fail unless judgement, state and the end of a wait belong together."""
    assert found.rollout.phase is phase, found
    troubled = found.rollout.trouble is not None
    assert found.row.state is (State.FAILED if troubled else STATES.get(phase, State.ROLLING)), (
        found.row
    )
    assert found.verdict is VERDICTS[phase]


def seen(made: Manifest) -> bool:
    observed = made.get("status", {}).get("observedGeneration", 0)
    return made["kind"] == "CronJob" or observed >= made["metadata"]["generation"]


@pytest.mark.parametrize("name", CASES)
def test_as_kubectl_or_better(
    name: str, kube: Kube, namespace: str, control_plane: ControlPlane, kubectl: Path
) -> None:
    case = CASES[name]
    kind = case.kind.value
    kube.create(case.made, namespace)
    if case.change is not None:
        first = reason("ProgressDeadlineExceeded") if case.why == BEFORE else None
        eventually(lambda: settled(kube.get(kind, namespace, "web"), first))
        kube.patch(kind, namespace, "web", case.change, strategic=True)

    def arrived() -> bool:
        found = kube.get(kind, namespace, "web")
        are_there = all(pod["status"].get("containerStatuses") for pod in kube.pods(namespace))
        return seen(found) and bool(case.until(found.get("status", {}))) and are_there

    eventually(arrived)
    said = by_kubectl(kubectl, control_plane, namespace, kind)
    image = image_of(kube.get(kind, namespace, "web"))
    found = by_us(control_plane, namespace, case.kind, image, seconds=seconds_of(case.phase))
    assert case.kubectl in said.words
    assert said.over is case.over
    check(found, case.phase)
    agree = {True: Phase.COMPLETE, False: Phase.PROGRESSING, None: Phase.FAILED}[case.over]
    alike = case.phase is agree or (case.phase is Phase.PARTITIONED and case.over is True)
    assert alike or case.why, "a difference has to be explained"


def image_of(made: Manifest) -> str:
    spec = made["spec"]
    spec = spec["jobTemplate"]["spec"] if made["kind"] == "CronJob" else spec
    return str(spec["template"]["spec"]["containers"][0]["image"])


def settled(made: Manifest, otherwise: Callable[[Mapping[str, Any]], object] | None) -> bool:
    """Tell whether what was made at first runs, or is where the case wants it."""
    status = made.get("status", {})
    if not seen(made):
        return False
    if otherwise is not None:
        return bool(otherwise(status))
    wanted = made["spec"].get("replicas") or status.get("desiredNumberScheduled", 0)
    return bool(wanted) and status.get("readyReplicas", status.get("numberReady", 0)) == wanted


BLUE_GREEN = {"blueGreen": {"activeService": "web"}}
BY_ITSELF = {"blueGreen": {"activeService": "web", "autoPromotionSeconds": 30}}
BLUE_PAUSE = [{"reason": "BlueGreenPause", "startTime": "2026-11-30T00:00:00Z"}]
COUNTS = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
PAUSE = [{"reason": "CanaryPauseStep", "startTime": "2026-11-30T00:00:00Z"}]


@pytest.mark.parametrize(
    ("status", "phase", "spec"),
    [
        pytest.param({"phase": "Healthy", **COUNTS}, Phase.COMPLETE, {}, id="healthy"),
        pytest.param({"phase": "Progressing", **COUNTS}, Phase.PROGRESSING, {}, id="progressing"),
        pytest.param({"phase": "Degraded", **COUNTS}, Phase.FAILED, {}, id="degraded"),
        pytest.param(
            {"phase": "Paused", **COUNTS, "currentStepIndex": 1, "pauseConditions": PAUSE},
            Phase.HALTED,
            {},
            id="paused",
        ),
        pytest.param(
            {"phase": "Paused", **COUNTS, "message": "manually paused"},
            Phase.HALTED,
            {"paused": True},
            id="paused-by-hand",
        ),
        pytest.param(
            {"phase": "Paused", **COUNTS, "pauseConditions": BLUE_PAUSE, "controllerPause": True},
            Phase.HALTED,
            {"strategy": BLUE_GREEN},
            id="blue-green-waits-for-a-person",
        ),
        pytest.param(
            {"phase": "Paused", **COUNTS, "pauseConditions": BLUE_PAUSE, "controllerPause": True},
            Phase.PROGRESSING,
            {"strategy": BY_ITSELF},
            id="blue-green-goes-on-by-itself",
        ),
        pytest.param(
            {"phase": "Paused", **COUNTS, "currentStepIndex": 1, "controllerPause": True},
            Phase.PROGRESSING,
            {},
            id="promoted-and-not-seen-yet",
        ),
        pytest.param(
            {"phase": "Healthy", **COUNTS, "observedGeneration": "0"},
            Phase.PROGRESSING,
            {},
            id="not-seen-yet",
        ),
        pytest.param({}, Phase.PROGRESSING, {}, id="nothing-said-yet"),
    ],
)
def test_a_rollout_by_its_own_status(
    status: dict[str, Any],
    phase: Phase,
    spec: dict[str, Any],
    kube: Kube,
    namespace: str,
    control_plane: ControlPlane,
    kubectl: Path,
) -> None:
    """kubectl knows no rollout of it: `kubectl argo rollouts status` reads these fields, as its
    GetRolloutPhase does (v1.8).
    """
    install_rollouts(kube)
    kube.create(rollout("web", GOOD, replicas=2, **spec), namespace)
    state(kube, namespace, "web", status)
    said = by_kubectl(kubectl, control_plane, namespace, "Rollout")
    assert said.over is None
    assert 'no kind "Rollout" is registered' in said.words
    seconds = seconds_of(phase)
    check(by_us(control_plane, namespace, Kind.ROLLOUT, GOOD, seconds=seconds), phase)


def test_a_cronjobs_last_run_is_told_but_is_no_rollout(
    kube: Kube, namespace: str, control_plane: ControlPlane
) -> None:
    kube.create(workload("CronJob", "web", FAILS), namespace)
    kube.let_run(namespace, "web")
    eventually(lambda: any(j["status"].get("failed") for j in kube.find("Job", namespace)))
    found = by_us(control_plane, namespace, Kind.CRONJOB, FAILS)
    assert (found.row.state, found.verdict) == (State.FAILED, RolloutVerdict.READY)
