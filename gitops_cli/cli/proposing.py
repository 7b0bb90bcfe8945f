"""From a branch that was pushed to the request that asks for its merge."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import Review, WriteOutcome
from gitops_cli.domain.change.request import NO_EXTRAS, Extras, Wish, marked
from gitops_cli.domain.errors import Denied, GitOpsError, UsageError
from gitops_cli.domain.forge_links import project_at
from gitops_cli.render.change import Changelogs


def extras_of(
    *,
    draft: bool,
    reviewers: Sequence[str] | None,
    labels: Sequence[str] | None,
    proposes: bool,
) -> Extras:
    """Return what is wanted of a request; raises UsageError where none is opened."""
    extras = Extras(draft, tuple(reviewers or ()), tuple(labels or ()))
    if any(extras) and not proposes:
        raise UsageError("--draft, --reviewer and --label are of a request", hint="add --pr")
    return extras


def review_on(session: Session, branch: str, extras: Extras = NO_EXTRAS) -> Review:
    """Return where what is pushed to `branch` waits for its merge into the state."""
    base = session.state.branch or "main"
    project = project_at(session.state.description)
    url = project.new_pull_request(branch, base) if project else None
    return Review(branch, base, url, extras)


def with_request(session: Session, outcome: WriteOutcome, logs: Changelogs) -> WriteOutcome:
    """Return the outcome with its request, open and up to date; the same where nobody can open it.

    The branch is pushed: a forge that fails is told, and is the exit code, but nothing is lost.
    What git pushes with need not open the API: then it is as without a token.
    """
    review = outcome.review
    if review is None or outcome.written is None:
        return outcome
    requests = None
    try:
        requests = session.requests
        if requests is None:
            if any(review.extras):
                session.output.note(
                    "nothing is asked of the forge without a token for it: docs/reviews.md"
                )
            return outcome
        from gitops_cli.forge.client import propose
        from gitops_cli.render.request import request_text, request_title

        title = request_title(outcome.draft)
        body = marked(request_text(outcome, logs))
        wish = Wish(review.branch, review.base, title, body, review.extras)
        return outcome._replace(review=review._replace(proposed=propose(requests, wish)))
    except GitOpsError as error:
        if isinstance(error, Denied) and requests is not None and not requests.is_asked_for:
            session.output.note(f"no request is opened: {error.message}")
            return outcome
        session.output.warn(f"the branch is pushed, and no request: {error.message}")
        if error.hint:
            session.output.say(f"hint: {error.hint}")
        session.finish(error.exit_code)
        return outcome
