"""What goes wrong around agents: nothing wrong is deployed, and what they say stays true."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitops_cli.agent.model.spec import CONTROLLER_NAMESPACE, NAME
from tests.node.agent.company import (
    BAKED,
    CONTROLLED,
    ByHand,
    await_commit,
    await_controller,
    await_health,
    await_running,
    await_status,
    health,
    status,
)
from tests.node.agent.site import Site
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import PATIENCE
from tests.testbed.patience import eventually

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]


@contextmanager
def git_server_down(site: Site) -> Iterator[None]:
    """Let connections to the git server be taken and not answered."""
    site.sshd.pause()
    try:
        yield
    finally:
        site.sshd.resume()


@contextmanager
def api_server_down(site: Site) -> Iterator[None]:
    """Let the API server answer nothing."""
    os.kill(site.node.plane.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(site.node.plane.pid, signal.SIGCONT)


def process_of(environment: str) -> int | None:
    """Return the pid, on this machine, of the agent's process in the pod for one environment."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"agent" in words and f"--env={environment}".encode() in words:
            return int(directory.name)
    return None


def await_process_of(environment: str) -> int:
    """Return the pid once there is one; it is looked for once, as it may go again."""
    found: list[int] = []

    def look() -> bool:
        found.extend(pid for pid in [process_of(environment)] if pid)
        return bool(found)

    eventually(look)
    return found[0]


def waits_for_an_answer(pid: int, port: int) -> bool:
    """Tell whether a process has a connection to a port of the Service on which it waits."""
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    remote = f"0100600A:{port:04X}"  # 10.96.0.1, as the kernel writes it
    return any(line.split()[2] == remote and line.split()[3] == "01" for line in lines)


def test_a_git_server_that_is_down_is_told_and_waited_for(
    company: Site, gitops: Gitops, by_hand: ByHand
) -> None:
    name = CONTROLLED[1]
    await_status(company, name, lambda said: "error" not in said)
    assert by_hand() == 0
    good = {each: status(company, each) for each in (name, BAKED)}
    images = {each: company.running(each) for each in good}
    with git_server_down(company):
        job = by_hand.start()  # both wait for their time-out, side by side
        await_status(company, name, lambda said: "error" in said)
        assert by_hand.ended(job) == 3
        for each, before in good.items():
            said = status(company, each)
            assert (said["result"], said["commit"]) == ("failed", before["commit"])
            if each == BAKED:
                assert said["last-success"] == before["last-success"] < said["last-attempt"]
        assert company.running(name) == images[name]
    await_status(company, name, lambda said: "error" not in said)
    assert by_hand() == 0
    await_health(gitops, "ok", *CONTROLLED)
    assert "error" not in status(company, BAKED)
    assert {each: company.running(each) for each in good} == images


def test_an_api_server_that_is_down_is_survived(company: Site) -> None:
    name = CONTROLLED[1]
    version = "4" * 40
    company.build_service(version)
    with api_server_down(company):
        commit = company.record(name, version)
        time.sleep(12)  # the outage itself: several rounds of the controller fail
    await_running(company, name, version)
    await_commit(company, name, commit)


def test_a_killed_controller_comes_back_and_finishes(company: Site) -> None:
    name, kube = CONTROLLED[1], company.kube
    version = "5" * 40
    company.build_service(version)
    pod = await_controller(company)
    company.record(name, version)
    path = f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/pods/{pod['metadata']['name']}"
    kube.request("DELETE", path, gracePeriodSeconds=0)

    await_running(company, name, version)
    # The process of the pod that is gone may have done it: the next one has to come as well.
    assert await_controller(company)["metadata"]["uid"] != pod["metadata"]["uid"]


def test_a_controller_that_is_told_to_end_ends_at_once_and_in_order(company: Site) -> None:
    kube = company.kube
    await_status(company, CONTROLLED[1], lambda said: "error" not in said)
    pod = await_controller(company)
    path = f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/pods/{pod['metadata']['name']}"
    words = ["kubectl", "-n", CONTROLLER_NAMESPACE, "logs", "-f", pod["metadata"]["name"]]
    environment = {**os.environ, "KUBECONFIG": str(company.node.kubeconfig)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline(), "it is followed before it is told to end"
        begin = time.monotonic()
        kube.request("DELETE", path)
        said, _ = following.communicate(timeout=PATIENCE)

    assert time.monotonic() - begin < 30, "the kubelet would have killed it by then"
    assert "nothing was left half done" in said.splitlines()[-1]
    assert await_controller(company)["metadata"]["uid"] != pod["metadata"]["uid"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_that_ends_in_the_middle_is_made_up_for(
    company: Site, by_hand: ByHand, number: signal.Signals
) -> None:
    """It has read the repository and waits for the API server when the signal comes."""
    assert by_hand() == 0
    before, images = status(company, BAKED), company.running(BAKED)
    version = {signal.SIGKILL: "6", signal.SIGTERM: "7"}[number] * 40
    company.build_service(version)
    commit = company.record(BAKED, version)
    with git_server_down(company):
        job = by_hand.start()
        pid = await_process_of(BAKED)
        eventually(lambda: waits_for_an_answer(pid, company.sshd.port))
        os.kill(company.node.plane.pid, signal.SIGSTOP)
    try:
        eventually(lambda: waits_for_an_answer(pid, 443))
        os.kill(pid, number)
    finally:
        os.kill(company.node.plane.pid, signal.SIGCONT)

    # Told to end, it begins nothing more; what it had not begun is left as it was.
    assert by_hand.ended(job) == {signal.SIGKILL: 137, signal.SIGTERM: 130}[number]
    assert status(company, BAKED) == before
    assert company.running(BAKED) == images

    assert by_hand() == 0
    await_running(company, BAKED, version)
    assert status(company, BAKED)["commit"] == commit


def test_three_runs_at_once_and_a_rewritten_history(company: Site, by_hand: ByHand) -> None:
    before = git(company.remote, "rev-parse", "main")
    old = git(company.remote, "show", f"main:{BAKED}/web.deployment").strip()
    version = "8" * 40
    company.build_service(version)
    commit = company.record(BAKED, version)
    jobs = [by_hand.start() for _ in range(3)]
    assert [by_hand.ended(job) for job in jobs] == [0, 0, 0]
    await_running(company, BAKED, version)
    assert status(company, BAKED)["commit"] == commit

    git(company.remote, "update-ref", "refs/heads/main", before)
    assert by_hand() == 0
    await_running(company, BAKED, old)
    assert status(company, BAKED)["commit"] == before


@pytest.mark.parametrize("skew", ["-45m", "+26h"])
def test_a_wrong_clock_changes_neither_what_is_done_nor_how_it_is_judged(
    company: Site, gitops: Gitops, by_hand: ByHand, skew: str
) -> None:
    version = {"-45m": "9", "+26h": "a"}[skew] * 40
    company.build_service(version)
    commit = company.record(BAKED, version)

    assert by_hand(image=company.images["skewed"], env={"FAKETIME": skew}) == 0

    await_running(company, BAKED, version)
    said = status(company, BAKED)
    assert said["commit"] == commit
    off = datetime.fromisoformat(said["last-attempt"]) - datetime.now(UTC)
    assert abs(off) > timedelta(minutes=40), "its clock is off"
    company.kube.patch("CronJob", BAKED, NAME, {"spec": {"suspend": False}})
    assert health(gitops, BAKED) == {BAKED: "ok"}
