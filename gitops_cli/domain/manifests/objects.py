"""Objects of the repository: decoded documents in, identities and findings out."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.manifests.applyset import PARENT
from gitops_cli.domain.manifests.kinds import BUILT_IN, CRD, NAMESPACE, SECRET
from gitops_cli.domain.manifests.sealing import Sealed
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.text import one_line

# What a path segment of the API may be (path.ValidatePathSegmentName), without what acts.
_NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9][A-Za-z0-9._:-]{0,252}\Z")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z")
_API_VERSION = re.compile(r"(?:(?P<group>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)/)?v[a-z0-9]{1,30}\Z")
# Written by the server; of these a manifest can only have an old copy.
WRITTEN_BY_SERVER = frozenset(
    {
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "selfLink",
    }
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class ObjectId(NamedTuple):
    """What an object is called in one cluster; `namespace` is None for those of the cluster."""

    group: str
    kind: str
    namespace: str | None
    name: str

    @property
    def type(self) -> tuple[str, str]:
        """Return group and kind."""
        return (self.group, self.kind)

    def __str__(self) -> str:
        """Return `deployment/web`, as kubectl takes it; `certificate.cert-manager.io/web`."""
        dotted = f".{self.group}" if self.group and self.type not in BUILT_IN else ""
        return f"{self.kind.lower()}{dotted}/{self.name}"


class Manifest(NamedTuple):
    """One object as the repository wants it, and where that stands.

    `content` has neither a status nor what only a server writes; it is never changed. `sealed`:
    it is encrypted in the repository; while `closed`, the values of `content` are as they stand
    there.
    """

    id: ObjectId
    api_version: str
    content: Mapping[str, Any]
    path: str
    line: int
    sealed: Sealed | None = None
    closed: bool = False

    @property
    def digest(self) -> str:
        """Return what tells two contents apart.

        Of one that is encrypted it is the digest of that: the same is known before it is decrypted,
        and it can be noted in a cluster without being tried against passwords.
        """
        if self.sealed is not None:
            return self.sealed.digest
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def where(self) -> str:
        """Return `path:line`."""
        return f"{self.path}:{self.line}"


class Sourced(NamedTuple):
    """A decoded document and where it stands; `path` from the repository's root.

    `sealed` and `closed` as in a Manifest.
    """

    path: str
    line: int
    value: Any
    sealed: Sealed | None = None
    closed: bool = False


class Parsed(NamedTuple):
    """The objects of an environment. With a finding that is an error some may be missing."""

    objects: tuple[Manifest, ...]
    findings: tuple[Finding, ...] = ()


def is_object_name(text: str) -> bool:
    """Tell whether a manifest's object may be called so."""
    return _NAME.match(text) is not None


def parse_objects(documents: Iterable[Sourced], environment: EnvironmentName) -> Parsed:
    """Return an environment's objects, each once; what is none of its own is a finding.

    All objects of namespaces are in the environment's; one that names no namespace gets it.
    """
    found: dict[ObjectId, Manifest] = {}
    findings: list[Finding] = []
    for document in documents:
        for one in _flat(document):
            try:
                manifest = _parse(one, environment)
            except _Wrong as wrong:
                findings.append(Finding(one.path, one.line, *wrong.args))
                continue
            if (first := found.setdefault(manifest.id, manifest)) is not manifest:
                message = f"{manifest.id} stands here and in {first.where}; one of them must go"
                findings.append(Finding(one.path, one.line, "object-twice", message))
    return Parsed(tuple(found.values()), tuple(findings))


class _Wrong(Exception):
    """Rule, message and perhaps a hint of a finding."""


def _flat(document: Sourced) -> Iterator[Sourced]:
    """Yield a document, or what a list holds, as kubectl does: a `List`, a `ConfigMapList`.

    An item of the latter need not say again what it is.
    """
    value = document.value
    if not _is_list(value):
        yield document
        return
    kind = value["kind"].removesuffix("List")
    each = {"apiVersion": value.get("apiVersion"), "kind": kind} if kind else {}
    for item in value["items"] or ():
        inner = {**each, **item} if isinstance(item, dict) and "kind" not in item else item
        yield from _flat(document._replace(value=inner))


