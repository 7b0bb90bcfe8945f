"""Compare the objects of environments with their clusters."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_cli.domain.cluster.advice import make_namespace
from gitops_cli.domain.cluster.comparison import Comparison
from gitops_cli.domain.cluster.imagepatch import Stamp
from gitops_cli.domain.cluster.workload import Presence
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.manifests.report import EnvironmentObjects, ObjectFate
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.desired import Desired, Selection
from gitops_cli.operations.objects import look
from gitops_cli.operations.objects_apply import Applying
from gitops_cli.operations.objects_seen import Looked
from gitops_cli.operations.placement import Placed
from gitops_cli.operations.ports import Cluster, Manifests
from gitops_cli.operations.pruning import leftover_fates
from gitops_cli.web.parallel import attempt_all


def with_objects(
    compared: Mapping[EnvironmentName, Comparison],
    group: Placed,
    rendered: Mapping[EnvironmentName, Rendered | GitOpsError],
    desired: Desired,
    selection: Selection,
) -> dict[EnvironmentName, Comparison]:
    """Add to comparisons what becomes of their environments' objects.

    A request for each object that is not provably as it was applied; nothing is changed.
    """
    mine = {n: found for n in group.environments if isinstance(found := rendered.get(n), Rendered)}
    store = group.cluster.manifests()
    looked = look(group.cluster, store, mine, desired.snapshot, desired.snapshot.team, selection)
    stamp, context = Stamp(desired.ours.commit), group.cluster.context
    applying = Applying(store, lambda: stamp, context, lambda _commit: None, dry_run=True)
    fates = tried(applying, looked)
    done = dict(compared)
    for name in group.environments:
        found = rendered.get(name)
        if isinstance(found, GitOpsError):
            done[name] = done[name]._replace(problems=(*done[name].problems, found))
        elif found is not None:
            done[name] = _with(done[name], looked[name], fates[name], group.cluster, store)
    return done


def _with(
    comparison: Comparison,
    looked: Looked,
    fates: tuple[ObjectFate, ...],
    cluster: Cluster,
    store: Manifests,
) -> Comparison:
    problems = (*comparison.problems, *looked.problems)
    notes = dict.fromkeys((*comparison.notes, *missing_namespace(looked, cluster)))
    objects = EnvironmentObjects((*fates, *leftover_fates(looked, store)))
    return comparison._replace(objects=objects, problems=problems, notes=tuple(notes))


def tried(
    applying: Applying, looked: Mapping[EnvironmentName, Looked]
) -> dict[EnvironmentName, tuple[ObjectFate, ...]]:
    """Return the fate of every wanted object, each tried where that must be; all at once."""
    work = [(name, one) for name, found in looked.items() for one in found.wanted]
    answers = attempt_all(lambda item: applying.settled(item[1]) or applying(*item), work)
    fates: dict[EnvironmentName, list[ObjectFate]] = {name: [] for name in looked}
    for (name, _), answer in zip(work, answers, strict=True):
        if isinstance(answer, GitOpsError):
            raise answer
        fates[name].append(answer)
    return {name: tuple(some) for name, some in fates.items()}


def missing_namespace(looked: Looked, cluster: Cluster) -> tuple[str, ...]:
    """Return a note where nothing can be made in an environment's namespace."""
    name, made = (
        looked.environment,
        any(one.manifest.id.type == ("", "Namespace") for one in looked.wanted),
    )
    where = f"context {cluster.context}" if cluster.context else cluster.server
    if looked.presence is Presence.ENDING:
        return (f"namespace {name} is being deleted ({where}): nothing can be made in it",)
    if looked.presence is Presence.ABSENT and not made:
        make = make_namespace(name, cluster.context)
        return (f"namespace {name} does not exist ({where}); to make it: {make}",)
    return ()
