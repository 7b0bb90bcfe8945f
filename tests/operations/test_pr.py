"""Requests that are followed and merged while their forge has a bad minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from gitops_cli.domain.change.request import Request, RequestState
from gitops_cli.domain.errors import Denied, ForgeConflict, ForgeError, GitOpsError, TimedOut
from gitops_cli.forge.requests import Requests
from gitops_cli.operations.pr import merge_shown, merged_or_closed

OPEN = Request(1, "https://x/1", "t", "b", "gitops/x", "main", "1" * 40, RequestState.OPEN)
MERGED = OPEN._replace(state=RequestState.MERGED)
Answer = Request | GitOpsError


class Told:
    """Requests of which one is told as a test says, the last answer again and again."""

    def __init__(self, *answers: Answer, merge: GitOpsError | None = None) -> None:
        self._answers = list(answers)
        self._merge = merge

    def get(self, number: int) -> Request:
        said = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(said, GitOpsError):
            raise said
        return said

    def merge(self, request: Request) -> None:
        if self._merge is not None:
            raise self._merge


def asked(told: Told) -> Requests:
    return cast("Requests", told)


def followed(*answers: Answer, timeout: float = 60.0) -> Request:
    nothing: Callable[[float], None] = lambda _: None  # noqa: E731
    return merged_or_closed(asked(Told(*answers)), 1, timeout=timeout, pause=nothing)


def test_a_bad_minute_of_a_forge_ends_no_wait() -> None:
    away = ForgeError("500")
    assert followed(OPEN, away, away, OPEN, away, MERGED) == MERGED


@pytest.mark.parametrize(
    ("answers", "timeout", "error"),
    [
        ((ForgeError("away"),), 60.0, ForgeError),
        ((OPEN, Denied("expired")), 60.0, Denied),
        ((OPEN,), 0.0, TimedOut),
        ((OPEN, ForgeError("away")), 0.01, ForgeError),
    ],
)
def test_what_lasts_is_told(
    answers: tuple[Answer, ...], timeout: float, error: type[GitOpsError]
) -> None:
    with pytest.raises(error):
        followed(*answers, timeout=timeout)


def test_a_merge_whose_answer_was_lost_is_one() -> None:
    merge_shown(asked(Told(MERGED, merge=ForgeError("502"))), OPEN)


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        (OPEN, ForgeError("502")),
        (ForgeError("away"), ForgeError("502")),
        (MERGED, ForgeConflict("by somebody else")),
        (MERGED, Denied("no")),
    ],
)
def test_a_merge_that_is_refused_is_none(now: Answer, refusal: GitOpsError) -> None:
    with pytest.raises(type(refusal)) as error:
        merge_shown(asked(Told(now, merge=refusal)), OPEN)
    assert error.value is refusal
