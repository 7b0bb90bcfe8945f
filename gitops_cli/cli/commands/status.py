"""`gitops status`."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.options import (
    Columns,
    Context,
    Envs,
    Images,
    Kubeconfig,
    Limit,
    Project,
    Shown,
    past_time,
)
from gitops_cli.cli.resolve import looked_for
from gitops_cli.cli.session import Session
from gitops_cli.domain.recorded.environment import invalid
from gitops_cli.domain.recorded.manifests_place import has_manifests
from gitops_cli.operations.narrowing import Narrow, narrowed
from gitops_cli.operations.status import read_status
from gitops_cli.render.status import SortOrder, view


@command
def status(
    session: Session,
    services: Shown = None,
    environments: Envs = None,
    project: Project = None,
    images: Images = False,
    live: Annotated[
        bool, typer.Option("--live", help="Also say what runs, as `diff` finds it.")
    ] = False,
    behind: Annotated[
        bool, typer.Option("--behind", help="Only services that lack commits of the stage before.")
    ] = False,
    failed: Annotated[
        bool,
        typer.Option("--failed", help="Only what fails, is missing or unclear; implies --live."),
    ] = False,
    locked: Annotated[bool, typer.Option("--locked", help="Only what a lock holds.")] = False,
    changed: Annotated[
        datetime | None,
        typer.Option(
            "--changed",
            parser=past_time,
            metavar="TIME",
            help="Only what changed since: 2h, today, monday, 2026-11-23.",
        ),
    ] = None,
    order: Annotated[
        SortOrder, typer.Option("--sort", metavar="ORDER", help="trouble (first), or name.")
    ] = SortOrder.TROUBLE,
    columns: Columns = None,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show what is recorded where: services × stages.

    Examples:
    gitops status
    gitops status -p shop --live
    gitops status --behind --columns service,production
    gitops status -o json | jq '.projects[].name'
    """
    session.limits.begin(timeout)
    tip, snapshot = session.look()
    team = snapshot.team
    sources = cache(lambda: session.sources(team))
    wanted = looked_for(session, snapshot, services, environments, project)
    found = read_status(
        session.state,
        snapshot,
        wanted,
        sources=sources,
        fresh=tip.fresh,
        committed_at=tip.committed_at,
        now=session.now(),
    )
    if not wanted.services and not wanted.usual and has_manifests(snapshot):
        from gitops_cli.operations.manifest_status import with_manifests  # where there are some

        found = with_manifests(found, session.state, snapshot)
    if any(rules.is_gated for rules in team.rules.values()):
        from gitops_cli.operations.readiness import with_readiness  # most teams have no gates

        found = with_readiness(found, session.state, snapshot, now=session.now())
    if sources.cache_info().currsize:
        session.note_troubles(sources())
    if live or failed:
        from gitops_cli.cli.live import add_live  # nobody else needs the cluster's side

        found = add_live(session, found, snapshot, context, kubeconfig)
    narrow = Narrow(behind, failed, locked, changed)
    found = narrowed(found, narrow)
    shown = (
        view(found, order, empty="no service is like that") if narrow.asks else view(found, order)
    )
    if images:
        from gitops_cli.operations.images import exit_code, missing_images
        from gitops_cli.render.images import with_images

        files = {c.file for g in found.grids for row in g.rows.values() for c in row.values()}
        missing = missing_images(session.registries, snapshot, wanted=files.__contains__)
        shown = with_images(shown, missing)
        session.finish(exit_code(missing))
    session.show(shown, columns=columns)
    unreadable = [
        cell.finding
        for grid in found.grids
        for row in grid.rows.values()
        for cell in row.values()
        if cell.finding is not None
    ]
    if unreadable:
        raise invalid(unreadable)
