"""Figures in the format of Prometheus, as text or over HTTP.

Labels are names of environments: nothing of a message, a URL or a version gets in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import write_to_textfile
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gitops_cli.agent.model.figures import AgentFigures, ProcessCounts, Tally
from gitops_cli.domain.errors import ConfigurationError

_ENVIRONMENT = ["environment"]
_GAUGES: Mapping[str, tuple[str, Callable[[AgentFigures, datetime], float | None]]] = {
    "gitops_environment_last_attempt_timestamp_seconds": (
        "When the agent last looked at the environment.",
        lambda one, now: _seconds(one.last_attempt),
    ),
    "gitops_environment_last_success_timestamp_seconds": (
        "When the agent last found or made the environment as git records it.",
        lambda one, now: _seconds(one.last_success),
    ),
    "gitops_environment_failing": (
        "1 if the agent's last run in the environment failed.",
        lambda one, now: None if one.is_failing is None else float(one.is_failing),
    ),
    "gitops_environment_lag_seconds": (
        "Age of the oldest state commit that the environment does not follow yet; 0: it follows.",
        lambda one, now: one.lag(now),
    ),
    "gitops_environment_drift": (
        "Services whose workload is not what git records.",
        lambda one, now: None if one.drift is None else float(one.drift),
    ),
}


class FigureSource(NamedTuple):
    """Where figures come from, each time they are asked for. `asked`: requests, by their target."""

    figures: Callable[[], tuple[Iterable[AgentFigures], ProcessCounts | None]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    asked: Callable[[], Mapping[str, int]] = dict

    def collect(self) -> Iterator[Metric]:
        """Yield what prometheus_client makes text of."""
        figures, counts = self.figures()
        now, known = self.now(), list(figures)
        for name, (meaning, value_of) in _GAUGES.items():
            gauge = GaugeMetricFamily(name, meaning, labels=_ENVIRONMENT)
            for one in known:
                if (value := value_of(one, now)) is not None:
                    gauge.add_metric([one.environment], value)
            yield gauge
        if counts is not None:
            yield from _counters(counts, self.asked())


def agent_source(tally: Tally, asked: Callable[[], Mapping[str, int]]) -> FigureSource:
    """Return an agent's figures, as its rounds add up."""
    return FigureSource(tally.read, asked=asked)


def text_of(source: FigureSource) -> str:
    """Return the figures as a scrape or a textfile collector wants them."""
    return generate_latest(_registry(source)).decode()


def write_textfile(source: FigureSource, path: Path) -> None:
    """Write them for a textfile collector, whole or not at all; raises ConfigurationError."""
    try:
        write_to_textfile(str(path), _registry(source))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error


def serve(source: FigureSource, host: str, port: int) -> str:
    """Serve them in the background for as long as the process lives; return the address."""
    try:
        server, _ = start_http_server(port, host, _registry(source))
    except OSError as error:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise ConfigurationError(
            f"--metrics {where}: {error.strerror}", hint="choose another address or port"
        ) from error
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.server_port}/metrics"


def _counters(counts: ProcessCounts, asked: Mapping[str, int]) -> Iterator[Metric]:
    rounds = CounterMetricFamily("gitops_agent_rounds", "Rounds of this process.")
    rounds.add_metric([], counts.rounds)
    yield rounds
    for name, meaning, found in (
        ("gitops_agent_failures", "Rounds that failed in an environment.", counts.failures),
        (
            "gitops_agent_drift_mended",
            "Services set back to what git records, as somebody had changed them.",
            counts.mended,
        ),
    ):
        family = CounterMetricFamily(name, meaning, labels=_ENVIRONMENT)
        for environment, number in sorted(found.items()):
            family.add_metric([environment], number)
        yield family
    requests = CounterMetricFamily("gitops_agent_requests", "Requests sent.", labels=["to"])
    for target, number in asked.items():
        requests.add_metric([target], number)
    yield requests


def _registry(source: FigureSource) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Collected(source))
    return registry


class _Collected(Collector):
    """A source as prometheus_client wants one."""

    def __init__(self, source: FigureSource) -> None:
        self._source = source

    def describe(self) -> Iterable[Metric]:
        """Return nothing: else it would be asked for its figures when it is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        return self._source.collect()


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
