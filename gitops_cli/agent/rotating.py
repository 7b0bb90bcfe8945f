"""Deploy keys in the cluster: made, replaced without a gap, and tried."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from gitops_cli.agent import keys
from gitops_cli.agent.model.manifests import Manifest, key_secret
from gitops_cli.agent.model.outcome import KeyResult
from gitops_cli.agent.model.spec import IDENTITY, KEY_SECRET, KNOWN_HOSTS, NEXT_IDENTITY
from gitops_cli.agent.reports import written_at
from gitops_cli.domain.errors import Blocked, Denied, RemoteUnreachable, UsageError
from gitops_cli.domain.ssh import HostKey, known_hosts, parse_host_keys
from gitops_cli.operations.ports import Objects

Secret = Mapping[str, bytes]

SEEN_AFTER = timedelta(seconds=150)
"""How long a kubelet may take to show a running pod a changed Secret: a minute and a half for its
round over the pods, and what it keeps in its cache.
"""


def read_secret(objects: Objects, namespace: str) -> Secret | None:
    """Return the files of the agent's Secret; None if there is none."""
    found = objects.get("Secret", namespace, KEY_SECRET)
    return None if found is None else _files(found)


def _files(secret: Manifest) -> Secret:
    data = secret.get("data") or {}
    return {name: base64.b64decode(content) for name, content in data.items()}


def write_secret(objects: Objects, namespace: str, files: Secret) -> None:
    """Store the agent's Secret; files that are not named are removed from it."""
    objects.apply(key_secret(namespace, files), dry_run=False)


def pinned(files: Secret) -> tuple[HostKey, ...]:
    return tuple(parse_host_keys(files.get(KNOWN_HOSTS, b"").decode("utf-8", "replace")))


def rotate(
    objects: Objects,
    namespace: str,
    *,
    works: Callable[[Secret], None],
    now: datetime | None = None,
) -> KeyResult:
    """Take the next step of a rotation; the agent has a working key after each.

    First a second key is stored beside the old one, and ssh tries both. Once the git server
    accepts it, the old one goes. `works` tries a Secret on the repository and raises. `now`, by
    the API server's clock, is given for an agent that runs on: its pod sees the second key a
    while after it was stored.
    """
    secret = objects.get("Secret", namespace, KEY_SECRET) or {}
    files = _files(secret)
    if IDENTITY not in files:
        raise UsageError(
            f"{namespace} has no key to rotate", hint=f"gitops agent key {namespace} makes one"
        )
    following = files.get(NEXT_IDENTITY)
    if following is None:
        pair = keys.generate(f"gitops-agent@{namespace}")
        write_secret(objects, namespace, {**files, NEXT_IDENTITY: pair.private})
        return KeyResult(namespace, pair.public, "added", pinned(files))
    if now is not None:
        _check_seen(namespace, secret, now)
    promoted = {**{k: v for k, v in files.items() if k != NEXT_IDENTITY}, IDENTITY: following}
    public = keys.public_key(following)
    try:
        works(promoted)
    except (Denied, RemoteUnreachable) as error:
        raise Blocked(
            f"the new key of {namespace} does not work yet, so the old one stays: {error.message}",
            hint=f"register it read-only, then repeat: {public}",
        ) from error
    write_secret(objects, namespace, promoted)
    return KeyResult(
        namespace, public, "replaced", pinned(files), retired=keys.public_key(files[IDENTITY])
    )


def _check_seen(namespace: str, secret: Manifest, now: datetime) -> None:
    """Raise Blocked while the pod may not see yet what was stored last."""
    written = written_at(secret, manager=None)
    left = SEEN_AFTER - (now - written) if written is not None else timedelta()
    if left > timedelta():
        raise Blocked(
            f"the controller in {namespace} may not see the new key yet, so the old one stays",
            hint=f"keep both registered, and repeat in {int(left.total_seconds()) + 1} s",
        )


def with_hosts(files: Secret, hosts: Sequence[HostKey]) -> Secret:
    """Return the Secret with other pinned host keys."""
    return {**files, KNOWN_HOSTS: known_hosts(hosts)}
