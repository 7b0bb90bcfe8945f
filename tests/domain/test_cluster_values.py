"""What is read of a cluster and said of it: pods, rights, commands to type, portable objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_cli.domain.cluster.advice import commands, make_namespace
from gitops_cli.domain.cluster.capturing import Capture, Found, Skipped, captured
from gitops_cli.domain.cluster.comparison import Row, State, telling
from gitops_cli.domain.cluster.manifest import portable
from gitops_cli.domain.cluster.pods import RunningImage, running_images
from gitops_cli.domain.cluster.rights import Right
from gitops_cli.domain.cluster.rollout import Phase, Rollout, Trouble, judge, leaving
from gitops_cli.domain.cluster.workload import (
    COMMIT,
    Condition,
    Container,
    Counts,
    Ended,
    Job,
    Observed,
    Pod,
    PodContainer,
    Stated,
    Workload,
)
from gitops_cli.domain.cluster.writers import Writer, image_writer
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.version import Version

A, B = "a" * 40, "b" * 40
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SPACE, WEB = EnvironmentName("shop"), ServiceName("web")


def workload(
    *images: str, name: str = "web", kind: Kind = Kind.DEPLOYMENT, **more: Any
) -> Workload:
    names = (name, "sidecar", "third")
    containers = tuple(
        Container(names[index], image, f"/{index}") for index, image in enumerate(images)
    )
    return Workload(kind, SPACE, ServiceName(name), containers, **more)


# --- commands to type


def test_without_a_pod_the_workload_is_described() -> None:
    for trouble in (None, Trouble("FailedCreate")):
        assert commands(SPACE, Kind.STATEFULSET, "web", trouble, None) == (
            "kubectl describe statefulset/web -n shop",
        )
    assert commands(SPACE, Kind.CRONJOB, "web", None, "prod") == (
        "kubectl describe cronjob/web -n shop --context prod",
    )


def test_a_pod_whose_container_never_ran_is_described() -> None:
    pod = Trouble("ImagePullBackOff", pod="web-1", container="web")
    nowhere = Trouble("Unschedulable", pod="web-1", exit_code=1)

    for trouble in (pod, nowhere):
        assert commands(SPACE, Kind.DEPLOYMENT, "web", trouble, "a b") == (
            "kubectl describe pod web-1 -n shop --context 'a b'",
        )
    assert commands(SPACE, Kind.DEPLOYMENT, "web", pod._replace(blocks=True), None) == (
        "kubectl describe pod web-1 -n shop",
        "kubectl delete pod web-1 -n shop",
    )


def test_a_container_that_ran_has_logs_and_a_shell() -> None:
    ran = Trouble("Error", pod="web-1", container="app", exit_code=1)
    shell = "kubectl debug -it web-1 -n shop --copy-to=web-1-debug -c app -- sh"

    assert commands(SPACE, Kind.DEPLOYMENT, "web", ran, None) == (
        "kubectl logs web-1 -c app -n shop",
        shell,
    )
    again = ran._replace(restarts=2, blocks=True)
    assert commands(SPACE, Kind.DEPLOYMENT, "web", again, None) == (
        "kubectl logs web-1 -c app --previous -n shop",
        shell,
        "kubectl delete pod web-1 -n shop",
    )


def test_a_namespace_is_made_where_it_is_missing() -> None:
    assert make_namespace(SPACE, None) == "kubectl create namespace shop"
    assert make_namespace(SPACE, "prod") == "kubectl create namespace shop --context prod"


# --- rights


@pytest.mark.parametrize(
    ("right", "resource", "text"),
    [
        (Right("patch", Kind.DEPLOYMENT), "deployments.apps", "patch deployments.apps"),
        (
            Right("list", Kind.CRONJOB, "shop"),
            "cronjobs.batch",
            "list cronjobs.batch in shop",
        ),
        (Right("get", "pods", "shop", subresource="log"), "pods/log", "get pods/log in shop"),
        (Right("get", "pods"), "pods", "get pods"),
    ],
)
def test_a_right_as_a_role_and_as_people_have_it(right: Right, resource: str, text: str) -> None:
    assert right.role_resource == resource
    assert str(right) == text


# --- what a namespace runs, read as an environment


def test_the_images_path_is_what_most_images_share() -> None:
    found = captured(
        [
            workload(f"r/shop/web:{A}"),
            workload(f"r/shop/db:{A}", name="db", kind=Kind.STATEFULSET),
            workload(f"other/log:{A}", name="log"),
        ]
    )

    assert found == Capture(
        "r/shop/",
        (
            Found(ServiceName("db"), Kind.STATEFULSET, Version(A)),
            Found(WEB, Kind.DEPLOYMENT, Version(A)),
        ),
        (Skipped("log", Kind.DEPLOYMENT, f"its image is not r/shop/log: other/log:{A}"),),
    )


def test_nothing_tells_the_images_path() -> None:
    assert captured([workload(f"nginx:{A}")]) is None
    assert captured([workload(f"r/A/web:{A}")]) is None, "no registry has it"
    assert captured([]) is None
    given = captured([workload(f"nginx:{A}")], images_path="r/")
    assert given is not None
    assert given.images_path == "r/"


def test_of_two_workloads_of_one_name_the_first_kind_is_recorded() -> None:
    both = [workload(f"r/web:{B}", kind=Kind.CRONJOB), workload(f"r/web:{A}")]

    found = captured(both, images_path="r/")

    assert found is not None
    assert found.found == (Found(WEB, Kind.DEPLOYMENT, Version(A)),)
    assert found.skipped == (
        Skipped("web", Kind.CRONJOB, "another kind of workload has the same name"),
    )


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (("r/web",), "its image has no tag"),
        ((f"r/web@sha256:{'0' * 64}",), "its image has no tag"),
        ((f"r/web:{A}", f"r/web:{B}"), "its containers do not agree"),
        (("r/web:-x",), "`-x` is no tag"),
        (("nginx:1", "redis:2"), "its image is not r/web: nginx:1, redis:2"),
    ],
)
def test_what_cannot_be_recorded(images: tuple[str, ...], reason: str) -> None:
    found = captured([workload(*images)], images_path="r/")

    assert found is not None
    assert found == Capture("r/", (), (Skipped("web", Kind.DEPLOYMENT, reason),))


def test_a_name_that_is_no_service() -> None:
    found = captured([workload(f"r/a..b:{A}", name="a..b")], images_path="r/")

    assert found is not None
    assert [s.reason for s in found.skipped] == ["its name cannot be that of a service"]


def test_a_sidecar_of_another_repository_does_not_matter() -> None:
    found = captured([workload(f"r/web:{A}", "envoy:1", f"r/web:{A}")], images_path="r/")

    assert found is not None
    assert found.found == (Found(WEB, Kind.DEPLOYMENT, Version(A)),)


def test_only_what_was_chosen_is_captured() -> None:
    all_ = [workload(f"r/web:{A}"), workload(f"q/db:{A}", name="db")]

    found = captured(all_, chosen=[ServiceName("db")])

    assert found is not None
    assert (found.images_path, [f.service for f in found.found]) == ("q/", ["db"])


# --- an object for another cluster


def test_a_manifest_is_without_what_only_one_cluster_knows() -> None:
    own = dict.fromkeys(
        (
            *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
            *("deletionGracePeriodSeconds", "managedFields", "selfLink", "namespace"),
            *("ownerReferences", "generateName", "finalizers"),
        ),
        "x",
    )
    noted = dict.fromkeys(
        (
            "deployment.kubernetes.io/revision",
            "deprecated.daemonset.template.generation",
            "kubectl.kubernetes.io/last-applied-configuration",
            "kubernetes.io/change-cause",
            "gitops-cli/commit",
        ),
        "x",
    )
    item = {
        "apiVersion": "old/v1",
        "kind": "Old",
        "metadata": {"name": "web", "labels": {"a": "b"}, "annotations": noted | {"k": "v"}} | own,
        "spec": {
            "template": {"metadata": {"creationTimestamp": None, "labels": {}}},
            "volumeClaimTemplates": [{"metadata": {"creationTimestamp": None, "name": "d"}}],
            "at": {"creationTimestamp": "kept"},
            "clusterIP": "10.0.0.1",
        },
        "status": {"x": 1},
        "data": None,
    }

    assert portable("apps/v1", "StatefulSet", item) == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", "labels": {"a": "b"}, "annotations": {"k": "v"}},
        "spec": {
            "template": {"metadata": {"labels": {}}},
            "volumeClaimTemplates": [{"metadata": {"name": "d"}}],
            "at": {"creationTimestamp": "kept"},
            "clusterIP": "10.0.0.1",
        },
        "data": None,
    }


def test_annotations_that_are_all_the_clusters_go_altogether() -> None:
    item = {"metadata": {"name": "x", "annotations": {"gitops-cli/commit": "a"}}}

    assert portable("v1", "ConfigMap", item)["metadata"] == {"name": "x"}
    assert portable("v1", "ConfigMap", {"metadata": {"name": "x", "annotations": None}}) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x"},
    }


def test_a_service_gets_its_addresses_anew() -> None:
    spec = {
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"],
        "healthCheckNodePort": 1,
        "ports": [{"port": 80, "nodePort": 30000}, {"port": 81}],
        "type": "NodePort",
    }

    made = portable("v1", "Service", {"metadata": {"name": "x"}, "spec": spec})

    assert made["spec"] == {"ports": [{"port": 80}, {"port": 81}], "type": "NodePort"}
    bare = portable("v1", "Service", {"metadata": {"name": "x"}, "spec": {"type": "ExternalName"}})
    assert bare["spec"] == {"type": "ExternalName", "ports": []}
    headless = {"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"nodePort": 1}]}
    kept = portable("v1", "Service", {"metadata": {"name": "x"}, "spec": headless})
    assert kept["spec"] == headless


# --- what pods run


def pod(*containers: PodContainer, owner: str = "web-5", **more: Any) -> Pod:
    given = {"phase": "Running"} | more
    kind = given.pop("owner_kind", "ReplicaSet")
    return Pod("p", kind, owner, "5", NOW, given.pop("phase"), containers, **given)


def running(image: str, digest: str | None = "sha256:0", *, name: str = "web") -> PodContainer:
    return PodContainer(name, image, digest, running=True)


def images(*pods: Pod) -> tuple[RunningImage, ...] | None:
    of = workload("r/web:1")
    return running_images(of.containers[0], of, Observed(SPACE, (of,), pods))


def test_pods_are_counted_by_image_and_digest() -> None:
    old, new = running("r/web:1"), running("r/web:2")
    other = running("r/web:1", "sha256:1")
    found = images(pod(old), pod(new), pod(new), pod(other), pod(running("x", name="sidecar")))

    assert found == (
        RunningImage(ImageRef("r/web", "2"), "sha256:0", 2),
        RunningImage(ImageRef("r/web", "1"), "sha256:0", 1),
        RunningImage(ImageRef("r/web", "1"), "sha256:1", 1),
    )


def test_of_equally_many_the_first_name_comes_first() -> None:
    found = images(pod(running("r/web:2")), pod(running("r/web:1")))

    assert found is not None
    assert [str(each.image) for each in found] == ["r/web:1", "r/web:2"]


def test_what_ends_or_waits_does_not_run() -> None:
    waits = PodContainer("web", "r/web:1", waiting="ContainerCreating")
    ended = PodContainer("web", "r/web:1", ended=Ended(0))

    assert images(pod(running("r/web:1"), deleting=True)) == ()
    assert images(pod(running("r/web:1"), phase="Failed")) == ()
    assert images(pod(running("r/web:1"), phase="Succeeded")) == ()
    assert images(pod(waits), pod(ended)) == ()
    of = workload("r/web:1")
    assert running_images(of.containers[0], of, Observed(SPACE, (of,))) is None


def test_an_init_container_has_run_when_it_has_ended() -> None:
    init = PodContainer("web", "r/web:1", "sha256:0", init=True)

    assert images(pod(init)) == ()
    assert images(pod(init._replace(ended=Ended(0)))) == (
        RunningImage(ImageRef("r/web", "1"), "sha256:0", 1),
    )


def job(name: str, minutes: int, image: str = "r/web:1", *, container: str = "web") -> Job:
    containers = (Container(container, image, "/0"),)
    return Job(name, "web", NOW + timedelta(minutes=minutes), containers)


def test_a_cronjob_runs_what_its_last_job_ran() -> None:
    cron = workload("r/web:9", kind=Kind.CRONJOB)
    of = cron.containers[0]
    jobs = (job("web-2", 2, "r/web:2"), job("web-1", 1))
    pods = (
        pod(running("r/web:1", "sha256:1"), owner="web-1", owner_kind="Job"),
        pod(running("x", "sha256:7", name="sidecar"), owner="web-2", owner_kind="Job"),
        pod(running("r/web:2", "sha256:2"), owner="web-2", owner_kind="Job"),
    )
    last = ImageRef("r/web", "2")

    assert running_images(of, cron, Observed(SPACE, (cron,), pods, jobs)) == (
        RunningImage(last, "sha256:2", 1),
    )
    assert running_images(of, cron, Observed(SPACE, (cron,), None, jobs)) == (
        RunningImage(last, None, 1),
    )
    assert running_images(of, cron, Observed(SPACE, (cron,), pods[:2], jobs)) == (
        RunningImage(last, None, 1),
    )
    assert running_images(of, cron, Observed(SPACE, (cron,), pods, ())) == ()
    assert running_images(of, cron, Observed(SPACE, (cron,), pods)) is None
    other = (job("web-3", 3, container="other"),)
    assert running_images(of, cron, Observed(SPACE, (cron,), pods, other)) == ()


# --- workloads


def test_a_workload_as_values() -> None:
    ready = Condition("Available", True)
    web = workload("r/web:1", annotations={COMMIT: A}, conditions=(ready,))

    assert (web.commit, web.resource) == (A, "deployment/web")
    assert web.condition("Available") is ready
    assert web.condition("Progressing") is None
    assert workload("r/web:1").commit is None


def test_pods_belong_to_their_workload() -> None:
    web, stateful = workload("r/web:1"), workload("r/web:1", kind=Kind.STATEFULSET)
    mine = pod(owner="web-5")
    other, near = pod(owner="web-6"), pod(owner="web-x-5")
    own = pod(owner="web", owner_kind="StatefulSet")
    seen = Observed(SPACE, (web, stateful), (mine, other, near, own))

    assert seen.pods_of(web) == (mine,)
    assert seen.pods_of(stateful) == (own,)
    assert seen.workload(Kind.STATEFULSET, WEB) is stateful
    assert seen.workload(Kind.DAEMONSET, WEB) is None
    assert Observed(SPACE, (web,)).pods_of(web) is None
    cron = workload("r/web:1", kind=Kind.CRONJOB)
    ran = pod(owner="web-1", owner_kind="Job")
    jobs = (job("web-1", 1), job("web-2", 2))
    assert Observed(SPACE, (cron,), (ran, mine), jobs).pods_of(cron) == (ran,)
    assert Observed(SPACE, (cron,), (), jobs).jobs_of(cron) == jobs
    assert Observed(SPACE, (cron,), ()).jobs_of(cron) == ()


# --- Rollouts of Argo, judged by their own controller


def stated(phase: str, message: str = "", *, goes_on: bool = False) -> Workload:
    counts = Counts(wanted=2, existing=2, updated=1, ready=1, available=1)
    said = Stated(phase, message, goes_on)
    return workload("r/web:1", kind=Kind.ROLLOUT, counts=counts, stated=said)


@pytest.mark.parametrize(
    ("of", "phase", "message"),
    [
        (stated("Healthy"), Phase.COMPLETE, ""),
        (stated("Degraded", "the analysis failed"), Phase.FAILED, "the analysis failed"),
        (stated("Degraded"), Phase.FAILED, "Degraded"),
        (
            stated("Paused"),
            Phase.HALTED,
            "paused: somebody has to promote it; `kubectl argo rollouts promote web -n shop`",
        ),
        (
            stated("Paused", "CanaryPauseStep"),
            Phase.HALTED,
            "paused: CanaryPauseStep; `kubectl argo rollouts promote web -n shop`",
        ),
        (stated("Paused", "for 30 s", goes_on=True), Phase.PROGRESSING, "for 30 s"),
        (stated("Progressing", "more replicas"), Phase.PROGRESSING, "more replicas"),
        (stated("Progressing"), Phase.PROGRESSING, "1 of 2 updated"),
    ],
)
def test_a_rollout_is_judged_by_what_its_controller_says(
    of: Workload, phase: Phase, message: str
) -> None:
    found = judge(of)

    assert (found.phase, found.message) == (phase, message)
    assert found.counts == ((2, 2) if phase is Phase.COMPLETE else (1, 2))
    degraded = of.stated is not None and of.stated.phase == "Degraded"
    expected = (
        Trouble("Degraded", of.stated.message, final=True) if degraded and of.stated else None
    )
    assert found.trouble == expected


def test_a_rollouts_pods_say_why() -> None:
    waits = PodContainer("web", "r/web:1", waiting="ImagePullBackOff", message="x not found")
    failing = pod(waits, ready=False)

    for phase in ("Progressing", "Degraded"):
        found = judge(stated(phase, "said"), [failing])
        assert (found.phase, found.message) == (Phase.FAILED, "said")
        assert found.trouble is not None
        assert found.trouble.reason == "ImagePullBackOff"
    slow = pod(waits._replace(message="no route"), ready=False)
    assert judge(stated("Progressing"), [slow]).phase is Phase.PROGRESSING
    halted = judge(stated("Paused"), [slow])
    assert (halted.phase, halted.trouble is None) == (Phase.HALTED, False)


def test_a_rollout_that_has_not_seen_the_change() -> None:
    found = judge(stated("Healthy"), generation=3)

    assert (found.phase, found.message) == (
        Phase.PROGRESSING,
        "its controller has not seen the change yet",
    )


def test_pods_that_a_rollout_replaces() -> None:
    of = workload("r/web:2")
    new, old = pod(running("r/web:2")), pod(running("r/web:1"))._replace(revision="4")
    ends, over = new._replace(name="e", deleting=True), old._replace(phase="Failed")

    assert leaving(of, [new, old, ends, over]) == (old, ends)
    assert leaving(of._replace(partition=1), [new, old, ends]) == (ends,)
    assert leaving(of._replace(kind=Kind.CRONJOB), [old]) == ()


# --- who wrote an image


def fields(*containers: str) -> dict[str, Any]:
    """Return what the API server keeps of a writer of these containers' images."""
    below = {f'k:{{"name":"{name}"}}': {"f:image": {}} for name in containers}
    return {"f:spec": {"f:template": {"f:containers": {**below, 'k:{"name":"no"}': {"f:x": {}}}}}}


