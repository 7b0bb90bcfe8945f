"""What keeps pods from running, in the kubelet's words and in ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from gitops_cli.domain.cluster.workload import Pod, PodContainer
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.values import NamedTuple

# The kubelet's reasons that no waiting will mend.
_FINAL = frozenset(
    {
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "ErrImageNotFound",
    }
)
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"})
_HARMLESS = frozenset({"", "ContainerCreating", "PodInitializing"})
# What container runtimes and registries say of an image that is not there.
_NOT_FOUND = re.compile(
    r"not found|notfound|manifest unknown|name unknown|name_unknown|manifest_unknown"
    r"|no such (?:image|manifest)|does not exist",
    re.IGNORECASE,
)


class Trouble(NamedTuple):
    """What keeps a pod, or the making of pods. `final`: waiting longer will not mend it.

    `blocks`: the pod is not of the newest template, which waits for it. `maker` (kind, name) is
    whose pods cannot be made; its events since `since` say why.
    """

    reason: str
    message: str = ""
    pod: str | None = None
    container: str | None = None
    exit_code: int | None = None
    restarts: int = 0
    final: bool = False
    log: tuple[str, ...] = ()
    blocks: bool = False
    maker: tuple[Kind, str] | None = None
    since: datetime | None = None

    @property
    def is_bare(self) -> bool:
        """Tell whether the pod's own status does not say why, as older kubelets' back-off."""
        return not self.message or (self.reason in _PULL and ": " not in self.message)

    @property
    def text(self) -> str:
        """Return reason, exit code and message on one line."""
        code = f", exit code {self.exit_code}" if self.exit_code is not None else ""
        return f"{self.reason}{code}" + (f": {self.message}" if self.message else "")


def pod_troubles(pods: Iterable[Pod]) -> Iterable[Trouble]:
    """Yield what keeps each pod and each of its containers."""
    for pod in pods:
        if pod.unschedulable is not None:
            yield Trouble("Unschedulable", pod.unschedulable, pod.name)
        elif pod.phase == "Failed" and pod.reason:
            yield Trouble(pod.reason, pod.message, pod.name)
        for container in pod.containers:
            found = _container_trouble(pod, container)
            if found is not None:
                yield found


def _container_trouble(pod: Pod, container: PodContainer) -> Trouble | None:
    ended = container.ended or container.ended_before
    reason = container.waiting or ""
    if container.ended is not None and container.ended.exit_code:
        reason = container.ended.reason or "Error"
    elif reason in _HARMLESS:
        return None
    crashed = ended is not None and reason not in _PULL and reason not in _FINAL
    message = container.message
    if crashed and ended is not None:
        message = ended.message or (ended.reason if ended.reason != "Error" else "")
    return Trouble(
        reason,
        message.strip(),
        pod.name,
        container.name,
        exit_code=ended.exit_code if crashed and ended is not None else None,
        restarts=container.restarts,
        final=reason in _FINAL or (reason in _PULL and bool(_NOT_FOUND.search(container.message))),
    )


def with_event(trouble: Trouble, message: str) -> Trouble:
    """Return a trouble explained by an event's message."""
    if not message:
        return trouble
    missing = trouble.reason in _PULL and bool(_NOT_FOUND.search(message))
    return trouble._replace(message=message, final=trouble.final or missing)


def worst_of(troubles: Iterable[Trouble]) -> Trouble | None:
    """Return the most telling one: a final one, then one with an exit code, then the first."""
    return min(
        troubles,
        key=lambda t: (not t.final, t.exit_code is None, t.container is None),
        default=None,
    )
