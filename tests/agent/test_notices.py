"""Notices of an agent: what is news, once, and of many environments together."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.outcome import Visit
from gitops_cli.agent.model.spec import NAME, NOTIFY_DIRECTORY, NOTIFY_SECRET
from gitops_cli.agent.model.status import AgentStatus, Result
from gitops_cli.agent.noticing import news_of
from gitops_cli.agent.telling import is_news
from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.names import EnvironmentName
from tests.agent.test_metrics import NOON
from tests.agent.world import World, spec_of
from tests.cli.company import with_settings
from tests.registry.scripted import Reply, Scripted, scripted
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops
from tests.testbed.patience import PATIENCE

TABLE = '[notify.chat]\nevents = ["synced", "failed", "drift", "stale-agent"]\n'
HASH = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
PROD = EnvironmentName("shop-production")


def told(hook: Scripted) -> list[tuple[str, str]]:
    found = [json.loads(request.body) for request in hook.requests]
    return [(document["event"], document["text"]) for document in found]


@pytest.mark.parametrize(
    ("visit", "event"),
    [
        pytest.param({"result": Result.IN_SYNC}, "synced", id="works again"),
        pytest.param({"result": Result.CHANGED, "message": "web"}, "synced", id="changed"),
        pytest.param({"result": Result.FAILED, "error": "no"}, "failed", id="fails"),
    ],
)
def test_what_is_news_has_its_event(visit: dict, event: str) -> None:
    status = AgentStatus(PROD, **visit)
    [notice] = news_of(Visit(status, ExitCode.OK, is_news=True), NOON)
    assert notice.event == event
    assert not list(news_of(Visit(status, ExitCode.OK), NOON)), "and is told once"


LATER = 1_793_606_500
MISSING = "web: ImagePullBackOff: r/web:{0}: not found"
PULL = "web: ErrImagePull: r/web:{0}: not found"


@pytest.mark.parametrize(
    ("before", "error", "news"),
    [
        pytest.param(None, PULL.format(HASH), True, id="begins"),
        pytest.param(MISSING.format(HASH), PULL.format(HASH), False, id="other words"),
        pytest.param(PULL.format(HASH), PULL.format("a" * 40), True, id="another version"),
        pytest.param(PULL.format(HASH), f"{PULL.format(HASH)}; db: no", True, id="another service"),
        pytest.param(PULL.format(HASH), None, True, id="ends"),
        pytest.param(None, None, False, id="is well"),
    ],
)
def test_a_failure_that_outlasts_the_commits_of_others_is_told_once(
    before: str | None, error: str | None, news: bool
) -> None:
    now, then = (
        AgentStatus(PROD, tip=tip, result=Result.FAILED if why else Result.IN_SYNC, error=why)
        for tip, why in (("b" * 40, error), ("a" * 40, before))
    )
    assert is_news(now, then) is news


def test_a_status_that_cannot_be_written_is_told_once_and_by_no_job(
    world: World, tmp_path: Path
) -> None:
    with_settings(world.article, TABLE)
    world.kube.delete("ConfigMap", world.environment, NAME)
    with scripted(lambda request: Reply(204)) as hook:
        arguments = ["--repo", str(world.article.remote), "--kubeconfig", str(world.kubeconfig)]
        arguments += [f"--env={world.environment}"]
        agent = world.gitops.using(GITOPS_NOTIFY_CHAT=f"http://{hook.address}/")
        assert "could not be written" in agent("agent", "run", *arguments).stdout
        assert told(hook) == [], "it could not note that it said so"

        process = agent.start("agent", "run", *arguments, "--interval=1s")
        try:
            _until(process.stderr, "could not be written")
            for text in ("of others", "of others again"):
                add_commits(world.article.remote, [Commit(text, {"README.md": text}, LATER)])
                tip = git(world.article.remote, "rev-parse", "main")
                _until(process.stderr, f"failed at {tip[:7]}: the status could not be written")
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
    assert [event for event, _ in told(hook)] == ["failed"]


def test_who_fights_the_agent_is_told_once() -> None:
    status = AgentStatus(PROD, result=Result.CHANGED, message="web → 8f14e45")
    visit = Visit(status, ExitCode.OK, mended=1, is_news=True)
    [notice] = news_of(visit, NOON)
    assert notice.event == "drift"
    assert not list(news_of(visit._replace(mended_before=True), NOON))


def test_an_agent_tells_of_drift_of_commits_and_of_failures_once(
    world: World, tmp_path: Path
) -> None:
    with_settings(world.article, TABLE)
    with scripted(lambda request: Reply(204)) as hook:
        places = tmp_path / "notify"
        places.mkdir()
        (places / "chat").write_text(f"http://{hook.address}/hunter2\nhunter2\n")

        def ran() -> str:
            done = world.run("--notices", str(places))
            return done.stdout + done.stderr

        said = ran()
        hook.requests.clear()
        said += ran()
        assert told(hook) == [], "nothing new, nothing told"

        name = "authentication"
        wanted = world.images()[name]
        world.kube.set_image(
            "Deployment", world.environment, name, name, f"{wanted.rpartition(':')[0]}:{HASH}"
        )
        said += ran()
        [(event, text)] = told(hook)
        assert event == "drift"
        assert text.startswith(f"{world.environment}: 1 service had been changed past git")

        hook.requests.clear()
        world.article.push(world.environment, {name: "not a hash at all"})
        said += ran()
        said += ran()
        events = [event for event, _ in told(hook)]
        assert events == ["failed"]
        assert "hunter2" not in said


def test_a_git_server_that_is_away_is_one_notice_and_its_return_another(
    world: World, tmp_path: Path
) -> None:
    with_settings(world.article, TABLE)
    with scripted(lambda request: Reply(204)) as hook:
        arguments = ["--repo", str(world.article.remote), "--kubeconfig", str(world.kubeconfig)]
        arguments += [f"--env={world.environment}", "--interval=1s"]
        agent = world.gitops.using(GITOPS_NOTIFY_CHAT=f"http://{hook.address}/")
        process = agent.start("agent", "run", *arguments)
        away = world.article.remote.with_name("away.git")
        try:
            _until(process.stderr, "in sync|changed")
            hook.requests.clear()
            world.article.remote.rename(away)
            _until(process.stderr, "failed")
            away.rename(world.article.remote)
            _until(process.stderr, "in sync")
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
    assert [event for event, _ in told(hook)] == ["failed", "synced"]


def _until(stream, pattern: str) -> None:
    while line := stream.readline():
        if re.search(pattern, line):
            return
    raise AssertionError(f"the agent ended before it said {pattern}")


def test_an_agent_that_does_not_run_is_told_by_a_scheduled_job_once(
    world: World, cli: Gitops
) -> None:
    with_settings(world.article, TABLE)
    lonely = world.article.environment("staging")
    with scripted(lambda request: Reply(204)) as hook:
        job = cli.using(GITOPS_NOTIFY_CHAT=f"http://{hook.address}/")
        for _ in range(2):
            assert job("agent", "status", lonely, world.environment, "--notify").code == 1
        assert told(hook) == [("stale-agent", f"the agent of {lonely} is not installed")]
        assert cli("agent", "status", lonely, "--notify").stderr.count("nobody is told") == 1


def test_a_stale_agent_is_told_again_where_the_notice_did_not_arrive(
    world: World, cli: Gitops
) -> None:
    with_settings(world.article, TABLE)
    lonely = world.article.environment("staging")
    answers = [Reply(503), Reply(204)]
    with scripted(lambda request: answers.pop(0)) as hook:
        job = cli.using(GITOPS_NOTIFY_CHAT=f"http://{hook.address}/")
        for arrived in (False, True, True):
            ran = job("agent", "status", lonely, "--notify")
            assert ("was not sent" in ran.stderr) is not arrived
        assert len(hook.requests) == 2


def test_the_pod_has_the_addresses_from_a_secret_if_there_is_one() -> None:
    spec = spec_of("shop-production")
    [pod] = [
        m["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        for m in manifests(spec)
        if m["kind"] == "CronJob"
    ]
    [volume] = [v["secret"] for v in pod["volumes"] if v["name"] == "notify"]
    assert (volume["secretName"], volume["optional"]) == (NOTIFY_SECRET, True)
    [mount] = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "notify"]
    assert (mount["mountPath"], mount["readOnly"]) == (NOTIFY_DIRECTORY, True)
