"""The emulated API: one request in, one answer (or a watch) out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gitops_cli.sandbox.emulator.admission import admitted, generation
from gitops_cli.sandbox.emulator.failures import (
    ApiFailure,
    already_exists,
    bad_request,
    invalid,
    method_not_allowed,
    no_protobuf,
    not_found,
    unknown_path,
)
from gitops_cli.sandbox.emulator.naming import suffix
from gitops_cli.sandbox.emulator.patches import APPLY, applied, patched
from gitops_cli.sandbox.emulator.pods import retire
from gitops_cli.sandbox.emulator.protobuf import namespace_in
from gitops_cli.sandbox.emulator.resources import (
    ASKED,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    RULES,
    ServedResource,
    discovery,
    is_served,
    resource_at,
)
from gitops_cli.sandbox.emulator.selectors import selection
from gitops_cli.sandbox.emulator.store import EmulatedObjects
from gitops_cli.sandbox.emulator.subresources import log_of, nothing_to_enter, scale_of, scaled
from gitops_cli.sandbox.emulator.tables import table
from gitops_cli.sandbox.emulator.watches import Watch

Json = dict[str, Any]


class ApiRequest(NamedTuple):
    """One HTTP request; `path` without its query."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes = b""
    content_type: str = "application/json"
    accept: str = "application/json"


class ApiAnswer(NamedTuple):
    """One HTTP answer; a string is sent as plain text."""

    code: int
    body: Json | str


class _Target(NamedTuple):
    resource: ServedResource
    namespace: str | None
    name: str | None
    sub: str | None


def handle(store: EmulatedObjects, request: ApiRequest) -> ApiAnswer | Iterator[Json]:
    """Answer the request; an iterator is the events of a watch. Never raises ApiFailure."""
    try:
        if "protobuf" in request.content_type:
            request = _from_protobuf(request)
        return _handle(store, request)
    except ApiFailure as failure:
        return ApiAnswer(failure.code, failure.status)


def _from_protobuf(request: ApiRequest) -> ApiRequest:
    """Return the same request with its one kind of object as JSON; raises ApiFailure."""
    namespace = namespace_in(request.body)
    if namespace is None:
        raise no_protobuf()
    body = json.dumps(namespace).encode()
    return request._replace(body=body, content_type="application/json")


def _handle(store: EmulatedObjects, request: ApiRequest) -> ApiAnswer | Iterator[Json]:
    parts = [part for part in request.path.split("/") if part]
    document = discovery(parts)
    if document is not None:
        return ApiAnswer(200, document)
    target = _target(parts)
    if target is None:
        return ApiAnswer(404, "404 page not found\n")
    if target.resource in ASKED:
        return _review(request)
    if target.sub is not None:
        return _subresource(store, request, target, target.sub)
    match request.method, target.name:
        case "GET", None:
            return _collection(store, request, target)
        case "GET", name if name is not None:
            body = store.get(target.resource, target.namespace or "", name)
            return ApiAnswer(200, _shown(request, target.resource, body))
        case "POST", None:
            return ApiAnswer(201, _create(store, request, target, _document(request.body)))
        case (("PUT" | "PATCH"), name) if name is not None:
            return _write(store, request, target, name)
        case "DELETE", name if name is not None:
            return ApiAnswer(200, _delete(store, request, target, name))
    raise method_not_allowed()


def _target(parts: list[str]) -> _Target | None:
    match parts:
        case ["api", "v1", *rest]:
            group, version = "", "v1"
        case ["apis", group, version, *rest] if is_served(group, version):
            pass
        case _:
            return None
    namespace = None
    if len(rest) > 2 and rest[0] == "namespaces" and resource_at(group, version, rest[2]):
        namespace, rest = rest[1], rest[2:]
    resource = resource_at(group, version, rest[0]) if len(rest) in (1, 2, 3) else None
    if resource is None:
        raise unknown_path()
    name, sub = [*rest[1:], None, None][:2]
    return _Target(resource, namespace, name, sub)


def _review(request: ApiRequest) -> ApiAnswer:
    """Everything is permitted to the one user there is."""
    if request.method != "POST":
        raise method_not_allowed()
    document = _document(request.body)
    status: Json = {"allowed": True}
    if document.get("kind") == RULES.kind:
        rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        status = {"resourceRules": [rule], "nonResourceRules": [], "incomplete": False}
    return ApiAnswer(201, {**document, "metadata": {}, "status": status})


def _collection(
    store: EmulatedObjects, request: ApiRequest, target: _Target
) -> ApiAnswer | Iterator[Json]:
    query = request.query
    match = selection(query.get("labelSelector", ""), query.get("fieldSelector", ""))
    if query.get("watch") in {"1", "true"}:
        shown = _as_event(request, target.resource)
        return Watch(store, target.resource, target.namespace, match, shown).events(query)
    with store.lock:
        bodies = [b for b in store.select(target.resource, target.namespace) if match(b)]
        revision = str(store.revision)
    if _wants_table(request):
        include = query.get("includeObject", "Metadata")
        return ApiAnswer(200, table(target.resource, bodies, revision=revision, include=include))
    listed = {
        "kind": f"{target.resource.kind}List",
        "apiVersion": target.resource.api_version,
        "metadata": {"resourceVersion": revision},
        "items": [{k: v for k, v in b.items() if k not in ("kind", "apiVersion")} for b in bodies],
    }
    return ApiAnswer(200, listed)


