"""The fields of Kubernetes' own kinds, as an API server told them: shipped with the package."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.resources import files

from gitops_cli.domain.manifests.schema import Schema


@cache
def shipped_schema() -> Schema:
    """Return the kinds of the one release that is shipped (tests/testbed/openapi.py writes it)."""
    data = files("gitops_cli.manifests").joinpath("kubernetes.json.gz").read_bytes()
    return Schema(**json.loads(gzip.decompress(data)))
