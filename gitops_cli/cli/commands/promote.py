"""`gitops promote`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_environment, complete_service
from gitops_cli.cli.following import follow, foreseeing, need_cluster, need_wait
from gitops_cli.cli.options import (
    Confirm,
    Context,
    DryRun,
    Exclude,
    Kubeconfig,
    Only,
    Pin,
    Project,
    Reason,
    ReportFile,
    RollbackOnFailure,
    Sync,
    Timeout,
    VerifyImage,
    Wait,
    WaitImage,
    Yes,
)
from gitops_cli.cli.overrides import (
    AllowOlder,
    OverrideFreeze,
    OverrideLock,
    OverridePolicy,
    overrides_of,
)
from gitops_cli.cli.promotion import PromoteArguments, planned_promotions
from gitops_cli.cli.proposing import review_on
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.requirements import requires_of
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import Offer, carry_out, terms_of
from gitops_cli.domain.change.draft import Draft, review_branch, written
from gitops_cli.domain.change.several import Drafts
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import parse_service
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import plural
from gitops_cli.operations.gates import unasked
from gitops_cli.operations.images import ImageChecks, ImageGate, Images, as_recorded
from gitops_cli.operations.manifests import differing_manifests
from gitops_cli.operations.promote import (
    Promotion,
    draft_promotions,
    plan_promotion,
    with_images,
)
from gitops_cli.operations.writing import Terms, pins


@command
def promote(
    session: Session,
    services: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE]…",
            help="What to promote.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENV",
            help="Environment to copy from; default: the stage before.",
            autocompletion=complete_environment,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="ENV",
            help="Environment to copy to.",
            autocompletion=complete_environment,
        ),
    ] = None,
    source_alias: Annotated[str | None, typer.Option("--source", hidden=True)] = None,
    target_alias: Annotated[str | None, typer.Option("--target", hidden=True)] = None,
    project: Project = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All services of the source, of all projects without -p.")
    ] = False,
    only: Only = None,
    exclude: Exclude = None,
    message: Reason = None,
    allow_older: AllowOlder = False,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    verify_image: VerifyImage = False,
    wait_image: WaitImage = None,
    pin: Pin = False,
    manifests: Annotated[
        bool,
        typer.Option(
            "--with-manifests",
            help="Copy the source's own manifests, too; the plan shows what that changes.",
        ),
    ] = False,
    request: RequestOptions = NO_REQUEST,
    sync: Sync = False,
    wait: Wait = False,
    rollback_on_failure: RollbackOnFailure = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
    report_file: ReportFile = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Copy versions from one stage to the next, as one commit.

    Shows what would change, with authors, source commits and a compare link, and asks. What was
    shown is what ships, even if the source environment moves meanwhile. Without arguments a
    terminal is asked for them. Copies versions only: each environment keeps its images_path, and
    its manifests, unless --with-manifests is given.
    --all to a stage that several projects have promotes all of them, as one commit, unless
    --project says which one.

    Examples:
    gitops promote --from staging --to prod
    gitops promote --all --to prod --with-manifests --dry-run
    gitops promote --all --from staging --to prod  # every project that has both
    gitops promote billing --to prod --yes --sync --wait --rollback-on-failure
    """
    session.report_to(report_file)
    overrides = overrides_of(
        message, lock=override_lock, freeze=override_freeze, policy=override_policy
    )
    words = PromoteArguments(
        tuple(parse_service(name) for name in services or ()),
        source or source_alias,
        target or target_alias,
        project,
        everything,
        tuple(only or ()),
        tuple(exclude or ()),
    )
    need_wait(rollback_on_failure=rollback_on_failure, wait=wait)
    need_cluster(session, sync=sync, context=context)
    session.limits.question = timeout
    snapshot = session.look(require_remote=True, timeout=timeout).snapshot
    team = snapshot.team
    planned = planned_promotions(session, words, snapshot)
    planned = _of_manifests(session, snapshot, planned, copied=manifests)
    foresee = foreseeing(session, context, kubeconfig, wanted=sync or wait)
    for each in planned:
        foresee(each.target, team)
    proposes = request.proposes(planned[0].target, team, overrides)
    extras = request.extras(proposes=proposes)
    review = review_on(session, _branch(words, planned, team), extras) if proposes else None
    terms = terms_of(session, message, overrides=overrides, confirmed=confirm)._replace(
        reviewed=review is not None
    )
    shown = terms._replace(preview=True)
    unpinned = shown._replace(vouched=unasked)
    requires = requires_of(session, team, context, kubeconfig)

    def compute(snapshot: Snapshot, terms: Terms, planned: Sequence[Promotion]) -> Draft | Drafts:
        return draft_promotions(
            snapshot, planned, terms, state=session.state, requires=requires, now=session.now()
        )

    def anew(snapshot: Snapshot) -> Draft | Drafts:
        again = [
            plan_promotion(
                snapshot, source=p.source, target=p.target, services=sorted(p.intent.kinds)
            )
            for p in planned
        ]
        if manifests:
            again = [_with_manifests(session, snapshot, each) for each in again]
        return compute(snapshot, unpinned, again)

    def with_all_images(images: Images) -> list[Promotion]:
        return [
            with_images(p, snapshot.environment(p.target), images, pin=pins(p.target, team, terms))
            for p in planned
        ]

    checks = ImageChecks(verify_image, wait_image, pin)
    if checks.asked or any(pins(p.target, team, terms) for p in planned):
        # Its guards refuse before anybody waits for an image.
        compute(snapshot, unpinned, with_all_images(as_recorded))
        planned = tuple(with_all_images(ImageGate(lambda: session.registries_to_write_by, checks)))
    plan = compute(snapshot, shown, planned)
    offer = Offer(
        plan,
        lambda snapshot, terms: compute(snapshot, terms, planned),
        anew,
        _question(plan),
        review,
        allow_older,
    )
    outcome = carry_out(session, offer, terms, team, dry_run=dry_run, yes=yes, timeout=timeout)
    follow(
        session,
        outcome,
        timeout,
        sync=sync,
        wait=wait,
        rollback_on_failure=rollback_on_failure,
        context=context,
        kubeconfig=kubeconfig,
    )


