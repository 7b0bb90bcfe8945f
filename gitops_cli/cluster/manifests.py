"""Objects of any kind, as manifests want them: what is there, and server-side apply."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import Api, Doing, Refused, Resource
from gitops_cli.cluster.decoding import Whole
from gitops_cli.cluster.reading import Room, fetch_items, read_one
from gitops_cli.domain.cluster.writers import FIELD_MANAGER
from gitops_cli.domain.errors import ClusterError, GitOpsError, UnknownKind
from gitops_cli.domain.manifests.kinds import BUILT_IN, Scope
from gitops_cli.domain.manifests.lookup import Lookup
from gitops_cli.domain.manifests.objects import Manifest, ObjectId
from gitops_cli.domain.manifests.ownership import Live, ManagerEntry
from gitops_cli.domain.manifests.report import Conflict, FieldsTaken, taken_message
from gitops_cli.domain.text import one_line
from gitops_cli.web.parallel import attempt_all

Type = tuple[str, str]  # group and kind

_AS = "application/json;as={};g=meta.k8s.io;v=v1"
_ONE = _AS.format("PartialObjectMetadata")
MANY = _AS.format("PartialObjectMetadataList")
_ALL_KINDS = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_PATCH = "application/json-patch+json"
_HELD = Decoder(schema.Held)
HELD_LIST = Decoder(schema.ListOf[schema.Held])
_GROUPS = Decoder(schema.Groups)
_DEFINITION = Decoder(schema.Definition)
_FIELDS = Decoder(dict[str, Any])
_WHOLE = Whole(schema.FreelyNamed)  # of what is asked for by its name
_VERSIONS = {"autoscaling": "v2"}


class Manifests:
    """Reads and applies objects of one cluster. Safe to use from several threads."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._discovered: dict[Type, tuple[str, Scope]] | None = None

    def scopes(self, types: Collection[Type]) -> dict[Type, bool]:
        """Tell of each kind that the server has whether its objects are in namespaces.

        Raises Denied, ClusterError.
        """
        found = {}
        for one in types:
            scope = self._scope(one)
            if scope is not None:
                found[one] = scope.namespaced
        return found

    def plurals(self, types: Collection[Type]) -> dict[Type, str]:
        """Return of each kind that the server has what its objects are called in rights.

        Raises Denied, ClusterError.
        """
        scopes = {one: self._scope(one) for one in types}
        return {one: scope.plural for one, scope in scopes.items() if scope is not None}

    def kinds(self) -> Mapping[Type, tuple[str, Scope]]:
        """Return all kinds that the server tells, with their versions. Raises ClusterError."""
        return self._discovery()

    def forget_kinds(self) -> None:
        """Ask anew which kinds there are: some have been made."""
        self._discovered = None

    def find(self, lookups: Sequence[Lookup]) -> list[dict[str, Live] | GitOpsError]:
        """Return for each lookup what is there, by name, without its content; all at once."""
        room = Room()
        for lookup in lookups:
            self._known(lookup.type)
        return attempt_all(lambda lookup: self._find(lookup, room), lookups)

    def get(self, manifest: Manifest) -> dict[str, Any] | None:
        """Return an object as it is; None if there is none. Raises Denied, ClusterError."""
        doing = self._doing("get", manifest.id, manifest.api_version)
        return self._api.find(doing, _WHOLE)

    def apply(
        self, manifest: Manifest, content: Mapping[str, Any], *, dry_run: bool, force: bool = False
    ) -> dict[str, Any]:
        """Apply a content server-side and return the object.

        Raises FieldsTaken where another manager has a field that the content wants otherwise,
        unless `force` takes it; Denied, ClusterError.
        """
        doing = self._doing("patch", manifest.id, manifest.api_version)
        query: dict[str, str | int] = {"fieldManager": FIELD_MANAGER}
        if force:
            query["force"] = "true"
        if dry_run:
            query["dryRun"] = "All"
        path = doing.path("", **query)
        try:
            return self._api.ask(
                doing, _WHOLE, "PATCH", path=path, body=content, content_type=_APPLY
            )
        except Refused as refused:
            conflicts = tuple(_conflicts(refused))
            if not conflicts:
                raise self._told(refused, manifest.id.type, manifest.api_version) from refused
            raise FieldsTaken(taken_message(manifest.id, conflicts), conflicts) from refused

    def amend(
        self, manifest: Manifest, before: Mapping[str, Any], operations: Sequence[Any]
    ) -> bool:
        """Change an object by a JSON patch; False if it is another one by now.

        Raises Denied, ClusterError.
        """
        doing = self._doing("patch", manifest.id, manifest.api_version)
        version = before["metadata"].get("resourceVersion")
        body = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            *operations,
        ]
        path = doing.path("", fieldManager=FIELD_MANAGER)
        try:
            self._api.ask(doing, _WHOLE, "PATCH", path=path, body=body, content_type=_PATCH)
        except Refused as refused:
            if refused.status in (404, 409):
                return False
            raise
        return True

    def delete(
        self, object_id: ObjectId, api_version: str | None, live: Live, *, dry_run: bool
    ) -> bool:
        """Delete an object and what it owns; False if it is gone, or is another one now.

        Raises Denied, ClusterError.
        """
        doing = self._doing("delete", object_id, api_version)
        # Beside a body the server reads no query.
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": live.uid, "resourceVersion": live.version},
            "dryRun": ["All"] if dry_run else [],
        }
        try:
            self._api.tell(doing, "DELETE", body=body)
        except Refused as refused:
            if refused.status in (404, 409):
                return False
            raise
        return True

    def has_instances(self, definition: str) -> bool:
        """Tell whether there is any object of the kind that a definition, by its name, brings."""
        plural, _, group = definition.partition(".")
        version = next(
            (
                version
                for (of, _), (version, scope) in self._discovery().items()
                if of == group and scope.plural == plural
            ),
            None,
        )
        if version is None:
            return False
        doing = Doing("list", Resource(f"/apis/{group}/{version}", plural))
        answer = self._api.ask(doing, HELD_LIST, path=doing.path(limit=1), accept=MANY)
        return bool(answer.items)

    def is_established(self, definition: Manifest) -> bool:
        """Tell whether objects of the kind that a definition brings can be made by now."""
        doing = self._doing("get", definition.id, definition.api_version)
        status = self._api.ask(doing, _DEFINITION).status
        conditions = (status.conditions if status is not None else None) or ()
        return any(c.type == "Established" and c.status == "True" for c in conditions)

    def _find(self, lookup: Lookup, room: Room) -> dict[str, Live]:
        resource = self._resource(lookup.type, lookup.api_version)
        if lookup.names:
            named = (self._held(resource, lookup.namespace, name) for name in lookup.names)
            return {live.name: live for live in named if live is not None}
        doing = Doing("list", resource, lookup.namespace)
        try:
            found = fetch_items(
                self._api, doing, HELD_LIST, _live, room, accept=MANY, labels=lookup.labels
            )
        except Refused as refused:
            raise self._told(refused, lookup.type, lookup.api_version) from refused
        return dict(found.values)

    def _told(self, refused: Refused, type_: Type, version: str | None) -> ClusterError:
        """Return a refusal, or that the kind is not served in this version where that is why."""
        if refused.status != 404 or refused.has_details or version is None:
            return refused
        known = self._discovery().get(type_)
        return UnknownKind(
            f"{self._api.access.server} does not serve {version} of {type_[1]}",
            hint=f"it has {type_[0]}/{known[0]}: write that apiVersion" if known else None,
        )

    def _held(self, resource: Resource, namespace: str | None, name: str) -> Live | None:
        doing = Doing("get", resource, namespace, name)
        item = self._api.find(doing, _HELD, accept=_ONE)
        return None if item is None else read_one(self._api, doing, item, _live)[1]

    def _doing(self, verb: str, one: ObjectId, api_version: str | None) -> Doing:
        return Doing(verb, self._resource(one.type, api_version), one.namespace, one.name)

    def _resource(self, type_: Type, api_version: str | None) -> Resource:
        scope = self._scope(type_)
        if scope is None:
            group, kind = type_
            raise UnknownKind(
                f"{self._api.access.server} has no kind {kind} of {group or 'v1'}",
                hint="what brings it, such as its CustomResourceDefinition, is not installed there",
            )
        group = type_[0]
        version = api_version or self._version(type_)
        base = f"/apis/{version}" if group else f"/api/{version}"
        return Resource(base, scope.plural)

    def _version(self, type_: Type) -> str:
        group, built_in = type_[0], type_ in BUILT_IN
        version = _VERSIONS.get(group, "v1") if built_in else self._discovery()[type_][0]
        return f"{group}/{version}" if group else version

    def _known(self, type_: Type) -> None:
        """Let discovery, if it is needed, not happen in each of many threads."""
        if type_ not in BUILT_IN:
            self._discovery()

    def _scope(self, type_: Type) -> Scope | None:
        known = BUILT_IN.get(type_)
        if known is not None:
            return known
        found = self._discovery().get(type_)
        return None if found is None else found[1]

    def _discovery(self) -> dict[Type, tuple[str, Scope]]:
        if self._discovered is None:
            doing = Doing("list", Resource("", "apis"))
            answer = self._api.ask(doing, _GROUPS, path="/apis", accept=_ALL_KINDS)
            if answer.kind != "APIGroupDiscoveryList":
                raise ClusterError(
                    f"{self._api.access.server} does not tell its kinds in one answer: it is older "
                    "than Kubernetes 1.28"
                )
            self._discovered = dict(_kinds(answer.items or ()))
        return self._discovered


