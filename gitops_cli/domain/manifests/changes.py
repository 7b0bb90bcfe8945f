"""What an apply changes of an object, as far as it is ours: before and after, without secrets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gitops_cli.domain.cluster.workload import OUR_ANNOTATIONS
from gitops_cli.domain.manifests.applyset import PART_OF
from gitops_cli.domain.manifests.kinds import SECRET
from gitops_cli.domain.manifests.ownership import APPLIED

Object = Mapping[str, Any]

_ABSENT: Any = object()
_KEY = os.urandom(32)
_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
_NOTED = frozenset(
    {
        *OUR_ANNOTATIONS,
        APPLIED,
        "deployment.kubernetes.io/revision",
        "deprecated.daemonset.template.generation",
        "kubectl.kubernetes.io/last-applied-configuration",
    }
)
# By which items of a list are told apart, whatever the kind (`x-kubernetes-list-map-keys`).
_KEYS = (
    ("name",),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("mountPath",),
    ("devicePath",),
    ("topologyKey", "whenUnsatisfiable"),
    ("type",),
    ("ip",),
    ("uid",),
)


class ObjectChange(NamedTuple):
    """An object before and after; one of them is None where it is made or goes away."""

    before: Object | None
    after: Object | None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing would change."""
        return self.before == self.after

    def operations(self) -> list[dict[str, Any]]:
        """Return the JSON patch from one to the other; a whole object has the path ``."""
        if self.before is None:
            return [{"op": "add", "path": "", "value": self.after}]
        if self.after is None:
            return [{"op": "remove", "path": ""}]
        return list(_operations(self.before, self.after, ""))


def change(kind: tuple[str, str], live: Object, result: Object, wanted: Object) -> ObjectChange:
    """Return what an apply of `wanted` makes of a live object, going by the server's `result`.

    What the server adds beside (defaults, webhooks' additions) is no change of ours.
    """
    before, after = bare(live), bare(result)
    return _without_secrets(kind, ObjectChange(before, _merged(before, after, bare(wanted))))


def made(kind: tuple[str, str], wanted: Object) -> ObjectChange:
    return _without_secrets(kind, ObjectChange(None, bare(wanted)))


def bare(content: Object) -> dict[str, Any]:
    """Return an object without its status, and without what a server or we note on it."""
    kept = {key: value for key, value in content.items() if key not in {"status", "metadata"}}
    metadata = content.get("metadata") or {}
    own = {key: metadata[key] for key in ("name", "namespace", *_METADATA) if key in metadata}
    for key, noted in (("annotations", _NOTED), ("labels", {PART_OF})):
        left = {k: v for k, v in (own.pop(key, None) or {}).items() if k not in noted}
        if left:
            own[key] = left
    head: dict[str, Any] = {key: kept.pop(key) for key in ("apiVersion", "kind") if key in kept}
    return {**head, "metadata": own, **kept}


def _merged(live: Any, result: Any, wanted: Any) -> Any:
    """Return `live` with those changes of `result` that `wanted` has, and all removals."""
    if live == result:
        return live
    if isinstance(live, dict) and isinstance(result, dict):
        return dict(_merged_fields(live, result, wanted if isinstance(wanted, dict) else {}))
    if isinstance(live, list) and isinstance(result, list):
        return _merged_items(live, result, wanted)
    return live if wanted is _ABSENT else result


def _merged_fields(live: Object, result: Object, wanted: Object) -> Iterator[tuple[str, Any]]:
    for key, value in live.items():
        if key in result:
            yield key, _merged(value, result[key], wanted.get(key, _ABSENT))
    for key, value in result.items():
        if key not in live and key in wanted:
            yield key, _only(value, wanted[key])


def _merged_items(live: Sequence[Any], result: Sequence[Any], wanted: Any) -> list[Any]:
    keys = _keys_of(live, result)
    if keys is None:
        return list(live if wanted is _ABSENT else result)
    old, new = _by(keys, live), _by(keys, result)
    ours = _by(keys, wanted) if isinstance(wanted, list) else {}
    kept = [k for k in (new if ours else old) if k in old and k in new]  # their order may matter
    merged = [_merged(old[k], new[k], ours.get(k, _ABSENT)) for k in kept]
    return merged + [_only(new[k], ours[k]) for k in new if k not in old and k in ours]


def _only(result: Any, wanted: Any) -> Any:
    """Return what the server made of a value, without what it added to it."""
    if isinstance(result, dict) and isinstance(wanted, dict):
        return {key: _only(value, wanted[key]) for key, value in result.items() if key in wanted}
    if isinstance(result, list) and isinstance(wanted, list) and len(result) == len(wanted):
        return [_only(one, other) for one, other in zip(result, wanted, strict=True)]
    return result


def _keys_of(*lists: Sequence[Any]) -> tuple[str, ...] | None:
    """Return by which fields the items of each list are told apart; None: only by their place."""
    for keys in _KEYS:
        if all(isinstance(item, dict) and keys[0] in item for items in lists for item in items):
            # Two subjects of a RoleBinding may have one name, in two namespaces.
            return keys if all(len(_by(keys, items)) == len(items) for items in lists) else None
    return None


def _by(keys: Sequence[str], items: Sequence[Any]) -> dict[tuple[str, ...], Any]:
    return {
        tuple(str(item.get(key)) for key in keys if item.get(key) is not None): item
        for item in items
        if isinstance(item, dict)
    }


def _operations(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_fields(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_items(before, after, path)
    else:
        yield {"op": "replace", "path": path, "value": after}


def _of_fields(before: Object, after: Object, path: str) -> Iterator[dict[str, Any]]:
    for key in (*before, *(key for key in after if key not in before)):
        below = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in after:
            yield {"op": "remove", "path": below}
        elif key not in before:
            yield {"op": "add", "path": below, "value": after[key]}
        else:
            yield from _operations(before[key], after[key], below)


def _of_items(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[dict[str, Any]]:
    both = min(len(before), len(after))
    for index in range(both):
        yield from _operations(before[index], after[index], f"{path}/{index}")
    for index in range(len(before) - 1, both - 1, -1):
        yield {"op": "remove", "path": f"{path}/{index}"}
    for item in after[both:]:
        yield {"op": "add", "path": f"{path}/-", "value": item}


def _without_secrets(kind: tuple[str, str], found: ObjectChange) -> ObjectChange:
    if kind != SECRET:
        return found
    return ObjectChange(*(None if one is None else redacted(one) for one in found))


def redacted(secret: Object) -> Object:
    """Return a Secret whose values are digests: it can be told whether they differ.

    The digest is of the Secret's place and the key, too, so that equal values do not look equal. It
    is another one in every process: a weak password could be guessed by one that stays.
    """
    hidden = dict(secret)
    metadata = secret.get("metadata") or {}
    place = f"{metadata.get('namespace')}/{metadata.get('name')}"
    for part in ("data", "stringData"):
        values = secret.get(part)
        if isinstance(values, dict):
            hidden[part] = {k: _digest(f"{place}/{k}", v) for k, v in values.items()}
    return hidden


def _digest(place: str, value: object) -> str:
    text = f"{place}\0{value}".encode("utf-8", "surrogatepass")
    return f"hidden:{hashlib.blake2b(text, key=_KEY, digest_size=6).hexdigest()}"
