"""Copy versions from one environment to another: plan, then write exactly the plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Draft, Occasion, Verb, proposal_of, version_edits
from gitops_cli.domain.change.intent import Intent, promotion, recording, settle
from gitops_cli.domain.change.plan import Change, Plan
from gitops_cli.domain.change.policy import (
    Refusal,
    enforce,
    frozen,
    locked,
    needs_review,
    wrong_form,
    wrong_source,
)
from gitops_cli.domain.errors import SourceMoved, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.ancestry import NO_CHANGELOG, Changelog
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.stages import Place, place_of
from gitops_cli.domain.recorded.team import StageRules
from gitops_cli.domain.version import Version
from gitops_cli.operations.images import Images
from gitops_cli.operations.parallel import ask_all
from gitops_cli.operations.terms import Terms
from gitops_cli.operations.unreadable import spoiled_contents

if TYPE_CHECKING:
    from gitops_cli.source.repository import Sources
    from gitops_cli.state.repository import StateRepository


Requires = Callable[[StageRules, Environment, Environment, Sequence[Change]], Iterable[Refusal]]


class Promotion(NamedTuple):
    """A promotion as it is shown: it ships these versions, wherever the source goes meanwhile."""

    source: EnvironmentName
    target: EnvironmentName
    intent: Intent
    unchanged: tuple[Change, ...]


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


def with_images(planned: Promotion, target: Environment, images: Images) -> Promotion:
    """Return the promotion with its versions as `images` lets them pass: perhaps pinned."""
    changes = planned.intent.plan.changes
    wanted = {c.service: c.desired for c in changes if c.desired is not None}
    intent = recording(target, images(target, wanted), planned.intent.kinds)
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
    team = snapshot.team
    target = snapshot.environment(planned.target)
    settled = settle(planned.intent.plan, target)
    if settled.moved:
        raise moved(planned.target, planned.intent.plan, settled.moved)
    refusals = policy(
        snapshot, planned.source, target, settled.write, terms, requires=requires, now=now
    )
    used = enforce(refusals, terms.overrides)
    occasion = Occasion(
        Verb.PROMOTE,
        terms.reason,
        terms.run,
        source=planned.source,
        overrides=used,
        # A forge would not run the checks of a request whose commit says so, and never merge it.
        skip_ci=team.skip_ci and not terms.reviewed,
    )
    edits = version_edits(
        target,
        settled.write,
        planned.intent.kinds,
        spoiled=spoiled_contents(state, snapshot, target),
    )
    return Draft(
        Verb.PROMOTE,
        target.name,
        settled.write,
        (*planned.unchanged, *settled.done),
        proposal_of(target.name, settled.write, edits, occasion),
        source=planned.source,
        reason=terms.reason,
        overrides=used,
        warnings=_warnings(place_of(planned.source, team), place_of(target.name, team)),
    )


def policy(
    snapshot: Snapshot,
    source: EnvironmentName,
    target: Environment,
    changes: Sequence[Change],
    terms: Terms,
    *,
    requires: Requires,
    now: datetime,
) -> Iterator[Refusal]:
    """Yield what refuses to copy versions from one environment to another, if there are any."""
    if not changes:
        return
    team = snapshot.team
    place = place_of(target.name, team)
    rules = team.stage(place.stage)
    for change in changes:
        if change.desired is not None:
            yield from wrong_form(change.service, change.desired, team)
    if not terms.reviewed:
        yield from needs_review(place, rules)
    yield from wrong_source(place_of(source, team), place, rules)
    yield from frozen(place, rules, now)
    yield from locked(target, [change.service for change in changes], now)
    if rules.require:
        yield from requires(rules, snapshot.environment(source), target, changes)


def _warnings(origin: Place, target: Place) -> tuple[str, ...]:
    if origin.project == target.project:
        return ()
    return (f"{origin.environment} and {target.environment} are of different projects",)


def moved(environment: EnvironmentName, plan: Plan, now: Collection[Change]) -> SourceMoved:
    """Return the refusal for changes of a plan that found another version than was shown."""
    shown = {change.service: change.current for change in plan.changes}
    what = "; ".join(
        f"{change.service} is {_short(change.current)}, shown was {_short(shown[change.service])}"
        for change in now
    )
    return SourceMoved(
        f"{environment} moved meanwhile, nothing was written: {what}",
        hint="look at the new plan, then repeat the command",
    )


def _short(version: Version | None) -> str:
    return version.short if version else "absent"


def changelogs(changes: Sequence[Change], sources: Sources) -> Mapping[ServiceName, Changelog]:
    """Return what lies between the two versions of each change; all sources are asked at once."""
    found = ask_all(lambda change: _changelog(change, sources), changes)
    return {change.service: log for change, log in zip(changes, found, strict=True)}


def _changelog(change: Change, sources: Sources) -> Changelog:
    if change.current is None or change.desired is None:
        return NO_CHANGELOG
    return sources.of(change.service).changelog(change.current.tag, change.desired.tag)
