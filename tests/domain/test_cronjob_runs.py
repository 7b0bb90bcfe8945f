"""How a CronJob's last run went, judged from literals."""

from __future__ import annotations

from datetime import timedelta

from gitops_cli.domain.cluster.rollout import Phase, judge
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import (
    Condition,
    Container,
    Counts,
    Ended,
    Job,
    Pod,
    PodContainer,
)
from gitops_cli.domain.recorded.environment import Kind
from tests.domain.test_rollout import BEGIN, waiting, workload

CRON = workload(Kind.CRONJOB, Counts())
FAILED = Condition("Failed", True, "BackoffLimitExceeded", "Job has reached the limit")


def job(name: str = "web-1", image: str = "r/web:1", **more: object) -> Job:
    made = Job(name, "web", BEGIN, (Container("web", image, "/0"),))
    return made._replace(**more)  # type: ignore[arg-type]


def job_pod(container: PodContainer, name: str = "web-1") -> Pod:
    return Pod("web-1-x", "Job", name, "", BEGIN, "Failed", (container,))


def test_a_cronjob_without_a_run_is_complete() -> None:
    assert judge(CRON).phase is Phase.COMPLETE


def test_a_cronjob_whose_last_job_failed_has_failed() -> None:
    ended = PodContainer("web", "r/web:1", ended=Ended(3, "Error"))
    found = judge(CRON, [job_pod(ended)], [job(failed=FAILED)])
    assert found.phase is Phase.FAILED
    assert found.trouble is not None
    assert (found.trouble.reason, found.trouble.exit_code) == ("Error", 3)


def test_a_failed_job_without_pods_is_told_by_its_condition() -> None:
    found = judge(CRON, [], [job(failed=FAILED)])
    assert found.trouble == Trouble("BackoffLimitExceeded", "Job has reached the limit")


def test_a_failed_job_of_another_image_is_the_past() -> None:
    assert judge(CRON, [], [job(image="r/web:0", failed=FAILED)]).phase is Phase.COMPLETE


def test_only_the_last_job_counts() -> None:
    later = job("web-2", created_at=BEGIN + timedelta(hours=1), succeeded=True)
    assert judge(CRON, [], [job(failed=FAILED), later]).phase is Phase.COMPLETE


def test_a_job_that_cannot_start_is_a_failure() -> None:
    found = judge(CRON, [job_pod(waiting("InvalidImageName"))], [job()])
    assert found.phase is Phase.FAILED


def test_a_running_job_is_no_failure() -> None:
    running = PodContainer("web", "r/web:1", running=True)
    assert judge(CRON, [job_pod(running)], [job()]).phase is Phase.COMPLETE
