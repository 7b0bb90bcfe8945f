"""What a sync did, service by service, and when it leaves a workload alone."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.cluster.comparison import Row, State
from gitops_cli.domain.cluster.rollout import Phase, Rollout
from gitops_cli.domain.errors import ExitCode, GitOpsError, worst
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.report import EnvironmentObjects
    from gitops_cli.domain.steps.report import StepReport


BY_HAND = "changed by hand, and left so: `gitops sync` puts it back"
"""Why an agent leaves what somebody changed, where its stage says so."""


class DryRun(StrEnum):
    """Who checks a sync that changes nothing: nobody but us, or the API server too."""

    CLIENT = "client"
    SERVER = "server"


class Deed(StrEnum):
    """What was done to a workload."""

    PATCHED = "patched"
    WOULD_PATCH = "would-patch"
    UNCHANGED = "unchanged"
    LEFT = "left"
    REVERTED = "reverted"
    MISSING = "missing"
    UNCLEAR = "unclear"
    ERROR = "error"
    NOT_TRIED = "not-tried"


class RolloutVerdict(StrEnum):
    """How the rollout ended that was waited for."""

    READY = "ready"
    FAILED = "failed"
    HALTED = "halted"
    CHANGED = "changed"
    TIMED_OUT = "timed-out"


_CODE_OF_DONE = {
    Deed.LEFT: ExitCode.NO,
    Deed.REVERTED: ExitCode.NO,
    Deed.MISSING: ExitCode.NO,
    Deed.NOT_TRIED: ExitCode.NO,
    Deed.UNCLEAR: ExitCode.USAGE,
}
_CODE_OF_VERDICT = {
    RolloutVerdict.FAILED: ExitCode.ROLLOUT_FAILED,
    RolloutVerdict.TIMED_OUT: ExitCode.TIMED_OUT,
    RolloutVerdict.HALTED: ExitCode.NO,
    RolloutVerdict.CHANGED: ExitCode.NO,
}


class SyncOutcome(NamedTuple):
    """One service. `before` is the image its workload had, `containers` those that get `wanted`.

    `images` are those that a patch takes from the containers, one for each. `workload` is the
    workload's name where that is not the service's.
    `verdict` and `rollout` are set where its rollout was waited for. Not `settled`: its pods were
    not yet what it asks for when the sync looked; `failed`: and its status said why they will not
    be.
    """

    environment: EnvironmentName
    service: ServiceName
    kind: Kind
    done: Deed
    wanted: ImageRef | None = None
    before: ImageRef | None = None
    containers: tuple[str, ...] = ()
    reason: str | None = None
    error: GitOpsError | None = None
    held: bool = False
    commit: str | None = None
    verdict: RolloutVerdict | None = None
    rollout: Rollout | None = None
    settled: bool = True
    failed: bool = False
    images: tuple[ImageRef, ...] = ()
    workload: str | None = None

    @property
    def workload_name(self) -> str:
        return self.workload or self.service

    @property
    def exit_code(self) -> ExitCode:
        """Return what this service lets the sync end with."""
        if self.error is not None:
            return self.error.exit_code
        codes = [_CODE_OF_DONE.get(self.done, ExitCode.OK)]
        if self.verdict is not None:
            codes.append(_CODE_OF_VERDICT.get(self.verdict, ExitCode.OK))
        elif self.failed:
            codes.append(ExitCode.ROLLOUT_FAILED)
        return worst(codes)

    @property
    def changes(self) -> bool:
        """Tell whether the workload was or would be changed."""
        return self.done in (Deed.PATCHED, Deed.WOULD_PATCH)


class EnvironmentReport(NamedTuple):
    """One environment; `problems` are what kept it, or parts of it, from being looked at.

    `objects` are those of its manifests; None where it has none. `steps` are those that were run.
    """

    environment: EnvironmentName
    context: str | None = None
    outcomes: tuple[SyncOutcome, ...] = ()
    problems: tuple[GitOpsError, ...] = ()
    notes: tuple[str, ...] = ()
    objects: EnvironmentObjects | None = None
    steps: tuple[StepReport, ...] = ()

    @property
    def all_problems(self) -> tuple[GitOpsError, ...]:
        """Return the problems, and those of steps."""
        return (*self.problems, *(s.error for s in self.steps if s.error is not None))

    @property
    def exit_code(self) -> ExitCode:
        """Return what this environment lets the sync end with."""
        codes = [o.exit_code for o in self.outcomes] + [p.exit_code for p in self.problems]
        codes += [step.sync_code for step in self.steps]
        return worst(codes if self.objects is None else [*codes, self.objects.sync_code])


class SyncReport(NamedTuple):
    """A whole sync: `commit` is the state commit that the clusters should follow.

    `cluster_seconds` is the time that reading and patching took, without what was waited for.
    """

    commit: str | None
    environments: tuple[EnvironmentReport, ...]
    dry_run: DryRun | None = None
    cluster_seconds: float = 0.0

    @property
    def outcomes(self) -> tuple[SyncOutcome, ...]:
        return tuple(o for e in self.environments for o in e.outcomes)

    @property
    def exit_code(self) -> ExitCode:
        """Return the code that speaks for all of it."""
        return worst([e.exit_code for e in self.environments])

    @property
    def changed(self) -> bool:
        """Tell whether anything was changed."""
        if any(o.done is Deed.PATCHED for o in self.outcomes):
            return True
        if any(step.is_applied for e in self.environments for step in e.steps):
            return True
        return self.dry_run is None and any(
            e.objects is not None and e.objects.is_written for e in self.environments
        )


def unpatched(row: Row) -> SyncOutcome:
    """Return the outcome of a service that needs no patch, or cannot get one."""
    done = {State.MISSING: Deed.MISSING, State.UNCLEAR: Deed.UNCLEAR}.get(row.state, Deed.UNCHANGED)
    standing = (Phase.HALTED, Phase.PARTITIONED)
    halted = row.rollout is not None and row.rollout.phase in standing
    failed = row.rollout is not None and row.rollout.phase is Phase.FAILED
    stands = row.state is State.FAILED or halted  # what only rolls needs no words
    return SyncOutcome(
        row.environment,
        row.service,
        row.kind,
        done,
        row.wanted,
        row.recorded,
        () if row.container is None else (row.container,),
        reason=row.reason if stands or done is not Deed.UNCHANGED else None,
        held=row.lock is not None,
        commit=row.commit,
        settled=row.state not in (State.FAILED, State.ROLLING),
        failed=failed and done is Deed.UNCHANGED,
        rollout=row.rollout if failed else None,
        workload=row.workload,
    )


class Followed(NamedTuple):
    """The state commit that is to be followed.

    `fresh`: just read from the remote. `said`: named by --rev or --at, so newer ones do not count.
    `judged`: the remote's tip where another commit is followed, as that one is not trusted.
    """

    commit: str | None
    fresh: bool
    said: bool = False
    judged: str | None = None

    @property
    def tip(self) -> str | None:
        """Return the tip that was read; `fresh` as long as the remote still has it."""
        return self.judged or self.commit


def reason_to_leave(
    recorded: str | None, ours: Followed, is_ancestor: Callable[[str, str], bool | None]
) -> str | None:
    """Return why a workload that records a state commit is left alone, or None to patch it.

    `is_ancestor(older, newer)` answers None for commits that are not known here.
    """
    if ours.said or recorded is None or ours.commit is None or recorded == ours.commit:
        return None
    if is_ancestor(recorded, ours.commit):
        return None
    if is_ancestor(ours.commit, recorded):
        return f"it records state commit {recorded[:7]}, which is newer than {ours.commit[:7]}"
    if ours.fresh:
        return None
    return f"it records state commit {recorded[:7]}, which is unknown here"
