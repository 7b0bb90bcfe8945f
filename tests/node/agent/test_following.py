"""Agents of every kind bring a commit to running pods, and what that costs the git server."""

from __future__ import annotations

import logging
import time
import urllib.request
from contextlib import suppress

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gitops_cli.agent.model.spec import CONTROLLER_NAMESPACE, NAME
from tests.node.agent.company import (
    ALL,
    BAKED,
    CONTROLLED,
    SEEDED,
    ByHand,
    await_commit,
    await_controller,
    await_health,
    await_running,
    await_status,
    kubectl,
    status,
)
from tests.node.agent.site import FIRST, MISSING, Site
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import PATIENCE
from tests.testbed.patience import eventually
from tests.testbed.reading import Read

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]

MINUTE = 60.0  # the schedule of CronJobs; a run that comes too late for its minute is the next's
_LOG = logging.getLogger(__name__)


def tells_of_the_pull(error: str) -> bool:
    return "ErrImagePull" in error or "ImagePullBackOff" in error


def test_every_agent_brings_a_commit_to_running_pods(company: Site, gitops: Gitops) -> None:
    version = "2" * 40
    company.build_service(version)
    begin = time.monotonic()
    for name in ALL:
        company.record(name, version)
    image = f"10.96.0.1:{company.port}/shop/web:{version}"
    took: dict[str, float] = {}

    def arrived() -> bool:
        for name in ALL:
            if name not in took and company.running(name) == {image}:
                took[name] = time.monotonic() - begin
        return len(took) == len(ALL)

    with suppress(TimeoutError):
        eventually(arrived, timeout=6 * MINUTE)
    _LOG.info("seconds until the pods ran it: %s", {k: round(v, 1) for k, v in took.items()})

    assert set(took) == set(ALL), company.log(SEEDED) if SEEDED not in took else took
    for name in ALL:
        eventually(lambda name=name: f"version {version}" in company.log(name, "web"))
    tip = git(company.remote, "rev-parse", "main")
    followed = (BAKED, SEEDED, *CONTROLLED)
    for name in followed:
        await_commit(company, name, tip, timeout=6 * MINUTE)
    await_health(gitops, "ok", *followed)
    assert tip in kubectl(company, "-n", BAKED, "get", "configmap", NAME, "-o", "yaml")


def test_a_run_costs_one_connection_and_news_one_more(company: Site, by_hand: ByHand) -> None:
    """Counted by the git server, for each agent's key."""

    def cost_of_a_run() -> list[Read]:
        before = len(company.sshd.reads(f"{NAME}@{BAKED}"))
        assert by_hand() == 0
        return company.sshd.reads(f"{NAME}@{BAKED}")[before:]

    version = "3" * 40
    company.build_service(version)
    company.record(BAKED, version)
    [asked, fetched] = cost_of_a_run()
    [again] = cost_of_a_run()
    first = company.web(FIRST)["spec"]["template"]["spec"]["containers"][0]["image"]
    company.kube.set_image("Deployment", BAKED, "web", "web", first)
    [drift] = cost_of_a_run()
    _LOG.info("bytes: asked %s, fetched %s, nothing new %s", asked, fetched, again)
    assert max(asked.total, again.total, drift.total) < 1000
    found = company.kube.get("Deployment", BAKED, "web")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"].endswith(version)


def test_a_controllers_round_costs_one_connection_for_all_environments(company: Site) -> None:
    key = f"{NAME}@{CONTROLLER_NAMESPACE}"
    known = git(company.remote, "rev-parse", "main")
    for name in CONTROLLED:  # else what was news before is counted as well
        await_commit(company, name, known)
    before = len(company.sshd.reads(key))
    tip = company.commit("Say hello", {"README.md": "hello\n"})
    for name in CONTROLLED:
        await_commit(company, name, tip)

    def rounds() -> int:
        return len(company.sshd.reads(key)) - before

    eventually(lambda: rounds() >= 6)
    # One fetch for the news; the others only asked.
    assert sum(read.total > 1000 for read in company.sshd.reads(key)[before:]) <= 1


def test_a_controllers_pod_is_found_and_scraped_as_prometheus_does(company: Site) -> None:
    found = await_controller(company)
    notes = found["metadata"]["annotations"]
    assert notes["prometheus.io/scrape"] == "true"
    where = f"{found['status']['podIP']}:{notes['prometheus.io/port']}{notes['prometheus.io/path']}"

    def scraped() -> set[str]:
        try:
            with urllib.request.urlopen(f"http://{where}", timeout=PATIENCE) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
        except OSError:  # it serves after its first words
            return set()
        looked = "gitops_environment_last_attempt_timestamp_seconds"
        samples = [one for family in families if family.name == looked for one in family.samples]
        return {sample.labels["environment"] for sample in samples}

    eventually(lambda: scraped() == set(CONTROLLED))


def test_a_missing_image_keeps_the_old_pods_and_is_told(company: Site, gitops: Gitops) -> None:
    name = CONTROLLED[0]
    before = company.running(name)
    company.record(name, MISSING)

    said = await_status(company, name, lambda said: tells_of_the_pull(said.get("error", "")))

    assert company.running(name) == before
    assert "web" in said["error"]

    def told() -> bool:
        ran = gitops("agent", "status", name, "-o", "json")
        [agent] = ran.json()["agents"]
        last_words = any("web" in line for line in agent["log"])
        return (ran.code, agent["health"], last_words) == (1, "failing", True)

    eventually(told)
    which = "--field-selector=reason=SyncFailed"
    eventually(lambda: "web" in kubectl(company, "-n", name, "get", "events", which))

    good = next(iter(before)).rpartition(":")[2]
    company.record(name, good)
    await_status(company, name, lambda said: "error" not in said)
    assert company.running(name) == before


def test_a_cronjob_tells_of_a_missing_image_too(
    company: Site, by_hand: ByHand, gitops: Gitops
) -> None:
    [before] = company.running(BAKED)
    company.record(BAKED, MISSING)
    eventually(lambda: by_hand() == 7)

    assert company.running(BAKED) == {before}
    assert tells_of_the_pull(status(company, BAKED)["error"])

    company.record(BAKED, before[-40:])
    assert by_hand() == 0
    await_running(company, BAKED, before[-40:])
    assert "error" not in status(company, BAKED)
