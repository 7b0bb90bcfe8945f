"""An environment in git against its live namespace: one row per container (spec, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.cluster.pods import RunningImage, running_images
from gitops_cli.domain.cluster.rollout import Phase, Rollout, judge
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import (
    Container,
    Observed,
    Target,
    Unclear,
    Workload,
    containers_for,
    recorded_image,
)
from gitops_cli.domain.errors import ExitCode, GitOpsError, worst
from gitops_cli.domain.image import ImageRef, parse_image, same_repository
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind, VersionFile, invalid
from gitops_cli.domain.recorded.findings import Severity
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.recorded.team import ServiceRules
from gitops_cli.domain.values import NamedTuple

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.report import EnvironmentObjects
    from gitops_cli.domain.steps.report import StepReport


class State(StrEnum):
    """What a row says."""

    IN_SYNC = "in-sync"
    DIFFERS = "differs"
    ROLLING = "rolling"
    FAILED = "failed"
    MISSING = "missing"
    UNTRACKED = "untracked"
    UNCLEAR = "unclear"
    DIGEST = "digest"

    @property
    def exit_code(self) -> ExitCode:
        """Return what a row in this state lets `diff` end with."""
        match self:
            case State.IN_SYNC | State.DIGEST | State.UNTRACKED:
                return ExitCode.OK
            case State.UNCLEAR:
                return ExitCode.USAGE
            case _:
                return ExitCode.NO


class Agreement(StrEnum):
    """How two images compare."""

    SAME = "same"
    DIGEST = "digest"
    DIFFERENT = "different"


class Row(NamedTuple):
    """One container: wanted in git, recorded in the workload, running in the pods.

    `running` is None where pods may not be listed. `lock` is the hold on the recorded version.
    `workload` is the workload's name, where that is not the service's.
    """

    environment: EnvironmentName
    service: ServiceName
    kind: Kind
    state: State
    container: str | None = None
    path: str | None = None
    wanted: ImageRef | None = None
    recorded: ImageRef | None = None
    running: tuple[RunningImage, ...] | None = None
    lock: Lock | None = None
    reason: str | None = None
    rollout: Rollout | None = None
    commit: str | None = None
    workload: str | None = None

    @property
    def workload_name(self) -> str:
        return self.workload or self.service

    @property
    def trouble(self) -> Trouble | None:
        """Return what keeps its pods, if anything does."""
        return self.rollout.trouble if self.rollout is not None else None

    @property
    def needs_patch(self) -> bool:
        """Tell whether the workload's template has another image than git."""
        return (
            self.wanted is not None
            and self.recorded is not None
            and agreement(self.wanted, self.recorded) is Agreement.DIFFERENT
        )

    @property
    def is_as_far_as_it_goes(self) -> bool:
        """Tell whether nothing is left to wait for, although the row is not in sync.

        That is so above a StatefulSet's partition, which holds the other pods back on purpose,
        and for a CronJob: how its next job will end is not known before it runs, and how one
        ended that ran before says nothing about a change.
        """
        if self.needs_patch or self.rollout is None:
            return False
        return self.kind is Kind.CRONJOB or self.rollout.phase is Phase.PARTITIONED

    @property
    def sleeps(self) -> bool:
        """Tell whether its workload is as recorded, but is to have no pods at all."""
        counts = None if self.rollout is None else self.rollout.counts
        return counts == (0, 0) and self.kind is not Kind.CRONJOB and not self.running

    @property
    def question(self) -> Trouble | None:
        """Return the trouble that logs and events may explain, if the row has one."""
        if self.rollout is None or self.state not in (State.FAILED, State.ROLLING):
            return None
        return self.rollout.trouble or self.rollout.suspicion

    def with_answer(self, trouble: Trouble) -> Row:
        """Return the row with a better explained trouble; a suspicion may be confirmed by it."""
        if self.rollout is None or (self.trouble is None and not trouble.message):
            return self
        rollout = self.rollout._replace(trouble=trouble, suspicion=None)
        return self._replace(state=State.FAILED, rollout=rollout, reason=trouble.text)


# The states of a row, the most telling first: a service may have several containers.
_TELLING = (
    State.UNCLEAR,
    State.MISSING,
    State.DIFFERS,
    State.FAILED,
    State.ROLLING,
    State.DIGEST,
    State.IN_SYNC,
    State.UNTRACKED,
)


def telling(rows: Iterable[Row]) -> Row:
    """Return the row that says most about a service; there must be one."""
    return min(rows, key=lambda row: _TELLING.index(row.state))


