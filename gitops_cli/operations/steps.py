"""Plan and apply the steps that stages declare: in order, and none after one that failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import NamedTuple

from gitops_cli.domain.change.policy import locked
from gitops_cli.domain.cluster.comparison import Diff
from gitops_cli.domain.cluster.sync import EnvironmentReport, SyncReport
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.steps.content import Content, Declared, declared_steps
from gitops_cli.domain.steps.declared import Step
from gitops_cli.domain.steps.report import StepFailed, StepReport, StepState
from gitops_cli.steps.private import private_copy
from gitops_cli.steps.running import Runner, Said

Heard = Callable[[EnvironmentName, str, str], None]
"""Takes a line about a step of an environment."""

Reports = Mapping[EnvironmentName, tuple[StepReport, ...]]


def steps_of(
    snapshot: Snapshot, names: Sequence[EnvironmentName]
) -> dict[EnvironmentName, tuple[Step, ...]]:
    """Return the steps of environments. One that several share, word for word, is the first's."""
    seen: set[Declared] = set()
    found: dict[EnvironmentName, tuple[Step, ...]] = {}
    for name in names:
        own = tuple(one for one in declared_steps(snapshot, name) if one not in seen)
        seen |= set(own)
        if own:
            found[name] = tuple(one.what for one in own if isinstance(one.what, Step))
    return found


class StepsRun(NamedTuple):
    """What the steps of one run need: trusted content, variables, and who hears of it."""

    content: Content
    environ: Mapping[str, str]
    variables: tuple[str, ...]
    heard: Heard
    open: ExitStack


class Stepping:
    """The steps of some environments, each of which has one private copy for all of its steps.

    `left` are steps that are only planned, whatever they would change.
    """

    def __init__(
        self,
        steps: Mapping[EnvironmentName, tuple[Step, ...]],
        running: StepsRun,
        left: Collection[Step] = (),
    ) -> None:
        self._steps = steps
        self._running = running
        self._left = left
        self._runners: dict[EnvironmentName, Runner] = {}
        self._planned: dict[EnvironmentName, tuple[StepReport, ...]] = {}

    def plan(self) -> Reports:
        """Plan all steps; what was planned is what `apply` does then."""
        self._planned = {name: self._each(name, self._plan) for name in self._steps}
        return self._planned

    def apply(self, snapshot: Snapshot, now: datetime) -> Reports:
        """Apply what changes, planning each step first that is not planned yet.

        Not in an environment that is locked as a whole.
        """
        return {name: self._apply_all(name, snapshot, now) for name in self._steps}

    def _apply_all(
        self, name: EnvironmentName, snapshot: Snapshot, now: datetime
    ) -> tuple[StepReport, ...]:
        for refusal in locked(snapshot.environment(name), (), now):
            return tuple(
                _report(step, StepState.NOT_TRIED)._replace(
                    error=_without_override(refusal.error) if not number else None
                )
                for number, step in enumerate(self._steps[name])
            )
        planned = {report.name: report for report in self._planned.get(name, ())}

        def act(name: EnvironmentName, step: Step, heard: Callable[[str], None]) -> StepReport:
            before = planned.get(step.name) or self._plan(name, step, heard)
            if before.state is not StepState.CHANGES or step in self._left:
                return before
            heard("applying")
            said = self._runner(name).apply(step, heard)
            applied = _told(step, StepState.APPLIED, said)
            return applied._replace(output=(*before.output, *applied.output))

        return self._each(name, act)

    def _plan(self, name: EnvironmentName, step: Step, heard: Callable[[str], None]) -> StepReport:
        heard("planning")
        said = self._runner(name).plan(step, heard)
        return _told(step, StepState.CHANGES if said.changes else StepState.UNCHANGED, said)

    def _each(
        self,
        name: EnvironmentName,
        work: Callable[[EnvironmentName, Step, Callable[[str], None]], StepReport],
    ) -> tuple[StepReport, ...]:
        reports: list[StepReport] = []
        for step in self._steps[name]:
            if reports and reports[-1].state in (StepState.FAILED, StepState.NOT_TRIED):
                reports.append(_report(step, StepState.NOT_TRIED))
                continue
            began = time.monotonic()

            def heard(line: str, step: str = step.name) -> None:
                self._running.heard(name, step, line)

            try:
                report = work(name, step, heard)
            except GitOpsError as error:
                output = error.output if isinstance(error, StepFailed) else ()
                error.message = f"step {step.name}: {error.message}"
                report = _report(step, StepState.FAILED)._replace(
                    says=error.message, output=output, error=error
                )
            reports.append(report._replace(seconds=time.monotonic() - began))
        return tuple(reports)

    def _runner(self, name: EnvironmentName) -> Runner:
        if name not in self._runners:
            running = self._running
            copy = running.open.enter_context(private_copy(running.content))
            self._runners[name] = Runner(copy, running.environ, running.variables)
        return self._runners[name]


def _without_override(error: GitOpsError) -> GitOpsError:
    """Return a refusal by a lock with the way that there is here."""
    error.hint = (error.hint or "").partition(", or ")[0] or None
    return error


def _report(step: Step, state: StepState) -> StepReport:
    return StepReport(step.name, step.tool, step.program.directory, state)


def _told(step: Step, state: StepState, said: Said) -> StepReport:
    produced = step.produces if state is StepState.APPLIED else ()
    return _report(step, state)._replace(says=said.says, output=said.lines, produced=produced)


def with_shared(
    reports: Reports, snapshot: Snapshot, names: Sequence[EnvironmentName]
) -> dict[EnvironmentName, tuple[StepReport, ...]]:
    """Return the reports, also of environments whose step another one has, where it failed.

    What keeps that one back keeps them back, too.
    """
    undone: dict[Declared, GitOpsError] = {}
    for name, steps in reports.items():
        declared = {one.what.name: one for one in declared_steps(snapshot, name)}
        error: GitOpsError | None = None
        for report in steps:
            error = report.error or (error if report.state is StepState.NOT_TRIED else None)
            if error is not None:
                undone[declared[report.name]] = error
    found = dict(reports)
    for name in names:
        errors = [undone[one] for one in declared_steps(snapshot, name) if one in undone]
        if errors and all(report.error is None for report in reports.get(name, ())):
            same = [one.what for one in declared_steps(snapshot, name) if one in undone]
            shared = [_report(one, StepState.NOT_TRIED) for one in same if isinstance(one, Step)]
            shared[0] = shared[0]._replace(error=errors[0])
            found[name] = (*reports.get(name, ()), *shared)
    return found


def with_steps(
    report: SyncReport, reports: Reports, names: Sequence[EnvironmentName]
) -> SyncReport:
    """Return a sync's report with steps, and with the environments that they kept from it."""
    known = {one.environment: one for one in report.environments}
    environments = (known.get(name) or EnvironmentReport(name) for name in names)
    return report._replace(
        environments=tuple(e._replace(steps=reports.get(e.environment, ())) for e in environments)
    )


def diff_with_steps(result: Diff, reports: Reports) -> Diff:
    """Return a comparison with steps."""
    return result._replace(
        environments=tuple(
            c._replace(steps=reports.get(c.environment, ())) for c in result.environments
        )
    )