def _kinds(groups: Iterable[Any]) -> Iterable[tuple[Type, tuple[str, Scope]]]:
    """Yield every kind with its preferred version, which comes last: others yield to it."""
    for group in groups:
        for version in reversed(group.versions or ()):
            for one in version.resources or ():
                if one.response_kind.kind:
                    scope = Scope(one.resource, one.scope == "Namespaced")
                    yield (group.metadata.name, one.response_kind.kind), (version.version, scope)


def _live(item: schema.Held) -> tuple[str, Live]:
    held = item.metadata
    return held.name, Live(
        held.name,
        held.uid,
        held.resource_version,
        held.labels or {},
        held.annotations or {},
        tuple(_entries(held.managed_fields or ())),
        any(owner.controller for owner in held.owner_references or ()),
        held.deletion_timestamp is not None,
    )


def _entries(entries: Iterable[schema.HeldEntry]) -> Iterable[ManagerEntry]:
    """Yield who owns what, as far as it is looked at: we, and who scales."""
    for entry in entries:
        ours = entry.manager == FIELD_MANAGER and entry.operation == "Apply"
        if ours or entry.subresource == "scale":
            fields = _FIELDS.decode(entry.fields) if entry.fields != Raw() else {}
            yield ManagerEntry(entry.manager, entry.operation, entry.subresource, fields)


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""
    field: str = ""


def _conflicts(refused: Refused) -> Iterable[Conflict]:
    """Yield who has which fields, of a 409 of server-side apply."""
    if refused.status != 409:
        return
    try:
        causes = msgspec.convert(refused.details.get("causes") or [], list[_Cause])
    except msgspec.ValidationError:
        return
    fields: dict[str, list[str]] = {}
    for cause in causes:
        if cause.reason == "FieldManagerConflict":
            manager = cause.message.partition('"')[2].partition('"')[0]
            fields.setdefault(one_line(manager) or "somebody", []).append(one_line(cause.field))
    for manager, named in fields.items():
        yield Conflict(manager, tuple(named))
