"""The rules that refuse a write: locks, freezes, and what gitops.toml says of the stage.

A rule yields refusals; `enforce` raises the first that nobody overrode. All of them are asked
again on every new tip, so a lock pushed a moment ago counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gitops_cli.domain.errors import Frozen, GitOpsError, Locked, PolicyRefused, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.recorded.team import Mode, StageRules, TeamSettings, VersionForm
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.locks import Lock


_PAST_GATES = '--override-policy -m "why"'
_MOST, _MOST_WAYS = 9, 3  # gates that are named after the first, and ways to pass them


class Override(StrEnum):
    """A danger that a flag of its name accepts; the value goes into the trailer."""

    LOCK = "lock"
    FREEZE = "freeze"
    POLICY = "policy"
    OLDER = "older"

    @property
    def flag(self) -> str:
        """Return the option that accepts it."""
        return "--allow-older" if self is Override.OLDER else f"--override-{self}"


class Unconfirmed(UsageError):
    """A protected environment would be changed, and nobody has confirmed it by its name."""

    code = "unconfirmed"

    def __init__(self, environment: EnvironmentName) -> None:
        super().__init__(
            f"{environment} is protected", hint=f'--confirm {environment} -m "why" confirms it'
        )
        self.environment = environment


def need_confirmation(
    environment: EnvironmentName, rules: StageRules, *, confirmed: str | None, reason: str | None
) -> None:
    """Raise Unconfirmed if a protected stage's environment was not confirmed with a reason.

    `confirmed` may name several, with commas.
    """
    named = environment in (confirmed or "").split(",")
    if rules.protected and not (named and reason and reason.strip()):
        raise Unconfirmed(environment)


class NeedsReview(PolicyRefused):
    """The stage's mode wants a branch that somebody merges; who can push one does."""


class GateRefused(PolicyRefused):
    """A gate does not let a version come yet; others may say the same.

    `beside` is what is said of it after another one, `way` how it would pass.
    """

    def __init__(self, message: str, *, beside: str, way: str) -> None:
        super().__init__(message, hint="; or ".join(filter(None, (way, _PAST_GATES))))
        self.beside = beside
        self.way = way


class Refusal(NamedTuple):
    """Why a write is refused, and which override would let it through, if one would."""

    error: GitOpsError
    override: Override | None


def enforce(
    refusals: Iterable[Refusal],
    overrides: Collection[Override] = (),
    refused: list[GateRefused] | None = None,
) -> tuple[Override, ...]:
    """Raise the first refusal that is not overridden; return the overrides that were needed.

    Of gates all that follow are told at once. `refused` takes them as they come, for who yields
    them and would rather not ask on.
    """
    used: set[Override] = set()
    gates = [] if refused is None else refused
    for refusal in refusals:
        if refusal.override is not None and refusal.override in overrides:
            used.add(refusal.override)
        elif isinstance(refusal.error, GateRefused):
            gates.append(refusal.error)
        elif gates:
            break
        else:
            raise refusal.error
    if gates:
        raise _together(gates)
    return tuple(sorted(used))


def _together(gates: Sequence[GateRefused]) -> GateRefused:
    [first, *others] = gates
    if not others:
        return first
    told = [first.message, *(other.beside for other in others[:_MOST])]
    if len(others) > _MOST:
        told.append(f"and {len(others) - _MOST} more")
    ways = list(dict.fromkeys(gate.way for gate in gates if gate.way))[:_MOST_WAYS]
    return GateRefused("; ".join(told), beside="", way="; ".join(ways))


def need_reason(overrides: Collection[Override], reason: str | None) -> None:
    """Raise UsageError if a rule of the team would be overridden without a reason."""
    unexplained = sorted(set(overrides) - {Override.OLDER})
    if unexplained and not (reason and reason.strip()):
        raise UsageError(f"{unexplained[0].flag} needs a reason", hint='add -m "why"')


def unsettled(
    place: Place, services: Collection[ServiceName], team: TeamSettings
) -> Iterator[Refusal]:
    """Refuse what a section of gitops.toml governs in which something is wrong."""
    if not team.defects:
        return
    from gitops_cli.domain.recorded.governing import stopping  # where something is wrong
    from gitops_cli.domain.settings import BadSettings

    defects = tuple(stopping(team, place.stage, services))
    if defects:
        yield Refusal(BadSettings(*defects), None)


def locked(
    environment: Environment, services: Iterable[ServiceName], now: datetime
) -> Iterator[Refusal]:
    """Refuse what a lock of the service or of the whole environment holds."""
    whole = environment.locks.get(None)
    if whole is not None and whole.holds(now):
        yield _lock_refusal(environment.name, whole)
    for service in sorted(services):
        lock = environment.locks.get(service)
        if lock is not None and lock.holds(now):
            yield _lock_refusal(environment.name, lock)


def _lock_refusal(environment: EnvironmentName, lock: Lock) -> Refusal:
    what = f"{lock.service} in {environment}" if lock.service else f"all of {environment}"
    by = f" by {one_line(lock.by)}" if lock.by else ""
    until = f" until {moment(lock.until)}" if lock.until else ""
    why = f": {one_line(lock.reason)}" if lock.reason else ""
    if lock.problem:
        why = f" (the lock cannot be read: {lock.problem})"
    unlock = f"gitops unlock {lock.service or ''} -e {environment}".replace("  ", " ")
    error = Locked(
        f"{lock.path}:1: {what} is locked{by}{until}{why}",
        hint=f'`{unlock}`, or --override-lock -m "why"',
    )
    return Refusal(error, Override.LOCK)


