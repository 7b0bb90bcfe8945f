"""`gitops capture`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment
from gitops_cli.cli.look import clusters_of
from gitops_cli.cli.options import (
    Context,
    DryRun,
    Exclude,
    Kubeconfig,
    Only,
    Reason,
    Timeout,
    Yes,
)
from gitops_cli.cli.overrides import OverrideLock, overrides_of
from gitops_cli.cli.session import Session
from gitops_cli.domain.capturing import Captured
from gitops_cli.domain.drafting import Draft
from gitops_cli.domain.errors import UnknownEnvironment
from gitops_cli.domain.names import parse_environment
from gitops_cli.domain.repository import Snapshot
from gitops_cli.domain.stages import the_one
from gitops_cli.operations.capture import (
    draft_capture,
    manifest_edits,
    read_capture,
    running_workloads,
)
from gitops_cli.operations.writing import preview, write_draft
from gitops_cli.render.capture import capture_view
from gitops_cli.settings import parse_team


@command
def capture(
    session: Session,
    environment: Annotated[
        str,
        typer.Argument(
            metavar="ENV",
            help="Namespace to read, and environment to write; a new one is made.",
            show_default=False,
            autocompletion=complete_environment,
        ),
    ],
    images_path: Annotated[
        str | None,
        typer.Option(
            "--images-path",
            metavar="PREFIX",
            help="What stands before the service in its images; default: found from them.",
            show_default=False,
        ),
    ] = None,
    manifests: Annotated[
        bool,
        typer.Option(
            "--manifests",
            help="Also write the workloads, Services, ConfigMaps and Ingresses; never Secrets.",
        ),
    ] = False,
    only: Only = None,
    exclude: Exclude = None,
    message: Reason = None,
    override_lock: OverrideLock = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Timeout = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Record the versions that a running namespace has: adopt an existing cluster.

    Every Deployment, StatefulSet, DaemonSet and CronJob whose image is the images_path and its own
    name gets its file, in one commit. The cluster is only read.
    """
    overrides = overrides_of(message, lock=override_lock, freeze=False, policy=False)
    clusters = clusters_of(session, context, kubeconfig)
    tip = session.state.tip()
    snapshot = session.state.snapshot(tip.commit)
    team = parse_team(snapshot.settings)
    try:
        name = the_one(environment, snapshot.environments.keys(), team)
    except UnknownEnvironment:
        name = parse_environment(environment)
    cluster = clusters.of(name, team)
    workloads, left_out = running_workloads(
        cluster, name, only=tuple(only or ()), exclude=tuple(exclude or ())
    )
    for note in left_out:
        session.output.warn(note)
    found = read_capture(snapshot, name, workloads, images_path=images_path)
    exported = cluster.export(name, [(w.kind, w.name) for w in workloads]) if manifests else None
    run = session.ci.url if session.ci else None

    def compute(snapshot: Snapshot) -> Draft:
        return draft_capture(
            snapshot,
            name,
            found,
            now=session.now(),
            reason=message,
            run=run,
            overrides=tuple(overrides),
            manifests=manifest_edits(snapshot, name, exported, session.state) if exported else (),
        )

    if dry_run:
        result = Captured(found, preview(session.state, compute), exported=exported)
    else:
        draft, written = write_draft(session.state, compute, actor=session.actor, timeout=timeout)
        result = Captured(found, draft, written, exported)
    for warning in result.draft.warnings:
        session.output.warn(warning)
    for note in exported.notes if exported is not None else ():
        session.output.note(note)
    for note in result.written.notes if result.written is not None else ():
        session.output.note(note)
    session.show(capture_view(result))
