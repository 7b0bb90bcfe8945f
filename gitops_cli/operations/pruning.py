"""Objects that have left the repository: listed always, removed when that was said."""

from __future__ import annotations

from typing import NamedTuple

from gitops_cli.domain.cluster.workload import COMMIT
from gitops_cli.domain.errors import Blocked, GitOpsError
from gitops_cli.domain.manifests.applyset import PART_OF
from gitops_cli.domain.manifests.kinds import CRD
from gitops_cli.domain.manifests.lookup import Lookup
from gitops_cli.domain.manifests.ownership import Live
from gitops_cli.domain.manifests.pruning import is_many, reason_not_to_prune, reason_to_keep
from gitops_cli.domain.manifests.report import Fate, ObjectFate
from gitops_cli.domain.text import plural
from gitops_cli.operations.objects_apply import Applying
from gitops_cli.operations.objects_seen import Leftover, Looked
from gitops_cli.operations.ports import Manifests
from gitops_cli.web.parallel import attempt_all

_TRIES = 3
_ASK = "it left the repository; `gitops sync --prune` removes it"


class Pruned(NamedTuple):
    """What became of an environment's leftovers; `problem`: why none of them was removed."""

    fates: tuple[ObjectFate, ...] = ()
    problem: GitOpsError | None = None


def leftover_fates(looked: Looked, store: Manifests) -> list[ObjectFate]:
    """Return what is said of an environment's leftovers where nothing is removed."""
    return [
        _kept(one, store) or ObjectFate(one.id, None, Fate.EXTRA, reason=_ASK)
        for one in looked.leftovers
    ]


def prune(looked: Looked, applying: Applying, *, many: bool, failed: bool) -> Pruned:
    """Remove what has left the repository, as far as that is ever done.

    `failed`: not all of what is wanted is there. `many`: most of a set may go.
    """
    fates = leftover_fates(looked, applying.store)
    going = [
        (one, fate)
        for one, fate in zip(looked.leftovers, fates, strict=True)
        if fate.fate is Fate.EXTRA
    ]
    if not going:
        return Pruned(tuple(fates))
    reason = reason_not_to_prune(
        len(looked.rendered.objects), unreadable=bool(looked.rendered.errors), failed=failed
    )
    name, hint = looked.environment, None
    if reason is None and is_many(len(going), looked.members) and not many:
        reason = f"{len(going)} of its {plural(looked.members, 'object')} would go"
        hint = "--prune-many says that it is meant"
    if reason is not None:
        error = Blocked(f"{name}: nothing is removed: {reason}", hint=hint)
        return Pruned(tuple(fates), error)
    answers = attempt_all(lambda pair: _removed(pair[0], applying), going)
    done = {fate.id: fate for fate in fates}
    for (one, _), answer in zip(going, answers, strict=True):
        done[one.id] = (
            ObjectFate(one.id, None, Fate.EXTRA, error=answer)
            if isinstance(answer, GitOpsError)
            else answer
        )
    return Pruned(tuple(done.values()))


def _kept(one: Leftover, store: Manifests) -> ObjectFate | None:
    try:
        instances = one.id.type == CRD and store.has_instances(one.id.name)
    except GitOpsError:
        instances = True  # rather than to find out by what is lost
    reason = reason_to_keep(one.id, one.live.annotations, has_instances=instances)
    return None if reason is None else ObjectFate(one.id, None, Fate.KEPT, reason=reason)


def _removed(one: Leftover, applying: Applying) -> ObjectFate:
    newer = applying.reason_to_leave(one.live.annotations.get(COMMIT))
    if newer is not None:
        return ObjectFate(one.id, None, Fate.LEFT, reason=newer)
    for _ in range(_TRIES):
        if applying.store.delete(one.id, None, one.live, dry_run=applying.dry_run):
            return ObjectFate(one.id, None, Fate.PRUNED)
        again = _as_now(one, applying.store)
        if again is None:
            break
        one = again
    return ObjectFate(one.id, None, Fate.EXTRA, reason="it was changed meanwhile, and is left")


def _as_now(one: Leftover, store: Manifests) -> Leftover | None:
    """Return an object that is the same to us, with a newer version: its status goes on changing.

    None where it is another one by now, is to stay, or was applied by somebody meanwhile.
    """
    [found] = store.find([Lookup(one.id.type, None, one.id.namespace, names=(one.id.name,))])
    live = None if isinstance(found, GitOpsError) else found.get(one.id.name)
    if live is None or _signs(live) != _signs(one.live) or _kept(one._replace(live=live), store):
        return None
    return one._replace(live=live)


def _signs(live: Live) -> tuple[object, ...]:
    return live.uid, live.labels.get(PART_OF), live.annotations.get(COMMIT), live.ours
