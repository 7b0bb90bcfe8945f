"""Ask the checks of a stage: a command, a page, a Job in the environment before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gitops_cli.domain.change.gates import Report
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import Gate, TeamSettings
from gitops_cli.domain.stamp import parse_stamp
from gitops_cli.domain.steps.declared import Check
from gitops_cli.domain.steps.fields import check_for
from gitops_cli.domain.steps.report import Untrusted
from gitops_cli.domain.text import one_line
from gitops_cli.operations.gates import CheckCase
from gitops_cli.operations.trust import check_trusted, programs_of
from gitops_cli.steps.pages import ask
from gitops_cli.steps.private import private_copy
from gitops_cli.steps.process import run, surroundings, tail
from gitops_cli.steps.trusted import TrustStore
from gitops_cli.web.exchange import Broken

FindJob = Callable[[EnvironmentName, TeamSettings, str], "dict[str, Any] | None"]
"""Returns a Job of an environment's namespace; None: there is none."""

Answer = tuple[bool, str, str]
"""Whether it passes, what it says, and how it would pass."""


@dataclass(slots=True)
class Checks:
    """Asks each check once per run, for the same content and the same changes.

    `holds` tells whether a JMESPath expression is true of a document; `tell` takes what is done.
    """

    store: TrustStore
    environ: Mapping[str, str]
    variables: tuple[str, ...]
    find_job: FindJob
    holds: Callable[[str, Any], bool]
    tell: Callable[[str], None]
    _known: dict[tuple[object, ...], Answer] = field(default_factory=dict)
    _jobs: dict[tuple[str, str], tuple[Answer, datetime | None]] = field(default_factory=dict)

    def reports(self, case: CheckCase) -> Sequence[Report]:
        """Return what each check says of each change."""
        place = place_of(case.target, case.snapshot.team)
        checks = case.snapshot.team.stage(place.stage).checks
        return [
            Report(
                Gate.CHECK,
                change.service,
                change.desired,
                passes,
                says,
                hint,
                name=check.name,
                line=check.line,
            )
            for check in (check_for(declared, place) for declared in checks)
            for change, (passes, says, hint) in self._answers(check, case)
            if change.desired is not None
        ]

    def _answers(self, check: Check, case: CheckCase) -> Iterator[tuple[Change, Answer]]:
        if check.job is not None:
            for change in case.changes:
                yield change, self._job(check, check.job, change, case)
            return
        answer = self._command(check, case) if check.command else self._page(check, case)
        for change in case.changes:
            yield change, answer

    def _command(self, check: Check, case: CheckCase) -> Answer:
        """Run a command in a private copy of what was trusted."""
        try:
            found = programs_of(case.state, case.snapshot, self.store)
            check_trusted(found)
            known = (found.digest, check, case.target, tuple(case.changes))
            if known not in self._known:
                self.tell(f"running check {check.name}")
                with private_copy(found.content) as copy:
                    program = check.program
                    assert program is not None
                    names = (*self.variables, *program.env)
                    done = run(
                        check.command,
                        copy.files / program.directory,
                        surroundings(names, self.environ, {}),
                        seconds=check.seconds,
                        stdin=_as_input(case),
                    )
                last = next(tail(done.lines, 1), "")
                said = f": {one_line(last)}" if last else ""
                how = "passed" if done.code == 0 else f"ended with exit code {done.code}"
                self._known[known] = (done.code == 0, how + said, "")
            return self._known[known]
        except Untrusted as error:
            return False, f"was not run: {error.message}", "gitops trust"
        except GitOpsError as error:
            return False, f"could not be run: {error.message}", error.hint or ""

    def _page(self, check: Check, case: CheckCase) -> Answer:
        url = check.url or ""
        known = (check, tuple(case.changes))
        if known not in self._known:
            self.tell(f"asking check {check.name}: {url}")
            try:
                page = ask(url, check.seconds)
            except Broken as error:
                return False, f"could not be asked: {url}: {one_line(str(error))}", ""
            except GitOpsError as error:
                return False, f"could not be asked: {error.message}", error.hint or ""
            self._known[known] = self._judged(check, page.status, page.body)
        return self._known[known]

    def _judged(self, check: Check, status: int, body: bytes) -> Answer:
        if not 200 <= status < 300:
            return False, f"does not pass: {check.url} answers {status}", ""
        if check.expect is None:
            return True, f"passed: {check.url} answers {status}", ""
        try:
            holds = self.holds(check.expect, json.loads(body))
        except (ValueError, RecursionError):
            return False, f"does not pass: {check.url} answers no JSON", ""
        except GitOpsError as error:
            return False, f"could not be asked: {error.message}", ""
        word = "passed" if holds else "does not pass"
        return holds, f"{word}: {check.expect} is {str(holds).lower()} of {check.url}", ""

    def _job(self, check: Check, job: str, change: Change, case: CheckCase) -> Answer:
        if not case.before:
            return False, "has no stage before to look for its Job in", ""
        said: list[str] = []
        for where in case.before:
            (passes, says, _), started = self._looked(job, where, case.snapshot.team)
            if passes:
                came = case.since(change, where)
                if came is None:
                    says = f"does not pass: the version is not in {where}"
                elif started is None or started < came:
                    says = f"does not pass: Job {job} has not run since it came to {where}"
                else:
                    return True, says, ""
            said.append(says)
        return False, "; ".join(said), f"let the Job {job} run in {case.before[0]}"

    def _looked(
        self, job: str, where: EnvironmentName, team: TeamSettings
    ) -> tuple[Answer, datetime | None]:
        """Return how a Job ended, and when it began."""
        if (job, where) not in self._jobs:
            self.tell(f"looking at Job {job} in {where}")
            try:
                found = self.find_job(where, team, job)
            except GitOpsError as error:
                return (False, f"could not be asked: {error.message}", ""), None
            self._jobs[job, where] = _ended(job, where, found)
        return self._jobs[job, where]


def _ended(
    job: str, where: EnvironmentName, found: Mapping[str, Any] | None
) -> tuple[Answer, datetime | None]:
    if found is None:
        return (False, f"does not pass: there is no Job {job} in {where}", ""), None
    status = found.get("status") or {}
    conditions = {
        one.get("type"): one
        for one in status.get("conditions") or ()
        if isinstance(one, dict) and one.get("status") == "True"
    }
    if "Failed" in conditions:
        why = one_line(str(conditions["Failed"].get("message") or "it failed"))
        return (False, f"does not pass: Job {job} in {where}: {why}", ""), None
    if "Complete" not in conditions:
        return (False, f"does not pass: Job {job} in {where} has not completed", ""), None
    # What it tested is what ran when it began.
    return (True, f"passed: Job {job} in {where}", ""), parse_stamp(status.get("startTime"))


def _as_input(case: CheckCase) -> bytes:
    """Return what a command reads: what is to be recorded where."""
    changes = [
        {
            "service": change.service,
            "from": None if change.current is None else str(change.current),
            "to": str(change.desired),
        }
        for change in case.changes
    ]
    return json.dumps({"environment": case.target, "changes": changes}).encode()
