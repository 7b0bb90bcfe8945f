"""What a writer does to the manifests of an environment: files, and what that makes of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from gitops_cli.domain.change.files import (
    ManifestsPart,
    edits_between,
    settle_files,
)
from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.cluster.comparison import workload_of
from gitops_cli.domain.errors import GitOpsError, SourceMoved
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.files import MANIFESTS, HeldFile
from gitops_cli.domain.recorded.manifests_place import VALUES, is_own_manifest, manifests_place
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.operations.recorded_diff import compared_objects

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.rendered import Rendered
    from gitops_cli.state.repository import StateRepository

Files = Mapping[str, HeldFile]


def own_manifests(state: StateRepository, commit: str | None, name: EnvironmentName) -> Files:
    """Return the manifests that are an environment's own at a commit, with a chart's values.

    What it shares with others stands elsewhere.
    """
    return (
        {}
        if commit is None
        else {
            path: held
            for path, held in state.past.held_below(commit, name).items()
            if is_own_manifest(path, name)
        }
    )


def manifests_part(
    state: StateRepository,
    snapshot: Snapshot,
    name: EnvironmentName,
    now: Files,
    wanted: Files,
    notes: Sequence[str] = (),
) -> ManifestsPart | None:
    """Return what making `wanted` of an environment's own manifests does; None: nothing."""
    edits = edits_between(now, wanted, {*now, *wanted})
    return planned_part(state, snapshot, name, edits, notes) if edits else None


def planned_part(
    state: StateRepository,
    snapshot: Snapshot,
    name: EnvironmentName,
    edits: Sequence[Edit],
    notes: Sequence[str] = (),
) -> ManifestsPart:
    """Return edits of manifests with what they make of the objects."""
    part = ManifestsPart(tuple(edits), notes=tuple(notes))
    try:
        before = _rendered(state, snapshot, name, ())
        after = _rendered(state, snapshot, name, part.edits)
    except GitOpsError as error:
        note = f"what that makes of the objects cannot be told here: {error.message}"
        return part._replace(notes=(*part.notes, note))
    objects = compared_objects(before, after)
    wrong = [error.message for error in after.errors] if after is not None else []
    known = [error.message for error in before.errors] if before is not None else []
    faults = tuple(message for message in wrong if message not in known)
    changed = {(fate.id.kind, fate.id.name) for fate in objects.fates if fate.differs}
    services = frozenset(
        service
        for service, file in _environment(snapshot, name).files.items()
        if (file.kind.value, workload_of(service, snapshot.team.services)) in changed
    )
    return part._replace(objects=objects, services=services, notes=(*part.notes, *faults))


def settled_part(
    part: ManifestsPart, state: StateRepository, snapshot: Snapshot, name: EnvironmentName
) -> ManifestsPart | None:
    """Return what is left of a plan for manifests on this tip; None: it is all done.

    Raises SourceMoved where a file is neither what was seen nor what is wanted.
    """
    settled = settle_files(part.edits, own_manifests(state, snapshot.commit, name))
    if settled.moved:
        raise SourceMoved(
            f"{name} moved meanwhile, nothing was written: {settled.moved[0]} is not the file "
            "that was shown any more",
            hint="look at the new plan, then repeat the command",
        )
    if len(settled.write) == len(part.edits):
        return part
    return planned_part(state, snapshot, name, settled.write) if settled.write else None


def _environment(snapshot: Snapshot, name: EnvironmentName) -> Environment:
    return snapshot.environments.get(name) or Environment(name, None, {})


def _rendered(
    state: StateRepository, snapshot: Snapshot, name: EnvironmentName, edits: Sequence[Edit]
) -> Rendered | None:
    from gitops_cli.manifests.rendering import ToRender, render  # with YAML, where there are some

    environment = _environment(snapshot, name)
    own = dict.fromkeys(own_manifests(state, snapshot.commit, name), True)
    own |= {edit.path: edit.new is not None for edit in edits}
    has_own = any(there and path.startswith(f"{name}/{MANIFESTS}/") for path, there in own.items())
    place = manifests_place(environment._replace(has_manifests=has_own), snapshot.team)
    if place is None:
        return None

    def read(directory: str) -> Mapping[str, bytes]:
        found = dict(state.files_below(snapshot.commit, directory))
        for edit in edits:
            if edit.path.startswith(f"{directory}/"):
                found.pop(edit.path, None)
                if edit.new is not None:
                    found[edit.path] = edit.new
        return found

    at = place_of(name, snapshot.team)
    return render(ToRender.of_stage(at, place, snapshot.team.stage(at.stage)), read)


def last_change(
    state: StateRepository, snapshot: Snapshot, name: EnvironmentName
) -> datetime | None:
    """Return when an environment's own manifests changed last; None without any."""
    if snapshot.commit is None:
        return None
    places = (f"{name}/{MANIFESTS}", f"{name}/{VALUES}")
    pasts = (state.past.place_history(place, start=snapshot.commit) for place in places)
    newest = [next(iter(past), None) for past in pasts]
    return max(
        (change.commit.committed_at for change in newest if change is not None), default=None
    )
