"""The manifests of a namespace: its workloads and what they need. Secrets only if asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Raw

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import RESOURCES, Api, Doing, Refused, Resource
from gitops_cli.cluster.decoding import Whole
from gitops_cli.cluster.manifests import HELD_LIST, MANY
from gitops_cli.cluster.own_kinds import chosen_kinds, present
from gitops_cli.cluster.reading import Listed, fetch_items
from gitops_cli.domain.cluster.capturing import Exported
from gitops_cli.domain.cluster.manifest import portable
from gitops_cli.domain.errors import Denied, GitOpsError
from gitops_cli.domain.manifests.applyset import PARENT
from gitops_cli.domain.manifests.needs import needs_of, pod_spec
from gitops_cli.domain.manifests.objects import Manifest, ObjectId, is_object_name
from gitops_cli.domain.names import AGENT, AGENT_SIGNERS, EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.text import one_line
from gitops_cli.plain_yaml import written
from gitops_cli.web.parallel import attempt_all

_WORKLOAD = Whole(schema.Manifest)
_ANY = Whole(schema.FreelyNamed)
_SERVICE = Whole(schema.Service)
_MOST = 100  # characters of a name that is told
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_CLUSTERS_OWN = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ConfigMap", "istio-ca-root-cert"),
        ("ConfigMap", "openshift-service-ca.crt"),
        ("Service", "kubernetes"),
        ("Endpoints", "kubernetes"),
        ("RoleBinding", "system:deployers"),
        ("RoleBinding", "system:image-builders"),
        ("RoleBinding", "system:image-pullers"),
    }
)
# Every namespace gets these; somebody may have given them more, such as what pulls images.
_GIVEN = frozenset({"default", "builder", "deployer"})
_LEADER = "control-plane.alpha.kubernetes.io/leader"  # who leads writes it, into whatever it likes
_OURS = frozenset({AGENT, AGENT_SIGNERS, PARENT})  # what the agent and `sync` note for themselves


class _Listed(NamedTuple):
    kind: str
    resource: Resource
    needed: bool = False
    own: str | None = None
    """The name of a kind that is not Kubernetes' own, and was asked for."""

    def file_of(self, name: str) -> str:
        """Return how the file of an object is called: several groups may have one kind.

        The `:` of many a Role is none of a file on every system, and `%` of no name at all.
        """
        group = f".{self.own.partition('.')[2]}" if self.own else ""
        return f"{self.kind.lower()}{group}-{name.replace(':', '%3A')}.yaml"

    @property
    def _decoder(self) -> Whole[Any]:
        if self.needed:
            return _WORKLOAD
        return _SERVICE if self.kind == "Service" and self.own is None else _ANY

    def read(self, item: Raw) -> tuple[str, _Item]:
        """Return an object's name, and the object. Raises ValueError."""
        shape, whole = self._decoder.both(item)
        # What a controller made it will make again.
        made = any(owner.controller for owner in shape.metadata.owner_references or ())
        noted = whole["metadata"].get("annotations") or {}
        return shape.metadata.name, _Item(whole, made or _LEADER in noted)


class _Item(NamedTuple):
    whole: dict[str, Any]
    is_made: bool


_ALL = (
    *(_Listed(kind.value, resource, needed=True) for kind, resource in RESOURCES.items()),
    _Listed("Service", Resource("/api/v1", "services")),
    _Listed("ConfigMap", Resource("/api/v1", "configmaps")),
    _Listed("Ingress", Resource("/apis/networking.k8s.io/v1", "ingresses")),
    _Listed("ServiceAccount", Resource("/api/v1", "serviceaccounts")),
    _Listed("PersistentVolumeClaim", Resource("/api/v1", "persistentvolumeclaims")),
    _Listed("ResourceQuota", Resource("/api/v1", "resourcequotas")),
    _Listed("LimitRange", Resource("/api/v1", "limitranges")),
    _Listed("Role", Resource(_RBAC, "roles")),
    _Listed("RoleBinding", Resource(_RBAC, "rolebindings")),
    _Listed(
        "HorizontalPodAutoscaler", Resource("/apis/autoscaling/v2", "horizontalpodautoscalers")
    ),
    _Listed("PodDisruptionBudget", Resource("/apis/policy/v1", "poddisruptionbudgets")),
    _Listed("NetworkPolicy", Resource("/apis/networking.k8s.io/v1", "networkpolicies")),
)


