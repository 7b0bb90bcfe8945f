"""What the operations ask of a cluster: the seam between them and its adapter.

There is one adapter of each. The seam is for what must not load it (what records versions would pay
for msgspec and TLS), and for the tests that play a cluster with literals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from gitops_cli.domain.cluster.imagepatch import ImagePatch, Moved, Patched
from gitops_cli.domain.cluster.rights import AccessRule, Right
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.cluster.workload import Observed, Presence, Target
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.names import EnvironmentName

if TYPE_CHECKING:
    from gitops_cli.domain.cluster.capturing import Exported
    from gitops_cli.domain.cluster.inside import LogPart, Spot
    from gitops_cli.domain.manifests.applyset import GroupKind
    from gitops_cli.domain.manifests.lookup import Lookup
    from gitops_cli.domain.manifests.objects import Manifest, ObjectId
    from gitops_cli.domain.manifests.ownership import Live
    from gitops_cli.domain.recorded.environment import Kind
    from gitops_cli.state.reach import Tip

OnChange = Callable[[ImagePatch, Patched | Moved | GitOpsError], None]


class Following(Protocol):
    """Namespaces that are kept up to date in the background."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def wait(self, timeout: float) -> bool:
        """Return as soon as something changed since the last call; False when nothing did."""
        ...

    def observed(self, namespace: EnvironmentName) -> Observed | None:
        """Return what the namespace holds; None until all of it was read once."""
        ...

    @property
    def error(self) -> GitOpsError | None:
        """Return why something is out of date just now; None when nothing is."""
        ...


class Log(Protocol):
    """A container's log, whose lines are read as they come; `close` ends it from any thread."""

    def lines(self) -> Iterator[bytes]:
        """Yield the lines with their line feeds. Raises Denied, ClusterError."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Server(Protocol):
    """What a server says of itself; `time` is None where it sends no date."""

    @property
    def version(self) -> str: ...

    @property
    def time(self) -> datetime | None: ...


class Cluster(Protocol):
    """A cluster. `context` is the kubeconfig's, None inside a pod."""

    context: str | None
    server: str

    def open(self) -> None:
        """Begin to connect in the background; whether that works, the first request tells."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...

    def objects(self) -> Objects:
        """Return what reads and writes whole objects there."""
        ...

    def manifests(self) -> Manifests:
        """Return what finds and applies objects of any kind there."""
        ...

    def observe(self, targets: Sequence[Target]) -> dict[EnvironmentName, Observed]:
        """Read namespaces, all at once; what cannot be read is an error inside its namespace."""
        ...

    def presence(self, name: EnvironmentName) -> Presence:
        """Tell whether there is such a namespace."""
        ...

    def patch(
        self,
        patches: Sequence[ImagePatch],
        *,
        dry_run: bool,
        done: OnChange,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Change images, all at once; `done` hears of each as it ends, one at a time."""
        ...

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
        ...

    def follow(self, targets: Sequence[Target]) -> Following:
        """Keep namespaces up to date in the background."""
        ...

    def explain(self, troubles: Sequence[tuple[EnvironmentName, Trouble]]) -> list[Trouble]:
        """Add log lines and events to troubles, as far as they may be read."""
        ...

    def log(
        self, namespace: EnvironmentName, spot: Spot, part: LogPart, tell: Callable[[str], None]
    ) -> Log:
        """Return a container's log; `tell` hears where it goes on over another connection."""
        ...

    def review(self, wanted: Sequence[Right]) -> list[bool | GitOpsError]:
        """Tell for each right whether we have it."""
        ...

    def rules(self, namespace: EnvironmentName) -> tuple[AccessRule, ...] | None:
        """Return all that we may do in a namespace; None where the server cannot tell all of it."""
        ...

    def about(self) -> Server:
        """Return the server's version and clock."""
        ...

    def uid(self) -> str:
        """Return what tells clusters apart; raises Denied where it may not be read."""
        ...


class Tips(Protocol):
    """The state repository as far as a sync asks it again: a clone's, or the agent's own."""

    def tip(self, *, require_remote: bool = True) -> Tip:
        """Return the remote's tip."""
        ...

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Tell whether `newer` contains `older`; None: cannot tell."""
        ...

    def is_still_tip(self, commit: str) -> bool:
        """Tell whether the remote's tip is this commit; it is asked unless it just said so."""
        ...


class Manifests(Protocol):
    """Objects of any kind, of which only the metadata is read until they are to be changed.

    Everything raises Denied, ClusterError.
    """

    def scopes(self, types: Collection[GroupKind]) -> Mapping[GroupKind, bool]:
        """Tell of each kind that the server has whether its objects are in namespaces."""
        ...

    def plurals(self, types: Collection[GroupKind]) -> Mapping[GroupKind, str]:
        """Return of each kind that the server has what its objects are called in rights."""
        ...

    def forget_kinds(self) -> None:
        """Ask anew which kinds there are: some have been made."""
        ...

    def find(self, lookups: Sequence[Lookup]) -> list[dict[str, Live] | GitOpsError]:
        """Return for each lookup what is there, by name; all at once."""
        ...

    def get(self, manifest: Manifest) -> dict[str, Any] | None:
        """Return an object as it is; None if there is none."""
        ...

    def apply(
        self, manifest: Manifest, content: Mapping[str, Any], *, dry_run: bool, force: bool = False
    ) -> dict[str, Any]:
        """Apply a content server-side; FieldsTaken where another manager has a field of it."""
        ...

    def amend(
        self, manifest: Manifest, before: Mapping[str, Any], operations: Sequence[Any]
    ) -> bool:
        """Change an object by a JSON patch; False if it is another one by now."""
        ...

    def delete(
        self, object_id: ObjectId, api_version: str | None, live: Live, *, dry_run: bool
    ) -> bool:
        """Delete an object as it was read; False if it is gone, or is another one now."""
        ...

    def has_instances(self, definition: str) -> bool:
        """Tell whether there is any object of the kind that a definition, by its name, brings."""
        ...

    def is_established(self, definition: Manifest) -> bool:
        """Tell whether objects of the kind that a definition brings can be made by now."""
        ...


class Objects(Protocol):
    """Single objects of a cluster by their manifests. Raises Denied, ClusterError."""

    def get(self, kind: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        """Return an object; None if there is none."""
        ...

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
        """Apply an object server-side and return it."""
        ...

    def delete(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> bool:
        """Delete an object and what it owns; False if there was none."""
        ...

    def write_data(
        self, namespace: str, name: str, data: Mapping[str, str | None], **more: Any
    ) -> None:
        """Merge keys into a ConfigMap; None removes one."""
        ...

    def record_event(self, namespace: str, body: Mapping[str, Any]) -> None:
        """Create an Event."""
        ...

    def token(self, namespace: str, account: str, *, seconds: int) -> str:
        """Return a token of a ServiceAccount."""
        ...

    def last_words(self, namespace: str, labels: str) -> list[str]:
        """Return the last log lines of the newest pod with these labels."""
        ...
