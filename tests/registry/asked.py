"""Registries as a person has configured them, asked by our client."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from gitops_cli.domain.image import ImageRef, parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from tests.registry.scripted import Reply, Scripted, image_with

DIGEST = "sha256:" + "0f" * 32
SECRET = "tr0ub4dor"
NONE = Reply(404)
HERE = image_with(DIGEST)


def image(server: Scripted, tag: str = "36a03b3") -> ImageRef:
    return parse_image(f"{server.address}/team/web:{tag}")


OPENED: list[Registries] = []


def opened(
    home: Path, rules: Mapping[str, RegistryRules] | None = None, **rest: float
) -> Registries:
    """Return a client whose credentials and certificates are below `home`."""
    OPENED.append(Registries(rules or {}, {"HOME": str(home)}, **rest))
    return OPENED[-1]


def logged_in(home: Path, server: Scripted, **entry: str) -> Registries:
    entry = entry or {"auth": base64.b64encode(f"ada:{SECRET}".encode()).decode()}
    file = home / ".docker" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"auths": {server.address: entry}}))
    return opened(home, timeout=15)
