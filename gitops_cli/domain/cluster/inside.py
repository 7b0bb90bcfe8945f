"""Which pod and container somebody means who wants to look inside a service: pure choice.

What fails comes first, as that is why somebody looks; else what serves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from gitops_cli.domain.cluster.rollout import Phase, Rollout, last_job, newest_pods
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import (
    Container,
    Job,
    Pod,
    PodContainer,
    Unclear,
    Workload,
)
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.values import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Spot(NamedTuple):
    """A container of a pod, and `why` it is this one.

    `previous`: its run before this one is the telling one. `runs`: there is a process now.
    `waits_for` says what it waits for where it has never run, so that there is no log.
    """

    pod: str
    container: str
    why: str
    previous: bool = False
    runs: bool = False
    waits_for: str | None = None
    trouble: Trouble | None = None

    @property
    def place(self) -> str:
        """Return it as kubectl's logs name it: `pod/web-1/web`."""
        return f"pod/{self.pod}/{self.container}"


class Asked(NamedTuple):
    """What somebody said of it: a container's and a pod's name; None: the one that matters."""

    container: str | None = None
    pod: str | None = None


ANY = Asked()


class LogPart(NamedTuple):
    """Which lines of a log: the last `tail` ones, not older than `since`; `follow`: and what comes.

    `timestamps`: with the time of each in front, as the node has it.
    """

    follow: bool = False
    tail: int | None = None
    since: datetime | None = None
    timestamps: bool = False


class Inside(NamedTuple):
    """A workload seen from its pods: what the choice is made from."""

    workload: Workload
    pods: tuple[Pod, ...]
    rollout: Rollout
    ours: tuple[Container, ...] | Unclear
    jobs: Sequence[Job] = ()

    @property
    def current(self) -> tuple[Pod, ...]:
        """Return the pods of the newest template; of a CronJob, those of its last job."""
        if self.workload.kind is Kind.CRONJOB:
            last = last_job(self.jobs)
            return tuple(p for p in self.pods if last is not None and p.owner_name == last.name)
        return newest_pods(self.workload, self.pods)


def spot(inside: Inside, asked: Asked = ANY) -> Spot | None:
    """Return the container that matters most; None where there is no such pod at all.

    That is the container which crashes or cannot start, an init container or a sidecar too. Where
    none does, it is the service's own in the newest ready pod of the newest version; of a rollout
    that has failed, in a pod that is not ready. Raises ValueError if there is no such container.
    """
    trouble = inside.rollout.trouble
    if asked.pod is None and trouble is not None and trouble.pod is not None:
        pod = next((p for p in inside.pods if p.name == trouble.pod), None)
        if pod is not None:
            return _in_trouble(inside, pod, trouble, asked)
    pods = [p for p in inside.pods if asked.pod in (None, p.name)]
    if not pods:
        return None
    current = [p for p in inside.current if p in pods]
    failed = inside.rollout.phase is Phase.FAILED
    pod = max(current or pods, key=lambda p: (p.ready is not failed, _newness(p)))
    return _in(inside, pod, asked, _why(inside, pod, is_current=bool(current)))


def spots(inside: Inside, asked: Asked = ANY) -> tuple[Spot, ...]:
    """Return one container of each pod that is not on its way out, the one in trouble first."""
    first = spot(inside, asked)
    current = inside.current
    others = [
        _in(inside, pod, asked, _why(inside, pod, is_current=pod in current))
        for pod in sorted(inside.pods, key=lambda p: (p not in current, p.name))
        if not pod.deleting and asked.pod is None and (first is None or pod.name != first.pod)
    ]
    return (*([] if first is None else [first]), *others)


def _in_trouble(inside: Inside, pod: Pod, trouble: Trouble, asked: Asked) -> Spot:
    named = trouble.container
    if named is None or asked.container not in (None, named):
        return _in(inside, pod, asked, trouble.text)._replace(trouble=trouble)
    container = _container(pod, named)
    # A run that has just ended is still the current one.
    crashed = trouble.exit_code is not None and container.ended is None
    previous = crashed and container.ended_before is not None
    return _spot(pod, container, trouble.text)._replace(previous=previous, trouble=trouble)


def _in(inside: Inside, pod: Pod, asked: Asked, why: str) -> Spot:
    if asked.container is not None:
        return _spot(pod, _container(pod, asked.container), why)
    container = _own(pod, inside.ours)
    starting = next((c for c in pod.containers if c.init and c.running), None)
    if starting is not None and not container.running and not container.init:
        return _spot(pod, starting, f"{why}; it is still preparing")
    return _spot(pod, container, why)


def _spot(pod: Pod, container: PodContainer, why: str) -> Spot:
    ran = container.running or container.ended is not None or container.ended_before is not None
    waits_for = None if ran else pod.unschedulable or _waiting(container) or "its node"
    return Spot(pod.name, container.name, why, runs=container.running, waits_for=waits_for)


def _waiting(container: PodContainer) -> str | None:
    parts = (container.waiting, container.message)
    return ": ".join(part for part in parts if part) or None


def _own(pod: Pod, ours: Collection[Container] | Unclear) -> PodContainer:
    """Return the container that has the service's image; where nothing tells, the first one."""
    names = [] if isinstance(ours, Unclear) else [c.name for c in ours]
    mine = [c for c in pod.containers if c.name in names] or list(pod.containers)
    return next((c for c in mine if not c.init), mine[0])


def _container(pod: Pod, name: str) -> PodContainer:
    found = next((c for c in pod.containers if c.name == name), None)
    if found is None:
        names = ", ".join(c.name for c in pod.containers)
        raise ValueError(f"pod {pod.name} has no container `{name}`; it has {names}")
    return found


def _why(inside: Inside, pod: Pod, *, is_current: bool) -> str:
    container = _own(pod, inside.ours)
    version = parse_image(container.image).version
    of = f" of {version.short if version else container.image}"
    if inside.workload.kind is Kind.CRONJOB:
        return f"the last job's pod{of}" if is_current else f"an earlier job's pod{of}"
    state = "" if pod.ready else ", not ready"
    return f"{'the newest' if is_current else 'an older'} pod{of}{state}"


def _newness(pod: Pod) -> tuple[datetime, str]:
    return (pod.created_at or _EPOCH, pod.name)
