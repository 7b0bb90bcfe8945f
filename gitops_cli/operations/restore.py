"""Bring environments back from the repository alone, and tell beforehand what could not be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.cluster.comparison import workload_of
from gitops_cli.domain.errors import Denied, GitOpsError, RegistryError, UsageError
from gitops_cli.domain.image import ImageRef, is_repository, parse_image
from gitops_cli.domain.manifests.images import service_images
from gitops_cli.domain.manifests.needs import images_of, missing_needs, pod_spec
from gitops_cli.domain.manifests.objects import Manifest, ObjectId
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.team import ServiceRules
from gitops_cli.domain.text import one_line
from gitops_cli.operations.desired import Desired
from gitops_cli.operations.manifests import opened_manifests
from gitops_cli.operations.ports import Cluster
from gitops_cli.web.parallel import ask_all, attempt_all

if TYPE_CHECKING:
    from gitops_cli.domain.manifests.rendered import Rendered
    from gitops_cli.registry.client import Registries

AllRendered = Mapping[EnvironmentName, "Rendered | GitOpsError"]


class Lack(NamedTuple):
    """What would not come back, where it is needed, and how it could."""

    environment: EnvironmentName
    where: str
    what: str
    hint: str | None = None


def lacks(
    snapshot: Snapshot,
    names: Sequence[EnvironmentName],
    rendered: AllRendered,
    registries: Callable[[], Registries] | None,
) -> tuple[Lack, ...]:
    """Return what the repository does not hold of what these environments need.

    `registries` None: no registry is asked for images.
    """
    found: list[Lack] = []
    images: dict[ImageRef, list[tuple[EnvironmentName, str]]] = {}
    for name in names:
        environment = snapshot.environment(name)
        one = rendered.get(name)
        if isinstance(one, GitOpsError):
            found.append(Lack(name, name, one.message, one.hint))
            continue
        found += _unread(environment, one, snapshot.team.services)
        for manifest in _with_images(environment, one, snapshot):
            if (spec := pod_spec(manifest)) is not None:
                for image in map(parse_image, images_of(spec)):
                    if is_repository(image.repository):
                        images.setdefault(image, []).append((name, manifest.where))
                    else:
                        what = f"`{one_line(str(image))[:80]}` is the name of no image"
                        found.append(Lack(name, manifest.where, what))
        for manifest, need in missing_needs(one.objects if one is not None else ()):
            what = f"{manifest.id} needs the {need}, which is not in the repository"
            found.append(Lack(name, manifest.where, what, _advice(need.kind)))
    if registries is not None:
        found += _gone(images, registries())
    return tuple(found)


def without_key(rendered: AllRendered) -> tuple[Lack, ...]:
    """Return the Secrets that SOPS encrypted and nobody here can decrypt."""
    return tuple(
        Lack(
            name, one.where, f"{one.id}: {error.message.removeprefix(f'{one.path}: ')}", error.hint
        )
        for name, found in rendered.items()
        if not isinstance(found, GitOpsError)
        for one, error in opened_manifests(found).failed
    )


def _unread(
    environment: Environment, one: Rendered | None, rules: Mapping[ServiceName, ServiceRules]
) -> list[Lack]:
    name = environment.name
    if one is None:
        what = "has no manifests: only versions are in the repository"
        hint = f"while it runs: gitops capture {name} --manifests"
        return [Lack(name, name, what, hint)]
    found = [Lack(name, finding.where, finding.message, finding.hint) for finding in one.findings]
    made = {(manifest.id.kind, manifest.id.name) for manifest in one.objects}
    for service, file in sorted(environment.files.items()):
        if (file.kind.value, workload_of(service, rules)) not in made:
            what = f"{service} has a version and no {file.kind} among the manifests"
            found.append(Lack(name, file.path, what))
    return found


def _with_images(
    environment: Environment, one: Rendered | None, snapshot: Snapshot
) -> list[Manifest]:
    """Return the objects with the recorded versions in them."""
    if one is None:
        return []
    owned = service_images(environment, one.objects, snapshot.team.services)
    return [
        owned[index].manifest if index in owned else manifest
        for index, manifest in enumerate(one.objects)
    ]


def _gone(
    images: Mapping[ImageRef, Sequence[tuple[EnvironmentName, str]]], registries: Registries
) -> list[Lack]:
    def lost(image: ImageRef) -> str | None:
        try:
            return None if registries.digest(image) else f"the registry has no {image}"
        except (RegistryError, Denied) as error:
            return error.message

    asked = sorted(images, key=str)
    told = zip(asked, ask_all(lost, asked), strict=True)
    return [
        Lack(name, where, what)
        for image, what in told
        if what is not None
        for name, where in images[image]
    ]


def _advice(kind: str) -> str | None:
    if kind == "Secret":
        return "keep it there encrypted (SOPS), as a SealedSecret or an ExternalSecret"
    return None


def rehearsed(
    desired: Desired,
    source: EnvironmentName,
    target: EnvironmentName,
    known: Collection[EnvironmentName],
) -> Desired:
    """Return the state with an environment under another name, for its namespace.

    Raises UsageError where that name is an environment, of this state or of the `known` ones of
    today: it would be overwritten.
    """
    snapshot = desired.snapshot
    if target in snapshot.environments or target in known:
        raise UsageError(
            f"{target} is an environment itself: a rehearsal would change it",
            hint="give a namespace of no environment",
        )
    copy = snapshot.environment(source)._replace(name=target)
    return desired._replace(
        snapshot=snapshot._replace(environments={**snapshot.environments, target: copy})
    )


def namespace_of(name: EnvironmentName) -> Manifest:
    """Return an environment's namespace as an object, for those that keep none."""
    content = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return Manifest(ObjectId("", "Namespace", None, name), "v1", content, str(name), 1)


def make_namespaces(cluster: Cluster, names: Iterable[EnvironmentName]) -> list[GitOpsError]:
    """Make the namespaces that are not there; return what was refused.

    They are nobody's objects: no set has them, and nothing ever prunes them.
    """
    from gitops_cli.domain.cluster.workload import Presence

    store = cluster.manifests()

    def make(name: EnvironmentName) -> None:
        if cluster.presence(name) is Presence.ABSENT:
            manifest = namespace_of(name)
            store.apply(manifest, manifest.content, dry_run=False, force=False)

    answers = attempt_all(make, list(names))
    return [answer for answer in answers if isinstance(answer, GitOpsError)]
