"""`gitops pr`: the requests that proposals have opened."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_commit
from gitops_cli.cli.options import Limit, Timeout, Yes
from gitops_cli.cli.piped import piped_text
from gitops_cli.cli.prompts import confirm
from gitops_cli.cli.session import Session
from gitops_cli.domain.change.request import RequestState
from gitops_cli.domain.errors import ExitCode, UsageError
from gitops_cli.domain.release.ci import request_number
from gitops_cli.domain.text import one_line
from gitops_cli.operations.pr import (
    keep_comment,
    merge_shown,
    merged_or_closed,
    need_open,
    open_requests,
)
from gitops_cli.render.pr import comment_view, request_view, requests_view

if TYPE_CHECKING:
    from gitops_cli.forge.requests import Requests

WAIT_SECONDS = 300.0
_NAMED = 5  # files
MERGE_SECONDS = 60.0

pr = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="""List, follow, comment, merge and close the pull or merge requests of proposals.

    Examples:
    gitops pr list
    gitops pr status 12 --wait
    gitops pr merge 12
    """,
)

Number = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, help="Its number.", show_default=False)
]


@pr.command("list")
@command
def list_(
    session: Session,
    everyones: Annotated[
        bool, typer.Option("--all", help="Those from other branches than gitops/… too.")
    ] = False,
    timeout: Limit = None,
) -> None:
    """Show the open requests, the newest first.

    Examples:
    gitops pr list
    gitops pr list --all -o json
    """
    session.limits.begin(timeout)
    session.show(requests_view(open_requests(_requests(session), everyones=everyones)))


@pr.command()
@command
def status(
    session: Session,
    number: Number,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Until it is merged (exit 0) or closed (1); 8: timed out."),
    ] = False,
    timeout: Timeout = None,
) -> None:
    """Show how a request stands, or follow it until it is merged or closed.

    Examples:
    gitops pr status 12
    gitops pr status 12 --wait --timeout 30m && gitops sync prod --wait
    """
    requests = _requests(session)
    if not wait:
        session.show(request_view(requests.get(number), requests.noun))
        return
    seconds = WAIT_SECONDS if timeout is None else timeout
    request = merged_or_closed(requests, number, timeout=seconds)
    session.show(request_view(request, requests.noun))
    if request.state is not RequestState.MERGED:
        session.finish(ExitCode.NO)


@pr.command()
@command
def merge(session: Session, number: Number, yes: Yes = False, timeout: Limit = None) -> None:
    """Merge a request, by the forge and its rules.

    What was shown is what is merged: a branch that moves meanwhile is refused.

    Examples:
    gitops pr merge 12
    gitops pr merge 12 --yes && gitops sync prod --wait
    """
    session.limits.begin(timeout)
    requests = _requests(session, acts=True)
    request = requests.get(number)
    need_open(request)
    if not yes:
        session.output.say(f"{request.title}: {request.url}")
        confirm(f"Merge {requests.noun} {number} into {request.base}?")
    merge_shown(requests, request)
    # Some say yes and merge a moment later.
    merged = merged_or_closed(requests, number, timeout=session.limits.left(MERGE_SECONDS))
    session.report(request_view(merged, requests.noun, "merged"))


@pr.command()
@command
def close(session: Session, number: Number, yes: Yes = False, timeout: Limit = None) -> None:
    """Close a request without merging it; its branch stays.

    Examples:
    gitops pr close 12
    gitops pr close 12 --yes
    """
    session.limits.begin(timeout)
    requests = _requests(session, acts=True)
    request = requests.get(number)
    need_open(request)
    if not yes:
        session.output.say(f"{request.title}: {request.url}")
        confirm(f"Close {requests.noun} {number}?")
    session.report(request_view(requests.close(request), requests.noun, "closed"))


@pr.command()
@command
def comment(
    session: Session,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[NUMBER]",
            min=1,
            help="Its number; in CI that of the request the run is for.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Which comment it is, where a request has several."
        ),
    ] = "gitops",
    timeout: Limit = None,
) -> None:
    """Keep one comment of a request up to date: what comes through the pipe, in Markdown.

    The first time it is written, then changed in place, so that a request has the last answer and
    no row of old ones.

    Examples:
    gitops validate -o markdown | gitops pr comment 12
    gitops diff prod -o markdown | gitops pr comment --name diff  # in CI
    """
    number = request_number(os.environ) if number is None else number
    if number is None:
        raise UsageError("a comment of which request?", hint="say its number")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}", name) is None:
        raise UsageError(f"--name: `{one_line(name)}` is no name", hint="letters, digits, ._-")
    text = piped_text()
    session.limits.begin(timeout)
    requests = _requests(session, acts=True)
    deed = keep_comment(requests, number, name, text)
    session.report(comment_view(number, name, deed, requests.noun))


@pr.command()
@command
def plan(
    session: Session,
    commit: Annotated[
        str,
        typer.Argument(
            metavar="[REV]",
            help="The commit that the request brings.",
            show_default="HEAD",
            autocompletion=complete_commit,
        ),
    ] = "HEAD",
    timeout: Limit = None,
) -> None:
    """Plan a proposed promotion once more: what its merge would record now.

    As `promote --dry-run` shows it, on the present tip, with exactly the versions that are
    proposed. A lock, a freeze or a gate that refuses it by now is exit 6. What only the machine
    of whoever promotes can ask, a cluster, a registry or a trusted program, is not asked.

    Examples:
    gitops pr plan origin/gitops/promote/shop-production+billing
    gitops pr plan HEAD^2 -o markdown  # in CI: a request, merged on trial
    """
    from gitops_cli.cli.writing import tell  # the other commands plan nothing
    from gitops_cli.domain.change.draft import WriteOutcome
    from gitops_cli.operations.pr_plan import plan_proposal
    from gitops_cli.operations.promote import changelogs

    session.limits.begin(timeout)
    snapshot = session.look().snapshot
    draft, manifests = plan_proposal(session.state, snapshot, commit, now=session.now())
    if manifests:
        session.output.warn(
            "it changes manifests as well, which are not planned here: "
            f"{', '.join(map(one_line, manifests[:_NAMED]))}"
            + (", …" if len(manifests) > _NAMED else "")
        )
    sources = session.sources(snapshot.team)
    logs = changelogs(draft.changes, sources)
    session.note_troubles(sources)
    outcome = WriteOutcome(draft, dry_run=True)
    tell(session, outcome, logs, planned=False, shown=not draft.writes)


def _requests(session: Session, *, acts: bool = False) -> Requests:
    if acts:
        session.need_config("forge")
    if session.options.offline:
        raise UsageError("--offline asks no forge")
    requests = session.requests
    if requests is None:
        raise UsageError(
            f"{session.state.description}: no forge is known for it, or there is no token for one",
            hint="docs/reviews.md has where tokens are looked for",
        )
    return requests
