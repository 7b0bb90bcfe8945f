"""Manifests of an environment's own past: what a rollback takes back of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.files import ManifestsPart, edits_between, settle_files
from gitops_cli.domain.errors import GitOpsError, SourceMoved
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import HeldFile
from gitops_cli.domain.recorded.manifests_place import manifests_place
from gitops_cli.operations.env import with_namespace
from gitops_cli.operations.manifest_changes import (
    Files,
    manifests_part,
    own_manifests,
    planned_part,
)
from gitops_cli.operations.manifest_copy import bases_at
from gitops_cli.operations.rollback_commit import environment_then

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class TakenBack(NamedTuple):
    """What a rollback does to manifests, if anything, and what it leaves, with the reason."""

    part: ManifestsPart | None = None
    notes: tuple[str, ...] = ()


def undone_manifests(
    state: StateRepository, snapshot: Snapshot, here: Environment, commit: str
) -> TakenBack:
    """Return how what one commit did to an environment's own manifests is taken back.

    Raises SourceMoved unless each file is still the one that it wrote, or is back already.
    """
    _, *before = islice(state.past.branch_commits(commit), 2)
    new = _files_at(state, snapshot, here, commit)
    old = _files_at(state, snapshot, here, before[0]) if before else {}
    notes = _shared(state, snapshot, here, before[0] if before else None, commit)
    edits = edits_between(new, old, {*new, *old})
    settled = settle_files(edits, own_manifests(state, snapshot.commit, here.name))
    if settled.moved:
        raise SourceMoved(
            f"{here.name} has moved on since {commit[:12]}: {settled.moved[0]} was changed again",
            hint="name services to take back their versions alone, or use --to",
        )
    if not settled.write:
        return TakenBack(None, notes)
    return TakenBack(planned_part(state, snapshot, here.name, settled.write), notes)


def manifests_as_of(
    state: StateRepository, snapshot: Snapshot, here: Environment, commit: str
) -> TakenBack:
    """Return how an environment's own manifests become again what they were at a commit."""
    then = _files_at(state, snapshot, here, commit)
    now = own_manifests(state, snapshot.commit, here.name)
    notes = _shared(state, snapshot, here, commit, snapshot.commit)
    if now and not then:
        return TakenBack(None, (f"{here.name} had no manifests then: those of now stay", *notes))
    return TakenBack(manifests_part(state, snapshot, here.name, now, then), notes)


def _files_at(state: StateRepository, snapshot: Snapshot, here: Environment, commit: str) -> Files:
    """Return an environment's own manifests at a commit, under its name of today."""
    tip = snapshot.commit
    if tip is None:
        return {}
    try:
        then = state.snapshot(commit)
    except GitOpsError:
        return {}  # no state repository yet
    old = environment_then(here, then, lambda p: state.past.name_at(p, start=tip, commit=commit))
    if old is None:
        return {}
    found = own_manifests(state, commit, old.name)
    return found if old.name == here.name else _renamed(found, old.name, here.name)


def _renamed(files: Files, old: EnvironmentName, new: EnvironmentName) -> Files:
    texts = with_namespace({path: held.data for path, held in files.items()}, old, new)
    return {
        to: HeldFile(held.mode, texts.get(to, held.data))
        for path, held in files.items()
        for to in [f"{new}{path[len(old) :]}"]
    }


def _shared(
    state: StateRepository,
    snapshot: Snapshot,
    here: Environment,
    one: str | None,
    other: str | None,
) -> tuple[str, ...]:
    """Return a note for each directory that is shared with others and differs between commits."""
    place = manifests_place(here, snapshot.team)
    if place is None or one is None or other is None:
        return ()
    try:
        shared = bases_at(state, snapshot, place) if here.has_manifests else [place]
    except GitOpsError:
        return ()  # what cannot be followed, `validate` says
    return tuple(
        f"{directory} changed too, which others may share: it stays "
        f"(`git log -- {directory}`, `git revert`)"
        for directory in shared
        if state.past.held_below(one, directory) != state.past.held_below(other, directory)
    )
