"""Writes kubeconfigs, independent of what reads them."""

from __future__ import annotations

from pathlib import Path

import yaml


def write_kubeconfig(
    file: Path,
    *,
    url: str,
    ca_file: Path,
    token: str | None = None,
    client: tuple[Path, Path] | None = None,
    namespace: str | None = None,
    context: str = "test",
) -> Path:
    """Write a kubeconfig of one context that logs in by a token or by certificate and key."""
    cluster = {"server": url, "certificate-authority": str(ca_file)}
    user: dict[str, str] = {"token": token} if token else {}
    if client:
        user = {"client-certificate": str(client[0]), "client-key": str(client[1])}
    current = {"cluster": "test", "user": "test"}
    if namespace:
        current["namespace"] = namespace
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": context, "context": current}],
        "current-context": context,
    }
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)
    return file
