"""A connected cluster: everything the operations ask of one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.cluster import explaining, patching, reading, rights
from gitops_cli.cluster.api import Api
from gitops_cli.cluster.identity import Identity, Renewing
from gitops_cli.cluster.kubeconfig import Access, find_access
from gitops_cli.cluster.site import site_of
from gitops_cli.cluster.watching import Follower
from gitops_cli.domain.cluster.imagepatch import ImagePatch, Moved, Patched
from gitops_cli.domain.cluster.rights import AccessRule, Right
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import Observed, Presence, Target
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.web.exchange import Transport
from gitops_cli.web.pool import Pool

if TYPE_CHECKING:
    from gitops_cli.cluster.logs import Log
    from gitops_cli.cluster.manifests import Manifests
    from gitops_cli.cluster.objects import Objects
    from gitops_cli.domain.cluster.capturing import Exported
    from gitops_cli.domain.cluster.inside import LogPart, Spot
    from gitops_cli.domain.progress import Watch
    from gitops_cli.domain.recorded.environment import Kind


class KubernetesCluster:
    """One cluster, through its API. `context` is None inside a pod."""

    def __init__(self, api: Api, watch: Watch | None = None) -> None:
        self.api = api
        self._watch = watch
        self.context = api.access.context
        self.server = api.access.server

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        self.api.open()

    def close(self) -> None:
        self.api.close()

    def acting_as(self, token: str) -> KubernetesCluster:
        """Return the same cluster with another identity; raises ConfigurationError.

        That is a ServiceAccount's token instead of all that the kubeconfig says of its user.
        """
        other, deadline = self.api.access.as_bearer(token), self.api.deadline
        return KubernetesCluster(Api(other, _transport(other, deadline), deadline), self._watch)

    def objects(self) -> Objects:
        """Return what reads and writes whole objects there."""
        from gitops_cli.cluster.objects import Objects  # of the agent's commands only

        return Objects(self.api)

    def manifests(self) -> Manifests:
        """Return what finds and applies objects of any kind there."""
        from gitops_cli.cluster.manifests import Manifests  # of environments with manifests only

        return Manifests(self.api)

    def observe(self, targets: Sequence[Target]) -> dict[EnvironmentName, Observed]:
        """Read namespaces, all at once; what cannot be read is an error inside its namespace."""
        return reading.observe(self.api, targets, self._watch)

    def presence(self, name: EnvironmentName) -> Presence:
        """Tell whether there is such a namespace."""
        return reading.presence(self.api, name)

    def patch(
        self,
        patches: Sequence[ImagePatch],
        *,
        dry_run: bool,
        done: Callable[[ImagePatch, Patched | Moved | GitOpsError], None],
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Change images, all at once; `done` hears of each as it ends.

        `dry_run` lets the server check without changing anything. Once `stop` is true, what has
        not begun is left out.
        """
        patching.apply_all(self.api, patches, dry_run=dry_run, done=done, stop=stop)

    def export(
        self,
        namespace: EnvironmentName,
        workloads: Collection[tuple[Kind, str]],
        *,
        secrets: bool = False,
        own: Collection[str] = (),
    ) -> Exported:
        """Return the named workloads and what they need as manifests; Secrets only if asked.

        `own` are names of kinds that are not Kubernetes' own.
        """
        # One command exports; the others need not wait for what it takes.
        from gitops_cli.cluster.exporting import export

        return export(self.api, namespace, workloads, secrets=secrets, own=own)

    def follow(self, targets: Sequence[Target]) -> Follower:
        """Keep namespaces up to date in the background, by watches or by polling."""
        return Follower(self.api, targets)

    def explain(self, troubles: Sequence[tuple[EnvironmentName, Trouble]]) -> list[Trouble]:
        """Add log lines and events to troubles, as far as they may be read."""
        return explaining.explain_all(self.api, troubles)

    def log(
        self, namespace: EnvironmentName, spot: Spot, part: LogPart, tell: Callable[[str], None]
    ) -> Log:
        """Return a container's log; nothing is sent before its lines are read."""
        from gitops_cli.cluster.logs import Log  # of one command only

        return Log(self.api, namespace, spot, part, tell)

    def review(self, wanted: Sequence[Right]) -> list[bool | GitOpsError]:
        """Tell for each right whether we have it."""
        return rights.review(self.api, wanted)

    def rules(self, namespace: EnvironmentName) -> tuple[AccessRule, ...] | None:
        """Return all that we may do in a namespace; None where the server cannot tell all of it."""
        return rights.rules(self.api, namespace)

    def uid(self) -> str:
        """Return what tells clusters apart; raises Denied where it may not be read."""
        return rights.cluster_uid(self.api)

    def about(self) -> rights.Server:
        """Return the server's version and clock."""
        return rights.server(self.api)


def connect(
    context: str | None = None,
    kubeconfig: Path | None = None,
    *,
    declared: bool = False,
    deadline: float | None = None,
    tell: Callable[[str], None] | None = None,
    watch: Watch | None = None,
) -> KubernetesCluster:
    """Return the cluster of a context; nothing is sent yet, and nobody logs in. Raises
    ConfigurationError.

    A `declared` context is one that gitops.toml names: in a pod without a kubeconfig the pod's own
    cluster answers for it. `deadline` (of time.monotonic) ends all requests; without one each has
    its own limit. `tell` takes what a login says to somebody, where standard error is no terminal;
    `watch` hears how far reading namespaces is.
    """
    access = find_access(context, kubeconfig, declared=declared)
    return KubernetesCluster(Api(access, _transport(access, deadline, tell), deadline), watch)


def _transport(
    access: Access, deadline: float | None, tell: Callable[[str], None] | None = None
) -> Transport:
    if access.beyond:
        # What logs in takes imports that a plain kubeconfig does without.
        from gitops_cli.cluster.login import LoginTransport

        return LoginTransport(access, deadline, tell)
    identity = Identity(access)
    return Renewing(Pool(site_of(access), identity), identity)