def frozen(place: Place, rules: StageRules, now: datetime) -> Iterator[Refusal]:
    """Refuse what falls into a freeze window of the stage."""
    for window in rules.freeze:
        end = window.closes(now)
        if end is not None:
            error = Frozen(
                f"{_line(rules, 'freeze')}: {place.stage} is frozen until {moment(end)} "
                f"(`{window.text}`)",
                hint='wait, or --override-freeze -m "why"; `gitops rollback` is never frozen',
            )
            yield Refusal(error, Override.FREEZE)


def wrong_source(source: Place, target: Place, rules: StageRules) -> Iterator[Refusal]:
    """Refuse a promotion from a stage that `promote_from` does not name."""
    if rules.promote_from is not None and source.stage not in rules.promote_from:
        allowed = " or ".join(rules.promote_from) or "nowhere"
        way = "".join(f"--from {stage}, or " for stage in rules.promote_from[:1])
        error = PolicyRefused(
            f"{_line(rules, 'promote_from')}: {target.stage} takes promotions from {allowed}, "
            f"not from {source.stage}",
            hint=f'{way}--override-policy -m "why"',
        )
        yield Refusal(error, Override.POLICY)


class Origin(NamedTuple):
    """Where the commits to be recorded come from.

    `branch` None: of none that is known. Then `request` says of which request they are, or else
    `is_on` tells whether branches (globs) hold them already.
    """

    branch: str | None = None
    request: str | None = None
    is_on: Callable[[Sequence[str]], bool] = lambda branches: False


def wrong_branch(origin: Origin, place: Place, rules: StageRules) -> Iterator[Refusal]:
    """Refuse commits of what is no branch that the stage records, as a request is none."""
    branch, request = origin.branch, origin.request
    if not rules.branches:
        return
    if branch is not None and any(fnmatchcase(branch, pattern) for pattern in rules.branches):
        return
    if branch is None and request is None and origin.is_on(rules.branches):
        return
    allowed = ", ".join(rules.branches)
    what = "a commit of which nobody knows that one of them holds it"
    if request is not None:
        what = f"{one_line(request)}, not merged yet"
    elif branch is not None:
        what = f"the branch `{one_line(branch)}`"
    error = PolicyRefused(
        f"{_line(rules, 'branches')}: {place.environment} records commits of {allowed}, "
        f"this is {what}",
        hint='build that branch (GITOPS_BRANCH says what is built), or --override-policy -m "why"',
    )
    yield Refusal(error, Override.POLICY)


def needs_review(place: Place, rules: StageRules) -> Iterator[Refusal]:
    """Refuse what would be written at once where the team wants a branch that somebody merges."""
    if rules.mode is Mode.PR:
        error = NeedsReview(
            f"{_line(rules, 'mode')}: {place.stage} is changed by pull requests",
            hint="--pr pushes the branch for one; or "
            '--override-policy -m "why" to write it at once',
        )
        yield Refusal(error, Override.POLICY)


def unapproved_manifests(place: Place, rules: StageRules, *, reviewed: bool) -> Iterator[Refusal]:
    """Refuse manifests written at once where versions need a second person's yes."""
    if rules.approvals and not reviewed:
        error = PolicyRefused(
            f"{_line(rules, 'approvals')}: {place.stage} wants approvals, which are of versions: "
            "nobody can approve manifests that way",
            hint='--pr lets a request have them reviewed; or --override-policy -m "why"',
        )
        yield Refusal(error, Override.POLICY)


def unsoaked_manifests(
    place: Place,
    rules: StageRules,
    source: EnvironmentName,
    changed: datetime | None,
    now: datetime,
) -> Iterator[Refusal]:
    """Refuse manifests that were not for long enough in the stage before."""
    if rules.soak and changed is not None and (now - changed).total_seconds() < rules.soak:
        from gitops_cli.domain.duration import age  # for who is refused

        error = PolicyRefused(
            f"{_line(rules, 'soak')}: {place.stage} wants what was in {source} for "
            f"{age(timedelta(seconds=rules.soak))}; its manifests changed {age(now - changed)} ago",
            hint='wait, or --override-policy -m "why"',
        )
        yield Refusal(error, Override.POLICY)


def wrong_form(service: ServiceName, version: Version, team: TeamSettings) -> Iterator[Refusal]:
    """Refuse a version that is no full commit hash, unless the team agreed on any tag."""
    if team.version_form is VersionForm.ANY or version.is_commit:
        return
    error = PolicyRefused(
        f"{service}: `{version.tag}` is not a full commit hash",
        hint=(
            "give all 40 digits (`git rev-parse HEAD`), "
            f'or agree on other tags in {SETTINGS}: [versions] form = "any"'
        ),
    )
    yield Refusal(error, None)


def moment(at: datetime) -> str:
    """Return a time for people, with its zone: `Mon 2026-11-23 08:00 CET`."""
    return f"{at:%a %Y-%m-%d %H:%M} {at.tzname() or ''}".rstrip()


def _line(rules: StageRules, key: str) -> str:
    return f"{SETTINGS}:{rules.lines.get(key, 1)}"