class Comparison(NamedTuple):
    """All rows of one environment; `problems` are what could not be told, `notes` by the way.

    `objects` are those of its manifests; None where it has none, or they were not looked at.
    `steps` are those that were planned.
    """

    environment: EnvironmentName
    rows: tuple[Row, ...]
    problems: tuple[GitOpsError, ...] = ()
    notes: tuple[str, ...] = ()
    objects: EnvironmentObjects | None = None
    steps: tuple[StepReport, ...] = ()

    @property
    def all_problems(self) -> tuple[GitOpsError, ...]:
        """Return the problems, and those of steps."""
        return (*self.problems, *(s.error for s in self.steps if s.error is not None))

    @property
    def by_service(self) -> dict[ServiceName, list[Row]]:
        """Return the rows of each service that has a file."""
        found: dict[ServiceName, list[Row]] = {}
        for row in self.rows:
            if row.wanted is not None:
                found.setdefault(row.service, []).append(row)
        return found

    @property
    def exit_code(self) -> ExitCode:
        """Return what this environment lets `diff` end with."""
        codes = [row.state.exit_code for row in self.rows]
        codes += [problem.exit_code for problem in self.problems]
        codes += [step.diff_code for step in self.steps]
        return worst(codes if self.objects is None else [*codes, self.objects.diff_code])


class Diff(NamedTuple):
    """All compared environments at one state commit (None: not a commit), and their contexts."""

    commit: str | None
    environments: tuple[Comparison, ...]
    contexts: Mapping[EnvironmentName, str | None]

    @property
    def exit_code(self) -> ExitCode:
        """Return the code that speaks for all of it."""
        return worst([comparison.exit_code for comparison in self.environments])


def agreement(wanted: ImageRef, recorded: ImageRef) -> Agreement:
    """Compare images; `repo:tag` and `repo:tag@digest` differ in the digest only.

    `acme/web` and `docker.io/acme/web` are the same repository, however it is spelled.
    """
    if wanted.tag != recorded.tag or not same_repository(wanted.repository, recorded.repository):
        return Agreement.DIFFERENT
    if wanted.digest == recorded.digest:
        return Agreement.SAME
    both_pinned = wanted.digest is not None and recorded.digest is not None
    return Agreement.DIFFERENT if both_pinned else Agreement.DIGEST


def target_of(
    environment: Environment,
    *,
    pods: bool,
    rules: Mapping[ServiceName, ServiceRules] = MappingProxyType({}),
) -> Target:
    """Return what must be read: its files' kinds, and Deployments for those without a file."""
    files = environment.files.values()
    kinds = {file.kind for file in files} | {Kind.DEPLOYMENT}
    names = frozenset((file.kind, workload_of(file.service, rules)) for file in files)
    return Target(environment.name, frozenset(kinds), pods, names)


def compare(
    environment: Environment,
    observed: Observed,
    *,
    now: datetime,
    rules: Mapping[ServiceName, ServiceRules] = MappingProxyType({}),
) -> Comparison:
    """Compare an environment with its namespace; `rules` are gitops.toml's of its services."""
    rows: list[Row] = []
    errors: dict[str, GitOpsError] = {}
    for service, file in environment.files.items():
        if (unread := observed.errors.get(file.kind)) is not None:
            errors[str(unread)] = unread
            continue
        try:
            wanted = environment.image(service)
        except GitOpsError as error:
            errors[str(error)] = error
            continue
        rule = rules.get(service) or ServiceRules(service)
        want = _Wanted(environment, file, wanted, environment.hold(service, now), rule)
        rows += _rows_of(want, observed, now)
    spoilt = [f for f in environment.findings if f.severity is Severity.ERROR]
    for finding in spoilt:
        spoiling = invalid([finding])
        errors.setdefault(str(spoiling), spoiling)
    rows += _untracked(environment, observed, rules)
    rows.sort(key=lambda row: (row.state is State.UNTRACKED, row.service, row.container or ""))
    return Comparison(environment.name, tuple(rows), tuple(errors.values()), observed.notes)


def _untracked(
    environment: Environment, observed: Observed, rules: Mapping[ServiceName, ServiceRules]
) -> Iterable[Row]:
    files = {(file.kind, workload_of(file.service, rules)) for file in environment.files.values()}
    spoilt = {finding.path for finding in environment.findings}
    for workload in observed.workloads:
        path = f"{environment.name}/{workload.name}{workload.kind.suffix}"
        if (workload.kind, workload.name) in files or path in spoilt:
            continue
        for container in workload.containers:
            if not container.init:
                yield Row(
                    environment.name,
                    workload.name,
                    workload.kind,
                    State.UNTRACKED,
                    container.name,
                    recorded=parse_image(container.image),
                    running=running_images(container, workload, observed),
                    reason=f"no file {path}",
                    commit=workload.commit,
                )


