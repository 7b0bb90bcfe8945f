"""`gitops set`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.completion import complete_assignment
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
    VerifyImage,
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
from gitops_cli.cli.request_options import NO_REQUEST, RequestOptions
from gitops_cli.cli.resolve import (
    Built,
    built_here,
    environment_among,
    need_source,
    service_checkout,
    service_of,
)
from gitops_cli.cli.session import Session
from gitops_cli.cli.writing import (
    answering,
    asked_of,
    asked_where,
    requested,
    tell,
    terms_of,
    written_view,
)
from gitops_cli.domain.change.draft import Draft, WriteOutcome
from gitops_cli.domain.change.policy import NeedsReview
from gitops_cli.domain.errors import ExitCode, UsageError
from gitops_cli.domain.names import ServiceName, parse_service
from gitops_cli.domain.recorded.environment import Kind, Snapshot
from gitops_cli.domain.recorded.team import TeamSettings, VersionForm
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import Version, is_commit, is_digest, parse_version
from gitops_cli.operations.images import ImageChecks, ImageGate, as_recorded
from gitops_cli.operations.set import Expected, Order, draft_recording
from gitops_cli.operations.writing import Terms, preview, write_draft

if TYPE_CHECKING:
    from gitops_cli.source.checkout import Checkout

T = TypeVar("T")

# As much of what git allows as no shell and no URL would read otherwise.
_REF = r"(?!.*(\.\.|//))[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}\Z"
_HEX = frozenset("0123456789abcdefABCDEF")


@command
def set_versions(
    session: Session,
    assignments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE=HASH]…",
            help="What to record; a tag or branch of the source means its commit. SERVICE alone "
            "takes HEAD of this checkout; nothing at all takes the service from it too.",
            show_default=False,
            autocompletion=complete_assignment,
        ),
    ] = None,
    env: Env = None,
    project: Project = None,
    message: Reason = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[SERVICE=]HASH",
            help="Refuse unless this is what is recorded now; `none`: nothing is.",
            show_default=False,
        ),
    ] = None,
    new: New = False,
    allow_older: AllowOlder = False,
    override_lock: OverrideLock = False,
    override_freeze: OverrideFreeze = False,
    override_policy: OverridePolicy = False,
    kind: Annotated[
        Kind | None,
        typer.Option(
            metavar="KIND",
            help="Of a service that is new here: Deployment, StatefulSet, DaemonSet, CronJob or "
            "Rollout; by default as it is elsewhere.",
        ),
    ] = None,
    verify_image: VerifyImage = False,
    wait_image: WaitImage = None,
    pin: Pin = False,
    require_change: Annotated[
        bool, typer.Option("--require-change", help="Exit 1 if it was recorded already.")
    ] = False,
    request: RequestOptions = NO_REQUEST,
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
    """Record the versions that an environment should run.

    In CI, `gitops set -e dev` in a service's checkout records its HEAD: service, hash, actor and
    run are found. A hash that is an ancestor of the recorded one is refused (an older build that
    finishes last). All services of one call are one commit.

    Examples:
    gitops set -e dev  # in CI: this checkout's service and HEAD
    gitops set billing=36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2 -e dev
    gitops set billing -e dev --wait-image 10m --pin
    """
    session.report_to(report_file)
    need_wait(rollback_on_failure=rollback_on_failure, wait=wait)
    need_cluster(session, sync=sync, context=context)
    session.limits.question = timeout
    expected = _expectations(expect or [])
    words, env = environment_among(session, assignments or [], env)
    wish = _Wish(session, words)
    overrides = overrides_of(
        message,
        lock=override_lock,
        freeze=override_freeze,
        policy=override_policy,
        older=allow_older,
    )
    checks = ImageChecks(verify_image, wait_image, pin)
    by_branch = wish.from_checkout or session.ci is not None
    built = built_here(session) if by_branch else Built()
    order = Order(
        env or "",
        wish.versions,
        images=ImageGate(lambda: session.registries_to_write_by, checks),
        project=project,
        usual_project=session.user.project,
        kind=kind,
        is_new=new,
        expected=expected,
        by_branch=by_branch,
        branch=built.branch,
        request=built.request,
        foresee=foreseeing(session, context, kubeconfig, wanted=sync or wait),
        named=wish.services,
    )
    order = asked_where(session, order)
    said = terms_of(session, message, overrides=overrides, confirmed=confirm)._replace(
        reviewed=request.pull_request
    )

    def record(environment: str, terms: Terms) -> WriteOutcome:
        try:
            return recorded(environment, terms)
        except NeedsReview:
            return recorded(environment, terms._replace(reviewed=True))

    def recorded(environment: str, terms: Terms) -> WriteOutcome:
        there = order._replace(environment=environment, terms=terms)

        def compute(snapshot: Snapshot, order: Order) -> Draft:
            return draft_recording(
                snapshot, order, state=session.state, sources=session.sources, now=session.now()
            )

        if checks.asked:
            from gitops_cli.operations.gates import unasked  # as of requests, few sets need it

            # Guards first, nobody waits for an image to be refused then; and the wait is not part
            # of the write, which has a time of its own.
            guarded = there._replace(images=as_recorded, terms=terms._replace(vouched=unasked))
            preview(session.state, lambda snapshot: compute(snapshot, guarded))
            preview(session.state, lambda snapshot: compute(snapshot, there))
        review = None
        if dry_run or terms.reviewed or request != NO_REQUEST:
            plan = preview(session.state, lambda snapshot: compute(snapshot, there))
            extras = request.extras(proposes=terms.reviewed)
            if terms.reviewed:
                from gitops_cli.cli.proposing import review_of

                review = review_of(session, plan, extras)
            if dry_run or not plan.proposal.edits:
                return WriteOutcome(plan, dry_run=dry_run, review=review)
        written = write_draft(
            session.state,
            asked_of(session, lambda snapshot: compute(snapshot, there), written_view),
            actor=session.actor,
            timeout=timeout,
            branch=review.branch if review else None,
        )
        return WriteOutcome(*written, review=review)

    outcome = answering(session, record, order.environment, said._replace(preview=dry_run))
    outcome = requested(session, outcome)
    wish.say_what_was_expanded()
    tell(session, outcome, planned=False)
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
    if require_change and not outcome.draft.changes:
        session.finish(ExitCode.NO)


class _Wish:
    """The services and versions of the command line, completed from the checkout we are in."""

    def __init__(self, session: Session, assignments: list[str]) -> None:
        self._session = session
        self._given = _assignments(assignments)
        self._expanded: dict[ServiceName, tuple[str, str]] = {}

    @property
    def from_checkout(self) -> bool:
        """Tell whether a version is the HEAD of this checkout."""
        return not self._given or None in self._given.values()

    def services(self, team: TeamSettings) -> Collection[ServiceName]:
        """Return what is to be recorded, whatever its version; raises UsageError."""
        return self._given or [service_of(self._checkout(), team)]

    def versions(self, team: TeamSettings) -> Mapping[ServiceName, Version]:
        """Return the version to record for each service; raises UsageError."""
        if not self._given:
            [service] = self.services(team)
            return {service: Version(_head(self._checkout()))}
        return {
            service: Version(_head(self._checkout_of(service, team)))
            if version is None
            else self._full(service, version, team)
            for service, version in self._given.items()
        }

    def _checkout(self) -> Checkout:
        return service_checkout(self._session)

    def _checkout_of(self, service: ServiceName, team: TeamSettings) -> Checkout:
        checkout = self._checkout()
        need_source(checkout, service, team, instead=f"{service}=HASH")
        return checkout

    def _full(self, service: ServiceName, version: Version, team: TeamSettings) -> Version:
        is_tag = parse_version(version.tag) is not None  # of an image, not only of git
        if version.is_commit or (is_tag and team.version_form is VersionForm.ANY):
            return version
        if service not in self._expanded:  # a name may move between two looks at the state
            full = self._whole(service, version.tag, team)
            if full is None:
                return version
            self._expanded[service] = (version.tag, full)
        return version._replace(tag=self._expanded[service][1])

    def _whole(self, service: ServiceName, word: str, team: TeamSettings) -> str | None:
        """Return the one commit of the service's source that a short hash, a tag or a branch means.

        None: nobody says where its source is. Raises UsageError where that does not know it.
        """
        is_prefix = 4 <= len(word) <= 64 and set(word) <= _HEX
        if is_prefix and is_commit(word.lower()):
            return word.lower()
        source = self._session.sources(team).of(service)
        fits = source.expand(word.lower()) if is_prefix else []
        fits = fits or source.refs(word)
        if len(fits) == 1:
            return fits[0]
        if fits:
            hint = "write more digits" if is_prefix else "give the hash of the one that is meant"
            raise UsageError(
                f"{service}: `{word}` fits several commits: {', '.join(fits)}", hint=hint
            )
        if not is_prefix and not source.is_known and parse_version(word) is not None:
            return None
        no_name = "no source at hand knows it" if is_prefix else "no tag or branch of its source"
        trouble = f" ({source.trouble})" if source.trouble else ""
        raise UsageError(
            f"{service}: `{word}` is not a full commit hash, and {no_name}{trouble}",
            hint=f"give all 40 digits: git rev-parse {word}",
        )

    def say_what_was_expanded(self) -> None:
        """Say which short hashes were taken for which commits."""
        for service, (short, full) in self._expanded.items():
            self._session.output.say(f"{service}: {short} is {full}")


def _assignments(words: list[str]) -> dict[ServiceName, Version | None]:
    """Return the version behind each `SERVICE=`; None for a service alone. Raises UsageError."""
    given: dict[ServiceName, Version | None] = {}
    for word in words:
        name, equals, text = word.partition("=")
        service = _service(name, equals)
        if service in given:
            raise UsageError(f"{service} is named twice")
        version = parse_version(text) or _ref(text)
        if equals and version is None:
            raise UsageError(
                f"{service}: `{one_line(text)}` is not a commit hash, nor another tag of an image, "
                "nor a tag or branch of git",
                hint=f"a commit of a checkout: {service}=$(git rev-parse {one_line(text)})"
                if re.match(r"[\w./-]+[~^]", text)
                else None,
            )
        given[service] = version
    if sum(version is None for version in given.values()) > 1:
        alone = [service for service, version in given.items() if version is None]
        raise UsageError(
            f"a checkout is one service, these are several: {', '.join(alone)}",
            hint="write SERVICE=HASH for each",
        )
    return given


def _service(name: str, equals: str) -> ServiceName:
    """Return a service's name; raises UsageError, with what `web:36a03b3` is written like here."""
    try:
        return parse_service(name)
    except UsageError as error:
        if not equals and (found := re.match(r"([a-z0-9.-]+)[:@ ]([\w.-]+)\Z", name)):
            error.hint = f"write {found[1]}={found[2]}"
        raise


def _ref(text: str) -> Version | None:
    """Return what could be a branch's name, such as `feature/login`, to be resolved."""
    name, at, digest = text.partition("@")
    if re.match(_REF, name) is None or (at and not is_digest(digest)):
        return None
    return Version(name, digest or None)


def _expectations(words: list[str]) -> Expected:
    """Return what must be recorded; raises UsageError for no name of a service."""
    of_all: str | None = None
    of_one: dict[ServiceName, str] = {}
    for word in words:
        service, equals, text = word.rpartition("=")
        if equals:
            of_one[parse_service(service)] = text
        else:
            of_all = text
    return Expected(of_all, of_one)


def _head(checkout: Checkout) -> str:
    if checkout.head is None:
        raise UsageError(f"{checkout.root} has no commit yet")
    return checkout.head
