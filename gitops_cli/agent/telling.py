"""What an agent says of a run: in its status, and as an Event where that is news."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitops_cli.agent.manifested import deeds_of, problem_of
from gitops_cli.agent.model.spec import NAME
from gitops_cli.agent.model.status import AgentStatus, Result, short, to_data
from gitops_cli.domain.cluster.sync import Deed, EnvironmentReport, SyncReport
from gitops_cli.domain.errors import ExitCode
from gitops_cli.domain.text import plural


def problem(report: EnvironmentReport) -> str | None:
    """Return what kept the environment, or services of it, from following."""
    texts = [problem.message for problem in report.problems]
    for outcome in report.outcomes:
        if outcome.error is not None:
            texts.append(f"{outcome.service}: {outcome.error.message}")
        elif outcome.exit_code is not ExitCode.OK and not outcome.failed:  # the diff knows more
            texts.append(f"{outcome.service}: {outcome.reason or outcome.done.value}")
    said = {(o.kind, o.workload_name) for o in report.outcomes if o.done is not Deed.UNCHANGED}
    for fate in report.objects.fates if report.objects is not None else ():
        texts += problem_of(fate) if (fate.id.kind, fate.id.name) not in said else ()
    return "; ".join(dict.fromkeys(texts)) or None


def what_was_done(report: SyncReport, left: str | None) -> str:
    changed = [
        f"{o.service} → {o.wanted.tag or '?' if o.wanted else '?'}"
        for o in report.outcomes
        if o.done is Deed.PATCHED
    ]
    counts = [plural(len(report.outcomes), "service")]
    for one in report.environments:
        if one.objects is not None:
            counts.append(plural(len(one.objects.fates), "object"))
            changed += deeds_of(one.objects)
    words = changed or [*counts, "nothing to change"]
    return short(", ".join([*words, *([left] if left else [])]))


def differs(status: AgentStatus, before: AgentStatus) -> bool:
    """Tell whether a run is worth an Event: it changed something, failed anew, or recovered.

    Not another text for the same failure: a kubelet alternates between two for a missing image.
    """
    failed = status.error is not None
    anew = failed and status.tip != before.tip
    return status.result is Result.CHANGED or anew or failed != (before.error is not None)


def is_news(status: AgentStatus, before: AgentStatus) -> bool:
    """Tell whether somebody wants to be told: not of a failure that outlasts others' commits."""
    lasts = status.error is not None and before.error is not None
    is_same = lasts and _concerns(status.error) == _concerns(before.error)
    return differs(status, before) and not is_same


def _concerns(error: str | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a failure is about: who fails, and the versions that are named."""
    parts = (error or "").split("; ")
    versions = re.findall(r"\b[0-9a-f]{40,64}\b", error or "")
    return frozenset(part.partition(":")[0] for part in parts), frozenset(versions)


def written(status: AgentStatus) -> Mapping[str, str | None]:
    """Return the keys to write: a failure leaves the last success and its commit as they are."""
    data = to_data(status)
    if status.error is None:
        return data
    kept = ("last-success", "commit")
    return {key: value for key, value in data.items() if key not in kept or value is not None}


def event(status: AgentStatus) -> Mapping[str, Any]:
    at = to_data(status)["last-attempt"]
    failed = status.error is not None
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{NAME}-", "namespace": status.environment},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": NAME,
            "namespace": status.environment,
        },
        "type": "Warning" if failed else "Normal",
        "reason": "SyncFailed" if failed else "Synced",
        "message": short(status.error or status.message or ""),
        "source": {"component": NAME},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