def workload_of(service: ServiceName, rules: Mapping[ServiceName, ServiceRules]) -> str:
    """Return the name that a service's workload has in clusters."""
    rule = rules.get(service)
    return service if rule is None or rule.workload is None else rule.workload


class _Wanted(NamedTuple):
    """A service as git has it."""

    environment: Environment
    file: VersionFile
    image: ImageRef
    lock: Lock | None
    rule: ServiceRules

    def row(self, state: State, reason: str | None = None, **more: Any) -> Row:
        return Row(
            self.environment.name,
            self.file.service,
            self.file.kind,
            state,
            path=self.file.path,
            wanted=self.image,
            lock=self.lock,
            reason=reason,
            workload=self.rule.workload,
            **more,
        )


def _rows_of(want: _Wanted, observed: Observed, now: datetime) -> list[Row]:
    service, kind = want.file.service, want.file.kind
    name = want.rule.workload or service
    workload = observed.workload(kind, name)
    if workload is None:
        return [want.row(State.MISSING, f"no {kind} `{name}` in namespace {want.environment.name}")]
    configured = want.rule.containers
    containers = containers_for(workload, want.image, service=service, configured=configured)
    if isinstance(containers, Unclear):
        hint = f"set [service.{service}] container in gitops.toml"
        reason = containers.reason if workload.pods_from else f"{containers.reason}; {hint}"
        return [want.row(State.UNCLEAR, reason, commit=workload.commit)]
    rollout = judge(workload, observed.pods_of(workload), observed.jobs_of(workload), now=now)
    return [_row(want, c, workload, observed, rollout) for c in containers]


def _row(
    want: _Wanted,
    container: Container,
    workload: Workload,
    observed: Observed,
    rollout: Rollout,
) -> Row:
    recorded = recorded_image(container, workload)
    running = running_images(container, workload, observed)
    state, reason = _state(want.image, recorded, running, workload, rollout)
    ends = "it is being deleted" if workload.ending else None
    return want.row(
        state,
        "; ".join(filter(None, (ends, reason))) or None,
        container=container.name,
        recorded=recorded,
        running=running,
        rollout=rollout,
        commit=workload.commit,
    )


def _state(
    wanted: ImageRef,
    recorded: ImageRef,
    running: Sequence[RunningImage] | None,
    workload: Workload,
    rollout: Rollout,
) -> tuple[State, str | None]:
    found = agreement(wanted, recorded)
    if found is Agreement.DIFFERENT:
        owner = f"owned by {workload.owner}, which may put it back" if workload.owner else None
        reasons = (_digests(wanted, recorded), owner)
        return State.DIFFERS, "; ".join(filter(None, reasons)) or None
    if rollout.trouble is not None:
        return State.FAILED, rollout.trouble.text
    if rollout.phase is Phase.FAILED:
        return State.FAILED, rollout.message
    if rollout.phase is not Phase.COMPLETE:
        return State.ROLLING, rollout.message
    # A pod's own image can be changed behind its workload's back.
    # One that admission gave a digest alone has no tag that could tell.
    tagged = [r.image for r in running or () if r.image.tag is not None or r.image.digest is None]
    strangers = {image.tag or str(image) for image in tagged if image.tag != recorded.tag}
    if strangers and workload.kind is not Kind.CRONJOB:
        return State.DIFFERS, f"pods run {', '.join(sorted(strangers))}"
    if found is Agreement.DIGEST:
        return State.DIGEST, workload.silence or _pulled(wanted, running)
    return State.IN_SYNC, workload.silence


def _digests(wanted: ImageRef, recorded: ImageRef) -> str | None:
    if not same_repository(wanted.repository, recorded.repository):
        return f"recorded from another repository: {recorded.repository}"
    if wanted.tag == recorded.tag:
        return f"pinned to another digest: {recorded.digest}"
    return None


def _pulled(wanted: ImageRef, running: Sequence[RunningImage] | None) -> str:
    digests = sorted({r.digest for r in running or () if r.digest is not None})
    if wanted.digest is not None and digests and digests != [wanted.digest]:
        return f"pods run {', '.join(digests)}"
    return "git pins a digest" if wanted.digest is not None else "the workload pins a digest"
