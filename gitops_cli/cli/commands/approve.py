"""`gitops approve`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment, complete_service
from gitops_cli.cli.options import DryRun, Env, Project, Reason, Timeout, Yes
from gitops_cli.cli.prompts import confirm
from gitops_cli.cli.resolve import environment_among, environment_named
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import asked_of, show_plan, tell, terms_of, written_view
from gitops_cli.domain.change.draft import Draft, WriteOutcome
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName, parse_service
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.resolution import stage_before
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.text import one_line, plural
from gitops_cli.domain.version import Version, parse_version
from gitops_cli.operations.approve import draft_approval, draft_withdrawal
from gitops_cli.operations.images import ImageChecks, ImageGate
from gitops_cli.operations.promote import changelogs, plan_promotion
from gitops_cli.operations.writing import pins, preview, write_draft


@command
def approve(
    session: Session,
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE[=HASH]]…",
            help="Default: all that a promotion would bring.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ] = None,
    env: Env = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENV",
            help="Environment that has the versions; default: the stage before.",
            autocompletion=complete_environment,
        ),
    ] = None,
    project: Project = None,
    message: Reason = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take back what was approved, whoever did.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Timeout = None,
) -> None:
    """Say yes to versions before somebody else records them.

    Stages with `approvals` in gitops.toml take a version only after so many people other than the
    one who records it have approved that very version. An approval is a commit; a new version
    voids it, and recording the version ends it.

    Examples:
    gitops approve prod  # what a promotion would bring
    gitops approve billing -e prod -m "load test was fine"
    gitops approve --withdraw billing -e prod
    """
    words, env = environment_among(session, services or (), env)
    named = dict(map(_named, words))
    snapshot = session.state.snapshot(session.state.tip(timeout=timeout).commit)
    target = environment_named(session, env, snapshot, project=project, services=tuple(named))
    terms = terms_of(session, message)
    if withdraw:
        if any(named.values()) or source is not None:
            raise UsageError("--withdraw takes names of services only")

        def compute(snapshot: Snapshot) -> Draft:
            return draft_withdrawal(snapshot, target, tuple(named), terms, state=session.state)
    else:
        origin, versions = _versions(session, snapshot, target, named, source)
        if pins(target, snapshot.team, terms):  # a yes to a tag would be one to whatever it becomes
            gate = ImageGate(lambda: session.registries_to_write_by, ImageChecks())
            versions = dict(gate(snapshot.environment(target), versions, pin=True))

        def compute(snapshot: Snapshot) -> Draft:
            return draft_approval(
                snapshot,
                target,
                versions,
                terms,
                state=session.state,
                now=session.now(),
                by=session.writer(),
                source=origin,
            )

    draft = preview(session.state, compute)
    sources = session.sources(snapshot.team)
    logs = {} if withdraw else changelogs(draft.changes, sources)
    session.note_troubles(sources)
    if dry_run or not draft.changes:
        tell(session, WriteOutcome(draft, dry_run=dry_run), logs, shown=not draft.changes)
        return
    shown = show_plan(session, WriteOutcome(draft), logs)
    if not yes:
        what = "Withdraw the approval of" if withdraw else "Approve"
        confirm(f"{what} {plural(len(draft.changes), 'version')} for {target}?")
    draft, written = write_draft(
        session.state,
        asked_of(session, compute, written_view),
        actor=session.actor,
        timeout=timeout,
    )
    tell(session, WriteOutcome(draft, written), logs, shown=shown)
    if not withdraw and not snapshot.team.stage(place_of(target, snapshot.team).stage).approvals:
        session.output.note(f"nothing asks for it: {target}'s stage has no `approvals`")


def _named(word: str) -> tuple[ServiceName, Version | None]:
    """Return a service, and the version that is meant, if one is given."""
    name, equals, text = word.partition("=")
    version = parse_version(text)
    if equals and (version is None or not version.is_commit):
        raise UsageError(f"`{one_line(text)}` is not a full commit hash")
    return parse_service(name), version


def _versions(
    session: Session,
    snapshot: Snapshot,
    target: EnvironmentName,
    named: Mapping[ServiceName, Version | None],
    source: str | None,
) -> tuple[EnvironmentName | None, dict[ServiceName, Version]]:
    """Return the versions to approve, and where those come from that nobody wrote down."""
    said = {service: version for service, version in named.items() if version is not None}
    open_ones: Sequence[ServiceName] = [service for service in named if service not in said]
    if named and not open_ones:
        return None, said
    team = snapshot.team
    if source is None:
        origin = stage_before(target, snapshot.environments, team)
    else:
        project = place_of(target, team).project or None
        origin = environment_named(session, source, snapshot, project=project, flag="--from")
    services = open_ones or sorted(snapshot.environment(origin).files)
    planned = plan_promotion(snapshot, source=origin, target=target, services=services)
    changes = (*planned.intent.plan.changes, *planned.unchanged)
    return origin, said | {c.service: c.desired for c in changes if c.desired is not None}
