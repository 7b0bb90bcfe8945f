"""`gitops env`: list, add and copy here; show, remove and rename beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.commands.env_move import remove, rename
from gitops_cli.cli.commands.env_show import show
from gitops_cli.cli.completion import complete_commit, complete_environment
from gitops_cli.cli.options import (
    Confirm,
    Context,
    DryRun,
    Exclude,
    Kubeconfig,
    Limit,
    Only,
    Project,
    Reason,
    Timeout,
    Yes,
    YesToo,
)
from gitops_cli.cli.overrides import OverrideFreeze, OverridePolicy, overrides_of
from gitops_cli.cli.prompts import ask_text, confirm, may_ask
from gitops_cli.cli.proposing import moving, review_of_all
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.requirements import requires_of
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import answering, asked_of, note_writing, show_before, terms_of
from gitops_cli.domain.change.draft import Verb, review_branch
from gitops_cli.domain.change.request import ReviewBranch
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, parse_environment
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import plural
from gitops_cli.operations.env import (
    EnvironmentCopy,
    NewEnvironment,
    changed_since,
    draft_addition,
    draft_copy,
    list_environments,
    need_absent,
)
from gitops_cli.operations.writing import Terms, preview, write_draft
from gitops_cli.render.env import list_view, new_plan, new_view
from gitops_cli.render.waiting import waiting

env = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="""List, show, add, copy, rename and remove environments.

    Examples:
    gitops env list
    gitops env show prod
    gitops env copy shop-staging shop-qa
    """,
)

ImagesPath = Annotated[
    str | None,
    typer.Option("--images-path", metavar="PATH", help="What stands before a service's name."),
]


@env.command("list")
@command
def list_(
    session: Session,
    since: Annotated[
        str | None,
        typer.Option(
            "--changed-since",
            metavar="REV",
            help="Only those that are other than at that commit; all where nobody knows it.",
            show_default=False,
            autocompletion=complete_commit,
        ),
    ] = None,
    timeout: Limit = None,
) -> None:
    """Show the environments, by project and stage.

    Examples:
    gitops env list
    gitops env list -o json
    gitops env list --changed-since HEAD~5 -o name  # what a push changed
    """
    session.limits.begin(timeout)
    snapshot = session.look().snapshot
    only = None if since is None else _changed(session, snapshot, since)
    listed = list_environments(snapshot, only)
    if only is None:
        session.show(list_view(listed))
    else:
        session.show(list_view(listed, empty="no environment changed"))


def _changed(
    session: Session, snapshot: Snapshot, since: str
) -> Collection[EnvironmentName] | None:
    """Return which environments changed; None: nobody can tell, so all may have."""
    if set(since) == {"0"}:
        return None  # how CI systems say that a branch is new
    try:
        commit = session.state.resolve(since)
    except UsageError as unknown:
        session.output.note(f"{unknown.message}: these are all environments")
        return None
    return changed_since(session.state, snapshot, commit)


env.command("show")(show)


@env.command()
@command
def add(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="ENV", help="Its full name; also the namespace's.")
    ],
    images_path: ImagesPath = None,
    message: Reason = None,
    request: RequestOptions = NO_REQUEST,
    dry_run: DryRun = False,
    yes: YesToo = False,
    timeout: Timeout = None,
) -> None:
    """Add an environment without services.

    Examples:
    gitops env add shop-qa --images-path registry.example.com/shop/
    gitops env add shop-qa --images-path registry.example.com/shop/ --dry-run
    """
    environment = parse_environment(name)
    if images_path is None:
        need_absent(session.look(require_remote=True, timeout=timeout).snapshot, environment)
    path = images_path or ask_text("Where are its images?", flag="--images-path")
    review = review_of_all(
        session, request, (), TeamSettings(), (), review_branch(environment, verb=Verb.ENV)
    )
    terms = terms_of(session, message)._replace(reviewed=review is not None)
    _write(
        session,
        lambda snapshot: draft_addition(snapshot, environment, path, terms),
        review,
        dry_run=dry_run,
        timeout=timeout,
    )


@env.command()
@command
def copy(
    session: Session,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="Environment or stage to copy.",
            autocompletion=complete_environment,
        ),
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="Full name of the new one.")],
    project: Project = None,
    only: Only = None,
    exclude: Exclude = None,
    images_path: ImagesPath = None,
    manifests: Annotated[
        bool,
        typer.Option("--manifests", help="Also copy manifests/, with the namespace changed."),
    ] = False,
    message: Reason = None,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    request: RequestOptions = NO_REQUEST,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Open a new stage: the images path and the versions of another one, without its locks.

    The rules that gitops.toml has for the new one's stage hold as for a promotion.

    Examples:
    gitops env copy shop-staging shop-qa --dry-run
    gitops env copy shop-staging shop-qa
    """
    wanted = EnvironmentCopy(
        source,
        parse_environment(target),
        project or session.user.project,
        only or (),
        exclude or (),
        images_path,
        manifests,
    )
    overrides = overrides_of(message, freeze=override_freeze, policy=override_policy)
    branch = review_branch(wanted.target, verb=Verb.ENV)
    team = session.look(require_remote=True).snapshot.team
    review = review_of_all(session, request, [wanted.target], team, overrides, branch)
    said = terms_of(session, message, overrides=overrides, confirmed=confirm)
    said = said._replace(reviewed=review is not None)

    def write(source: str, terms: Terms) -> None:
        def compute(snapshot: Snapshot, terms: Terms = terms) -> NewEnvironment:
            return draft_copy(
                snapshot,
                wanted._replace(source=source),
                terms,
                state=session.state,
                requires=lambda team: requires_of(session, team, context, kubeconfig),
                now=session.now(),
            )

        if not (dry_run or yes or terms.confirmed) and may_ask():
            _ask(session, lambda snapshot: compute(snapshot, terms._replace(preview=True)))
        _write(session, compute, review, dry_run=dry_run, timeout=timeout)

    answering(session, write, source, said._replace(preview=dry_run))


env.command("rename")(rename)
env.command("remove")(remove)


def _ask(session: Session, compute: Callable[[Snapshot], NewEnvironment]) -> None:
    """Show a person what would be copied, and ask; a protected stage is asked about by its name."""
    snapshot = session.look(require_remote=True).snapshot
    draft, team = compute(snapshot), snapshot.team
    if not draft.copied:
        return
    show_before(session, new_plan(draft))
    if not team.stage(place_of(draft.name, team).stage).protected:
        confirm(f"Make {draft.name} with {plural(len(draft.copied), 'service')}?")


def _write(
    session: Session,
    compute: Callable[[Snapshot], NewEnvironment],
    review: ReviewBranch | None,
    *,
    dry_run: bool,
    timeout: float | None,
) -> None:
    draft, written = (
        (preview(session.state, compute), None)
        if dry_run
        else write_draft(
            session.state,
            asked_of(session, compute, new_view),
            actor=session.actor,
            timeout=timeout,
            branch=review.branch if review else None,
        )
    )
    note_writing(session, written)
    if draft.ambiguous:
        session.output.warn(draft.ambiguous)
    if written is not None:
        review = moving(session, review, draft.proposal, written, new_plan(draft), draft.reason)
    show = session.show if dry_run else session.report
    show(waiting(new_view(draft, written), review, draft.proposal, written))
    if written is not None and written.changed and review is None:
        session.output.say(
            f"its namespace and workloads have to be there: kubectl create namespace {draft.name}; "
            f"gitops diff {draft.name} says what is missing"
        )
