"""Tells a team's targets what this command did, while it goes on; a failure is a warning."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.cluster.sync import Deed, EnvironmentReport, SyncReport
from gitops_cli.domain.errors import ExitCode, GitOpsError
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.notices import Notice, wanted
from gitops_cli.domain.recorded.notify import Event
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.version import Version
from gitops_cli.notify.sending import send_all

if TYPE_CHECKING:
    from gitops_cli.domain.change.proposal import Proposal, Written

_PATIENCE = 60.0  # seconds at the end of a command; each target has its own, shorter limit
_EVENTS = {
    Verb.PROMOTE: Event.PROMOTED,
    Verb.ROLLBACK: Event.ROLLED_BACK,
    Verb.LOCK: Event.LOCKED,
    Verb.UNLOCK: Event.LOCKED,
}


def tell_written(session: Session, written: Written, directory: Path) -> None:
    """Tell of a commit that the state repository has now."""
    try:
        team = session.state.snapshot(written.commit).team
    except GitOpsError:
        return  # what keeps its gitops.toml from being read has been told
    notice = _of_commit(session, written.proposal)
    send(session, [notice._replace(commit=written.commit)], team, directory)


def _of_commit(session: Session, proposal: Proposal) -> Notice:
    said: dict[str, list[str]] = {}
    for name, value in proposal.trailers:
        said.setdefault(name, []).append(value)
    [action] = said.get("Gitops-Action", [Verb.SET.value])
    reasons, runs = said.get("Gitops-Reason", []), said.get("Gitops-Run", [])
    return Notice(
        _EVENTS.get(Verb(action), Event.RECORDED),
        tuple(map(EnvironmentName, _names(said.get("Gitops-Env", [])))),
        proposal.subject,
        session.now(),
        tuple(map(ServiceName, _names(said.get("Gitops-Service", [])))),
        session.person,
        reasons[0] if reasons else None,
        run=runs[0] if runs else None,
    )


def _names(values: Iterable[str]) -> list[str]:
    return [name.strip() for value in values for name in value.split(",")]


def tell_synced(session: Session, report: SyncReport, team: TeamSettings, directory: Path) -> None:
    """Tell which environments follow now, and which do not although they were to."""
    notices = [one for each in report.environments for one in _of_environment(session, each)]
    send(session, [one._replace(commit=report.commit) for one in notices], team, directory)


def _of_environment(session: Session, report: EnvironmentReport) -> Iterable[Notice]:
    name, who, now = report.environment, session.person, session.now()
    missed = [o for o in report.outcomes if o.exit_code is not ExitCode.OK]
    if missed or report.problems:
        said = [f"{o.service}: {o.error or o.reason or o.verdict or o.done}" for o in missed]
        said += [problem.message for problem in report.problems]
        services = tuple(o.service for o in missed)
        summary = f"{name} does not follow: {'; '.join(said)}"
        yield Notice(Event.FAILED, (name,), summary, now, services, who)
        return
    patched = [o for o in report.outcomes if o.done is Deed.PATCHED]
    if patched:
        what = ", ".join(f"{o.service} → {_version(o.wanted)}" for o in patched)
        services = tuple(o.service for o in patched)
        yield Notice(Event.SYNCED, (name,), f"{name} follows: {what}", now, services, who)


def _version(image: ImageRef | None) -> str:
    return "?" if image is None or image.tag is None else Version(image.tag).short


def send(
    session: Session,
    notices: Sequence[Notice],
    team: TeamSettings,
    directory: Path,
    sent: Callable[[], None] = lambda: None,
) -> None:
    """Send them meanwhile; the command ends when that has ended, and says what failed.

    `sent` is called where nothing did.
    """
    to_send = list(wanted(notices, team))
    if not to_send:
        sent()
        return
    warnings: list[str] = []
    thread = threading.Thread(
        target=lambda: warnings.extend(send_all(to_send, os.environ, directory)), daemon=True
    )
    thread.start()

    def finish() -> None:
        thread.join(_PATIENCE)
        for warning in warnings:
            session.output.warn(warning)
        if not warnings and not thread.is_alive():
            sent()

    session.at_end(finish)
