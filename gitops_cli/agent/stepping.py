"""The steps that an agent was installed to run: exactly those, and nobody's change of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.agent.model.status import short
from gitops_cli.agent.model.stepped import StepsRecord, is_due
from gitops_cli.domain.change.policy import locked
from gitops_cli.domain.errors import ConfigurationError, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.governing import stopping
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import DriftPolicy
from gitops_cli.domain.settings import BadSettings
from gitops_cli.domain.steps.content import (
    Content,
    Declared,
    declared_steps,
    digest_of,
    paths_of,
)
from gitops_cli.domain.steps.declared import Step
from gitops_cli.domain.steps.report import StepFailed, StepReport, StepState, Untrusted
from gitops_cli.operations.desired import Desired
from gitops_cli.operations.steps import Stepping, StepsRun, steps_of, with_shared
from gitops_cli.steps.process import tail

if TYPE_CHECKING:
    from gitops_cli.agent.tip_reader import TipReader

_MOST_SAID = 20  # lines of a step in the agent's log
_MOST_VALUE = 1 << 20  # bytes; a Secret has no more

Say = Callable[[str], None]


class Stepped(NamedTuple):
    """What became of an environment's steps; `error` keeps the rest of it from following."""

    record: StepsRecord | None = None
    words: str | None = None
    error: GitOpsError | None = None


class AgentSteps:
    """Runs the steps of environments in a round, where they are due and as they were trusted.

    `pins` are the digests that somebody trusted when the agent was installed. `secrets` is a
    directory with a file for each variable that steps may name.
    """

    def __init__(
        self,
        tips: TipReader,
        pins: Mapping[EnvironmentName, str],
        secrets: Path,
        *,
        now: Callable[[], datetime],
        say: Say,
    ) -> None:
        self.pins = pins
        self._tips = tips
        self._secrets = secrets
        self._now = now
        self._say = say
        self._known: dict[EnvironmentName, tuple[str | None, Content]] = {}

    def run(
        self,
        desired: Desired,
        before: Mapping[EnvironmentName, StepsRecord | None],
        beat: Callable[[], None] = lambda: None,
    ) -> dict[EnvironmentName, Stepped]:
        """Run what is due of the environments that `before` has; none of it changed since.

        `beat` is called as long as programs say something. KeyboardInterrupt, of a signal, ends
        the program that runs.
        """
        found: dict[EnvironmentName, Stepped] = {}
        due: dict[EnvironmentName, Content] = {}
        done: list[EnvironmentName] = []
        for name, record in before.items():
            try:
                content = self._trusted(desired.snapshot, name)
            except GitOpsError as error:
                found[name] = Stepped(record, error=error)
                continue
            if self._is_left(desired.snapshot, name, record):
                done.append(name)
            if content is None:
                found[name] = Stepped()
            elif held := _held(desired.snapshot, name, self._now()):
                found[name] = Stepped(record, words=held)
            elif is_due(record, self.pins[name], self._now()):
                due[name] = content
            else:
                found[name] = _remembered(record)
        try:
            return found | self._run(desired.snapshot, due, done, beat)
        except GitOpsError as error:
            return found | {name: Stepped(before[name], error=error) for name in due}

    def _trusted(self, snapshot: Snapshot, name: EnvironmentName) -> Content | None:
        """Return what an environment's steps are made of; None: it has none any more.

        Raises Untrusted, InvalidState; BadSettings, as a step with a defect is not among them.
        """
        stage = place_of(name, snapshot.team).stage
        about = ((), ("stage", stage, "step"))
        programs = declared_steps(snapshot, name)
        wrong = [d for d in snapshot.team.defects if d.key[:3] in about]
        if not programs:  # perhaps they stand in what cannot be read
            wrong += [d for d in stopping(snapshot.team, stage, ()) if _may_hide_steps(d.key)]
        if wrong:
            raise BadSettings(*wrong)
        if not programs or name not in snapshot.environments:
            return None
        commit, content = self._known.get(name, (None, {}))
        if commit is not None and commit == snapshot.commit:
            return content
        assert snapshot.commit is not None  # an agent looks at commits
        content = self._tips.tracked_files(snapshot.commit, paths_of(programs))
        digest = digest_of(programs, content)
        if digest != self.pins[name]:
            raise Untrusted(
                f"the steps of {name} changed since its agent was installed to run them: they are "
                f"of digest {digest[:12]}, trusted is {self.pins[name][:12]}; nothing has run",
                hint=f"look at them and trust them: gitops trust; then: gitops agent install "
                f"{name} --steps",
            )
        self._known[name] = (snapshot.commit, content)
        return content

    def _run(
        self,
        snapshot: Snapshot,
        due: Mapping[EnvironmentName, Content],
        done: Sequence[EnvironmentName],
        beat: Callable[[], None],
    ) -> dict[EnvironmentName, Stepped]:
        """Run steps; what is left of `done` is only planned, for others that share it as well.

        What those made is there already, and to apply it for an environment that is new would undo
        what somebody did by hand.
        """
        if not due:
            return {}
        steps = steps_of(snapshot, list(due))
        declared = [one.what for name in done for one in declared_steps(snapshot, name)]
        left = [step for step in declared if isinstance(step, Step)]
        with ExitStack() as opened:
            content = {path: file for one in due.values() for path, file in one.items()}
            environ = {**os.environ, **variables(self._secrets, _named(snapshot, due))}

            def heard(name: EnvironmentName, step: str, line: str) -> None:
                beat()
                if line in ("planning", "applying"):
                    self._say(f"{name} step {step}: {line}")

            running = StepsRun(content, environ, (), heard, opened)
            reports = Stepping(steps, running, left).apply(snapshot, self._now())
        told = {name: tuple(_drifted(name, one) for one in each) for name, each in reports.items()}
        shared = with_shared(told, snapshot, list(due))
        return {name: self._told(name, shared.get(name, ()), name in done) for name in due}

    def _is_left(
        self, snapshot: Snapshot, name: EnvironmentName, record: StepsRecord | None
    ) -> bool:
        """Tell whether what changed since it was applied is to be reported, and left as it is."""
        drift = snapshot.team.stage(place_of(name, snapshot.team).stage).drift
        known = record is not None and record.digest == self.pins[name] and record.applied
        return known and drift is DriftPolicy.REPORT

    def _told(self, name: EnvironmentName, reports: Sequence[StepReport], looked: bool) -> Stepped:
        for report in reports:
            if report.state is not StepState.UNCHANGED:
                for line in tail(report.output, _MOST_SAID):
                    self._say(f"{name} step {report.name}: {line}")
        errors = [report.error for report in reports if report.error is not None]
        failed = [error for error in errors if not isinstance(error, _Drifted)]
        error = next(iter((*failed, *errors)), None)
        words = ", ".join(f"{one.name} {one.state}" for one in reports) or "as for others"
        told = None if error is None else short(error.message)
        applied = looked or not failed
        record = StepsRecord(self.pins[name], self._now(), short(words), told, applied)
        news = words if any(one.is_applied for one in reports) else None
        return Stepped(record, words=f"steps: {news}" if news else None, error=error)


