"""From a branch that was pushed to the request that asks for its merge."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from gitops_cli.cli.opening import open_page
from gitops_cli.cli.request_options import RequestOptions
from gitops_cli.cli.session import Session
from gitops_cli.domain.change.draft import Draft, WriteOutcome, review_branch
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.change.proposal import Proposal, Written
from gitops_cli.domain.change.request import NO_EXTRAS, Extras, RequestState, ReviewBranch, Wish
from gitops_cli.domain.errors import Denied, ExitCode, GitOpsError
from gitops_cli.domain.forge_links import project_at
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.writing import SECONDS
from gitops_cli.render.change import Changelogs

if TYPE_CHECKING:
    from gitops_cli.render.view import View


def review_on(session: Session, branch: str, extras: Extras = NO_EXTRAS) -> ReviewBranch:
    """Return where what is pushed to `branch` waits for its merge into the state."""
    session.need_config("forge")  # before anything is pushed
    base = session.state.branch or "main"
    forges = session.user.forges
    project = project_at(session.state.address(forges), forges)
    url = project.new_pull_request(branch, base) if project else None
    return ReviewBranch(branch, base, url, extras)


def review_of(session: Session, draft: Draft, extras: Extras = NO_EXTRAS) -> ReviewBranch:
    """Return where what a draft records waits for its merge."""
    services = [change.service for change in (*draft.changes, *draft.unchanged)]
    branch = review_branch(draft.environment, services, verb=draft.verb)
    return review_on(session, branch, extras)


def review_of_all(
    session: Session,
    request: RequestOptions,
    environments: Collection[EnvironmentName],
    team: TeamSettings,
    overrides: Collection[Override],
    branch: str,
) -> ReviewBranch | None:
    """Return where a change of these environments waits, if one of them wants a request."""
    proposes = request.pull_request or any(
        request.proposes(name, team, overrides) for name in environments
    )
    extras = request.extras(proposes=proposes)
    return review_on(session, branch, extras) if proposes else None


def with_request(session: Session, outcome: WriteOutcome, logs: Changelogs | None) -> WriteOutcome:
    """Return the outcome with its request, open and up to date; the same where nobody can open it.

    The branch is pushed: a forge that fails is told, and is the exit code, but nothing is lost.
    What git pushes with need not open the API: then it is as without a token.
    """
    review, draft = outcome.review, outcome.draft
    if review is None:
        return outcome

    def text(longest: int) -> str:
        from gitops_cli.render.request import request_text

        return request_text(outcome, logs, longest=longest)

    return outcome._replace(review=opened(session, review, draft.proposal, outcome.written, text))


def moving(
    session: Session,
    review: ReviewBranch | None,
    proposal: Proposal,
    written: Written,
    plan: View,
    reason: str | None,
) -> ReviewBranch | None:
    """Return the review with its request, for what moves names; its text is the plan."""
    if review is None:
        return None
    branch = review.branch

    def text(longest: int) -> str:
        from gitops_cli.render.request import moving_text

        return moving_text(plan, reason, branch, longest=longest)

    return opened(session, review, proposal, written, text)


def opened(
    session: Session,
    review: ReviewBranch,
    proposal: Proposal,
    written: Written | None,
    text: Callable[[int], str],
) -> ReviewBranch:
    """Return the review with its request; `text` makes one that is no longer than that."""
    if written is None or not (
        proposal.moves or any(edit.old != edit.new for edit in proposal.edits)
    ):
        return review
    review = _opened(session, review, proposal.subject, text)
    page = review.page
    if review.extras.web and page is not None and not open_page(page):
        session.output.note(f"no browser took {page}")
    return review


def _opened(
    session: Session, review: ReviewBranch, subject: str, text: Callable[[int], str]
) -> ReviewBranch:
    requests = None
    try:
        requests = session.requests
        if requests is None:
            if any(review.extras._replace(web=False)):
                session.output.note(
                    "nothing is asked of the forge without a token for it: docs/reviews.md"
                )
            return review
        from gitops_cli.forge.client import propose
        from gitops_cli.render.request import request_title

        title, body = request_title(subject), text(requests.longest_text)
        proposed = propose(requests, Wish(review.branch, review.base, title, body, review.extras))
    except GitOpsError as error:
        if isinstance(error, Denied) and requests is not None and not requests.is_asked_for:
            session.output.note(f"no request is opened: {error.message}")
            return review
        _tell(session, "the branch is pushed, and no request", error)
        return review
    for option in proposed.lacking:
        session.output.warn(f"{option}: this forge's requests have no such thing")
    for trouble in proposed.troubles:
        what = f"{proposed.noun} {proposed.request.number} is open, but not as asked"
        _tell(session, what, trouble)
    return review._replace(proposed=proposed)


def await_merge(session: Session, review: ReviewBranch, timeout: float | None) -> float | None:
    """Wait until somebody merges the request; return the seconds left for the cluster.

    None: nobody can be waited for, or it was closed, which is told. Raises TimedOut.
    """
    proposed, requests = review.proposed, session.requests if review.proposed else None
    if proposed is None or requests is None:
        session.output.note("not waiting: it has to be merged first")
        return None
    from gitops_cli.operations.pr import merged_or_closed

    seconds = SECONDS if timeout is None else timeout
    begin = time.monotonic()
    number, page = proposed.request.number, proposed.request.url
    session.output.note(f"waiting until somebody merges {page}")
    if merged_or_closed(requests, number, timeout=seconds).state is not RequestState.MERGED:
        session.output.warn(f"{page} was closed without a merge: nothing is recorded")
        session.finish(ExitCode.NO)
        return None
    session.output.note(f"{proposed.noun} {number} is merged")
    return SECONDS if timeout is None else max(0.0, seconds - (time.monotonic() - begin))


def _tell(session: Session, what: str, error: GitOpsError) -> None:
    session.output.warn(f"{what}: {error.message}")
    if error.hint:
        session.output.say(f"hint: {error.hint}")
    session.finish(error.exit_code)
