"""`gitops release`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_service
from gitops_cli.cli.following import follow, foreseeing, need_cluster, need_wait
from gitops_cli.cli.options import (
    Confirm,
    Context,
    DryRun,
    Env,
    Kubeconfig,
    New,
    Pin,
    Project,
    Reason,
    ReportFile,
    RollbackOnFailure,
    Sync,
    Timeout,
    Wait,
    WaitImage,
    YesToo,
)
from gitops_cli.cli.overrides import (
    AllowOlder,
    OverrideFreeze,
    OverrideLock,
    OverridePolicy,
    overrides_of,
)
from gitops_cli.cli.proposing import review_of, with_request
from gitops_cli.cli.release_words import BuildArguments
from gitops_cli.cli.request_options import NO_BUILD_REQUEST, BuildRequestOptions
from gitops_cli.cli.resolve import (
    built_here,
    environment_among,
    need_source,
    service_checkout,
    service_of,
)
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import answering, asked_where, note_writing, terms_of, warn_of
from gitops_cli.domain.change.draft import Draft
from gitops_cli.domain.change.policy import NeedsReview
from gitops_cli.domain.change.request import ReviewBranch
from gitops_cli.domain.change.several import Drafts
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import ServiceName, parse_service
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.release.building import (
    BuildRequest,
    CommitRequest,
    Engine,
    Release,
    image_labels,
)
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import Version
from gitops_cli.operations.release import (
    APPEAR_SECONDS,
    NAMED,
    Recipe,
    Workshop,
    dirty_reason,
    plan_release,
    refuse_dirty,
)
from gitops_cli.operations.release import release as make_release
from gitops_cli.operations.set import Order
from gitops_cli.operations.writing import Terms
from gitops_cli.render.release import view

BUILDING = "Building"


@command
def release(
    session: Session,
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="[SERVICE]",
            help="Default: this checkout's own.",
            show_default=False,
            autocompletion=complete_service,
        ),
    ] = None,
    env: Env = None,
    project: Project = None,
    message: Reason = None,
    build: Annotated[
        Path | None,
        typer.Option(
            metavar="CONTEXT",
            help="Directory to build; default: this one.",
            rich_help_panel=BUILDING,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Dockerfile.", rich_help_panel=BUILDING),
    ] = None,
    build_arg: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUE]",
            help="Build argument; without a value from the environment. Not for secrets.",
            rich_help_panel=BUILDING,
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="id=ID,env=NAME|src=FILE",
            help="Secret for RUN --mount=type=secret.",
            rich_help_panel=BUILDING,
        ),
    ] = None,
    platform: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OS/ARCH", help="Platform; several make an index.", rich_help_panel=BUILDING
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Label, beside the OCI ones for revision, source and time.",
            rich_help_panel=BUILDING,
        ),
    ] = None,
    builder: Annotated[
        Engine | None,
        typer.Option(help="Default: docker if it answers, else podman.", rich_help_panel=BUILDING),
    ] = None,
    container: Annotated[
        str | None,
        typer.Option(
            "--image-from-container",
            metavar="ID",
            help="Commit this container instead of building.",
            rich_help_panel=BUILDING,
        ),
    ] = None,
    cmd: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="What that image starts, or it would seed itself again.",
            rich_help_panel=BUILDING,
        ),
    ] = None,
    allow_dirty: Annotated[
        bool,
        typer.Option(
            "--allow-dirty",
            help="Release uncommitted work, under a hash of its own.",
            rich_help_panel=BUILDING,
        ),
    ] = False,
    verify_image: Annotated[bool, typer.Option("--verify-image", hidden=True)] = True,
    wait_image: WaitImage = None,
    pin: Pin = False,
    kind: Annotated[
        Kind | None,
        typer.Option(
            metavar="KIND",
            help="Of a service that is new here: Deployment, StatefulSet, DaemonSet, CronJob or "
            "Rollout; by default as it is elsewhere.",
        ),
    ] = None,
    new: New = False,
    allow_older: AllowOlder = False,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    asking: BuildRequestOptions = NO_BUILD_REQUEST,
    dry_run: DryRun = False,
    yes: YesToo = False,
    confirm: Confirm = None,
    sync: Sync = False,
    wait: Wait = False,
    rollback_on_failure: RollbackOnFailure = False,
    timeout: Timeout = None,
    report_file: ReportFile = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """The whole CI step: build HEAD, push the image, check it, and record its hash.

    Run in a service's checkout. What is done already is not done again: an image that the registry
    has is taken as it is, so a release that broke off is finished by running it again. The guards
    of `set` are asked before anything is built, and the registry always after the push.

    Examples:
    gitops release -e dev  # in a service's checkout: HEAD
    gitops release billing -e prod --pr --reviewer ada
    gitops release billing -e dev --image-from-container 3f2a --allow-dirty
    """
    session.report_to(report_file)
    named, env = environment_among(session, [service] if service else [], env)
    source = _Source(session, named[0] if named else None, allow_dirty=allow_dirty)
    labels = image_labels(
        revision=source.revision,
        source=source.remote,
        built=session.now(),
        more=label or (),
    )
    words = BuildArguments(build, file, build_arg, secret, platform, container, cmd)
    request = words.request(session.directory, labels)
    source.warn_of(request)
    built = built_here(session)
    order = Order(
        env or "",
        source.versions,
        project=project,
        usual_project=session.user.project,
        kind=kind,
        is_new=new,
        by_branch=True,
        branch=built.branch,
        request=built.request,
        foresee=foreseeing(session, context, kubeconfig, wanted=sync or wait),
        named=source.services,
    )
    order = asked_where(session, order)
    overrides = overrides_of(
        message,
        lock=override_lock,
        freeze=override_freeze,
        policy=override_policy,
        older=allow_older,
    )
    said = terms_of(session, message, overrides=overrides, confirmed=confirm)._replace(
        reviewed=asking.pull_request
    )
    need_wait(rollback_on_failure=rollback_on_failure, wait=wait)
    need_cluster(session, sync=sync, context=context)
    session.limits.question = timeout
    shop = Workshop(
        session.state,
        session.sources,
        session.registries_to_write_by,
        lambda: session.machine.builder(builder),
        session.output.say,
        session.output.warn,
        session.now,
    )
    appear = APPEAR_SECONDS if wait_image is None else wait_image
    recipe = Recipe(request, pin, lambda: source.gaps(request), appear)

    def once(environment: str, terms: Terms) -> Release:
        try:
            return released(environment, terms)
        except NeedsReview:
            return released(environment, terms._replace(reviewed=True))

    def released(environment: str, terms: Terms) -> Release:
        terms = terms._replace(reason=source.reason(terms.reason))
        there = order._replace(environment=environment, terms=terms)

        def review(draft: Draft | Drafts) -> ReviewBranch | None:
            extras = asking.options.extras(proposes=terms.reviewed)
            return review_of(session, draft.parts[0], extras) if terms.reviewed else None

        if dry_run:
            outcome, service, image = plan_release(shop, there)
            return Release(
                service, image, None, None, outcome._replace(review=review(outcome.draft))
            )
        return make_release(
            shop, there, recipe, review=review, actor=session.actor, timeout=timeout
        )

    done = answering(session, once, order.environment, said._replace(preview=dry_run))
    done = done._replace(outcome=with_request(session, done.outcome, None))
    warn_of(session, done.outcome.draft.warnings)
    note_writing(session, done.outcome.written)
    show = session.show if dry_run else session.report
    show(view(done))
    session.publish(view(done))
    follow(
        session,
        done.outcome,
        timeout,
        sync=sync,
        wait=wait,
        rollback_on_failure=rollback_on_failure,
        context=context,
        kubeconfig=kubeconfig,
    )


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(map(one_line, paths[:NAMED])) + more


class _Source:
    """What is released: the checkout's HEAD, or a commit of what it holds beyond that."""

    def __init__(self, session: Session, service: str | None, *, allow_dirty: bool) -> None:
        checkout = service_checkout(session)
        if checkout.head is None:
            raise UsageError(f"{checkout.root} has no commit yet")
        files = session.machine.uncommitted_files(checkout)
        if not allow_dirty:
            refuse_dirty(files)
        self._session = session
        self._service = None if service is None else parse_service(service)
        self._checkout = checkout
        self._head = checkout.head
        self._dirty = bool(files)
        self.revision = session.machine.commit_uncommitted(checkout) if files else checkout.head
        self.remote = checkout.address
        if files:
            session.output.warn(
                f"{self.revision} stands for uncommitted changes; no branch has it, and only this "
                "checkout knows it"
            )

    def warn_of(self, request: BuildRequest | CommitRequest) -> None:
        """Say so if what is built is not what the hash is of."""
        if isinstance(request, BuildRequest):
            context = request.context.resolve()
            if not context.is_relative_to(self._checkout.root.resolve()):
                self._session.output.warn(
                    f"{context} is not in {self._checkout.root}: no hash of that says what is in "
                    "the image"
                )

    def gaps(self, request: BuildRequest | CommitRequest) -> list[str]:
        """Return what of the checkout is not in the context of a build, though git has it."""
        if not isinstance(request, BuildRequest):
            return []
        found = self._session.machine.placeholders(self._checkout, request.context)
        gaps = []
        if found.pointers:
            gaps.append(
                f"{_named(found.pointers)} in the image: a pointer of git-lfs, not the content; "
                "`git lfs pull` first (in CI: fetch LFS files with the checkout)"
            )
        if found.submodules:
            gaps.append(
                f"{_named(found.submodules)} in the image: a submodule that is empty; "
                "`git submodule update --init` first (in CI: fetch submodules with the checkout)"
            )
        return gaps

    def services(self, team: TeamSettings) -> list[ServiceName]:
        """Return the one service whose version is recorded; raises UsageError."""
        return [self._service or service_of(self._checkout, team)]

    def versions(self, team: TeamSettings) -> dict[ServiceName, Version]:
        """Return the one version to record."""
        [service] = self.services(team)
        need_source(self._checkout, service, team)
        return {service: Version(self.revision)}

    def reason(self, reason: str | None) -> str | None:
        """Return the reason to record; it says so if the version was never committed."""
        return dirty_reason(self._head, reason) if self._dirty else reason
