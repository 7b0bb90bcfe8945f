"""Agents in real pods: both kinds of image, the shell agent, a controller, and what goes wrong."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from gitops_cli.agent.shell_agent import shell_agent
from gitops_cli.domain.agent.spec import CONTROLLER_NAMESPACE, IDENTITY, KEY_SECRET, NAME
from tests.agent.world import apply
from tests.node.site import FIRST, MISSING, Site, running_site
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.kube import ApiError, Kube, eventually, with_token

pytestmark = pytest.mark.node

BAKED, SEEDED, SHELL = "shop-development", "shop-staging", "shop-production"
CONTROLLED = ("store-development", "store-staging")
ALL = (BAKED, SEEDED, SHELL, *CONTROLLED)
MINUTE = 60.0
_LOG = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def gitops(site: Site) -> Gitops:
    return site.gitops.using(GITOPS_REPO=site.sshd.url(site.remote))


@pytest.fixture(scope="module")
def company(site: Site, gitops: Gitops) -> Site:
    """Return the site with an agent of every kind installed."""
    for name in ALL:
        site.environment(name)
    for name in ALL:
        site.kube.wait_rolled_out("Deployment", name, "web")
    site.kube.create_namespace(CONTROLLER_NAMESPACE)
    where = ["--agent-repo", site.url]
    pinned = [*where, "--host-key", site.host_key()]
    for name in (BAKED, SEEDED):
        site.register(gitops("agent", "key", name, *pinned).ok().stdout)
    site.register(gitops("agent", "key", CONTROLLED[0], "--mode=controller", *pinned).ok().stdout)
    baked = [*where, "--image", site.images["baked"], "--yes"]
    gitops("agent", "install", BAKED, *baked, "--restrict").ok()
    stock = ["--seeded", "--image", site.images["stock"], "--seed-index", site.index]
    gitops("agent", "install", SEEDED, *where, *stock, "--yes").ok()
    one = ["--mode=controller", "--interval=3s", *baked]
    gitops("agent", "install", CONTROLLED[0], *one).ok()
    # A process that is told to end before it has begun does not hear it, as the first of its pod.
    await_status(site, CONTROLLED[0], lambda said: said.get("commit"), timeout=120)
    gitops("agent", "install", CONTROLLED[1], *one).ok()
    _install_shell_agent(site, gitops)
    return site


def _install_shell_agent(site: Site, gitops: Gitops) -> None:
    key = site.directory / "shell-key"
    site.register(gitops("agent", "key", SHELL, "--agent-repo", site.url, "--out", key).ok().stdout)
    files = shell_agent([SHELL], site.url, image=site.images["shell"])
    site.commit("Add the sync agent", dict(files))
    hosts = subprocess.run(
        ["ssh-keyscan", "-p", str(site.sshd.port), "127.0.0.1"], capture_output=True, check=True
    ).stdout.replace(b"127.0.0.1", b"10.96.0.1")
    secret = site.directory / "known_hosts"
    secret.write_bytes(hosts)
    subprocess.run(
        [
            *("kubectl", "-n", SHELL, "create", "secret", "generic", "sync-agent-deploy-key"),
            *(f"--from-file=identity={key}", f"--from-file=known_hosts={secret}"),
        ],
        env={**os.environ, "KUBECONFIG": str(site.node.kubeconfig)},
        check=True,
    )
    apply(site.kube, files[f"sync-agent/{SHELL}.yaml"])


def status(site: Site, environment: str) -> dict[str, str]:
    data: dict[str, str] = site.kube.get("ConfigMap", environment, NAME).get("data") or {}
    return data


def agent_status(gitops: Gitops, *names: str) -> Ran:
    return gitops("agent", "status", *names, "-o", "json")


def run_job(site: Site, environment: str, *, name: str) -> dict[str, Any]:
    """Run the CronJob's job now, beside its schedule; return the Job when it has ended."""
    cronjob = site.kube.get("CronJob", environment, NAME)
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": cronjob["spec"]["jobTemplate"]["spec"],
    }
    site.kube.create(body, environment)
    return site.kube.wait(
        "Job",
        environment,
        name,
        lambda job: job["status"].get("succeeded") or job["status"].get("failed"),
        timeout=120,
    )


def await_status(
    site: Site, environment: str, until: Callable[[dict[str, str]], object], *, timeout: float
) -> dict[str, str]:
    """Return a controller's status once `until` is true of it; else fail with what it logged."""
    try:
        eventually(lambda: until(status(site, environment)), timeout=timeout)
    except TimeoutError:
        log = site.log(CONTROLLER_NAMESPACE)
        raise AssertionError(f"{status(site, environment)}\n{log}") from None
    return status(site, environment)


