"""Registries: what the user's config says about one, and which are on this machine."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import NamedTuple


class RegistryRules(NamedTuple):
    """`[registry."HOST:PORT"]` of the user's config."""

    host: str
    insecure: bool = False
    ca_file: Path | None = None


def is_loopback(host: str) -> bool:
    """Tell whether `host` (with or without a port) is this machine, which no wire can listen to."""
    name = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
