"""The demo's other stories, each of one day: on call, adopting a cluster, CI, an agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from gitops_cli.domain.errors import ExitCode
from gitops_cli.sandbox.lifecycle import Sandbox
from gitops_cli.sandbox.samples import REGISTRY
from gitops_cli.sandbox.story import Cast, Scene, story

_PROD, _STAGING, _DEV = (f"project1-{stage}" for stage in ("production", "staging", "development"))
_FOLLOWED = "project2-development"
_ADOPTED = "home/adopted"  # what lies in the sandbox's home goes with it
_PATIENTLY = ("--sync", "--wait")


class Story(StrEnum):
    """What the demo shows."""

    MAIN = "main"
    ROLLBACK = "rollback"
    ADOPT = "adopt"
    CI = "ci"
    AGENT = "agent"


def scenes_of(chosen: Story, ground: Sandbox) -> Sequence[Scene]:
    """Return the steps of a story in a sandbox that is up."""
    return _STORIES[chosen](ground)


def _main(ground: Sandbox) -> Sequence[Scene]:
    return story(Cast("authentication", "frontend", ground.broken_version, _PROD))


def _rollback(ground: Sandbox) -> Sequence[Scene]:
    broken = f"frontend={ground.broken_version}"
    never_pushed = ("-m", "its image was never pushed")
    return (
        Scene(
            "2 a.m. A hotfix of frontend was recorded and synced, and it does not come up. The "
            "reason stands beside it; the old pods go on serving.",
            ("set", broken, "-e", _PROD, "-m", "hotfix", *_PATIENTLY),
            ExitCode.ROLLOUT_FAILED,
        ),
        Scene("What changed, and who did it?", ("history", _PROD, "--since", "1h")),
        Scene(
            "Back to the version before, and wait until it runs. --hold locks it, so that no "
            "pipeline brings the bad one straight back.",
            ("rollback", "frontend", "-e", _PROD, "--hold", "--yes", *_PATIENTLY, *never_pushed),
        ),
        Scene(
            "A pipeline tries all the same, and is told who holds it, since when and why.",
            ("set", broken, "-e", _PROD),
            ExitCode.BLOCKED,
        ),
        Scene("The next morning: go on.", ("unlock", "frontend", "-e", _PROD)),
        Scene(
            "Nobody has to be awake for that: with --rollback-on-failure what does not come up is "
            "taken back by itself.",
            ("set", broken, "-e", _PROD, *_PATIENTLY, "--rollback-on-failure"),
            ExitCode.ROLLOUT_FAILED,
        ),
        Scene("All of it is history, with its reasons.", ("history", "frontend", "-e", _PROD)),
    )


def _adopt(ground: Sandbox) -> Sequence[Scene]:
    stages, images = ("--stage", "staging", "--stage", "production"), f"{REGISTRY}/project1/"
    remote, pushed = ("remote", "add", "origin", "../adopted.git"), ("push", "-q", "-u", "origin")
    return (
        Scene(
            "A cluster runs your services already. First a state repository for it.",
            ("init", _ADOPTED, "--project", "project1", *stages, "--images-path", images),
        ),
        Scene(
            "Its remote is yours to choose; here it is one more directory.",
            ("init", "-q", "--bare", f"{_ADOPTED}.git"),
            program="git",
        ),
        Scene("It is named origin,", remote, program="git", directory=_ADOPTED),
        Scene("and gets the first commit.", (*pushed, "HEAD"), program="git", directory=_ADOPTED),
        Scene(
            "What would be recorded? Nothing is written yet, and the cluster is only read.",
            ("capture", _PROD, "--dry-run"),
            directory=_ADOPTED,
        ),
        Scene(
            "Record what runs in production,",
            ("capture", _PROD),
            directory=_ADOPTED,
        ),
        Scene("and in staging.", ("capture", _STAGING), directory=_ADOPTED),
        Scene("From now on git and the clusters say the same:", ("diff",), directory=_ADOPTED),
        Scene("and it is seen what lies between the stages.", ("status",), directory=_ADOPTED),
    )


def _ci(ground: Sandbox) -> Sequence[Scene]:
    before = ground.newest("billing")
    billing = "sources/billing"
    return (
        Scene(
            "Somebody pushes to billing; CI builds an image of the commit.",
            ("commit", "-q", "--allow-empty", "-m", "Round totals once"),
            program="git",
            directory=billing,
        ),
        Scene(
            "The last step of the pipeline: in the checkout the service and the hash are known. "
            "Record it, make the cluster follow, and wait.",
            ("set", "-e", _DEV, *_PATIENTLY),
            directory=billing,
        ),
        Scene(
            "An older build that ends later does not win.",
            ("set", f"billing={before}", "-e", _DEV),
            ExitCode.BLOCKED,
        ),
        Scene(
            "Tested: on to staging, with authors and source commits.",
            ("promote", "billing", "-p", "project1", "--to", "staging", "--yes", *_PATIENTLY),
        ),
        Scene(
            "What CI did is in the history.", ("history", "billing", "-p", "project1", "-n", "3")
        ),
    )


def _agent(ground: Sandbox) -> Sequence[Scene]:
    return (
        Scene(
            "An agent follows each environment of project2; project1 is synced by hand.",
            ("env", "show", _FOLLOWED),
        ),
        Scene(
            "Somebody pushes to notifications; CI builds an image of the commit,",
            ("commit", "-q", "--allow-empty", "-m", "Send a digest once a day"),
            program="git",
            directory="sources/notifications",
        ),
        Scene(
            "and records it. It needs no way to the cluster; --wait only looks until it is there.",
            ("set", "-e", _FOLLOWED, "--wait"),
            directory="sources/notifications",
        ),
        Scene(
            "The same for a way back.",
            (
                "rollback",
                "notifications",
                "-e",
                _FOLLOWED,
                "--yes",
                "--wait",
                "-m",
                "too many mails",
            ),
        ),
        Scene("The agent says what it did.", ("agent", "status", _FOLLOWED)),
    )


_STORIES: Mapping[Story, Callable[[Sandbox], Sequence[Scene]]] = {
    Story.MAIN: _main,
    Story.ROLLBACK: _rollback,
    Story.ADOPT: _adopt,
    Story.CI: _ci,
    Story.AGENT: _agent,
}
