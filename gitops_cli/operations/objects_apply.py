"""One object: applied, or tried without a trace, and what that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.cluster.advice import make_anew
from gitops_cli.domain.cluster.imagepatch import Stamp
from gitops_cli.domain.cluster.sync import BY_HAND
from gitops_cli.domain.cluster.workload import COMMIT
from gitops_cli.domain.cluster.writers import FIELD_MANAGER
from gitops_cli.domain.errors import ClusterError, GitOpsError
from gitops_cli.domain.manifests.changes import ObjectChange, change, made
from gitops_cli.domain.manifests.clashing import DUPLICATE, clashes, conflicts, settled
from gitops_cli.domain.manifests.dropping import (
    dropped,
    released,
    with_dropped,
    without_released,
)
from gitops_cli.domain.manifests.objects import without_null
from gitops_cli.domain.manifests.report import (
    Conflict,
    Fate,
    FieldsTaken,
    ObjectFate,
    taken_message,
)
from gitops_cli.domain.manifests.stamping import annotations_for, is_note, stamped
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.team import DriftPolicy
from gitops_cli.operations.objects_seen import WantedObject
from gitops_cli.operations.ports import Manifests

_IMMUTABLE = (
    "is immutable",
    "updates to statefulset spec",
    "may not be changed",
    "may not change",
    "cannot change roleRef",
)
_TRIES = 5
_VOLUMES = frozenset({("", "PersistentVolumeClaim"), ("", "PersistentVolume")})
# What is written into it goes with it.
_ENDING = "it is being deleted, and something holds it up: its finalizers say what; sync again then"
_TAKE = "--take-ownership makes the repository's values hold; or leave these fields to them there"


class Applying(NamedTuple):
    """How objects of one cluster are applied. `take`: fields of other managers, too.

    `drift`: what is done about what people changed by hand.

    `sign` tells what is noted on objects; it is asked only where something is applied.
    `reason_to_leave` says of a recorded state commit why its object is left alone, if it is.
    """

    store: Manifests
    sign: Callable[[], Stamp]
    context: str | None
    reason_to_leave: Callable[[str | None], str | None]
    dry_run: bool
    take: bool = False
    drift: DriftPolicy | None = None

    def settled(self, one: WantedObject) -> ObjectFate | None:
        """Return what becomes of an object that needs no request; None: it is to be applied."""
        id_, where = one.manifest.id, one.manifest.where
        if one.problem is not None:
            return ObjectFate(id_, where, Fate.ERROR, error=one.problem)
        if one.live is not None and one.live.ending:
            return ObjectFate(id_, where, Fate.LEFT, reason=_ENDING)
        if one.is_as_applied:
            return ObjectFate(id_, where, Fate.SAME)
        if one.live is not None:
            reason = self.reason_to_leave(one.live.annotations.get(COMMIT))
            if reason is not None:
                return ObjectFate(id_, where, Fate.LEFT, reason=reason)
            if self.drift is DriftPolicy.REPORT and one.is_by_hand:
                return ObjectFate(id_, where, Fate.LEFT, reason=BY_HAND)
        if one.pending and self.dry_run:
            reason = "the server can judge it once its namespace and its kind are there"
            return ObjectFate(
                id_, where, Fate.CREATED, made(id_.type, one.manifest.content), reason
            )
        return None

    def __call__(self, environment: EnvironmentName, one: WantedObject) -> ObjectFate:
        """Apply an object, and return what that changed; what fails is in its fate."""
        id_, where = one.manifest.id, one.manifest.where
        try:
            before = self.store.get(one.manifest) if one.live is not None else None
            notes = annotations_for(one.owned, before, self.sign())
            content = stamped(one.content, environment, one.manifest.digest, notes)
            gone = dropped(before or {}, content)
            if before is not None and gone and not self.dry_run:
                self._let_go(one, before, content)
            taken, result = self._apply_settled(one, before, content)
        except FieldsTaken as error:
            error.hint = _TAKE
            return ObjectFate(id_, where, Fate.CHANGED, error=error)
        except GitOpsError as error:
            return ObjectFate(id_, where, Fate.ERROR, error=self._advised(one, error))
        if before is None:
            return ObjectFate(id_, where, Fate.CREATED, made(id_.type, one.content))
        if self.dry_run:
            result = without_released(result, before, gone)
        found = change(id_.type, before, result, with_dropped(content, before, gone))
        if taken is not None:
            return ObjectFate(id_, where, Fate.CHANGED, found, error=taken)
        return ObjectFate(id_, where, _fate(one, found), found)

    def _let_go(
        self, one: WantedObject, before: Mapping[str, Any], content: Mapping[str, Any]
    ) -> None:
        """Let people's tools hold no field that leaves the repository: it would stay for ever."""
        live: Mapping[str, Any] | None = before
        for _ in range(_TRIES):
            managers = released(live, dropped(live, content)) if live is not None else None
            if live is None or managers is None:
                return
            operation = {"op": "replace", "path": "/metadata/managedFields", "value": managers}
            if self.store.amend(one.manifest, live, [operation]):
                return
            live = self.store.get(one.manifest)
        raise ClusterError(f"cannot apply {one.manifest.id}: somebody changes it all the time")

    def _apply_settled(
        self, one: WantedObject, before: Mapping[str, Any] | None, content: Mapping[str, Any]
    ) -> tuple[FieldsTaken | None, dict[str, Any]]:
        """Do as `_apply`, also where somebody gave ports of the object other numbers."""
        try:
            return self._apply_said(one, content)
        except FieldsTaken:
            raise
        except GitOpsError as error:
            found = clashes(before or {}, content) if DUPLICATE in error.message else []
            if before is None or not found:
                raise
            told = conflicts(found)
            if not (self.take or all(_is_ours(c) or self._mends(one, c) for c in told)):
                taken = FieldsTaken(taken_message(one.manifest.id, told), told, hint=_TAKE)
                if self.dry_run:
                    return taken, settled(before, found)
                raise taken from error
            if self.dry_run:
                return None, settled(before, found)
            if not self.store.amend(one.manifest, before, [c.operation for c in found]):
                raise
            return self._apply_said(one, content)

    def _apply_said(
        self, one: WantedObject, content: Mapping[str, Any]
    ) -> tuple[FieldsTaken | None, dict[str, Any]]:
        """Apply a content with what is null, or without it where the server takes no null there."""
        try:
            return self._apply(one, content)
        except FieldsTaken:
            raise
        except GitOpsError as error:
            plain = without_null(content)
            if "null" not in error.message or plain == content:
                raise
            return self._apply(one, plain)

    def _mends(self, one: WantedObject, conflict: Conflict) -> bool:
        return self.drift is DriftPolicy.CORRECT and one.is_by_hand and _is_by_person(conflict)

    def _apply(
        self, one: WantedObject, content: Mapping[str, Any]
    ) -> tuple[FieldsTaken | None, dict[str, Any]]:
        """Return the object after it was applied, and who has fields if that was only tried."""
        manifest = one.manifest
        try:
            return None, self.store.apply(manifest, content, dry_run=self.dry_run, force=self.take)
        except FieldsTaken as taken:
            if all(_is_ours(c) or self._mends(one, c) for c in taken.conflicts):
                return None, self.store.apply(manifest, content, dry_run=self.dry_run, force=True)
            if not self.dry_run:
                raise
            taken.hint = _TAKE
            return taken, self.store.apply(manifest, content, dry_run=True, force=True)

    def _advised(self, one: WantedObject, error: GitOpsError) -> GitOpsError:
        """Name the way out where a field cannot be changed in an object that exists."""
        if one.live is not None and any(words in error.message for words in _IMMUTABLE):
            id_ = one.manifest.id
            if id_.type in _VOLUMES:
                error.hint = (
                    "take the change back, or give it another name: a volume made anew is empty"
                )
                return error
            anew = make_anew(str(id_), id_.namespace, self.context)
            error.hint = f"to make it anew, with what that interrupts: {anew}; then sync"
        return error


def _is_ours(conflict: Conflict) -> bool:
    """Tell whether nobody else loses anything.

    Our own image patches are another manager to the server, by the same name; and what we note on
    objects is nobody else's.
    """
    return conflict.manager == FIELD_MANAGER or all(map(is_note, conflict.fields))


def _is_by_person(conflict: Conflict) -> bool:
    """Tell whether it was kubectl. What a controller has, it would take again: that had no end."""
    return conflict.manager.startswith("kubectl")


def _fate(one: WantedObject, found: ObjectChange) -> Fate:
    if not found.is_empty:
        return Fate.CHANGED
    return Fate.ADOPTED if one.live is not None and one.live.ours is None else Fate.SAME
