"""Objects that have left the repository: listed always, removed when that was said."""

from __future__ import annotations

from gitops_cli.domain.manifests.pruning import reason_to_keep
from gitops_cli.domain.manifests.report import Fate, ObjectFate
from gitops_cli.operations.objects import Leftover, Looked


def leftover_fates(looked: Looked) -> list[ObjectFate]:
    """Return what is said of an environment's leftovers where nothing is removed."""
    return [_listed(one) for one in looked.leftovers]


def _listed(one: Leftover) -> ObjectFate:
    reason = reason_to_keep(one.id, one.live.annotations)
    if reason is not None:
        return ObjectFate(one.id, None, Fate.KEPT, reason=reason)
    said = "it left the repository; `gitops sync --prune` removes it"
    return ObjectFate(one.id, None, Fate.EXTRA, reason=said)