def _of_manifests(
    session: Session, snapshot: Snapshot, planned: Sequence[Promotion], *, copied: bool
) -> tuple[Promotion, ...]:
    """Return the promotions with manifests, if these are copied; and say what is not."""
    if not copied:
        for each in planned:
            _note_manifests(session, snapshot, each)
        return tuple(planned)
    found = tuple(_with_manifests(session, snapshot, each) for each in planned)
    for note in (note for each in found for note in each.notes):
        session.output.note(note)
    return found


def _note_manifests(session: Session, snapshot: Snapshot, planned: Promotion) -> None:
    """Say where more than versions differs: that is not promoted."""
    try:
        files = differing_manifests(session.state, snapshot, planned.source, planned.target)
    except GitOpsError:
        return  # what cannot be read, `validate` says
    if files:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        session.output.note(
            f"the manifests of {planned.source} and {planned.target} differ ({files[0]}{more}): "
            "versions are copied, and nothing else; --with-manifests copies them, too"
        )


def _with_manifests(session: Session, snapshot: Snapshot, planned: Promotion) -> Promotion:
    """Return the promotion with the source's manifests, as far as they are to be copied."""
    from gitops_cli.operations.manifest_copy import copy_manifests  # who asks for them

    found = copy_manifests(session.state, snapshot, planned.source, planned.target)
    return planned._replace(manifests=found.part, notes=found.notes)


def _question(draft: Draft | Drafts) -> str:
    if isinstance(draft, Drafts):
        projects = plural(sum(part.writes for part in draft.parts), "project")
        return f"Promote {written(draft)} of {projects} to {draft.stage}?"
    return f"Promote {written(draft)} to {draft.environment}?"


def _branch(words: PromoteArguments, planned: Sequence[Promotion], team: TeamSettings) -> str:
    """Return the branch on which the promotion waits for a merge."""
    first = planned[0]
    stage = place_of(first.target, team).stage if len(planned) > 1 else None
    services = () if words.everything else tuple(first.intent.kinds)
    return review_branch(first.target, services, stage=stage)