def test_the_last_writer_of_an_image() -> None:
    def entry(manager: str | None, time: str | None, *containers: str) -> dict[str, Any]:
        return {"manager": manager, "time": time, "fieldsV1": fields(*containers)}

    managed = [
        entry("kubectl", "2026-11-23T10:00:00Z", "web"),
        entry("gitops", "2026-11-23T11:00:00Z", "web", "sidecar"),
        entry("other", "2026-11-23T12:00:00Z", "sidecar"),
        entry("old", None, "web"),
        entry("zoneless", "2026-11-23T13:00:00", "web"),
        {"manager": "broken", "fieldsV1": ["no fields"]},
    ]
    manifest = {"metadata": {"managedFields": managed}}
    at = datetime(2026, 11, 23, 11, tzinfo=UTC)

    assert image_writer(manifest, "web") == Writer("gitops", at)
    assert image_writer(manifest, "sidecar") == Writer("other", at + timedelta(hours=1))
    assert image_writer(manifest, "no") is None
    assert image_writer({"metadata": {}}, "web") is None
    assert image_writer({"metadata": {"managedFields": [entry("", "x", "web")]}}, "web") == (
        Writer("somebody", None)
    )
    assert image_writer({"metadata": {"managedFields": [entry("a\nb", None, "w")]}}, "w") == (
        Writer("a b", None)
    )


