"""The four forms of PATCH, as kube-apiserver understands them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonpatch
import yaml
from jsonpointer import JsonPointerException

from gitops_cli.sandbox.emulator.failures import (
    bad_request,
    patch_failed,
    unsupported_media_type,
)

Json = dict[str, Any]

APPLY = "application/apply-patch+yaml"
_apply: Callable[[Any, Any], Any] = jsonpatch.apply_patch  # the library has no types

# Lists whose items a strategic merge matches by a key (patchMergeKey in the API's types).
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "conditions": "type",
    "ownerReferences": "uid",
}


def patched(current: Json, content_type: str, body: bytes) -> Json:
    """Return `current` with the patch applied; raises the API's failures."""
    match content_type:
        case "application/json-patch+json":
            return _json_patched(current, _decoded(body))
        case "application/merge-patch+json":
            return _merged(current, _decoded(body), strategic=False)
        case "application/strategic-merge-patch+json":
            return _merged(current, _decoded(body), strategic=True)
        case "application/apply-patch+yaml":
            return _merged(current, applied(body), strategic=True)
    raise unsupported_media_type()


def applied(body: bytes) -> Json:
    """Return the object of a server-side apply, which may be YAML."""
    try:
        document = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from error
    if not isinstance(document, dict):
        raise bad_request("error decoding YAML: not an object")
    return document


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from error


def _json_patched(current: Json, operations: Any) -> Json:
    document: Any = copy.deepcopy(current)
    try:
        for operation in operations:
            if not _tests_absence(document, operation):
                document = _apply(document, [operation])
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError) as error:
        raise patch_failed() from error
    if not isinstance(document, dict):
        raise patch_failed()
    return document


def _tests_absence(document: Json, operation: Any) -> bool:
    """Tell whether the operation is `test … null` of something absent.

    The real server's library takes that as true, unlike RFC 6902, and the one way to add the first
    annotation safely depends on it.
    """
    if (
        not isinstance(operation, dict)
        or operation.get("op") != "test"
        or operation.get("value", "") is not None
    ):
        return False
    found: Any = document
    for part in operation["path"].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found is None


def _merged(current: Json, patch: Any, *, strategic: bool) -> Json:
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: not an object")
    result = dict(current)
    for key, value in patch.items():
        if key.startswith("$"):  # hints about order, which no one here depends on
            continue
        old = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = old if isinstance(old, dict) else {}
            result[key] = _merged(below, value, strategic=strategic)
        elif strategic and isinstance(value, list) and key in _MERGE_KEYS:
            result[key] = _merged_list(old or [], value, _MERGE_KEYS[key])
        else:
            result[key] = value
    return result


def _merged_list(old: list[Json], new: list[Json], key: str) -> list[Json]:
    items = {item.get(key): item for item in old}
    for item in new:
        if item.get("$patch") == "delete":
            items.pop(item.get(key), None)
        else:
            items[item.get(key)] = _merged(items.get(item.get(key), {}), item, strategic=True)
    return list(items.values())