@pytest.fixture
def by_hand(company: Site) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Return what runs the baked CronJob's job on call; its schedule is suspended meanwhile."""
    kube = company.kube
    kube.patch("CronJob", BAKED, NAME, {"spec": {"suspend": True}})
    eventually(
        lambda: not kube.get("CronJob", BAKED, NAME).get("status", {}).get("active"), timeout=90
    )
    yield lambda name: run_job(company, BAKED, name=name)
    kube.patch("CronJob", BAKED, NAME, {"spec": {"suspend": False}})


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

    # A CronJob's minute, and the time the seeded one needs to install itself.
    with suppress(TimeoutError):
        eventually(arrived, timeout=4 * MINUTE)
    _LOG.info("seconds until the pods ran it: %s", {k: round(v, 1) for k, v in took.items()})

    assert set(took) == set(ALL), company.log(SEEDED) if SEEDED not in took else took
    for name in ALL:
        eventually(lambda name=name: f"version {version}" in company.log(name, "web"))
    tip = git(company.remote, "rev-parse", "main")
    for name in (BAKED, *CONTROLLED):
        eventually(lambda name=name: status(company, name).get("commit") == tip, timeout=80)
    assert agent_status(gitops, BAKED, SEEDED, *CONTROLLED).ok().json()["all_well"]


def test_a_run_costs_one_connection_and_news_one_more(
    company: Site, by_hand: Callable[[str], dict[str, Any]]
) -> None:
    kube = company.kube
    kube.patch("Deployment", CONTROLLER_NAMESPACE, NAME, {"spec": {"replicas": 0}})
    for name in (SEEDED, SHELL):
        agent = "sync-agent" if name == SHELL else NAME
        kube.patch("CronJob", name, agent, {"spec": {"suspend": True}})
        eventually(
            lambda name=name, agent=agent: (
                not kube.get("CronJob", name, agent).get("status", {}).get("active")
            ),
            timeout=120,
        )
    eventually(lambda: not kube.pods(CONTROLLER_NAMESPACE), timeout=90)

    def logins_of(name: str) -> int:
        before = company.sshd.logins()
        assert by_hand(name)["status"].get("succeeded") == 1
        return company.sshd.logins() - before

    version = "3" * 40
    company.build_service(version)
    company.record(BAKED, version)
    assert logins_of("with-news") == 2
    assert logins_of("without-news") == 1
    kube.set_image(
        "Deployment",
        BAKED,
        "web",
        "web",
        company.web(FIRST)["spec"]["template"]["spec"]["containers"][0]["image"],
    )
    assert logins_of("with-drift") == 1
    image = kube.get("Deployment", BAKED, "web")["spec"]["template"]["spec"]["containers"][0]
    assert image["image"].endswith(version)
    for name in (SEEDED, SHELL):
        agent = "sync-agent" if name == SHELL else NAME
        kube.patch("CronJob", name, agent, {"spec": {"suspend": False}})
    kube.patch("Deployment", CONTROLLER_NAMESPACE, NAME, {"spec": {"replicas": 1}})


def test_a_missing_image_keeps_the_old_pods_and_is_told(company: Site, gitops: Gitops) -> None:
    name = CONTROLLED[0]
    before = company.running(name)
    company.record(name, MISSING)

    await_status(company, name, lambda said: "error" in said, timeout=120)

    assert company.running(name) == before
    error = status(company, name)["error"]
    assert "web" in error
    assert "ErrImagePull" in error or "ImagePullBackOff" in error
    ran = agent_status(gitops, name)
    assert ran.code == 1
    [agent] = ran.json()["agents"]
    assert agent["health"] == "failing"
    events = company.kube.find("Event", name)
    assert any(e["reason"] == "SyncFailed" for e in events)

    good = next(iter(before)).rpartition(":")[2]
    company.record(name, good)
    await_status(company, name, lambda said: "error" not in said, timeout=120)


def test_the_deploy_key_only_reads(company: Site, tmp_path: Path) -> None:
    import base64

    secret = company.kube.get("Secret", BAKED, KEY_SECRET)["data"]
    key = tmp_path / "stolen"
    key.write_bytes(base64.b64decode(secret[IDENTITY]))
    key.chmod(0o600)
    url = company.sshd.url(company.remote)
    environment = {**os.environ, "GIT_SSH_COMMAND": company.sshd.command_with(key)}

    def with_key(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], env=environment, capture_output=True, text=True, check=False
        )

    assert with_key("ls-remote", url).returncode == 0
    clone = tmp_path / "clone"
    assert with_key("clone", "-q", url, str(clone)).returncode == 0
    pushed = with_key("-C", str(clone), "push", "origin", "HEAD:refs/heads/mine")
    assert pushed.returncode != 0
    assert "read-only" in pushed.stderr


def test_the_pods_token_is_confined(company: Site) -> None:
    kube = company.kube
    with closing(with_token(company.node.plane, kube.token(BAKED, NAME))) as agent:
        for call in (
            lambda: agent.find("Secret", BAKED),
            lambda: agent.get("Secret", BAKED, KEY_SECRET),
            lambda: agent.find("Deployment", SEEDED),
            lambda: agent.create(company.web(FIRST), BAKED),
        ):
            with pytest.raises(ApiError) as refused:
                call()
            assert refused.value.code == 403
        container = {"name": "web", "envFrom": [{"secretRef": {"name": KEY_SECRET}}]}
        for changed in (container, {"name": "web", "command": ["sh", "-c", "env"]}):
            patch = {"spec": {"template": {"spec": {"containers": [changed]}}}}
            with pytest.raises(ApiError, match="may not change"):
                agent.patch("Deployment", BAKED, "web", patch, strategic=True)


