"""Why a pod does not run: its last log lines, and the events about it."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_cli.cluster.api import EVENTS, PODS, Api, Doing, Refused
from gitops_cli.cluster.parallel import attempt_all
from gitops_cli.cluster.transport import Response
from gitops_cli.domain.errors import ClusterError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.rollout import Trouble, with_event

LOG_LINES = 5
_MOST = 400  # characters of a line
_PATIENCE = 3.0  # seconds: a node that does not answer must not hold up what is already known


def explain_all(api: Api, troubles: Sequence[tuple[EnvironmentName, Trouble]]) -> list[Trouble]:
    """Explain troubles, each in its namespace, all at once."""
    answers = attempt_all(lambda pair: explain(api, *pair), troubles)
    return [
        trouble if isinstance(answer, GitOpsError) else answer
        for (_, trouble), answer in zip(troubles, answers, strict=True)
    ]


def explain(api: Api, namespace: EnvironmentName, trouble: Trouble) -> Trouble:
    """Return the trouble with what logs and events tell, as far as they may be read."""
    if trouble.pod is None:
        return trouble
    try:
        if trouble.exit_code is not None and trouble.container is not None:
            return trouble._replace(log=_log(api, namespace, trouble.pod, trouble.container))
        if trouble.is_bare:
            return with_event(trouble, _event(api, namespace, trouble.pod))
    except (Denied, ClusterError):
        return trouble  # an explanation is a courtesy
    return trouble


def _log(api: Api, namespace: EnvironmentName, pod: str, container: str) -> tuple[str, ...]:
    doing = Doing("get", PODS, namespace, pod)
    query: dict[str, str | int] = {"container": container, "tailLines": LOG_LINES}
    try:
        response = _brief(api, doing, doing.path("log", previous="true", **query))
    except Refused:  # it ended once and was not started again
        response = _brief(api, doing, doing.path("log", **query))
    lines = response.body.decode("utf-8", "replace").splitlines()
    return tuple(line[:_MOST] for line in lines if line.strip())[-LOG_LINES:]


def _brief(api: Api, doing: Doing, path: str) -> Response:
    return api.call(doing, path=path, retry=False, seconds=_PATIENCE)


def _event(api: Api, namespace: EnvironmentName, pod: str) -> str:
    """Return the message of the last warning about a pod that says more than a name."""
    doing = Doing("list", EVENTS, namespace)
    selector = f"involvedObject.name={pod},type=Warning"
    path = doing.path(fieldSelector=selector)
    items = api.json(doing, path=path, seconds=_PATIENCE).get("items") or []
    items.sort(key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")
    said = [str(e.get("message") or "") for e in items]
    telling = [text for text in said if not text.startswith("Error: ")]
    return (telling or said or [""])[-1]
