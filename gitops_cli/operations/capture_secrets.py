"""Secrets of a captured namespace: encrypted by SOPS, or as references to where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gitops_cli.domain.cluster.capturing import Exported
from gitops_cli.domain.errors import GitOpsError, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import MANIFESTS
from gitops_cli.web.parallel import attempt_all

if TYPE_CHECKING:
    from gitops_cli.manifests.encrypting import Rules
    from gitops_cli.state.repository import StateRepository

_AT_ONCE = 4
_API = "external-secrets.io/v1"

Secret = Mapping[str, Any]


class Keeping(StrEnum):
    """How Secrets come into the repository."""

    SOPS = "sops"
    REFERENCES = "references"


def encrypted(
    exported: Exported,
    namespace: EnvironmentName,
    rules: Rules,
    state: StateRepository,
    snapshot: Snapshot,
) -> Exported:
    """Return what was exported with its Secrets encrypted.

    A file of the repository that holds the same values stays as it is: with each encryption all
    of it changes. Raises ConfigurationError, TimedOut.
    """
    prefix = f"{namespace}/{MANIFESTS}/"
    there = state.contents(snapshot.commit, prefix) if snapshot.commit is not None else {}

    def file(secret: Secret) -> bytes:
        from gitops_cli.manifests.encrypting import encrypt

        path = prefix + _file(secret)
        if path in there and _holds(path, there[path], secret):
            return there[path]
        return encrypt(path, _yaml(secret), rules)

    answers = attempt_all(file, exported.secrets, at_once=_AT_ONCE)
    files = dict(exported.files)
    for secret, answer in zip(exported.secrets, answers, strict=True):
        if isinstance(answer, GitOpsError):
            raise answer
        files[_file(secret)] = answer
    return exported._replace(files=files, secrets=(), needed=_left(exported))


def referred(exported: Exported, namespace: EnvironmentName, store: str) -> Exported:
    """Return what was exported with an ExternalSecret for each Secret; no value is in them."""
    files = dict(exported.files)
    for secret in exported.secrets:
        name = secret["metadata"]["name"]
        files[f"externalsecret-{name}.yaml"] = _yaml(_reference(secret, namespace, store))
    return exported._replace(files=files, secrets=(), needed=_left(exported))


def recipients(state: StateRepository, snapshot: Snapshot, age: tuple[str, ...]) -> Rules:
    """Return for whom Secrets are encrypted: the keys that are said, or those of `.sops.yaml`."""
    from gitops_cli.manifests.encrypting import CONFIG, rules_for, rules_of

    if age:
        return rules_for(age)
    data = None if snapshot.commit is None else state.file(snapshot.commit, CONFIG)
    if data is None:
        raise UsageError(
            f"for whom? The state repository has no {CONFIG}",
            hint="pass --age age1…, or write creation rules there: https://getsops.io/docs/",
        )
    return rules_of(data)


def _left(exported: Exported) -> tuple[str, ...]:
    kept = {secret["metadata"]["name"] for secret in exported.secrets}
    return tuple(name for name in exported.needed if name not in kept)


def _file(secret: Secret) -> str:
    return f"secret-{secret['metadata']['name']}.yaml"


def _yaml(content: Mapping[str, Any]) -> bytes:
    from gitops_cli.plain_yaml import written

    return written(dict(content)).encode()


def _holds(path: str, data: bytes, secret: Secret) -> bool:
    """Tell whether a file of the repository, decrypted, is this very Secret."""
    from gitops_cli.manifests.files import opened, read_files
    from gitops_cli.manifests.sops import decrypt

    found, _ = read_files({path: data}, decrypt)
    if len(found) != 1 or found[0].sealed is None:
        return False
    try:
        [value] = opened(found[0].sealed.file, decrypt) if found[0].closed else [found[0].value]
    except (GitOpsError, ValueError):
        return False
    return bool(value == secret)


def _reference(secret: Secret, namespace: EnvironmentName, store: str) -> dict[str, Any]:
    name = secret["metadata"]["name"]
    kind, _, named = store.rpartition("/")
    keys = sorted(secret.get("data") or {})
    target: dict[str, Any] = {"name": name}
    if secret.get("type", "Opaque") != "Opaque":
        target["template"] = {"type": secret["type"]}
    return {
        "apiVersion": _API,
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "secretStoreRef": {"kind": kind or "SecretStore", "name": named},
            "target": target,
            "data": [
                {"secretKey": key, "remoteRef": {"key": f"{namespace}/{name}", "property": key}}
                for key in keys
            ],
        },
    }
