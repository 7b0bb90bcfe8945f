"""Change images: the only code that writes to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import RESOURCES, Api, Doing, Refused, Unreadable
from gitops_cli.cluster.decoding import Decodes
from gitops_cli.cluster.parse import AnyWorkload, workload
from gitops_cli.cluster.reading import read_one
from gitops_cli.domain.cluster.imagepatch import ImagePatch, Moved, Patched
from gitops_cli.domain.cluster.workload import Workload
from gitops_cli.domain.cluster.writers import FIELD_MANAGER
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.web.parallel import attempt_all

_TYPE = "application/json-patch+json"


def apply_all(
    api: Api,
    patches: Sequence[ImagePatch],
    *,
    dry_run: bool,
    done: Callable[[ImagePatch, Patched | Moved | GitOpsError], None],
    stop: Callable[[], bool] | None = None,
) -> None:
    """Send patches over the pool; `done` hears of each as it ends, in the order they end."""
    attempt_all(lambda patch: apply(api, patch, dry_run=dry_run), patches, done=done, stop=stop)


def apply(api: Api, patch: ImagePatch, *, dry_run: bool = False) -> Patched | Moved:
    """Send one patch. `Moved`: the workload is no longer as it was read, nothing was changed.

    Trying again after a broken connection is safe: if the first try arrived, the patch's own
    tests fail. Raises Denied, ClusterError.
    """
    was = patch.workload
    doing = Doing("patch", RESOURCES[was.kind], was.namespace, was.name)
    query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
    try:
        response = api.call(
            doing,
            "PATCH",
            path=doing.path(**query),
            body=patch.operations(),
            content_type=_TYPE,
        )
        answer = api.decoded(doing, response.body, _decoder(was.kind))
        return Patched(_read(api, doing, was.kind, answer), response.warnings)
    except Refused as refused:
        if not _may_have_moved(refused):
            raise
    except Unreadable as unreadable:
        if dry_run:
            raise
        return _look_after(api, patch, unreadable)
    return _look(api, patch)


def _may_have_moved(refused: Refused) -> bool:
    # A failed `test` and an absent path are a 422 without details; a real fault has causes.
    return refused.status in (404, 409) or (refused.status == 422 and not refused.has_details)


def _look_after(api: Api, patch: ImagePatch, unreadable: Unreadable) -> Patched | Moved:
    """GET what became of a patch that was taken, but with an answer that says nothing."""
    try:
        return _look(api, patch)
    except Unreadable:
        message = f"{unreadable.message}; whether it was changed is not known"
        raise Unreadable(message) from unreadable


def _look(api: Api, patch: ImagePatch) -> Patched | Moved:
    """GET what it is now: perhaps our own patch whose answer was lost."""
    was = patch.workload
    now = read(api, was)
    if now is not None and patch.is_applied_to(now) and _by_us(patch, now):
        return Patched(now)
    return Moved(now)


def _by_us(patch: ImagePatch, now: Workload) -> bool:
    return all((now.annotations or {}).get(k) == v for k, v in patch.annotations.items())


def read(api: Api, was: Workload) -> Workload | None:
    """Return a workload as it is now; None if it is gone or is another one of its name."""
    doing = Doing("get", RESOURCES[was.kind], was.namespace, was.name)
    answer = api.find(doing, _decoder(was.kind))
    return None if answer is None else _read(api, doing, was.kind, answer)


def _decoder(kind: Kind) -> Decodes[AnyWorkload]:
    return schema.ITEMS.get(kind.value, schema.WORKLOAD)


def _read(api: Api, doing: Doing, kind: Kind, answer: AnyWorkload) -> Workload:
    return read_one(api, doing, answer, lambda item: workload(kind, item))