def test_a_git_server_that_is_down_is_told_and_waited_for(company: Site) -> None:
    name = CONTROLLED[1]
    await_status(company, name, lambda said: "error" not in said, timeout=120)
    good = status(company, name)["commit"]
    company.sshd.pause()
    try:
        await_status(company, name, lambda said: "error" in said, timeout=120)
        assert status(company, name)["commit"] == good
    finally:
        company.sshd.resume()
    await_status(company, name, lambda said: "error" not in said, timeout=120)


def test_an_api_server_that_is_down_is_survived(company: Site) -> None:
    name = CONTROLLED[1]
    version = "4" * 40
    company.build_service(version)
    os.kill(company.node.plane.pid, signal.SIGSTOP)
    try:
        company.record(name, version)
        time.sleep(12)  # the outage itself: several rounds of the controller fail
    finally:
        os.kill(company.node.plane.pid, signal.SIGCONT)
    eventually(lambda: {i[-40:] for i in company.running(name)} == {version}, timeout=90)
    await_status(company, name, lambda said: "error" not in said, timeout=120)


def test_a_killed_controller_comes_back_and_finishes(company: Site) -> None:
    name, kube = CONTROLLED[1], company.kube
    version = "5" * 40
    company.build_service(version)
    company.record(name, version)
    [pod] = [p for p in kube.pods(CONTROLLER_NAMESPACE) if p["status"]["phase"] == "Running"]
    path = f"/api/v1/namespaces/{CONTROLLER_NAMESPACE}/pods/{pod['metadata']['name']}"
    kube.request("DELETE", path, gracePeriodSeconds=0)

    eventually(lambda: {i[-40:] for i in company.running(name)} == {version}, timeout=90)


def test_two_runs_at_once_and_a_rewritten_history(
    company: Site, by_hand: Callable[[str], dict[str, Any]]
) -> None:
    kube = company.kube
    before = git(company.remote, "rev-parse", "main")
    old = git(company.remote, "show", f"main:{BAKED}/web.deployment").strip()
    version = "6" * 40
    company.build_service(version)
    company.record(BAKED, version)
    cronjob = kube.get("CronJob", BAKED, NAME)
    for index in range(3):
        body = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"rival-{index}"},
            "spec": cronjob["spec"]["jobTemplate"]["spec"],
        }
        kube.create(body, BAKED)
    for index in range(3):
        ended = kube.wait(
            "Job",
            BAKED,
            f"rival-{index}",
            lambda job: job["status"].get("succeeded") or job["status"].get("failed"),
            timeout=120,
        )
        assert ended["status"].get("succeeded") == 1
    eventually(lambda: {i[-40:] for i in company.running(BAKED)} == {version}, timeout=60)

    git(company.remote, "update-ref", "refs/heads/main", before)
    assert by_hand("after-the-rewind")["status"].get("succeeded") == 1
    eventually(lambda: {i[-40:] for i in company.running(BAKED)} == {old}, timeout=60)
    assert status(company, BAKED)["commit"] == before


def test_a_key_is_replaced_without_a_gap(
    company: Site, gitops: Gitops, by_hand: Callable[[str], dict[str, Any]]
) -> None:
    rotate = ["agent", "key", BAKED, "--rotate", "--agent-repo", company.url]
    authorized = company.sshd.directory / "authorized_keys"
    old = gitops("agent", "key", BAKED, "--agent-repo", company.url).ok().stdout.strip()

    new = gitops(*rotate).ok().stdout.strip()
    assert new != old
    assert by_hand("before-it-is-known")["status"].get("succeeded") == 1
    too_early = gitops(*rotate)
    assert too_early.code == 6
    assert new in too_early.stderr

    company.register(new)
    assert gitops(*rotate).ok().stdout.strip() == new
    lines = [line for line in authorized.read_text().splitlines() if old not in line]
    authorized.write_text("\n".join(lines) + "\n")
    assert by_hand("with-the-new-key-only")["status"].get("succeeded") == 1


def test_an_uninstalled_agent_leaves_what_it_deployed(company: Site, gitops: Gitops) -> None:
    before = company.running(CONTROLLED[0])

    gitops("agent", "uninstall", CONTROLLED[0], "--yes").ok()

    kube: Kube = company.kube
    assert not kube.exists("Role", CONTROLLED[0], NAME)
    assert not kube.exists("ConfigMap", CONTROLLED[0], NAME)
    left = kube.get("Deployment", CONTROLLER_NAMESPACE, NAME)
    words = json.dumps(left["spec"]["template"]["spec"]["containers"])
    assert CONTROLLED[0] not in words
    assert CONTROLLED[1] in words
    gitops("agent", "uninstall", CONTROLLED[1], BAKED, "--yes").ok()
    assert not kube.exists("Deployment", CONTROLLER_NAMESPACE, NAME)
    assert not kube.exists("Secret", BAKED, KEY_SECRET)
    assert agent_status(gitops, BAKED).code == 1
    assert company.running(CONTROLLED[0]) == before
