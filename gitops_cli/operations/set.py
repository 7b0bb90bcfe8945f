"""Record versions of services in an environment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from gitops_cli.domain.change.draft import Draft, Verb, source_time_of
from gitops_cli.domain.change.intent import recording
from gitops_cli.domain.change.plan import Action, Change
from gitops_cli.domain.change.policy import Origin, Override, Refusal, moment
from gitops_cli.domain.change.rules import EXPECT, STALE
from gitops_cli.domain.errors import ExpectationFailed, StaleBuild, UsageError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind, Snapshot
from gitops_cli.domain.recorded.newcomers import check_newcomers, check_spelling
from gitops_cli.domain.recorded.resolution import environment_for
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version
from gitops_cli.operations.images import Images, unchecked
from gitops_cli.operations.writing import (
    Foresee,
    Terms,
    Wanted,
    draft_versions,
    nobody_follows,
    pins,
)

if TYPE_CHECKING:
    from gitops_cli.domain.past.ancestry import Age
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.repository import StateRepository

_LOOKED_AT = 20  # changes of a file, for the source time of the recorded version


class Expected(NamedTuple):
    """Which versions must be recorded: of every service, and of single ones; `none` is no version.

    None: nothing was said.
    """

    of_all: str | None = None
    of_one: Mapping[ServiceName, str] = MappingProxyType({})

    def of(self, service: ServiceName) -> str | None:
        """Return what must be recorded for a service."""
        return self.of_one.get(service, self.of_all)


class Order(NamedTuple):
    """What is to be recorded where, and what may stand in the way.

    `wanted` is computed from the team's settings: they say which service a checkout is. `named`
    are the services alone: what is misspelt is told before its version is looked for.
    `branch` is asked only if `by_branch`: a person who spells out a hash chose it. `request` is
    what else was built.
    `foresee` raises what would keep the cluster from getting it afterwards.
    `images` may refuse versions whose image is missing, and pin the others.
    `kind` is for services that are new in the environment; None: as they are elsewhere.
    `is_new`: services that their project does not know are meant to be made; else only the
    newcomers of `terms`.
    """

    environment: str
    wanted: Callable[[TeamSettings], Mapping[ServiceName, Version]]
    images: Images = unchecked
    project: str | None = None
    usual_project: str | None = None
    kind: Kind | None = None
    expected: Expected = Expected()
    by_branch: bool = False
    branch: str | None = None
    request: str | None = None
    terms: Terms = Terms()
    is_new: bool = False
    foresee: Foresee = nobody_follows
    named: Callable[[TeamSettings], Collection[ServiceName]] = lambda team: ()

    def check_names(self, snapshot: Snapshot) -> None:
        """Raise Misspelt for a service that is none, but nearly."""
        if not self.is_new:
            check_spelling(self.named(snapshot.team), snapshot)


def draft_recording(
    snapshot: Snapshot,
    order: Order,
    *,
    state: StateRepository,
    sources: Callable[[TeamSettings], Sources],
    now: datetime,
) -> Draft:
    """Return what recording the order means on this tip; raises what refuses it."""
    team = snapshot.team
    order.check_names(snapshot)
    wanted = order.wanted(team)
    if strangers := sorted(order.expected.of_one.keys() - wanted.keys()):
        raise UsageError(
            f"--expect is about {', '.join(strangers)}, but this records {', '.join(wanted)}",
            hint="name a service that is recorded, or give the hash alone",
        )
    environment = snapshot.environment(
        environment_for(
            order.environment,
            snapshot,
            project=order.project,
            services=wanted,
            usual_project=order.usual_project,
        )
    )
    order.foresee(environment.name, team)
    wanted = order.images(environment, wanted, pin=pins(environment.name, team, order.terms))
    kinds = {service: order.kind or _kind_of(service, environment, snapshot) for service in wanted}
    intent = recording(environment, wanted, kinds)
    if not order.is_new:
        added = {c.service for c in intent.plan.changes if c.action is Action.ADD}
        check_newcomers(added - {*order.terms.newcomers}, environment.name, snapshot)
    changing = {change.service for change in intent.plan.changes}
    unchanged = tuple(Change(s, v, v) for s, v in sorted(wanted.items()) if s not in changing)
    guards = _Guards(order, snapshot, environment, state, sources)
    draft = draft_versions(
        snapshot,
        Wanted(Verb.SET, intent, unchanged),
        order.terms,
        state=state,
        now=now,
        case=lambda case: case._replace(
            wanted=wanted,
            by_branch=order.by_branch,
            origin=guards.origin(wanted),
            asked={EXPECT: guards.unexpected, STALE: guards.stale},
        ),
        source_times=guards.source_times,
    )
    return draft._replace(warnings=tuple(guards.warnings))


def _kind_of(service: ServiceName, environment: Environment, snapshot: Snapshot) -> Kind:
    """Return the kind of a service that may be new here: the one it has everywhere else.

    Raises UsageError where it has several.
    """
    if service in environment.files:
        return environment.files[service].kind
    everywhere = snapshot.environments.values()
    kinds = {e.files[service].kind for e in everywhere if service in e.files}
    if len(kinds) > 1:
        names = ", ".join(sorted(kinds))
        raise UsageError(
            f"{service} is new in {environment.name}, and elsewhere of several kinds: {names}",
            hint="say which with --kind",
        )
    return next(iter(kinds), Kind.DEPLOYMENT)


class _Guards:
    """What is asked before a version is recorded; collects what is worth a warning."""

    def __init__(
        self,
        order: Order,
        snapshot: Snapshot,
        environment: Environment,
        state: StateRepository,
        sources: Callable[[TeamSettings], Sources],
    ) -> None:
        self._order = order
        self._snapshot = snapshot
        self._environment = environment
        self._team = snapshot.team
        self._state = state
        self._sources_of = sources
        self.warnings: list[str] = []

    @cached_property
    def _sources(self) -> Sources:
        """Return the services' sources; what is recorded already needs none."""
        return self._sources_of(self._team)

    def origin(self, wanted: Mapping[ServiceName, Version]) -> Origin:
        """Return where the versions come from: what CI built, else what the source holds."""

        def is_on(branches: Sequence[str]) -> bool:
            return all(
                self._sources.of(service).is_on(version.tag, branches)
                for service, version in wanted.items()
            )

        return Origin(self._order.branch, self._order.request, is_on)

    def unexpected(self, changes: Collection[Change]) -> Iterator[Refusal]:
        """Refuse where something else is recorded than `--expect` says."""
        for change in changes:
            yield from self._unexpected(change)

    def stale(self, changes: Collection[Change]) -> Iterator[Refusal]:
        """Refuse builds that are older than what is recorded."""
        for change in changes:
            self._check_kind(change)
            yield from self._stale(change)

    def _unexpected(self, change: Change) -> Iterator[Refusal]:
        expected = self._order.expected.of(change.service)
        if expected is None or _meets(change.current, expected):
            return
        found = change.current.tag if change.current else "no version"
        error = ExpectationFailed(
            f"{change.service} in {self._environment.name}: {found} is recorded, not {expected}",
            hint="look at it again: `gitops history "
            f"{change.service} -e {self._environment.name}`, then repeat with the hash found",
        )
        yield Refusal(error, None)

    def _check_kind(self, change: Change) -> None:
        """Raise UsageError for what no image is built from: the hash of an annotated tag, a tree.

        It has the form of a commit's, so only the source can tell.
        """
        new = change.desired
        if new is None or not new.is_commit:
            return
        found = self._sources.of(change.service).named(new.tag)
        if found is None or found.commit == new.tag:
            return
        what = {"tag": "an annotated tag", "blob": "a file"}.get(found.kind, f"a {found.kind}")
        raise UsageError(
            f"{change.service}: {new.tag} is the hash of {what}, not of a commit",
            hint=f"its commit: {change.service}={found.commit}" if found.commit else None,
        )

    def _stale(self, change: Change) -> Iterator[Refusal]:
        """Ask the evidence in its order; see `Evidence`."""
        old, new = change.current, change.desired
        if old is None or new is None or not (old.is_commit and new.is_commit):
            return

        from gitops_cli.domain.past.ancestry import Age, age_by_times, age_of_build

        source = self._sources.of(change.service)
        age = age_of_build(source.distance(old.tag, new.tag))
        older, times = f"is an ancestor of {old.tag}", ""
        if age is Age.UNKNOWN:
            new_time = source.commit_time(new.tag)
            recorded_time = None
            if new_time is not None:  # else the state's history is read for nothing
                recorded_time = source.commit_time(old.tag) or self._recorded_time(change)
            if new_time is not None and recorded_time is not None:
                made, since = moment(new_time), moment(recorded_time)
                older = f"({made}) was made before {old.tag} ({since})"
                times = f"{made} and {since}"
            age = age_by_times(recorded=recorded_time, new=new_time)
            if age is not Age.STALE:
                yield from self._undecided(change, age, times, source.trouble)
        if age is Age.STALE:
            error = StaleBuild(
                f"{change.service} in {self._environment.name}: {new.tag} {older}, "
                "which is recorded: an older build would replace a newer one",
                hint="to record it all the same: --allow-older; "
                f"to go back: gitops rollback {change.service} -e {self._environment.name}",
            )
            yield Refusal(error, Override.OLDER)

    def _undecided(
        self, change: Change, age: Age, times: str, trouble: str | None
    ) -> Iterator[Refusal]:
        """Refuse what ancestry does not decide, or warn of it, where times do not object."""
        from gitops_cli.domain.past.ancestry import Age  # who compares has loaded it

        new, old = change.desired and change.desired.short, change.current and change.current.short
        message = f"{change.service}: cannot tell whether {new} is newer than {old}"
        if age is Age.FRESH:
            message = (
                f"{change.service}: that {new} is newer than {old} is concluded from the times of "
                "the two commits alone"
            )
        why = "; ".join(filter(None, (times and f"made {times}", trouble)))
        message += f" ({why})" if why else ""
        known = self._team.service(change.service).source
        hint = (
            f"say where its source is: [service.{change.service}] source = … in gitops.toml"
            if known is None
            else f"is {known} its whole source? ([service.{change.service}] in gitops.toml)"
        )
        stage = place_of(self._environment.name, self._team).stage
        if required := self._team.needs_ancestry(stage):
            error = StaleBuild(
                f"{message}, and gitops.toml has {required}",
                hint=f"{hint}; or --allow-older",
            )
            yield Refusal(error, Override.OLDER)
        else:
            self.warnings.append(f"{message}; {hint}")

    def _recorded_time(self, change: Change) -> datetime | None:
        """Return the source time that a commit which recorded the version has noted.

        The last one may be a rollback's or a person's and note nothing.
        """
        start = self._snapshot.commit
        if start is None:
            return None
        path = self._environment.files[change.service].path
        for past in self._state.past.file_history(path, start=start, limit=_LOOKED_AT):
            noted = past.made_by.trailers.get("Gitops-Source-Time")
            if noted and (past.new or b"").decode(errors="replace").strip() == str(change.current):
                return source_time_of(noted, change.service)
        return None

    def source_times(self, changes: Collection[Change]) -> dict[ServiceName, datetime]:
        """Return when the new commits were made, as far as that is known."""
        times = {
            change.service: self._sources.of(change.service).commit_time(change.desired.tag)
            for change in changes
            if change.desired is not None and change.desired.is_commit
        }
        return {service: at for service, at in times.items() if at is not None}


def _meets(found: Version | None, expected: str) -> bool:
    """Tell whether a version is the expected one; `none` expects that there is none."""
    if found is None:
        return expected.lower() == "none"
    if not found.is_commit:
        return expected in (found.tag, str(found))
    digits = expected.lower()
    return str(found).startswith(digits) and len(digits) >= 7  # as git abbreviates
