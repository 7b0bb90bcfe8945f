"""Copy versions from one environment to another: plan, then write exactly the plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Draft, Verb
from gitops_cli.domain.change.intent import Intent, promotion, recording
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import (
    Refusal,
    unapproved_manifests,
    unsoaked_manifests,
)
from gitops_cli.domain.change.rules import MANIFESTS, REQUIRE, Case
from gitops_cli.domain.change.several import Drafts, together
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import NO_CHANGELOG, Changelog
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.stages import Place, place_of
from gitops_cli.domain.recorded.team import StageRules
from gitops_cli.operations.images import Images
from gitops_cli.operations.writing import Terms, Wanted, draft_versions, occasion_of
from gitops_cli.web.parallel import ask_all

if TYPE_CHECKING:
    from gitops_cli.domain.change.files import ManifestsPart
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.repository import StateRepository


Requires = Callable[[StageRules, Environment, Environment, Sequence[Change]], Iterable[Refusal]]


class Promotion(NamedTuple):
    """A promotion as it is shown: it ships these versions, wherever the source goes meanwhile.

    `manifests`: and what is copied of these; `notes` say what is not.
    """

    source: EnvironmentName
    target: EnvironmentName
    intent: Intent
    unchanged: tuple[Change, ...]
    manifests: ManifestsPart | None = None
    notes: tuple[str, ...] = ()


def plan_promotion(
    snapshot: Snapshot,
    *,
    source: EnvironmentName,
    target: EnvironmentName,
    services: Collection[ServiceName],
) -> Promotion:
    """Return what promoting the services changes in the target; raises UnknownService."""
    if source == target:
        raise UsageError(f"{source} cannot be promoted to itself", hint="--from ENV --to ENV")
    into = snapshot.environment(target)
    intent = promotion(snapshot.environment(source), into, services)
    changing = {change.service for change in intent.plan.changes}
    unchanged = tuple(
        Change(service, into.versions.get(service), into.versions.get(service))
        for service in sorted(services)
        if service not in changing
    )
    return Promotion(source, target, intent, unchanged)


def with_images(
    planned: Promotion, target: Environment, images: Images, *, pin: bool = False
) -> Promotion:
    """Return the promotion with its versions as `images` lets them pass: perhaps pinned."""
    changes = planned.intent.plan.changes
    wanted = {c.service: c.desired for c in changes if c.desired is not None}
    intent = recording(target, images(target, wanted, pin=pin), planned.intent.kinds)
    changing = {change.service for change in intent.plan.changes}
    same = (Change(c.service, c.current, c.current) for c in changes if c.service not in changing)
    return planned._replace(intent=intent, unchanged=(*planned.unchanged, *same))


def draft_promotion(
    snapshot: Snapshot,
    planned: Promotion,
    terms: Terms,
    *,
    state: StateRepository,
    requires: Requires,
    now: datetime,
) -> Draft:
    """Return what is left of the plan on this tip; raises what refuses it, and SourceMoved."""
    target = snapshot.environment(planned.target)

    def required(changes: Sequence[Change]) -> Iterator[Refusal]:
        stage = snapshot.team.stage(place_of(target.name, snapshot.team).stage)
        if stage.require or stage.soak:
            yield from requires(stage, snapshot.environment(planned.source), target, changes)

    wanted = Wanted(
        Verb.PROMOTE,
        planned.intent,
        planned.unchanged,
        planned.source,
        manifests=planned.manifests,
    )
    draft = draft_versions(
        snapshot,
        wanted,
        terms,
        state=state,
        now=now,
        case=lambda case: case._replace(
            asked={REQUIRE: required, MANIFESTS: lambda _: _ungated(case, state, snapshot)}
        ),
    )
    origin, place = (place_of(name, snapshot.team) for name in (planned.source, planned.target))
    return draft._replace(warnings=_warnings(origin, place))


def _ungated(case: Case, state: StateRepository, snapshot: Snapshot) -> Iterator[Refusal]:
    """Refuse manifests where the stage wants of versions what nobody can say of manifests."""
    if case.files and case.source is not None:
        from gitops_cli.operations.manifest_changes import last_change  # where there are some

        changed = last_change(state, snapshot, case.source)
        yield from unapproved_manifests(case.place, case.stage, reviewed=case.reviewed)
        yield from unsoaked_manifests(case.place, case.stage, case.source, changed, case.now)


def draft_promotions(
    snapshot: Snapshot,
    planned: Sequence[Promotion],
    terms: Terms,
    *,
    state: StateRepository,
    requires: Requires,
    now: datetime,
) -> Draft | Drafts:
    """Return what is left of promotions to the same stage of several projects, as one commit.

    One that is refused, or that moved, stops them all.
    """

    parts = [
        draft_promotion(snapshot, each, terms, state=state, requires=requires, now=now)
        for each in planned
    ]
    if len(parts) == 1:
        return parts[0]
    team = snapshot.team
    stage = place_of(planned[0].target, team).stage
    sources = dict.fromkeys(place_of(each.source, team).stage for each in planned)
    return together(stage, tuple(sources), parts, occasion_of(Verb.PROMOTE, terms, team))


def _warnings(origin: Place, target: Place) -> tuple[str, ...]:
    if origin.project == target.project:
        return ()
    return (f"{origin.environment} and {target.environment} are of different projects",)


def changelogs(changes: Sequence[Change], sources: Sources) -> Mapping[Change, Changelog]:
    """Return what lies between the two versions of each change; all sources are asked at once."""
    different = list(dict.fromkeys(changes))
    found = ask_all(lambda change: _changelog(change, sources), different)
    return dict(zip(different, found, strict=True))


def _changelog(change: Change, sources: Sources) -> Changelog:
    if change.current is None or change.desired is None:
        return NO_CHANGELOG
    return sources.of(change.service).changelog(change.current.tag, change.desired.tag)
