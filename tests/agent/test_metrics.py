"""Metrics: what an agent counts, what it serves, and `gitops metrics`."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gitops_cli.agent.metrics import FigureSource, agent_source, text_of
from gitops_cli.agent.model.figures import AgentFigures, Tally
from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.outcome import Round, Visit
from gitops_cli.agent.model.spec import AgentMode, AgentSpec
from gitops_cli.agent.model.status import AgentStatus
from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from tests.agent.world import World
from tests.testbed.gitops import Gitops
from tests.testbed.patience import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD, NEW, NEWER = "a" * 40, "b" * 40, "c" * 40
PROD = EnvironmentName("shop-production")
HASH = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return what a scrape reads: name and values of labels → value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def visit(commit: str | None, *, error: str | None = None, **more: Any) -> Visit:
    status = AgentStatus(PROD, NOON, NOON if commit else None, commit, error=error)
    return Visit(status, ExitCode.NO if error else ExitCode.OK, **more)


def test_the_lag_begins_with_the_first_commit_that_is_not_followed() -> None:
    tally = Tally()
    source = agent_source(tally, dict)._replace(now=lambda: NOON)

    def lag() -> float | None:
        return samples(text_of(source)).get(("gitops_environment_lag_seconds", PROD))

    assert lag() is None
    tally.note(Round(OLD, (visit(OLD),), NOON - timedelta(hours=3)))
    assert lag() == 0
    tally.note(Round(NEW, (visit(OLD, error="x"),), NOON - timedelta(minutes=10)))
    assert lag() == 600
    tally.note(Round(NEWER, (visit(OLD, error="x"),), NOON - timedelta(minutes=1)))
    assert lag() == 600, "the older one waits, too"
    tally.note(Round(None, (visit(OLD, error="x"),)))
    assert lag() == 600, "what was known of a remote that is away still is"
    tally.note(Round(NEWER, (visit(NEWER),), NOON - timedelta(minutes=1)))
    assert lag() == 0


def test_rounds_failures_and_what_was_mended_add_up() -> None:
    tally = Tally()
    tally.note(Round(OLD, (visit(OLD, mended=2, drift=0),), NOON))
    tally.note(Round(OLD, (visit(OLD, error="no", mended=1, drift=3),), NOON))

    found = samples(text_of(agent_source(tally, lambda: {"git": 2, "cluster": 7})))

    assert found["gitops_agent_rounds_total",] == 2
    assert found["gitops_agent_failures_total", PROD] == 1
    assert found["gitops_agent_drift_mended_total", PROD] == 3
    assert found["gitops_environment_drift", PROD] == 3
    assert found["gitops_environment_failing", PROD] == 1
    assert found["gitops_agent_requests_total", "git"] == 2
    assert found["gitops_agent_requests_total", "cluster"] == 7
    assert found["gitops_environment_last_success_timestamp_seconds", PROD] == NOON.timestamp()


def test_what_is_not_known_is_not_told() -> None:
    found = samples(text_of(FigureSource(lambda: ([AgentFigures(PROD)], None))))
    assert found == {}


def names_told() -> set[str]:
    tally = Tally()
    tally.note(Round(OLD, (visit(OLD, drift=0),), NOON))
    return {name for name, *_ in samples(text_of(agent_source(tally, lambda: {"git": 1})))}


def expressions(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        if isinstance(found.get("expr"), str):
            yield found["expr"]
        found = list(found.values())
    for each in found if isinstance(found, list) else ():
        yield from expressions(each)


@pytest.mark.parametrize("file", ["rules.yml", "dashboard.json"])
def test_the_examples_ask_for_metrics_that_there_are(file: str) -> None:
    text = (ROOT / "examples/prometheus" / file).read_text()
    asked = list(expressions(yaml.safe_load(text)))
    assert asked
    for expression in asked:
        promql_parser.parse(expression.replace("$__rate_interval", "5m"))
    assert set(re.findall(r"gitops_[a-z_]+", " ".join(asked))) <= names_told()


def test_a_rule_has_what_people_need_at_night() -> None:
    rules = yaml.safe_load((ROOT / "examples/prometheus/rules.yml").read_text())
    [group] = rules["groups"]
    for rule in group["rules"]:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].startswith(("gitops ", "kubectl ", "The agent"))


def test_the_pod_monitor_finds_what_is_installed() -> None:
    monitor = yaml.safe_load((ROOT / "examples/prometheus/podmonitor.yaml").read_text())
    kinds = {PROD: frozenset({Kind.DEPLOYMENT})}
    spec = AgentSpec(AgentMode.CONTROLLER, "ssh://x", "i", kinds, "gitops-agent", metrics=9464)
    [deployment] = [one for one in manifests(spec) if one["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert endpoint["port"] == pod["spec"]["containers"][0]["ports"][0]["name"]
    assert monitor["metadata"]["namespace"] == deployment["metadata"]["namespace"]


def test_an_agent_serves_them_where_it_was_asked_to(world: World) -> None:
    arguments = ["--repo", str(world.article.remote), "--kubeconfig", str(world.kubeconfig)]
    arguments += [f"--env={world.environment}", "--interval=1s", "--metrics=0"]
    process = world.gitops.start("agent", "run", *arguments)
    try:
        said = process.stderr.readline()
        where = re.search(r"metrics: (http://127\.0\.0\.1:\d+/metrics)", said)
        assert where, said

        def scraped() -> dict[tuple[str, ...], float]:
            with urllib.request.urlopen(where[1], timeout=PATIENCE) as answer:  # noqa: S310 - local
                return samples(answer.read().decode())

        eventually(lambda: ("gitops_environment_failing", world.environment) in scraped())
        found = scraped()
        assert found["gitops_environment_failing", world.environment] == 0
        assert found["gitops_environment_lag_seconds", world.environment] == 0
        assert found["gitops_agent_requests_total", "git"] >= 1
        assert found["gitops_agent_requests_total", "cluster"] >= 2
        name = "authentication"
        wanted = world.images()[name]
        drifted = f"{wanted.rpartition(':')[0]}:{HASH}"
        world.kube.set_image("Deployment", world.environment, name, name, drifted)
        eventually(lambda: scraped()["gitops_agent_drift_mended_total", world.environment] == 1)
        assert world.images()[name] == wanted
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_single_round_serves_nothing(world: World) -> None:
    ran = world.run("--metrics", "9464")
    assert (ran.code, "needs --interval" in ran.stderr) == (2, True)
    ran = world.run("--metrics", "here", "--interval", "1s")
    assert (ran.code, "[HOST:]PORT" in ran.stderr) == (2, True)


def test_they_are_printed_once_for_a_textfile(world: World, cli: Gitops, tmp_path: Path) -> None:
    world.run().ok()

    found = samples(cli("metrics", world.environment).ok().stdout)
    assert found["gitops_environment_lag_seconds", world.environment] == 0
    assert found["gitops_environment_drift", world.environment] == 0

    world.article.push(world.environment, {"authentication": HASH})
    file = tmp_path / "gitops.prom"
    cli("metrics", world.environment, "--textfile", str(file)).ok()
    found = samples(file.read_text())
    assert found["gitops_environment_drift", world.environment] == 1
    assert found["gitops_environment_lag_seconds", world.environment] >= 0
    assert found["gitops_environment_failing", world.environment] == 0

    [told] = json.loads(cli("metrics", world.environment, "-o", "json").ok().stdout)["environments"]
    assert (told["drift"], told["failing"]) == (1, False)

    refused = cli("metrics", world.environment, "--textfile", "/no/such/place")
    assert (refused.code, "/no/such/place" in refused.stderr) == (2, True)


def test_a_cluster_that_is_away_is_the_exit_code_and_no_figure(cli: Gitops, world: World) -> None:
    away = cli("metrics", world.environment, "--kubeconfig", "/nowhere")
    assert away.code == 2
    assert "/nowhere" in away.stderr
    assert "gitops_environment_drift{" not in away.stdout
