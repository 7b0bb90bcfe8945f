"""Manifests of one environment as another's: what `promote --with-manifests` copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.files import ManifestsPart
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import HeldFile
from gitops_cli.domain.recorded.manifests_place import VALUES, manifests_place
from gitops_cli.domain.text import plural
from gitops_cli.operations.env import with_namespace
from gitops_cli.operations.manifest_changes import Files, manifests_part, own_manifests

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class Copied(NamedTuple):
    """What is to be copied, if anything, and what is not, with the reason."""

    part: ManifestsPart | None
    notes: tuple[str, ...] = ()


def copy_manifests(
    state: StateRepository,
    snapshot: Snapshot,
    source: EnvironmentName,
    target: EnvironmentName,
) -> Copied:
    """Return what makes the target's own manifests those of the source, in its own namespace.

    What a stage has for itself stays: a chart's values, encrypted files, an overlay of a base that
    both have. Raises GitOpsError for what cannot be read.
    """
    reason = _reason_not_to(state, snapshot, source, target)
    if reason is not None:
        return Copied(None, (reason,))
    theirs, mine = (own_manifests(state, snapshot.commit, name) for name in (source, target))
    wanted = _moved(theirs, source, target)
    private = {path for path, held in {**mine, **wanted}.items() if _is_private(path, held)}
    kept = {path: held for path, held in mine.items() if path in private}
    wanted = {path: held for path, held in wanted.items() if path not in private}
    encrypted = sorted(path for path in private if not path.endswith(f"/{VALUES}"))
    notes = []
    if encrypted:
        notes.append(
            f"{plural(len(encrypted), 'encrypted file')} of each stage stays as it is "
            f"({encrypted[0]}): secrets are not copied"
        )
    part = manifests_part(state, snapshot, target, mine, {**wanted, **kept}, notes)
    if part is None:
        return Copied(None, (f"{target} has the manifests of {source} already", *notes))
    return Copied(part)


def _moved(files: Files, source: EnvironmentName, target: EnvironmentName) -> dict[str, HeldFile]:
    """Return the files below the target's name, with its namespace in them."""
    texts = with_namespace({p: held.data for p, held in files.items()}, source, target)
    modes = {f"{target}{path[len(source) :]}": held.mode for path, held in files.items()}
    return {path: HeldFile(modes[path], data) for path, data in texts.items()}


def _is_private(path: str, held: HeldFile) -> bool:
    """Tell whether a file is one that each stage has for itself."""
    is_values = path.count("/") == 1 and path.endswith(f"/{VALUES}")
    return is_values or (b"ENC[" in held.data and b"sops" in held.data)


def _reason_not_to(
    state: StateRepository, snapshot: Snapshot, source: EnvironmentName, target: EnvironmentName
) -> str | None:
    """Return why there is nothing to copy, or nothing that may be."""
    here, there = (snapshot.environment(name) for name in (source, target))
    place, other = (manifests_place(one, snapshot.team) for one in (here, there))
    if place is None:
        return f"{source} has no manifests: nothing to copy"
    if place == other:
        return f"{source} and {target} share {place}: what is in it holds for both already"
    if not here.has_manifests:
        return f"the manifests of {source} are {place}, which is no directory of its own"
    if other is not None and not there.has_manifests:
        return f"{target} takes its manifests from {other}: change them there"
    if there.has_manifests and (bases := bases_at(state, snapshot, place)):
        return (
            f"{place} is an overlay of {', '.join(bases)}, which {target} shares or has another "
            "of: overlays belong to their stages, and are not copied"
        )
    return None


def bases_at(state: StateRepository, snapshot: Snapshot, place: str) -> list[str]:
    """Return the directories that a kustomization of the tip is made from, beside its own."""
    from gitops_cli.manifests.kustomize import bases_of  # with YAML, where there are manifests

    return bases_of(place, lambda directory: state.files_below(snapshot.commit, directory))
