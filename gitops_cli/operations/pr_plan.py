"""A proposed promotion, planned once more on the present tip: what a merge would record now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.draft import Draft, Verb
from gitops_cli.domain.change.intent import recording, version_path
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.several import Drafts
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, parse_environment
from gitops_cli.domain.past.commits import Commit
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import APPROVAL_SUFFIX
from gitops_cli.domain.recorded.manifests_place import is_own_manifest
from gitops_cli.domain.text import one_line
from gitops_cli.operations.gates import unasked
from gitops_cli.operations.promote import Promotion, draft_promotions
from gitops_cli.operations.writing import Terms

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class ProposalPlan(NamedTuple):
    """What a merge would record; `manifests` are the files that it changes of those, too."""

    draft: Draft | Drafts
    manifests: tuple[str, ...] = ()


class _Brought(NamedTuple):
    """A request: the commit that proposes, all that it is with others merged, and from where on."""

    proposal: Commit
    whole: str
    base: str


def plan_proposal(
    state: StateRepository, snapshot: Snapshot, rev: str, *, now: datetime
) -> ProposalPlan:
    """Return what merging a proposal of `promote` records on this tip; raises what refuses it.

    Its versions are those of the proposal, its rules those of the tip. What only the machine of
    whoever promotes can ask (a cluster, a registry, a trusted program) is not asked.
    Raises UsageError for a commit that proposes no promotion, or brings more than that.
    """
    brought = _brought(state, rev, snapshot.commit)
    said = brought.proposal.trailers
    pairs = list(zip(_names(said, "From"), _names(said, "Env"), strict=False))
    proposed, before = state.snapshot(brought.whole), state.snapshot(brought.base)
    planned = [_promotion(snapshot, proposed, before, *pair) for pair in pairs]
    changed = state.past.differing(brought.base, brought.whole)
    manifests = tuple(_other_files(rev, changed, planned, proposed))
    terms = Terms(
        reason=said.get("Gitops-Reason"),
        reviewed=True,
        preview=True,
        writer=lambda: brought.proposal.author,
        vouched=unasked,
    )
    draft = draft_promotions(snapshot, planned, terms, state=state, requires=lambda *_: (), now=now)
    return ProposalPlan(draft, manifests)


def _other_files(
    rev: str, changed: Mapping[str, bool], planned: Sequence[Promotion], proposed: Snapshot
) -> Iterator[str]:
    """Yield the manifests among what changes; raises UsageError for what the plan would hide."""
    targets = [promotion.target for promotion in planned]
    shown = {
        version_path(proposed.environment(one.target), service, kind)
        for one in planned
        for service, kind in one.intent.kinds.items()
    }
    for path, is_there in changed.items():
        environment, _, leaf = path.partition("/")
        is_spent = not is_there and leaf.endswith(APPROVAL_SUFFIX) and "/" not in leaf
        if path in shown or (is_spent and environment in targets):
            continue
        if any(is_own_manifest(path, target) for target in targets):
            yield path
            continue
        raise UsageError(
            f"`{one_line(rev)}` brings more than a promotion: it changes {one_line(path)[:200]}",
            hint="its own diff shows the rest",
        )


def _brought(state: StateRepository, rev: str, tip: str | None) -> _Brought:
    """Return what a request brings; a forge may have merged the state into its branch."""
    whole = state.resolve(rev)
    commit = state.commit(whole)
    merges: list[str] = []
    while len(commit.parents) > 1:
        for merged in commit.parents[1:]:
            _need_in(state, merged, tip, rev)
        merges += commit.parents[1:]
        commit = state.commit(state.resolve(commit.parents[0]))
    said = commit.trailers
    if said.get("Gitops-Action") != Verb.PROMOTE or not _names(said, "Env") or not commit.parents:
        raise UsageError(
            f"{commit.hash[:7]} proposes no promotion", hint="name the commit that a request brings"
        )
    base = state.resolve(commit.parents[0])
    _need_in(state, base, tip, rev)
    for merged in merges:
        if state.is_ancestor(base, merged):
            base = merged
    return _Brought(commit, whole, base)


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