# Where a Service selects no pods, somebody wrote where it leads.
_ADDRESSES = (
    _Listed("Endpoints", Resource("/api/v1", "endpoints")),
    _Listed("EndpointSlice", Resource("/apis/discovery.k8s.io/v1", "endpointslices")),
)
_ALONE = (
    _Listed("Job", Resource("/apis/batch/v1", "jobs")),
    _Listed("Pod", Resource("/api/v1", "pods")),
    _Listed("ReplicaSet", Resource("/apis/apps/v1", "replicasets")),
)
_MOST_NAMED = 5
_SERVICE_OF = "kubernetes.io/service-name"
_SECRET = _Listed("Secret", Resource("/api/v1", "secrets"))
# What a cluster, or a tool in it, makes for itself; with another one it is worth nothing.
_MADE = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/", "helm.sh/release.")
_MAKERS = ("cert-manager.io/certificate-name",)


def export(
    api: Api,
    namespace: EnvironmentName,
    workloads: Collection[tuple[Kind, str]],
    *,
    secrets: bool = False,
    own: Collection[str] = (),
) -> Exported:
    """Return the named workloads, and all else of Kubernetes' own kinds that stays, as YAML files.

    What may not be listed of the latter is in a note. With `secrets` those that nothing in the
    cluster makes, too; `own` are names of more kinds. Raises Denied, ClusterError, UsageError.
    """
    more, others = chosen_kinds(api, own)
    wanted = {(kind.value, name) for kind, name in workloads}
    kinds = {kind.value for kind, _ in workloads}
    asked = [one for one in _ALL if not one.needed or one.kind in kinds]
    asked += [_SECRET] if secrets else []
    asked += [_Listed(one.kind, one.resource, own=one.name) for one in more]

    def listed(one: _Listed) -> Listed:
        doing = Doing("list", one.resource, namespace)
        return fetch_items(api, doing, schema.MANIFESTS, one.read)

    answers = attempt_all(listed, asked)
    if leading := _selecting_nothing(asked, answers):
        asked += _ADDRESSES
        answers += attempt_all(listed, _ADDRESSES)
    files: dict[str, bytes] = {}
    denied: list[str] = []
    strange: list[str] = []
    claims: set[str] = set()
    found: list[dict[str, Any]] = []
    needed: set[str] = set()
    for one, name, item in _answered(asked, answers, denied):
        if _is_left_out(one, name, item, wanted, leading):
            continue
        if not is_object_name(name):
            strange.append(f"{one.kind} {name}")
            continue
        manifest = portable(one.resource.api_version, one.kind, item.whole)
        if _is_given(one, manifest):
            continue
        claims |= _claims(one.kind, name, manifest)
        if one is _SECRET:
            found += [] if _is_made(item.whole) else [manifest]
            continue
        needed |= _needed(one, manifest)
        files[one.file_of(name)] = written(manifest).encode()
    files = {name: text for name, text in files.items() if not _of_a_set(name, claims)}
    more_of = present(api, namespace, others)
    notes = (*_notes(namespace, denied, strange, more_of), *_alone(api, namespace))
    return Exported(files, notes, tuple(sorted(needed)), tuple(found))


def _answered(
    asked: Sequence[_Listed], answers: Sequence[Listed | GitOpsError], denied: list[str]
) -> Iterator[tuple[_Listed, str, _Item]]:
    """Yield all objects; what may not be listed, and need not be, is added to `denied`."""
    for one, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Denied) and not (one.needed or one.own) and one is not _SECRET:
            denied.append(str(one.resource))
        elif isinstance(answer, Refused) and answer.status == 404 and not one.needed:
            continue  # a cluster need not serve each of these kinds
        elif isinstance(answer, GitOpsError):
            raise answer
        else:
            yield from ((one, name, item) for name, item in answer.values.items())


