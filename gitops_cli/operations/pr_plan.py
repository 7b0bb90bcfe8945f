"""A proposed promotion, planned once more on the present tip: what a merge would record now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.change.draft import Draft, Verb
from gitops_cli.domain.change.intent import recording
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.several import Drafts
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, parse_environment
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.text import one_line
from gitops_cli.operations.gates import unasked
from gitops_cli.operations.promote import Promotion, draft_promotions
from gitops_cli.operations.writing import Terms

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


def plan_proposal(
    state: StateRepository, snapshot: Snapshot, rev: str, *, now: datetime
) -> Draft | Drafts:
    """Return what merging a proposal of `promote` records on this tip; raises what refuses it.

    Its versions are those of the proposal, its rules those of the tip. What only the machine of
    whoever promotes can ask (a cluster, a registry, a trusted program) is not asked.
    Raises UsageError for a commit that proposes no promotion, or brings more than that.
    """
    commit = _proposal(state, rev, snapshot.commit)
    said = commit.trailers
    pairs = list(zip(_names(said, "From"), _names(said, "Env"), strict=False))
    if said.get("Gitops-Action") != Verb.PROMOTE or not pairs or len(commit.parents) != 1:
        raise UsageError(
            f"{commit.hash[:7]} proposes no promotion", hint="name the commit that a request brings"
        )
    proposed = state.snapshot(commit.hash)
    before = state.snapshot(state.resolve(commit.parents[0]))
    planned = [_promotion(snapshot, proposed, before, *pair) for pair in pairs]
    terms = Terms(
        reason=said.get("Gitops-Reason"),
        reviewed=True,
        preview=True,
        writer=lambda: commit.author,
        vouched=unasked,
    )
    return draft_promotions(snapshot, planned, terms, state=state, requires=lambda *_: (), now=now)


def _proposal(state: StateRepository, rev: str, tip: str | None) -> Commit:
    """Return the commit that is proposed; a forge may have merged the state into its branch."""
    commit = state.commit(state.resolve(rev))
    while len(commit.parents) > 1:
        for merged in commit.parents[1:]:
            _need_in(state, merged, tip, rev)
        commit = state.commit(state.resolve(commit.parents[0]))
    for parent in commit.parents:
        _need_in(state, parent, tip, rev)
    return commit


def _need_in(state: StateRepository, commit: str, tip: str | None, rev: str) -> None:
    """Raise UsageError for a commit that a merge would bring as well: a plan would hide it."""
    if tip is not None and state.is_ancestor(commit, tip) is False:
        raise UsageError(
            f"`{one_line(rev)}` brings more than a promotion: {commit[:7]}, which it is made from, "
            "is not in the branch",
            hint=f"`git diff {tip[:7]}...{commit[:7]}` shows the rest",
        )


def _names(said: Mapping[str, str], what: str) -> list[EnvironmentName]:
    names = said.get(f"Gitops-{what}", "").split(", ")
    return [parse_environment(name) for name in names if name]


def _promotion(
    snapshot: Snapshot,
    proposed: Snapshot,
    before: Snapshot,
    source: EnvironmentName,
    target: EnvironmentName,
) -> Promotion:
    """Return what the proposal changed in one environment, as a plan for the tip."""
    old, new = before.environment(target).versions, proposed.environment(target)
    wanted = {s: version for s, version in new.versions.items() if old.get(s) != version}
    kinds = {service: new.files[service].kind for service in wanted}
    intent = recording(snapshot.environment(target), wanted, kinds)
    changing = {change.service for change in intent.plan.changes}
    done = tuple(Change(s, v, v) for s, v in sorted(wanted.items()) if s not in changing)
    snapshot.environment(source)  # it may have gone
    return Promotion(source, target, intent, done)
