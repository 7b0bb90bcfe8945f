"""Show what a writer did: warnings and notes on stderr, the result on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitops_cli.cli.prompts import may_ask
from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import WriteOutcome
from gitops_cli.render.change import Changelogs, both_views, plan_view, result_view

if TYPE_CHECKING:
    from gitops_cli.source.repository import Sources


def show_plan(session: Session, outcome: WriteOutcome, changelogs: Changelogs) -> bool:
    """Show a plan before it is agreed to; tells whether it went to stdout.

    Where stdout takes a document, a person who will be asked sees the plan on stderr.
    """
    _warn(session, outcome)
    view = plan_view(outcome, changelogs)
    if session.output.for_people:
        session.show(view)
        return True
    if may_ask():
        session.output.show_aside(view)
    return False


def report(
    session: Session,
    outcome: WriteOutcome,
    changelogs: Changelogs | None = None,
    *,
    planned: bool = True,
    shown: bool = True,
) -> None:
    """Show an outcome.

    `planned` is false where its warnings, `shown` is false where its plan were not seen yet.
    """
    if not planned:
        _warn(session, outcome)
    for note in outcome.written.notes if outcome.written else ():
        session.output.note(note)
    show = session.show if outcome.dry_run else session.report
    show(result_view(outcome, changelogs) if shown else both_views(outcome, changelogs or {}))


def note_troubles(session: Session, sources: Sources) -> None:
    """Say which sources could not be asked, so that `unknown` is not taken for an answer."""
    for trouble in sources.troubles.values():
        session.output.note(f"what lies between versions is not known: {trouble}")


def _warn(session: Session, outcome: WriteOutcome) -> None:
    for warning in outcome.draft.warnings:
        session.output.warn(warning)
