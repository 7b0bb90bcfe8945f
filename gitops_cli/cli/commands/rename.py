"""`gitops rename`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment, complete_service
from gitops_cli.cli.options import Confirm, DryRun, Project, Reason, Timeout, Yes
from gitops_cli.cli.overrides import OverrideFreeze, OverrideLock, OverridePolicy, overrides_of
from gitops_cli.cli.proposing import moving, review_of_all
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.resolve import environment_named
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import agreed, asked_of, note_writing, show_before, terms_of
from gitops_cli.domain.change.draft import Verb, review_branch
from gitops_cli.domain.cluster.advice import at_home
from gitops_cli.domain.names import parse_service
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import plural
from gitops_cli.operations.rename import RenameDraft, draft_renaming, plan_renaming
from gitops_cli.operations.writing import write_draft
from gitops_cli.render.rename import rename_plan, rename_result
from gitops_cli.render.waiting import waiting


@command
def rename(
    session: Session,
    service: Annotated[
        str,
        typer.Argument(metavar="SERVICE", help="Its name now.", autocompletion=complete_service),
    ],
    name: Annotated[str, typer.Argument(metavar="NEW", help="Its name from now on.")],
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            "-e",
            metavar="ENV",
            help="Only there; default: all environments of its project.",
            autocompletion=complete_environment,
            show_default=False,
        ),
    ] = None,
    project: Project = None,
    keep_workload: Annotated[
        bool,
        typer.Option(
            "--keep-workload",
            help="What runs keeps its name: gitops.toml gets [service.NEW] workload.",
        ),
    ] = False,
    message: Reason = None,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    request: RequestOptions = NO_REQUEST,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
) -> None:
    """Give a service another name in the record of its environments.

    One commit moves its version files, its locks and its table of gitops.toml; `history` and
    `rollback` follow. In the clusters nothing is renamed or deleted: what stays there, and what
    the new name needs, is said.

    Examples:
    gitops rename billing invoices --dry-run
    gitops rename billing invoices --keep-workload -m "as the team calls it"
    gitops rename billing invoices -e shop-qa  # there only
    """
    old, new = parse_service(service), parse_service(name)
    overrides = overrides_of(
        message, lock=override_lock, freeze=override_freeze, policy=override_policy
    )
    snapshot = session.look(require_remote=True, timeout=timeout).snapshot
    team = snapshot.team
    named = [
        environment_named(session, word, snapshot, project=project, services=(old,))
        for word in env or ()
    ]
    planned = plan_renaming(
        snapshot, old, new, environments=named, project=project, keep_workload=keep_workload
    )
    places = planned.environments
    branch = review_branch(
        places[0],
        [old, new],
        stage=place_of(places[0], team).project if len(places) > 1 else None,
        verb=Verb.RENAME,
    )
    review = review_of_all(session, request, places, team, overrides, branch)
    terms = terms_of(session, message, overrides=overrides, confirmed=confirm)
    terms = terms._replace(reviewed=review is not None)

    def compute(snapshot: Snapshot) -> RenameDraft:
        return draft_renaming(snapshot, planned, terms, now=session.now())

    terms = terms._replace(preview=True)
    draft = compute(snapshot)
    if dry_run:
        done = rename_result(draft, None, shown=False)
        session.show(waiting(done, review, draft.proposal, None))
        return
    shown = show_before(session, rename_plan(draft))
    where = plural(len(planned.environments), "environment")
    question = f"Rename {old} to {new} in {where}?"
    terms = agreed(
        planned.environments, team, terms._replace(preview=False), question=question, yes=yes
    )
    draft, written = write_draft(
        session.state,
        asked_of(session, compute, lambda d, written: rename_result(d, written, shown=True)),
        actor=session.actor,
        timeout=timeout,
        branch=review.branch if review else None,
    )
    note_writing(session, written)
    review = moving(session, review, draft.proposal, written, rename_plan(draft), draft.reason)
    done = rename_result(draft, written, shown=shown)
    session.report(waiting(done, review, draft.proposal, written))
    for line in _in_the_clusters(draft, team):
        session.output.say(line)


def _in_the_clusters(draft: RenameDraft, team: TeamSettings) -> Iterator[str]:
    """Yield what stays there, and what the new name needs."""
    for image in dict.fromkeys(str(place.new_image) for place in draft.places if place.new_image):
        yield f"its image is {image} from now on: it has to be there before anything is synced"
    if draft.workload != draft.new:
        yield f"in the clusters it stays {draft.workload}"
        return
    for place in draft.places:
        where, kind = place.environment, place.file.kind.value
        delete = at_home(where, team, "-n", where, "delete", kind.lower(), draft.old)
        yield (
            f"{where} needs a {kind} {draft.new}; its {kind} {draft.old} goes on running "
            f"until: {delete}"
        )
    key = f'[service.{draft.new}] workload = "{draft.old}"'
    yield f"or what runs keeps its name, in gitops.toml: {key}"
