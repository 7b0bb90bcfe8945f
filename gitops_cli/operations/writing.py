"""The one way to record versions: settle, enforce, edit, propose; then write what comes of it.

Every tip is asked anew: what is left of the intent there, and what refuses it there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar

from gitops_cli.domain.change.draft import Draft, Occasion, Verb, proposal_of, version_edits
from gitops_cli.domain.change.intent import Intent, settle
from gitops_cli.domain.change.plan import Change, Plan
from gitops_cli.domain.change.policy import Override, need_confirmation
from gitops_cli.domain.change.proposal import Actor, Edit, Proposal, Written
from gitops_cli.domain.change.rules import Case, obeyed
from gitops_cli.domain.errors import SourceMoved
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import StageRules, TeamSettings
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version
from gitops_cli.operations.unreadable import spoiled_contents

if TYPE_CHECKING:
    from gitops_cli.domain.change.files import ManifestsPart
    from gitops_cli.domain.change.gates import Report
    from gitops_cli.domain.change.rules import Ask
    from gitops_cli.operations.gates import Checking, Vouches
    from gitops_cli.state.repository import StateRepository

SECONDS = 300.0

# Raises what would keep the environment's cluster from getting what is to be written.
Foresee = Callable[[EnvironmentName, TeamSettings], None]


def nobody_follows(_environment: EnvironmentName, _team: TeamSettings) -> None:
    """Foresee nothing: what is written is all."""


class Terms(NamedTuple):
    """What is overridden, why, in which CI run, and which environment was confirmed by name.

    `confirmed` may be several, with commas. `reviewed`: it goes to a branch that somebody merges.
    `preview`: nothing will be written on these terms, so nobody has to confirm it. `newcomers` are
    services that a person wants to make. `writer` knows who they are, `checking` asks checks,
    `vouched` knows whose images are signed.
    """

    overrides: Collection[Override] = ()
    reason: str | None = None
    run: str | None = None
    confirmed: str | None = None
    reviewed: bool = False
    preview: bool = False
    newcomers: tuple[ServiceName, ...] = ()
    writer: Callable[[], Actor | None] = lambda: None
    checking: Checking | None = None
    vouched: Vouches | None = None


class Wanted(NamedTuple):
    """What a writer wants of one environment; `unchanged` was so already when it was planned.

    `source` is where the versions come from. `files`, `manifests` and `locks` are written with
    them, and `locks` hold their services.
    """

    verb: Verb
    intent: Intent
    unchanged: tuple[Change, ...] = ()
    source: EnvironmentName | None = None
    files: tuple[Edit, ...] = ()
    locks: Mapping[ServiceName, Edit] = MappingProxyType({})
    manifests: ManifestsPart | None = None


def draft_versions(
    snapshot: Snapshot,
    wanted: Wanted,
    terms: Terms,
    *,
    state: StateRepository,
    now: datetime,
    case: Callable[[Case], Case] = lambda case: case,
    source_times: Callable[[Sequence[Change]], Mapping[ServiceName, datetime]] = lambda _: {},
) -> Draft:
    """Return what is left of a wish on this tip.

    `case` adds what only this writer's rules ask. Raises SourceMoved where the tip holds neither
    what was seen nor what is wanted, Unconfirmed for a protected stage, and what refuses a write.
    """
    name = EnvironmentName(wanted.intent.plan.environment)
    target = snapshot.environments.get(name) or Environment(name, None, {})
    settled = settle(wanted.intent.plan, target)
    if settled.moved:
        raise moved(name, wanted.intent.plan, settled.moved)
    manifests = _settled_manifests(wanted, state, snapshot, name)
    asked = Case(
        wanted.verb,
        snapshot.team,
        target,
        settled.write,
        now,
        wanted={c.service: c.desired for c in settled.write if c.desired is not None},
        source=wanted.source,
        reviewed=terms.reviewed,
        files=bool(wanted.files) or manifests is not None,
        touched=frozenset() if manifests is None else manifests.services,
    )
    asked = case(asked)
    told: list[Report] = []
    if asked.stage.asks:
        gates = _gates(state, snapshot, asked, terms, told)
        asked = asked._replace(asked={**gates, **asked.asked})
    used = obeyed(asked, terms.overrides)
    if settled.write or asked.files:
        check_confirmed(name, asked.stage, terms)
    spoiled = spoiled_contents(state, snapshot, target)
    edits = version_edits(target, settled.write, wanted.intent.kinds, spoiled=spoiled)
    occasion = occasion_of(wanted.verb, terms, snapshot.team)._replace(
        source=wanted.source, source_times=source_times(settled.write), overrides=used
    )
    spent = _spent(state, snapshot, target, settled.write)
    written = () if manifests is None else manifests.edits
    files = (*edits, *wanted.files, *written, *wanted.locks.values(), *spent)
    held = tuple(sorted(wanted.locks))
    return Draft(
        wanted.verb,
        name,
        settled.write,
        (*wanted.unchanged, *settled.done),
        proposal_of(name, settled.write, files, occasion, held=held, manifests=manifests),
        source=wanted.source,
        reason=terms.reason,
        overrides=used,
        held=held,
        gates=tuple(told),
        manifests=manifests,
    )


def _gates(
    state: StateRepository, snapshot: Snapshot, case: Case, terms: Terms, told: list[Report]
) -> Mapping[str, Ask]:
    """Return the gates of the stage as rules; `told` takes what they say when they are asked."""
    from gitops_cli.operations.gates import Gates, nobody  # few stages have some

    asking = (terms.checking, terms.vouched or nobody)
    target, source = case.target, case.source
    return Gates(state, snapshot, target, source, terms.writer, case.now, told, *asking).asked()


def _settled_manifests(
    wanted: Wanted, state: StateRepository, snapshot: Snapshot, name: EnvironmentName
) -> ManifestsPart | None:
    if wanted.manifests is None:
        return None
    from gitops_cli.operations.manifest_changes import settled_part  # where there are some

    return settled_part(wanted.manifests, state, snapshot, name)


def occasion_of(verb: Verb, terms: Terms, team: TeamSettings) -> Occasion:
    """Return what a commit says of why it is made, and how the team wants it said."""
    rules = team.commit
    # A forge would not run the checks of a request whose commit says so, and never merge it.
    skip_ci = rules.skip_ci and not terms.reviewed
    return Occasion(verb, terms.reason, terms.run, rules=rules._replace(skip_ci=skip_ci))


def _spent(
    state: StateRepository, snapshot: Snapshot, target: Environment, changes: Sequence[Change]
) -> tuple[Edit, ...]:
    """Return the removal of approvals of what is recorded now: nobody approved it for next time."""
    spent = [
        approval
        for change in changes
        if (approval := target.approvals.get(change.service)) is not None
        and change.desired is not None
        and approval.names(change.desired)
    ]
    if not spent:
        return ()
    content = state.contents(snapshot.commit, f"{target.name}/")
    return tuple(Edit(approval.path, content.get(approval.path), None) for approval in spent)


def pins(environment: EnvironmentName, team: TeamSettings, terms: Terms) -> bool:
    """Tell whether digests are recorded there, by which images are vouched for."""
    rules = team.stage(place_of(environment, team).stage)
    return rules.pins and Override.POLICY not in terms.overrides


def check_confirmed(environment: EnvironmentName, rules: StageRules, terms: Terms) -> None:
    """Raise Unconfirmed if what will be written in a protected stage was not confirmed."""
    if not terms.preview:
        need_confirmation(environment, rules, confirmed=terms.confirmed, reason=terms.reason)


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


class Proposing(Protocol):
    """Whatever knows the commit it would be."""

    @property
    def proposal(self) -> Proposal: ...


D = TypeVar("D", bound=Proposing)


def write_draft(
    state: StateRepository,
    compute: Callable[[Snapshot], D],
    *,
    actor: Actor | None = None,
    timeout: float | None = None,
    branch: str | None = None,
) -> tuple[D, Written]:
    """Write what `compute` makes of the tip; whatever it raises ends the write.

    `branch`: as the one commit of a branch to be merged, not of the state itself.
    """
    drafts: list[D] = []

    def propose(snapshot: Snapshot) -> Proposal:
        drafts.append(compute(snapshot))
        return drafts[-1].proposal

    seconds = SECONDS if timeout is None else timeout
    if branch is None:
        written = state.write(propose, actor=actor, timeout=seconds)
    else:
        written = state.write_aside(branch, propose, actor=actor, timeout=seconds)
    return drafts[-1], written


def preview(state: StateRepository, compute: Callable[[Snapshot], D]) -> D:
    """Return what would be written on the remote's tip, and write nothing."""
    return compute(state.snapshot(state.tip().commit))
