"""What pods run, counted by image and digest."""

from __future__ import annotations

from gitops_cli.domain.cluster.pods import RunningImage, running_images
from gitops_cli.domain.cluster.workload import (
    Ended,
    Observed,
    PodContainer,
)
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.recorded.environment import Kind
from tests.domain.cluster_values import SPACE, images, job, pod, running, workload


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
