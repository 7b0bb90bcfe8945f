"""Requests that are open: listed, and followed until somebody merges or closes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gitops_cli.domain.change.request import Request, RequestDeed, RequestState, shortened
from gitops_cli.domain.errors import ForgeConflict, ForgeError, GitOpsError, TimedOut

if TYPE_CHECKING:
    from gitops_cli.forge.requests import Requests

OURS = "gitops/"
"""What the names of the branches begin with that proposals are pushed to."""
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0  # seconds


def open_requests(requests: Requests, *, everyones: bool) -> list[Request]:
    """Return the open requests from branches of proposals, or all, the newest first."""
    found = [r for r in requests.opened() if everyones or r.branch.startswith(OURS)]
    return sorted(found, key=lambda request: -request.number)


def need_open(request: Request) -> None:
    """Raise ForgeConflict for a request that is merged or closed already."""
    if request.state is not RequestState.OPEN:
        raise ForgeConflict(f"{request.url} is {request.state} already")


def keep_comment(requests: Requests, number: int, name: str, text: str) -> RequestDeed:
    """Let a request have one comment of this name that says `text`: written, or brought up to date.

    It is found again by a mark that its page does not show.
    """
    mark = requests.marks.hide(f"gitops-cli: comment {name}")
    whole = f"{mark}\n\n{shortened(text.strip(), requests.longest_text)}"
    for comment in requests.comments(number):
        said = comment.body.replace("\r\n", "\n")
        if said.startswith(mark):
            if said.strip() == whole.strip():
                return RequestDeed.UNCHANGED
            requests.change_comment(number, comment, whole)
            return RequestDeed.UPDATED
    requests.add_comment(number, whole)
    return RequestDeed.OPENED


def merged_or_closed(
    requests: Requests,
    number: int,
    *,
    timeout: float,
    pause: Callable[[float], None] = time.sleep,
) -> Request:
    """Return the request as soon as it is no longer open; `timeout` in seconds. Raises TimedOut."""
    end = time.monotonic() + timeout
    between = _FIRST_PAUSE
    request = requests.get(number)
    trouble: ForgeError | None = None
    while request.state is RequestState.OPEN:
        left = end - time.monotonic()
        if left <= 0:
            if trouble is not None:
                raise trouble
            raise TimedOut(f"{request.url} is still open", hint="--timeout allows more time")
        pause(min(between, left))
        between = min(between * 1.5, _LONGEST_PAUSE)
        try:
            request, trouble = requests.get(number), None
        except ForgeError as error:  # a wait of hours outlasts a forge's bad minute
            trouble = error
    return request


def merge_shown(requests: Requests, request: Request) -> None:
    """Merge what was seen; an answer that got lost on its way is no failure where it is merged."""
    try:
        requests.merge(request)
    except ForgeConflict:
        raise
    except ForgeError:
        if not _is_merged(requests, request.number):
            raise


def _is_merged(requests: Requests, number: int) -> bool:
    try:
        return requests.get(number).state is RequestState.MERGED
    except GitOpsError:
        return False
