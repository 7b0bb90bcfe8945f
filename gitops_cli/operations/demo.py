"""The demo's story: which commands a newcomer sees, and how each of them ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitops_cli.domain.errors import ExitCode


@dataclass(frozen=True, slots=True)
class Step:
    """One command; `why` is said before it, and `ends` with what it should end."""

    why: str
    arguments: tuple[str, ...]
    ends: ExitCode = ExitCode.OK


@dataclass(frozen=True, slots=True)
class Cast:
    """What the story is played with.

    `service` is promoted to `production`, `fragile` gets the version `broken`, whose image does
    not exist. All environments of `projects` are there.
    """

    service: str
    fragile: str
    broken: str
    production: str


def story(cast: Cast) -> Sequence[Step]:
    """Return the steps: promote, diff, sync, a failing rollout, rollback."""
    production = cast.production
    return (
        Step(
            "A state repository says which commit of each service runs where. Development is "
            "ahead of staging, and staging of production.",
            ("status",),
        ),
        Step(
            f"{cast.service} has been tested in development. Promote it: one commit in the "
            "state repository, nothing else.",
            ("promote", cast.service, "--from", "dev", "--to", "prod", "--yes"),
        ),
        Step(
            "The cluster still runs the old version. A difference is exit code 1.",
            ("diff", production),
            ExitCode.NO,
        ),
        Step(
            "Make the cluster follow, and wait until the new version is rolled out.",
            ("sync", production, "--wait"),
        ),
        Step(
            f"Now somebody records a hotfix of {cast.fragile} whose image was never pushed.",
            ("set", f"{cast.fragile}={cast.broken}", "-e", "prod"),
        ),
        Step(
            "The rollout fails, and sync says why. The old pods go on serving.",
            ("sync", production, "--wait"),
            ExitCode.ROLLOUT_FAILED,
        ),
        Step(
            "Back to the version before: again a commit, with its reason.",
            ("rollback", cast.fragile, "-e", "prod", "--yes", "-m", "its image was never pushed"),
        ),
        Step("The cluster follows once more.", ("sync", production, "--wait")),
        Step(
            "Who changed what, when and why is the history of the repository.",
            ("history", cast.fragile, "-e", "prod"),
        ),
    )
