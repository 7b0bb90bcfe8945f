"""Names that Kubernetes invents: pods, ReplicaSets."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

# What Kubernetes draws names from: no vowels, so no words.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def suffix() -> str:
    """Return five random characters for the end of a generated name."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(5))


def template_hash(template: dict[str, Any]) -> str:
    """Return the pod-template-hash: the same for the same template, whatever the order of keys."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])
