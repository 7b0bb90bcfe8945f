"""What `diff --steps` and `sync --steps` share: trusted steps, and who hears of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from gitops_cli.cli.session import Session
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.text import plural
from gitops_cli.operations.steps import Stepping, StepsRun, steps_of
from gitops_cli.operations.trust import check_trusted, programs_of
from gitops_cli.steps.trusted import TrustStore, trust_directory


def trust_store() -> TrustStore:
    """Return what this user trusts on this machine."""
    return TrustStore(trust_directory(os.environ))


def stepping(
    session: Session, snapshot: Snapshot, names: Sequence[EnvironmentName]
) -> Callable[[Callable[[str, str], None]], Stepping]:
    """Return the steps of these environments, ready to run, for whoever hears of them.

    Raises Untrusted unless this very content was trusted on this machine, by its user.
    """
    steps = steps_of(snapshot, names)
    found = programs_of(session.state, snapshot, trust_store())
    if steps:
        check_trusted(found)
    else:
        session.output.note("no steps are declared for it")
    opened = ExitStack()
    session.at_end(opened.close)
    lively = session.output.stderr.console is not None

    session.need_config("steps")  # a program that lacks a variable may do something else
    variables = session.user.step_variables

    def heard_by(say: Callable[[str, str], None]) -> Stepping:
        def heard(name: EnvironmentName, step: str, line: str) -> None:
            if lively or line in ("planning", "applying"):  # a pipe would keep each line
                say(f"{name} step {step}", f"{name} step {step}: {line}")

        return Stepping(steps, StepsRun(found.content, os.environ, variables, heard, opened))

    return heard_by


def note_steps(session: Session, snapshot: Snapshot, names: Sequence[EnvironmentName]) -> None:
    """Say that steps exist which nobody looked at."""
    if all(not rules.steps for rules in snapshot.team.rules.values()):
        return
    steps = steps_of(snapshot, names)
    count = sum(map(len, steps.values()))
    if count:
        what = f"{plural(count, 'step')} of {', '.join(steps)}"
        session.output.note(f"not looked at: {what} (--steps)")
