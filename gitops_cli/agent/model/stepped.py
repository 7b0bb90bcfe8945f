"""What an agent remembers of the steps it runs, and when they are due again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, parse_environment
from gitops_cli.domain.steps.declared import Step, Tool
from gitops_cli.domain.text import one_line

AGAIN = timedelta(hours=1)
"""After so long what was applied is planned once more: somebody may have changed it by hand."""
RETRY = timedelta(minutes=5)
_PROGRAMS = {Tool.COMMAND: 2, Tool.ANSIBLE: 2, Tool.TOFU: 5, Tool.TERRAFORM: 5}
_DIGEST = 64
_HEX = frozenset("0123456789abcdef")


class StepsRecord(NamedTuple):
    """How an environment's steps went last; `error` is why one of them failed.

    `applied`: all of them have been, once, as they are of this digest.
    """

    digest: str
    at: datetime
    words: str
    error: str | None = None
    applied: bool = False


def is_due(record: StepsRecord | None, digest: str, now: datetime) -> bool:
    """Tell whether steps are to be run; after a clock went back, too."""
    if record is None or record.digest != digest:
        return True
    passed = now - record.at
    return passed < timedelta() or passed >= (AGAIN if record.error is None else RETRY)


class StepTime(NamedTuple):
    """Seconds: the longest that one program may take, and all of them together."""

    longest: float = 0.0
    total: float = 0.0


def time_of(steps: Iterable[Step]) -> StepTime:
    """Return how long steps may take."""
    found = [(step.program.seconds, _PROGRAMS[step.tool]) for step in steps]
    return StepTime(
        max((seconds for seconds, _ in found), default=0.0),
        sum(seconds * programs for seconds, programs in found),
    )


def is_digest(text: str) -> bool:
    """Tell whether it is the digest of some content."""
    return len(text) == _DIGEST and set(text) <= _HEX


def parse_pin(text: str) -> tuple[EnvironmentName, str]:
    """Return environment and digest of `shop-prod=3f9a…`; raises UsageError."""
    name, _, digest = text.partition("=")
    if not is_digest(digest):
        raise UsageError(
            f"--steps={one_line(text)}: is not an environment and the digest of its steps",
            hint="`gitops agent install ENV --steps` writes it into the agent's command",
        )
    return parse_environment(name), digest
