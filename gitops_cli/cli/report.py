"""Show what a writer did: warnings and notes on stderr, the result on stdout."""

from __future__ import annotations

from gitops_cli.cli.session import Session
from gitops_cli.domain.drafting import Outcome
from gitops_cli.render.change import Changelogs, both_views, result_view


def report(
    session: Session, outcome: Outcome, changelogs: Changelogs | None = None, *, shown: bool = True
) -> None:
    """Show an outcome; with its plan too where nobody has seen it yet (`shown` is false)."""
    for warning in outcome.draft.warnings:
        session.output.warn(warning)
    for note in outcome.written.notes if outcome.written else ():
        session.output.note(note)
    if shown:
        session.show(result_view(outcome, changelogs))
    else:
        session.show(both_views(outcome, changelogs or {}))
