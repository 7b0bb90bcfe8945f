"""Why a pod does not run: its last log lines, and the events about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.json import Decoder

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import EVENTS, PODS, Api, Doing, Refused
from gitops_cli.domain.cluster.troubles import Trouble, with_event
from gitops_cli.domain.errors import ClusterError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.web.exchange import Response
from gitops_cli.web.parallel import attempt_all

_EVENTS = Decoder(schema.ListOf[schema.Event])
_NEVER = datetime.min.replace(tzinfo=UTC)
LOG_LINES = 5
# What a node answers, as if it were the log, while it makes the next container in place of one that
# ended: GetContainerLogs of the kubelet's kuberuntime_manager.go.
NOT_NOW = b"unable to retrieve container logs for "
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
    try:
        if trouble.maker is not None:
            return trouble._replace(message=_refusal(api, namespace, *trouble.maker, trouble.since))
        if trouble.pod is None:
            return trouble
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
    if response.body.startswith(NOT_NOW):
        return ()
    lines = response.body.decode("utf-8", "replace").splitlines()
    return tuple(line[:_MOST] for line in lines if line.strip())[-LOG_LINES:]


def _brief(api: Api, doing: Doing, path: str) -> Response:
    return api.call(doing, path=path, retry=False, seconds=_PATIENCE)


def _event(api: Api, namespace: EnvironmentName, pod: str) -> str:
    """Return the message of the last warning about a pod that says more than a name."""
    said = [e.message or "" for e in _warnings(api, namespace, "Pod", pod)]
    telling = [text for text in said if not text.startswith("Error: ")]
    return (telling or said or [""])[-1]


def _refusal(
    api: Api, namespace: EnvironmentName, kind: Kind, name: str, since: datetime | None
) -> str:
    """Return why no pod could be made since the last that was; empty if nothing says so."""
    warnings = _warnings(api, namespace, kind.value, name)
    failed = [e for e in warnings if e.reason == "FailedCreate"]
    if not failed:
        return ""
    at = _when(failed[-1])
    return failed[-1].message or "" if since is None or at >= since else ""


def _warnings(api: Api, namespace: EnvironmentName, kind: str, name: str) -> list[schema.Event]:
    """Return the warnings about an object, the oldest first."""
    doing = Doing("list", EVENTS, namespace)
    selector = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
    path = doing.path(fieldSelector=selector)
    found = api.ask(doing, _EVENTS, path=path, seconds=_PATIENCE).items or []
    return sorted(found, key=_when)


def _when(event: schema.Event) -> datetime:
    return event.last_timestamp or event.event_time or event.metadata.creation_timestamp or _NEVER