def _is_list(value: object) -> bool:
    """Tell whether it is a list of objects, and no object that is called so."""
    if not isinstance(value, dict) or not isinstance(value.get("items", ()), list | None):
        return False
    kind, metadata = value.get("kind"), value.get("metadata")
    is_named = isinstance(metadata, dict) and "name" in metadata
    return isinstance(kind, str) and kind.endswith("List") and not is_named


def _parse(one: Sourced, environment: EnvironmentName) -> Manifest:
    value = one.value
    if not isinstance(value, dict):
        raise _Wrong("manifest", "is no object: it has no apiVersion and no kind")
    version, kind = value.get("apiVersion"), value.get("kind")
    metadata = value.get("metadata")
    if (version, kind) == ("v1", "List"):
        raise _Wrong("manifest", "a List without a list of `items`")
    if not isinstance(version, str) or (api := _API_VERSION.match(version)) is None:
        raise _Wrong("manifest", f"apiVersion: {_said(version)} is no version of an API")
    if not isinstance(kind, str) or not _KIND.match(kind):
        raise _Wrong("manifest", f"kind: {_said(kind)} is no kind of object")
    if not isinstance(metadata, dict) or "name" not in metadata:
        hint = "an object that is compared needs a name; generateName makes a new one each time"
        raise _Wrong("manifest", f"a {kind} without metadata.name", hint)
    name = metadata["name"]
    if not isinstance(name, str) or not is_object_name(name):
        raise _Wrong("manifest", f"metadata.name: {_said(name)} is no name of an object")
    group = api["group"] or ""
    space = _namespace(metadata.get("namespace"), group, kind, name, environment)
    if (group, kind, name) == ("", "ConfigMap", PARENT):
        hint = "give it another name"
        raise _Wrong("manifest", f"ConfigMap {PARENT} stands for the objects themselves", hint)
    _check_texts(f"{kind} {name}", metadata, ("labels", "annotations"), "metadata.")
    if (group, kind) == SECRET:
        _check_texts(f"{kind} {name}", value, ("data", "stringData"))
    content = _content(value, space, group, kind)
    object_id = ObjectId(group, kind, space, name)
    if one.sealed is not None and object_id.type != SECRET:
        hint = "keep such values in a Secret: what is in other kinds, everybody may see"
        raise _Wrong("sops", f"{object_id} is encrypted with SOPS, and is no Secret", hint)
    return Manifest(object_id, version, content, one.path, one.line, one.sealed, one.closed)


def _check_texts(what: str, holder: Mapping[str, Any], keys: Iterable[str], at: str = "") -> None:
    """Raise _Wrong for what is no table of texts; the server's own words would show a Secret."""
    for key in keys:
        table = holder.get(key)
        if table is not None and not isinstance(table, dict):
            raise _Wrong("manifest", f"{what}: {at}{key} is no mapping")
        for name, text in (table or {}).items():
            if text is not None and not (isinstance(text, str) and _is_unicode(text)):
                message = f"{what}: {at}{key}: the value of {_said(name)} is no text"
                raise _Wrong("manifest", message, "put it in quotes")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _said(value: object) -> str:
    return "nothing" if value is None else f"`{one_line(str(value))[:80]}`"


def _namespace(
    said: object, group: str, kind: str, name: str, environment: EnvironmentName
) -> str | None:
    scope = BUILT_IN.get((group, kind))
    if said is not None and said != environment:
        raise _Wrong(
            "namespace",
            f"{kind} {name} is of the namespace {_said(said)}, and the environment is "
            f"{environment}",
            "leave metadata.namespace out, or move the object to its own environment",
        )
    if (group, kind) == NAMESPACE and name != environment:
        raise _Wrong("namespace", f"Namespace {name} is not the environment's own, {environment}")
    return None if scope is not None and not scope.namespaced else environment


