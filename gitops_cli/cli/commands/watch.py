"""`gitops watch`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gitops_cli.cli.clusters import clusters_of, environments_named, meant, report_problems
from gitops_cli.cli.command import command
from gitops_cli.cli.options import (
    Context,
    Environments,
    EnvToo,
    Exclude,
    Kubeconfig,
    Only,
    Project,
    Rev,
    Timeout,
)
from gitops_cli.cli.output import Format
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.comparison import Row
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.desired import desired_state
from gitops_cli.operations.watch import Look
from gitops_cli.operations.watch import watch as looks_at
from gitops_cli.render.diff import diff_view
from gitops_cli.render.watch import change_view

if TYPE_CHECKING:
    from rich.console import Console

MARKED_SECONDS = 5.0


@command
def watch(
    session: Session,
    environments: Environments = None,
    env: EnvToo = None,
    project: Project = None,
    only: Only = None,
    exclude: Exclude = None,
    rev: Rev = None,
    timeout: Timeout = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show the difference between git and the live clusters as it changes.

    Follows the clusters by watches, or by polling without that right, and git every few seconds.
    In a pipe each change is one line or document. Ends with Ctrl-C, or after --timeout.

    Examples:
    gitops watch prod
    gitops watch -o json --timeout 10m | jq .kind
    """
    words = [*(environments or ()), *(env or ())]
    clusters = clusters_of(session, context, kubeconfig)
    desired = desired_state(session.state, rev=rev)
    named, selection = meant(session, desired, words, project=project, only=only, exclude=exclude)

    def chosen(snapshot: Snapshot) -> tuple[TeamSettings, list[EnvironmentName]]:
        team = snapshot.team
        if words:  # what somebody typed, and may have been asked about, stays meant
            return team, named
        return team, environments_named(session, (), snapshot, project=project)

    looks = looks_at(
        desired,
        clusters,
        session.state,
        chosen,
        now=session.now,
        selection=selection,
        timeout=timeout,
    )
    console = session.output.stdout.console
    if console is not None and session.output.for_people:
        _live(session, looks, console)
    else:
        _stream(session, looks)


def _stream(session: Session, looks: Iterator[Look]) -> None:
    first, told = True, None
    for look in looks:
        if first:
            session.show(diff_view(look.diff))
            problems = [p for c in look.diff.environments for p in c.problems]
            report_problems(session, problems, [n for c in look.diff.environments for n in c.notes])
            first = False
            told = look.stale if problems else None
        if look.stale is not None and look.stale != told:
            session.output.warn(look.stale)
        told = look.stale
        for row in look.changed:
            session.show(change_view(row, look.diff.contexts.get(row.environment)))
        for row in look.gone:
            session.show(change_view(row, look.diff.contexts.get(row.environment), gone=True))
        if session.output.unheard:
            return


def _live(session: Session, looks: Iterator[Look], console: Console) -> None:
    from rich.live import Live  # a pipe does not need it

    from gitops_cli.render.watch import picture

    wide = session.output.format is Format.WIDE
    marked: dict[tuple[object, ...], tuple[float, Row]] = {}
    with Live(console=console, auto_refresh=False, transient=False) as live:
        for look in looks:
            moment = time.monotonic()
            for row in look.changed:
                marked[row.environment, row.service, row.container] = (moment, row)
            fresh = [row for at, row in marked.values() if moment - at < MARKED_SECONDS]
            note = f"{session.now().astimezone():%H:%M:%S}, Ctrl-C ends"
            if look.stale is not None:
                note = f"{look.stale}; {note}"
            live.update(
                picture(look.diff, fresh, note, live.console.width, wide=wide), refresh=True
            )
