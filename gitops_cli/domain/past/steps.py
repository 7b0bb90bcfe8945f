"""Which versions ran before: a service's past as a stack that rollbacks take from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, TypeVar

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit, FileChange, along
from gitops_cli.domain.version import Version, parse_version

K = TypeVar("K", ServiceName, ServiceName | None)


class VersionStep(NamedTuple):
    """One change of a service's recorded version; None: it was not recorded, or not readable."""

    commit: Commit
    old: Version | None
    new: Version | None
    is_rollback: bool


def steps(changes: Iterable[FileChange]) -> Iterator[VersionStep]:
    """Yield the changes of a version file as versions, in the order given (newest first)."""
    for change in changes:
        old, new = _version(change.old), _version(change.new)
        if old != new:
            is_rollback = change.made_by.trailers.get("Gitops-Action") == Verb.ROLLBACK
            yield VersionStep(change.commit, old, new, is_rollback)


def _version(data: bytes | None) -> Version | None:
    return None if data is None else parse_version(data.decode(errors="replace").strip())


def standing(newest_first: Iterable[VersionStep]) -> Iterator[VersionStep]:
    """Yield the steps that were not rolled back, newest first.

    A rollback takes steps off the stack; so going back twice goes two versions back, and does not
    return to the one that was bad. A hand-made way back is a step like any other.
    """
    waiting_for: Version | None = None
    skipping = False
    for step in newest_first:
        if skipping and step.new != waiting_for:
            continue
        skipping = step.is_rollback
        waiting_for = step.new
        if not step.is_rollback:
            yield step


def version_before(past: Iterator[VersionStep], back: int) -> Version | None:
    """Return the version `back` steps before the recorded one; None if the past is not so long."""
    found: Version | None = None
    left = back
    for step in past:
        if step.old is None:
            continue  # it was absent or unreadable then: nothing to go back to
        found = step.old
        left -= 1
        if left == 0:
            return found
    return None


def versions_before(undone: Iterable[Undoing]) -> dict[ServiceName, Version]:
    """Return the services' versions before these commits, of which the newest comes first.

    Services that they added are not in the result.
    """
    wanted: dict[ServiceName, Version] = {}
    for each in undone:
        wanted |= {s: step.old for s, step in each.steps.items() if step.old is not None}
    return wanted


def _by_commit(
    pasts: Mapping[K, Iterator[VersionStep]], branch: Iterable[str]
) -> Iterator[dict[K, VersionStep]]:
    return along(branch, pasts, lambda step: step.commit.hash)


def version_like(
    past: Iterable[VersionStep], text: str, *, service: ServiceName, environment: EnvironmentName
) -> Version | None:
    """Return the version of the past that `text` names or abbreviates; None if there is none.

    Raises UsageError where it abbreviates several.
    """
    fits: dict[str, Version] = {}
    for step in past:
        for version in (step.new, step.old):
            if version is None:
                continue
            if text in (version.tag, str(version)):
                return version
            if len(text) >= 4 and version.is_commit and version.tag.startswith(text.lower()):
                fits.setdefault(version.tag, version)
    if len(fits) > 1:
        raise UsageError(
            f"{service} in {environment}: `{text}` fits several versions: {', '.join(fits)}",
            hint="write more digits",
        )
    return next(iter(fits.values()), None)


class Undoing(NamedTuple):
    """What one commit did to the services of an environment, and whether to its manifests."""

    commit: Commit
    steps: Mapping[ServiceName, VersionStep]
    manifests: bool = False


def newest_commits(
    pasts: Mapping[K, Iterator[VersionStep]], limit: int, branch: Iterable[str]
) -> list[Undoing]:
    """Return the last commits that changed the services' versions, newest first.

    The past of None is that of manifests. `branch` are its commits, newest first.
    """
    return [
        Undoing(
            next(iter(changed.values())).commit,
            {service: step for service, step in changed.items() if service is not None},
            manifests=None in changed,
        )
        for changed in islice(_by_commit(pasts, branch), limit)
    ]
