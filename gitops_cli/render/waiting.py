"""A change that waits on a branch for its merge: where, and how it gets on from there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.version import SHORT
from gitops_cli.render.view import Line, Style, View

if TYPE_CHECKING:
    from gitops_cli.domain.change.proposal import Proposal, Written
    from gitops_cli.domain.change.request import ReviewBranch


def waiting(
    view: View, review: ReviewBranch | None, proposal: Proposal, written: Written | None
) -> View:
    """Return a result with where it waits in the place of its last line, if it waits."""
    shown = view._replace(document={**view.document, **review_fields(review)})
    if review is None or not (proposal.moves or any(e.old != e.new for e in proposal.edits)):
        return shown
    kept = view.blocks[:-1] if isinstance(view.blocks[-1], Line) else view.blocks
    return shown._replace(blocks=(*kept, *waiting_lines(review, proposal.subject, written)))


def review_fields(review: ReviewBranch | None) -> dict[str, Any]:
    """Return what documents say of it; null where nothing waits."""
    return {
        "branch": review.branch if review else None,
        "review_url": review.page if review else None,
        "request": _request(review),
    }


def _request(review: ReviewBranch | None) -> dict[str, Any] | None:
    if review is None or review.proposed is None:
        return None
    request, deed = review.proposed.request, review.proposed.deed
    return {"number": request.number, "did": deed.value, "draft": request.draft}


def waiting_lines(review: ReviewBranch, subject: str, written: Written | None) -> Iterator[Line]:
    """Tell where the change waits; `written` is None for a dry run."""
    if written is None:
        yield Line(f"would push {review.branch}: {subject}", Style.INFO)
        return
    commit = f" ({written.commit[:SHORT]})" if written.commit else ""
    done = "pushed" if written.changed else "was pushed already:"
    yield Line(f"{done} {review.branch}{commit}: {subject}", Style.GOOD)
    if review.proposed is not None:
        from gitops_cli.domain.change.request import RequestDeed  # loaded where it was opened

        request, deed, noun = review.proposed[:3]
        did = "is open and up to date" if deed is RequestDeed.UNCHANGED else deed.value
        yield Line(f"{noun} {request.number} {did}: {request.url}", Style.STRONG, request.url)
        return
    how = review.url or f"of {review.branch} into {review.base}"
    yield Line(f"open a pull request: {how}", Style.STRONG)
