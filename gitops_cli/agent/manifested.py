"""An environment's manifests as its agent applies them: with the rights of its Role, and no steps.

Objects of the whole cluster are no agent's: its rights end with its namespace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.agent.model.rights import APPLIES
from gitops_cli.domain.cluster.rights import AccessRule, Right, allowed
from gitops_cli.domain.errors import Denied, ExitCode, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.manifests_place import manifests_place
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.text import plural
from gitops_cli.operations.desired import Desired
from gitops_cli.operations.manifests import rendered_manifests
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.ports import Cluster
from gitops_cli.operations.sync import Manifested

if TYPE_CHECKING:
    from gitops_cli.agent.tip_reader import TipReader
    from gitops_cli.domain.manifests.applyset import GroupKind
    from gitops_cli.domain.manifests.rendered import Rendered
    from gitops_cli.domain.manifests.report import EnvironmentObjects, ObjectFate


class AgentManifests(NamedTuple):
    """What is to be applied, what keeps some of it from that, and what is left to people."""

    manifested: Manifested
    problems: tuple[GitOpsError, ...] = ()
    left: str | None = None


class ManifestReader:
    """Renders the manifests of environments, each commit once, and asks for the agent's rights."""

    def __init__(
        self, tips: TipReader, clusters: Clusters, images_only: frozenset[EnvironmentName]
    ) -> None:
        self._tips = tips
        self._clusters = clusters
        self._images_only = images_only
        self._known: dict[EnvironmentName, tuple[str | None, Rendered]] = {}

    def __call__(self, environment: EnvironmentName, desired: Desired) -> AgentManifests:
        """Return what to do about an environment's manifests. Raises Denied, ClusterError."""
        team = desired.snapshot.team
        rules = team.stage(place_of(environment, team).stage)
        place = manifests_place(desired.snapshot.environment(environment), team)
        if place is None or environment in self._images_only:
            return AgentManifests(Manifested(drift=rules.drift))
        cluster = self._clusters.of(environment, team)
        granted = cluster.rules(environment)
        if not _may_mark(cluster, environment, granted):
            return AgentManifests(Manifested(drift=rules.drift), (_images_alone(environment),))
        rendered = self._rendered(environment, desired, cache=not rules.manifests_network)
        if isinstance(rendered, GitOpsError):
            return AgentManifests(Manifested({environment: rendered}, drift=rules.drift))
        mine = rendered._replace(only_namespaced=True)
        denied = {} if granted is None else _denied(cluster, mine, granted)
        wide = sum(one.id.namespace is None for one in rendered.objects)
        told = f"{plural(wide, 'object')} of the whole cluster left to `gitops sync`"
        return AgentManifests(
            Manifested({environment: mine}, drift=rules.drift, denied={environment: denied}),
            left=told if wide else None,
        )

    def _rendered(
        self, environment: EnvironmentName, desired: Desired, *, cache: bool
    ) -> Rendered | GitOpsError:
        commit = desired.snapshot.commit
        known = self._known.get(environment)
        if cache and known is not None and known[0] == commit:
            return known[1]
        found = rendered_manifests(self._tips, desired.snapshot, [environment])[environment]
        if not isinstance(found, GitOpsError) and not found.errors:
            self._known[environment] = (commit, found)
        return found


def _may_mark(
    cluster: Cluster, environment: EnvironmentName, granted: Iterable[AccessRule] | None
) -> bool:
    """Tell whether the Role is one for manifests: it lets the agent note which objects are its."""
    from gitops_cli.domain.manifests.applyset import PARENT

    if granted is not None:
        return allowed(granted, "patch", "", "configmaps", PARENT)
    # Where others than RBAC have a say, only a question about this very right is answered.
    [may] = cluster.review([Right("patch", "configmaps", environment, PARENT)])
    return may is not False


def _images_alone(environment: EnvironmentName) -> Denied:
    return Denied(
        f"{environment} has manifests, and the agent's Role is for images alone, which it goes on "
        f"with; `gitops agent install {environment}` gives it the rights"
    )


def _denied(
    cluster: Cluster, rendered: Rendered, granted: Iterable[AccessRule]
) -> Mapping[GroupKind, GitOpsError]:
    """Return the kinds of an environment's objects that the Role lacks."""
    name, granted = rendered.environment, tuple(granted)
    types = {one.id.type for one in rendered.objects if one.id.namespace is not None}
    found: dict[GroupKind, GitOpsError] = {}
    for type_, resource in sorted(cluster.manifests().plurals(types).items()):
        lacks = [verb for verb in APPLIES if not allowed(granted, verb, type_[0], resource)]
        if lacks:
            dotted = f"{resource}.{type_[0]}" if type_[0] else resource
            found[type_] = Denied(
                f"{name}: the agent's Role lacks {', '.join(lacks)} on {dotted}; "
                f"`gitops agent install {name}` gives it the rights"
            )
    return found


def problem_of(fate: ObjectFate) -> Iterator[str]:
    """Yield why an object does not follow, if it does not."""
    if fate.error is not None:
        yield fate.error.message
    elif fate.sync_code is not ExitCode.OK:
        yield f"{fate.id}: {fate.reason or fate.fate.value}"


def deeds_of(objects: EnvironmentObjects) -> list[str]:
    """Return in words what was done with objects."""
    counts = Counter(fate.fate.value for fate in objects.fates if fate.is_written)
    return [f"{plural(count, 'object')} {word}" for word, count in sorted(counts.items())]
