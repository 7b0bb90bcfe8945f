"""Objects of the repository beside those of a cluster: what is there, and what an apply makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gitops_cli.domain.cluster.workload import Presence
from gitops_cli.domain.errors import Blocked, ConfigurationError, GitOpsError, UnknownKind
from gitops_cli.domain.manifests.applyset import (
    PARENT,
    PART_OF,
    GroupKind,
    kinds_of,
    set_id,
    stands_for,
)
from gitops_cli.domain.manifests.images import service_images
from gitops_cli.domain.manifests.kinds import BUILT_IN, rank
from gitops_cli.domain.manifests.lookup import Lookup
from gitops_cli.domain.manifests.objects import Manifest, ObjectId, defined_by, with_scopes
from gitops_cli.domain.manifests.ownership import Live
from gitops_cli.domain.manifests.rendered import Rendered
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.operations.desired import Selection
from gitops_cli.operations.objects_seen import Leftover, Looked, WantedObject
from gitops_cli.operations.ports import Cluster, Manifests

Denials = Mapping[EnvironmentName, Mapping[GroupKind, GitOpsError]]
_CONFIG_MAP: GroupKind = ("", "ConfigMap")


def look(
    cluster: Cluster,
    store: Manifests,
    rendered: Mapping[EnvironmentName, Rendered],
    snapshot: Snapshot,
    team: TeamSettings,
    selection: Selection | None = None,
    denied: Denials = MappingProxyType({}),
) -> dict[EnvironmentName, Looked]:
    """Look for the objects of environments of one cluster; nothing is applied, not even dry.

    `denied` are kinds that are not looked for, and why. What cannot be told of one object, or one
    environment, does not hide the others.
    """
    seen = _Look(cluster, store, snapshot, team, denied)
    chosen = selection or Selection()
    try:
        return _opened(
            {
                name: _restricted(looked, chosen.services(snapshot.environment(name)))
                for name, looked in seen.all(rendered).items()
            }
        )
    except GitOpsError as error:  # the server does not even tell its kinds
        return {name: Looked(name, one, problems=(error,)) for name, one in rendered.items()}


def _restricted(looked: Looked, services: frozenset[ServiceName] | None) -> Looked:
    if services is None:
        return looked
    mine = tuple(one for one in looked.wanted if one.service in services)
    return looked._replace(wanted=mine, leftovers=())


def _opened(looked: dict[EnvironmentName, Looked]) -> dict[EnvironmentName, Looked]:
    """Decrypt what is encrypted in the repository and is not provably as it was applied."""
    closed = [
        one.manifest
        for found in looked.values()
        for one in found.wanted
        if one.manifest.closed and one.problem is None and not one.is_as_applied
    ]
    if not closed:
        return looked
    from gitops_cli.manifests.sealed import open_all  # with YAML, where something is encrypted

    answers = {id(one): found for one, found in zip(closed, open_all(closed), strict=True)}

    def open_one(one: WantedObject) -> WantedObject:
        found = answers.get(id(one.manifest), one.manifest)
        if isinstance(found, GitOpsError):
            return one._replace(problem=found)
        return one._replace(manifest=found)

    return {
        name: found._replace(wanted=tuple(map(open_one, found.wanted)))
        for name, found in looked.items()
    }


@dataclass
class _Look:
    cluster: Cluster
    store: Manifests
    snapshot: Snapshot
    team: TeamSettings
    denied: Denials

    def all(self, rendered: Mapping[EnvironmentName, Rendered]) -> dict[EnvironmentName, Looked]:
        wanted = self._scoped({name: self._wanted(one) for name, one in rendered.items()})
        wanted = {name: self._permitted(name, objects) for name, objects in wanted.items()}
        for name, one in rendered.items():
            if one.only_namespaced:
                wanted[name] = [w for w in wanted[name] if w.manifest.id.namespace is not None]
        wanted = _each_in_one(wanted)
        lookups = {name: _lookups(name, objects) for name, objects in wanted.items()}
        found = self._found(lookups)
        parents = {name: _parent(answers) for name, answers in found.items()}
        more = {
            name: self._others(rendered[name], parent, lookups) for name, parent in parents.items()
        }
        others = self._found(more)
        made: dict[EnvironmentName, Looked] = {}
        for name, one in rendered.items():
            answers = {**found[name], **others[name]}
            objects = tuple(self._beside(name, w, answers) for w in wanted[name])
            left, problems = _leftovers(name, objects, answers)
            problems = (*one.errors, *problems)
            parent = parents[name]
            kinds = None if parent is None else kinds_of(parent.annotations)
            stands = parent is not None and stands_for(name, parent.labels, parent.annotations)
            looked = Looked(name, one, objects, left, kinds, Presence.THERE, problems, stands)
            made[name] = self._with_presence(looked)
        return made

    def _wanted(self, rendered: Rendered) -> list[WantedObject]:
        environment = self.snapshot.environment(rendered.environment)
        owned = service_images(environment, rendered.objects, self.team.services)
        found = []
        for index, manifest in enumerate(rendered.objects):
            one = owned.get(index)
            if one is None:
                found.append(WantedObject(manifest))
            else:
                found.append(WantedObject(one.manifest, None, one, one.error))
        return found

    def _scoped(
        self, wanted: Mapping[EnvironmentName, Sequence[WantedObject]]
    ) -> dict[EnvironmentName, list[WantedObject]]:
        """Return the objects with their scopes, in the order of applying."""
        manifests = [one.manifest for objects in wanted.values() for one in objects]
        types = {one.id.type for one in manifests} - BUILT_IN.keys()
        known = self.store.scopes(types) if types else {}
        defined = {
            (kind.group, kind.kind): kind.namespaced
            for kind in map(defined_by, manifests)
            if kind is not None
        }
        scopes = {**defined, **known}

        def scoped(one: WantedObject) -> WantedObject:
            type_ = one.manifest.id.type
            [manifest] = with_scopes([one.manifest], scopes)
            if type_ in BUILT_IN or type_ in known:
                return one._replace(manifest=manifest)
            if type_ in defined:
                return one._replace(manifest=manifest, pending=True)
            return one._replace(problem=self._unknown(manifest))

        def order(one: WantedObject) -> tuple[int, ObjectId]:
            # A Namespace is `None` in the id's place of one; all others have one, or none at all.
            found = one.manifest.id
            return rank(*found.type), found._replace(namespace=found.namespace or "")

        return {name: sorted(map(scoped, objects), key=order) for name, objects in wanted.items()}

    def _unknown(self, manifest: Manifest) -> UnknownKind:
        group, kind = manifest.id.type
        return UnknownKind(
            f"{manifest.where}: {self.cluster.server} has no kind {kind} of {group or 'v1'}",
            hint="keep its CustomResourceDefinition beside it, or install what brings it",
        )

    def _found(self, lookups: Mapping[EnvironmentName, Sequence[Lookup]]) -> _AllAnswers:
        flat = [(name, lookup) for name, some in lookups.items() for lookup in some]
        answers = self.store.find([lookup for _, lookup in flat]) if flat else []
        found: _AllAnswers = {name: {} for name in lookups}
        for (name, lookup), answer in zip(flat, answers, strict=True):
            found[name][lookup] = answer
        return found

    def _permitted(
        self, name: EnvironmentName, wanted: Sequence[WantedObject]
    ) -> list[WantedObject]:
        """Return the objects, those of kinds that are not tried with the reason."""
        reasons = self.denied.get(name, {})
        return [
            one._replace(problem=one.problem or reasons.get(one.manifest.id.type)) for one in wanted
        ]

    def _others(
        self,
        rendered: Rendered,
        parent: Live | None,
        lookups: Mapping[EnvironmentName, Sequence[Lookup]],
    ) -> list[Lookup]:
        """Return what to look for beside: kinds that the set has, and the repository has not."""
        if parent is None:
            return []
        name = rendered.environment
        listed = {one.type for one in lookups[name] if not one.names}
        missing = kinds_of(parent.annotations) - listed - self.denied.get(name, {}).keys()
        strange = missing - BUILT_IN.keys()
        scopes = self.store.scopes(strange) if strange else {}
        label = f"{PART_OF}={set_id(name)}"
        found = []
        for type_ in sorted(missing):
            scope = BUILT_IN.get(type_)
            namespaced = scopes.get(type_) if scope is None else scope.namespaced
            if namespaced or (namespaced is False and not rendered.only_namespaced):
                space = name if namespaced else None
                found.append(Lookup(type_, None, space, labels=label))
        return found

    def _beside(
        self, name: EnvironmentName, wanted: WantedObject, answers: _Answers
    ) -> WantedObject:
        if wanted.problem is not None or wanted.pending:
            return wanted
        one = wanted.manifest.id
        for lookup, answer in answers.items():
            if _is_of(lookup, wanted.manifest):
                if isinstance(answer, GitOpsError):
                    return wanted._replace(problem=answer)
                if one.name in answer:
                    live = answer[one.name]
                    return wanted._replace(live=live, problem=self._others_own(name, one, live))
        return wanted

    def _others_own(self, name: EnvironmentName, one: ObjectId, live: Live) -> GitOpsError | None:
        """Return why an object is not this environment's: it is one of another set's."""
        owner = live.labels.get(PART_OF)
        if owner is None or owner == set_id(name):
            return None
        whose = next((e for e in self.snapshot.environments if set_id(e) == owner), None)
        said = f"the environment {whose}" if whose else f"another ApplySet, {owner}"
        return Blocked(
            f"{name}: {one} belongs to {said}: two never own one object",
            hint="keep it in one of them, or give it another name here",
        )

    def _with_presence(self, looked: Looked) -> Looked:
        missing = any(o.live is None and o.manifest.id.namespace for o in looked.wanted)
        if not missing:
            return looked
        try:
            presence = self.cluster.presence(looked.environment)
        except GitOpsError as error:
            return looked._replace(problems=(*looked.problems, error))
        if presence is not Presence.ABSENT:
            return looked._replace(presence=presence)
        pending = tuple(
            o if o.manifest.id.namespace is None else o._replace(pending=True)
            for o in looked.wanted
        )
        return looked._replace(presence=presence, wanted=pending)


_Answers = dict[Lookup, dict[str, Live] | GitOpsError]
_AllAnswers = dict[EnvironmentName, _Answers]


def _each_in_one(
    wanted: Mapping[EnvironmentName, Sequence[WantedObject]],
) -> dict[EnvironmentName, list[WantedObject]]:
    """Let no object of the cluster be wanted by two environments."""
    owners: dict[ObjectId, list[EnvironmentName]] = {}
    for name, objects in wanted.items():
        for one in objects:
            if one.manifest.id.namespace is None:
                owners.setdefault(one.manifest.id, []).append(name)

    def checked(one: WantedObject) -> WantedObject:
        names = owners.get(one.manifest.id, [])
        if len(names) < 2:
            return one
        error = ConfigurationError(
            f"{one.manifest.where}: {one.manifest.id} is of the whole cluster, and "
            f"{' and '.join(names)} want it both",
            hint="keep it in one of them, or give it a name for each",
        )
        return one._replace(problem=error)

    return {name: [checked(one) for one in objects] for name, objects in wanted.items()}


def _is_of(lookup: Lookup, manifest: Manifest) -> bool:
    one, asked = manifest.id, (lookup.type, lookup.api_version, lookup.namespace)
    may_be = not lookup.labels and (not lookup.names or one.name in lookup.names)
    return may_be and asked == (one.type, manifest.api_version, one.namespace)


def _lookups(name: EnvironmentName, wanted: Iterable[WantedObject]) -> list[Lookup]:
    """Return one LIST for each kind in the namespace, one GET for each object of the cluster.

    Each version for itself: one that the server has no more hides no object of another.
    """
    spaces: dict[tuple[GroupKind, str], None] = {}
    found = []
    for one in wanted:
        if one.problem is not None or one.pending:
            continue
        id_, version = one.manifest.id, one.manifest.api_version
        if id_.namespace is None:
            found.append(Lookup(id_.type, version, None, names=(id_.name,)))
        else:
            spaces[id_.type, version] = None
    found += [Lookup(type_, version, name) for type_, version in spaces]
    if (_CONFIG_MAP, "v1") not in spaces:
        found.append(Lookup(_CONFIG_MAP, "v1", name, names=(PARENT,)))
    return found


def _parent(answers: _Answers) -> Live | None:
    for lookup, answer in answers.items():
        if lookup.type == _CONFIG_MAP and isinstance(answer, dict) and PARENT in answer:
            return answer[PARENT]
    return None


def _leftovers(
    name: EnvironmentName, wanted: Sequence[WantedObject], answers: _Answers
) -> tuple[tuple[Leftover, ...], tuple[GitOpsError, ...]]:
    """Return what the set has and the repository has not; and why some of it is not known.

    A label alone makes nothing ours: controllers copy them, from a Service to its Endpoints.
    """
    mine, known = set_id(name), {one.manifest.id for one in wanted}
    found: dict[ObjectId, Leftover] = {}
    errors: dict[str, GitOpsError] = {}
    told = {str(one.problem) for one in wanted if one.problem is not None}
    for lookup, answer in answers.items():
        if isinstance(answer, GitOpsError):
            if str(answer) not in told:
                errors[str(answer)] = answer
            continue
        for live in answer.values():
            id_ = ObjectId(*lookup.type, lookup.namespace, live.name)
            is_ours = live.labels.get(PART_OF) == mine and live.ours is not None
            if is_ours and id_ not in known and not (live.controlled or live.ending):
                found[id_] = Leftover(id_, live)
    return tuple(found.values()), tuple(errors.values())
