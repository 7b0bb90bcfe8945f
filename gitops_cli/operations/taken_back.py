"""Who changed a workload since it was synced: an operator, Helm, or a person with kubectl."""

from __future__ import annotations

from gitops_cli.domain.cluster.comparison import Comparison, Row
from gitops_cli.domain.cluster.writers import FIELD_MANAGER, Writer, image_writer
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.operations.ports import Cluster
from gitops_cli.web.parallel import ask_all

MOST_ASKED = 20  # workloads of a namespace; where more were changed, one hand changed them all

_CHANGED = "changed since this state commit was synced"


def with_takers(comparison: Comparison, commit: str | None, cluster: Cluster) -> Comparison:
    """Say of each workload that records `commit`, but has another image, who did that.

    Where an owner or another tool puts its image back after each sync, every sync changes it and
    nothing else would tell why.
    """
    rows = list(comparison.rows)
    taken = [
        index
        for index, row in enumerate(rows)
        if commit is not None and _is_taken_back(row, commit)
    ]
    said = [_CHANGED] * len(taken)
    if len(taken) <= MOST_ASKED:
        # At once: the patches that follow take the connections that this opens.
        said = ask_all(lambda index: _said(rows[index], cluster), taken)
    for index, words in zip(taken, said, strict=True):
        reasons = (words, rows[index].reason)
        rows[index] = rows[index]._replace(reason="; ".join(filter(None, reasons)))
    return comparison._replace(rows=tuple(rows))


def _is_taken_back(row: Row, commit: str) -> bool:
    return row.needs_patch and row.commit == commit


def _said(row: Row, cluster: Cluster) -> str:
    writer = _writer(row, cluster)
    if writer is None:
        return _CHANGED
    if writer.manager == FIELD_MANAGER:
        return "admission changed the image that was patched in"
    at = f" at {writer.at:%Y-%m-%d %H:%M:%S %Z}" if writer.at is not None else ""
    return f"changed by {writer.manager}{at}, after this state commit was synced"


def _writer(row: Row, cluster: Cluster) -> Writer | None:
    try:
        found = cluster.objects().get(row.kind.value, row.environment, row.workload_name)
    except GitOpsError:
        return None  # to know who is a courtesy
    return image_writer(found, row.container or "") if found is not None else None