def _is_left_out(
    one: _Listed, name: str, item: _Item, wanted: set[tuple[str, str]], leading: set[str]
) -> bool:
    """Tell whether the cluster, a controller or we make an object, or nobody asked for it."""
    if name in _OURS or (one.own is None and (one.kind, name) in _CLUSTERS_OWN):
        return True
    if item.is_made or (one.needed and (one.kind, name) not in wanted):
        return True
    return one in _ADDRESSES and _leads_for(one, name, item.whole) not in leading


def _notes(
    namespace: str, denied: Sequence[str], strange: Sequence[str], others: Sequence[str]
) -> Iterator[str]:
    if denied:
        yield f"{namespace}: not permitted to list {', '.join(denied)}: left out"
    for named in strange:
        yield f"{namespace}: {one_line(named)[:_MOST]} is left out: manifests take no such name"
    if others:
        names = ", ".join(map(one_line, others))
        yield f"{namespace}: has {names} as well, which is left out; --kind NAME keeps it"


def _alone(api: Api, namespace: EnvironmentName) -> Iterator[str]:
    """Yield a note of what runs once or by itself: no manifest brings it back as it was."""

    def read(item: schema.Held) -> tuple[str, bool]:
        return item.metadata.name, not item.metadata.owner_references

    answers = attempt_all(
        lambda one: fetch_items(
            api, Doing("list", one.resource, namespace), HELD_LIST, read, accept=MANY
        ),
        _ALONE,
    )
    names = [
        f"{one.kind.lower()}/{one_line(name)[:_MOST]}"
        for one, answer in zip(_ALONE, answers, strict=True)
        if not isinstance(answer, GitOpsError)
        for name, is_alone in answer.values.items()
        if is_alone
    ]
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        yield (
            f"{namespace}: {', '.join(names[:_MOST_NAMED])}{more} left out: nothing makes it again"
        )


def _selecting_nothing(asked: Sequence[_Listed], answers: Sequence[Any]) -> set[str]:
    """Return the Services whose addresses no controller finds."""
    found: set[str] = set()
    for one, answer in zip(asked, answers, strict=True):
        if one.kind == "Service" and one.own is None and not isinstance(answer, GitOpsError):
            for name, item in answer.values.items():
                spec = item.whole.get("spec") or {}
                if not spec.get("selector") and spec.get("type") != "ExternalName":
                    found.add(name)
    return found


def _leads_for(one: _Listed, name: str, whole: Mapping[str, Any]) -> str:
    labels = whole["metadata"].get("labels") or {}
    return name if one.kind == "Endpoints" else str(labels.get(_SERVICE_OF) or "")


def _is_given(one: _Listed, manifest: Mapping[str, Any]) -> bool:
    """Tell whether it is a service account as every namespace gets it."""
    metadata = manifest["metadata"]
    is_bare = manifest.keys() == {"apiVersion", "kind", "metadata"} and len(metadata) == 1
    return one.kind == "ServiceAccount" and metadata["name"] in _GIVEN and is_bare


def _claims(kind: str, name: str, manifest: Mapping[str, Any]) -> set[str]:
    """Return how the claims are called that a StatefulSet makes, but for their numbers."""
    if kind != "StatefulSet":
        return set()
    templates = (manifest.get("spec") or {}).get("volumeClaimTemplates") or ()
    return {f"{template['metadata']['name']}-{name}" for template in templates}


def _of_a_set(file: str, claims: Collection[str]) -> bool:
    made = re.fullmatch(r"persistentvolumeclaim-(.+)-\d+\.yaml", file)
    return made is not None and made[1] in claims


def _needed(one: _Listed, content: Mapping[str, Any]) -> set[str]:
    """Return the Secrets that the pods of an object name."""
    group = one.resource.api_version.rpartition("/")[0]
    name = ObjectId(group, one.kind, None, content["metadata"]["name"])
    spec = pod_spec(Manifest(name, one.resource.api_version, content, "", 1))
    needs = needs_of(spec) if spec is not None else ()
    return {need.name for need in needs if need.kind == "Secret"}


def _is_made(secret: Mapping[str, Any]) -> bool:
    notes = (secret.get("metadata") or {}).get("annotations") or {}
    name = secret["metadata"]["name"]
    made = str(secret.get("type") or "").startswith(_MADE) or any(
        maker in notes for maker in _MAKERS
    )
    return made or name.startswith(f"{AGENT}-")
