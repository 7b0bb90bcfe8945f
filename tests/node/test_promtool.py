"""The examples for Prometheus, judged by its own tool: rules, queries and metrics."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_cli.agent.metrics import agent_source, text_of
from gitops_cli.agent.model.figures import Tally
from gitops_cli.agent.model.outcome import Round
from tests.agent.test_metrics import NEW, NOON, OLD, ROOT, expressions, visit
from tests.testbed.programs import program

pytestmark = [pytest.mark.node, pytest.mark.programs, pytest.mark.xdist_group("engines")]
EXAMPLES = ROOT / "examples" / "prometheus"
PROD = '{environment="shop-production"}'
WELL = {
    f"gitops_environment_last_attempt_timestamp_seconds{PROD}": "0+60x60",
    f"gitops_environment_failing{PROD}": "0x60",
    f"gitops_environment_lag_seconds{PROD}": "0x60",
    f"gitops_environment_drift{PROD}": "0x60",
    f"gitops_agent_drift_mended_total{PROD}": "1x60",
}


def promtool(*words: str | Path, stdin: str = "") -> str:
    command = [program("promtool"), *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def series(**changed: str) -> list[dict[str, str]]:
    """Return an hour of an environment that is well, a sample a minute, but for what is said."""
    values = {f"gitops_{name}{PROD}": text for name, text in changed.items()}
    return [{"series": name, "values": text} for name, text in (WELL | values).items()]


HOME = "shop-production"
SAID = {
    "GitopsAgentStale": (
        f"Nobody has looked at {HOME} for ten minutes",
        f"gitops agent status {HOME}",
    ),
    "GitopsAgentFailing": (f"The agent fails in {HOME}", f"gitops agent status {HOME}"),
    "GitopsBehindGit": (
        f"{HOME} does not follow what was recorded 1h 0m 0s ago",
        f"gitops diff {HOME}",
    ),
    "GitopsDrift": (f"2 services of {HOME} are not what git records", f"gitops diff {HOME}"),
    "GitopsChangedByHand": (
        f"Somebody or something keeps changing {HOME} past git",
        f"The agent sets it back each time: gitops history -e {HOME}",
    ),
    "GitopsNoMetrics": ("No agent tells of any environment", "kubectl -n gitops-agent get pods"),
}


@pytest.mark.parametrize(
    ("found", "raised"),
    [
        pytest.param(series(), None, id="all is well"),
        pytest.param(
            series(environment_last_attempt_timestamp_seconds="0+60x40 2400x20"),
            "GitopsAgentStale",
            id="nobody looks",
        ),
        pytest.param(series(environment_failing="0x40 1x20"), "GitopsAgentFailing", id="fails"),
        pytest.param(series(environment_failing="0x55 1x5"), None, id="fails for a moment"),
        pytest.param(series(environment_lag_seconds="0+60x60"), "GitopsBehindGit", id="behind"),
        pytest.param(series(environment_drift="0x40 2x20"), "GitopsDrift", id="drift"),
        pytest.param(series(agent_drift_mended_total="0+1x60"), "GitopsChangedByHand", id="fought"),
        pytest.param([], "GitopsNoMetrics", id="silence"),
    ],
)
def test_the_alerts_are_raised_by_what_they_are_about_and_by_nothing_else(
    tmp_path: Path, found: list[dict[str, str]], raised: str | None
) -> None:
    rules = EXAMPLES / "rules.yml"
    assert f"SUCCESS: {len(SAID)} rules found" in promtool("check", "rules", rules)
    [group] = yaml.safe_load(rules.read_text())["groups"]
    wanted = [alert_test(rule, is_raised=rule["alert"] == raised) for rule in group["rules"]]
    one = {"interval": "1m", "input_series": found, "alert_rule_test": wanted}
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": [one]}))
    promtool("test", "rules", file)


def alert_test(rule: dict[str, Any], *, is_raised: bool) -> dict[str, Any]:
    """Return that a rule's alert is, or is not, raised at the end of the hour, and its words."""
    name = rule["alert"]
    where = {} if name == "GitopsNoMetrics" else {"environment": HOME}
    summary, description = SAID[name]
    alert = {
        "exp_labels": {**rule["labels"], **where},
        "exp_annotations": {"summary": summary, "description": description},
    }
    return {"eval_time": "1h", "alertname": name, "exp_alerts": [alert] if is_raised else []}


def test_the_dashboard_asks_in_prometheus_own_language() -> None:
    dashboard = json.loads((EXAMPLES / "dashboard.json").read_text())
    asked = [expression.replace("$__rate_interval", "5m") for expression in expressions(dashboard)]
    assert asked
    for expression in asked:
        assert promtool("promql", "format", "--experimental", expression).strip()


def test_what_an_agent_serves_is_as_prometheus_wants_it() -> None:
    tally = Tally()
    tally.note(Round(OLD, (visit(OLD, mended=1, drift=2),), NOON - timedelta(hours=3)))
    tally.note(Round(NEW, (visit(OLD, error="x"),), NOON - timedelta(minutes=10)))
    source = agent_source(tally, lambda: {"cluster": 3, "git": 2})
    promtool("check", "metrics", stdin=text_of(source))
