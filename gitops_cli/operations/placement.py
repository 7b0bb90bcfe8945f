"""Which cluster an environment belongs to, and the guard against every other one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from gitops_cli.domain.errors import Denied, GitOpsError, WrongCluster
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import StageRules, TeamSettings
from gitops_cli.operations.ports import Cluster

Connect = Callable[[str | None, bool], Cluster]

_GRACE = 2.0  # seconds; what waits longer waits for another process, and holds nothing of ours
_READING = 5.0  # seconds for reading a kubeconfig and beginning to connect, which ask nobody


class Placed(NamedTuple):
    """Environments and the cluster they belong to."""

    cluster: Cluster
    environments: tuple[EnvironmentName, ...]


class Clusters:
    """The clusters of one run, each connected once.

    `connect(context, declared)` opens one; `declared` contexts come from gitops.toml, and inside
    a pod, which has no contexts, its own cluster answers for them. `said` is --context, `usual`
    the user's. `checked`: others have compared the uids already, with rights that these lack.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        said: str | None = None,
        usual: str | None = None,
        checked: bool = False,
    ):
        self._connect = connect
        self._said = said
        self._usual = usual
        self._checked = checked
        self._known: dict[str | None, Cluster | Exception] = {}
        self._uids: dict[int, str | None] = {}
        self._warming: threading.Thread | None = None
        self._read = threading.Event()

    def warm_up(self) -> None:
        """Connect to the cluster that will most likely be asked, while others work.

        Nobody waits for that connection but who uses it, and nobody logs in for it.
        """
        context = self._said or self._usual

        def warm() -> None:
            try:
                self._open(context, declared=False)
            finally:
                self._read.set()
            found = self._known[context]
            if not isinstance(found, Exception):
                with suppress(Exception):  # who asks the cluster meets it too
                    found.open()

        self._warming = threading.Thread(target=warm, daemon=True)
        self._warming.start()

    def close(self) -> None:
        """Close the clusters, and let the warming up end first.

        A thread that is in the middle of an import or of OpenSSL crashes an ending interpreter.
        """
        if self._warming is not None:
            self._warming.join(_GRACE)
        for found in list(self._known.values()):
            if not isinstance(found, Exception):
                found.close()

    def of(self, environment: EnvironmentName, team: TeamSettings) -> Cluster:
        """Return the environment's cluster: its stage's, else --context, else the current one.

        Raises WrongCluster, ConfigurationError, Denied.
        """
        self.check(environment, team)
        rules = team.stage(place_of(environment, team).stage)
        declared = self._said is None and rules.cluster is not None
        cluster = self._cluster(self._said or rules.cluster or self._usual, declared=declared)
        self._check_uid(environment, rules, cluster)
        return cluster

    def check(self, environment: EnvironmentName, team: TeamSettings) -> None:
        """Raise WrongCluster if --context is not the cluster of its stage; asks nobody."""
        rules = team.stage(place_of(environment, team).stage)
        if self._said is not None and rules.cluster not in (None, self._said):
            raise WrongCluster(
                f"{environment} belongs to cluster `{rules.cluster}` ({_line(rules, 'cluster')}), "
                f"not to `{self._said}`",
                hint=f"--context {rules.cluster}, or none",
            )

    def place(
        self, environments: Iterable[EnvironmentName], team: TeamSettings
    ) -> tuple[list[Placed], dict[EnvironmentName, GitOpsError]]:
        """Return environments by cluster, and why some have none."""
        groups: dict[int, tuple[Cluster, list[EnvironmentName]]] = {}
        errors: dict[EnvironmentName, GitOpsError] = {}
        for environment in environments:
            try:
                cluster = self.of(environment, team)
            except GitOpsError as error:
                errors[environment] = error
            else:
                groups.setdefault(id(cluster), (cluster, []))[1].append(environment)
        return [Placed(cluster, tuple(names)) for cluster, names in groups.values()], errors

    def _cluster(self, context: str | None, *, declared: bool) -> Cluster:
        if self._warming is not None:
            self._read.wait(_READING)
        if context not in self._known:
            self._open(context, declared=declared)
        found = self._known[context]
        if isinstance(found, Exception):
            raise found
        # One cluster, whether it is meant by its name or as the current context.
        found = self._by_context().get(found.context, found)
        if self._warming is not None and found is self._known.get(self._said or self._usual):
            self._warming.join(_READING)
        return found

    def _open(self, context: str | None, *, declared: bool) -> None:
        try:
            self._known[context] = self._connect(context, declared)
        except Exception as error:  # noqa: BLE001 - raised where the cluster is asked for
            self._known[context] = error

    def _by_context(self) -> Mapping[str | None, Cluster]:
        found: dict[str | None, Cluster] = {}
        for cluster in self._known.values():
            if not isinstance(cluster, Exception):
                found.setdefault(cluster.context, cluster)
        return found

    def _check_uid(self, environment: EnvironmentName, rules: StageRules, cluster: Cluster) -> None:
        if rules.cluster_uid is None or self._checked:
            return
        if id(cluster) not in self._uids:
            self._uids[id(cluster)] = _uid(cluster)
        uid = self._uids[id(cluster)]
        if uid is not None and uid != rules.cluster_uid:
            raise WrongCluster(
                f"{environment} belongs to the cluster with uid {rules.cluster_uid} "
                f"({_line(rules, 'cluster_uid')}), but {cluster.server} has {uid}",
                hint="check the kubeconfig: does its context lead to another cluster now?",
            )


def _uid(cluster: Cluster) -> str | None:
    try:
        return cluster.uid()
    except Denied:
        # An agent's token may not ask, and its pod cannot be in another cluster than its own.
        if cluster.context is None:
            return None
        raise


def _line(rules: StageRules, key: str) -> str:
    return f"{SETTINGS}:{rules.lines.get(key, 1)}"