class _Drifted(StepFailed):
    """What a step made is not as it was applied, and is left like that."""


def _drifted(name: EnvironmentName, report: StepReport) -> StepReport:
    if report.state is not StepState.CHANGES:
        return report
    error = _Drifted(
        f"step {report.name} would change something: {report.says}",
        hint=f'drift = "report" leaves it; gitops sync {name} --steps applies it',
    )
    return report._replace(error=error)


@contextmanager
def repeating(work: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do something each so often beside what is done here; what fails of it is left."""
    ended = threading.Event()

    def go() -> None:
        while not ended.wait(seconds):
            with suppress(GitOpsError):
                work()

    beside = threading.Thread(target=go, daemon=True)
    beside.start()
    try:
        yield
    finally:
        ended.set()
        beside.join()


def _may_hide_steps(key: tuple[str, ...]) -> bool:
    return key[:1] in (("stages",), ("stage",)) and key[2:3] in ((), ("step",))


def _held(snapshot: Snapshot, name: EnvironmentName, now: datetime) -> str | None:
    for refusal in locked(snapshot.environment(name), (), now):
        return f"its steps wait: {refusal.error.message}"
    return None


def _remembered(record: StepsRecord | None) -> Stepped:
    """Return what is known of steps that are not due; what failed then keeps others back still."""
    if record is None or record.error is None:
        return Stepped(record)
    return Stepped(record, error=StepFailed(f"{record.error} (tried again within minutes)"))


def _named(snapshot: Snapshot, names: Iterable[EnvironmentName]) -> set[str]:
    declared: list[Declared] = [one for name in names for one in declared_steps(snapshot, name)]
    return {variable for one in declared for variable in one.program.env}


def variables(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the values of variables that steps name, as far as the agent was given them.

    Raises ConfigurationError for a file that is none.
    """
    found: dict[str, str] = {}
    for name in sorted(names):
        file = directory / name
        try:
            with file.open("rb") as stream:
                found[name] = stream.read(_MOST_VALUE).decode().removesuffix("\n")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: is no value of a variable ({error})") from error
        if "\0" in found[name]:
            raise ConfigurationError(f"{file}: is no value of a variable: it has a zero byte")
    return found
