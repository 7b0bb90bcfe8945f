"""What the API server says of the fields of its kinds, as small as it gets.

python -m tests.testbed.openapi KUBECONFIG: writes the file that `gitops validate` reads.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from gitops_cli.domain.manifests.kinds import BUILT_IN
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kube import Kube, admin

FILE = Path(__file__).parents[2] / "gitops_cli" / "manifests" / "kubernetes.json.gz"
_SERVER = {"status"}  # what only a server writes, and no manifest keeps


def described(kube: Kube) -> dict[str, Any]:
    """Return all built-in kinds with their types, as gitops_cli.domain.manifests.schema has it."""
    release = kube.request("GET", "/version")
    found = _Found()
    for path in sorted(_read(kube, "/openapi/v3")["paths"]):
        if path.count("/") in (1, 2) and path.startswith("api"):
            found.add(_read(kube, f"/openapi/v3/{path}").get("components", {}).get("schemas", {}))
    return {
        "kubernetes": f"{release['major']}.{release['minor']}",
        "kinds": dict(sorted(found.kinds.items())),
        "types": found.types,
    }


def _read(kube: Kube, path: str) -> Any:
    answer = kube.request("GET", path)
    return json.loads(answer) if isinstance(answer, str) else answer


class _Found:
    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}
        self.types: list[Any] = []
        self._numbers: dict[str, int] = {}
        self._schemas: dict[str, Any] = {}

    def add(self, schemas: dict[str, Any]) -> None:
        self._schemas |= schemas
        for name, schema in sorted(schemas.items()):
            for one in schema.get("x-kubernetes-group-version-kind", ()):
                if (one["group"], one["kind"]) in BUILT_IN:
                    version = "/".join(filter(None, (one["group"], one["version"])))
                    number = self._named(name)
                    if isinstance(number, int):
                        self.kinds[f"{version} {one['kind']}"] = number

    def _named(self, name: str) -> Any:
        schema = self._schemas[name]
        if "properties" not in schema:
            return self._type(schema)
        if name not in self._numbers:
            self._numbers[name] = len(self.types)
            self.types.append(None)
            self.types[self._numbers[name]] = self._object(schema)
        return self._numbers[name]

    def _object(self, schema: dict[str, Any]) -> dict[str, Any]:
        is_kind = "x-kubernetes-group-version-kind" in schema
        fields = {
            key: self._type(value)
            for key, value in sorted(schema["properties"].items())
            if not (is_kind and key in _SERVER)
        }
        required = sorted(schema.get("required", ()))
        return {"f": fields} | ({"r": required} if required else {})

    def _type(self, schema: dict[str, Any]) -> Any:
        """Return a type in short: see gitops_cli.domain.manifests.schema."""
        [only] = schema.get("allOf") or [schema]
        if "$ref" in only:
            return self._named(only["$ref"].rpartition("/")[2])
        if "oneOf" in schema:
            kinds = {one.get("type") for one in schema["oneOf"]}
            return "q" if "number" in kinds else "is"
        match schema.get("type"):
            case "array":
                keys = schema.get("x-kubernetes-list-map-keys")
                return ["a", self._type(schema["items"]), *([keys] if keys else [])]
            case "object":
                inner = schema.get("additionalProperties")
                return ["m", self._type(inner)] if isinstance(inner, dict) else "*"
            case "string":
                if schema.get("format") == "int-or-string":
                    return "is"
                return ["e", sorted(schema["enum"])] if "enum" in schema else "s"
            case "integer":
                return "i"
            case "number":
                return "n"
            case "boolean":
                return "b"
        return "*"


def packed(content: dict[str, Any]) -> bytes:
    """Return the file's bytes, the same for the same content."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), mtime=0)


if __name__ == "__main__":
    FILE.write_bytes(packed(described(admin(ControlPlane(Path(sys.argv[1]).parent)))))