def _content(value: Mapping[str, Any], space: str | None, group: str, kind: str) -> dict[str, Any]:
    # To Kubernetes' own kinds null is what is not there; to others, such as a chart's values, it is
    # a value of its own.
    said = without_null(value) if (group, kind) in BUILT_IN else value
    content = {key: inner for key, inner in said.items() if key != "status"}
    metadata = without_null(content["metadata"])
    metadata = {k: v for k, v in metadata.items() if k not in WRITTEN_BY_SERVER}
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict) and _LAST_APPLIED in annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
    metadata.pop("namespace", None)
    content["metadata"] = metadata | ({} if space is None else {"namespace": space})
    return _encoded(content) if (group, kind) == SECRET else content


def without_null(value: Any) -> Any:
    """Return a value as Kubernetes reads it, for its own kinds: a field that is null is absent."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    return [without_null(inner) for inner in value] if isinstance(value, list) else value


def _encoded(content: dict[str, Any]) -> dict[str, Any]:
    """Return a Secret with all of it in `data`: nobody can own a field of `stringData`."""
    texts = content.pop("stringData", None)
    if isinstance(texts, dict) and texts:
        said = {k: b64encode(v.encode()).decode() for k, v in texts.items()}
        data = content.get("data")
        content["data"] = {**(data if isinstance(data, dict) else {}), **said}
    return content


def with_scopes(
    manifests: Iterable[Manifest], namespaced: Mapping[tuple[str, str], bool]
) -> list[Manifest]:
    """Return the same, with no namespace where a kind turns out to be the cluster's own."""
    return [_scoped(one, namespaced.get(one.id.type, True)) for one in manifests]


def _scoped(one: Manifest, namespaced: bool) -> Manifest:
    if namespaced or one.id.namespace is None:
        return one
    metadata = {k: v for k, v in one.content["metadata"].items() if k != "namespace"}
    return one._replace(
        id=one.id._replace(namespace=None), content={**one.content, "metadata": metadata}
    )


class Defined(NamedTuple):
    """A kind that a CustomResourceDefinition of the repository brings."""

    group: str
    kind: str
    plural: str
    namespaced: bool


def defined_by(manifest: Manifest) -> Defined | None:
    """Return the kind that a definition brings; None for every other object."""
    if manifest.id.type != CRD:
        return None
    spec = manifest.content.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(names, dict):
        return None
    group, kind, plural = spec.get("group"), names.get("kind"), names.get("plural")
    if not (isinstance(group, str) and isinstance(kind, str) and isinstance(plural, str)):
        return None
    return Defined(group, kind, plural, spec.get("scope") == "Namespaced")


def plain_secrets(manifests: Iterable[Manifest]) -> Iterator[Finding]:
    """Find Secrets that everybody who reads the repository can read, or some values of which."""
    for one in manifests:
        if one.id.type != SECRET or not one.content.get("data"):
            continue
        if one.sealed is None:
            message = f"{one.id} is readable to everybody who can read the repository"
            hint = "encrypt the file with SOPS, or keep a SealedSecret or an ExternalSecret"
            yield Finding(one.path, one.line, "plain-secret", message, hint)
        elif one.sealed.bare:
            keys = ", ".join(map(one_line, one.sealed.bare))
            message = f"{one.id}: SOPS left {keys[:200]} readable to everybody"
            hint = "`sops encrypt --encrypted-regex '^(data|stringData)$'` encrypts all values"
            yield Finding(one.path, one.line, "plain-secret", message, hint)


def made_again(manifests: Iterable[Manifest]) -> Iterator[Finding]:
    """Find Jobs that the cluster removes once they have ended, and each sync then makes anew."""
    for one in manifests:
        spec = one.content.get("spec")
        ends = isinstance(spec, dict) and spec.get("ttlSecondsAfterFinished") is not None
        if ends and one.id.type == ("batch", "Job"):
            message = (
                f"{one.id} is removed once it has ended (ttlSecondsAfterFinished), and runs again "
                "with the next sync"
            )
            hint = "leave the field out; or make it a CronJob, or a step"
            yield Finding(one.path, one.line, "job-again", message, hint, Severity.WARNING)
