"""Which rules a writer is held to: one table, in the order in which they are asked.

docs/changing-versions.md shows it to people; tests/domain/test_rules.py holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from functools import partial
from types import MappingProxyType

from gitops_cli.domain.change.draft import Verb
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import (
    GateRefused,
    Origin,
    Override,
    Refusal,
    enforce,
    frozen,
    locked,
    needs_review,
    unsettled,
    wrong_branch,
    wrong_form,
    wrong_source,
)
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.stages import Place, place_of
from gitops_cli.domain.recorded.team import Gate, StageRules, TeamSettings
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version

Ask = Callable[[Sequence[Change]], Iterable[Refusal]]


class Case(NamedTuple):
    """What a writer wants on one tip, as far as a rule may ask.

    `wanted` are the versions whose form is judged, those that are recorded already too. `reviewed`:
    it goes to a branch that somebody merges.
    `by_branch`: `origin` says where the commits come from. `asked` has
    the rules that need more than the repository, by their names. `whole`: the environment itself
    is moved or removed, with whatever is in it. `files`: others than version files are written,
    and `touched` are the services whose workloads are in them.
    """

    verb: Verb
    team: TeamSettings
    target: Environment
    changes: tuple[Change, ...]
    now: datetime
    wanted: Mapping[ServiceName, Version] = MappingProxyType({})
    source: EnvironmentName | None = None
    reviewed: bool = False
    by_branch: bool = False
    origin: Origin = Origin()
    asked: Mapping[str, Ask] = MappingProxyType({})
    whole: bool = False
    files: bool = False
    touched: frozenset[ServiceName] = frozenset()

    @property
    def writes(self) -> bool:
        """Tell whether anything would be written; else no rule is asked."""
        return bool(self.changes) or self.whole or self.files

    @property
    def services(self) -> frozenset[ServiceName]:
        """Return the services that are changed."""
        return self.touched.union(change.service for change in self.changes)

    @property
    def place(self) -> Place:
        """Return where the target belongs."""
        return place_of(self.target.name, self.team)

    @property
    def stage(self) -> StageRules:
        """Return what is agreed for the target's stage."""
        return self.team.stage(self.place.stage)


class Cost(IntEnum):
    """What a rule asks; a gate that refuses is told with those that cost no more than it did."""

    NOTHING = 0
    REGISTRY = 1
    OTHERS = 2


class Rule(NamedTuple):
    """One rule: whom it holds up, which flag lets it through (None: none does), what it asks."""

    name: str
    verbs: frozenset[Verb]
    override: Override | None
    ask: Callable[[Case], Iterator[Refusal]]
    cost: Cost = Cost.NOTHING


def _settings(case: Case) -> Iterator[Refusal]:
    if case.writes:
        yield from unsettled(case.place, case.services, case.team)


def _form(case: Case) -> Iterator[Refusal]:
    for service, version in case.wanted.items():
        yield from wrong_form(service, version, case.team)


def _mode(case: Case) -> Iterator[Refusal]:
    if case.writes and not case.reviewed:
        yield from needs_review(case.place, case.stage)


def _promote_from(case: Case) -> Iterator[Refusal]:
    if case.writes and case.source is not None:
        yield from wrong_source(place_of(case.source, case.team), case.place, case.stage)


def _branches(case: Case) -> Iterator[Refusal]:
    if case.writes and case.by_branch:
        yield from wrong_branch(case.origin, case.place, case.stage)


def _freeze(case: Case) -> Iterator[Refusal]:
    if case.writes:
        yield from frozen(case.place, case.stage, case.now)


def _lock(case: Case) -> Iterator[Refusal]:
    if case.writes:
        within = [service for service in case.target.locks if service is not None]
        yield from locked(case.target, within if case.whole else case.services, case.now)


def _asked(name: str, case: Case) -> Iterator[Refusal]:
    if case.writes and name in case.asked:
        yield from case.asked[name](case.changes)


EXPECT, STALE, REQUIRE, MANIFESTS = "expect", "stale build", "require", "manifests"
SOAK, APPROVALS, CHECK = Gate.SOAK.value, Gate.APPROVALS.value, Gate.CHECK.value
SIGNATURE, ATTESTATION = Gate.SIGNATURE.value, Gate.ATTESTATION.value

_STAYS = frozenset({Verb.ROLLBACK, Verb.CAPTURE})  # what runs, or ran here
_BRINGS = frozenset({Verb.SET, Verb.PROMOTE, Verb.ENV})  # versions that were not here before
_TAKES = frozenset({Verb.REMOVE, Verb.RENAME})  # what runs is recorded no more, or elsewhere

RULES = (
    Rule("gitops.toml", _BRINGS | _TAKES | {Verb.CAPTURE}, None, _settings),
    Rule("form", _BRINGS, None, _form),
    Rule("mode", _BRINGS | _TAKES | {Verb.CAPTURE}, Override.POLICY, _mode),
    Rule("promote_from", frozenset({Verb.PROMOTE, Verb.ENV}), Override.POLICY, _promote_from),
    Rule("branches", frozenset({Verb.SET}), Override.POLICY, _branches),
    Rule("freeze", _BRINGS | _TAKES, Override.FREEZE, _freeze),
    Rule("lock", _STAYS | _TAKES | {Verb.SET, Verb.PROMOTE}, Override.LOCK, _lock),
    Rule(EXPECT, frozenset({Verb.SET}), None, partial(_asked, EXPECT)),
    Rule(STALE, frozenset({Verb.SET}), Override.OLDER, partial(_asked, STALE)),
    Rule(SOAK, _BRINGS, Override.POLICY, partial(_asked, SOAK)),
    Rule(APPROVALS, _BRINGS, Override.POLICY, partial(_asked, APPROVALS)),
    Rule(MANIFESTS, frozenset({Verb.PROMOTE}), Override.POLICY, partial(_asked, MANIFESTS)),
    Rule(SIGNATURE, _BRINGS, Override.POLICY, partial(_asked, SIGNATURE), Cost.REGISTRY),
    Rule(ATTESTATION, _BRINGS, Override.POLICY, partial(_asked, ATTESTATION), Cost.REGISTRY),
    Rule(
        REQUIRE,
        frozenset({Verb.PROMOTE, Verb.ENV}),
        Override.POLICY,
        partial(_asked, REQUIRE),
        Cost.OTHERS,
    ),
    Rule(CHECK, _BRINGS, Override.POLICY, partial(_asked, CHECK), Cost.OTHERS),
)


def refusals(case: Case, refused: Collection[object] = ()) -> Iterator[Refusal]:
    """Yield what refuses the case, rule by rule; what costs a connection comes last.

    Once something stands in `refused`, nothing is asked that costs more than what was.
    """
    cost = Cost.NOTHING
    for rule in RULES:
        if case.verb in rule.verbs:
            if refused and rule.cost > cost:
                return
            cost = rule.cost
            yield from rule.ask(case)


def obeyed(case: Case, overrides: Collection[Override]) -> tuple[Override, ...]:
    """Return the overrides that the case needs; raises what refuses it in spite of them."""
    refused: list[GateRefused] = []
    return enforce(refusals(case, refused), overrides, refused)
