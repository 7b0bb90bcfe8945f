"""Tells of agents that do not run: they cannot do it themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gitops_cli.agent.model.outcome import AgentReport, AgentReports
from gitops_cli.agent.model.status import Health
from gitops_cli.cli.session import Session
from gitops_cli.domain.duration import age
from gitops_cli.domain.notices import Notice
from gitops_cli.domain.recorded.notify import Event
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.git.cache import cache_directory

_SILENT = frozenset({Health.STALE, Health.NEVER_RAN, Health.MISSING})
_MOST = 10_000  # remembered


def tell_stale(session: Session, reports: AgentReports, team: TeamSettings) -> None:
    """Send a notice of each agent that is stale, unless that was told of this very silence."""
    directory = session.machine.notices
    stale = [one for one in reports.agents if one.health in _SILENT]
    if directory is None:
        if stale and team.notify:
            session.output.warn("nobody is told: this machine has no GITOPS_NOTIFY_NAME")
        return
    from gitops_cli.cli.noticing import send

    file = cache_directory(os.environ) / "stale-agents"
    told = _read(file)
    here = session.state.description
    news = [one for one in stale if _mark(one, here) not in told]
    marks = {_mark(one, here): None for one in stale}
    others = [line for line in told if line.split("\t")[0] != here]
    # What did not arrive is told once more by the next job.
    send(
        session,
        [_notice(one) for one in news],
        team,
        directory,
        lambda: _write(file, [*others, *marks][-_MOST:]),
    )


def _mark(report: AgentReport, here: str) -> str:
    return f"{here}\t{report.environment}\t{report.status.last_attempt}"


def _notice(report: AgentReport) -> Notice:
    last = report.status.last_attempt
    said = f"last ran {age(report.at - last)} ago" if last is not None else "has not run yet"
    if report.health is Health.MISSING:
        said = "is not installed"
    name = report.environment
    return Notice(Event.STALE_AGENT, (name,), f"the agent of {name} {said}", report.at)


def _read(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _write(file: Path, lines: Sequence[str]) -> None:
    with suppress(OSError):  # told twice is better than not at all
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in lines))