def _as_event(request: ApiRequest, resource: ServedResource) -> Callable[[Json], Json]:
    return lambda body: _shown(request, resource, body)


def _wants_table(request: ApiRequest) -> bool:
    return "as=Table" in request.accept


def _shown(request: ApiRequest, resource: ServedResource, body: Json) -> Json:
    if not _wants_table(request):
        return body
    include = request.query.get("includeObject", "Metadata")
    revision = body["metadata"]["resourceVersion"]
    return table(resource, [body], revision=revision, include=include)


def _create(store: EmulatedObjects, request: ApiRequest, target: _Target, body: Json) -> Json:
    resource = target.resource
    if body.get("kind", resource.kind) != resource.kind:
        raise bad_request(
            f'{body["kind"]} in version "{body.get("apiVersion", "")}" cannot be handled as a '
            f"{resource.kind}"
        )
    metadata = dict(body.get("metadata") or {})
    if "name" not in metadata and "generateName" in metadata:
        metadata["name"] = metadata["generateName"] + suffix()
    name = metadata.get("name")
    if not name:
        told = "Required value: name or generateName is required"
        raise invalid(resource, "", [("metadata.name", "FieldValueRequired", told)])
    namespace = target.namespace or ""
    if resource.namespaced:
        metadata["namespace"] = namespace
    for given in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
        metadata.pop(given, None)
    with store.lock:
        if resource.namespaced:
            store.get(NAMESPACES, "", namespace)
        if store.find(resource, namespace, name) is not None:
            raise already_exists(resource, name)
        body = {"kind": resource.kind, "apiVersion": resource.api_version, **body}
        body = admitted(resource, {**body, "metadata": metadata})
        first = generation(resource, body, None)
        if first is not None:
            body["metadata"]["generation"] = first
        return store.create(resource, body, dry_run=_is_dry_run(request))


def _write(store: EmulatedObjects, request: ApiRequest, target: _Target, name: str) -> ApiAnswer:
    resource, namespace = target.resource, target.namespace or ""
    with store.lock:
        old = store.find(resource, namespace, name)
        if old is None and request.content_type == APPLY:
            return ApiAnswer(201, _create(store, request, target, applied(request.body)))
        if old is None:
            raise not_found(resource, name)
        new = _new_content(request, old)
        _check_name(new, name)
        if target.sub == "status":
            new = {**old, "status": new.get("status", {})}
        else:
            new = _with_servers_fields(resource, new, old)
        return ApiAnswer(200, store.replace(resource, new, dry_run=_is_dry_run(request)))


def _new_content(request: ApiRequest, old: Json) -> Json:
    if request.method == "PATCH":
        return patched(old, request.content_type, request.body)
    return _document(request.body)


def _check_name(body: Json, name: str) -> None:
    given = (body.get("metadata") or {}).get("name")
    if given != name:
        raise bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({name})"
        )


def _with_servers_fields(resource: ServedResource, new: Json, old: Json) -> Json:
    """Return the new content with what only the server may say, and its defaults."""
    kept = ("uid", "creationTimestamp", "namespace", "generation")
    metadata = {
        "resourceVersion": old["metadata"]["resourceVersion"],
        **new["metadata"],
        **{key: old["metadata"][key] for key in kept if key in old["metadata"]},
    }
    new = {**old, **new, "metadata": metadata}
    if "status" in old:
        new["status"] = old["status"]
    new = admitted(resource, new, old)
    raised = generation(resource, new, old)
    if raised is not None:
        new["metadata"]["generation"] = raised
    return new


def _delete(store: EmulatedObjects, request: ApiRequest, target: _Target, name: str) -> Json:
    resource, namespace = target.resource, target.namespace or ""
    if _is_dry_run(request):
        return store.get(resource, namespace, name)
    with store.lock:
        if resource is PODS:
            return retire(store, store.get(PODS, namespace, name))
        gone = store.delete(resource, namespace, name)
        if resource is NAMESPACES:
            store.empty(name)
            return {**gone, "status": {"phase": "Terminating"}}
    return gone


def _subresource(
    store: EmulatedObjects, request: ApiRequest, target: _Target, sub: str
) -> ApiAnswer:
    name = target.name or ""
    body = store.get(target.resource, target.namespace or "", name)
    if sub == "status" and request.method != "GET":
        return _write(store, request, target, name)
    if sub == "status":
        return ApiAnswer(200, body)
    if sub == "log" and target.resource is PODS:
        return ApiAnswer(200, log_of(body, request.query))
    if sub in ("exec", "attach", "portforward") and target.resource is PODS:
        raise nothing_to_enter(body)
    if sub == "scale" and target.resource is DEPLOYMENTS:
        if request.method != "GET":
            scale = _new_content(request, scale_of(body))
            new = _with_servers_fields(target.resource, scaled(body, scale), body)
            body = store.replace(target.resource, new, dry_run=_is_dry_run(request))
        return ApiAnswer(200, scale_of(body))
    raise unknown_path()


def _is_dry_run(request: ApiRequest) -> bool:
    return request.query.get("dryRun") == "All"


def _document(body: bytes) -> Json:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error
    if not isinstance(document, dict):
        raise bad_request("the object provided is unrecognized: not an object")
    return copy.deepcopy(document)
