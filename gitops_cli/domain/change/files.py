"""An environment's manifests before and after a write, file by file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.proposal import Edit
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.files import HeldFile
from gitops_cli.domain.text import plural

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.report import EnvironmentObjects


class ManifestsPart(NamedTuple):
    """What a write does to the manifests of an environment.

    `objects` go from what is recorded to what will be; None: that could not be told here.
    `services` are those whose workloads are among them, `notes` what is not done, and why.
    """

    edits: tuple[Edit, ...] = ()
    objects: EnvironmentObjects | None = None
    services: frozenset[ServiceName] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """Return what it is about in a few words."""
        if len(self.edits) == 1:
            return f"the manifest {self.edits[0].path.rpartition('/')[2]}"
        return plural(len(self.edits), "manifest")

    def reversed(self) -> ManifestsPart:
        """Return what takes it back."""
        back = tuple(Edit(edit.path, edit.new, edit.old) for edit in self.edits)
        return ManifestsPart(back, services=self.services)


class SettledFiles(NamedTuple):
    """Edits held against a tip: what is left to write, and the paths that are something else."""

    write: tuple[Edit, ...]
    moved: tuple[str, ...]


def edits_between(
    now: Mapping[str, HeldFile], wanted: Mapping[str, HeldFile], paths: Collection[str]
) -> tuple[Edit, ...]:
    """Return the edits that make these paths what they are in `wanted`."""
    return tuple(
        _edit(path, now.get(path), wanted.get(path))
        for path in sorted(paths)
        if now.get(path) != wanted.get(path)
    )


def _edit(path: str, now: HeldFile | None, wanted: HeldFile | None) -> Edit:
    old = None if now is None else now.data
    return Edit(path, old, None) if wanted is None else Edit(path, old, wanted.data, wanted.mode)


def settle_files(edits: Iterable[Edit], now: Mapping[str, HeldFile]) -> SettledFiles:
    """Sort edits by what their files are now: as they were seen, as wanted, or something else."""
    write: list[Edit] = []
    moved: list[str] = []
    for edit in edits:
        held = now.get(edit.path)
        data = None if held is None else held.data
        if data == edit.old:
            write.append(edit)
        elif data != edit.new:
            moved.append(edit.path)
    return SettledFiles(tuple(write), tuple(moved))
