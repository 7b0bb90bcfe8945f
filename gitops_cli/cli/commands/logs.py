"""`gitops logs`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_service
from gitops_cli.cli.inside import ContainerOption, PodOption, ServiceInside, look
from gitops_cli.cli.options import Context, Env, EnvBehind, Kubeconfig, Limit, Project, past_time
from gitops_cli.cli.session import Session
from gitops_cli.domain.cluster.advice import logs as logs_command
from gitops_cli.domain.cluster.inside import Asked, LogPart, Spot
from gitops_cli.domain.errors import GitOpsError, UsageError, worst
from gitops_cli.operations.inside import not_running
from gitops_cli.operations.logs import MOST, Piece, one_after_the_other, together
from gitops_cli.render.logs import logs_view
from gitops_cli.render.safe import for_log

MOST_LINES = 2**31 - 1  # whatever --tail says; Kubernetes and Python have no larger counts
DOCUMENT_LINES = 1000  # of each log, unless --tail says otherwise


@command
def logs(
    session: Session,
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE",
            help="Its name; in a service's checkout, that one.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ] = None,
    place: EnvBehind = None,
    env: Env = None,
    project: Project = None,
    container: ContainerOption = None,
    pod: PodOption = None,
    all_pods: Annotated[
        bool, typer.Option("--all-pods", help="Every pod of the service, with names in front.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")
    ] = False,
    tail: Annotated[
        int | None,
        typer.Option("--tail", metavar="N", min=0, help="Only the last N lines."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=past_time, metavar="TIME", help="Not before: 10m, today, 2026-11-23T02:00."
        ),
    ] = None,
    previous: Annotated[
        bool | None,
        typer.Option(
            "--previous/--no-previous",
            help="The run before this one; by itself where a container crashes again and again.",
            show_default=False,
        ),
    ] = None,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", help="The time of each line in front.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Bytes as they are on a terminal and in CI, too.")
    ] = False,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show the log of the container that matters.

    If something crashes or cannot start, that is it: an init container and a sidecar, too; else
    the service's own container in the newest ready pod. Says which one it is, and the kubectl line
    it stands for.

    Examples:
    gitops logs billing -e prod
    gitops logs billing -e prod --follow --tail 20
    gitops logs billing -e prod --all-pods --since 10m
    """
    session.limits.begin(None if follow else timeout)
    if follow and not session.output.for_people:
        raise UsageError("--follow has no document", hint="leave out -o, or --follow")
    looked = look(
        session,
        service,
        place if env is None else env,
        Asked(container, pod),
        project=project,
        context=context,
        kubeconfig=kubeconfig,
        every=all_pods,
    )
    if follow and len(looked.spots) > MOST:
        raise UsageError(
            f"--follow follows {MOST} pods at most, and there are {len(looked.spots)}",
            hint="--pod NAME",
        )
    people = session.output.for_people
    tail = None if tail is None else min(tail, MOST_LINES)
    part = LogPart(
        follow, DOCUMENT_LINES if tail is None and not people else tail, since, timestamps
    )
    spots = [_run_of(spot, previous, follow=follow) for spot in looked.spots]
    pieces = _pieces(session, looked, spots, part)
    with closing(pieces):
        if people:
            _write(session, pieces, named=all_pods, raw=raw, at_once=follow)
        else:
            _show(session, looked, spots, part, pieces)


def _run_of(spot: Spot, wanted: bool | None, *, follow: bool) -> Spot:
    """Return the spot with the run that is meant: nothing more comes of one that is over."""
    return spot._replace(previous=spot.previous and not follow if wanted is None else wanted)


def _pieces(
    session: Session, looked: ServiceInside, spots: Sequence[Spot], part: LogPart
) -> Generator[Piece, None, None]:
    """Yield what is to be shown; where one of several has no log, that is an error in its place."""
    note = session.output.note
    logs = {}
    for spot in spots:
        if spot.waits_for is not None:
            yield spot.place, not_running(looked.inside, spot, looked.cluster.context, "log")
            continue
        note(logs_command(looked.where, spot, part))
        logs[spot.place] = looked.cluster.log(looked.environment, spot, part, note)
    several = part.follow and len(logs) > 1
    yield from (together if several else one_after_the_other)(logs)


def _write(
    session: Session, pieces: Iterator[Piece], *, named: bool, raw: bool, at_once: bool
) -> None:
    """Write the lines; `at_once`: each as it comes, as somebody waits for it."""
    out = session.output.stdout
    safe = not raw and (out.file.isatty() or session.in_ci)
    colours = not os.environ.get("NO_COLOR")
    begins = True
    errors = []
    for name, came in pieces:
        if isinstance(came, GitOpsError):
            out.flush()
            session.output.error(came)
            errors.append(came)
            continue
        prefix = f"[{name}] " if named and begins else ""
        begins = came.endswith(b"\n")
        if safe:
            out.write(prefix + for_log(came.decode("utf-8", "replace"), colours=colours))
        else:
            out.write_bytes(prefix.encode() + came)
            if at_once:
                out.flush()
        if session.output.unheard:
            return
    out.flush()
    session.finish(worst(error.exit_code for error in errors))


def _show(
    session: Session,
    looked: ServiceInside,
    spots: Sequence[Spot],
    part: LogPart,
    pieces: Iterator[Piece],
) -> None:
    """Show a document, with the last lines of each log."""
    lines: dict[str, deque[str]] = {}
    errors = []
    for name, came in pieces:
        if isinstance(came, GitOpsError):
            errors.append(came)
        else:
            kept = lines.setdefault(name, deque(maxlen=part.tail))
            kept.append(came.decode("utf-8", "replace").removesuffix("\n"))
    if len(errors) == len(spots):
        raise errors[0]
    commands = {spot.pod: logs_command(looked.where, spot, part) for spot in spots}
    session.show(
        logs_view(looked.environment, looked.service, looked.where, spots, commands, lines)
    )
    for error in errors:
        session.output.error(error)
    session.finish(worst(error.exit_code for error in errors))