# --- rows


def row(state: State, rollout: Rollout | None = None) -> Row:
    return Row(SPACE, WEB, Kind.DEPLOYMENT, state, rollout=rollout)


def test_a_row_is_explained_by_an_answer() -> None:
    answer = Trouble("ImagePullBackOff", "not found")
    guess = Rollout(Phase.PROGRESSING, "said", suspicion=Trouble("FailedCreate"))
    known = Rollout(Phase.PROGRESSING, "said", trouble=Trouble("ErrImagePull"))

    for rollout in (guess, known):
        found = row(State.ROLLING, rollout).with_answer(answer)
        assert (found.state, found.reason) == (State.FAILED, "ImagePullBackOff: not found")
        assert found.rollout == Rollout(Phase.PROGRESSING, "said", trouble=answer)
    bare = row(State.ROLLING)
    assert bare.with_answer(answer) is bare
    plain = row(State.ROLLING, Rollout(Phase.PROGRESSING))
    assert plain.with_answer(Trouble("x")) is plain
    assert plain.with_answer(answer).state is State.FAILED


def test_the_row_that_says_most_of_a_service() -> None:
    order = [
        *(State.UNCLEAR, State.MISSING, State.DIFFERS, State.FAILED, State.ROLLING),
        *(State.DIGEST, State.IN_SYNC, State.UNTRACKED),
    ]

    for index, state in enumerate(order):
        rows = [row(each) for each in reversed(order[index:])]
        assert telling(rows).state is state
