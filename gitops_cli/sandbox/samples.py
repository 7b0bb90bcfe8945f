"""What the sample repositories hold. All times are fixed, so every commit hash is the same anywhere
(except in the state repository, whose gitops.toml names the sandbox's directory).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

REGISTRY = "registry.example.com"
STAGES = ("development", "staging", "production")
# `authentication` and `frontend` live in one project, so they need no --project.
PROJECTS = {
    "project1": ("authentication", "billing", "frontend", "notifications"),
    "project2": ("billing", "notifications"),
}

# What sales people show: a stage of its own, protected, and one service is locked there.
SHOWCASE, SHOWN_IN = "showcase", "project2"
# An agent follows these; the other project is synced by hand.
FOLLOWED = "project2"
# Where the sources would be: the links of plans and history lead there, and nowhere.
FORGE = "https://gitlab.example.com/shop"


class SampleAuthor(NamedTuple):
    """An invented author."""

    name: str
    email: str


ADA = SampleAuthor("Ada Example", "ada@example.com")
BEN = SampleAuthor("Ben Example", "ben@example.com")
EVE = SampleAuthor("Eve Example", "eve@example.com")
CI = SampleAuthor("CI", "ci@example.com")
YOU = SampleAuthor(
    "You", "you@example.com"
)  # the identity in the clone, so that nothing must be set


class SampleCommit(NamedTuple):
    """One commit of a service. `off` names a branch beside main, which starts at production's."""

    author: SampleAuthor
    when: datetime
    subject: str
    off: str | None = None
    committed: int = 0  # seconds after `when`


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _history(*lines: tuple[SampleAuthor, str, str]) -> tuple[SampleCommit, ...]:
    return tuple(SampleCommit(person, _at(when), subject) for person, when, subject in lines)


# A tag of the registry exists for each of these commits but the one whose hash begins so. The
# fake nodes of the project's test control plane know the same sign.
NEVER_PUSHED = "dead0"

HOTFIX = "hotfix-price-list"  # the branch
_HOTFIX = SampleCommit(
    BEN,
    _at("2026-11-19T15:29:20"),  # found by trying, like `committed`: they make the hash begin so
    "Load the price list from the cache",
    off=HOTFIX,
    committed=14,
)

SOURCES: dict[str, tuple[SampleCommit, ...]] = {
    "authentication": _history(
        (ADA, "2026-10-01T08:40:00", "Start the service"),
        (ADA, "2026-10-02T09:15:00", "Sign in with a password"),
        (BEN, "2026-10-06T13:20:00", "Lock an account after ten failed attempts"),
        (ADA, "2026-10-14T07:55:00", "Refresh tokens before they expire"),
        (EVE, "2026-10-22T10:05:00", "Sign in with OpenID Connect"),
        (BEN, "2026-11-03T14:45:00", "Reject tokens of deleted accounts"),
        (ADA, "2026-11-11T09:30:00", "Keep addresses out of the log"),
        (EVE, "2026-11-19T08:10:00", "Cache the identity provider's public keys"),
    ),
    "billing": _history(
        (EVE, "2026-10-01T09:05:00", "Start the service"),
        (EVE, "2026-10-05T11:40:00", "Write invoices as PDF"),
        (ADA, "2026-10-08T08:25:00", "Round amounts per line, not per invoice"),
        (BEN, "2026-10-16T12:35:00", "Retry the payment provider with the same key"),
        (EVE, "2026-10-28T09:50:00", "Support credit notes"),
        (ADA, "2026-11-10T15:15:00", "Show the tax rate of each line"),
        (EVE, "2026-11-18T10:20:00", "Number invoices without gaps"),
    ),
    "frontend": (
        *_history(
            (BEN, "2026-10-01T10:30:00", "Start the application"),
            (BEN, "2026-10-05T08:20:00", "Show the account page"),
            (EVE, "2026-10-09T13:10:00", "Translate the sign-in form"),
            (BEN, "2026-10-19T09:45:00", "Load fonts from our own host"),
            (ADA, "2026-10-27T14:30:00", "Warn before a session ends"),
            (BEN, "2026-11-04T10:55:00", "Show invoices in the account page"),
            (EVE, "2026-11-12T08:35:00", "Make every form usable by keyboard"),
            (BEN, "2026-11-17T13:50:00", "Remember the language of a visitor"),
        ),
        _HOTFIX,
    ),
    "notifications": _history(
        (ADA, "2026-10-02T14:05:00", "Start the service"),
        (BEN, "2026-10-07T09:25:00", "Send mail through the relay"),
        (ADA, "2026-10-12T10:45:00", "Group messages by recipient"),
        (EVE, "2026-10-21T08:15:00", "Let users mute a topic"),
        (BEN, "2026-11-02T12:05:00", "Retry deferred mail for a day"),
        (ADA, "2026-11-16T09:10:00", "Sign messages with DKIM"),
    ),
}


class SampleMove(NamedTuple):
    """Somebody promotes services of a project to the next stage, or takes one back."""

    when: datetime
    who: SampleAuthor
    project: str
    stage: str  # the target
    services: tuple[str, ...]
    reason: str
    back: bool = False


def _move(
    when: str,
    who: SampleAuthor,
    place: str,
    services: Sequence[str],
    reason: str,
    *,
    back: bool = False,
) -> SampleMove:
    project, _, stage = place.partition("-")
    return SampleMove(_at(when), who, project, stage, tuple(services), reason, back)


# The state repository begins here, with each service's third commit in development and its second
# in the other stages; from then on CI records every commit of main in development.
BEGINS = _at("2026-10-13T08:00:00")
FIRST = {"development": 2, "staging": 1, "production": 1}
MOVES = (
    _move("2026-10-15T09:00:00", BEN, "project1-staging", PROJECTS["project1"], "sprint 21"),
    _move("2026-10-20T08:30:00", ADA, "project1-production", PROJECTS["project1"], "release 21"),
    _move("2026-10-23T11:00:00", EVE, "project2-staging", PROJECTS["project2"], "pilot customers"),
    _move(
        "2026-10-29T09:20:00",
        BEN,
        "project1-staging",
        ("authentication", "frontend"),
        "sprint 22",
    ),
    _move(
        "2026-11-03T08:40:00",
        ADA,
        "project1-production",
        ("authentication", "frontend"),
        "release 22",
    ),
    _move(
        "2026-11-03T09:25:00",
        EVE,
        "project1-production",
        ("frontend",),
        "the session warning shows on every page",
        back=True,
    ),
    _move("2026-11-05T10:10:00", EVE, "project2-production", PROJECTS["project2"], "pilot is live"),
    _move("2026-11-13T09:00:00", BEN, "project1-staging", PROJECTS["project1"], "sprint 23"),
)
# The commit of main (from 0) that the hotfix branch of `frontend` starts from: production's.
HOTFIX_BASE = 2
